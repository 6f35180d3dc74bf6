"""Monitoring: probes of health, and metrics."""
