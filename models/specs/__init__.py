"""Specs: their documents, graphs, search, and their storage."""
