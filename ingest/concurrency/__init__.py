"""Concurrency of an import: prefetching, bounded tasks, limits of a worker process."""
