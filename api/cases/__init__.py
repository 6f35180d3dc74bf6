"""Cases and their executions over REST."""
