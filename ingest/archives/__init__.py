"""Directories and archives (tar, zip, compressed), whatever they contain, within budgets."""
