"""Which specs an execution ran on: the link between cases and specs."""
