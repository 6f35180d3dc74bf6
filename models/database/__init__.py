"""MongoDB. The only folder that names the driver."""
