from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.integration.cli.browser import Browser, Page, found_browser

if TYPE_CHECKING:
    from collections.abc import Iterator


class Proxy:
    """Takes connections, remembers what they asked for, and answers nothing."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.asked: list[bytes] = []
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                request = connection.recv(4096)
                # What the browser asks its maker on its own is no page's doing; it gets no answer either.
                if b"google" not in request:
                    self.asked.append(request)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = found_browser()
    if program is None:
        pytest.skip("no chromium: `make browser` installs it where it can, or name one by CHROMIUM")
    made = Browser(program, tmp_path_factory.mktemp("browser"), proxy.port)
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with Page(browser) as made:
        yield made
