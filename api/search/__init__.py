"""Search over all resources, facets and totals."""
