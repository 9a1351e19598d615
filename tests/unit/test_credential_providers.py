"""Credentials from the environment and from files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from llm_devops_mongodb import (
    AuthMechanism,
    ConfigError,
    EnvCredentialProvider,
    FileCredentialProvider,
    MongoConfig,
    MongoCredentials,
)

PASSWORD = "pä$$:w@rd/ "


def shown(credentials: MongoCredentials | None) -> tuple[str, str, str, AuthMechanism]:
    assert credentials is not None
    return (
        credentials.username,
        credentials.password.expose_secret(),
        credentials.auth_source,
        credentials.mechanism,
    )


async def test_the_environment_is_read_each_time() -> None:
    environ = {"MONGODB_USERNAME": "ada", "MONGODB_PASSWORD": PASSWORD}
    provider = EnvCredentialProvider(environ=environ)
    assert shown(await provider.get_credentials()) == ("ada", PASSWORD, "admin", AuthMechanism.SCRAM_SHA_256)
    environ |= {"MONGODB_PASSWORD": "another", "MONGODB_AUTH_SOURCE": "app", "MONGODB_AUTH_MECHANISM": "SCRAM-SHA-1"}
    await provider.refresh()
    assert shown(await provider.get_credentials()) == ("ada", "another", "app", AuthMechanism.SCRAM_SHA_1)


async def test_the_processes_own_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_USERNAME", "ada")
    monkeypatch.setenv("APP_PASSWORD", PASSWORD)
    credentials = await EnvCredentialProvider("APP_").get_credentials()
    assert shown(credentials)[:2] == ("ada", PASSWORD)


async def test_a_variable_may_name_the_file_of_the_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    environ = {"MONGODB_USERNAME": "ada", "MONGODB_PASSWORD_FILE": str(tmp_path / "password")}
    provider = EnvCredentialProvider(environ=environ)
    assert shown(await provider.get_credentials())[1] == PASSWORD
    (tmp_path / "password").write_text("another")
    assert shown(await provider.get_credentials())[1] == "another"


async def test_an_environment_without_credentials_gives_none() -> None:
    assert await EnvCredentialProvider(environ={"MONGODB_URI": "mongodb://localhost"}).get_credentials() is None


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"MONGODB_USERNAME": "ada"}, "MONGODB_PASSWORD is missing"),
        ({"MONGODB_PASSWORD": PASSWORD}, "MONGODB_USERNAME is missing"),
        ({"MONGODB_USERNAME": "ada", "MONGODB_PASSWORD_FILE": "/nowhere/x"}, "/nowhere/x: cannot be read"),
        (
            {"MONGODB_USERNAME": "ada", "MONGODB_PASSWORD": PASSWORD, "MONGODB_AUTH_MECHANISM": "scram"},
            "MONGODB_AUTH_MECHANISM is none of SCRAM-SHA-256",
        ),
    ],
)
async def test_half_a_login_in_the_environment_is_told(environ: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await EnvCredentialProvider(environ=environ).get_credentials()
    assert told in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_the_variables_of_credentials_are_not_taken_for_misspelt_settings() -> None:
    names = ("USERNAME", "PASSWORD", "PASSWORD_FILE", "AUTH_SOURCE", "AUTH_MECHANISM")
    MongoConfig.from_env(environ={"MONGODB_URI": "mongodb://localhost", **{f"MONGODB_{name}": "x" for name in names}})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("login.json", json.dumps({"username": "ada", "password": PASSWORD})),
        ("login.toml", f'username = "ada"\npassword = "{PASSWORD}"\n'),
        ("login.yaml", f'username: ada\npassword: "{PASSWORD}"\n'),
    ],
)
async def test_a_file_says_who_logs_in(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    credentials = await FileCredentialProvider(tmp_path / name).get_credentials()
    assert shown(credentials) == ("ada", PASSWORD, "admin", AuthMechanism.SCRAM_SHA_256)


async def test_a_file_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "login.json"
    path.write_text(json.dumps({"username": "ada", "password": PASSWORD}))
    provider = FileCredentialProvider(path)
    await provider.get_credentials()
    path.write_text(json.dumps({"username": "bob", "password": "x", "auth_source": "a", "mechanism": "SCRAM-SHA-1"}))
    await provider.refresh()
    assert shown(await provider.get_credentials()) == ("bob", "x", "a", AuthMechanism.SCRAM_SHA_1)


async def test_a_folder_holds_a_file_for_each_name(tmp_path: Path) -> None:
    for name, text in {"username": "ada", "password": f"{PASSWORD}\r\n", "..data": "of Kubernetes"}.items():
        (tmp_path / name).write_text(text, newline="")
    assert shown(await FileCredentialProvider(tmp_path).get_credentials())[:2] == ("ada", PASSWORD)


async def test_a_file_may_hold_the_password_alone(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    provider = FileCredentialProvider(tmp_path / "password", username="ada", auth_source="app", mechanism="SCRAM-SHA-1")
    assert shown(await provider.get_credentials()) == ("ada", PASSWORD, "app", AuthMechanism.SCRAM_SHA_1)


async def test_what_the_file_names_comes_before_what_is_given(tmp_path: Path) -> None:
    (tmp_path / "login.json").write_text(json.dumps({"username": "ada", "password": PASSWORD}))
    credentials = await FileCredentialProvider(tmp_path / "login.json", username="bob").get_credentials()
    assert credentials.username == "ada"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("login.json", b'{"username": "ada", "password": "pa', "is not valid JSON"),
        ("login.json", b'["pa", "pa"]', "must hold a table"),
        ("login.json", b'{"username": "ada"}', "password in "),
        (
            "login.json",
            b'{"username": "ada", "passwort": "hunter2"}',
            "unknown name 'passwort'; did you mean 'password'?",
        ),
        ("login.json", b'{"username": "ada", "password": 4711}', "password is not a text"),
        ("password", b"\xff\xfehunter2", "is not UTF-8"),
        ("password", b"hunter2", "username in "),
        ("password", b"", "username in "),
    ],
)
async def test_a_file_that_does_not_say_it_is_told_without_its_content(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        await FileCredentialProvider(tmp_path / name).get_credentials()
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "4711" not in str(caught.value)


async def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match=r"login\.json: cannot be read"):
        await FileCredentialProvider("/nowhere/login.json").get_credentials()


@pytest.mark.parametrize("mechanism", ["MONGODB-X509", "MONGODB-OIDC", "GSSAPI", "MONGODB-AWS"])
async def test_a_mechanism_asks_for_what_it_needs_and_no_more(mechanism: str) -> None:
    needed = {"MONGODB-OIDC": {"PASSWORD": "token"}, "GSSAPI": {"USERNAME": "ada@REALM"}}.get(mechanism, {})
    environ = {"MONGODB_AUTH_MECHANISM": mechanism, **{f"MONGODB_{name}": value for name, value in needed.items()}}
    credentials = await EnvCredentialProvider(environ=environ).get_credentials()
    assert credentials is not None
    assert credentials.auth_source == "$external"


def test_a_provider_does_not_show_what_it_was_given() -> None:
    assert (
        repr(FileCredentialProvider("/run/secrets/db", username="ada")) == "FileCredentialProvider('/run/secrets/db')"
    )
    environ = {**os.environ, "MONGODB_PASSWORD": "hunter2"}
    assert repr(EnvCredentialProvider(environ=environ)) == "EnvCredentialProvider(prefix='MONGODB_')"
