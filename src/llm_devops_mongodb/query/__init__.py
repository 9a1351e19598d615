"""Builders: filters, updates, documents and pipelines as immutable values. Nothing here does I/O."""
