from __future__ import annotations

import io
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from darknetpy.errors import DataError
from darknetpy.images.sources import LONGEST_LINE, expand


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures, other files, folders within folders; the current folder is the one above."""
    for name in (
        "b.jpg", "A.JPG", "c.PNG", "notes.txt", ".hidden.jpg", "labels/b.txt",
        "deep/er/z.webp", "deep/y.tiff", ".cache/x.jpg", "odd[1].jpg",
    ):  # fmt: skip
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def inside(*names: str) -> list[str]:
    return [str(Path("photos", name)) for name in names]


BELOW = ("A.JPG", "b.jpg", "c.PNG", "odd[1].jpg", "deep/y.tiff", "deep/er/z.webp")


def test_files_are_taken_as_they_are_named_also_missing_ones(photos: Path) -> None:
    arguments = ["./photos/b.jpg", "photos//b.jpg", "gone.jpg", "photos/notes.txt", "photos/b.jpg", ""]
    assert list(expand(arguments)) == arguments
    assert list(expand([photos / "b.jpg"])) == [str(photos / "b.jpg")]


def test_a_folder_stands_for_the_pictures_below_it_in_a_fixed_order(photos: Path) -> None:
    assert list(expand(["photos"])) == inside(*BELOW)


def test_links_to_folders_are_followed_once(photos: Path) -> None:
    (photos / "deep" / "up").symlink_to(photos, target_is_directory=True)
    (photos / "more").symlink_to(photos / "deep" / "er", target_is_directory=True)
    assert list(expand(["photos"])) == inside(*BELOW)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("photos/*.jpg", ["b.jpg", "odd[1].jpg"]),
        ("photos/?.*", ["A.JPG", "b.jpg", "c.PNG"]),
        ("photos/[bc].*", ["b.jpg", "c.PNG"]),
        ("photos/**/*.webp", ["deep/er/z.webp"]),
        ("photos/de*", ["deep/y.tiff", "deep/er/z.webp"]),
        ("photos/odd[1].jpg", ["odd[1].jpg"]),
    ],
)
def test_patterns_that_the_shell_left_alone_are_expanded(photos: Path, pattern: str, names: list[str]) -> None:
    assert list(expand([pattern])) == inside(*names)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("photos/*.bmp", "photos/*.bmp: nothing matches this pattern, expected at least one picture."),
        ("photos/labels", "photos/labels: no pictures in this folder, expected files named .apng .bmp .gif"),
        ("@gone.txt", "gone.txt: the list cannot be opened (No such file or directory)"),
        ("@photos", "photos: the list cannot be opened (Is a directory)"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="the texts of the system differ")
def test_what_stands_for_nothing_is_an_error_before_anything_is_read(photos: Path, argument: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        expand(["photos/b.jpg", argument])
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_list_has_one_path_a_line_with_blanks_around_it_trimmed(photos: Path, ends: str) -> None:
    lines = ["\ufeffphotos/b.jpg  ", "", "\tphotos/two words.jpg", "   ", "gone.jpg", "photos/*.jpg", "photos/b.jpg"]
    Path("list.txt").write_bytes(ends.join(lines).encode())
    wanted = ["photos/b.jpg", "photos/two words.jpg", "gone.jpg", "photos/*.jpg", "photos/b.jpg"]
    assert list(expand(["@list.txt"])) == wanted


def test_entries_are_looked_for_here_and_then_beside_the_list(photos: Path) -> None:
    (photos / "list.txt").write_text("b.jpg\nphotos/b.jpg\ngone.jpg\n" + str(photos / "c.PNG") + "\n")
    wanted = [str(Path("photos/b.jpg")), "photos/b.jpg", "gone.jpg", str(photos / "c.PNG")]
    assert list(expand(["@photos/list.txt"])) == wanted


@pytest.mark.parametrize("stdin", [["b.jpg\n", "\n", " a.jpg\r\n"], [b"b.jpg\n", b"\n", b" a.jpg\r\n"]])
def test_a_dash_is_a_list_on_standard_input(stdin: list[str | bytes]) -> None:
    assert list(expand(["x.jpg", "-", "y.jpg"], stdin)) == ["x.jpg", "b.jpg", "a.jpg", "y.jpg"]


def test_names_that_are_not_utf_8_survive(tmp_path: Path) -> None:
    assert [os.fsencode(path) for path in expand(["-"], [b"caf\xe9.jpg\n"])] == [b"caf\xe9.jpg"]


def test_everything_comes_one_at_a_time() -> None:
    def endless() -> Iterator[str]:
        number = 0
        while True:
            yield f"{number}.jpg"
            number += 1

    assert list(islice(expand(["-"], endless()), 3)) == ["0.jpg", "1.jpg", "2.jpg"]


def test_the_same_picture_named_twice_comes_twice(photos: Path) -> None:
    Path("list.txt").write_text("photos/b.jpg\n")
    assert list(expand(["photos/b.jpg", "@list.txt", "photos/b.*"])) == ["photos/b.jpg"] * 3


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"a.jpg\nb\0.jpg\n", 2, "control characters"),
        (b"a.jpg\nb\x1b[2J.jpg\n", 2, "b\\\\x1b[2J.jpg"),
        ("a.jpg\n".encode("utf-16"), 1, "control characters"),
        (b"a.jpg\n\n" + b"x" * (LONGEST_LINE + 5), 3, "more than 65536 characters"),
        (b"\n  \r\n", None, "an empty list"),
        (b"", None, "an empty list"),
    ],
)
def test_a_list_that_cannot_be_one_is_an_error_with_its_line(
    content: bytes, line: int | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(expand([f"@{path}"]))
    assert (caught.value.path, caught.value.line) == (str(path), line)
    assert message in str(caught.value)


def test_an_empty_standard_input_is_an_error() -> None:
    with pytest.raises(DataError, match="standard input: an empty list"):
        list(expand(["-"], io.BytesIO(b"\n")))


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")
def test_an_endless_list_is_an_error() -> None:
    with pytest.raises(DataError, match="more than 65536 characters"):
        list(expand(["@/dev/zero"]))


def test_no_arguments_are_no_pictures() -> None:
    assert list(expand([])) == []
