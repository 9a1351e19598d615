import copy
import logging
import pickle
import traceback
from datetime import timedelta
from pathlib import Path
from typing import get_type_hints

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern
from llm_devops_mongodb.config import (
    AuditConfig,
    ConfigSettings,
    MongoConfig,
    QueryGuardConfig,
    SimulationMode,
    TlsConfig,
    TracingConfig,
)
from llm_devops_mongodb.errors import ConfigError
from llm_devops_mongodb.security.secrets import SecretString

URI = "mongodb://localhost:27017"


def faults(build) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        build()
    assert caught.value.__context__ is None
    return {fault.field: fault.message for fault in caught.value.faults}


def faults_of(uri=URI, **settings) -> dict[str, str]:
    return faults(lambda: MongoConfig(uri=uri, **settings))


@pytest.fixture
def pem(tmp_path):
    file = tmp_path / "some.pem"
    file.write_text("PEM")
    return file


def test_the_designs_own_test_of_the_configuration_holds():
    valid = MongoConfig(uri=URI, default_database="test", min_pool_size=5, max_pool_size=100)
    assert valid.default_database == "test"
    with pytest.raises(ConfigError):
        valid.replace(min_pool_size=100, max_pool_size=10)


def test_the_defaults_are_those_of_the_design():
    config = MongoConfig(uri=URI)
    assert config.model_dump() == {
        "uri": URI,
        "default_database": None,
        "max_pool_size": 100,
        "min_pool_size": 5,
        "connect_timeout": timedelta(seconds=10),
        "server_selection_timeout": timedelta(seconds=30),
        "wait_queue_timeout": timedelta(seconds=10),
        "heartbeat_frequency": None,
        "timeout": None,
        "read_preference": None,
        "read_concern": None,
        "write_concern": None,
        "retry_reads": True,
        "retry_writes": True,
        "retry": {
            "enabled": False,
            "max_attempts": 3,
            "initial_delay": timedelta(milliseconds=100),
            "max_delay": timedelta(seconds=2),
        },
        "transaction_retry_limit": timedelta(seconds=120),
        "compressors": (),
        "app_name": None,
        "tls": TlsConfig().model_dump(),
        "simulation_mode": SimulationMode.DISABLED,
        "simulation_path": None,
        "tz_aware": True,
        "uuid_representation": "standard",
        "validate_documents": True,
        "max_namespace_bytes": 120,
        "max_find_results": None,
        "cursor_secret": None,
        "audit": {"enabled": False},
        "tracing": {"enabled": False},
        "query_guard": {
            "enabled": False,
            "mode": "warn",
            "collection_scans": True,
            "in_memory_sorts": True,
            "unbounded_finds": True,
            "max_documents": 1000,
            "repeated_queries": True,
            "repeats": 10,
            "window": timedelta(seconds=1),
            "ignore": (),
        },
    }
    assert not TlsConfig().enabled


def test_every_field_but_the_uri_has_a_typed_keyword():
    assert set(get_type_hints(ConfigSettings)) == set(MongoConfig.model_fields) - {"uri"}


def test_simulation_modes_have_the_values_of_the_design():
    assert [str(mode) for mode in SimulationMode] == ["disabled", "record", "replay"]


def test_what_is_given_is_converted(tmp_path):
    config = MongoConfig(
        uri=URI,
        connect_timeout="1m30s",
        read_preference="secondaryPreferred",
        read_concern="majority",
        write_concern={"w": "majority", "timeout": "5s"},
        compressors="zstd,zlib",
        simulation_mode="record",
        simulation_path=str(tmp_path),
        audit=True,
        tracing={"enabled": True},
        query_guard={"enabled": "yes", "mode": "raise", "window": "500ms", "ignore": "app.jobs,admin.*"},
    )
    assert config.connect_timeout == timedelta(seconds=90)
    assert config.read_preference is not None
    assert config.read_preference == ReadPreference.SECONDARY_PREFERRED
    assert config.read_concern is ReadConcern.MAJORITY
    assert config.write_concern == WriteConcern("majority", timeout=timedelta(seconds=5))
    assert config.compressors == ("zstd", "zlib")
    assert config.simulation_mode is SimulationMode.RECORD
    assert config.simulation_path == Path(tmp_path)
    assert config.audit == AuditConfig(enabled=True)
    assert config.tracing == TracingConfig(enabled=True)
    assert config.query_guard == QueryGuardConfig(
        enabled=True, mode="raise", window=timedelta(milliseconds=500), ignore=["app.jobs", "admin.*"]
    )
    assert MongoConfig(uri=URI, query_guard=True).query_guard == QueryGuardConfig(enabled=True)


