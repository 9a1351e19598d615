import json
import pickle
from pathlib import Path

import pytest
from pymongo.common import URI_OPTIONS_VALIDATOR_MAP

from llm_devops_mongodb.errors import ConfigError
from llm_devops_mongodb.uri import MongoHost, MongoUri, parse_uri
from llm_devops_mongodb.uri.options import OPTIONS
from llm_devops_mongodb.uri.query import without_options

SPEC = Path(__file__).parents[3] / "shared" / "spec-tests"
TABLES = [*SPEC.glob("connection-string/*.json"), *SPEC.glob("uri-options/*.json")]
CASES = [
    pytest.param(case, id=f"{table.stem}-{case['description']}")
    for table in sorted(TABLES)
    for case in json.loads(table.read_text("utf-8"))["tests"]
]
# The specification keeps `+`; PyMongo, which logs in, reads it as a space.
PLUS_IN_USER = "Subdelimiters in user/pass don't need escaping (PLAIN)"


def fault_of(uri: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_uri(uri)
    assert {fault.field for fault in caught.value.faults} == {"uri"}
    return str(caught.value)


def plain(value):
    return [plain(item) for item in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("case", CASES or [pytest.param(None, marks=pytest.mark.skip("no specification tables here"))])
def test_the_tables_of_the_specification_hold(case):
    if not case["valid"] or case["warning"]:
        fault_of(case["uri"])
        return
    uri = parse_uri(case["uri"])
    if case.get("hosts"):
        assert [(host.kind, host.name, host.port) for host in uri.hosts] == [
            (host["type"], host["host"], host["port"]) for host in case["hosts"]
        ]
    if auth := case.get("auth"):
        username = auth["username"]
        if case["description"] == PLUS_IN_USER:
            username = username.replace("+", " ")
        assert (uri.username, uri.has_password, uri.database) == (username, auth["password"] is not None, auth["db"])
    options = {name.casefold(): plain(value) for name, value in uri.options.items()}
    expected = {name.casefold(): value for name, value in (case.get("options") or {}).items()}
    assert expected.items() <= options.items()


def test_a_uri_is_read_into_its_parts():
    uri = parse_uri("mongodb://ann:s%40cret@DB1,db2:27018,[fe80::1%25eth0]:1,%2Ftmp%2Fm.sock/shop?replicaSet=rs&w=2")
    assert uri == MongoUri(
        "mongodb",
        hosts=(
            MongoHost("db1"),
            MongoHost("db2", 27018),
            MongoHost("fe80::1%eth0", 1, "ip_literal"),
            MongoHost("/tmp/m.sock", None, "unix"),
        ),
        username="ann",
        has_password=True,
        database="shop",
        options={"replicaSet": "rs", "w": 2},
    )
    assert pickle.loads(pickle.dumps(uri)) == uri
    assert hash(uri) == hash(parse_uri("mongodb://ann:x@db1,db2:27018,[fe80::1%eth0]:1,%2Ftmp%2Fm.sock/shop"))


def test_a_read_uri_does_not_show_its_secrets():
    uri = parse_uri(
        "mongodb://ann:hunter2@h/?tlsCertificateKeyFilePassword=hunter2&authMechanismProperties=AWS_SESSION_TOKEN:hunter2"
    )
    assert "hunter2" not in repr(uri)


def test_an_srv_uri_names_one_record():
    assert parse_uri("mongodb+srv://cluster.example.net/?loadBalanced=true").is_srv
    assert not parse_uri("mongodb://h").is_srv


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", {}),
        ("W=1;JOURNAL=true", {"w": 1, "journal": True}),
        ("w=majority", {"w": "majority"}),
        ("ssl=true", {"tls": True}),
        ("appName=a%26b+c", {"appName": "a&b c"}),
        ("maxStalenessSeconds=-1", {"maxStalenessSeconds": -1}),
        ("readPreferenceTags=dc:a%2Cb&readPreferenceTags=", {"readPreferenceTags": ({"dc": "a,b"}, {})}),
        ("compressors=zstd,zlib", {"compressors": ("zstd", "zlib")}),
        ("authSource=%24external", {"authSource": "$external"}),
        ("uuidRepresentation=javaLegacy", {"uuidRepresentation": "javaLegacy"}),
    ],
)
def test_options_are_read_as_values(query, options):
    assert parse_uri(f"mongodb://h/?{query}").options == options


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("maxPoolSise=5", "unknown option 'maxPoolSise'; did you mean 'maxPoolSize'?"),
        ("colour=red", "unknown option 'colour'"),
        ("colour=red&jurnal=true", "unknown option; did you mean 'journal'?"),
        ("w=1&journal=true;tls=true", "not by both"),
        ("w=1&", "an option is malformed"),
        ("w", "option w is malformed"),
        ("w=1=2", "option w is malformed"),
        ("appName=%zz", "option appName is malformed"),
        ("authSource=", "option authSource must not be empty"),
        ("maxPoolSize=many", "option maxPoolSize must be a whole number of at least 0"),
        ("maxPoolSize=99999999999", "option maxPoolSize must be a whole number of at least 0"),
        ("proxyHost=p&proxyPort=70000", "option proxyPort must be a whole number from 1 to 65535"),
        ("maxStalenessSeconds=30", "option maxStalenessSeconds must be a whole number of at least 90"),
        ("w=-1", "option w must be a whole number of at least 0"),
        ("authMechanism=MONGODB-CR", "option authMechanism must be one of"),
        ("authMechanismProperties=COLOUR:red", "option authMechanismProperties its names must be among"),
        ("compressors=zip", "option compressors must be some of snappy, zlib, zstd"),
        ("readPreference=fastest", "option readPreference must be one of"),
        ("tls=true&ssl=false", "options tls and ssl contradict each other"),
        ("appName=a&appname=a", "option appName must be given once"),
    ],
)
def test_a_wrong_option_is_told_by_its_name(query, message):
    assert message in fault_of(f"mongodb://h/?{query}")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (" mongodb://h", "white space"),
        ("mongodb://h\n", "white space"),
        ("mongodb://h/\x00", "control characters"),
        ("MONGODB://h", "must start with mongodb:// or mongodb+srv://"),
        ("mongodb:h", "must start with mongodb:// or mongodb+srv://"),
        ("mongodb://h,,h2", "host 2 is empty"),
        ("mongodb://h:", "host 1 needs a port"),
        ("mongodb://[::1", "host 1 is no IPv6 address"),
        ("mongodb://[::g]", "host 1 is no IPv6 address"),
        ("mongodb://[::1]27017", "host 1 needs a port"),
        ("mongodb://a b", "host 1 is no host name"),
        ("mongodb://h%41", "host 1 is no host name"),
        ("mongodb://:pw@h", "the user name is empty"),
        ("mongodb://@h", "the user name is empty"),
        ("mongodb://h/a%24b", "the database's name must not hold"),
        ("mongodb+srv://h/?directConnection=true", "excludes option directConnection"),
        ("mongodb://h/?srvAllowedHostsSuffix=x", "option srvAllowedHostsSuffix needs mongodb+srv://"),
    ],
)
def test_a_malformed_uri_is_told(uri, message):
    assert message in fault_of(uri)


