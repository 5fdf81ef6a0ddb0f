"""The course of a training: bounded, the same when it is read again, and whole spans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.training.checkpoints import Folder
from darknetpy.training.course import Course, Span, Validated, read_course
from darknetpy.training.metrics import Metrics


def losses(count: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(0.1, 3, count)


def course_of(values: np.ndarray, most: int = 10) -> Course:
    course = Course(most)
    for iteration, loss in enumerate(values.tolist(), 1):
        accuracy = loss / 3 if iteration % 7 == 0 else None
        course.add(iteration, loss=loss, average=2 * loss, rate=1 / iteration, accuracy=accuracy)
    return course


@pytest.mark.parametrize("count", [1, 7, 19, 20, 21, 40, 41, 999])
def test_any_number_of_iterations_takes_a_bounded_number_of_spans(count: int) -> None:
    values = losses(count)
    spans = course_of(values).spans
    assert len(spans) < 20
    assert len(spans) >= min(count, 10)
    assert [span.first for span in spans] == [1, *(span.last + 1 for span in spans[:-1])]
    assert spans[-1].last == count
    for span in spans:
        part = values[span.first - 1 : span.last]
        assert span.loss == pytest.approx(part.mean())
        assert (span.lowest, span.highest) == (part.min(), part.max())
        assert (span.average, span.rate) == (2 * part[-1], 1 / span.last)
        validated = [number for number in range(span.first, span.last + 1) if number % 7 == 0]
        assert span.accuracy == (values[validated[-1] - 1] / 3 if validated else None)


def test_last_and_best_validations_are_exact_whatever_the_spans() -> None:
    values = losses(999)
    course = course_of(values)
    shares = {number: values[number - 1] / 3 for number in range(7, 1000, 7)}
    assert course.last_validated == (994, shares[994])
    best = max(shares, key=lambda number: shares[number])
    assert course.best_validated == (best, shares[best])
    course.add(1000, loss=1, average=1, rate=1, accuracy=shares[best])
    assert course.best_validated == Validated(1000, shares[best]), "of equally good ones the last"


def test_losses_in_a_few_numbers() -> None:
    course = course_of(losses(8))
    assert course.losses(100) == losses(8).tolist()
    assert course.losses(2) == pytest.approx([losses(8)[:4].mean(), losses(8)[4:].mean()])
    assert Course().losses(5) == []
    assert len(course_of(losses(999)).losses(7)) == 7


def write_metrics(folder: Path, values: np.ndarray) -> Path:
    metrics = Metrics(Folder(folder, "net"), 0, pytest.fail)
    for iteration, loss in enumerate(values.tolist(), 1):
        accuracy = loss / 3 if iteration % 7 == 0 else None
        metrics.add(
            {"iteration": iteration, "pictures": 4 * iteration, "loss": loss, "average": 2 * loss,
             "rate": 1 / iteration, "seconds": 0.5, "accuracy": accuracy}
        )  # fmt: skip
    metrics.close()
    return folder / "net_metrics.csv"


def test_the_metrics_give_the_same_course_again(tmp_path: Path) -> None:
    path = write_metrics(tmp_path, losses(50))
    for until in (0, 1, 30, 50, 99):
        read, expected = read_course(path, until), course_of(losses(50)[:until], most=1000)
        assert read.spans == expected.spans
        assert (read.last_validated, read.best_validated) == (expected.last_validated, expected.best_validated)


def test_a_file_cut_at_any_byte_gives_its_whole_rows(tmp_path: Path) -> None:
    path = write_metrics(tmp_path, losses(3))
    content, expected = path.read_bytes(), course_of(losses(3)).spans
    for length in range(len(content)):
        path.write_bytes(content[:length])
        rows = max(content[:length].count(b"\n") - 1, 0)
        assert read_course(path, 9).spans == expected[:rows]


@pytest.mark.parametrize(
    "content", ["", "\n", "a,b\n1,2\n", "iteration,loss,average,rate,accuracy\n1,x,2,3,\n", "\0\xff\n"]
)
def test_something_else_is_an_empty_course(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.csv").write_text(content, encoding="latin-1")
    assert read_course(tmp_path / "a.csv", 9).spans == []
    assert read_course(tmp_path / "none.csv", 9).spans == []


def test_a_span_of_one_iteration() -> None:
    course = Course()
    course.add(5, loss=1.5, average=2, rate=0.1)
    assert course.spans == [Span(5, 5, 1.5, 1.5, 1.5, 2, 0.1, None)]
