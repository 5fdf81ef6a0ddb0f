"""The tool that trains official classifiers for two iterations, and says how much memory that takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from darknetpy.config.sections import parse_cfg
from tests.training.bright import CFG
from tools import train_zoo

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits and peaks as POSIX has them")

DETECTOR = (
    "[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=18\n[yolo]\nnum=3\nanchors=1,1,2,2,3,3\nclasses=1\n"
)


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    text = CFG.format(iterations=100)
    (tmp_path / "small.cfg").write_text(text)
    (tmp_path / "large.cfg").write_text(text.replace("filters=4", "filters=40").replace("=8\nh", "=16\nh"))
    (tmp_path / "wild.cfg").write_text(text.replace("=0.05", "=1e30").replace("filters=4", "filters=2"))
    (tmp_path / "detector.cfg").write_text(DETECTOR)
    (tmp_path / "broken.cfg").write_text("[net]\n")
    return tmp_path


def test_the_first_section_gets_values() -> None:
    text = "# mine\n[net]\nbatch=64\n  subdivisions = 8\nwidth=4\n\n[cost]\nbatch=3\n"
    found = train_zoo.rewritten(text, batch=16, subdivisions=2, max_batches=5)
    cfg = parse_cfg(found)
    assert {name: cfg.net.raw[name] for name in ("batch", "subdivisions", "max_batches", "width")} == {
        "batch": "16", "subdivisions": "2", "max_batches": "5", "width": "4"
    }  # fmt: skip
    assert found.endswith("[cost]\nbatch=3\n")


def test_classifiers_are_listed_and_the_largest_trained(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(zoo), "--batch", "4", "--subdivisions", "2"]
    assert train_zoo.main([*words, "--largest", "1"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    names = [line.split()[0].partition("/")[2] for line in lines[1:4]]
    assert names == ["large", "small", "wild"]
    assert "broken.cfg" in err
    assert lines[4].split()[0].endswith("/large:") or "/large " in lines[4]
    assert "MB at most" in lines[4]
    assert lines[4].count("losses 0") + lines[4].count("losses 1") == 1
    assert lines[5] == "1 of 1 trained for 2 iterations"


def test_failures_are_told(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(zoo), "--batch", "4", "--subdivisions", "2", "--iterations", "3"]
    assert train_zoo.main([*words, "--only", "wild"]) == 1
    assert "FAILED: exit code 1: " in capsys.readouterr().out
    assert train_zoo.main([*words, "--only", "small", "--gib", "0.05"]) == 1
    assert "FAILED: " in capsys.readouterr().out
