"""Build logs: their lines, phases, errors and warnings."""
