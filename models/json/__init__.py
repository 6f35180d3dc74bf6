"""Strict JSON: read without loss, or refused with the place of the first fault."""
