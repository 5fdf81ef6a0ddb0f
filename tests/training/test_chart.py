"""The chart of a training: a whole PNG at any moment, with what it should show, and never in the way."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.errors import DarknetpyWarning, TrainingError
from darknetpy.training import chart as chart_module
from darknetpy.training.chart import ACCURACY, DOTS, HEIGHT, LOSS, RATE, WIDTH, Chart, can_draw, draw_chart
from darknetpy.training.course import Course

pytest.importorskip("matplotlib")


def course(count: int, validate_every: int = 0) -> Course:
    found, average = Course(), 2.5
    for iteration in range(1, count + 1):
        loss = 2.5 * 0.99**iteration + 0.01
        average = 0.9 * average + 0.1 * loss
        accuracy = 1 - 0.99**iteration if validate_every and iteration % validate_every == 0 else None
        found.add(iteration, loss=loss, average=average, rate=0.1, accuracy=accuracy)
    return found


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        image.load()
        assert (image.format, image.size) == ("PNG", (round(WIDTH * DOTS), round(HEIGHT * DOTS)))
        return np.asarray(image.convert("RGB")).astype(int)


def count_of(picture: np.ndarray, colour: str) -> int:
    """How many pixels have just that colour."""
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return int((picture == wanted).all(axis=2).sum())


@pytest.mark.parametrize(("count", "validate_every"), [(1, 0), (2, 1), (200, 0), (200, 50), (5000, 100)])
def test_curves_are_there(tmp_path: Path, count: int, validate_every: int) -> None:
    path, found = tmp_path / "chart.png", course(count, validate_every)
    draw_chart(path, found.spans, title="net", last=5000, best=found.best_validated)
    picture = pixels(path)
    assert count_of(picture, LOSS) > 20, "the legend at least"
    assert (count_of(picture, ACCURACY) > 50) == bool(validate_every)
    if count > 1:
        assert min(count_of(picture, LOSS), count_of(picture, RATE)) > 500
    assert list(tmp_path.iterdir()) == [path]


def test_losses_that_are_0_and_names_that_no_font_has_are_drawn(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    found = Course()
    for iteration in range(1, 9):
        found.add(iteration, loss=0.0, average=0.0, rate=0.0, accuracy=0.0)
    draw_chart(tmp_path / "a.png", found.spans, title="日本 $x_1$ \U0010ffff", last=8, best=found.best_validated)
    pixels(tmp_path / "a.png")
    assert [warning.message for warning in recwarn if issubclass(warning.category, UserWarning)] == []


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The clock, which stands still until it is set."""
    seconds = [100.0]
    monkeypatch.setattr(chart_module.time, "monotonic", lambda: seconds[0])
    monkeypatch.setattr(chart_module.time, "thread_time", lambda: 0.0)

    def set_to(value: float) -> None:
        seconds[0] = value

    return set_to


def drawn_by(chart: Chart) -> None:
    """Wait for the drawing under way."""
    if chart._thread is not None:
        chart._thread.join()


def test_it_is_drawn_again_now_and_then_in_a_thread(tmp_path: Path, now: Callable[[float], None]) -> None:
    path, found = tmp_path / "chart.png", course(30)
    chart = Chart(path, "net", 500, pytest.fail)
    chart.follow(found)
    drawn_by(chart)
    assert not path.exists(), "it is too early"
    versions = []
    for moment, iterations in ((111.0, 30), (115.0, 60), (122.0, 90)):
        now(moment)
        chart.follow(course(iterations))
        drawn_by(chart)
        versions.append(path.read_bytes())
    assert versions[0] == versions[1] != versions[2]
    chart.finish(course(120))
    assert path.read_bytes() != versions[2]
    draw_chart(tmp_path / "b.png", course(120).spans, title="net", last=500)
    np.testing.assert_array_equal(pixels(path), pixels(tmp_path / "b.png"))


def test_drawing_takes_a_hundredth_of_the_time(
    tmp_path: Path, now: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    used = iter((0.0, 0.5, 0.0, 0.5))
    monkeypatch.setattr(chart_module.time, "thread_time", lambda: next(used))
    calls: list[int] = []
    monkeypatch.setattr(chart_module, "draw_chart", lambda *words, **named: calls.append(1))
    chart = Chart(tmp_path / "a.png", "net", 500, pytest.fail)
    for moment in (111.0, 122.0, 160.0, 162.0):
        now(moment)
        chart.follow(course(3))
        drawn_by(chart)
    assert len(calls) == 2, "at 111 s and, half a second of drawing later, not before 161 s"


def test_a_training_never_waits_for_it(
    tmp_path: Path, now: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, calls = threading.Event(), []

    def slow(*words: object, **named: object) -> None:
        calls.append(1)
        assert goes_on.wait(60)

    monkeypatch.setattr(chart_module, "draw_chart", slow)
    chart = Chart(tmp_path / "a.png", "net", 500, pytest.fail)
    for moment in (111.0, 122.0, 133.0):
        now(moment)
        chart.follow(course(3))
    assert len(calls) == 1
    goes_on.set()
    chart.finish(course(3))
    assert len(calls) == 2


def test_one_that_cannot_be_written_is_said_once(tmp_path: Path, now: Callable[[float], None]) -> None:
    told: list[DarknetpyWarning] = []
    (tmp_path / "a.png").mkdir()
    chart = Chart(tmp_path / "a.png", "net", 500, told.append)
    for moment in (111.0, 122.0, 133.0):
        now(moment)
        chart.follow(course(3))
        drawn_by(chart)
    chart.finish(course(4))
    assert [str(one) for one in told] == [
        f"{tmp_path / 'a.png'}: no chart: is a directory, expected a path for a file. The training goes on without it."
    ]
    with pytest.raises(TrainingError, match="is a directory"):
        draw_chart(tmp_path / "a.png", course(3).spans, title="net", last=5)


def test_a_matplotlib_that_fails_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*words: object, **named: object) -> None:
        raise ImportError("a library is missing")

    told: list[DarknetpyWarning] = []
    monkeypatch.setattr(chart_module, "draw_chart", fails)
    Chart(tmp_path / "a.png", "net", 500, told.append).finish(course(3))
    expected = "no chart: matplotlib fails (ImportError: a library is missing). The training goes on without it."
    assert [str(one) for one in told] == [f"{tmp_path / 'a.png'}: {expected}"]


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    Chart(tmp_path / "a.png", "net", 500, pytest.fail).finish(Course())
    assert list(tmp_path.iterdir()) == []


def test_whether_matplotlib_is_there_is_known_without_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_draw()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert not can_draw()
