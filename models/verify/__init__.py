"""Whether what is derived agrees with what it is derived from."""
