"""What commands on pictures share: documents, exit codes, batches."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from darknetpy.cli import pictures
from darknetpy.errors import ImageError

pytestmark = pytest.mark.quick


def arguments(**values: object) -> argparse.Namespace:
    return argparse.Namespace(
        **{"images": ["a.png"], "batch": 1, "threads": 1, "strict": False, "max_pixels": 10**6, "no_exif": False,
           "allow_damaged": False, **values}
    )  # fmt: skip


def printed(capsys: pytest.CaptureFixture[str], *parts: str) -> str:
    with pictures.document("[", ",", "]\n") as write:
        for part in parts:
            write(part)
    return capsys.readouterr().out


def test_a_document_has_separators_between_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "1", "2") == "[1,2]\n"
    assert printed(capsys, "", "1", "", "2", "") == "[1,2]\n"


def test_a_document_without_parts_is_whole_if_it_was_begun(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "") == "[]\n"
    assert printed(capsys) == ""


def test_a_document_is_closed_when_something_ends_it_early(capsys: pytest.CaptureFixture[str]) -> None:
    def stop_half_way() -> None:
        with pictures.document("[", ",", "]") as write:
            write("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_half_way()
    assert json.loads(capsys.readouterr().out) == [1]


def test_lines_are_printed_at_once_and_empty_ones_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pictures.lines() as write:
        write("a")
        assert capsys.readouterr().out == "a\n"
        write("")
        write("b")
    assert capsys.readouterr().out == "b\n"


@pytest.mark.parametrize(("answers", "code"), [([True, True], 0), ([True, False, True], 1), ([False], 1), ([], 0)])
def test_pictures_without_an_answer_make_the_exit_code_1(
    answers: list[bool], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def each() -> Iterator[bool]:
        yield from answers

    assert pictures.answer_all(each(), lambda answer: answer, arguments()) == code  # type: ignore[arg-type]
    failed = answers.count(False)
    expected = f"{failed} of {len(answers)} pictures have no answer.\n" if failed and len(answers) > 1 else ""
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_batches_keep_the_order_and_hold_what_cannot_be_read(batch: int) -> None:
    def prepare(path: str) -> str:
        if path == "c":
            raise ImageError("no picture", path=path)
        return path.upper()

    found = list(pictures.batches(iter("abcde"), prepare, arguments(batch=batch, threads=3)))
    assert [len(part) for part in found[:-1]] == [batch] * (len(found) - 1)
    flat = [pair for part in found for pair in part]
    assert [path for path, _ in flat] == list("abcde")
    assert [result for _, result in flat if not isinstance(result, ImageError)] == list("ABDE")


def test_pictures_are_decoded_as_the_options_say(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("RGB", (30, 20)).save(path, exif=exif)
    assert pictures.decode(str(path), 3, arguments()).picture.shape == (30, 20, 3)
    assert pictures.decode(str(path), 1, arguments(no_exif=True)).picture.shape == (20, 30, 1)
    with pytest.raises(ImageError, match="600 pixels"):
        pictures.decode(str(path), 3, arguments(max_pixels=599))