def test_every_fault_is_told_at_once():
    told = fault_of("mongodb://a b,h:0/x y?w=-1&colour=red&tlsInsecure=true&tlsAllowInvalidCertificates=true")
    assert len(told.split("; uri: ")) == 6


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://ann:hun/ter2@h/db",
        "mongodb://ann:hun?ter2@h/db",
        "mongodb://ann:hun?ter2=x@h/db",
        "mongodb://ann:27017?ter2=x@h/db",
        "mongodb://ann:hun&ter2=x@h?db",
        "mongodb://ann:h@hun/ter2@h",
        "mongodb://ann:hun:ter2@h",
        "mongodb://ann:hun%ter2@h",
        "mongodb://ann:hun/ter2?w=-1@h",
        "mongodb://hunter2:ter2",
        "mongodb://h/?proxyPassword=hun=ter2",
        "mongodb://h/?proxyPassword=hun&ter2=x",
        "mongodb://h/?sslPEMPassPhrase=hun;ter2=x",
        "mongodb://h/?authMechanismProperties=hunter2",
        "mongodb://h/?authMechanismProperties=ter2:x",
        "mongodb://h/?maxPoolSize=ter2",
        "hunter2",
    ],
)
def test_no_fault_repeats_a_piece_of_a_password(uri):
    told = fault_of(uri)
    assert "hun" not in told
    assert "ter2" not in told


@pytest.mark.parametrize("uri", ["mongodb://ann:p/w@h/db", "mongodb://ann:1?w@h/db", "mongodb://ann:p@w@h"])
def test_an_unescaped_password_is_told_how_to_escape_it(uri):
    assert "percent-encode" in fault_of(uri)


@pytest.mark.parametrize(
    ("uri", "rest"),
    [
        ("mongodb://h/db?w=1&TLS=true&appName=x", "mongodb://h/db?appName=x"),
        ("mongodb://h/db?appName=x;w=1", "mongodb://h/db?appName=x"),
        ("mongodb://h/db?w=1", "mongodb://h/db"),
        ("mongodb://h/db?appName=x&authSource=y", "mongodb://h/db?appName=x&authSource=y"),
        ("mongodb://u:p@h", "mongodb://u:p@h"),
    ],
)
def test_options_can_be_left_out_of_a_uri(uri, rest):
    assert without_options(uri, {"w", "tls"}) == rest


def test_every_option_of_the_driver_is_known_and_no_other_is_called_supported():
    # These two take objects, which no text can be.
    of_driver = set(URI_OPTIONS_VALIDATOR_MAP) - {"driver", "server_api"}
    assert of_driver <= set(OPTIONS)
    assert not [name for name in of_driver if not OPTIONS[name].is_supported]


def test_every_option_is_found_by_its_name_in_lower_case():
    assert all(name == option.name.casefold() for name, option in OPTIONS.items())
    assert {name for name, option in OPTIONS.items() if option.is_secret} == {
        "authmechanismproperties",
        "proxypassword",
        "proxyusername",
        "tlscertificatekeyfilepassword",
    }
