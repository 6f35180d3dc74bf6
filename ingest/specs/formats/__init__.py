"""The files in which specs are written, parsed into values."""
