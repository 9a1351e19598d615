"""What may be asked of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.options import FindOptions
from llm_devops_mongodb.validation.queries import validate_count

if TYPE_CHECKING:
    from collections.abc import Sequence

# One more is asked for than is returned, and the server counts a batch in 32 bits.
_MOST_DOCUMENTS = 2**31 - 3
_MOST_SKIPPED = 2**63 - 1

_OWN = ("sort", "skip", "limit")
_UNFIT = ("cursor_type", "max_await_time", "min", "max", "return_key")
_DEFAULTS = FindOptions()


def check_options(options: FindOptions) -> None:
    """Refuse the options of a query that a page decides itself, and those it would make no sense with.

    Raises:
        InvalidDocumentError: One of them is given; the text names it.
    """
    if not isinstance(options, FindOptions):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise InvalidDocumentError("options takes a FindOptions", path="options")
    _refuse(options, _OWN, "a page has its own sort, skip and limit; give it as an argument")
    _refuse(options, _UNFIT, "has no meaning for a page")


def check_page_size(name: str, size: Any, *, most: int | None) -> None:
    """Refuse a page's size that is none.

    Args:
        name: The argument's.
        size: How many documents.
        most: The configuration's `max_find_results`.
    """
    validate_count(name, size, least=1, most=_MOST_DOCUMENTS)
    if most is not None and size > most:
        raise InvalidDocumentError(f"{name} is more than the configuration's max_find_results, {most}")


def check_page_number(page: Any, page_size: int) -> None:
    """Refuse a page's number that is none, or that the server could not skip to."""
    validate_count("page", page, least=0, most=_MOST_SKIPPED // page_size)


def check_total(total: Any, options: FindOptions) -> None:
    """Refuse what is neither a wish to count, nor a count to stop at."""
    if not isinstance(total, bool):
        validate_count("total", total, least=1, most=_MOST_DOCUMENTS)
    if total is not False and options.let is not None:
        raise InvalidDocumentError("options.let: the count takes no variables; give total=False")


def _refuse(options: FindOptions, names: Sequence[str], reason: str) -> None:
    for name in names:
        if getattr(options, name) != getattr(_DEFAULTS, name):
            raise InvalidDocumentError(f"options.{name}: {reason}", path=name)
