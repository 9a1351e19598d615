"""Security: secrets and credentials, and what may be shown of a connection string or a document."""
