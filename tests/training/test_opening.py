"""What a training is made ready from: values that are given, remembered, or usual; and its folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from darknetpy.errors import DarknetpyError, Findings, TrainingError
from darknetpy.training.checkpoints import Folder
from darknetpy.training.early_stopping import EarlyStopping
from darknetpy.training.loop import Settings
from darknetpy.training.opening import Request, SavedState, layers_loaded, open_training
from tests.training.drawn import CFG, draw_all


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return draw_all(tmp_path, count=10)


def request(**options: Any) -> Request:
    return Request(**{"cfg": "net.cfg", "data": "shapes", "iterations": 3, **options})


def free(folder: str) -> bool:
    """Whether another training could have the folder."""
    Folder(folder, "net").release()
    return not list(Path(folder).glob("*.lock"))


def test_what_is_given_again_comes_before_what_is_remembered_and_that_before_the_usual() -> None:
    usual = Request(cfg="a", data="b").remembered(None)
    assert (usual["iterations"], usual["validation"], usual["dialect"], usual["l1"]) == (None, 0.0, "alexeyab", 0.0)
    before = {"iterations": 9, "early_stopping": EarlyStopping("loss", patience=2).settings}
    saved = SavedState({"remembered": {**before, "l1": 0.5}}, {})
    found = Request(cfg="a", data="b", l1=0.0, optimizer="adam").remembered(saved)
    assert found == {**usual, **before, "optimizer": "adam"}
    other = EarlyStopping("accuracy")
    assert Request(cfg="a", data="b", early_stopping=other).remembered(saved)["early_stopping"] == other.settings


def test_all_is_ready_and_the_folder_is_held_until_the_end(drawn: Path) -> None:
    with open_training(request(seed=4, threads=1), Findings()) as opened:
        assert (opened.loop.last, opened.loop.batch, len(opened.samples)) == (3, 32, 20)
        assert opened.dataset.names == ("disc", "square")
        assert opened.loaded is opened.early_stopping is None
        assert opened.memory > 0
        assert replace(opened.loop.settings, cache_bytes=None) == Settings(seed=4, threads=1)
        with pytest.raises(TrainingError, match="another training"):
            open_training(request(), Findings())
        list(opened.loop.iterations())
    assert free("backup")


def test_settings_come_from_a_data_file_where_they_are_not_given(drawn: Path) -> None:
    Path("kinds").write_text("disc\nsquare\n")
    lines = "classes=2\ntrain=shapes/train\nvalid=shapes/valid\nlabels=kinds\nbackup=kept\n"
    Path("my.data").write_text(f"{lines}saveweights=7\nsavelast=2\ntop=3\n")
    with open_training(request(data="my.data"), Findings()) as opened:
        settings = opened.loop.settings
        assert (settings.save_every, settings.save_last_every, settings.top) == (7, 2, 3)
        assert str(opened.folder) == "kept"
    with open_training(request(data="my.data", save_every=9, backup="other"), Findings()) as opened:
        assert opened.loop.settings.save_every == 9
        assert str(opened.folder) == "other"


@pytest.mark.parametrize(
    "options",
    [
        {"cfg": "wide.cfg"}, {"data": "nowhere"}, {"weights": "none.weights"}, {"resume": True}, {"optimizer": "none"},
        {"early_stopping": EarlyStopping("val_loss"), "data": "shapes/train"}, {"dialect": "third"},
    ],
)  # fmt: skip
def test_the_folder_is_let_go_where_something_is_wrong(drawn: Path, options: dict[str, Any]) -> None:
    Path("wide.cfg").write_text(CFG.replace("filters=2", "filters=5"))
    with pytest.raises((DarknetpyError, ValueError)):
        open_training(request(**options, backup="backup"), Findings())
    assert free("backup")


def test_how_much_was_loaded_is_said_in_words(drawn: Path) -> None:
    with open_training(request(backup="first"), Findings()) as opened:
        list(opened.loop.iterations())
        final = opened.folder.weights("final")
    with open_training(request(weights=final, iterations=9), Findings()) as opened:
        assert opened.loaded is not None
        assert layers_loaded(opened.loaded, opened.loop.graph) == "4 of 4 layers with weights"
        assert opened.loop.training.iteration == 3