def test_a_configuration_cannot_be_changed():
    config = MongoConfig(uri=URI)
    with pytest.raises(ConfigError, match="replace"):
        config.uri = "mongodb://elsewhere"


@pytest.mark.parametrize(
    ("settings", "field", "message"),
    [
        ({"uri": ""}, "uri", "must not be empty"),
        ({"uri": 5}, "uri", "valid string"),
        ({"uri": "http://localhost"}, "uri", "must start with mongodb:// or mongodb+srv://"),
        ({"uri": "mongodb://h/?maxPoolSise=5"}, "uri", "did you mean 'maxPoolSize'?"),
        ({"uri": "mongodb://h/?proxyHost=p"}, "uri", "the driver does not know option proxyHost"),
        ({"default_database": ""}, "default_database", "must not be empty"),
        ({"default_database": "x" * 64}, "default_database", "at most 63 bytes"),
        ({"default_database": "ä" * 32}, "default_database", "at most 63 bytes"),
        ({"min_pool_size": 100, "max_pool_size": 10}, "min_pool_size", "min_pool_size cannot exceed max_pool_size"),
        ({"max_pool_size": 0}, "max_pool_size", "greater than or equal to 1"),
        ({"min_pool_size": -1}, "min_pool_size", "greater than or equal to 0"),
        ({"connect_timeout": timedelta(0)}, "connect_timeout", "must be positive"),
        ({"server_selection_timeout": "0s"}, "server_selection_timeout", "must be positive"),
        ({"wait_queue_timeout": timedelta(-1)}, "wait_queue_timeout", "must be positive"),
        ({"timeout": 5}, "timeout", "a number needs a unit"),
        ({"heartbeat_frequency": "499ms"}, "heartbeat_frequency", "at least 500ms"),
        ({"read_preference": "fastest"}, "read_preference.mode", "must be one of"),
        ({"read_concern": "most"}, "read_concern", "'majority'"),
        ({"write_concern": -1}, "write_concern.w", "must not be negative"),
        ({"compressors": "zlib,zip"}, "compressors.1", "'snappy', 'zlib' or 'zstd'"),
        ({"app_name": "x" * 129}, "app_name", "at most 128 bytes"),
        ({"simulation_mode": "on"}, "simulation_mode", "'disabled', 'record' or 'replay'"),
        ({"uuid_representation": "new"}, "uuid_representation", "'standard'"),
        ({"max_namespace_bytes": 256}, "max_namespace_bytes", "less than or equal to 255"),
        ({"max_find_results": 0}, "max_find_results", "greater than or equal to 1"),
        ({"audit": "perhaps"}, "audit.enabled", "valid boolean"),
        ({"tracing": {"enabld": True}}, "tracing.enabld", "did you mean 'enabled'?"),
        ({"tls": {1: 2}}, "tls.1", "unknown setting"),
        ({"query_guard": {"mode": "log"}}, "query_guard.mode", "'warn' or 'raise'"),
        ({"query_guard": {"repeats": 0}}, "query_guard.repeats", "greater than or equal to 1"),
        ({"query_guard": {"max_documents": 0}}, "query_guard.max_documents", "greater than or equal to 1"),
        ({"query_guard": {"window": "0s"}}, "query_guard.window", "must be positive"),
        ({"query_guard": {"repeat": 5}}, "query_guard.repeat", "did you mean 'repeats'?"),
        ({"max_pool_sise": 5}, "max_pool_sise", "unknown setting; did you mean 'max_pool_size'?"),
        ({"colour": "red"}, "colour", "unknown setting"),
    ],
)
def test_a_configuration_that_cannot_work_cannot_be_made(settings, field, message):
    found = faults_of(**settings)
    assert list(found) == [field]
    assert message in found[field]


@pytest.mark.parametrize("character", list('/\\. "$\0'))
def test_a_database_name_without_forbidden_characters_is_asked_for(character):
    assert "default_database" in faults_of(default_database=f"a{character}b")


@given(st.text(st.characters(exclude_characters='/\\. "$\0', exclude_categories=["Cs"]), min_size=1, max_size=15))
def test_other_database_names_are_accepted(name):
    assert MongoConfig(uri=URI, default_database=name).default_database == name


def test_the_uri_is_required():
    assert faults(MongoConfig) == {"uri": "is required"}


