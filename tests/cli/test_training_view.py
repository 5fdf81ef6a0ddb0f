"""What is seen of a training, without one: estimates, the end, charts and mistakes."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from darknetpy.cli.training_view import View
from darknetpy.training import chart, pace
from darknetpy.training.checkpoints import Folder
from darknetpy.training.course import Course
from tests.cli.trainings import Clock, progress, tally_of

LAST = 1000
Make = Callable[..., View]


class Finished(chart.Chart):
    """A chart that counts how often it is finished, and draws nothing."""

    times = 0

    def finish(self, course: Course) -> None:
        """Count."""
        Finished.times += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the pace."""
    made = Clock()
    monkeypatch.setattr(pace, "Pace", partial(pace.Pace, clock=made))
    return made


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Make:
    """A view of a training that never was."""
    monkeypatch.setattr(chart, "can_draw", lambda: True)
    monkeypatch.setattr(chart, "Chart", Finished)
    monkeypatch.setattr(Finished, "times", 0)

    def view(*, validated: bool = False, **options: Any) -> View:
        given = {"no_chart": False, "log_every": None, "save_samples": None, "quiet": False, **options}
        training = SimpleNamespace(iteration=0, pictures=0)
        opened = SimpleNamespace(
            loop=SimpleNamespace(training=training, last=LAST, saved_iteration=None),
            folder=Folder(tmp_path, "net"),
            dataset=SimpleNamespace(names=("cat", "dog"), validation=() if validated else None),
        )
        opened.folder.release()
        return View(argparse.Namespace(**given), opened, lambda: "")  # type: ignore[arg-type]

    return view


def show(view: View, clock: Clock, iterations: range, seconds: float) -> None:
    for iteration in iterations:
        clock.now += seconds
        view.show(progress(iteration))


@pytest.mark.parametrize(
    ("seconds", "validated", "text"),
    [
        (1.0, False, r"it will take about 16:38 min, until \d\d:\d\d"),
        (0.5, True, r"it will take about 8:18 min, until \d\d:\d\d, besides validations"),
        (0.04, False, r"it will take about 39 s"),
        (100.0, False, r"it will take about 27:43 h, until \d{4}-\d\d-\d\d \d\d:\d\d"),
    ],
)
def test_how_long_it_will_take_is_said_once(
    make: Make, clock: Clock, capsys: pytest.CaptureFixture[str], seconds: float, validated: bool, text: str
) -> None:
    view = make(validated=validated)
    show(view, clock, range(1, 101), seconds)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(text, line)


def test_what_is_over_soon_needs_no_estimate(make: Make, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    show(make(), clock, range(1, LAST), 0.004)
    assert capsys.readouterr().err == ""


def test_at_its_end_the_last_figures_and_the_best_validation_are_said(
    make: Make, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with make(log_every=100) as view:
        show(view, clock, range(1, 5), 0.001)
        view.show(progress(5, validation=tally_of(4, 5)))
        view.show(progress(6, validation=tally_of(1, 5)))
        show(view, clock, range(7, 9), 0.001)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        "1/1000: loss 1.2500", "5/1000: loss 1.2500",
        "validation at iteration 5: 80.00% of 5 pictures right", "6/1000: loss 1.2500",
        "validation at iteration 6: 20.00% of 5 pictures right", "8/1000: loss 1.2500",
        "best validation: 80.00% right at iteration 5",
    ]  # fmt: skip
    view.end()
    assert capsys.readouterr().out == "", "only once"
    assert Finished.times == 1


def test_quiet_means_nothing_is_said_and_all_is_drawn(
    make: Make, clock: Clock, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with make(quiet=True) as view:
        view.show(progress(1, validation=tally_of(4, 5)))
        view.end()
        view.draw_mistakes()
    assert capsys.readouterr().out == ""
    assert {path.name for path in tmp_path.iterdir()} == {"net_confusion.png", "net_mistakes.png"}
    assert Finished.times == 1


def test_mistakes_of_the_last_validation_are_named(
    make: Make, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    view = make(quiet=False)
    view.draw_mistakes()
    assert capsys.readouterr().out == "", "there was no validation"
    view.show(progress(1, validation=tally_of(1, 5)))
    view.show(progress(2, validation=tally_of(4, 5)))
    view.show(progress(3))
    capsys.readouterr()
    view.draw_mistakes()
    assert capsys.readouterr().out.splitlines() == [
        "most frequent mistakes in the last validation:",
        "  1 x dog taken for cat",
    ]


@pytest.mark.parametrize(("problem", "times"), [(KeyboardInterrupt, 0), (SystemExit, 0), (ValueError, 1)])
def test_who_stops_it_at_once_does_not_wait_for_the_chart(
    make: Make, clock: Clock, problem: type[BaseException], times: int
) -> None:
    def stopped() -> None:
        with make() as view:
            view.show(progress(1))
            raise problem

    with pytest.raises(problem):
        stopped()
    assert Finished.times == times
