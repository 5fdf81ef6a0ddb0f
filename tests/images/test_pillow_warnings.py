from __future__ import annotations

import threading
import warnings

import pytest

from darknetpy.images.pillow_warnings import pillow_warnings


def pillow_warns(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn as a module of Pillow does."""
    warnings.warn_explicit(text, category, "Somewhere.py", 1, module="PIL.Somewhere")


@pytest.mark.parametrize("filters", ["default", "ignore", "error", "always"])
def test_what_pillow_says_is_collected_whatever_the_filters_say(filters: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter(filters)
        with pillow_warnings() as told:
            pillow_warns("an odd\n  file")
            pillow_warns("an odd file")
    assert told == ["an odd file"] * 2


def test_other_warnings_of_this_thread_follow_the_filters_as_before() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pillow_warnings() as told, pytest.raises(UserWarning, match="mine"):
            warnings.warn("mine", stacklevel=1)
    assert told == []


def test_the_limit_of_pixels_of_pillow_is_no_news() -> None:
    class DecompressionBombWarning(RuntimeWarning):
        pass

    with pillow_warnings() as told:
        pillow_warns("many pixels", DecompressionBombWarning)
    assert told == []


def test_threads_that_overlap_get_their_own_and_leave_everything_as_it_was() -> None:
    first_is_in, second_is_in, first_is_out = threading.Event(), threading.Event(), threading.Event()
    told: dict[str, list[str]] = {}

    def first() -> None:
        with pillow_warnings() as texts:
            first_is_in.set()
            second_is_in.wait(10)
            pillow_warns("one")
        told["first"] = texts
        first_is_out.set()

    def second() -> None:
        first_is_in.wait(10)
        with pillow_warnings() as texts:
            second_is_in.set()
            first_is_out.wait(10)
            pillow_warns("two")
        told["second"] = texts

    before = list(warnings.filters), warnings.showwarning
    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == {"first": ["one"], "second": ["two"]}
    assert (list(warnings.filters), warnings.showwarning) == before


def test_a_warning_of_another_thread_is_shown_as_before() -> None:
    def warn_in_another_thread() -> list[str]:
        with pillow_warnings() as told:
            thread = threading.Thread(target=pillow_warns, args=("elsewhere",))
            thread.start()
            thread.join()
        return told

    with pytest.warns(UserWarning, match="elsewhere"):
        assert warn_in_another_thread() == []


def test_somebody_who_swaps_the_same_state_meanwhile_does_no_harm() -> None:
    shown: list[object] = []
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: shown.append(message)
        reading, somebody = pillow_warnings(), warnings.catch_warnings()
        reading.__enter__()
        somebody.__enter__()
        reading.__exit__(None, None, None)
        somebody.__exit__(None, None, None)  # puts back what was there while we were reading
        with pillow_warnings() as told:
            pillow_warns("one")
        warnings.showwarning("two", UserWarning, "here.py", 1)
    assert told == ["one"]
    assert shown == ["two"]
