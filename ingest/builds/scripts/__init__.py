"""Programs for the machines that run Spack; each is a single file that needs only Python."""
