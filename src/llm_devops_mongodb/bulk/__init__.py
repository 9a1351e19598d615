"""Many writes at once: bulk writes of one collection or of several, and inserting in chunks."""

from llm_devops_mongodb.bulk.builder import BulkWriteBuilder
from llm_devops_mongodb.bulk.chunked_insert import InsertProgress, chunked_insert
from llm_devops_mongodb.bulk.client_builder import ClientBulkWriteBuilder
from llm_devops_mongodb.bulk.inserted_ids import InsertedIds
from llm_devops_mongodb.bulk.target import WriteTarget

__all__ = [
    "BulkWriteBuilder",
    "ClientBulkWriteBuilder",
    "InsertProgress",
    "InsertedIds",
    "WriteTarget",
    "chunked_insert",
]
