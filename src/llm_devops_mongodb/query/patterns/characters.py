"""Sets of characters, as integers with a bit for each of ASCII and one for all others together.

Two sets of characters beyond ASCII therefore always overlap. That refuses a few patterns that would be safe, and never
accepts one for it.
"""

from __future__ import annotations

ALL = (1 << 129) - 1
OTHERS = 1 << 128

_CAPITALS = ((1 << 26) - 1) << ord("A")
_SMALL = _CAPITALS << 32


def one(character: str) -> int:
    """Return the set of one character."""
    return 1 << ord(character) if character.isascii() else OTHERS


def between(first: str, last: str) -> int:
    """Return the set of the characters from `first` to `last`."""
    low, high = min(ord(first), 128), min(ord(last), 128)
    return (1 << high + 1) - (1 << low)


def among(characters: str) -> int:
    """Return the set of `characters`."""
    found = 0
    for character in characters:
        found |= one(character)
    return found


def without(characters: int) -> int:
    """Return the set of all characters but those; one beyond ASCII leaves the others there."""
    return (ALL & ~characters) | OTHERS


def folded(characters: int) -> int:
    """Return the set of `characters` in either case."""
    both = characters | (characters & _CAPITALS) << 32 | (characters & _SMALL) >> 32
    kelvin_and_long_s = among("KkSs")
    if both & kelvin_and_long_s:
        both |= OTHERS
    return both | kelvin_and_long_s if both & OTHERS else both


DIGITS = between("0", "9")
LETTERS = _CAPITALS | _SMALL
WORD = DIGITS | LETTERS | one("_")
SPACE = among(" \t\n\v\f\r")
# Whether these reach beyond ASCII is for the server's options to say.
CLASSES = {
    "d": DIGITS | OTHERS,
    "D": without(DIGITS),
    "w": WORD | OTHERS,
    "W": without(WORD),
    "s": SPACE | OTHERS,
    "S": without(SPACE),
    "h": among(" \t") | OTHERS,
    "H": without(among(" \t")),
    "v": among("\n\v\f\r") | OTHERS,
    "V": without(among("\n\v\f\r")),
    "N": ALL,
}
"""What a backslash and a letter stand for."""

POSIX = {
    "alnum": DIGITS | LETTERS,
    "alpha": LETTERS,
    "ascii": ALL & ~OTHERS,
    "blank": among(" \t"),
    "cntrl": between("\0", "\x1f") | one("\x7f"),
    "digit": DIGITS,
    "graph": between("!", "~"),
    "lower": _SMALL,
    "print": between(" ", "~"),
    "punct": between("!", "~") & ~(DIGITS | LETTERS),
    "space": SPACE,
    "upper": _CAPITALS,
    "word": WORD,
    "xdigit": DIGITS | among("abcdefABCDEF"),
}
"""What stands in a class as `[:name:]`."""
