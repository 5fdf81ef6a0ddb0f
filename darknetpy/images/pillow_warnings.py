"""Collecting what Pillow warns about while a picture is read, in any number of threads at once.

Python's ``warnings.catch_warnings`` swaps state of the whole process and is not made for threads that enter and leave
in any order. Here the first reader swaps it, the last one puts it back, and each thread gets the texts of its own.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class _Readers:
    """The threads that are reading a picture now, and what Pillow told each of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[int, list[str]] = {}
        self._saved: warnings.catch_warnings[Any] | None = None

    def enter(self) -> list[str]:
        """Begin to collect for this thread; the list fills until `leave`."""
        with self._lock:
            if self._saved is None:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.filterwarnings("always", module=r"PIL\.")
                if warnings.showwarning != self._show:  # others may have put ours back when it was no longer wanted
                    self._show_as_before = warnings.showwarning
                warnings.showwarning = self._show
            return self._told.setdefault(threading.get_ident(), [])

    def leave(self) -> None:
        """Stop collecting for this thread."""
        with self._lock:
            del self._told[threading.get_ident()]
            if not self._told and self._saved is not None:
                self._saved.__exit__(None, None, None)
                self._saved = None

    def _show(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """Stands in for ``warnings.showwarning``: threads that read no picture are served as before."""
        told = self._told.get(threading.get_ident())
        if told is None:
            self._show_as_before(message, category, filename, lineno, file, line)
        elif not category.__name__.startswith("DecompressionBomb"):  # we have a limit of pixels of our own
            told.append(" ".join(str(message).split()))


_readers = _Readers()


@contextmanager
def pillow_warnings() -> Iterator[list[str]]:
    """Within the block, texts of Pillow's warnings in this thread go to the list, whatever the filters say.

    >>> with pillow_warnings() as told:
    ...     pass
    >>> told
    []
    """
    told = _readers.enter()
    try:
        yield told
    finally:
        _readers.leave()
