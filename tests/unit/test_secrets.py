import copy
import dataclasses
import json
import pickle
import traceback

import msgspec
import pytest

from llm_devops_mongodb.security.secrets import SecretString

CANARY = "c4n4ry-s3cret"


@pytest.fixture
def secret():
    return SecretString(CANARY)


@pytest.mark.parametrize("text", [CANARY, "", "pässwörd", "\0", "\ud800", "a" * 10_000])
def test_a_secret_is_exposed_as_it_was_given(text):
    assert SecretString(text).expose_secret() == text


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        "{}".format,
        "{:>40}".format,
        "{!r}".format,
        lambda secret: f"{secret}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031  # one way of showing among others
        lambda secret: repr({"password": [secret]}),
        lambda secret: json.dumps({"password": secret}, default=str),
        lambda secret: repr(dir(secret)),
        lambda secret: repr(dataclasses.make_dataclass("Login", ["password"])(secret)),
    ],
)
def test_no_way_of_showing_reveals_a_secret(secret, show):
    assert CANARY not in show(secret)


def test_a_format_is_applied_to_what_is_shown(secret):
    assert f"{secret:*^14}" == "**[REDACTED]**"


@pytest.mark.parametrize("encode", [json.dumps, msgspec.json.encode, msgspec.msgpack.encode])
def test_encoders_refuse_a_secret(secret, encode):
    with pytest.raises(TypeError) as caught:
        encode({"password": secret})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_a_secret_is_refused(secret, protocol):
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps([secret], protocol)


def test_the_state_of_a_secret_is_not_given_out(secret):
    with pytest.raises(TypeError):
        secret.__getstate__()
    assert not hasattr(secret, "__dict__")


def test_a_copy_is_the_same_secret(secret):
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"password": secret})["password"] is secret


def test_a_traceback_with_local_values_does_not_reveal_a_secret(secret):
    def login(password):
        raise RuntimeError

    with pytest.raises(RuntimeError) as caught:
        login(secret)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert CANARY not in "".join(shown.format())


def test_secrets_are_equal_by_value_and_to_nothing_else(secret):
    assert secret == SecretString(CANARY)
    assert secret != SecretString("another")
    assert secret != CANARY


def test_a_secret_has_no_hash(secret):
    with pytest.raises(TypeError):
        hash(secret)


def test_a_closed_secret_is_gone(secret):
    held = secret._bytes
    secret.close()
    secret.close()
    assert held == bytes(len(CANARY))
    assert secret == secret  # noqa: PLR0124  # identity is all that is left
    assert secret != SecretString("\0" * len(CANARY))
    with pytest.raises(ValueError, match="closed"):
        secret.expose_secret()


def test_a_forgotten_secret_is_overwritten():
    secret = SecretString(CANARY)
    held = secret._bytes
    del secret
    assert held == bytes(len(CANARY))


@pytest.mark.parametrize("value", [None, 5, b"bytes"])
def test_a_secret_is_text(value):
    with pytest.raises(TypeError):
        SecretString(value)
