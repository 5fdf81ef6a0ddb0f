"""Files that are replaced whole or not at all: written beside the old one, then put in its place."""

from __future__ import annotations

import os
import re
import secrets
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path

from darknetpy.errors import DarknetpyError, DataError, printable_path

_HOST = re.sub(r"[^A-Za-z0-9]", "_", socket.gethostname())[:40]
_TEMPORARY = re.compile(rf"\.darknetpy-{_HOST}-(\d+)-[0-9a-f]+\.tmp")
_WRITING: set[str] = set()
"""Names of the temporary files that this process writes now: after a crash another may have its number, in a container
even the next one of the same program."""
_MAY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def check_target(path: str | os.PathLike[str], error: type[DarknetpyError] = DataError) -> Path:
    """The real path (links followed) of a file that can be made or replaced; ask before long work starts.

    Raises:
        error: no such folder; a directory or another special file stands there; file or folder is read-only.
    """
    try:
        target = Path(path).resolve()
        status = target.stat() if target.exists() else None
        has_folder = target.parent.is_dir()
    except (OSError, RuntimeError, ValueError) as problem:
        found, remedy = f"cannot write there: {_reason(problem)}", "Check how the path is written"
        raise error(found, "a path for a file", remedy, path=path) from None
    if not has_folder:
        remedy = f"Make the folder {printable_path(str(target.parent))} first"
        raise error("no such folder", "an existing folder", remedy, path=path)
    if status is not None and not stat.S_ISREG(status.st_mode):
        found = "is a directory" if stat.S_ISDIR(status.st_mode) else "is not a regular file"
        raise error(found, "a path for a file", "Name the file to write", path=path)
    if status is not None and not (status.st_mode & _MAY_WRITE and _may_write(target)):
        remedy = "Choose another name, or allow writing to it"
        raise error("the file is read-only", "one that may be replaced", remedy, path=path)
    if not _may_write(target.parent):
        raise error("its folder is read-only", "a folder that may be written to", "Choose another folder", path=path)
    return target


def check_folder(path: str | os.PathLike[str], error: type[DarknetpyError] = DataError) -> Path:
    """A folder to write to, made if only its own name is missing; what killed programs left there is removed.

    Raises:
        error: the folder above does not exist either; something else stands there; it is read-only.
    """
    folder = Path(path)
    try:
        if not folder.is_dir():
            folder.mkdir()
    except FileExistsError:
        raise error("is a file", "a folder", "Name a folder", path=path) from None
    except FileNotFoundError:
        remedy = "Make it first, or check how the path is written"
        found = f"no such folder: {printable_path(str(folder.parent))}"
        raise error(found, "an existing one", remedy, path=path) from None
    except (OSError, ValueError) as problem:
        raise error(f"the folder cannot be made: {_reason(problem)}", "", "Choose another one", path=path) from None
    if not _may_write(folder):
        raise error("the folder is read-only", "one that may be written to", "Choose another one", path=path)
    _remove_leftovers(folder)
    return folder


@contextmanager
def replaced_file(
    target: Path,
    path: str | os.PathLike[str],
    error: type[DarknetpyError] = DataError,
    *,
    lasting: bool = True,
) -> Iterator[BufferedWriter]:
    """A file to write that takes the place of ``target`` when all is written.

    It is a temporary file in the same folder. After an error or an interruption it is removed and the old file is
    as it was; those that killed programs left are removed by the next one that writes there.

    Args:
        target: from :func:`check_target`.
        path: the file as the user named it, for messages.
        error: the class of errors to raise.
        lasting: wait until it is on the disk, so that not even a power cut loses both files. Without it, and without
            looking for what killed programs left (`check_folder` does), many small files are written far faster.

    Raises:
        error: the disk is full, ...
    """
    if lasting:
        _remove_leftovers(target.parent)
    temporary = target.with_name(f".darknetpy-{_HOST}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    _WRITING.add(temporary.name)
    try:
        with temporary.open("xb") as file:
            if target.exists():
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as problem:
        with suppress(OSError):  # the disk has become read-only
            temporary.unlink(missing_ok=True)
        found, remedy = (
            f"cannot write the file: {_reason(problem)}",
            "Nothing was changed: make room, or choose another folder",
        )
        raise error(found, "", remedy, path=path) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        _WRITING.discard(temporary.name)
    if lasting:
        _sync_folder(target.parent)


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _reason(problem: Exception) -> str:
    return getattr(problem, "strerror", None) or str(problem)


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk too; not every system can do that for folders."""
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of programs on this computer that are gone."""
    for leftover in folder.glob(f".darknetpy-{_HOST}-*.tmp"):
        match = _TEMPORARY.fullmatch(leftover.name)
        if match and not _is_written(leftover.name, int(match.group(1))):
            with suppress(OSError):  # somebody else removed it, or (Windows) its program still has it open
                leftover.unlink()


def _is_written(name: str, process: int) -> bool:
    """Whether the process in the name of a temporary file still writes it.

    False on Windows, which needs no answer: it does not let go of files that are open.
    """
    if process == os.getpid():
        return name in _WRITING
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
