"""What a user names as pictures: files, folders, patterns, lists, and a list on standard input."""

from __future__ import annotations

import glob
import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from darknetpy.errors import DataError, printable
from darknetpy.images.formats import EXTENSIONS

LONGEST_LINE = 65_536  # bytes; no path is longer, so this is no list of paths


def expand(arguments: Iterable[str | os.PathLike[str]], stdin: Iterable[str | bytes] | None = None) -> Iterator[str]:
    """The paths of pictures that the arguments stand for, in their order, one at a time.

    ``photo.jpg``    itself, whatever its extension, also when there is no such file (reading it will say so)
    ``photos``       a folder: the files below it, at any depth, with the extension of a picture (`EXTENSIONS`, upper
                     or lower case), each folder's own files first, sorted by name; hidden ones are left out
    ``*.jpg``        a pattern that the shell did not expand (``*``, ``?``, ``[...]``, ``**``): what matches, sorted;
                     folders among it as above. A file of exactly this name comes before the pattern
    ``@list.txt``    a list: one path a line, blanks around it trimmed, blank lines skipped, relative to the current
                     folder or else to the list's
    ``-``            such a list on standard input

    A picture that is named twice comes twice. A file whose name begins with ``@`` is written ``./@name``.

    Args:
        arguments: as on a command line.
        stdin: lines for ``-``; standard input if None.

    Raises DataError before the first path for a pattern that matches nothing, a folder without pictures and a list
    that cannot be opened; while it goes on, for a list without entries or with a line that cannot be a path.

    >>> list(expand(["a.jpg", "-"], stdin=["b.jpg  ", "", "a.jpg"]))
    ['a.jpg', 'b.jpg', 'a.jpg']
    """
    return itertools.chain.from_iterable([_named_by(os.fsdecode(argument), stdin) for argument in arguments])


def _named_by(argument: str, stdin: Iterable[str | bytes] | None) -> Iterable[str]:
    if argument == "-":
        return _entries(sys.stdin.buffer if stdin is None else stdin, "standard input", None)
    if argument.startswith("@"):
        return _listed(argument[1:])
    if not os.path.lexists(argument) and glob.has_magic(argument):
        return _matching(argument)
    return _itself_or_below(argument)


def _itself_or_below(path: str) -> Iterable[str]:
    if not os.path.isdir(path):  # noqa: PTH112  # False, where Path raises, for names that no file can have
        return (path,)
    below = _pictures_below(path)
    first = next(below, None)
    if first is None:
        raise DataError("no pictures in this folder", f"files named {' '.join(sorted(EXTENSIONS))}", path=path)
    return itertools.chain((first,), below)


def _matching(pattern: str) -> Iterable[str]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  # Path.glob takes no absolute patterns
    if not matches:
        raise DataError("nothing matches this pattern", "at least one picture", path=pattern)
    return itertools.chain.from_iterable([_itself_or_below(match) for match in matches])


def _pictures_below(folder: str) -> Iterator[str]:
    """Pictures in the folder and the folders below, links followed, no folder visited twice."""
    visited = set()
    for place, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in visited:
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in EXTENSIONS:
                yield str(Path(place, name))


def _refuse(error: OSError) -> None:
    raise DataError(f"the folder cannot be read ({error.strerror})", path=error.filename) from error


def _listed(path: str) -> Iterator[str]:
    """The entries of a list file, which is opened now and read line by line later."""
    try:
        file = Path(path).open("rb")  # noqa: SIM115  # closed by the generator that reads it
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", error)
        raise DataError(f"the list cannot be opened ({reason})", "a text file, one path a line", path=path) from error

    def entries() -> Iterator[str]:
        with file:
            yield from _entries(iter(lambda: file.readline(LONGEST_LINE + 1), b""), path, Path(path).parent)

    return entries()


def _entries(lines: Iterable[str | bytes], name: str, folder: Path | None) -> Iterator[str]:
    """Paths from the lines of a list; ``folder`` is tried for relative paths that do not exist as they are."""
    empty = True
    for number, line in enumerate(lines, start=1):
        entry = _entry(line, name, number)
        if entry:
            empty = False
            yield _beside(entry, folder)
    if empty:
        raise DataError("an empty list", "one path a line", path=name)


def _entry(line: str | bytes, name: str, number: int) -> str:
    """One line as a path, or an empty text; DataError for what cannot be a path."""
    expected = "a path"
    if len(line) > LONGEST_LINE:
        raise DataError(f"more than {LONGEST_LINE} characters", expected, "Is it a list?", path=name, line=number)
    entry = os.fsdecode(line)
    entry = (entry.removeprefix("\ufeff") if number == 1 else entry).strip()
    if any(ord(character) < 32 or ord(character) == 127 for character in entry):
        remedy = "Is it a list, in UTF-8, one path a line?"
        raise DataError(f"control characters in {printable(entry)!r}", expected, remedy, path=name, line=number)
    return entry


def _beside(entry: str, folder: Path | None) -> str:
    if folder is not None and not os.path.lexists(entry) and os.path.lexists(folder / entry):
        return str(folder / entry)
    return entry
