import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_devops_mongodb.errors import ConfigError
from llm_devops_mongodb.security.uri import sanitize_uri_for_logging
from llm_devops_mongodb.uri import parse_uri

SPEC = Path(__file__).parents[3] / "shared" / "spec-tests"
TABLES = sorted([*SPEC.glob("connection-string/*.json"), *SPEC.glob("uri-options/*.json")])
HIDDEN = "mongodb://[REDACTED]"

SHOWN = [
    ("mongodb://localhost", "mongodb://localhost"),
    ("mongodb://localhost:27017/", "mongodb://localhost:27017/"),
    ("mongodb://localhost/shop", "mongodb://localhost/shop"),
    ("mongodb://localhost?tls=true", "mongodb://localhost?tls=true"),
    ("mongodb://db_1.example.net:27017,db-2:27018/shop", "mongodb://db_1.example.net:27017,db-2:27018/shop"),
    ("mongodb+srv://cluster0.example.net/?w=majority", "mongodb+srv://cluster0.example.net/?w=majority"),
    ("mongodb://[::1]:27017,[fe80::1%25eth0]", "mongodb://[::1]:27017,[fe80::1%25eth0]"),
    ("mongodb://%2Ftmp%2Fmongodb-27017.sock/shop", "mongodb://%2Ftmp%2Fmongodb-27017.sock/shop"),
    ("mongodb://bücher.example.com", "mongodb://bücher.example.com"),
    ("mongodb://ann@h", "mongodb://ann@h"),
    ("mongodb://ann:hunter2@h", "mongodb://ann:[REDACTED]@h"),
    ("mongodb://ann:hunter2@h:1,h2/db?replicaSet=rs0", "mongodb://ann:[REDACTED]@h:1,h2/db?replicaSet=rs0"),
    ("mongodb+srv://ann:hunter2@c.example.net", "mongodb+srv://ann:[REDACTED]@c.example.net"),
    ("MongoDB://ann:hunter2@h", "MongoDB://ann:[REDACTED]@h"),
    ("mongodb://ann:@h", "mongodb://ann:[REDACTED]@h"),
    ("mongodb://:hunter2@h", "mongodb://:[REDACTED]@h"),
    ("mongodb://ann:hun%40ter2@h", "mongodb://ann:[REDACTED]@h"),
    ("mongodb://ann:hun%ter2@h", "mongodb://ann:[REDACTED]@h"),
    ("mongodb://ann:!$&'()*+,;=@h", "mongodb://ann:[REDACTED]@h"),
    ("mongodb://%40nn%2F:hunter2@h", "mongodb://%40nn%2F:[REDACTED]@h"),
    ("mongodb://ann:hunter2@[::1]:27018/admin", "mongodb://ann:[REDACTED]@[::1]:27018/admin"),
    ("mongodb://ann:hunter2@%2Ftmp%2Fm.sock/admin", "mongodb://ann:[REDACTED]@%2Ftmp%2Fm.sock/admin"),
    ("mongodb://h/?authMechanism=MONGODB-X509&tls=true", "mongodb://h/?authMechanism=MONGODB-X509&tls=true"),
    ("mongodb://h/?tlsCAFile=/etc/ca.pem;w=1", "mongodb://h/?tlsCAFile=/etc/ca.pem;w=1"),
    ("mongodb://h/?authSource=$external", "mongodb://h/?authSource=$external"),
    ("mongodb://h/?READPREFERENCETAGS=dc:ny,rack:1", "mongodb://h/?READPREFERENCETAGS=dc:ny,rack:1"),
    ("mongodb://h/?proxyHost=p&proxyPassword=hunter2", "mongodb://h/?proxyHost=p&proxyPassword=[REDACTED]"),
    ("mongodb://h/?proxyUsername=hunter2&w=1", "mongodb://h/?proxyUsername=[REDACTED]&w=1"),
    (
        "mongodb://h/?tlsCertificateKeyFilePassword=hunter2&w=1",
        "mongodb://h/?tlsCertificateKeyFilePassword=[REDACTED]&w=1",
    ),
    (
        "mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2&replicaSet=rs0",
        "mongodb://h/?authMechanismProperties=[REDACTED]&replicaSet=rs0",
    ),
    ("mongodb://h/?AUTHMECHANISMPROPERTIES=X:hunter2", "mongodb://h/?AUTHMECHANISMPROPERTIES=[REDACTED]"),
    ("mongodb://h/?sslPEMPassPhrase=hunter2", "mongodb://h/?[REDACTED]"),
    ("mongodb://h/?hunter2=x&w=1", "mongodb://h/?[REDACTED]&w=1"),
    ("mongodb://h/?hunter2", "mongodb://h/?[REDACTED]"),
    ("mongodb://h/?w", "mongodb://h/?[REDACTED]"),
    ("mongodb://h/?appName=hun ter2", "mongodb://h/?appName=[REDACTED]"),
    ("mongodb://h/?proxyPassword=hun&ter2=x", "mongodb://h/?proxyPassword=[REDACTED]&[REDACTED]"),
    ("mongodb://h/?proxyPassword=hun;w=ter2&tls=true", "mongodb://h/?[REDACTED]"),
    ("mongodb://h/hunter2 x", "mongodb://h/[REDACTED]"),
    ("mongodb://h/hun/ter2", "mongodb://h/[REDACTED]"),
]
CLOSED = [
    "mongodb://",
    "mongodb://@",
    "mongodb://hunter2:secret",
    "mongodb://ann:hun@ter2@h",
    "mongodb://ann:hunter2@@h",
    "mongodb://ann:@hunter2@h",
    "mongodb://ann:hun/ter2@h/db",
    "mongodb://ann:27017/hunter2@h/db",
    "mongodb://ann:hun?ter2@h/db",
    "mongodb://ann:27017?w=hunter2@h/db",
    "mongodb://ann:hun#ter2@h/db",
    "mongodb://ann:hun[ter2@h/db",
    "mongodb://ann:hun]ter2@h/db",
    "mongodb://ann:hun ter2@h/db",
    "mongodb://ann:hun\nter2@h/db",
    "mongodb://ann:hun:ter2@h/db",
    "mongodb://ann%3Ahunter2@h/db",
    "mongodb://ann hunter2:x@h/db",
    "mongodb://ann:hunter2@",
    "mongodb://ann:hunter2@h:port",
    "mongodb://ann:hunter2@h:123456",
    "mongodb://ann:hunter2@h,,h2",
    "mongodb://ann:hunter2@[::1",
    "mongodb://ann:hunter2@h h2",
    "mongodb://h1:27017,h2/?appName=a@hunter2",
    "mongodb://h/?proxyPassword=hun@ter2",
    "mongodb://ann:hunter2@h mongodb://bob:hunter2@h",
    "mongodb://ann:hunter2@h\nmongodb://bob:hunter2@h",
    "mongodb://h1,mongodb://bob:hunter2@h",
]
OTHER = [
    "",
    "hunter2",
    "ann:hunter2@h",
    "http://ann:hunter2@h",
    " mongodb://ann:hunter2@h",
    "mongodb:ann:hunter2@h",
    None,
    5,
    b"hunter2",
]


