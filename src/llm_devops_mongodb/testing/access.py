"""What a client needs to reach an embedded server, and the URI that says it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials and certificates; each None where the server does not ask for it.

    Attributes:
        username: The first user, with the role `root`.
        password: That user's password.
        ca_file: The authority that signed the server's certificate.
        client_certificate_file: A client's certificate and key, in one file.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    client_certificate_file: Path | None = None

    def uri(self, addresses: Iterable[str], *, authenticated: bool = True, **options: str) -> str:
        """Return a connection string.

        Args:
            addresses: `host:port` of every member to name.
            authenticated: False leaves the credentials out.
            options: Further options of the connection string.
        """
        credentials = ""
        if authenticated and self.username is not None:
            credentials = f"{quote_plus(self.username)}:{quote_plus(self.password or '')}@"
            options["authSource"] = "admin"
        options |= self._tls_options()
        return f"mongodb://{credentials}{','.join(addresses)}/?{urlencode(options)}"

    def tls_context(self) -> ssl.SSLContext | None:
        """Return how a connection is encrypted, None where it is not."""
        if self.ca_file is None:
            return None
        context = ssl.create_default_context(cafile=str(self.ca_file))
        if self.client_certificate_file is not None:
            context.load_cert_chain(str(self.client_certificate_file))
        return context

    def _tls_options(self) -> dict[str, str]:
        files = {"tlsCAFile": self.ca_file, "tlsCertificateKeyFile": self.client_certificate_file}
        options = {name: str(file) for name, file in files.items() if file is not None}
        return {"tls": "true", **options} if options else {}
