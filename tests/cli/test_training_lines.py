"""Lines of a training for a log: not too many, and none too late."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.cli.training_lines import Lines, iteration_text, validated_text, validation_text
from darknetpy.evaluation.tally import Tally
from darknetpy.training.course import Validated
from darknetpy.training.pace import Pace
from tests.cli.trainings import Clock, progress, tally_of


def said(
    capsys: pytest.CaptureFixture[str], last: int, seconds: float, every: int | None = None, validate_every: int = 0
) -> list[str]:
    """The lines of a whole training whose iterations take so long."""
    clock = Clock()
    lines, pace = Lines(last, every, clock), Pace(0, 0, clock)
    for iteration in range(1, last + 1):
        clock.now += seconds
        validation = tally_of(3, 4) if validate_every and iteration % validate_every == 0 else None
        pace.add(iteration, 32 * iteration, 64.0)
        lines.show(progress(iteration, validation=validation), pace)
    return capsys.readouterr().out.splitlines()


def iterations(lines: list[str]) -> list[int]:
    return [int(line.partition("/")[0]) for line in lines if not line.startswith("validation")]


def test_a_line_tells_all_figures() -> None:
    clock = Clock()
    pace = Pace(0, 0, clock)
    pace.add(1, 32, 64.0)
    start = "1/300: loss 1.2500, average 1.5000, rate 0.001, 64 pictures/s"
    assert iteration_text(progress(1), 300, pace) == start
    clock.now += 2
    pace.add(2, 64, 64.0)
    assert iteration_text(progress(2), 300, pace) == f"2{start[1:]}, 9:56 min left"
    assert iteration_text(progress(300), 300, pace).endswith("64 pictures/s")


def test_validations_are_told() -> None:
    assert validation_text(9, tally_of(3, 4), is_best=True) == (
        "validation at iteration 9: 75.00% of 4 pictures right, the best so far"
    )
    assert validation_text(9, tally_of(1, 4), is_best=False) == "validation at iteration 9: 25.00% of 4 pictures right"
    three = Tally(["a", "b", "c"], top=2)
    three.add(np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]], np.float32), [1, 2])
    text = validation_text(9, three, is_best=False)
    assert text == "validation at iteration 9: 0.00% of 2 pictures right (50.00% among the best 2)"
    assert validated_text(Validated(7, 0.5)) == "50.00% right at iteration 7"


def test_fast_iterations_have_a_line_every_two_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    assert iterations(said(capsys, 1000, 0.0078125)) == [1, 257, 513, 769, 1000]


def test_middling_ones_have_a_line_every_hundredth(capsys: pytest.CaptureFixture[str]) -> None:
    assert iterations(said(capsys, 1000, 0.5)) == [1, *range(11, 1000, 10), 1000]


def test_slow_ones_have_a_line_every_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    found = iterations(said(capsys, 10_000, 1))
    assert found[:4] == [1, 31, 61, 91]
    assert iterations(said(capsys, 300, 40)) == list(range(1, 301))


def test_a_number_of_iterations_may_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert iterations(said(capsys, 100, 0.1, every=30)) == [1, 30, 60, 90, 100]
    assert iterations(said(capsys, 5, 0.1, every=1)) == [1, 2, 3, 4, 5]


def test_each_validation_has_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, 100, 0.001, validate_every=25)
    assert iterations(lines) == [1, 25, 50, 75, 100]
    assert [line.split(":")[0] for line in lines if line.startswith("v")] == [
        f"validation at iteration {number}" for number in (25, 50, 75, 100)
    ]


def test_it_knows_what_it_has_said(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines, pace = Lines(100, 10, clock), Pace(0, 0, clock)
    for iteration in (1, 2):
        pace.add(iteration, 32 * iteration, 64.0)
        lines.show(progress(iteration), pace)
        assert lines.has_said(progress(iteration)) == (iteration == 1)
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert isinstance(tally_of(1, 1), Tally)
