"""Spack: versions, the syntax of specs, targets, graphs and their hashes."""
