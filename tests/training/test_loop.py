"""Whole trainings: they learn, come out the same again, can be stopped anywhere, and survive what goes wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import DarknetpyWarning, DataError, TrainingError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training import averages
from darknetpy.training import loop as loop_module
from darknetpy.training.checkpoints import Folder, read_state
from darknetpy.training.dataset import Dataset, read_dataset
from darknetpy.training.loop import Loop, Settings
from darknetpy.training.progress import Progress
from darknetpy.weights.reader import read_weights
from tests.training.drawn import CFG, draw_all

SHORT = CFG.replace("max_batches=300", "max_batches=23").replace("batch=32", "batch=8")
MIXED = SHORT.replace("policy=poly", "cutmix=1\nmosaic=1\nlabel_smooth_eps=0.1\nadam=1\nangle=7\npolicy=random")
OFTEN = Settings(seed=5, save_every=10, save_last_every=4)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return read_dataset(draw_all(tmp_path_factory.mktemp("drawn")) / "shapes")


@pytest.fixture(autouse=True)
def validate_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "FEWEST_BETWEEN_VALIDATIONS", 6)


def network(text: str, seed: int = 5) -> Graph:
    graph = build_graph(parse_cfg(text, "net.cfg"), training=True)
    initial_weights(graph, seed)
    return graph


def begin(path: Path, data: Dataset, text: str = SHORT, settings: Settings = OFTEN, **more: Any) -> Loop:
    assert data.training is not None
    assert data.validation is not None
    few, fewer = (samples.part(range(0, len(samples), 5)) for samples in (data.training, data.validation))
    folder = Folder(path, "net")
    folder.release()  # for the same process to have it again
    return Loop(network(text, settings.seed), few, fewer, folder, settings, **more)


def to_the_end(loop: Loop) -> list[Progress]:
    with loop:
        return list(loop.iterations())


def resumed(path: Path, data: Dataset, text: str = SHORT, settings: Settings = OFTEN) -> Loop:
    loop = begin(path, data, text, settings)
    loop.resume(*read_state(path / "net_last.state"))
    return loop


def validated(progress: Progress) -> tuple[float, float, bool] | None:
    """What came of a validation, where there was one."""
    found = progress.validation
    return None if found is None else (found.accuracy, found.loss, progress.is_best)


def test_a_small_network_learns_what_it_has_not_seen(tmp_path: Path, shapes: Dataset) -> None:
    assert shapes.training is not None
    folder = Folder(tmp_path, "net")
    with Loop(network(CFG), shapes.training, shapes.validation, folder, Settings()) as loop:
        progress = list(loop.iterations())
    assert [one.figures.iteration for one in progress] == list(range(1, 301))
    assert progress[-1].figures.average < 0.1 < 0.5 < progress[0].figures.loss
    assert progress[-1].validation is not None
    assert progress[-1].validation.count == 100
    assert progress[-1].validation.accuracy > 0.95
    before = Loop(network(CFG), shapes.training, shapes.validation, folder, Settings())
    assert before._validation is not None
    assert before._validation.tally(before.graph).accuracy < 0.7


def test_checkpoints_have_darknets_names(tmp_path: Path, shapes: Dataset) -> None:
    to_the_end(begin(tmp_path, shapes))
    names = {path.name for path in tmp_path.iterdir()}
    weights = {f"net_{which}.weights" for which in ("10", "20", "last", "best", "final")}
    assert names == weights | {"net_last.state", "net_metrics.csv", "net_metrics.jsonl"}
    final = (tmp_path / "net_final.weights").read_bytes()
    assert final == (tmp_path / "net_last.weights").read_bytes() != (tmp_path / "net_20.weights").read_bytes()
    assert int.from_bytes(final[12:20], "little") == 23 * 8


def test_the_best_weights_are_those_of_the_last_best_accuracy(tmp_path: Path, shapes: Dataset) -> None:
    kept = {}
    with begin(tmp_path, shapes) as loop:
        for progress in loop.iterations():
            if progress.validation is not None:
                best_weights = (tmp_path / "net_best.weights").read_bytes()
                kept[progress.figures.iteration] = progress.validation.accuracy, best_weights
            assert progress.is_best == (
                progress.validation is not None
                and progress.validation.accuracy == max(share for share, _ in kept.values())
            )
    assert list(kept) == [6, 12, 18, 23]
    best = max(share for share, _ in kept.values())
    last_best = max(iteration for iteration, (share, _) in kept.items() if share == best)
    assert (tmp_path / "net_best.weights").read_bytes() == kept[last_best][1]
    assert loop.best == best


@pytest.mark.parametrize("text", [SHORT, MIXED], ids=["momentum", "adam, mixed pictures, random rates"])
@pytest.mark.parametrize("stops", [(1,), (4, 5), (9, 22), (23,)])
def test_a_stopped_training_ends_with_the_same_bytes(
    tmp_path: Path, shapes: Dataset, text: str, stops: tuple[int, ...]
) -> None:
    """Stopped in order, behind these iterations."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    expected = to_the_end(begin(whole, shapes, text))
    found: list[Progress] = []
    loop = begin(parts, shapes, text)
    for stop in stops:
        with loop:
            for progress in loop.iterations():
                found.append(progress)
                if progress.figures.iteration == stop:
                    break
            loop.save_last()
        loop = resumed(parts, shapes, text)
    found += to_the_end(loop)
    assert [one.figures for one in found] == [one.figures for one in expected]
    assert [validated(one) for one in found] == [validated(one) for one in expected]
    for name in ("10", "20", "last", "best", "final"):
        file = f"net_{name}.weights"
        assert (parts / file).read_bytes() == (whole / file).read_bytes(), name
    rows = [[line.split(",")[:5] for line in (place / "net_metrics.csv").read_text().splitlines()]
            for place in (whole, parts)]  # fmt: skip
    assert rows[0] == rows[1]
    iterations = [json.loads(line)["iteration"] for line in (parts / "net_metrics.jsonl").read_text().splitlines()]
    assert iterations == list(range(1, 24))


