"""Cases and executions: their documents, the canonical choice, deltas, and their storage."""
