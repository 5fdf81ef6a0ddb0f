"""The bench of training runs both sides in processes of their own, keeps figures, and says what they come to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.bright import CFG, draw
from tools import bench_training
from tools.peers import training_report, whole_training
from tools.peers.lessons import Plan


def figures(batch: int, **medians: float) -> dict[str, Any]:
    """As measured, from milliseconds by trainer; 0 for one that failed."""
    ours = medians["darknetpy"]
    found = {
        name.replace("_", "-"): {
            "median_ms": median, "least_ms": median / 2, "peak_mib": 10 * median, "ratio": median / ours,
            "losses": [2.0, 1.5], "difference": 0.0 if median == ours else 2e-3,
        }
        if median
        else {"failed": "why"}
        for name, median in medians.items()
    }  # fmt: skip
    return {"batch": batch, "shape": [3, 8, 8], "trainers": found}


NETWORKS = {
    "a": figures(8, darknetpy=4, torch=16, torch_last=12),
    "b": figures(64, darknetpy=2, torch=0, torch_last=24),
}


def test_the_faster_layout_counts() -> None:
    assert training_report.best_of_pytorch(NETWORKS["a"]) == "torch-last"
    assert training_report.pictures_a_second(NETWORKS["a"], "darknetpy") == 2000
    text = training_report.text(NETWORKS, 2)
    assert "2 threads: 6.00 by geometric mean, 3.00 at least (a)." in text
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert rows[2] == ["a", "8", "2,000.0", "666.7", "3.00", "40", "120"]


def test_a_difference_of_losses_is_pointed_out() -> None:
    ours, *theirs = training_report.network_lines("a", NETWORKS["a"], 1e-3)
    assert "!" not in ours
    assert all(line.endswith("losses 2 1.5, difference 2.0e-03!") for line in theirs)
    assert training_report.network_lines("b", NETWORKS["b"], 1e-3)[1].endswith("- why")


def test_nothing_to_compare_with() -> None:
    text = training_report.text({"a": figures(8, darknetpy=4, torch=0)}, 1)
    assert "Nothing to compare with." in text


def test_figures_are_kept_and_not_measured_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    (tmp_path / "small.cfg").write_text(CFG.format(iterations=9))
    kept = tmp_path / "training.json"
    words = ["--networks", str(tmp_path / "small.cfg"), "--threads", "1", "--turns", "1", "--json", str(kept)]
    assert bench_training.main(words) == 0
    found = json.loads(kept.read_text())["networks"]["small"]
    assert found["batch"] == 8
    for trainer in ("torch", "torch-last"):
        assert found["trainers"][trainer]["difference"] < bench_training.AGREEING
        assert found["trainers"][trainer]["peak_mib"] > 0
    losses = found["trainers"]["darknetpy"]["losses"]
    assert losses == sorted(losses, reverse=True)
    (tmp_path / "small.cfg").unlink()
    capsys.readouterr()
    assert bench_training.main(words) == 0
    assert "1 thread: " in capsys.readouterr().out
    assert bench_training.main([*words, "--threads", "2"]) == 1
    assert "has figures with --threads 1" in capsys.readouterr().err


def test_an_unknown_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_training.main(["--networks", "cifra"]) == 1
    assert "no network called cifra: cifar, darknet19" in capsys.readouterr().err


def test_a_whole_training_against_its_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_training, "SECONDS", 0)
    monkeypatch.setattr(whole_training, "PAUSE", 0)
    draw(tmp_path / "pictures", 24, seed=1)
    found = whole_training.measure(CFG.format(iterations=9), Plan(8), tmp_path / "pictures", 1, 2)
    assert (found["pictures"], found["batch"]) == (48, 8)
    assert min(found["first"], found["later"], found["steps"]) > 0  # five iterations of eight are fewer than all
    text = whole_training.line("small", found)
    assert text.startswith("small, 48 pictures, batch 8, ")
    assert text.endswith("in the whole training later")
