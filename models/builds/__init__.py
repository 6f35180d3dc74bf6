"""Builds: their documents, how reports of one build are merged, and their storage."""
