"""HTTP for all routes: bodies, responses, problem documents, preconditions."""