def test_every_fault_is_told_at_once_in_the_order_of_the_fields():
    found = faults_of(
        uri="mongodb://h/?colour=red",
        colour="red",
        tracing=3,
        max_pool_size=2,
        min_pool_size=3,
        default_database="",
        tls={"ca_file": "/nowhere", "key_file": "/nowhere"},
        write_concern={"w": 0, "journal": True},
    )
    assert list(found) == [
        "uri",
        "default_database",
        "min_pool_size",
        "write_concern.journal",
        "tls.ca_file",
        "tls.key_file",
        "tracing.enabled",
        "colour",
    ]


def test_the_error_names_the_first_fault_and_shows_all():
    with pytest.raises(ConfigError) as caught:
        MongoConfig(uri=URI, max_pool_size=0, app_name="x" * 200)
    assert caught.value.field == "max_pool_size"
    assert "app_name: must have at most 128 bytes" in str(caught.value)


def test_a_greatest_pool_below_the_default_least_lowers_the_least():
    assert MongoConfig(uri=URI, max_pool_size=2).min_pool_size == 2
    assert MongoConfig(uri="mongodb://h/?maxPoolSize=3").min_pool_size == 3


def test_waiting_for_a_connection_may_be_unlimited_only_by_saying_so():
    assert MongoConfig(uri=URI, wait_queue_timeout=None).wait_queue_timeout is None


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("maxPoolSize=20", "max_pool_size", 20),
        ("minPoolSize=2", "min_pool_size", 2),
        ("connectTimeoutMS=1500", "connect_timeout", timedelta(seconds=1.5)),
        ("serverSelectionTimeoutMS=2000", "server_selection_timeout", timedelta(seconds=2)),
        ("waitQueueTimeoutMS=100", "wait_queue_timeout", timedelta(milliseconds=100)),
        ("heartbeatFrequencyMS=500", "heartbeat_frequency", timedelta(milliseconds=500)),
        ("timeoutMS=250", "timeout", timedelta(milliseconds=250)),
        ("timeoutMS=0", "timeout", None),
        ("readPreference=nearest", "read_preference", ReadPreference.NEAREST),
        (
            "readPreference=secondary&readPreferenceTags=dc:ny&readPreferenceTags=&maxStalenessSeconds=120",
            "read_preference",
            ReadPreference.tagged([{"dc": "ny"}, {}], mode="secondary", max_staleness=timedelta(seconds=120)),
        ),
        ("readPreference=secondary&maxStalenessSeconds=-1", "read_preference", ReadPreference.SECONDARY),
        ("readConcernLevel=majority", "read_concern", ReadConcern.MAJORITY),
        (
            "w=2&journal=true&wTimeoutMS=5000",
            "write_concern",
            WriteConcern(2, journal=True, timeout=timedelta(seconds=5)),
        ),
        ("w=majority&wTimeoutMS=0", "write_concern", WriteConcern("majority")),
        # `WriteConcern(journal=True)` would weaken the server's own `w: "majority"` to one member.
        ("journal=true", "write_concern", WriteConcern(None, journal=True)),
        ("appName=shop", "app_name", "shop"),
        ("compressors=zstd,zlib", "compressors", ("zstd", "zlib")),
        ("retryReads=false", "retry_reads", False),
        ("retryWrites=false", "retry_writes", False),
        ("uuidRepresentation=javaLegacy", "uuid_representation", "javaLegacy"),
        ("tz_aware=false", "tz_aware", False),
        ("tls=true", "tls", TlsConfig(enabled=True)),
        ("ssl=true", "tls", TlsConfig(enabled=True)),
        (
            "tls=true&tlsInsecure=true",
            "tls",
            TlsConfig(enabled=True, allow_invalid_certificates=True, allow_invalid_hostnames=True),
        ),
        ("tls=true&tlsAllowInvalidHostnames=true", "tls", TlsConfig(enabled=True, allow_invalid_hostnames=True)),
    ],
)
def test_what_the_uri_says_is_what_the_configuration_says(query, field, value):
    config = MongoConfig(uri=f"mongodb://h/?{query}")
    assert getattr(config, field) == value
    assert config.driver_uri == "mongodb://h/"


def test_what_no_field_holds_is_left_to_the_driver():
    config = MongoConfig(uri="mongodb://ann:pw@h/db?replicaSet=rs&w=1&maxIdleTimeMS=5")
    assert config.driver_uri == "mongodb://ann:pw@h/db?replicaSet=rs&maxIdleTimeMS=5"


