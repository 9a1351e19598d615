"""One operation of a test: done, and its result or error compared with what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_devops_mongodb import MongoError
from tests.conformance.context import Context
from tests.conformance.errors import described, match_error
from tests.conformance.matching import MISSING, operator_of
from tests.conformance.operations import perform
from tests.conformance.operations.arguments import Arguments
from tests.conformance.results import ITERABLES
from tests.conformance.special import perform_special
from tests.conformance.verdicts import MismatchError

_KEYS = frozenset(
    {"name", "object", "arguments", "ignoreResultAndError", "expectError", "expectResult", "saveResultAsEntity"}
)


async def execute(operation: Mapping[str, Any], context: Context, *, raising: bool = False) -> None:
    """Execute an operation as a test describes it.

    Args:
        operation: What to do and what to expect.
        context: What the test works with.
        raising: Raise the operation's error although it was expected, as within a callback of a transaction.

    Raises:
        MismatchError: It did not turn out as expected.
        UnsupportedError: It needs what is left out on purpose.
        MongoError: Its error, where `raising`.
    """
    if unknown := operation.keys() - _KEYS:
        raise MismatchError(f"an operation has keys that the schema does not know: {', '.join(sorted(unknown))}")
    name = operation["name"]
    try:
        result = await _perform(operation, context)
    except MongoError as error:
        context.trace.keep(operation, error)
        _check_error(operation, error, context)
        if raising:
            raise
        return
    except MismatchError as mismatch:
        raise MismatchError(f"{name}: {mismatch}") from mismatch
    context.trace.keep(operation, result)
    if operation.get("ignoreResultAndError"):
        return
    if "expectError" in operation:
        raise MismatchError(f"{name}: an error was expected, and there was none")
    _check_result(operation, result, context)
    if (entity := operation.get("saveResultAsEntity")) is not None:
        context.entities.add(entity, result)


async def _perform(operation: Mapping[str, Any], context: Context) -> Any:
    async def execute_in_callback(nested: Mapping[str, Any]) -> None:
        await execute(nested, context, raising=True)

    given = Arguments(operation.get("arguments", {}), context.entities, execute_in_callback)
    if operation["object"] == "testRunner":
        return await perform_special(context, operation["name"], given)
    return await perform(context.entities.get(operation["object"]), operation["name"], given)


def _check_error(operation: Mapping[str, Any], error: MongoError, context: Context) -> None:
    if operation.get("ignoreResultAndError"):
        return
    name = operation["name"]
    if "expectError" not in operation:
        raise MismatchError(f"{name}: {described(error)}") from error
    try:
        replay = context.set_aside if context.is_replay else None
        match_error(operation["expectError"], error, context.matcher, replay=replay)
    except MismatchError as mismatch:
        raise MismatchError(f"{name}: {mismatch}") from error


def _check_result(operation: Mapping[str, Any], result: Any, context: Context) -> None:
    if "expectResult" not in operation:
        return
    expected, name = operation["expectResult"], operation["name"]
    if result is None and operator_of(expected) == "$$unsetOrMatches":
        result = MISSING
    if name in ITERABLES:
        context.matcher.match_roots(expected, result, place=f"result of {name}")
    else:
        context.matcher.match(expected, result, is_root=True, place=f"result of {name}")
