"""The demo: the prices of large language models, kept in MongoDB and asked about."""
