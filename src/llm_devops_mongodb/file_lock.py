"""Files that one process at a time may hold."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_FLAGS = os.O_RDWR | os.O_CREAT
_PRIVATE = 0o600
_MOST_BYTES = 4096


class FileLock:
    """A lock on a file, which the system gives back when the process ends, however it ends.

    A process that was forked from the holder holds it too. The file stays: to remove it would let two processes hold
    two files of one name. It holds a text, for people to read and for the next holder.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def taken(cls, path: Path) -> Self | None:
        """Take the lock of `path`, and make the file; None where somebody else holds it.

        Raises:
            OSError: The file cannot be opened, or its file system has no locks.
        """
        # Locks of this kind belong to an open file, not to a process: two holders in one process exclude each other.
        import fcntl

        descriptor = os.open(path, _FLAGS, _PRIVATE)
        lock = cls(path, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        if not lock.is_held():
            os.close(descriptor)
            return None
        return lock

    def is_held(self) -> bool:
        """Tell whether the locked file is still the one that others would find."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:
            return False

    def read(self) -> str:
        """Return the file's text, as far as it is one."""
        return os.pread(self._descriptor, _MOST_BYTES, 0).decode(errors="replace")

    def write(self, text: str) -> None:
        """Replace the file's text; a crash may leave a part of it."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def release(self) -> None:
        """Give the lock up."""
        os.close(self._descriptor)
