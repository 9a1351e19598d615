"""How fast the library is beside bare PyMongo and its peers: `python -m benchmarks --help`."""
