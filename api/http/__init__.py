"""What every route needs of HTTP: bodies, responses, problem documents, preconditions."""
