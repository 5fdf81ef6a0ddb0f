"""Lists of pictures, read line by line."""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import pytest

from darknetpy.errors import DataError
from darknetpy.training.lists import LONGEST_LINE, lines_of, place_of

pytestmark = pytest.mark.quick


def lines(folder: Path, content: bytes) -> list[tuple[int, str]]:
    (folder / "a.list").write_bytes(content)
    return list(lines_of(folder / "a.list"))


@pytest.mark.parametrize(
    "content",
    [
        b"a.png\n  b c.png \t\n\n \nd.png",
        b"a.png\r\nb c.png\r\n\r\n\r\nd.png\r\n",
        b"a.png\rb c.png\r\r\rd.png",
        b"\xef\xbb\xbfa.png\nb c.png\n\n\nd.png\n",
    ],
)
def test_lines_have_numbers_and_no_blanks_around_them(tmp_path: Path, content: bytes) -> None:
    assert lines(tmp_path, content) == [(1, "a.png"), (2, "b c.png"), (5, "d.png")]


def test_labels_stay_behind_their_tab(tmp_path: Path) -> None:
    assert lines(tmp_path, b"a.png\tcat\n\tb.png\tdog\n") == [(1, "a.png\tcat"), (2, "b.png\tdog")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a.png\nb\0.png\n", "2:2: a NUL byte"),
        (b"a.png\n" * 2000 + b"b\x1b[2J.png\n", r"2001: control characters in b\\x1b\[2J\.png, expected a path"),
        (b"a.png\n" * 2000 + b"\0" * 10, "2001: control characters"),
        (b"a" * (LONGEST_LINE + 1), f"1: more than {LONGEST_LINE} characters in a line"),
        (b"", "an empty list, expected one path a line"),
        (b"\n \n", "an empty list, expected one path a line"),
        ("a.png\nb.png\n".encode("utf-16"), "UTF-16 text"),
        (b"\xff\xd8\xff\xe0....", "this is a JPEG picture"),
        (bytes(range(256)) * 4, "this is not a text file"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=rf"a\.list(:| ?){message}|a\.list: {message}"):
        lines(tmp_path, content)


def test_a_list_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the list cannot be read"):
        list(lines_of(tmp_path / "none.list"))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are text there")
def test_names_that_are_not_utf_8_are_those_of_files_or_latin_1(tmp_path: Path) -> None:
    written = "b\u00e4r.png".encode("latin-1")
    assert lines(tmp_path, written) == [(1, "b\u00e4r.png")]
    (tmp_path / written.decode("utf-8", "surrogateescape")).touch()
    (_, text) = lines(tmp_path, written)[0]
    assert place_of(text, tmp_path) is not None


def test_a_long_list_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / "a.list").write_bytes(b"".join(b"pictures/of/many/things/%07d.jpg\n" % n for n in range(100_000)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in lines_of(tmp_path / "a.list")) == 100_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000


def test_pictures_are_looked_for_here_and_beside_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.png").touch()
    (tmp_path / "b.png").touch()
    monkeypatch.chdir(tmp_path / "here")
    assert place_of("a.png", tmp_path) == "a.png"
    assert place_of("b.png", tmp_path) == str(tmp_path / "b.png")
    assert place_of("c.png", tmp_path) is None
    assert place_of("x" * 5000, tmp_path) is None
