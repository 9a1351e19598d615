import gc
import stat

import pytest

from llm_devops_mongodb.config import TlsConfig
from llm_devops_mongodb.errors import TlsError
from llm_devops_mongodb.transports.driver.certificates import joined_certificate


@pytest.fixture
def files(tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_text("CERTIFICATE")
    key.write_text("KEY\n")
    return certificate, key


def test_a_certificate_and_its_key_are_joined_in_a_private_file(files):
    certificate, key = files
    with joined_certificate(TlsConfig(enabled=True, cert_file=certificate, key_file=key)) as joined:
        assert joined.read_text().split() == ["CERTIFICATE", "KEY"]
        assert stat.S_IMODE(joined.stat().st_mode) == 0o600
        assert stat.S_IMODE(joined.parent.stat().st_mode) == 0o700
    assert not joined.parent.exists()


def test_the_joined_file_is_removed_after_an_error(files):
    certificate, key = files
    with (
        pytest.raises(RuntimeError),
        joined_certificate(TlsConfig(enabled=True, cert_file=certificate, key_file=key)) as joined,
    ):
        raise RuntimeError
    assert not joined.parent.exists()


def test_a_forgotten_file_is_removed(files):
    certificate, key = files
    forgotten = joined_certificate(TlsConfig(enabled=True, cert_file=certificate, key_file=key))
    joined = forgotten.__enter__()
    del forgotten
    gc.collect()
    assert not joined.parent.exists()


def test_one_file_for_both_is_used_as_it_is(files, tmp_path):
    certificate, _ = files
    with joined_certificate(TlsConfig(enabled=True, cert_file=certificate)) as joined:
        assert joined == certificate
    same = tmp_path / "." / "cert.pem"
    with joined_certificate(TlsConfig(enabled=True, cert_file=certificate, key_file=same)) as joined:
        assert joined == certificate
    assert certificate.exists()


def test_without_a_client_certificate_there_is_no_file():
    for tls in (TlsConfig(), TlsConfig(enabled=True)):
        with joined_certificate(tls) as joined:
            assert joined is None


def test_a_file_that_went_away_is_told(files):
    certificate, key = files
    tls = TlsConfig(enabled=True, cert_file=certificate, key_file=key)
    key.unlink()
    with pytest.raises(TlsError, match="cannot be read"), joined_certificate(tls):
        pass
