"""Transports: what answers operations. `driver` sends them to a deployment through PyMongo."""
