"""The files in which builds are described, parsed into values."""
