import json
import os
import subprocess
import sys
import warnings
from datetime import timedelta

import pytest

from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern
from llm_devops_mongodb.config import MongoConfig, SimulationMode, TlsConfig
from llm_devops_mongodb.errors import ConfigError

URI = "mongodb://localhost:27017/shop"


def faults(build) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        build()
    assert caught.value.__context__ is None
    return {fault.field: fault.message for fault in caught.value.faults}


@pytest.fixture
def pem(tmp_path):
    file = tmp_path / "some.pem"
    file.write_text("PEM")
    return file


@pytest.fixture
def written(tmp_path):
    def write(name: str, text: str | bytes):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def test_every_name_of_the_environment_is_read(pem):
    config = MongoConfig.from_env(
        environ={
            "MONGODB_URI": URI,
            "MONGODB_DEFAULT_DATABASE": "till",
            "MONGODB_MIN_POOL_SIZE": "2",
            "MONGODB_MAX_POOL_SIZE": "20",
            "MONGODB_CONNECT_TIMEOUT": "500ms",
            "MONGODB_SERVER_SELECTION_TIMEOUT": "1m30s",
            "MONGODB_READ_PREFERENCE": "secondaryPreferred",
            "MONGODB_READ_CONCERN": "majority",
            "MONGODB_WRITE_CONCERN": "2",
            "MONGODB_TLS_ENABLED": "true",
            "MONGODB_TLS_CA_FILE": str(pem),
            "MONGODB_TLS_CERT_FILE": str(pem),
            "MONGODB_TLS_KEY_FILE": str(pem),
            "MONGODB_TLS_ALLOW_INVALID_CERTIFICATES": "false",
            "MONGODB_SIMULATION_MODE": "replay",
            "MONGODB_AUDIT_ENABLED": "1",
            "MONGODB_QUERY_GUARD_ENABLED": "true",
            "MONGODB_QUERY_GUARD_MODE": "raise",
            "MONGODB_QUERY_GUARD_REPEATS": "5",
            "MONGODB_QUERY_GUARD_WINDOW": "2s",
            "MONGODB_QUERY_GUARD_IGNORE": "app.jobs,admin.*",
            "MONGODB_APP_NAME": "shop",
            "MONGODB_COMPRESSORS": "zstd,zlib",
            "MONGODB_RETRY_READS": "no",
        }
    )
    assert config == MongoConfig(
        uri=URI,
        default_database="till",
        min_pool_size=2,
        max_pool_size=20,
        connect_timeout=timedelta(seconds=0.5),
        server_selection_timeout=timedelta(seconds=90),
        read_preference=ReadPreference.SECONDARY_PREFERRED,
        read_concern=ReadConcern.MAJORITY,
        write_concern=WriteConcern(2),
        tls=TlsConfig(enabled=True, ca_file=pem, cert_file=pem, key_file=pem),
        simulation_mode=SimulationMode.REPLAY,
        audit=True,
        query_guard={
            "enabled": True,
            "mode": "raise",
            "repeats": 5,
            "window": "2s",
            "ignore": ("app.jobs", "admin.*"),
        },
        app_name="shop",
        compressors=("zstd", "zlib"),
        retry_reads=False,
    )


def test_variables_that_are_not_set_leave_the_defaults():
    assert MongoConfig.from_env(environ={"MONGODB_URI": URI}) == MongoConfig(uri=URI)


def test_the_process_environment_is_read_by_default():
    code = "from llm_devops_mongodb.config import MongoConfig; print(MongoConfig.from_env().app_name)"
    environ = {**os.environ, "MONGODB_URI": URI, "MONGODB_APP_NAME": "from outside"}
    ran = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "from outside"


@pytest.mark.parametrize("prefix", ["SHOP_DB_", ""])
def test_another_prefix_may_be_asked_for(prefix):
    environ = {f"{prefix}URI": URI, f"{prefix}TLS_ENABLED": "true", "MONGODB_URI": "mongodb://elsewhere"}
    config = MongoConfig.from_env(prefix, environ)
    assert config.uri == URI
    assert config.tls.enabled


