"""Programs for the machines that build: each one file, which needs nothing but Python."""
