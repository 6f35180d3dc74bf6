"""Clients' pipelines: checked against an allow-list, bounded in what they may do, and run."""
