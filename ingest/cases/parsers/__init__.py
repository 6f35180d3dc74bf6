"""Parsers of the files of an execution: bytes in, values out."""
