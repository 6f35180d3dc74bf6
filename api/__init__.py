"""The interfaces: JSON over REST, and the command line."""
