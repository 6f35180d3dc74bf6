"""Parsers of the files that describe builds."""
