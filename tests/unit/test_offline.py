"""Code that gets no socket, and code beside it that does."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.offline import offline


def test_a_socket_is_refused_and_told() -> None:
    with offline() as refused, pytest.raises(ConnectionRefusedError):
        socket.socket()

    assert refused == ["socket.__new__"]


def test_a_socket_that_is_there_already_does_not_connect() -> None:
    with socket.socket() as there, offline() as refused, pytest.raises(ConnectionRefusedError):
        there.connect(("127.0.0.1", 9))

    assert refused == ["socket.connect"]


async def test_tasks_that_the_code_starts_get_none_either() -> None:
    with offline() as refused:
        opening = asyncio.create_task(asyncio.open_connection("127.0.0.1", 9))
        with pytest.raises(OSError, match="no sockets here"):
            await opening

    assert refused


async def test_others_keep_theirs() -> None:
    begin = asyncio.Event()

    async def beside() -> None:
        await begin.wait()
        socket.socket().close()

    task = asyncio.create_task(beside())
    with offline() as refused:
        begin.set()
        await task

    assert refused == []


def test_it_is_over_after_the_block() -> None:
    with offline():
        pass

    socket.socket().close()
