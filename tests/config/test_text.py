"""Small text files: sizes, encodings, line ends, control characters, and files that are something else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from darknetpy.config.text import MAXIMUM_BYTES, decode, from_string, read_file, read_text
from darknetpy.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("data", "encoding", "lines"),
    [
        (b"", "utf-8", []),
        (b"a\nb\n", "utf-8", ["a", "b"]),
        (b"a\nb", "utf-8", ["a", "b"]),
        (b"a\r\nb\r\n", "utf-8", ["a\r", "b\r"]),
        (b"a\rb\r", "utf-8", ["a", "b"]),
        (b"a\n\n\n", "utf-8", ["a", "", ""]),
        (b"\xef\xbb\xbfa\n", "utf-8-sig", ["a"]),
        ("\u00e9\u4e2d\u2028x\n".encode(), "utf-8", ["\u00e9\u4e2d\u2028x"]),
        (b"caf\xe9\n", "latin-1", ["caf\u00e9"]),
        (b"\xef\xbb\xbfcaf\xe9\n", "latin-1", ["\u00ef\u00bb\u00bfcaf\u00e9"]),
    ],
)
def test_bytes_to_lines_and_back(data: bytes, encoding: str, lines: list[str]) -> None:
    text = decode(data, None, "list")
    assert (text.encoding, text.lines) == (encoding, lines)
    assert text.encode() == data


@pytest.mark.parametrize(
    ("data", "line", "column", "found"),
    [
        (b"a\nb\x1bc\n", 2, 2, "control character \\x1b"),
        (b"\x07\n", 1, 1, "control character \\x07"),
        (b"a\rbc\x7f\r", 2, 3, "control character \\x7f"),
        (b"a\nb\0\n", 2, 2, "a NUL byte"),
        (b"\xef\xbb\xbfa\0\n", 1, 2, "a NUL byte"),
        (b"a\x0c\nb\0\n", 1, 2, "control character \\x0c"),
    ],
)
def test_control_characters_are_refused_where_they_stand(data: bytes, line: int, column: int, found: str) -> None:
    with pytest.raises(DataError) as caught:
        decode(data, "a.txt", "list", DataError)
    assert (caught.value.path, caught.value.line, caught.value.column) == ("a.txt", line, column)
    assert caught.value.found == found


def test_control_characters_can_be_allowed_but_never_nul() -> None:
    assert decode(b"a\x1b[2J\n", None, "list", controls_allowed=True).lines == ["a\x1b[2J"]
    with pytest.raises(ConfigError, match="a NUL byte"):
        decode(b"a\x1b\nb\0\n", None, "list", controls_allowed=True)


def test_binary_content_is_not_blamed_on_its_first_character() -> None:
    with pytest.raises(ConfigError, match="this is not a text file, expected a list"):
        decode(bytes(range(256)) * 4, None, "list", controls_allowed=True)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\xff\xfea\0", "UTF-16 text"),
        (b"<html>", "an HTML page"),
        (b"\x89PNG\r\n\x1a\n....", "a PNG picture"),
        (b"\0\0\0\0\2\0\0\0\0\0\0\0....", "a Darknet weights file"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (b"[net]\nwidth=8\n", "a Darknet cfg file"),
    ],
)
def test_files_of_another_kind_are_named(data: bytes, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decode(data, "a", "file of class names")
    assert found in caught.value.found
    assert caught.value.remedy


def test_a_cfg_file_may_be_a_cfg_file() -> None:
    assert decode(b"[net]\nwidth=8\n", "a", "cfg file").lines == ["[net]", "width=8"]
    with pytest.raises(ConfigError, match="The order of arguments is CFG WEIGHTS"):
        decode(b"\0\0\0\0\2\0\0\0\0\0\0\0....", "a", "cfg file")


def test_text_in_memory() -> None:
    assert from_string("a\nb", None, "list").lines == ["a", "b"]
    marked = from_string("\ufeffa", None, "list")
    assert (marked.text, marked.encode()) == ("a", b"\xef\xbb\xbfa")
    for bad in ("a\0", "\x1b", "\ud800", "\udcff"):
        with pytest.raises(ConfigError, match="expected plain text"):
            from_string(bad, None, "list")
    with pytest.raises(ConfigError, match="HTML"):
        from_string("<html>", None, "list")


def test_reading_a_file(tmp_path: Path) -> None:
    path = tmp_path / "my list.txt"
    path.write_bytes(b"a\r\n")
    assert read_file(path, "list") == b"a\r\n"
    for given in (path, str(path), os.fsencode(path)):
        assert read_text(given, "list").path == str(path)


def test_files_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    with path.open("wb") as file:
        file.truncate(MAXIMUM_BYTES + 1)
    with pytest.raises(DataError, match=f"{MAXIMUM_BYTES + 1} bytes, expected a list of at most {MAXIMUM_BYTES} bytes"):
        read_file(path, "list", DataError)
    with path.open("wb") as file:
        file.truncate(1000)
    assert len(read_file(path, "list")) == 1000


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("", "an empty path"),
        ("nope.txt", "no such list"),
        ("nope/nope.txt", "no such list"),
        ("a\0b", "a name that no file can have"),
        ("\ud800", "a name that no file can have"),
        ("x" * 5000, "cannot read the list: File name too long"),
        (".", "is a directory"),
        (b"nope.txt", "no such list"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the words of the system differ")
def test_names_that_cannot_be_read(
    name: str | bytes, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        read_file(name, "list")
    assert caught.value.found == found
    assert caught.value.remedy
    assert str(caught.value).isprintable()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is not a regular file"):
        read_file(tmp_path / "pipe", "list")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigError, match="no such list"):
        read_file(tmp_path / "link", "list")


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be deleted there")
def test_relative_paths_when_the_current_folder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match="The current folder does not exist any more"):
        read_file("nope.txt", "list")
