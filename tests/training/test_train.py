"""``darknetpy.train``: the command's training from Python."""

from __future__ import annotations

import inspect
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import darknetpy
from darknetpy.cli.main import main
from darknetpy.errors import ConfigError, DarknetpyWarning, TrainingError
from darknetpy.training import chart
from darknetpy.training.chart import draw_chart
from darknetpy.training.checkpoints import read_state
from darknetpy.training.course import Span
from darknetpy.training.early_stopping import EarlyStopping
from darknetpy.training.opening import Request
from darknetpy.training.progress import Progress
from tests.training.drawn import KINDS, draw_all


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    draw_all(tmp_path, count=20)
    return tmp_path


def test_it_trains_and_says_what_came_of_it(drawn: Path) -> None:
    told: list[Progress] = []
    trained = darknetpy.train("net.cfg", "shapes", callbacks=[told.append], iterations=30, validate_every=10, seed=3)
    assert [one.figures.iteration for one in told] == list(range(1, 31))
    assert (trained.iteration, trained.pictures, trained.names) == (30, 30 * 32, KINDS)
    assert trained.figures == told[-1].figures
    assert trained.accuracy == max(one.validation.accuracy for one in told if one.validation is not None)
    assert trained.validation is told[-1].validation
    assert trained.best == Path("backup", "net_best.weights")
    assert trained.final == Path("backup", "net_final.weights")
    for node in trained.network.layers:
        for array in node.arrays:
            trained_one = told[-1].graph.nodes[node.index].weights[array.name]
            np.testing.assert_array_equal(node.weights[array.name], trained_one)
    assert trained.network.classify("shapes/valid/disc/0.png", top=2)[0].label in KINDS


def test_the_command_and_the_function_give_the_same_weights(drawn: Path) -> None:
    options: dict[str, Any] = {
        "iterations": 12, "seed": 7, "validation": 0.2, "optimizer": "adamw", "l1": 1e-5, "input_noise": 0.05,
        "augmentation": False, "save_every": 5,
    }  # fmt: skip
    trained = darknetpy.train("net.cfg", "shapes/train", backup="ours", **options)
    words = ["--iterations=12", "--seed=7", "--validation=.2", "--optimizer=adamw", "--l1=1e-5", "--input-noise=.05"]
    words += ["--no-augmentation", "--save-every=5", "--backup=theirs", "-q"]
    assert main(["train", "net.cfg", "shapes/train", *words]) == 0
    for which in ("5", "10", "best", "final"):
        ours, theirs = (Path(folder, f"net_{which}.weights").read_bytes() for folder in ("ours", "theirs"))
        assert ours == theirs, which
    assert trained.final.read_bytes() == ours


