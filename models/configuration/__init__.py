"""Configurations: keys, values, deltas, and which changes are expected."""