def test_a_part_of_tls_joins_what_the_uri_says_of_tls(pem):
    environ = {"MONGODB_URI": "mongodb://h/?tls=true", "MONGODB_TLS_CA_FILE": str(pem)}
    assert MongoConfig.from_env(environ=environ).tls == TlsConfig(enabled=True, ca_file=pem)


def test_faults_name_their_variables():
    found = faults(
        lambda: MongoConfig.from_env(
            environ={
                "MONGODB_MAX_POOL_SIZE": "hunter2",
                "MONGODB_CONNECT_TIMEOUT": "10",
                "MONGODB_COMPRESSORS": "zip",
                "MONGODB_WRITE_CONCERN": "-1",
                "MONGODB_TLS_CA_FILE": "/nowhere",
                "MONGODB_APP_NAME": "x" * 200,
                "MONGODB_DEFAULT_DATABASE": "",
            }
        )
    )
    assert {field: message.rpartition(" ")[2] for field, message in found.items()} == {
        "uri": "(MONGODB_URI)",
        "default_database": "(MONGODB_DEFAULT_DATABASE)",
        "max_pool_size": "(MONGODB_MAX_POOL_SIZE)",
        "connect_timeout": "(MONGODB_CONNECT_TIMEOUT)",
        "write_concern.w": "(MONGODB_WRITE_CONCERN)",
        "compressors.0": "(MONGODB_COMPRESSORS)",
        "app_name": "(MONGODB_APP_NAME)",
        "tls.ca_file": "(MONGODB_TLS_CA_FILE)",
    }
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("MONGODB_URL", "MONGODB_URI"),
        ("MONGODB_URIS", "MONGODB_URI"),
        ("MONGODB_MAX_POOLSIZE", "MONGODB_MAX_POOL_SIZE"),
        ("MONGODB_MAX_POOL_SISE", "MONGODB_MAX_POOL_SIZE"),
        ("MONGODB_TLS_CAFILE", "MONGODB_TLS_CA_FILE"),
        ("MONGODB_TLS_CERTIFICATE_FILE", "MONGODB_TLS_CERT_FILE"),
        ("MONGODB_APPNAME", "MONGODB_APP_NAME"),
        ("MONGODB_CONNECT_TIMEOUT_MS", "MONGODB_CONNECT_TIMEOUT"),
        ("MONGODB_DEFAULT_DB", "MONGODB_DEFAULT_DATABASE"),
    ],
)
def test_a_nearly_right_variable_is_warned_of(variable, meant):
    with pytest.warns(UserWarning, match=f"{variable} is not read; did you mean {meant}\\?") as caught:
        MongoConfig.from_env(environ={"MONGODB_URI": URI, variable: "hunter2"})
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "hunter2" not in str(caught[0].message)


@pytest.mark.parametrize(
    "variable",
    [
        "MONGODB_SERVICE_HOST",
        "MONGODB_SERVICE_PORT",
        "MONGODB_SERVICE_PORT_MONGODB",
        "MONGODB_PORT",
        "MONGODB_PORT_27017_TCP",
        "MONGODB_PORT_27017_TCP_ADDR",
        "MONGODB_PORT_27017_TCP_PROTO",
        "MONGODB_USERNAME",
        "MONGODB_USER",
        "MONGODB_PASSWORD",
        "MONGODB_ROOT_PASSWORD",
        "MONGODB_HOST",
        "MONGODB_VERSION",
        "MONGOD_URI",
        "MAX_POOLSIZE",
    ],
)
def test_variables_of_others_are_left_alone(variable):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config = MongoConfig.from_env(environ={"MONGODB_URI": URI, variable: "x"})
    assert config == MongoConfig(uri=URI)