class Killed(BaseException):
    """Stands for the end of the process: nothing is tidied up."""


@pytest.mark.parametrize("which", ["write_weights", "write_state"])
@pytest.mark.parametrize("call", range(2, 6))
def test_the_end_may_come_before_any_file_is_written(
    tmp_path: Path, shapes: Dataset, monkeypatch: pytest.MonkeyPatch, which: str, call: int
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    to_the_end(begin(whole, shapes))
    calls, write = 0, getattr(loop_module, which)

    def killed(*arguments: Any, **named: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed
        write(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(loop_module, which, killed)
        with pytest.raises(Killed):
            to_the_end(begin(parts, shapes))
    to_the_end(resumed(parts, shapes))
    for name in ("10", "20", "last", "best", "final"):
        file = f"net_{name}.weights"
        assert (parts / file).read_bytes() == (whole / file).read_bytes(), name


def test_the_seed_and_nothing_else_decides(tmp_path: Path, shapes: Dataset) -> None:
    files = []
    for number, settings in enumerate((OFTEN, Settings(seed=5, threads=1), Settings(seed=6))):
        to_the_end(begin(tmp_path / str(number), shapes, settings=settings))
        files.append((tmp_path / str(number) / "net_final.weights").read_bytes())
    assert files[0] == files[1] != files[2]


def test_no_augmentation_shows_the_middle_of_each_picture(tmp_path: Path, shapes: Dataset) -> None:
    results = []
    for number, text in enumerate((SHORT, SHORT.replace("max_crop=20", "max_crop=30\nangle=40\nmosaic=1"))):
        settings = Settings(augmentation=False)
        results.append([one.figures for one in to_the_end(begin(tmp_path / str(number), shapes, text, settings))])
    assert results[0] == results[1]
    augmented = to_the_end(begin(tmp_path / "augmented", shapes, settings=Settings()))
    assert [one.figures for one in augmented] != results[0]


def test_a_training_that_diverges_saves_the_last_good_state(tmp_path: Path, shapes: Dataset) -> None:
    """With a rate that becomes absurd in iteration 8; then on with a sane one, as if nothing had happened."""
    wild = SHORT.replace("policy=poly", "policy=steps\nsteps=8\nscales=1e35")
    rare = Settings(seed=5, save_last_every=1000)
    loop = begin(tmp_path / "wild", shapes, wild, rare)
    with np.errstate(all="ignore"), pytest.raises(TrainingError, match="expected finite numbers") as caught:
        to_the_end(loop)
    assert re.search("(iteration|update) [89]", caught.value.found)
    about, arrays = read_state(tmp_path / "wild" / "net_last.state")
    good = loop.training.iteration
    assert about["training"]["iteration"] == loop.saved_iteration == good
    assert good in (7, 8)
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert not (tmp_path / "wild" / "net_final.weights").exists()
    sane = SHORT.replace("policy=poly", "policy=steps\nsteps=8\nscales=1")
    if good == 7:
        to_the_end(resumed(tmp_path / "wild", shapes, sane, rare))
        to_the_end(begin(tmp_path / "sane", shapes, sane, rare))
        final = "net_final.weights"
        assert (tmp_path / "wild" / final).read_bytes() == (tmp_path / "sane" / final).read_bytes()


def test_averages_have_a_file_of_their_own_beside_the_last(
    tmp_path: Path, shapes: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(averages, "LAST_UPDATES", 5)
    text = SHORT.replace("policy=poly", "policy=poly\nema_alpha=0.75")
    expected: list[np.ndarray] = []
    with begin(tmp_path, shapes, text, OFTEN) as loop:
        for progress in loop.iterations():
            iteration, live = progress.figures.iteration, loop.graph.nodes[0].weights["weights"].astype(np.float64)
            if 11 <= iteration < 18:
                expected.append(live.copy() if not expected else 0.75 * expected[-1] + 0.25 * live)
            assert (tmp_path / "net_ema.weights").exists() == (iteration >= 12)
            if iteration == 12:
                found = network(text)
                read_weights(tmp_path / "net_ema.weights", found)
                np.testing.assert_allclose(found.nodes[0].weights["weights"], expected[-1], atol=1e-6)
    found = network(text)
    read_weights(tmp_path / "net_ema.weights", found)
    np.testing.assert_allclose(found.nodes[0].weights["weights"], expected[-1], atol=1e-6)
    assert (tmp_path / "net_ema.weights").read_bytes()[20:] != (tmp_path / "net_last.weights").read_bytes()[20:]


@pytest.mark.parametrize(
    ("option", "same"),
    [
        ("stopbackward=1", {"0", "2"}),
        ("stopbackward=100", {"0", "2"}),
        ("train_only_bn=1", {"0 trained", "2 trained"}),
        ("dont_update=100", {"2 trained"}),
        ("learning_rate=0", {"2 trained"}),
    ],
)
def test_what_is_frozen_has_the_same_bytes_at_the_end(
    tmp_path: Path, shapes: Dataset, option: str, same: set[str]
) -> None:
    """Of the second [convolutional], which is layer 2."""
    text = SHORT.replace("filters=16\n", f"filters=16\n{option}\n", 1)
    before = network(text, OFTEN.seed)
    to_the_end(begin(tmp_path, shapes, text))
    after = network(text)
    read_weights(tmp_path / "net_final.weights", after)
    found: dict[str, list[bool]] = {}
    for node, other in zip(before.nodes, after.nodes, strict=True):
        for array in node.arrays:
            is_same = node.weights[array.name].tobytes() == other.weights[array.name].tobytes()
            found.setdefault(f"{node.index}", []).append(is_same)
            found.setdefault(f"{node.index} trained" if array.trained else f"{node.index} rest", []).append(is_same)
    unchanged = {name for name, parts in found.items() if all(parts)}
    assert unchanged == same | {f"{name} {kind}" for name in same if name.isdigit() for kind in ("trained", "rest")}
    assert not any(any(parts) for name, parts in found.items() if name[0] not in "02")


def test_a_full_disk_on_the_way_is_reported_and_at_the_end_an_error(
    tmp_path: Path, shapes: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, full = loop_module.write_weights, [True]

    def limited(path: Path, *arguments: Any, **named: Any) -> None:
        if full[0]:
            raise TrainingError("no space", "", "Make room", path=path)
        write(path, *arguments, **named)

    monkeypatch.setattr(loop_module, "write_weights", limited)
    told: list[DarknetpyWarning] = []
    with begin(tmp_path, shapes, report=told.append) as loop:
        for progress in loop.iterations():
            full[0] = progress.figures.iteration < 16
    assert "no space" in str(told[0])
    assert "tries again at the next checkpoint" in str(told[0])
    assert (tmp_path / "net_best.weights").exists()
    assert (tmp_path / "net_final.weights").exists()
    full[0] = True
    with pytest.raises(TrainingError, match="no space"):
        to_the_end(begin(tmp_path / "other", shapes, report=told.append))


def test_pictures_that_vanish_end_a_training_that_can_go_on(tmp_path: Path) -> None:
    pictures = draw_all(tmp_path) / "shapes"
    data, away = read_dataset(pictures), tmp_path / "away"
    uncached = Settings(seed=5, save_last_every=1000, cache_bytes=0)
    loop = begin(tmp_path / "backup", data, settings=uncached)
    iterations = loop.iterations()
    for _ in range(3):
        next(iterations)
    pictures.rename(away)
    with loop, pytest.raises(DataError, match="not one picture that can be read"):
        list(iterations)
    about, _ = read_state(tmp_path / "backup" / "net_last.state")
    assert about["training"]["iteration"] == loop.training.iteration >= 3
    away.rename(pictures)
    to_the_end(resumed(tmp_path / "backup", data, settings=uncached))
    to_the_end(begin(tmp_path / "whole", data, settings=uncached))
    final = "net_final.weights"
    assert (tmp_path / "backup" / final).read_bytes() == (tmp_path / "whole" / final).read_bytes()


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        (SHORT, Settings(seed=6), "the saved training has another seed, expected the same as now"),
        (SHORT, Settings(seed=5, augmentation=False), "the saved training has another augmentation"),
        (SHORT.replace("max_batches=23", "max_batches=9"), OFTEN, "at iteration 23, expected at most max_batches=9"),
        (SHORT.replace("filters=8", "filters=9"), OFTEN, "the saved training is of another network"),
        (SHORT.replace("decay=0.0005", "adam=1"), OFTEN, "expected what this network and optimizer need"),
    ],
)
def test_states_of_other_trainings_are_refused(
    tmp_path: Path, shapes: Dataset, text: str, settings: Settings, message: str
) -> None:
    to_the_end(begin(tmp_path, shapes))
    with pytest.raises(TrainingError, match=message):
        resumed(tmp_path, shapes, text, settings)
