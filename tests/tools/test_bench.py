"""The bench runs darknetpy in a process of its own, keeps figures, and goes on from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import bench

CFG = "[net]\nwidth=12\nheight=9\nchannels=3\n[convolutional]\nfilters=8\nsize=3\n[avgpool]\n[softmax]\n"


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "small.cfg").write_text(CFG)
    return [
        *("--networks", str(tmp_path / "small.cfg"), "--peers", "--rounds", "1", "--threads", "1", "--batch", "2"),
        *("--files", str(tmp_path / "kept"), "--json", str(tmp_path / "bench.json")),
    ]


def test_figures_are_kept_and_not_measured_again(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main([*words, "--seconds", "0"]) == bench.UNFINISHED
    assert bench.main(words) == 0
    document = json.loads((tmp_path / "bench.json").read_text())
    figures = document["configurations"]["2x1"]["small"]["darknetpy"]
    assert figures["median_ms"] >= figures["least_ms"] > 0
    assert (figures["ratio"], figures["difference"]) == (1, 0)
    assert (tmp_path / "kept" / "small.weights").is_file()
    capsys.readouterr()
    assert bench.main([*words, "--seconds", "0"]) == 0
    text = capsys.readouterr().out
    assert "batch 2, 1 thread" in text
    assert document["machine"]["cpu"] in text


def test_the_matrix_has_three_configurations() -> None:
    arguments = bench.read_arguments(["--matrix", "--also", "other/net.cfg"])
    assert arguments.networks == [*bench.NETWORKS, "other/net.cfg"]
    assert [bench.configuration_text(name) for name in bench.MATRIX] == [
        "batch 1, 2 threads",
        "batch 1, 1 thread",
        "batch 8, 2 threads",
    ]


def test_names_of_networks() -> None:
    assert bench.network_name("tiny") == "tiny"
    assert bench.network_name("somewhere/yolo-fastest-1.1.cfg") == "yolo-fastest-1.1"
