"""Builds: their documents, the merging of several accounts of one build, and their storage."""
