"""Verification: whether derived data agrees with what it is derived from."""
