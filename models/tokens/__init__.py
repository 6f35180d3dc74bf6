"""Bearer tokens of the REST API."""
