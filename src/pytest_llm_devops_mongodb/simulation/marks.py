"""The marker `mongo_simulation` of a test, and what it says."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_llm_devops_mongodb.simulation.settings import hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

NAME = "mongo_simulation"
LINE = (
    f"{NAME}(name=None, *, strict=False, ignore_fields=(), match_on=None, matchers=None, latency=None): "
    "record what the test asks of MongoDB once, and replay it from then on without a server"
)


class MarkError(Exception):
    """A marker says what it cannot."""


@dataclass(frozen=True, slots=True)
class SimulationMark:
    """What the markers of a test say together.

    Attributes:
        name: Takes the place of the test's name in its recording's.
        matching: How operations are matched and when they are answered, for `SimulationReplayer.load`.
    """

    name: str | None = None
    matching: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_strict(self) -> bool:
        """Whether everything recorded must be asked for."""
        return bool(self.matching.get("strict", False))


def mark_of(item: pytest.Item) -> SimulationMark | None:
    """Return what the markers of a test, its class and its module say, the nearest first; None without any.

    Raises:
        MarkError: An argument is unknown, or cannot be what it is.
    """
    marks = list(item.iter_markers(NAME))
    if not marks:
        return None
    arguments: dict[str, Any] = {}
    for mark in reversed(marks):
        arguments |= _arguments(mark)
    name = arguments.pop("name", None)
    if name is not None and not (isinstance(name, str) and name):
        raise MarkError(f"{NAME}: name must be text that is not empty")
    return SimulationMark(name, arguments)


def _known(
    name: object = None,
    *,
    strict: object = False,
    ignore_fields: object = (),
    match_on: object = None,
    matchers: object = None,
    latency: object = None,
) -> None:
    """Have the signature of the marker."""


_SIGNATURE = inspect.signature(_known)


def _arguments(mark: pytest.Mark) -> dict[str, Any]:
    for name in mark.kwargs:
        if name not in _SIGNATURE.parameters:
            known = ", ".join(_SIGNATURE.parameters)
            raise MarkError(f"{NAME} has no argument {name!r}{hint(name, _SIGNATURE.parameters)}; it knows {known}")
    try:
        return _SIGNATURE.bind(*mark.args, **mark.kwargs).arguments
    except TypeError as error:
        raise MarkError(f"{NAME}: {error}") from error
