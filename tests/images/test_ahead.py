"""Decoding ahead in worker threads. Nothing here depends on time: threads wait for events."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from darknetpy.errors import DataError, ImageError
from darknetpy.images.ahead import apply_ahead, decode_ahead

PATIENCE = 20  # seconds; reached only when a test fails


def upper(path: str) -> str:
    return path.upper()


def decoding_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("darknetpy-decode")]


@pytest.mark.parametrize(("workers", "ahead"), [(1, 0), (1, 1), (3, 2), (4, 50)])
def test_results_come_in_the_order_of_the_paths(workers: int, ahead: int) -> None:
    paths = [f"{number}.png" for number in range(20)]
    assert list(decode_ahead(paths, upper, workers=workers, ahead=ahead)) == [(path, path.upper()) for path in paths]
    assert list(decode_ahead([], upper, workers=workers, ahead=ahead)) == []
    assert decoding_threads() == []


def test_a_slow_picture_does_not_change_the_order() -> None:
    second_done = threading.Event()

    def decode(path: str) -> str:
        if path == "first":
            assert second_done.wait(PATIENCE)
        else:
            second_done.set()
        return path

    results = decode_ahead(["first", "second"], decode, workers=2, ahead=1)
    assert [path for path, _ in results] == ["first", "second"]


def test_pictures_are_decoded_while_the_caller_uses_one() -> None:
    third_begun = threading.Event()

    def decode(path: str) -> str:
        if path == "third":
            third_begun.set()
        return path

    with closing(decode_ahead(["first", "second", "third"], decode, workers=1, ahead=2)) as results:
        assert next(results) == ("first", "first")
        assert third_begun.wait(PATIENCE)


@pytest.mark.parametrize("ahead", [0, 1, 5])
def test_no_more_paths_are_taken_than_allowed_ahead(ahead: int) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield str(taken)

    with closing(decode_ahead(endless(), upper, workers=2, ahead=ahead)) as results:
        for used in range(1, 30):
            assert next(results)[0] == str(used)
            assert taken == used + ahead
    assert decoding_threads() == []


def test_an_unreadable_picture_is_a_result_and_the_others_go_on() -> None:
    def decode(path: str) -> str:
        if path == "bad":
            raise ImageError("an empty file", path=path)
        return path

    good, bad, last = decode_ahead(["good", "bad", "last"], decode, workers=2, ahead=2)
    assert (good, last) == (("good", "good"), ("last", "last"))
    assert bad[0] == "bad"
    assert isinstance(bad[1], ImageError)
    assert bad[1].path == "bad"


def test_a_mistake_of_the_program_is_raised() -> None:
    def decode(path: str) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(decode_ahead(["a"], decode, workers=1, ahead=1))
    assert decoding_threads() == []


def test_an_error_of_the_list_comes_after_the_results_before_it() -> None:
    def listed() -> Iterator[str]:
        yield "a"
        yield "b"
        raise DataError("control characters", path="list.txt", line=3)

    results = decode_ahead(listed(), upper, workers=2, ahead=10)
    assert [next(results), next(results)] == [("a", "A"), ("b", "B")]
    with pytest.raises(DataError, match=r"list\.txt:3"):
        next(results)


def test_any_error_of_the_items_comes_after_the_results_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ZeroDivisionError

    results = apply_ahead(items(), float, workers=1, ahead=10, name="darknetpy-decode")
    assert [next(results), next(results)] == [1.0, 2.0]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert decoding_threads() == []


def test_an_interrupt_does_not_wait_for_results() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(apply_ahead(items(), float, workers=1, ahead=10, name="darknetpy-decode"))
    assert decoding_threads() == []


def test_one_worker_takes_the_items_in_order() -> None:
    taken: list[int] = []
    results = list(apply_ahead(range(50), taken.append, workers=1, ahead=7, name="darknetpy-decode"))
    assert (taken, results) == (list(range(50)), [None] * 50)


def test_closing_ends_early_and_begins_nothing_more() -> None:
    begun: list[str] = []
    free = threading.Event()

    def decode(path: str) -> str:
        begun.append(path)
        if path != "0":
            assert free.wait(PATIENCE)
        return path

    results = decode_ahead(map(str, range(100)), decode, workers=1, ahead=20)
    assert next(results) == ("0", "0")
    free.set()
    results.close()
    assert len(begun) <= 21
    assert decoding_threads() == []
