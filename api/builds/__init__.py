"""Builds over REST."""
