"""Connection strings: their grammar, read into a value without asking DNS or the driver.

The grammar is that of the MongoDB connection string specification. User names, passwords, the database and option
values are decoded as PyMongo decodes them, so `+` is a space and must be written `%2B`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, unquote_plus

from llm_devops_mongodb.errors import ConfigError, ConfigFault
from llm_devops_mongodb.uri.options import OptionValue
from llm_devops_mongodb.uri.query import MALFORMED_PERCENT, read_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Scheme = Literal["mongodb", "mongodb+srv"]
HostKind = Literal["hostname", "ipv4", "ip_literal", "unix"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOT_IN_HOST = re.compile(r"[\s/\\?#\[\]@%]")
_NOT_IN_DATABASE = re.compile(r'[/\\ "$\x00]')
_HIGHEST_PORT = 65535
_ENCODE = "percent-encode ':', '/', '?', '#', '[', ']', '@' and '%' in user name and password"


@dataclass(frozen=True, slots=True)
class MongoHost:
    """One host of a connection string.

    Attributes:
        name: The host name in lower case, the address without brackets, or the path of a Unix socket.
        port: None where none is given.
        kind: What `name` is.
    """

    name: str
    port: int | None = None
    kind: HostKind = "hostname"


@dataclass(frozen=True, slots=True)
class MongoUri:
    """What a connection string says. It does not hold the password.

    Attributes:
        scheme: `mongodb+srv` names a DNS record instead of hosts.
        hosts: At least one.
        username: None where there is none.
        has_password: Whether one is given, be it empty.
        database: The default database, which is also the one credentials are checked in unless `authSource` says else.
        options: The values by the options' names in the specification's spelling. Some are secrets.
    """

    scheme: Scheme
    hosts: tuple[MongoHost, ...]
    username: str | None = None
    has_password: bool = False
    database: str | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict[str, OptionValue], repr=False, hash=False)

    @property
    def is_srv(self) -> bool:
        """Whether the hosts come from DNS; TLS is then on unless it is turned off."""
        return self.scheme == "mongodb+srv"


def parse_uri(uri: str) -> MongoUri:
    """Read a connection string.

    Args:
        uri: `mongodb://` or `mongodb+srv://`. Option names may be in any case.

    Raises:
        ConfigError: With every fault, each for the field `uri`. Of the URI's text it repeats only names of options.

    Example:
        >>> parse_uri("mongodb://ann:secret@db1,db2:27018/shop?replicaSet=rs").hosts[1].port
        27018
    """
    scheme, rest = _scheme(uri)
    head, _, query = rest.partition("?")
    authority, _, path = head.partition("/")
    userinfo, at, hosts = authority.rpartition("@")
    options, option_faults = read_options(query)
    faults: list[str] = []
    found = MongoUri(
        scheme,
        hosts=tuple(_hosts(hosts, faults)),
        username=_username(userinfo, faults) if at else None,
        has_password=":" in userinfo,
        database=_database(path, faults),
        options=options,
    )
    faults += [*option_faults, *_contradictions(found)]
    if "@" in path or (faults and "@" in query):
        faults.append(_ENCODE)
    if faults:
        raise ConfigError.of([ConfigFault("uri", fault) for fault in dict.fromkeys(faults)])
    return found


def _scheme(uri: str) -> tuple[Scheme, str]:
    start, slashes, rest = uri.partition("://")
    if not uri:
        raise ConfigError("uri", "must not be empty")
    if uri != uri.strip() or _CONTROL.search(uri):
        raise ConfigError("uri", "must not hold control characters, nor white space at its ends")
    if not slashes or start not in {"mongodb", "mongodb+srv"}:
        raise ConfigError("uri", "must start with mongodb:// or mongodb+srv://")
    return ("mongodb+srv" if start == "mongodb+srv" else "mongodb"), rest


def _username(userinfo: str, faults: list[str]) -> str:
    username, _, password = userinfo.partition(":")
    if not username:
        faults.append("the user name is empty")
    if "@" in userinfo or ":" in password or MALFORMED_PERCENT.search(userinfo):
        faults.append(_ENCODE)
    return unquote_plus(username)


def _database(path: str, faults: list[str]) -> str | None:
    name = unquote_plus(path)
    if _NOT_IN_DATABASE.search(name):
        faults.append("the database's name must not hold '/', '\\', ' ', '\"', '$' or NUL")
    return name or None


def _hosts(text: str, faults: list[str]) -> Iterator[MongoHost]:
    for number, entry in enumerate(text.split(","), 1):
        try:
            yield _host(entry)
        except ValueError as error:
            faults.append(f"host {number} {error}")


def _host(entry: str) -> MongoHost:
    if not entry:
        raise ValueError("is empty")
    path = unquote(entry)
    if "%" in entry and path.endswith(".sock"):
        return MongoHost(path, kind="unix")
    if entry.startswith("["):
        address, bracket, port = entry[1:].partition("]")
        return MongoHost(_address(address if bracket else ""), _port(port), "ip_literal")
    name, colon, port = entry.partition(":")
    if not name or _NOT_IN_HOST.search(name):
        raise ValueError("is no host name (in the path of a socket, write %2F for '/')")
    return MongoHost(name.lower(), _port(colon + port), "ipv4" if _is_ipv4(name) else "hostname")


def _address(text: str) -> str:
    address = text.replace("%25", "%")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise ValueError("is no IPv6 address in brackets") from None
    return address


def _is_ipv4(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def _port(text: str) -> int | None:
    """Read what stands behind a host: nothing, or a colon and a number."""
    if not text:
        return None
    digits = text.removeprefix(":")
    if digits != text and re.fullmatch("[0-9]{1,5}", digits) and 0 < int(digits) <= _HIGHEST_PORT:
        return int(digits)
    raise ValueError(f"needs a port from 1 to {_HIGHEST_PORT}, or none")


def _contradictions(uri: MongoUri) -> Iterator[str]:
    options = uri.options
    if uri.is_srv:
        if len(uri.hosts) > 1 or any(host.port is not None for host in uri.hosts):
            yield "mongodb+srv:// takes one host name and no port"
        if options.get("directConnection") is True:
            yield "mongodb+srv:// excludes option directConnection=true"
    else:
        for name in ("srvServiceName", "srvMaxHosts", "srvAllowedHostsSuffix"):
            if options.get(name):
                yield f"option {name} needs mongodb+srv://"
    for name in ("directConnection", "loadBalanced"):
        if len(uri.hosts) > 1 and options.get(name) is True:
            yield f"option {name}=true takes one host"
