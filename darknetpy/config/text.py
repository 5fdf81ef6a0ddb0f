"""Reading small text files that people wrote: size limit, encodings, line ends, and what else the file may be."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from darknetpy.config.file_kinds import SNIFFED, describe_content
from darknetpy.errors import ConfigError, DarknetpyError, printable

MAXIMUM_BYTES = 64 * 1024 * 1024
_ALLOWED_CONTROLS = "\t\n\r"


@dataclass(frozen=True)
class Text:
    """A decoded text file. ``lines`` have no line ends; ``text`` is the whole, unchanged but for a byte-order mark."""

    text: str
    encoding: str
    path: str | None

    @property
    def lines(self) -> list[str]:
        """The lines by ``\\n``, or by ``\\r`` in a file that has no ``\\n`` at all."""
        separator = "\n" if "\n" in self.text else "\r"
        lines = self.text.split(separator)
        return lines[:-1] if lines[-1] == "" else lines

    def encode(self) -> bytes:
        """The bytes of the file it was read from."""
        return self.text.encode(self.encoding)


def read_file(path: str | os.PathLike[str], what: str, error: type[DarknetpyError] = ConfigError) -> bytes:
    """The bytes of a regular file of at most 64 MiB; ``what`` names its role in messages ("cfg file")."""
    name = os.fspath(path)
    try:
        status = Path(name).stat()
    except OSError as problem:
        raise error(
            f"no such {what}"
            if isinstance(problem, FileNotFoundError)
            else f"cannot read the {what}: {problem.strerror}",
            "" if isinstance(problem, FileNotFoundError) else "a readable file",
            f"Relative paths start at {printable(Path.cwd(), limit=None)}" if not os.path.isabs(name) else "",  # noqa: PTH117
            path=name,
        ) from None
    except ValueError:
        raise error("a path with a NUL byte", f"the path of a {what}", path=name) from None
    if stat.S_ISDIR(status.st_mode):
        raise error("is a directory", f"a {what}", path=name)
    if not stat.S_ISREG(status.st_mode):
        raise error("is not a regular file", f"a {what}", path=name)
    if status.st_size > MAXIMUM_BYTES:
        raise error(f"{status.st_size} bytes", f"a {what} of at most {MAXIMUM_BYTES} bytes", path=name)
    try:
        return Path(name).read_bytes()
    except OSError as problem:
        raise error(f"cannot read the {what}: {problem.strerror}", "a readable file", path=name) from None


def decode(data: bytes, path: str | None, what: str, error: type[DarknetpyError] = ConfigError) -> Text:
    """Bytes to text: UTF-8 with or without a byte-order mark, else Latin-1; anything that is not text is refused."""
    kind = describe_content(data[:SNIFFED])
    if kind == "UTF-16 text":
        raise error("UTF-16 text", "UTF-8", "Save the file as UTF-8", path=path)
    if kind is not None and kind != "a Darknet cfg file":
        hint = "The order of arguments is CFG WEIGHTS" if kind == "a Darknet weights file" else ""
        raise error(f"this is {kind}", f"a {what}", hint, path=path)
    encoding = "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        encoding, text = "latin-1", data.decode("latin-1")
    _refuse_controls(text, path, what, error)
    return Text(text, encoding, path)


def _refuse_controls(text: str, path: str | None, what: str, error: type[DarknetpyError]) -> None:
    """Control characters mean binary content or a trap for the reader; only tab and line ends are text."""
    if text.isprintable():
        return
    controls = [
        index
        for index, character in enumerate(text)
        if (character < " " or character == "\x7f") and character not in _ALLOWED_CONTROLS
    ]
    if not controls:
        return
    if len(controls) > 8 and len(controls) * 20 > len(text):
        raise error("this is not a text file", f"a {what}", path=path)
    before = text[: controls[0]]
    character = text[controls[0]]
    found = "a NUL byte" if character == "\0" else f"control character {printable(character)}"
    raise error(
        found, "plain text", path=path, line=before.count("\n") + 1, column=len(before) - (before.rfind("\n") + 1) + 1
    )


def read_text(path: str | os.PathLike[str], what: str, error: type[DarknetpyError] = ConfigError) -> Text:
    """Read and decode a text file; see :func:`read_file` and :func:`decode`."""
    return decode(read_file(path, what, error), os.fspath(path), what, error)
