"""Advisories: which specs, builds and executions have an affected version of a package."""
