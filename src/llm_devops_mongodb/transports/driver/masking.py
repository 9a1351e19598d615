"""Server messages without the values they echo.

Server error texts quote documents, filters and keys (`dup key: { email: "x" }`, `Failed to parse number 'x'`), and the
server escapes nothing in them. Its own words come first, so a text is kept up to the first thing that may be a value:
an opening quote or bracket, a literal such as `ObjectId(`, a new line, or whatever follows a colon. Names that the
server's words announce (`path 'a.b'`, `unknown operator: $foo`) are kept. Of what comes after the first value only
phrases that are known to the letter return, since a value may look like anything.
"""

from __future__ import annotations

import re

_MAX_LENGTH = 300

_NAME = r"[\w.$\[\]@-]+"
_TYPE = (
    r"(?:array|binData|bool|date|dbPointer|decimal|double|int|javascript|javascriptWithScope|long|maxKey|minKey|missing"
    r"|null|number|object|objectId|regex|string|symbol|timestamp|undefined)"
)
_KEPT = rf"""
    (?:[Pp]ath|[Ff]ields?|[Nn]amed|called|conflict\ at|identifier|[Oo]ption|[Pp]arameter|[Aa]rgument|expression
      |operator|accumulator|stage\ name:|valid\ for|command:|[Cc]ollection|[Nn]amespace|[Dd]atabase
      |requires(?:\ that|\ a)?)\ '{_NAME}'
  | '{_NAME}'\ (?=fields?\b|option\b|parameter\b|argument\b|expression\b|database\b|value\ cannot\b|is\ required\b)
  | '[$.]'
  | types?\ '(?:{_TYPE}'|\[[\w, ]*'\])
  | :\ {_TYPE}(?=[.;,]?\Z)
  | (?<=[\w$])'(?=[a-z]\b)
  | ::
  | :(?=\ \$\w)
  | \b(?:collection|index|BadValue|FailedToParse|TypeMismatch|elemMatch|Location\d+|BSONObj\ size|WriteConflict\ error):
  | \b(?:Regular\ expression\ is\ invalid|Regex\ in\ \$\w+|argument\ to\ \$\w+\ stage):
  | \b(?:in|specification|must\ differ|must\ be\ a\ string):\ (?={_NAME}:\ )
  | \bUnknown\ modifier:(?=\ {_NAME}\.\ Expected)
  | \bparallel\ arrays\ \[{_NAME}\]\ \[{_NAME}\]
"""
_VALUE = r"""
    ["'`{\[\n]
  | (?<![\w$])/(?=\S)
  | \b(?:BinData|Date|DBPointer|DBRef|NumberDecimal|NumberInt|NumberLong|ObjectId|Symbol|Timestamp|UUID)\(
  | (?<=[ ]mechanism[ ])\S
  | :(?!\S)
"""
_SCAN = re.compile(rf"(?:{_KEPT})|(?P<value>{_VALUE})", re.VERBOSE)
_NUMBER = re.compile(r"(?<![\w$.])-?(?!2d\b|2dsphere\b)\.?\d[\w.+-]*")
# Before its own words, on the last line, the planner dumps the whole query.
_PLAN = re.compile(
    r"\Aerror processing query: ns=.*\nProj: [^\n]*(?:\nCollation: [^\n]*)?\n "
    r"(?:planner returned error :: caused by :: )?",
    re.DOTALL,
)
# What the storage engine says opens with its own number of the error, and a colon.
_ENGINE = re.compile(r"(?:\A|(?<=:: caused by :: ))-318\d\d: ")
_PHRASES = re.compile(
    rf"""
        for\ field\ '{_NAME}'\ is\ not\ a\ valid\ value\.\Z
      | has\ the\ field\ '{_NAME}'\ of\ non-numeric\ type\ {_TYPE}\Z
      | starts\ with\ an\ invalid\ character\ for\ a\ user\ variable\ name
      | longitude/latitude\ is\ out\ of\ bounds
      | Point\ must\ only\ contain\ numeric\ elements
      | a\ collection\ is\ required
    """,
    re.VERBOSE,
)


def masked(text: str) -> str:
    """Return the server's `text` with everything that may be a value replaced by `?`.

    Example:
        >>> masked('E11000 duplicate key error collection: app.users index: email_1 dup key: { email: "a@b.c" }')
        'E11000 duplicate key error collection: app.users index: email_1 dup key: ?'
        >>> masked("Updating the path 'a.b' would create a conflict at 'a'")
        "Updating the path 'a.b' would create a conflict at 'a'"
    """
    text = _ENGINE.sub("", _PLAN.sub("", text).strip())
    start = _first_value(text)
    if start is None:
        return _NUMBER.sub("?", text)[:_MAX_LENGTH]
    phrase = _PHRASES.search(text, start)
    return (_NUMBER.sub("?", text[:start]) + "?" + (f" {phrase[0]}" if phrase else ""))[:_MAX_LENGTH]


def _first_value(text: str) -> int | None:
    """Where the first thing begins that may be a value; None where there is nothing of the kind."""
    for found in _SCAN.finditer(text):
        if found["value"] is not None:
            # A colon and its space belong to the words before.
            return found.end() + 1 if found["value"] == ":" else found.start()
    return None
