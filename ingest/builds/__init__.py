"""What a build by Spack leaves behind, read into values: logs, install trees, stages, reports."""
