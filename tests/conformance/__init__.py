"""A runner of the drivers' unified test format that drives this library's public API."""