def test_the_database_of_the_uri_is_the_default():
    assert MongoConfig(uri="mongodb://h/shop").default_database == "shop"
    assert MongoConfig(uri="mongodb://h/shop", default_database=None).default_database == "shop"
    assert MongoConfig(uri="mongodb://h/shop", default_database="till").default_database == "till"
    assert MongoConfig(uri="mongodb://h/?w=1").default_database is None


def test_a_field_that_is_given_wins_over_the_uri():
    config = MongoConfig(
        uri="mongodb://h/?maxPoolSize=20&w=2&journal=true&readPreference=nearest&tls=true&tlsAllowInvalidHostnames=true",
        max_pool_size=7,
        write_concern=WriteConcern("majority"),
        read_preference=None,
        tls=TlsConfig(enabled=True),
    )
    assert config.max_pool_size == 7
    assert config.write_concern == WriteConcern("majority")
    assert config.read_preference == ReadPreference.NEAREST
    assert config.tls == TlsConfig(enabled=True)


def test_parts_of_tls_may_be_given_over_the_uri(pem):
    assert MongoConfig(uri="mongodb://h/?tls=true", tls={"ca_file": pem}).tls == TlsConfig(enabled=True, ca_file=pem)
    assert not MongoConfig(uri="mongodb://h/?tls=true", tls=False).tls.enabled
    assert MongoConfig(uri=f"mongodb://h/?tlsCAFile={pem}", tls=True).tls == TlsConfig(enabled=True, ca_file=pem)
    assert MongoConfig(uri=URI, tls=True).tls == TlsConfig(enabled=True)


def test_an_srv_uri_turns_tls_on(pem):
    assert MongoConfig(uri="mongodb+srv://c.example.net").tls.enabled
    assert MongoConfig(uri="mongodb+srv://c.example.net", tls={"ca_file": pem}).tls.enabled
    assert not MongoConfig(uri="mongodb+srv://c.example.net/?tls=false").tls.enabled


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("a.b?", "default_database"),
        ("?maxPoolSize=0", "max_pool_size"),
        ("?connectTimeoutMS=0", "connect_timeout"),
        ("?minPoolSize=200", "min_pool_size"),
        ("?readConcernLevel=most", "read_concern"),
        ("?readPreferenceTags=dc:ny", "read_preference"),
        ("?w=0&journal=true", "write_concern.journal"),
        ("?tls=true&tlsCAFile=/nowhere", "tls.ca_file"),
    ],
)
def test_a_fault_of_the_uri_in_a_field_says_so(query, field):
    found = faults_of(f"mongodb://h/{query}")
    assert list(found) == [field]
    assert found[field].endswith(" (from the URI)")


def test_tls_files_must_exist_where_tls_is_on(pem, tmp_path):
    tls = TlsConfig(enabled=True, ca_file=pem, cert_file=str(pem), key_file=pem)
    assert tls.cert_file == pem
    for name in ("ca_file", "cert_file"):
        for missing in (tmp_path / "nowhere.pem", tmp_path):
            found = faults(lambda name=name, missing=missing: TlsConfig(enabled=True, **{name: missing}))
            assert found == {f"tls.{name}": "no such file, or it cannot be read"}


def test_tls_files_without_tls_are_refused(pem):
    assert "set tls.enabled" in faults(lambda: TlsConfig(ca_file=pem))["tls.ca_file"]


def test_a_key_without_its_certificate_is_refused(pem):
    assert list(faults(lambda: TlsConfig(enabled=True, key_file=pem))) == ["tls.key_file"]


def test_a_wrong_switch_is_the_only_fault_of_its_tls(pem):
    assert list(faults(lambda: TlsConfig(enabled="perhaps", ca_file=pem))) == ["tls.enabled"]


@pytest.mark.parametrize("name", ["allow_invalid_certificates", "allow_invalid_hostnames"])
def test_tls_that_proves_nothing_is_warned_of(caplog, name):
    TlsConfig(enabled=True, **{name: True})
    assert [(record.name, record.levelno) for record in caplog.records] == [("llm_devops_mongodb", logging.WARNING)]


def test_tls_that_is_off_or_sound_is_not_warned_of(caplog):
    TlsConfig(allow_invalid_certificates=True)
    TlsConfig(enabled=True)
    assert not caplog.records


def test_replacing_checks_everything_anew():
    config = MongoConfig(uri=URI, app_name="shop")
    assert config.replace(max_pool_size=7) == MongoConfig(uri=URI, app_name="shop", max_pool_size=7)
    assert config.model_copy(update={"max_pool_size": 7}) == config.replace(max_pool_size=7)
    assert "max_pool_size" in faults(lambda: config.replace(max_pool_size=0))
    assert "max_pool_size" in faults(lambda: config.model_copy(update={"max_pool_size": 0}))
    assert list(faults(lambda: config.replace(max_pol_size=1))) == ["max_pol_size"]


