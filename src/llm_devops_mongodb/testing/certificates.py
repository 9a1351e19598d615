"""Certificates for tests: an authority, and what it signs.

Keys are elliptic (P-256): a whole set takes some 10 ms. Needs the package `cryptography` (extra `testing`).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from llm_devops_mongodb.testing.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_ORGANIZATION = "Embedded Mongo"
_LEEWAY = dt.timedelta(minutes=5)
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Validity:
    """The time a certificate holds.

    Attributes:
        start: Its first moment; None is five minutes ago.
        duration: How long it holds; one day by default.
    """

    start: dt.datetime | None = None
    duration: dt.timedelta = _DAY

    @classmethod
    def expired(cls) -> Validity:
        """A time that ended a day ago."""
        return cls(dt.datetime.now(dt.UTC) - 2 * _DAY)

    def bounds(self) -> tuple[dt.datetime, dt.datetime]:
        """Return the first and the last moment."""
        start = self.start or dt.datetime.now(dt.UTC) - _LEEWAY
        return start, start + self.duration


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key.

    Attributes:
        subject: Its subject as the server writes it: the name of an X.509 user in the database `$external`.
        certificate: The certificate as PEM.
        key: The key as PEM, encrypted where a password was given.
    """

    subject: str
    certificate: bytes
    key: bytes = field(repr=False)

    def write(self, path: Path) -> Path:
        """Write key and certificate into one file, as the server and the driver want them; mode 0600."""
        return _write(path, self.key + self.certificate)

    def write_certificate(self, path: Path) -> Path:
        """Write the certificate alone."""
        return _write(path, self.certificate)

    def write_key(self, path: Path) -> Path:
        """Write the key alone; mode 0600."""
        return _write(path, self.key)


class CertificateAuthority:
    """An authority that signs certificates for servers and clients.

    Args:
        name: The common name in its own certificate.

    Attributes:
        certificate: Its own certificate as PEM.

    Example:
        ```python
        authority = CertificateAuthority()
        ca_file = authority.write(folder / "ca.pem")
        file = authority.issue_client("reader").write(folder / "reader.pem")
        ```
    """

    def __init__(self, name: str = "Embedded Mongo authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(name, unit="authorities")
        builder = _builder(self._subject, self._key.public_key(), validity=Validity())
        signed = (
            builder.issuer_name(self._subject)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate: bytes = signed.public_bytes(serialization.Encoding.PEM)

    def write(self, path: Path) -> Path:
        """Write the authority's own certificate: a `ca_file`."""
        return _write(path, self.certificate)

    def issue_server(
        self,
        hosts: Sequence[str] = ("localhost", LOOPBACK),
        *,
        validity: Validity | None = None,
        key_password: str | None = None,
    ) -> Certificate:
        """Issue a certificate for a server, which also uses it as a client of its fellow members.

        Args:
            hosts: The names and addresses it holds for.
            validity: When it holds.
            key_password: Encrypts the key.
        """
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        extensions = [x509.ExtendedKeyUsage(usages), x509.SubjectAlternativeName(list(map(_host, hosts)))]
        return self._issue(_name("server", unit="servers"), extensions, validity=validity, password=key_password)

    def issue_client(
        self, name: str, *, validity: Validity | None = None, key_password: str | None = None
    ) -> Certificate:
        """Issue a certificate for a client.

        Its organizational unit is not the servers': the server takes one that agrees for a member of the cluster
        and refuses it to users (https://www.mongodb.com/docs/manual/core/security-x.509/).

        Args:
            name: The common name.
            validity: When it holds.
            key_password: Encrypts the key.
        """
        extensions = [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]
        return self._issue(_name(name, unit="clients"), extensions, validity=validity, password=key_password)

    def _issue(
        self,
        subject: x509.Name,
        extensions: Sequence[x509.ExtensionType],
        *,
        validity: Validity | None,
        password: str | None,
    ) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(subject, key.public_key(), validity=validity or Validity())
        builder = builder.issuer_name(self._subject).add_extension(_key_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        return Certificate(
            subject.rfc4514_string(), signed.public_bytes(serialization.Encoding.PEM), _private_pem(key, password)
        )


def _name(common_name: str, *, unit: str) -> x509.Name:
    # The least specific comes last: the order in which the server's own writing of the name reads O, OU, CN.
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANIZATION),
        ]
    )


def _builder(
    subject: x509.Name, public_key: ec.EllipticCurvePublicKey, *, validity: Validity
) -> x509.CertificateBuilder:
    start, end = validity.bounds()
    builder = x509.CertificateBuilder().subject_name(subject).public_key(public_key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private_pem(key: ec.EllipticCurvePrivateKey, password: str | None) -> bytes:
    encryption = (
        serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password.encode())
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _write(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path
