"""What may be done on each kind of entity: a table of functions that take the entity and the arguments.

A function returns what to await. It takes every argument before that: what is left over then is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance import unsupported
from tests.conformance.entities import kind_of
from tests.conformance.operations import change_streams, clients, collections, cursors, databases, sessions
from tests.conformance.operations.arguments import Arguments
from tests.conformance.results import document_of
from tests.conformance.verdicts import MismatchError

_TABLES: Mapping[str, Mapping[str, Any]] = {
    "client": {**clients.OPERATIONS, **change_streams.OPENING},
    "database": {**databases.OPERATIONS, **change_streams.OPENING},
    "collection": {**collections.OPERATIONS, **change_streams.OPENING},
    "session": sessions.OPERATIONS,
    "cursor": cursors.OPERATIONS,
    "change stream": change_streams.OPERATIONS,
}


def prepared(target: Any, name: str) -> Any:
    """Return the function that does the operation `name` on `target`.

    Raises:
        UnsupportedError: The operation is left out on purpose.
        MismatchError: There is no such operation.
    """
    kind = kind_of(target)
    unsupported.refuse_operation(kind, name)
    function = _TABLES.get(kind, {}).get(name)
    if function is None:
        raise MismatchError(f"a {kind} has no operation {name}")
    return function


async def perform(target: Any, name: str, given: Arguments) -> Any:
    """Do one operation.

    Returns:
        The result, as a document where it is a value of this library.

    Raises:
        UnsupportedError: The operation or an argument is left out on purpose.
        MismatchError: There is no such operation, or no such argument.
        MongoError: The operation failed.
    """
    under_way = prepared(target, name)(target, given)
    try:
        given.check_all_taken(name)
    except MismatchError:
        under_way.close()
        raise
    return document_of(await under_way)
