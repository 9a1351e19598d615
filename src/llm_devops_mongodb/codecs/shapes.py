"""What a value of a type is stored as: which parts it has, and the names they have in the database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


@dataclass(frozen=True)
class Part:
    """One part of a stored value.

    Attributes:
        name: Its name in the database; empty where it is stored as the whole, as the root of a `RootModel` is.
        make: Draws its shape. A type may hold itself, so shapes are drawn when they are asked for.
    """

    name: str
    make: Callable[[], Shape]

    @cached_property
    def shape(self) -> Shape:
        """The part's own shape."""
        return self.make()


@dataclass(frozen=True)
class Shape:
    """What a value of a type is stored as.

    Attributes:
        title: The type's name.
        attributes: Parts by the attribute that holds them in Python.
        keys: Parts by the key that a TypedDict holds them under.
        values: What stands under each key of a dict.
        items: What stands at each position of an array.
        is_open: It may have other parts, of which nothing is known.
    """

    title: str
    attributes: Mapping[str, Part] = field(default_factory=dict[str, Part])
    keys: Mapping[str, Part] = field(default_factory=dict[str, Part])
    values: Part | None = None
    items: Part | None = None
    is_open: bool = False


OPEN = Shape("Any", is_open=True)
"""Of which nothing is known."""


def merged(shapes: Sequence[Shape]) -> Shape:
    """Return the shape of what has one of `shapes`: a union's."""
    known = [each for each in shapes if each.attributes or each.keys or each.values or each.items or each.is_open]
    if len(known) < 2:  # noqa: PLR2004  of a union of one, such as an optional value, it is that one
        return known[0] if known else (shapes[0] if shapes else OPEN)
    return Shape(
        " | ".join(each.title for each in known),
        attributes=_merged_parts(each.attributes for each in known),
        keys=_merged_parts(each.keys for each in known),
        values=_either([each.values for each in known if each.values]),
        items=_either([each.items for each in known if each.items]),
        is_open=any(each.is_open for each in known),
    )


def _merged_parts(named: Iterable[Mapping[str, Part]]) -> dict[str, Part]:
    pairs = list(chain.from_iterable(parts.items() for parts in named))
    by_key = {key: [part for name, part in pairs if name == key] for key in Counter(key for key, _ in pairs)}
    # What the members of a union store under different names has no one path.
    return {
        key: either
        for key, parts in by_key.items()
        if len({part.name for part in parts}) == 1 and (either := _either(parts)) is not None
    }


def _either(parts: Sequence[Part]) -> Part | None:
    if len(parts) > 1:
        return Part(parts[0].name, lambda: merged([part.shape for part in parts]))
    return parts[0] if parts else None
