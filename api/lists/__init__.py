"""The engine of every list: paging, sorting, projection, lookups, exports."""