TOML = f"""
uri = "{URI}"
max_pool_size = 20
timeout = "2s"
compressors = ["zlib"]
read_preference = {{ mode = "secondary", tag_sets = [{{ dc = "east" }}, {{}}] }}
[tls]
enabled = true
[write_concern]
w = "majority"
journal = true
"""
YAML = f"""
uri: {URI}
max_pool_size: 20
timeout: 2s
compressors: [zlib]
read_preference: {{mode: secondary, tag_sets: [{{dc: east}}, {{}}]}}
tls:
  enabled: true
write_concern:
  w: majority
  journal: true
"""
JSON = json.dumps(
    {
        "uri": URI,
        "max_pool_size": 20,
        "timeout": "2s",
        "compressors": ["zlib"],
        "read_preference": {"mode": "secondary", "tag_sets": [{"dc": "east"}, {}]},
        "tls": {"enabled": True},
        "write_concern": {"w": "majority", "journal": True},
    }
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app.toml", TOML),
        ("app.json", JSON),
        ("app.yaml", YAML),
        ("app.yml", YAML),
        ("APP.TOML", TOML),
        ("bom.json", b"\xef\xbb\xbf" + JSON.encode()),
    ],
)
def test_a_file_says_the_same_in_every_format(written, name, text):
    assert MongoConfig.from_file(written(name, text)) == MongoConfig(
        uri=URI,
        max_pool_size=20,
        timeout=timedelta(seconds=2),
        compressors=["zlib"],
        read_preference=ReadPreference.tagged([{"dc": "east"}, {}], mode="secondary"),
        tls=TlsConfig(enabled=True),
        write_concern=WriteConcern("majority", journal=True),
    )


def test_a_path_may_be_text(written):
    assert MongoConfig.from_file(str(written("app.json", JSON))).uri == URI


def test_faults_of_a_file_name_field_and_file(written):
    file = written("app.toml", 'uri = "mongodb://h"\nmax_pool_sise = 5\n[tls]\nca_fil = "hunter2"\n')
    assert faults(lambda: MongoConfig.from_file(file)) == {
        "max_pool_sise": f"unknown setting; did you mean 'max_pool_size'? (in {file})",
        "tls.ca_fil": f"unknown setting; did you mean 'ca_file'? (in {file})",
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("app.toml", 'uri = "mongodb://ann:hunter2@h"\nx = hunter2\n', "is not valid TOML, line 2, column 5"),
        ("app.toml", 'uri = "hunter2', "is not valid TOML"),
        ("app.json", '{"uri": "hunter2",\n "x" hunter2}', "is not valid JSON, line 2, column 6"),
        ("app.json", "[" * 100_000, "is not valid JSON"),
        ("app.yaml", "uri: hunter2\nx: [hunter2\n", "is not valid YAML, line 3, column 1"),
        ("app.yaml", "!!python/object/apply:os.system ['hunter2']", "is not valid YAML, line 1, column 1"),
        ("app.toml", b"uri = 'hunter2\xff'", "is not valid TOML"),
        ("app.json", "[1]", "must hold a table of names and values"),
        ("app.yaml", "", "must hold a table of names and values"),
        ("app.ini", "hunter2", "a file of settings ends in .toml, .json, .yaml, .yml"),
    ],
)
def test_a_malformed_file_is_told_by_path_and_position_without_its_text(written, name, text, message):
    file = written(name, text)
    found = faults(lambda: MongoConfig.from_file(file))
    assert list(found) == [str(file)]
    assert found[str(file)].startswith(message)
    assert "hunter2" not in str(found)


def test_keys_that_are_no_names_are_unknown_settings(written):
    assert "5" in faults(lambda: MongoConfig.from_file(written("app.yaml", "uri: mongodb://h\n5: 6\n")))


def test_a_missing_file_is_told(tmp_path):
    missing = tmp_path / "app.toml"
    assert faults(lambda: MongoConfig.from_file(missing)) == {str(missing): "cannot be read: No such file or directory"}


def test_yaml_without_its_package_is_told_what_to_install(written):
    file = written("app.yaml", YAML)
    code = (
        "import sys; sys.modules['yaml'] = None\n"
        "from llm_devops_mongodb.config import MongoConfig\n"
        f"try: MongoConfig.from_file({str(file)!r})\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("ConfigError")
    assert "pip install 'llm-devops-mongodb[yaml]'" in ran.stdout
