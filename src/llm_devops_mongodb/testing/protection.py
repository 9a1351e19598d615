"""Authentication and TLS of an embedded server: the files they need and the arguments that name them."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from llm_devops_mongodb.errors import ConfigError
from llm_devops_mongodb.testing.access import Access
from llm_devops_mongodb.testing.settings import ServerTls

if TYPE_CHECKING:
    from pathlib import Path

_KEY_FILE_BYTES = 756  # 1008 characters of the 1024 the server takes


@dataclass(frozen=True, slots=True)
class Protection:
    """How an embedded server is guarded.

    Attributes:
        access: What a client needs.
        arguments: What the command line of every member needs.
        tls: The authority and certificates, None without TLS.
    """

    access: Access
    arguments: tuple[str, ...] = ()
    tls: ServerTls | None = None


def protect(folder: Path, *, auth: bool | tuple[str, str] | None, tls: bool | ServerTls | None) -> Protection:
    """Make what authentication and TLS need.

    Args:
        folder: Where the files are written.
        auth: True invents a user, a pair is the user's name and password, None asks for none.
        tls: True invents an authority, None speaks plainly.

    Raises:
        ConfigError: The package that makes certificates is missing.
    """
    username, password = ("root", secrets.token_urlsafe()) if auth is True else auth or (None, None)
    certificates = _invented() if tls is True else tls or None
    mechanisms = ["SCRAM-SHA-256", "SCRAM-SHA-1", *(["MONGODB-X509"] if certificates else [])]
    arguments: list[str] = []
    if username is not None:
        arguments += ["--auth", "--keyFile", str(_key_file(folder / "members.key"))]
        arguments += ["--setParameter", f"authenticationMechanisms={','.join(mechanisms)}"]
    if certificates is None:
        return Protection(Access(username, password), tuple(arguments))
    ca_file = certificates.authority.write(folder / "ca.pem")
    client_file = certificates.authority.issue_client("tests").write(folder / "client.pem")
    arguments += _tls_arguments(certificates, folder=folder, ca_file=ca_file)
    return Protection(Access(username, password, ca_file, client_file), tuple(arguments), certificates)


def require(package: str, *, extra: str) -> None:
    """Check that an optional package is installed.

    Raises:
        ConfigError: It is not; names the extra that installs it.
    """
    if find_spec(package) is None:
        raise ConfigError(extra, f"needs the package {package}: pip install 'llm-devops-mongodb[{extra}]'")


def _invented() -> ServerTls:
    require("cryptography", extra="testing")
    from llm_devops_mongodb.testing.certificates import CertificateAuthority

    return ServerTls(CertificateAuthority())


def _key_file(path: Path) -> Path:
    # The server refuses a key that others may read.
    path.touch(mode=0o600)
    path.write_bytes(base64.b64encode(secrets.token_bytes(_KEY_FILE_BYTES)))
    return path


def _tls_arguments(tls: ServerTls, *, folder: Path, ca_file: Path) -> list[str]:
    certificate = tls.server_certificate or tls.authority.issue_server()
    server_file = certificate.write(folder / "server.pem")
    arguments = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(server_file), "--tlsCAFile", str(ca_file)]
    return arguments if tls.require_client_certificate else [*arguments, "--tlsAllowConnectionsWithoutCertificates"]
