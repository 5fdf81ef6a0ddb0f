"""What commands on pictures share: documents, exit codes, batches."""

from __future__ import annotations

import argparse
import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from darknetpy.cli import pictures
from darknetpy.errors import ImageError

pytestmark = pytest.mark.quick
PATIENCE = 20  # seconds; reached only when a test fails


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


def computing_threads() -> list[str]:
    """Not the numbered helpers of networks of other tests that wait to be collected."""
    return [thread.name for thread in threading.enumerate() if re.match("darknetpy-[a-z]", thread.name)]


@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_batches_are_computed_in_order_without_what_cannot_be_read(batch: int) -> None:
    under_way, threads = threading.Lock(), set()

    def prepare(path: str) -> str:
        if path in "cd":
            raise ImageError("no picture", path=path)
        return path.upper()

    def compute(prepared: list[str]) -> str:
        assert under_way.acquire(blocking=False)  # never two at once
        threads.add(threading.get_ident())
        under_way.release()
        return "".join(prepared)

    found = list(pictures.computed(iter("abcdefg"), prepare, compute, arguments(batch=batch, threads=3)))
    assert [path for part, _ in found for path, _ in part] == list("abcdefg")
    for part, answer in found:
        assert answer == "".join(path.upper() for path, _ in part if path not in "cd")
        assert [isinstance(result, ImageError) for _, result in part] == [path in "cd" for path, _ in part]
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    assert computing_threads() == []


def test_the_next_pictures_are_computed_while_answers_of_one_are_used() -> None:
    third_begun = threading.Event()

    def compute(prepared: list[str]) -> list[str]:
        if prepared == ["c"]:
            third_begun.set()
        return prepared

    with closing(pictures.computed(iter("abc"), str, compute, arguments())) as computed:
        assert next(computed)[1] == ["a"]
        assert third_begun.wait(PATIENCE)
    assert computing_threads() == []


@pytest.mark.parametrize("place", ["paths", "prepare", "compute"])
def test_an_error_comes_after_the_answers_before_it(place: str) -> None:
    def fail(where: str, path: str) -> None:
        if place == where and path == "c":
            raise ZeroDivisionError

    def paths() -> Iterator[str]:
        for path in "abcd":
            fail("paths", path)
            yield path

    def prepare(path: str) -> str:
        fail("prepare", path)
        return path

    def compute(prepared: list[str]) -> list[str]:
        fail("compute", prepared[0])
        return prepared

    computed = pictures.computed(paths(), prepare, compute, arguments())
    assert [next(computed)[1], next(computed)[1]] == [["a"], ["b"]]
    with pytest.raises(ZeroDivisionError):
        next(computed)
    assert computing_threads() == []


def test_closing_ends_all_threads_and_begins_nothing_more() -> None:
    begun: list[str] = []

    def compute(prepared: list[str]) -> list[str]:
        begun.extend(prepared)
        return prepared

    with closing(pictures.computed(map(str, range(100)), str, compute, arguments())) as computed:
        assert next(computed)[1] == ["0"]
    assert len(begun) <= 1 + pictures.AHEAD
    assert computing_threads() == []


def test_pictures_are_decoded_as_the_options_say(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("RGB", (30, 20)).save(path, exif=exif)
    assert pictures.decode(str(path), 3, arguments()).picture.shape == (30, 20, 3)
    assert pictures.decode(str(path), 1, arguments(no_exif=True)).picture.shape == (20, 30, 1)
    with pytest.raises(ImageError, match="600 pixels"):
        pictures.decode(str(path), 3, arguments(max_pixels=599))
