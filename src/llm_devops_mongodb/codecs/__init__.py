"""Codecs: how models of every family become BSON and come back.

A frame of the server's bytes is decoded by `bson` in pieces, each of which becomes models before the next is touched.
Plain dicts keep BSON's own types. In a model a field gets the type it asks for:

| the model says | BSON holds |
|---|---|
| `str`, `int`, `float`, `bool`, `None`, `bytes` | the same |
| `datetime` | date; milliseconds of UTC |
| `date` | date, midnight UTC; one with a time of day is refused when read |
| `time`, `timedelta` | ISO 8601 text |
| `Decimal` | decimal128 |
| `UUID` | binary subtype 4, or as the settings say |
| an enum | the member's value |
| `list`, `tuple`, `set`, `frozenset` | array |
| `dict` | document; names of other types than `str` as their text |
| a model | document |
| `ObjectId`, `Decimal128`, `Timestamp`, `Regex`, `Int64`, `Binary`, … | themselves |
"""

from llm_devops_mongodb.codecs.decoding import decode_document
from llm_devops_mongodb.codecs.distinct_values import decode_values
from llm_devops_mongodb.codecs.encoding import encode_document
from llm_devops_mongodb.codecs.frames import documents_of, split_frame
from llm_devops_mongodb.codecs.object_id import PyObjectId
from llm_devops_mongodb.codecs.protocol import Codec, EncodedDocument
from llm_devops_mongodb.codecs.selection import codec_for
from llm_devops_mongodb.codecs.settings import BsonSettings

__all__ = [
    "BsonSettings",
    "Codec",
    "EncodedDocument",
    "PyObjectId",
    "codec_for",
    "decode_document",
    "decode_values",
    "documents_of",
    "encode_document",
    "split_frame",
]
