"""Callbacks: who is told of what, in which order, and what they can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.errors import TrainingError
from darknetpy.evaluation.tally import Tally
from darknetpy.training.checkpoints import read_state
from darknetpy.training.progress import Callback, Callbacks, Kept, Progress, Round
from darknetpy.training.step import Figures
from tests.training.test_early_stopping import begin, round_of, shapes, tiny

__all__ = ["shapes"]  # a fixture


def test_all_are_told_in_order_and_one_is_enough_to_end_it() -> None:
    told: list[str] = []

    def first(progress: Progress) -> bool:
        told.append(f"first {progress.figures.iteration}")
        return progress.figures.iteration == 2

    class Second(Callback):
        def __call__(self, progress: Progress) -> None:
            told.append(f"second {progress.figures.iteration}")

    callbacks, graph = Callbacks((first, Second())), tiny()
    assert [callbacks.call(round_of(graph, iteration)) for iteration in (1, 2)] == [False, True]
    assert told == ["first 1", "second 1", "first 2", "second 2"]


def test_each_gets_back_what_it_kept() -> None:
    class Counting(Callback):
        def __init__(self, start: int) -> None:
            self.value = start

        def kept(self) -> Kept:
            return Kept({"value": self.value}, {"array": np.full(2, self.value)})

        def take(self, kept: Kept) -> None:
            self.value = kept.facts["value"]
            np.testing.assert_array_equal(kept.arrays["array"], np.full(2, self.value))

    kept = Callbacks((Counting(1), print, Callback(), Counting(2))).kept()
    assert set(kept.facts) == {"0.Counting", "3.Counting"}
    one, two, three = Counting(7), Counting(8), Counting(9)
    Callbacks((one, two, print, three)).take(kept)  # another one, which is new, between them
    assert (one.value, two.value, three.value) == (1, 8, 2)


def test_the_figures_of_a_round_are_means_and_go_on_after_a_stop() -> None:
    figures = [Figures(n, n, 0.1, float(n), 0.0, {}, accuracy) for n, accuracy in ((1, 0.5), (2, 0.75), (6, 0.25))]
    whole, first, second = Round(), Round(), Round()
    for one in figures:
        whole.add(one)
    first.add(figures[0])
    second.restore(first.state())
    for one in figures[1:]:
        second.add(one)
    tally = Tally(["a", "b"], top=1)
    tally.add(np.array([[0.9, 0.1], [0.6, 0.4]], np.float32), [0, 1])
    means = whole.end(tally)
    assert means == {"loss": 3.0, "accuracy": 0.5, "val_loss": pytest.approx(tally.loss), "val_accuracy": 0.5}
    assert second.end(tally) == means
    whole.add(figures[2])
    assert whole.end(None) == {"loss": 6.0, "accuracy": 0.25}


def test_a_function_that_says_so_ends_a_training_with_its_final_weights(tmp_path: Path, shapes: Any) -> None:
    with begin(tmp_path, shapes, lambda progress: progress.figures.iteration == 7) as loop:
        assert len(list(loop.iterations())) == 7
    assert (tmp_path / "net_final.weights").read_bytes() == (tmp_path / "net_last.weights").read_bytes()
    about, _ = read_state(tmp_path / "net_last.state")
    assert about["training"]["iteration"] == 7


def test_what_a_function_raises_comes_out_and_all_until_then_is_saved(tmp_path: Path, shapes: Any) -> None:
    def fails(progress: Progress) -> None:
        if progress.figures.iteration == 5:
            raise KeyError("mine")

    with begin(tmp_path, shapes, fails) as loop, pytest.raises(KeyError, match="mine"):
        list(loop.iterations())
    about, _ = read_state(tmp_path / "net_last.state")
    assert about["training"]["iteration"] == 5
    assert not (tmp_path / "net_final.weights").exists()


def test_rounds_end_with_epochs_or_where_it_validates(tmp_path: Path, shapes: Any) -> None:
    ends: list[int] = []

    def note(progress: Progress) -> None:
        if progress.monitored is not None:
            ends.append(progress.figures.iteration)
        assert (progress.monitored is None) == (progress.validation is None)

    with begin(tmp_path, shapes, note) as loop:
        list(loop.iterations())
    assert ends == list(range(4, 41, 4))


def test_who_watches_a_validation_needs_one() -> None:
    class Watching(Callback):
        watches = "val_accuracy"

    Callbacks((Watching(),)).check(validated=True)
    with pytest.raises(TrainingError, match="val_accuracy is watched"):
        Callbacks((Watching(),)).check(validated=False)
