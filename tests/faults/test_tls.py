"""A server that demands TLS and a client's certificate, and clients that come without."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from llm_devops_mongodb import MongoClient, MongoConnectionError, ServerSelectionError, TlsConfig, TlsError
from llm_devops_mongodb.testing import EmbeddedMongo
from llm_devops_mongodb.testing.certificates import CertificateAuthority, Validity

LIMIT = timedelta(seconds=2)
SECRET = "s3cret-of-the-test"

# The driver drops the socket of a handshake that fails.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@dataclass
class Files:
    """What a client may show and trust."""

    ca: Path
    certificate: Path
    foreign_ca: Path
    foreign_certificate: Path
    expired_certificate: Path


@pytest.fixture(scope="module")
async def demanding() -> AsyncIterator[EmbeddedMongo]:
    """A server that demands TLS and a client's certificate."""
    async with EmbeddedMongo(tls=True) as started:
        yield started


@pytest.fixture(scope="module")
def server(demanding: EmbeddedMongo) -> EmbeddedMongo:
    return demanding


@pytest.fixture
def files(server: EmbeddedMongo, tmp_path: Path) -> Files:
    assert server.ca_file
    assert server.client_certificate_file
    assert server.authority
    other = CertificateAuthority("another authority")
    expired = server.authority.issue_client("late", validity=Validity.expired())
    return Files(
        server.ca_file,
        server.client_certificate_file,
        other.write(tmp_path / "other.pem"),
        other.issue_client("foreign").write(tmp_path / "foreign.pem"),
        expired.write(tmp_path / "expired.pem"),
    )


async def refusal(address: str, tls: TlsConfig) -> MongoConnectionError:
    """Return why a client does not get in; it must be told within the limit, and without the password."""
    began = time.monotonic()
    with pytest.raises(MongoConnectionError) as caught:
        await MongoClient.connect(
            f"mongodb://someone:{SECRET}@{address}/?directConnection=true", server_selection_timeout=LIMIT, tls=tls
        )
    assert time.monotonic() - began < 2 * LIMIT.total_seconds()
    assert SECRET not in str(caught.value)
    return caught.value


async def test_an_authority_that_is_not_trusted_is_told(server: EmbeddedMongo, files: Files) -> None:
    tls = TlsConfig(enabled=True, ca_file=files.foreign_ca, cert_file=files.certificate)
    error = await refusal(server.members[0].address, tls)
    assert isinstance(error, TlsError)
    assert "tls.ca_file" in error.message


@pytest.mark.parametrize("shown", ["nothing", "foreign", "expired"])
async def test_a_certificate_that_the_server_does_not_take_is_told(
    server: EmbeddedMongo, files: Files, shown: str
) -> None:
    own = {"nothing": None, "foreign": files.foreign_certificate, "expired": files.expired_certificate}[shown]
    error = await refusal(server.members[0].address, TlsConfig(enabled=True, ca_file=files.ca, cert_file=own))
    assert isinstance(error, TlsError)
    assert "tls.cert_file" in error.message


async def test_a_client_without_tls_is_told_what_may_be_missing(server: EmbeddedMongo) -> None:
    error = await refusal(server.members[0].address, TlsConfig())
    assert isinstance(error, ServerSelectionError)
    assert "tls=True" in error.message


async def test_a_certificate_for_another_name_is_told(server: EmbeddedMongo, files: Files) -> None:
    # Another way to write 127.0.0.1, which the certificate does not name.
    tls = TlsConfig(enabled=True, ca_file=files.ca, cert_file=files.certificate)
    error = await refusal(f"127.1:{server.members[0].port}", tls)
    assert isinstance(error, TlsError)
    assert "another" in error.message
