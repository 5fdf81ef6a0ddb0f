"""An end before the last iteration: when it comes, what is left then, and that a kill does not change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import TrainingError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training import loop as loop_module
from darknetpy.training.checkpoints import Folder, read_state
from darknetpy.training.dataset import Dataset, read_dataset
from darknetpy.training.early_stopping import EarlyStopping
from darknetpy.training.loop import Loop, Settings
from darknetpy.training.progress import Callback, Kept, Progress
from darknetpy.training.step import Figures
from tests.training.drawn import CFG, draw_all

TINY = "[net]\nwidth=2\nheight=1\nchannels=1\n[connected]\noutput=2\nactivation=linear\n[softmax]\n"
SHORT = CFG.replace("max_batches=300", "max_batches=40").replace("batch=32", "batch=8")


def tiny() -> Graph:
    graph = build_graph(parse_cfg(TINY))
    initial_weights(graph, 1)
    return graph


def round_of(graph: Graph, iteration: int, **monitored: float) -> Progress:
    figures = Figures(iteration, iteration, 0.1, 1.0, 1.0, {1: 1.0}, 0.5)
    return Progress(figures, 1.0, 0.0, None, False, monitored or None, graph)


def stops_at(stopping: EarlyStopping, values: list[float]) -> int | None:
    """The number of the round behind which it ends, from 1."""
    graph = tiny()
    for number, value in enumerate(values, 1):
        assert stopping(round_of(graph, 10 * number - 5)) is False  # in the middle of a round
        if stopping(round_of(graph, 10 * number, **{stopping.monitor: value})):
            assert stopping.stopped
            return number
    assert not stopping.stopped
    return None


@pytest.mark.parametrize(
    ("monitor", "min_delta", "patience", "values", "end"),
    [
        ("val_loss", 0, 0, [3, 2, 1, 1], 4),
        ("val_loss", 0, 0, [1, 1], 2),
        ("loss", 0, 2, [3, 2, 2.5, 1, 1.5, 1.2, 0], 6),
        ("loss", 0.5, 2, [3, 2.6, 2.4, 2.1, 2, 0], 5),
        ("loss", 0, 3, [3, 4, 5], None),
        ("val_accuracy", 0, 1, [0.1, 0.2, 0.2, 0.3], 3),
        ("accuracy", 0.05, 1, [0.1, 0.2, 0.24, 0.3], 3),
        ("accuracy", 0, 5, [0.9] * 6, 6),
        ("loss", 0, 2, [1, float("nan"), float("nan")], 3),
        ("loss", 0, 1, [float("nan"), 5, 4, 3], None),
    ],
)
def test_it_ends_when_nothing_became_better_for_some_rounds(
    monitor: str, min_delta: float, patience: int, values: list[float], end: int | None
) -> None:
    """Ends worked out by hand from what Keras says of its callback of this name."""
    assert stops_at(EarlyStopping(monitor, min_delta=min_delta, patience=patience), values) == end


@pytest.mark.parametrize("restore", [False, True])
def test_the_best_arrays_come_back_where_asked_for(restore: bool) -> None:
    graph, stopping = tiny(), EarlyStopping("loss", patience=5, restore_best_weights=restore)
    for number, loss in enumerate([3.0, 1.0, 2.0], 1):
        graph.nodes[0].weights["weights"][...] = number
        stopping(round_of(graph, number, loss=loss))
    assert (stopping.best, stopping.best_iteration) == (1.0, 2)
    stopping.at_end(graph)
    assert (graph.nodes[0].weights["weights"] == (2 if restore else 3)).all()


def test_it_goes_on_from_what_it_kept_unless_its_settings_are_others() -> None:
    graph, options = tiny(), {"patience": 2, "restore_best_weights": True}
    first = EarlyStopping("loss", **options)
    for number, loss in enumerate([3.0, 1.0, 2.0], 1):
        first(round_of(graph, number, loss=loss))
    again, other = EarlyStopping("loss", **options), EarlyStopping("loss", patience=3)
    for one in (again, other):
        one.take(first.kept())
    assert again(round_of(graph, 4, loss=1.5)) is first(round_of(graph, 4, loss=1.5)) is True
    assert (again.best, other.best) == (1.0, None)
    later = EarlyStopping("loss", **options)
    later.take(again.kept())
    assert later.stopped


@pytest.mark.parametrize(
    "values",
    [{"monitor": "acc"}, {"monitor": "loss", "patience": -1}, {"monitor": "loss", "min_delta": float("nan")}],
)
def test_wrong_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match="expected"):
        EarlyStopping(**values)


# ---- in a whole training ----


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return read_dataset(draw_all(tmp_path_factory.mktemp("drawn"), count=20) / "shapes")


def begin(path: Path, data: Dataset, *callbacks: Callback, validated: bool = True) -> Loop:
    graph = build_graph(parse_cfg(SHORT, "net.cfg"), training=True)
    initial_weights(graph, 5)
    folder = Folder(path, "net")
    folder.release()
    assert data.training is not None
    settings = Settings(seed=5, save_last_every=3, validate_every=4)
    return Loop(graph, data.training, data.validation if validated else None, folder, settings, callbacks=callbacks)


class WorseFrom(EarlyStopping):
    """Sees a loss that becomes worse from a given iteration on."""

    def __init__(self, iteration: int) -> None:
        super().__init__("val_loss", patience=2, restore_best_weights=True)
        self.iteration = iteration

    def __call__(self, progress: Progress) -> bool:
        if progress.monitored is not None:
            assert set(progress.monitored) == {"loss", "accuracy", "val_loss", "val_accuracy"}
            distance = abs(progress.figures.iteration - self.iteration)
            progress = progress._replace(monitored={**progress.monitored, "val_loss": float(distance)})
        return super().__call__(progress)


def test_a_training_ends_early_with_its_best_weights(tmp_path: Path, shapes: Dataset) -> None:
    loop, kept = begin(tmp_path, shapes, WorseFrom(12)), {}
    with loop:
        for progress in loop.iterations():
            weights = progress.graph.nodes[0].weights["weights"]
            kept[progress.figures.iteration] = weights.copy()
    assert list(kept) == list(range(1, 21))  # two rounds of four behind the best
    np.testing.assert_array_equal(loop.graph.nodes[0].weights["weights"], kept[12])
    assert not np.array_equal(kept[12], kept[20])
    assert (tmp_path / "net_final.weights").read_bytes() == (tmp_path / "net_last.weights").read_bytes()


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("which", ["write_weights", "write_state"])
@pytest.mark.parametrize("call", [1, 4, 7, 8])
def test_killed_at_any_file_it_ends_with_the_same_bytes(
    tmp_path: Path, shapes: Dataset, monkeypatch: pytest.MonkeyPatch, which: str, call: int
) -> None:
    with begin(tmp_path / "whole", shapes, WorseFrom(12)) as loop:
        list(loop.iterations())
    calls, write = 0, getattr(loop_module, which)

    def killed(*arguments: Any, **named: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed
        write(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(loop_module, which, killed)
        with pytest.raises(Killed), begin(tmp_path / "parts", shapes, WorseFrom(12)) as loop:
            list(loop.iterations())
    loop = begin(tmp_path / "parts", shapes, WorseFrom(12))
    state = tmp_path / "parts" / "net_last.state"
    if state.exists():
        loop.resume(*read_state(state))
    with loop:
        list(loop.iterations())
    assert loop.training.iteration == 20
    for name in ("last", "best", "final"):
        file = f"net_{name}.weights"
        assert (tmp_path / "parts" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), name


def test_a_training_that_ended_early_ends_again_at_once(tmp_path: Path, shapes: Dataset) -> None:
    with begin(tmp_path, shapes, WorseFrom(12)) as loop:
        list(loop.iterations())
    final = (tmp_path / "net_final.weights").read_bytes()
    loop = begin(tmp_path, shapes, WorseFrom(12))
    loop.resume(*read_state(tmp_path / "net_last.state"))
    with loop:
        assert list(loop.iterations()) == []
    assert (tmp_path / "net_final.weights").read_bytes() == final


def test_what_is_not_measured_cannot_be_watched(tmp_path: Path, shapes: Dataset) -> None:
    with pytest.raises(TrainingError, match="val_loss is watched, expected pictures for validation"):
        begin(tmp_path, shapes, EarlyStopping(), validated=False)
    with begin(tmp_path, shapes, EarlyStopping("loss", patience=1000), validated=False) as loop:
        assert len(list(loop.iterations())) == 40


class Remembering(Callback):
    """Keeps a number and an array."""

    def __init__(self) -> None:
        self.count, self.array = 0, np.zeros(2)

    def __call__(self, progress: Progress) -> None:
        self.count += 1
        self.array = self.array + self.count

    def kept(self) -> Kept:
        return Kept({"count": self.count}, {"array": self.array})

    def take(self, kept: Kept) -> None:
        self.count, self.array = kept.facts["count"], kept.arrays["array"]


def test_callbacks_of_ones_own_remember_too(tmp_path: Path, shapes: Dataset) -> None:
    first, again = Remembering(), Remembering()
    with begin(tmp_path, shapes, first) as loop:
        for progress in loop.iterations():
            if progress.figures.iteration == 10:
                break
    loop = begin(tmp_path, shapes, again)
    loop.resume(*read_state(tmp_path / "net_last.state"))  # that of iteration 9
    assert again.count == 9
    with loop:
        list(loop.iterations())
    assert again.count == 40
    np.testing.assert_array_equal(again.array, np.full(2, 40 * 41 / 2))
