"""Hints for names that were probably misspelt."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """Return the known name that `name` most likely meant, in whatever case.

    Args:
        name: What was written.
        known: The names there are.
        likeness: From 0, anything, to 1, the same letters.

    Returns:
        One of `known`, or None where nothing comes near.
    """
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=likeness)
    return by_folded[found[0]] if found else None


def hint(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"`, or the empty string where nothing comes near."""
    found = nearest(name, known)
    return "" if found is None else f"; did you mean {found!r}?"
