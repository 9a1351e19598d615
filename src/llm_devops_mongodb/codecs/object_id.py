"""An ObjectId that pydantic reads, writes as JSON and describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from bson import ObjectId
from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

_HEXADECIMAL = "^[0-9a-fA-F]{24}$"


class _ObjectIdSchema:
    """Teaches pydantic what an ObjectId is."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        instance = core_schema.is_instance_schema(ObjectId)
        text = core_schema.no_info_after_validator_function(ObjectId, core_schema.str_schema(pattern=_HEXADECIMAL))
        either = core_schema.union_schema([instance, text], mode="left_to_right")
        return core_schema.json_or_python_schema(
            json_schema=_with_own_error(text),
            python_schema=core_schema.lax_or_strict_schema(_with_own_error(either), instance),
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )


def _with_own_error(schema: core_schema.CoreSchema) -> core_schema.CoreSchema:
    return core_schema.custom_error_schema(
        schema,
        custom_error_type="object_id_type",
        custom_error_message="Input should be an ObjectId, or its text of 24 hexadecimal digits",
    )


PyObjectId = Annotated[ObjectId, _ObjectIdSchema]
"""An ObjectId for pydantic models, which is text of 24 hexadecimal digits in JSON and in JSON schemas.

From Python it takes an ObjectId, and its text too unless the model is strict: a web framework parses JSON before the
model sees it. A plain `ObjectId` does as well for storing where the model has `arbitrary_types_allowed=True`, but has
no JSON.

Example:
    ```python
    class User(BaseModel):
        id: PyObjectId | None = Field(default=None, alias="_id")
    ```
"""
