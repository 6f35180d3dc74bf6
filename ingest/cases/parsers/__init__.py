"""Parsers of the files of an execution: each turns bytes into values, and reads no file."""
