"""Many networks held against float64: verdicts, exit codes, and going on from an earlier run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from darknetpy.network import load
from tools import verify_zoo

CFG = "[net]\nwidth=12\nheight=9\nchannels=3\n[convolutional]\nfilters=8\nsize=3\nactivation={}\n[avgpool]\n[softmax]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pjreddie").mkdir()
    for name in ("leaky", "mish"):
        (tmp_path / "pjreddie" / f"{name}.cfg").write_text(CFG.format(name))
    (tmp_path / "pjreddie" / "broken.cfg").write_text(CFG.format("nosuch"))
    return tmp_path / "pjreddie"


def test_all_cfgs_of_a_folder(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.json"
    assert verify_zoo.main([str(folder), "--json", str(figures)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["pjreddie/broken", "pjreddie/leaky", "pjreddie/mish"]
    assert lines[2].endswith("ok")
    assert lines[-1] == "2 of 2 networks keep 0.0001 in every layer, answers the same; 0 to do"
    found = json.loads(figures.read_text())
    assert 0 < found["pjreddie/mish"]["relative"] < 1e-5
    assert "nosuch" in found["pjreddie/broken"]["refused"]


def test_a_network_above_the_limit_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_zoo.main([str(folder), "--limit", "1e-12"]) == 1
    assert "wrong" in capsys.readouterr().out


def test_a_later_run_goes_on(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.json"
    words = [str(folder), "--json", str(figures)]
    assert verify_zoo.main([*words, "--seconds", "-1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("3 to do")
    verify_zoo.main(words)
    kept: dict[str, Any] = json.loads(figures.read_text())
    kept["pjreddie/leaky"]["relative"] = 0.5
    figures.write_text(json.dumps(kept))
    verify_zoo.main([*words, "--seconds", "-1"])
    assert "5.0e-01" in capsys.readouterr().out


def test_large_networks_are_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify_zoo.main([str(folder), "--gflops", "1e-9"])
    assert "0 of 0 networks" in capsys.readouterr().out


def test_trained_networks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(folder / "mish.cfg").save_weights(folder / "mish.weights")
    assert verify_zoo.main([str(folder.parent), "--models"]) == 0
    assert "1 of 1 networks" in capsys.readouterr().out


def test_a_detector_is_compared_by_boxes(tmp_path: Path) -> None:
    cfg = tmp_path / "one.cfg"
    cfg.write_text(
        "[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=6\nsize=1\nstride=8\nactivation=linear\n"
        "[yolo]\nmask=0\nanchors=9,9\nclasses=1\nnum=1\n"
    )
    figures = verify_zoo.verify(verify_zoo.Task(cfg, "alexeyab", None), 1e-4, 1e9, None)
    assert figures is not None
    assert figures["answers_agree"] is True
