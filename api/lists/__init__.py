"""Lists of every resource: paging, sorting, projection, lookups, exports."""
