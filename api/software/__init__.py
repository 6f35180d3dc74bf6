"""The software that executions ran on, over REST."""
