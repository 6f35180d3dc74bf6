"""Executions: found in performance archives, parsed and assembled into observations."""
