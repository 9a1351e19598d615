"""Numbers that advice is asked with."""

from __future__ import annotations

import math

from llm_devops_mongodb.errors import ConfigError

_MOST = 2**32 - 1


def whole(field: str, value: object, *, most: int = _MOST) -> int:
    """Return `value` where it is a whole number from 0 to `most`.

    Raises:
        ConfigError: It is none; a Boolean is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise ConfigError(field, f"must be a whole number from 0 to {most}")
    return value


def real(field: str, value: object) -> float:
    """Return `value` where it is a number from 0 to 2³² - 1; an `int` stays one.

    Raises:
        ConfigError: It is none: also NaN, infinite, or a Boolean.
    """
    if isinstance(value, float) and math.isfinite(value) and 0 <= value <= _MOST:
        return value
    if isinstance(value, float):
        raise ConfigError(field, f"must be a number from 0 to {_MOST}")
    return whole(field, value)
