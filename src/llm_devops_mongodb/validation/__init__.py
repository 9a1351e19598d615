"""Checks that refuse bad names, documents, filters, updates and pipelines before anything is sent.

Each check returns nothing when its argument is good and raises `InvalidDocumentError` (or one of its children) with
the dotted path of the offending field when it is not. No text ever holds a value. The checks keep to what a server
from 5.0 on accepts and are stricter only where the server would store or match something nobody meant; every such
rule is told in the docstring of the function that holds it.
"""

from llm_devops_mongodb.validation.documents import (
    check_document,
    check_size,
    validate_document,
    validate_replacement,
)
from llm_devops_mongodb.validation.filters import validate_filter
from llm_devops_mongodb.validation.limits import MAX_BSON_DEPTH, MAX_DOCUMENT_SIZE, MAX_NAMESPACE_LENGTH
from llm_devops_mongodb.validation.names import validate_database_name, validate_namespace
from llm_devops_mongodb.validation.object_ids import parse_object_id
from llm_devops_mongodb.validation.pipelines import validate_pipeline
from llm_devops_mongodb.validation.updates import validate_update

__all__ = [
    "MAX_BSON_DEPTH",
    "MAX_DOCUMENT_SIZE",
    "MAX_NAMESPACE_LENGTH",
    "check_document",
    "check_size",
    "parse_object_id",
    "validate_database_name",
    "validate_document",
    "validate_filter",
    "validate_namespace",
    "validate_pipeline",
    "validate_replacement",
    "validate_update",
]
