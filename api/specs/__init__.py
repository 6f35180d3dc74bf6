"""Spack specs over REST."""
