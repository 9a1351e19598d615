"""The query of a connection string: the options behind its question mark."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from llm_devops_mongodb.spelling import hint
from llm_devops_mongodb.uri.options import OPTIONS, OptionValue, read_tag_set

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MALFORMED_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
"""A percent sign that encodes nothing."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
_REPEATABLE = "readPreferenceTags"

# Refused together whatever the values: the specification wants one way to say how strict TLS is.
_NEVER_TOGETHER = (
    ("tlsInsecure", "tlsAllowInvalidCertificates"),
    ("tlsInsecure", "tlsAllowInvalidHostnames"),
    ("tlsInsecure", "tlsDisableCertificateRevocationCheck"),
    ("tlsInsecure", "tlsDisableOCSPEndpointCheck"),
    ("tlsAllowInvalidCertificates", "tlsDisableCertificateRevocationCheck"),
    ("tlsAllowInvalidCertificates", "tlsDisableOCSPEndpointCheck"),
    ("tlsDisableCertificateRevocationCheck", "tlsDisableOCSPEndpointCheck"),
)
_NEEDS = (
    ("proxyPort", "proxyHost"),
    ("proxyUsername", "proxyHost"),
    ("proxyPassword", "proxyHost"),
    ("proxyUsername", "proxyPassword"),
    ("proxyPassword", "proxyUsername"),
)
# Refused where both are true, or not zero.
_EXCLUDES = (
    ("loadBalanced", "directConnection"),
    ("loadBalanced", "replicaSet"),
    ("srvMaxHosts", "replicaSet"),
    ("srvMaxHosts", "loadBalanced"),
)


def read_options(query: str) -> tuple[dict[str, OptionValue], list[str]]:
    """Read the options of a connection string.

    Args:
        query: `name=value` pairs, separated by `&` or by `;`, percent-encoded. Names may be in any case.

    Returns:
        The values by the options' names in the specification's spelling, `ssl` as `tls` and every `readPreferenceTags`
        in one tuple; and what is wrong.
    """
    if "&" in query and ";" in query:
        return {}, ["options are separated by '&' or by ';', not by both; percent-encode one inside a value"]
    faults: list[str] = []
    texts: dict[str, list[str]] = {}
    # With an `@` in it, the query may begin inside a password.
    is_shown = "@" not in query
    for pair in re.split("[&;]", query) if query else ():
        faults += _place(pair, texts, is_shown=is_shown)
        # What follows a secret may be the rest of it, behind a bare separator.
        is_shown = is_shown and _is_harmless(pair)
    values: dict[str, OptionValue] = {}
    for name, found in texts.items():
        try:
            values[name] = _value(name, found)
        except ValueError as error:
            faults.append(f"option {name} {error}")
    faults += _contradictions(values, texts.keys())
    if "ssl" in values:
        values["tls"] = values.pop("ssl")
    return values, faults


def without_options(uri: str, names: Iterable[str]) -> str:
    """Return the connection string `uri` without the options `names`."""
    head, _, query = uri.partition("?")
    dropped = {name.casefold() for name in names}
    separator = "&" if "&" in query else ";"
    kept = [pair for pair in query.split(separator) if pair and pair.partition("=")[0].casefold() not in dropped]
    return "?".join([head, separator.join(kept)]) if kept else head


def _is_harmless(pair: str) -> bool:
    option = OPTIONS.get(pair.partition("=")[0].casefold())
    return option is not None and not option.is_secret


def _place(pair: str, texts: dict[str, list[str]], *, is_shown: bool) -> Iterator[str]:
    """Put the text of `pair` among `texts` under its option's name, or yield what is wrong with it."""
    name, equals, text = pair.partition("=")
    option = OPTIONS.get(name.casefold())
    if not equals or "=" in text or MALFORMED_PERCENT.search(pair):
        # The pair is not shown: it may be the rest of a password with a bare `?` or `&`.
        subject = f"option {option.name}" if option else "an option"
        yield f"{subject} is malformed: options are name=value pairs, special characters percent-encoded"
    elif option is None:
        shown = f" {name!r}" if is_shown and _WORD.fullmatch(name) else ""
        yield f"unknown option{shown}{hint(name, (known.name for known in OPTIONS.values()))}"
    elif not text and option.name != _REPEATABLE:
        yield f"option {option.name} must not be empty"
    else:
        texts.setdefault(option.name, []).append(text)


def _value(name: str, texts: list[str]) -> OptionValue:
    if name == _REPEATABLE:
        return tuple(read_tag_set(text) for text in texts)
    if len(texts) > 1:
        raise ValueError("must be given once")
    return OPTIONS[name.casefold()].read(unquote_plus(texts[0]))


def _contradictions(values: Mapping[str, OptionValue], given: Iterable[str]) -> Iterator[str]:
    names = set(given)
    for one, other in _NEVER_TOGETHER:
        if names >= {one, other}:
            yield f"options {one} and {other} must not be given together"
    for one, other in _NEEDS:
        if one in names and other not in names:
            yield f"option {one} needs {other}"
    for one, other in _EXCLUDES:
        if values.get(one) and values.get(other):
            yield f"options {one} and {other} exclude each other"
    if values.keys() >= {"tls", "ssl"} and values["tls"] != values["ssl"]:
        yield "options tls and ssl contradict each other"
