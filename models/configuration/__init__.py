"""Configurations: keys, values, deltas, and the tables that classify changes."""
