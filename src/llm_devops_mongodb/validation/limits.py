"""The limits of documents and names."""

from __future__ import annotations

MAX_DOCUMENT_SIZE = 16 * 1024 * 1024
"""Bytes of BSON in one document: the server's `maxBsonObjectSize`."""

MAX_BSON_DEPTH = 100
"""Levels of one document; a flat document has one. The server's own limit lies higher (180 for a stored document)."""

MAX_NAMESPACE_LENGTH = 120
"""Bytes of `database.collection`; right for every server. Servers from 4.4 on take 255."""

MAX_DATABASE_NAME_LENGTH = 63
"""Bytes of a database name."""

MIN_NESTED_SIZE = 8
"""Bytes of an empty document or array in another: its kind, a name of one character, and itself."""

MAX_NESTED_VALUES = MAX_DOCUMENT_SIZE // MIN_NESTED_SIZE
"""Documents and arrays in one document: more never fit."""
