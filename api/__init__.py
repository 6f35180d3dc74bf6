"""The ways in: JSON over REST, and the command line."""
