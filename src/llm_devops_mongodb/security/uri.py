"""Connection strings fit for a log."""

from __future__ import annotations

import re

from llm_devops_mongodb.uri.options import OPTIONS

REDACTED = "[REDACTED]"
"""What stands where something is hidden."""

_URI = re.compile(r"(mongodb(?:\+srv)?://)(?:(.*)@)?([^@]*)", re.IGNORECASE | re.DOTALL)
_USERNAME = re.compile(r"(?:[\w.~!$&'()*+,;=-]|%(?!3[Aa])[0-9A-Fa-f]{2})*")
_PASSWORD = re.compile(r"[^@:/?#\[\]\s]*")
_PORT = r"(?::[0-9]{1,5})?"
_HOST = rf"(?:[\w.-]+{_PORT}|\[[0-9A-Fa-f:.]+(?:%25\w+)?\]{_PORT}|(?:[\w .-]|%[0-9A-Fa-f]{{2}})+\.sock)"
_REST = re.compile(rf"({_HOST}(?:,{_HOST})*)(?:(/)([^?]*))?(?:(\?)(.*))?", re.DOTALL)
_DATABASE = re.compile(r"[\w.%-]*")
_HARMLESS = re.compile(r"[\w.,:/%+$-]*")


def sanitize_uri_for_logging(uri: object) -> str:
    """Return `uri` without its password and without every option that may hold a secret.

    It fails closed: where the text is not plainly a connection string, such as with a password that holds a bare `@`
    or `/`, nothing but the scheme is left. It never raises and never asks DNS. What no reader can tell apart stays:
    a user and a password of digits without any host look like a host and its port, and an option's secret that holds a
    bare `&` and then the name of a harmless option looks like two options.

    Args:
        uri: A connection string, well-formed or not; of anything but text nothing is shown.

    Example:
        >>> sanitize_uri_for_logging("mongodb://ann:s3cret@db1:27017/shop?replicaSet=rs&proxyPassword=x")
        'mongodb://ann:[REDACTED]@db1:27017/shop?replicaSet=rs&proxyPassword=[REDACTED]'
    """
    # The last `@` ends the credentials, whatever they hold.
    parts = _URI.fullmatch(uri) if isinstance(uri, str) else None
    if parts is None:
        return REDACTED
    scheme, userinfo, rest = parts.groups()
    location = _REST.fullmatch(rest)
    shown = "" if userinfo is None else _credentials(userinfo)
    if location is None or shown is None:
        return f"{scheme}{REDACTED}"
    hosts, slash, database, mark, query = location.groups(default="")
    if not _DATABASE.fullmatch(database):
        database = REDACTED
    return f"{scheme}{shown}{hosts}{slash}{database}{mark}{_options(query)}"


def _credentials(userinfo: str) -> str | None:
    """Return what may be shown of the credentials, or None where they are malformed and may reach anywhere."""
    username, colon, password = userinfo.partition(":")
    if not _USERNAME.fullmatch(username) or not _PASSWORD.fullmatch(password):
        return None
    return f"{username}{colon}{REDACTED if colon else ''}@"


def _options(query: str) -> str:
    if "&" in query and ";" in query:
        # One of the two is part of a value.
        return REDACTED
    return re.sub("[^&;]+", lambda pair: _option(pair[0]), query)


def _option(pair: str) -> str:
    name, equals, value = pair.partition("=")
    option = OPTIONS.get(name.casefold())
    if option is None or not equals:
        return REDACTED
    is_shown = not option.is_secret and _HARMLESS.fullmatch(value)
    return f"{name}={value if is_shown else REDACTED}"
