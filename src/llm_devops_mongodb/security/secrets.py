"""Text that must not be shown."""

from __future__ import annotations

import hmac
from typing import ClassVar, NoReturn, Self

_SHOWN = "[REDACTED]"


class SecretString:
    """A secret that only `expose_secret` reveals.

    `repr`, `str`, `format` and f-strings show `[REDACTED]`; JSON encoders refuse it as an unknown type; a copy, deep or
    not, is the same object; pickling raises `TypeError`. Two secrets compare in constant time; a secret has no hash.

    `close` overwrites the bytes held here. That is as far as CPython goes: the text it was made of, and every text that
    `expose_secret` returned, lives on until its last reference is gone, and its memory is then reused, not wiped.

    Args:
        value: The secret.

    Raises:
        TypeError: The value is not text.

    Example:
        >>> password = SecretString("s3cret")
        >>> f"{password} {password.expose_secret()}"
        '[REDACTED] s3cret'
    """

    __slots__ = ("_bytes", "_is_closed")

    def __init__(self, value: str) -> None:
        # The error of an encoder that meets a lone surrogate would carry the whole text.
        self._bytes = bytearray(value, "utf-8", "surrogatepass")
        self._is_closed = False

    def expose_secret(self) -> str:
        """Return the secret.

        Raises:
            ValueError: It was closed.
        """
        if self._is_closed:
            raise ValueError("the secret was closed")
        return self._bytes.decode("utf-8", "surrogatepass")

    def close(self) -> None:
        """Overwrite the secret; afterwards it cannot be exposed. May be called again."""
        self._bytes[:] = bytes(len(self._bytes))
        self._is_closed = True

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretString):
            return NotImplemented
        if self._is_closed or other._is_closed:
            return self is other
        return hmac.compare_digest(self._bytes, other._bytes)

    # A hash would let anyone who sees it try values.
    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # the way to say "unhashable" that type checkers refuse

    def __repr__(self) -> str:
        return _SHOWN

    def __str__(self) -> str:
        return _SHOWN

    def __format__(self, spec: str) -> str:
        return format(_SHOWN, spec)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret has no state to show")

    def __del__(self) -> None:
        # A secret whose construction failed has no bytes.
        if hasattr(self, "_bytes"):
            self.close()
