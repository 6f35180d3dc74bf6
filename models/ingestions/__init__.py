"""Ingestions: the audit record of each import."""
