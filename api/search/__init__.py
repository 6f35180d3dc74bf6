"""Searches over all resources: JSON filters, facets, totals."""
