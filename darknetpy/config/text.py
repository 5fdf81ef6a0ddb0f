"""Reading small text files that people wrote: size limit, encodings, line ends, and what else the file may be."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from darknetpy.config.file_kinds import SNIFFED, describe_content
from darknetpy.errors import ConfigError, DarknetpyError, printable, printable_path

MAXIMUM_BYTES = 64 * 1024 * 1024
_BYTE_ORDER_MARK = "\ufeff"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # all but tab and line ends
_NUL = re.compile("\0")
_REMEDIES = {
    "a Git LFS pointer, not the file itself": "Fetch the file itself: git lfs pull",
    "an HTML page (did a download fail?)": "Download the file again",
}


@dataclass(frozen=True)
class Text:
    """A decoded text file. ``lines`` have no line ends; ``text`` is the whole, unchanged but for a byte-order mark."""

    text: str
    encoding: str
    path: str | None

    @property
    def separator(self) -> str:
        """The character that ends a line: ``\\n``, or ``\\r`` in a file that has no ``\\n`` at all."""
        return "\n" if "\n" in self.text else "\r"

    @property
    def lines(self) -> list[str]:
        """The lines in order, without line ends."""
        lines = self.text.split(self.separator)
        return lines[:-1] if lines[-1] == "" else lines

    def encode(self) -> bytes:
        """The bytes of the file it was read from."""
        return self.text.encode(self.encoding)


def read_file(path: str | bytes | os.PathLike[str], what: str, error: type[DarknetpyError] = ConfigError) -> bytes:
    """The bytes of a regular file of at most 64 MiB; ``what`` names its role in messages ("cfg file")."""
    name = os.fsdecode(path)
    if not name:
        raise error("an empty path", f"the path of a {what}", "Name the file")
    try:
        status = Path(name).stat()
    except OSError as problem:
        raise _unreachable(problem, name, what, error) from None
    except ValueError:
        remedy = "Check how the name is written"
        raise error("a name that no file can have", f"the path of a {what}", remedy, path=name) from None
    if not stat.S_ISREG(status.st_mode):
        found = "is a directory" if stat.S_ISDIR(status.st_mode) else "is not a regular file"
        raise error(found, f"a {what}", f"Name the {what} itself", path=name)
    if status.st_size > MAXIMUM_BYTES:
        expected = f"a {what} of at most {MAXIMUM_BYTES} bytes"
        raise error(f"{status.st_size} bytes", expected, "Check that this is the right file", path=name)
    try:
        return Path(name).read_bytes()
    except OSError as problem:
        raise _unreachable(problem, name, what, error) from None


def _unreachable(problem: OSError, name: str, what: str, error: type[DarknetpyError]) -> DarknetpyError:
    if isinstance(problem, FileNotFoundError):
        return error(f"no such {what}", remedy=_start_of_relative_paths(name), path=name)
    found = f"cannot read the {what}: {problem.strerror}"
    return error(found, "a readable file", "Check the path and its permissions", path=name)


def _start_of_relative_paths(name: str) -> str:
    if Path(name).is_absolute():
        return "Check how the path is written"
    try:
        return f"Relative paths start at {printable_path(str(Path.cwd()))}"
    except OSError:
        return "The current folder does not exist any more: change to another"


def decode(
    data: bytes,
    path: str | None,
    what: str,
    error: type[DarknetpyError] = ConfigError,
    *,
    controls_allowed: bool = False,
) -> Text:
    """Bytes to text: UTF-8 with or without a byte-order mark, else Latin-1; anything that is not text is refused.

    Control characters other than tabs and line ends are refused too, unless ``controls_allowed`` (NUL is in any case).
    """
    _refuse_other_kinds(data[:SNIFFED], path, what, error)
    encoding = "utf-8-sig" if data.startswith(_BYTE_ORDER_MARK.encode()) else "utf-8"
    try:
        text = Text(data.decode(encoding), encoding, path)
    except UnicodeDecodeError:
        text = Text(data.decode("latin-1"), "latin-1", path)
    _refuse_controls(text, what, error, controls_allowed)
    return text


def from_string(given: str, path: str | None, what: str, error: type[DarknetpyError] = ConfigError) -> Text:
    """The same for text in memory; ``path`` is used in messages only."""
    marked = given.startswith(_BYTE_ORDER_MARK)
    text = Text(given.removeprefix(_BYTE_ORDER_MARK), "utf-8-sig" if marked else "utf-8", path)
    _refuse_other_kinds(given[:SNIFFED].encode("utf-8", "surrogatepass"), path, what, error)
    _refuse_controls(text, what, error, controls_allowed=False)
    return text


def _refuse_other_kinds(head: bytes, path: str | None, what: str, error: type[DarknetpyError]) -> None:
    kind = describe_content(head)
    if kind == "UTF-16 text":
        raise error("UTF-16 text", "UTF-8", "Save the file as UTF-8", path=path)
    if kind is not None and kind != f"a Darknet {what}":
        order = "The order of arguments is CFG WEIGHTS" if what == "cfg file" else f"Name the {what}"
        raise error(f"this is {kind}", f"a {what}", _REMEDIES.get(kind, order), path=path)


def _refuse_controls(text: Text, what: str, error: type[DarknetpyError], controls_allowed: bool) -> None:
    """Control characters mean binary content or a trap for the reader; only tab and line ends are text."""
    count = sum(1 for _ in _CONTROL.finditer(text.text))
    if count > 8 and count * 20 > len(text.text):
        raise error("this is not a text file", f"a {what}", "Check that this is the right file", path=text.path)
    match = (_NUL if controls_allowed else _CONTROL).search(text.text)
    if match is None:
        return
    before = text.text[: match.start()]
    raise error(
        "a NUL byte" if match[0] == "\0" else f"control character {printable(match[0])}",
        "plain text",
        "Delete it",
        path=text.path,
        line=before.count(text.separator) + 1,
        column=len(before) - (before.rfind(text.separator) + 1) + 1,
    )


def read_text(
    path: str | bytes | os.PathLike[str],
    what: str,
    error: type[DarknetpyError] = ConfigError,
    *,
    controls_allowed: bool = False,
) -> Text:
    """Read and decode a text file; see :func:`read_file` and :func:`decode`."""
    data = read_file(path, what, error)
    return decode(data, os.fsdecode(path), what, error, controls_allowed=controls_allowed)
