"""Imports over REST: uploads, paths, their queue and their records."""
