"""Specs: their documents, graphs, search and storage."""
