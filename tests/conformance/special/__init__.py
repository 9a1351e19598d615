"""The operations of the test runner itself (`object: testRunner`): tables of functions on what the test works with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance import set_aside
from tests.conformance.context import Context
from tests.conformance.operations.arguments import Arguments
from tests.conformance.special import assertions, flow, topologies, watching
from tests.conformance.verdicts import MismatchError

_OPERATIONS: Mapping[str, Any] = {
    **assertions.OPERATIONS,
    **flow.OPERATIONS,
    **topologies.OPERATIONS,
    **watching.OPERATIONS,
}


async def perform_special(context: Context, name: str, given: Arguments) -> None:
    """Do one operation of the test runner.

    Raises:
        MismatchError: There is none of that name, an argument is not known, or what it asserts is not so.
    """
    function = _OPERATIONS.get(name)
    if function is None:
        raise MismatchError(f"the test runner has no operation {name}")
    if context.is_replay and (kind := set_aside.OPERATIONS.get(name)) is not None:
        context.set_aside.add(kind)
        return
    await function(context, given)
