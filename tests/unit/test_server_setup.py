from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from llm_devops_mongodb.errors import ConfigError
from llm_devops_mongodb.testing import ServerSettings
from llm_devops_mongodb.testing.access import Access
from llm_devops_mongodb.testing.certificates import CertificateAuthority, Validity
from llm_devops_mongodb.testing.given import GivenServer
from llm_devops_mongodb.testing.ports import ReservedPort
from llm_devops_mongodb.testing.protection import require
from llm_devops_mongodb.testing.server_log import ServerLog


@pytest.fixture(scope="module")
def authority():
    return CertificateAuthority()


@pytest.fixture
def log(tmp_path):
    return ServerLog(tmp_path / "log")


def certificate_of(issued):
    return x509.load_pem_x509_certificate(issued.certificate)


def record(severity, message):
    return json.dumps({"s": severity, "msg": message}) + "\n"


def parameters_of(command):
    return {value for name, value in pairwise(command) if name == "--setParameter"}


def test_parameters_add_to_replace_and_remove_the_own_ones():
    settings = ServerSettings(set_parameters={"a": True, "enableTestCommands": 0, "ttlMonitorSleepSecs": None})

    command = settings.command_line(Path("mongod"), 1, folder=Path("data"), security=["--auth"])

    assert {"a=true", "enableTestCommands=0", "diagnosticDataCollectionEnabled=false"} < parameters_of(command)
    assert not any("ttlMonitorSleepSecs" in parameter for parameter in parameters_of(command))
    assert "--auth" in command


def test_further_arguments_come_last():
    settings = ServerSettings(arguments=("--syncdelay", "1"))

    assert settings.command_line(Path("mongod"), 1, folder=Path("data"))[-2:] == ["--syncdelay", "1"]


def test_times_reach_the_replica_sets_configuration_in_milliseconds():
    settings = ServerSettings(election_timeout=timedelta(seconds=2), heartbeat_interval=timedelta(milliseconds=50))

    config = settings.replica_set_config(["a:1", "b:2"])

    assert config["settings"] == {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 50}
    assert config["members"] == [{"_id": 0, "host": "a:1"}, {"_id": 1, "host": "b:2"}]


def test_a_uri_quotes_credentials_and_paths():
    access = Access("a:/b", "p@s %", Path("/ca file"), Path("/me&you"))

    assert access.uri(["h:1", "h:2"], replicaSet="rs0") == (
        "mongodb://a%3A%2Fb:p%40s+%25@h:1,h:2/?replicaSet=rs0&authSource=admin"
        "&tls=true&tlsCAFile=%2Fca+file&tlsCertificateKeyFile=%2Fme%26you"
    )
    assert access.uri(["h:1"], authenticated=False).startswith("mongodb://h:1/?tls=true")
    assert Access().uri(["h:1"], directConnection="true") == "mongodb://h:1/?directConnection=true"


def test_a_password_and_a_given_address_are_not_shown():
    assert "hidden" not in repr(Access("ada", "hidden"))
    assert "hidden" not in repr(GivenServer("mongodb://ada:hidden@h/"))


def test_connections_are_encrypted_where_there_is_an_authority(authority, tmp_path):
    access = Access(ca_file=authority.write(tmp_path / "ca.pem"))

    assert access.tls_context().get_ca_certs()
    assert Access().tls_context() is None


def test_a_reserved_port_is_given_to_nobody_else():
    reserved = [ReservedPort() for _ in range(20)]

    assert len({port.number for port in reserved}) == 20
    for port in reserved:
        port.close()
        port.close()


def test_a_log_listens_when_it_says_so_and_only_since_it_began(log):
    assert not log.says_listening()
    assert log.excerpt() == ""
    log.begin()
    log.path.write_text(record("I", "Waiting for connections"))
    assert log.says_listening()

    log.begin()

    assert not log.says_listening()


def test_an_excerpt_is_the_errors_and_what_is_no_record(log):
    log.path.write_text(record("I", "fine") + "Error parsing\n" + record("E", "bad") + "[1]\n" + record("F", "worse"))

    assert log.excerpt().splitlines() == ["Error parsing", record("E", "bad")[:-1], "[1]", record("F", "worse")[:-1]]


def test_an_excerpt_without_errors_is_the_last_ten_lines(log):
    log.path.write_text("".join(record("I", str(number)) for number in range(30)))

    assert [json.loads(line)["msg"] for line in log.excerpt().splitlines()] == [str(n) for n in range(20, 30)]


def test_a_missing_package_names_the_extra_that_installs_it():
    with pytest.raises(ConfigError, match=r"no_such_package.*llm-devops-mongodb\[testing\]"):
        require("no_such_package", extra="testing")


def test_certificates_are_signed_by_the_authority(authority):
    issuer = x509.load_pem_x509_certificate(authority.certificate)

    for issued in (authority.issue_server(), authority.issue_client("reader")):
        certificate_of(issued).verify_directly_issued_by(issuer)
    with pytest.raises(InvalidSignature):
        certificate_of(CertificateAuthority().issue_server()).verify_directly_issued_by(issuer)


def test_a_server_certificate_holds_for_names_and_addresses(authority):
    issued = authority.issue_server(["a.example", "127.0.0.1", "::1"])

    names = certificate_of(issued).extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["a.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_a_clients_subject_is_as_the_server_writes_it(authority):
    assert authority.issue_client("reader").subject == "O=Embedded Mongo,OU=clients,CN=reader"


def test_a_certificate_holds_for_the_time_asked_for(authority):
    now = datetime.now(UTC)
    start = now.replace(microsecond=0) + timedelta(days=3)

    later = certificate_of(authority.issue_client("later", validity=Validity(start, timedelta(hours=1))))
    expired = certificate_of(authority.issue_server(validity=Validity.expired()))
    usual = certificate_of(authority.issue_server())

    assert (later.not_valid_before_utc, later.not_valid_after_utc) == (start, start + timedelta(hours=1))
    assert expired.not_valid_after_utc < now
    assert usual.not_valid_before_utc < now < usual.not_valid_after_utc


def test_files_of_a_certificate_are_private(authority, tmp_path):
    issued = authority.issue_client("reader")

    both = issued.write(tmp_path / "both.pem")
    parts = issued.write_key(tmp_path / "key.pem"), issued.write_certificate(tmp_path / "certificate.pem")

    assert both.read_bytes() == parts[0].read_bytes() + parts[1].read_bytes()
    assert {path.stat().st_mode & 0o777 for path in (both, *parts)} == {0o600}
    assert issued.key.decode() not in repr(issued)


def test_a_key_can_be_encrypted(authority):
    issued = authority.issue_client("reader", key_password="secret")

    assert b"ENCRYPTED" in issued.key
    with pytest.raises(TypeError):
        load_pem_private_key(issued.key, None)
    assert load_pem_private_key(issued.key, b"secret")
