"""How a case may end before its end: it failed, or it cannot be run here."""

from __future__ import annotations


class MismatchError(Exception):
    """What was expected did not happen; the case failed."""


class UnsupportedError(Exception):
    """The case needs what this library leaves out on purpose; the text is the reason. The case is skipped."""
