"""An import through the REST API of another server."""
