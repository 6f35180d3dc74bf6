"""The specs that executions ran on: the links between cases and specs."""
