"""Faults on purpose: servers that are killed under load, and hours of mixed requests."""
