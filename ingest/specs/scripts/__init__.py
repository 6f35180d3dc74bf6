"""Scripts for other programs: `spack python` runs `concretize_variants`."""
