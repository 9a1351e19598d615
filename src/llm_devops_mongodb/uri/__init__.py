"""Connection strings: their grammar, and every option they may hold."""

from llm_devops_mongodb.uri.grammar import MongoHost, MongoUri, parse_uri

__all__ = ["MongoHost", "MongoUri", "parse_uri"]
