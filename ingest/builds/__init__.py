"""What Spack leaves behind when it builds: logs, install trees, stages and reports."""