def test_an_interrupted_training_goes_on(drawn: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.figures.iteration == 8:
            raise RuntimeError("power cut")

    options: dict[str, Any] = {"iterations": 20, "optimizer": "adam", "input_noise": 0.1, "validate_every": 6}
    with pytest.raises(RuntimeError, match="power cut"):
        darknetpy.train("net.cfg", "shapes", callbacks=[interrupt], **options)
    with pytest.raises(TrainingError, match="a training to iteration 8 is there"):
        darknetpy.train("net.cfg", "shapes", **options)
    resumed = darknetpy.train("net.cfg", "shapes", resume=True)  # with what it began with
    whole = darknetpy.train("net.cfg", "shapes", backup="whole", **options)
    assert resumed.final.read_bytes() == whole.final.read_bytes()
    assert resumed.accuracy == whole.accuracy
    again = darknetpy.train("net.cfg", "shapes", resume=True)
    assert (again.figures, again.validation, again.iteration) == (None, None, 20)


def test_ctrl_c_saves_all_until_then(drawn: Path) -> None:
    def press(progress: Progress) -> None:
        if progress.figures.iteration == 5:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        darknetpy.train("net.cfg", "shapes", iterations=9, callbacks=[press])
    about, _ = read_state("backup/net_last.state")
    assert about["training"]["iteration"] == 5
    assert signal.getsignal(signal.SIGINT) is before
    with ThreadPoolExecutor(1) as pool:  # where no signals are noted
        resumed = pool.submit(darknetpy.train, "net.cfg", "shapes", resume=True).result()
    whole = darknetpy.train("net.cfg", "shapes", iterations=9, backup="whole")
    assert resumed.final.read_bytes() == whole.final.read_bytes()


def test_early_stopping_ends_it(drawn: Path) -> None:
    stopping = EarlyStopping("val_accuracy", min_delta=2, patience=3)
    trained = darknetpy.train("net.cfg", "shapes", early_stopping=stopping, validate_every=2)
    assert trained.iteration == 8
    assert stopping.best_iteration == 2
    again = darknetpy.train("net.cfg", "shapes", resume=True)  # remembers that, too
    assert again.iteration == 8
    other = darknetpy.train("net.cfg", "shapes", resume=True, iterations=12, early_stopping=EarlyStopping(patience=99))
    assert other.iteration == 12


def test_a_tree_of_classes_is_learnt(drawn: Path) -> None:
    Path("kinds.tree").write_text("round -1\nangular -1\ndisc 0\noval 0\nsquare 1\nbox 1\n")
    text = (drawn / "net.cfg").read_text().replace("filters=2", "filters=6")
    Path("tree.cfg").write_text(text.replace("[softmax]", "[softmax]\ntree=kinds.tree"))
    told: list[Progress] = []
    with pytest.warns(DarknetpyWarning, match="no training picture of oval, box"):
        trained = darknetpy.train("tree.cfg", "shapes", iterations=120, callbacks=[told.append], augmentation=False)
    assert trained.accuracy is not None
    assert trained.accuracy >= 0.9
    assert told[-1].figures.accuracy > 0.9
    assert told[-1].figures.loss < told[0].figures.loss / 3
    truth = {"disc": (0, 2), "square": (1, 4)}
    for kind, (group, leaf) in truth.items():
        net = trained.network
        outputs = net.predict(net.prepare(f"shapes/train/{kind}/0.png")[np.newaxis]).reshape(-1)
        assert outputs[:2].argmax() == group
        assert outputs.reshape(3, 2)[leaf // 2].argmax() == leaf % 2
        assert outputs.reshape(3, 2).sum(axis=1) == pytest.approx(np.ones(3), rel=1e-4)


def test_a_cfg_in_memory_and_another_dialect(drawn: Path) -> None:
    cfg = darknetpy.read_cfg("net.cfg")
    before = cfg.net.values["max_batches"]
    trained = darknetpy.train(cfg, "shapes", iterations=3, dialect="pjreddie")
    assert (trained.dialect, trained.network.dialect.name) == ("pjreddie", "pjreddie")
    assert cfg.net.values["max_batches"] == before
    assert darknetpy.train("net.cfg", "shapes", resume=True, iterations=4).dialect == "pjreddie"


def test_begins_with_weights(drawn: Path) -> None:
    first = darknetpy.train("net.cfg", "shapes", iterations=4, backup="first")
    further = darknetpy.train("net.cfg", "shapes", first.final, iterations=6, backup="further")
    assert (further.iteration, further.pictures) == (6, 6 * 32)
    cleared = darknetpy.train("net.cfg", "shapes", first.final, clear=True, iterations=6, backup="cleared")
    assert cleared.pictures == 6 * 32
    assert cleared.final.read_bytes() != further.final.read_bytes()


def test_warnings_are_pythons_and_strict_makes_them_errors(drawn: Path) -> None:
    text = (drawn / "net.cfg").read_text().replace("hue=0.1", "hue=0.1\ncolour=4")
    (drawn / "odd.cfg").write_text(text)
    with pytest.warns(DarknetpyWarning, match="colour"):
        darknetpy.train("odd.cfg", "shapes", iterations=1)
    with pytest.raises(ConfigError, match="colour"):
        darknetpy.train("odd.cfg", "shapes", iterations=1, strict=True, backup="strict")
    assert not list(Path("strict").iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clear": True, "resume": True}, "clear and resume, expected one of them"),
        ({"l1": -1}, "l1=-1, expected a number that is at least 0"),
        ({"iterations": 0}, "iterations=0, expected a number that is at least 1"),
        ({"optimizer": "rmsprop"}, "optimizer=rmsprop, expected one of sgd, adam, adamw"),
        ({"early_stopping": EarlyStopping("val_loss")}, "val_loss is watched, expected pictures for validation"),
    ],
)
def test_wrong_options_are_errors_before_anything_is_trained(drawn: Path, options: Any, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        darknetpy.train("net.cfg", "shapes/train", **options)
    assert not list(Path("backup").glob("*"))


def test_a_chart_shows_the_whole_training(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    charted: list[tuple[int, int]] = []

    def note(path: Path, spans: Sequence[Span], **about: Any) -> None:
        charted.append((len(spans), about["last"]))
        draw_chart(path, spans, **about)

    monkeypatch.setattr(chart, "draw_chart", note)
    trained = darknetpy.train("net.cfg", "shapes/train", iterations=3, callbacks=[lambda progress: True], chart=True)
    assert charted == [(1, 3)]
    darknetpy.train("net.cfg", "shapes/train", iterations=5, resume=True, chart=True)
    assert charted[1:] == [(5, 5)]
    with Image.open(trained.folder.file("chart.png")) as image:
        assert image.format == "PNG"
    darknetpy.train("net.cfg", "shapes/train", iterations=2, backup="plain")
    assert not Path("plain", "net_chart.png").exists()


def test_a_chart_without_what_draws_it_is_an_error(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(TrainingError, match="needs matplotlib"):
        darknetpy.train("net.cfg", "shapes/train", iterations=3, chart=True)
    assert not Path("backup").exists()


def test_the_function_takes_what_a_request_has() -> None:
    taken = set(inspect.signature(darknetpy.train).parameters)
    assert taken - {"chart"} == {field.name for field in fields(Request)}
