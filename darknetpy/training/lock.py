"""A file that one process at a time holds. The operating system lets go of it, however that process ends.

A number of a process in the file would not do: after a crash, and in every new container, another process has it.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

_TRIES = 100  # the file may be removed by others between opening and locking it
_LOCKED = {errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}

if sys.platform == "win32":
    import msvcrt

    _PLACE = 1 << 20  # behind the text, which others could not read else

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _PLACE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """A lock that is held while its file is open.

    File systems that know no locks let everybody have it.

    >>> lock = Lock(Path("net_training.lock"))  # doctest: +SKIP
    >>> lock.take()  # doctest: +SKIP
    True
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take it; False where another process, or another object of this one, has it.

        Raises OSError where the file cannot be made or written.
        """
        for _ in range(_TRIES):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            if not _is_free(descriptor):
                os.close(descriptor)
                return False
            if self._is_there(descriptor):
                self._descriptor = descriptor
                self._say_who()
                return True
            os.close(descriptor)
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    def _say_who(self) -> None:
        assert self._descriptor is not None
        try:
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"process {os.getpid()}\n".encode())
        except OSError:  # the disk is full
            self.release()
            raise

    def is_there(self) -> bool:
        """Whether the file that is held still has its name: nobody has removed it."""
        return self._descriptor is not None and self._is_there(self._descriptor)

    def holder(self) -> str:
        """What the file says about who has it."""
        with suppress(OSError):
            return self.path.read_text(errors="replace").strip()
        return ""

    def release(self) -> None:
        """Let go of it, and remove the file."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        there, closes_first = self._is_there(descriptor), sys.platform == "win32"  # which removes no file that is open
        if closes_first:
            os.close(descriptor)
        if there:
            with suppress(OSError):  # the folder is read-only by now; an open lock is what counts
                self.path.unlink()
        if not closes_first:
            os.close(descriptor)

    def _is_there(self, descriptor: int) -> bool:
        with suppress(OSError):
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        return False


def _is_free(descriptor: int) -> bool:
    """Lock the file; False where somebody has it."""
    try:
        _lock(descriptor)
    except OSError as problem:
        return problem.errno not in _LOCKED
    return True
