"""Scripts that other programs run: `concretize_variants` is for `spack python`."""