def test_another_uri_brings_its_own_settings():
    config = MongoConfig(uri="mongodb://h/shop?maxPoolSize=20&retryReads=false", retry_writes=False)
    other = config.replace(uri="mongodb://h2/till")
    assert (other.default_database, other.max_pool_size, other.retry_reads) == ("till", 100, True)
    assert other.retry_writes is False


@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        lambda value: pickle.loads(pickle.dumps(value)),
        MongoConfig.model_copy,
        MongoConfig.replace,
    ],
)
def test_a_copy_is_equal_and_remembers_what_was_given(duplicate):
    config = MongoConfig(
        uri="mongodb://ann:pw@h/shop?readPreference=nearest", write_concern="majority", tls=True, compressors=["zlib"]
    )
    twin = duplicate(config)
    assert twin == config
    assert hash(twin) == hash(config)
    assert twin.model_fields_set == {"uri", "write_concern", "tls", "compressors"}


def test_a_configuration_is_made_through_pydantic_too():
    assert MongoConfig.model_validate({"uri": URI}) == MongoConfig(uri=URI)
    assert MongoConfig.model_validate_json('{"uri": "mongodb://h", "timeout": "2s"}').timeout == timedelta(seconds=2)
    assert pydantic.TypeAdapter(MongoConfig).validate_python({"uri": URI}) == MongoConfig(uri=URI)
    assert pydantic.TypeAdapter(dict[str, MongoConfig]).validate_python({"main": {"uri": URI}})["main"].uri == URI


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: MongoConfig.model_validate("mongodb://ann:hunter2@h"), "config"),
        (lambda: MongoConfig.model_validate({"uri": "mongodb://ann:hun/ter2@h"}), "uri"),
        (lambda: MongoConfig.model_validate_json("hunter2"), "config"),
        (lambda: MongoConfig.model_validate_json('{"uri": "mongodb://ann:hunter2@h:x"}'), "uri"),
        (lambda: TlsConfig.model_validate("hunter2"), "tls"),
    ],
)
def test_every_way_in_raises_the_same_error_without_values(build, field):
    found = faults(build)
    assert list(found) == [field]
    assert "hunter2" not in str(found)


def test_no_text_of_a_configuration_shows_a_secret():
    uri = "mongodb://ann:hunter2@h/db?authMechanismProperties=AWS_SESSION_TOKEN:hunter2&tlsCertificateKeyFilePassword=hunter2"
    config = MongoConfig(uri=uri)
    assert config.uri == uri
    shown = f"{config} {config!r} {config.tls} {[config]}"
    assert "hunter2" not in shown
    assert "mongodb://ann:[REDACTED]@h/db" in shown


def test_the_traceback_of_a_refused_configuration_shows_no_value():
    with pytest.raises(ConfigError) as caught:
        MongoConfig(uri="mongodb://ann:hunter2@h:port", app_name=["hunter2"])
    lines = traceback.format_exception(caught.value)
    assert "hunter2" not in "".join(line for line in lines if "MongoConfig(" not in line)


@pytest.mark.parametrize("given", ["hunter2" * 3, SecretString("hunter2" * 3), "é" * 8])
def test_a_cursor_secret_is_hidden_and_compares(given):
    config = MongoConfig(uri=URI, cursor_secret=given)
    assert isinstance(config.cursor_secret, SecretString)
    assert "hunter2" not in f"{config} {config!r} {config.model_dump()}"
    assert config == MongoConfig(uri=URI, cursor_secret=given)
    assert config.replace(app_name="x").cursor_secret == config.cursor_secret


@pytest.mark.parametrize("given", ["hunter2", "", SecretString("hunter2"), "x" * 15, b"hunter2" * 3, 7])
def test_a_cursor_secret_that_is_short_or_no_text_is_refused_without_showing_it(given):
    found = faults(lambda: MongoConfig(uri=URI, cursor_secret=given))
    assert list(found) == ["cursor_secret"]
    assert "hunter2" not in str(found)


def test_a_cursor_secret_comes_from_the_environment():
    config = MongoConfig.from_env(environ={"MONGODB_URI": URI, "MONGODB_CURSOR_SECRET": "s" * 16})
    assert config.cursor_secret == SecretString("s" * 16)