@pytest.mark.parametrize(("uri", "shown"), SHOWN)
def test_what_is_harmless_is_shown(uri, shown):
    assert sanitize_uri_for_logging(uri) == shown


@pytest.mark.parametrize("uri", CLOSED)
def test_what_cannot_be_told_apart_is_hidden(uri):
    assert sanitize_uri_for_logging(uri) == HIDDEN


@pytest.mark.parametrize("value", OTHER)
def test_of_what_is_no_connection_string_nothing_is_shown(value):
    assert sanitize_uri_for_logging(value) == "[REDACTED]"


# None of these letters stands in `[REDACTED]` or in the rest of the URI, so a window of them is a leak. They spell no
# option.
LETTERS = "QXZJKV0123456789"
SPECIAL = "@:/?#[]%&;=,+. \t\n$\\\"'-_~!()*"
SECRETS = st.text(st.sampled_from(LETTERS + SPECIAL), min_size=5, max_size=30)
SHAPES = st.sampled_from(
    [
        "mongodb://ann:{}@h1.example.net/db",
        "mongodb://ann:{}@h1:27017,h2/db?replicaset=rs&w=majority",
        "mongodb://:{}@h1",
        "MONGODB+SRV://ann:{}@h1.example.net/?tls=true",
        "mongodb://ann:{}@[::1]:27017/db",
        "mongodb://ann:{}@%2ftmp%2fm.sock/db",
        "mongodb://ann:x{}@h1/db",
        "mongodb://ann:a{}@h1,mongodb://bob:{}@h2",
        "mongodb://h1:27017/?authmechanismproperties=AWS_SESSION_TOKEN:{}",
        "mongodb://h1/db?tlscertificatekeyfilepassword={}&tls=true",
        "mongodb://ann:{}@h1/?proxyhost=p&proxypassword={}",
        "mongodb://h1/?sslpempassphrase={}",
        "connecting to mongodb://ann:{}@h1",
    ]
)


def leaks(secret: str, text: str) -> list[str]:
    windows = [secret[start : start + 5] for start in range(len(secret) - 4)]
    return [window for window in windows if window in text and set(window) & set(LETTERS)]


@settings(max_examples=1500, deadline=None)
@given(SHAPES, SECRETS)
def test_no_window_of_a_secret_is_ever_shown(shape, secret):
    assert not leaks(secret, sanitize_uri_for_logging(shape.replace("{}", secret)))


@settings(max_examples=1500, deadline=None)
@given(SHAPES, SECRETS)
def test_no_window_of_a_secret_stands_in_a_fault(shape, secret):
    try:
        shown = repr(parse_uri(shape.replace("{}", secret)))
    except ConfigError as error:
        shown = f"{error} {error.__cause__} {error.__context__}"
    assert not leaks(secret, shown)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=200) | st.builds("mongodb://{}".format, st.text(max_size=200)))
def test_no_text_makes_the_sanitiser_raise(text):
    assert isinstance(sanitize_uri_for_logging(text), str)


def test_a_huge_text_is_no_burden():
    assert sanitize_uri_for_logging("mongodb://" + "a:@/%," * 200_000) == HIDDEN
    assert sanitize_uri_for_logging("mongodb://" + "h," * 200_000 + "h").endswith("h")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{table.stem}-{case['description']}")
        for table in TABLES
        for case in json.loads(table.read_text("utf-8"))["tests"]
        if (case.get("auth") or {}).get("password")
    ]
    or [pytest.param(None, marks=pytest.mark.skip("no specification tables here"))],
)
def test_no_password_of_the_specification_is_shown(case):
    userinfo = case["uri"].partition("://")[2].rpartition("@")[0]
    assert f":{userinfo.partition(':')[2]}@" not in sanitize_uri_for_logging(case["uri"])
