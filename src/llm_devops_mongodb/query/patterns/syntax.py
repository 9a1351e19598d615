"""What a pattern is made of, once it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from llm_devops_mongodb.errors import InvalidDocumentError


@dataclass(frozen=True, slots=True)
class Characters:
    """One character of a set.

    Attributes:
        among: The set; see `characters`.
        at: Where in the pattern it stands.
    """

    among: int
    at: int


@dataclass(frozen=True, slots=True)
class Assertion:
    """A place between characters.

    Attributes:
        is_start: Only the start of the text is such a place.
    """

    is_start: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after another."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of several."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repetition:
    """The same, several times.

    Attributes:
        body: What is repeated.
        least: How often at least.
        most: How often at most; None for no limit.
        at: Where in the pattern the repeated part begins.
    """

    body: Node
    least: int
    most: int | None
    at: int


Node: TypeAlias = Characters | Assertion | Sequence | Alternatives | Repetition


def refused(problem: str, at: int) -> InvalidDocumentError:
    """Make the error for the construct at a position of the pattern, which is told from 1 on."""
    return InvalidDocumentError(f"the pattern is not safe to run on the server: {problem} (at character {at + 1})")


def is_anchored(node: Node) -> bool:
    """Tell whether `node` can begin at the start of the text only."""
    match node:
        case Assertion():
            return node.is_start
        case Sequence():
            # Assertions take no character: `\b^a` begins where `^a` does.
            first = next((part for part in node.parts if not isinstance(part, Assertion) or part.is_start), None)
            return first is not None and is_anchored(first)
        case Alternatives():
            return all(map(is_anchored, node.branches))
        case Repetition():
            return node.least > 0 and is_anchored(node.body)
        case Characters():
            return False
