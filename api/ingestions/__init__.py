"""Imports over REST: uploads, imports from paths, the queue of imports, their records."""
