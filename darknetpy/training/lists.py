"""Lists of pictures: one path a line, perhaps with labels behind a tab. They are read line by line: some have millions.

Blank lines are skipped, blanks at both ends of a line are not part of a path. Paths are text in UTF-8; where they are
not, the bytes are taken as they are, as names of files are, or else as Latin-1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from darknetpy.config.text import decode
from darknetpy.errors import DataError, printable

WHAT = "list of pictures"
LONGEST_LINE = 65_536  # bytes; no path and its labels are longer
HEAD = 4096  # bytes that tell whether it is text, and how its lines end
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")  # all but tab
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The number and the text of each line that is not blank.

    Raises DataError for a file that cannot be read or has no such line, ConfigError for one that is no text, and
    DataError with the line for one that cannot name a picture.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            decode(head[: head.rfind(b"\n") + 1 or None], str(path), WHAT, DataError)  # or says what else it is
            file.seek(len(_BYTE_ORDER_MARK) if head.startswith(_BYTE_ORDER_MARK) else 0)
            lines: Iterator[bytes] = iter(lambda: file.readline(LONGEST_LINE + 1), b"")
            if b"\n" not in head and b"\r" in head:  # as an old Mac ends lines
                lines = iter(file.read().split(b"\r"))
            yield from _texts(lines, path)
    except OSError as problem:
        raise DataError(f"the list cannot be read ({problem.strerror})", f"a {WHAT}", path=path) from None


def _texts(lines: Iterator[bytes], path: Path) -> Iterator[tuple[int, str]]:
    empty = True
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            found = f"more than {LONGEST_LINE} characters in a line"
            raise DataError(found, "a path", "Is it a list, one path a line?", path=path, line=number)
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            text = _undecodable(line, path.parent)
        if not text:
            continue
        if not text.isprintable() and _CONTROLS.search(text):
            found = f"control characters in {printable(text)}"
            raise DataError(found, "a path", "Is it a list, one path a line?", path=path, line=number)
        empty = False
        yield number, text
    if empty:
        raise DataError("an empty list", "one path a line", "Write the paths of the pictures", path=path)


def _undecodable(line: bytes, folder: Path) -> str:
    """A line that is not UTF-8: the bytes of a file's name if there is one, else Latin-1."""
    text = os.fsdecode(line).strip()
    written = text.partition("\t")[0]
    return text if place_of(written, folder) is not None else line.decode("latin-1").strip()


def place_of(written: str, folder: Path) -> str | None:
    """Where a picture is that a list names: from the current folder, else from the list's; None if it is nowhere."""
    for place in (written, os.path.join(folder, written)):  # noqa: PTH118  # a Path for each takes three times as long
        if os.path.isfile(place):  # noqa: PTH113  # Path.is_file raises for names that are too long
            return place
    return None
