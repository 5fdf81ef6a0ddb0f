"""Where compiled kernels are kept between runs.

A cache must never be the reason that an answer fails to come, so Numba's own is not used: it refuses to import a kernel
where no folder can be written, and dies of a truncated file. Ours is a folder with one file for each kernel and
signature: a digest, then Numba's pickle of the machine code. What does not match its digest is deleted and compiled
again. A file is written under another name and then moved, so that processes can fill the folder at the same time.

A pickle can run code, so the folder must belong to the user and be writable by nobody else.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import pickle
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core import config as numba_config
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.runtime import rtsys
from numba.core.serialize import dumps

PACKAGE = Path(__file__).resolve().parent.parent
DIGEST_BYTES = 16
SUFFIX = ".kernel"
SECONDS_TO_COMPILE = 10

logger = logging.getLogger("darknetpy")


class CompileNote:
    """Tells once a process that kernels are being compiled: to the log, and to whoever asked by `on_compile`."""

    def __init__(self) -> None:
        self.told = False
        self.callbacks: list[Callable[[str], None]] = []

    def tell(self, cached: bool) -> None:
        """Called each time something is about to be compiled."""
        if self.told:
            return
        self.told = True
        text = f"compiling kernels once for this computer, about {SECONDS_TO_COMPILE} s"
        if not cached:
            text = (
                f"compiling kernels for this run, about {SECONDS_TO_COMPILE} s: no folder to keep them in can be "
                "written (set NUMBA_CACHE_DIR to one of your own)"
            )
        logger.info(text)
        for callback in self.callbacks:
            callback(text)


_note = CompileNote()


def on_compile(callback: Callable[[str], None]) -> None:
    """Have ``callback`` called with one sentence when kernels must be compiled: once a process, never on cache hits.

    >>> on_compile(lambda sentence: print(sentence, file=sys.stderr))
    """
    _note.callbacks.append(callback)


class KernelCache(_Cache):
    """The cache of one function, as Numba's dispatchers expect it: files named by what they depend on."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if function.__closure__:
            raise TypeError(f"kernel {function.__qualname__} uses variables of the function around it")
        self._function = function
        self._name = re.sub("[^A-Za-z0-9_.]", "", f"{function.__module__}.{function.__qualname__}")

    @property
    def cache_path(self) -> str | None:
        """The folder, None where nothing is kept."""
        folder = self._folder()
        return None if folder is None else str(folder)

    def enable(self) -> None:
        """Always enabled."""

    def disable(self) -> None:
        """Always enabled; a folder that cannot be written disables it by itself."""

    def flush(self) -> None:
        """Delete what is kept of this function."""
        for path in self._files():
            _delete(path)

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The compiled function for a signature, or None if it must be compiled."""
        rtsys.initialize(target_context)  # not refresh(), which fills Numba's tables for typing: 0.2 s
        folder = self._folder()
        compiled = None
        if folder is not None:
            path = folder / self._file_name(signature, target_context.codegen())
            compiled = _rebuild(path, target_context)
        if compiled is None:
            _note.tell(cached=folder is not None)
        return compiled

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep a compiled function; does nothing where that is not possible."""
        folder = self._folder()
        if folder is None or compiled.library.has_dynamic_globals:
            return
        name = self._file_name(signature, compiled.codegen)
        payload = dumps(compiled._reduce())
        try:
            _write(folder / name, _digest(payload) + payload)
        except OSError as error:  # a full disk, a folder that went away: the answer does not depend on it
            logger.info("compiled kernel %s is not kept: %s", self._name, error)
            return
        for path in self._files():
            if _build(path) != _build(folder / name):
                _delete(path)

    def _file_name(self, signature: Any, codegen: Any) -> str:
        """Function, Python and Numba versions, hash of the sources, hash of signature and CPU."""
        build = _sources_digest(self._path)
        line = self._function.__code__.co_firstlineno
        key = _digest(repr((line, str(signature), codegen.magic_tuple())).encode()).hex()
        return f"{self._prefix()}{build}-{key}{SUFFIX}"

    def _prefix(self) -> str:
        return f"{self._name}-{sys.implementation.cache_tag}-numba{numba.__version__}-"

    @property
    def _path(self) -> str:
        return self._function.__code__.co_filename

    def _folder(self) -> Path | None:
        """The folder; None where there is none, and where sources cannot be read, as changes would go unnoticed."""
        return cache_folder() if _sources_digest(self._path) else None

    def _files(self) -> Iterator[Path]:
        folder = self._folder()
        if folder is not None:
            yield from folder.glob(f"{self._prefix()}*{SUFFIX}")


def _build(path: Path) -> str:
    """The part of a file's name that changes with the sources."""
    return path.name.split("-")[-2]


@functools.cache
def _sources_digest(path: str) -> str:
    """A hash of our version and of every source that a compiled function of this file may contain.

    Empty where they cannot be read: in an archive, in an interactive session.
    """
    total = hashlib.blake2b(digest_size=DIGEST_BYTES // 2)
    version = PACKAGE / "__init__.py"
    try:
        for source in sorted({version, *(PACKAGE / "kernels").glob("*.py"), *_neighbours(Path(path))}):
            total.update(source.name.encode())
            total.update(source.read_bytes())
    except OSError:
        return ""
    return total.hexdigest()


def _neighbours(path: Path) -> set[Path]:
    """Where the kernels of a file may come from, besides ``kernels``: itself, or all of its room of kernels."""
    return set(path.parent.glob("*.py")) if PACKAGE / "kernels" in path.parents else {path}


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def _rebuild(path: Path, target_context: Any) -> Any:
    """The compiled function in a file; None if there is none. A damaged file is deleted."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    payload = content[DIGEST_BYTES:]
    if content[:DIGEST_BYTES] != _digest(payload):
        logger.info("damaged cache file %s is compiled again", path)
        _delete(path)
        return None
    try:
        return CompileResult._rebuild(target_context, *pickle.loads(payload))
    except Exception:  # whole, but not of use to this Numba; compiling works without it
        logger.info("cache file %s cannot be used and is compiled again", path, exc_info=True)
        _delete(path)
        return None


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step: it appears whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(prefix="new-", suffix=SUFFIX, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except OSError:
        _delete(Path(temporary))
        raise


def _delete(path: Path) -> None:
    """Delete a file of the cache; one that another process deleted, or that must stay, does no harm."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.info("%s stays: %s", path, error)


@functools.cache
def cache_folder() -> Path | None:
    """The folder for compiled kernels: the first that is ours to write, None if there is none.

    NUMBA_CACHE_DIR, if the user set it; the package's own ``__pycache__``; the user's cache folder.
    """
    return next((folder for folder in _candidates() if _is_usable(folder)), None)


def _candidates() -> Iterator[Path]:
    """Folders to try. Those outside the package hold one folder for each place that darknetpy is installed at."""
    place = f"darknetpy-{_digest(str(PACKAGE).encode()).hex()[:12]}"
    chosen = getattr(numba_config, "CACHE_DIR", "")
    if chosen:
        yield Path(chosen) / place
    yield PACKAGE / "kernels" / "__pycache__"
    yield user_cache_folder() / place


def user_cache_folder() -> Path:
    """The user's folder for caches on this system; it need not exist."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is no home
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "darknetpy" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "darknetpy"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "darknetpy"


def _is_usable(folder: Path) -> bool:
    """Whether the folder, made if need be, can be written, and by us alone."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name != "nt":
            status = folder.stat()
            if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
