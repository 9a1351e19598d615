"""A client certificate and its key in one file, as the driver wants them."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from llm_devops_mongodb.errors import TlsError

if TYPE_CHECKING:
    from collections.abc import Generator

    from llm_devops_mongodb.config import TlsConfig


@contextlib.contextmanager
def joined_certificate(tls: TlsConfig) -> Generator[Path | None, None, None]:
    """Provide the one file that holds the certificate and its key.

    Where they are two files, they are joined in a file that only this user can read (mode 0600, in a directory of mode
    0700), which is removed on leaving, and at the latest when the interpreter ends.

    Yields:
        The file, or None where there is no client certificate.

    Raises:
        TlsError: One of the two cannot be read.
    """
    if not tls.enabled or tls.cert_file is None:
        yield None
    elif tls.key_file is None or tls.key_file.resolve() == tls.cert_file.resolve():
        yield tls.cert_file
    else:
        with tempfile.TemporaryDirectory(prefix="mongodb-certificate-", ignore_cleanup_errors=True) as directory:
            joined = Path(directory, "client.pem")
            _write_private(joined, _contents(tls.cert_file), _contents(tls.key_file))
            yield joined


def _contents(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise TlsError(f"{file} cannot be read") from error


def _write_private(file: Path, *parts: bytes) -> None:
    file.touch(mode=0o600, exist_ok=False)
    # A file may lack its last newline; the two would run together.
    file.write_bytes(b"\n".join(parts))
