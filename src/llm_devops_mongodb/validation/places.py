"""Where a value stands in what is being checked, and the walk from place to place.

Nothing here recurses: a document may be ten thousand levels deep or hold itself, and is then merely too deep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bson.errors import InvalidBSON

from llm_devops_mongodb.errors import DocumentTooLargeError, InvalidDocumentError
from llm_devops_mongodb.validation.limits import MAX_BSON_DEPTH, MAX_NESTED_VALUES, MIN_NESTED_SIZE
from llm_devops_mongodb.validation.values import SCALARS, is_array, nested

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Callable[[Any, "Place"], None]
    Task = tuple[Check, Any, "Place"]

_LONGEST_NAME = 80
_LONGEST_PATH = 200


def shown(name: str) -> str:
    """Make a name fit for an error text: unprintable characters escaped, cut at 80 characters."""
    head = name[:_LONGEST_NAME]
    if not head.isprintable():
        head = head.encode("unicode_escape").decode("ascii")
    return head if len(name) <= _LONGEST_NAME and len(head) <= _LONGEST_NAME else f"{head[:_LONGEST_NAME]}…"


class Place:
    """A step of a path, its level, and what may not stand from here on.

    The level counts documents: a flat document has one, a document in it, or in an array of it, has two. An array
    adds a level only where it stands in another array.
    """

    __slots__ = ("_above", "_later", "_name", "barred", "depth")

    def __init__(
        self, name: str, above: Place | None, *, depth: int, barred: Mapping[str, str], later: list[Task]
    ) -> None:
        self._above = above
        self._name = name
        self._later = later
        self.depth: int = depth
        self.barred: Mapping[str, str] = barred
        if depth > MAX_BSON_DEPTH:
            raise self.refuse(f"nested deeper than {MAX_BSON_DEPTH} levels, or holds itself; make it flatter")

    def field(self, name: str, value: object) -> Place:
        """Step to the field `name` of the document here, which holds `value`."""
        kind = type(value)
        flat = kind in SCALARS or kind is list or (kind is not dict and _is_flat(value))
        depth = self.depth if flat else self.depth + 1
        return Place(name, self, depth=depth, barred=self.barred, later=self._later)

    def item(self, index: int, value: object) -> Place:
        """Step to an element of the array here, which is `value`."""
        kind = type(value)
        flat = kind in SCALARS or (kind is not dict and nested(value) is None)
        depth = self.depth if flat else self.depth + 1
        return Place(str(index), self, depth=depth, barred=self.barred, later=self._later)

    def barring(self, names: Mapping[str, str]) -> Place:
        """Stay here, and bar `names` from here on, each with its reason."""
        barred = {**self.barred, **names}
        return Place(self._name, self._above, depth=self.depth, barred=barred, later=self._later)

    def defer(self, check: Check, value: object) -> None:
        """Have `check` look at `value` here once the check at work is done."""
        self._later.append((check, value, self))

    @property
    def path(self) -> str:
        """The dotted path, array positions as numbers; `""` at the top."""
        names: list[str] = []
        place = self
        while place._above is not None:
            names.append(shown(place._name))
            place = place._above
        return ".".join(reversed(names))

    def refuse(self, problem: str) -> InvalidDocumentError:
        """Make the error for what stands here; `problem` says what is wrong and what to do, and holds no value."""
        path = self.path
        return InvalidDocumentError(opening(path) + problem, path=path)


def _is_flat(value: object) -> bool:
    inner = nested(value)
    return inner is None or is_array(inner)


def opening(path: str) -> str:
    """Open an error text with `path`, cut in the middle where it is long."""
    if not path:
        return ""
    return f"{path}: " if len(path) <= _LONGEST_PATH else f"{path[:80]} … {path[-80:]}: "


def walk(check: Check, value: object, *, most: int = MAX_NESTED_VALUES) -> None:
    """Apply `check` to `value`, then every check that was deferred, in the order of the document.

    Args:
        check: What to begin with.
        value: What it looks at.
        most: Documents and arrays to look at. Few objects that hold each other many times over make countless ones.

    Raises:
        InvalidDocumentError: From a check, or for a `RawBSONDocument` whose bytes are not BSON.
        DocumentTooLargeError: When there are more documents and arrays than fit in one document.
    """
    later: list[Task] = []
    pending: list[Task] = [(check, value, Place("", None, depth=1, barred={}, later=later))]
    for _ in range(most):
        if not pending:
            return
        step, item, place = pending.pop()
        try:
            step(item, place)
        except InvalidBSON:
            # From None: the driver's text may show the bytes.
            raise place.refuse("holds bytes that are not BSON") from None
        pending.extend(reversed(later))
        later.clear()
    raise DocumentTooLargeError(
        f"more than {most} nested documents and arrays: they do not fit in one document",
        size=most * MIN_NESTED_SIZE,
    )
