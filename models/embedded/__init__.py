"""The embedded MongoDB: a private mongod that commands share."""
