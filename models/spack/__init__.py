"""The language of Spack, without storage: versions, spec syntax, targets, graphs and hashes."""
