"""Figures of the bench in words: the best of a project counts, and what is behind is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.peers import report
from tools.peers.runtimes import opencv_name

NETWORKS: dict[str, Any] = {
    "tiny": {
        "darknetpy": {"median_ms": 2.0, "ratio": 1.0},
        "openvino": {"ratio": 0.8},
        "onnxruntime": {"ratio": 2.0},
        "onnxruntime-spin": {"ratio": 1.5},
        "opencv": {"failed": "why"},
    },
    "a-network-of-16-": {
        "darknetpy": {"median_ms": 1234.56, "ratio": 1.0},
        "openvino": {"ratio": 1.8},
        "onnxruntime": {"ratio": 6.0},
        "onnxruntime-spin": {"ratio": 60.0},
        "torch": {"ratio": 12.0},
        "torch-last": {"ratio": 11.0},
        "opencv": {"ratio": 4.0},
    },
}


def test_the_fastest_of_a_project_counts() -> None:
    assert report.best_ratio(NETWORKS["tiny"], "onnxruntime") == 1.5
    assert report.best_ratio(NETWORKS["tiny"], "OpenCV") is None
    assert report.best_ratio(NETWORKS["tiny"], "PyTorch") is None


def test_geometric_means_say_of_how_many_networks() -> None:
    means = report.geometric_means(NETWORKS)
    assert means["OpenVINO"] == (pytest.approx(1.2), 2)
    assert means["onnxruntime"] == (pytest.approx(3), 2)
    assert means["OpenCV"] == (pytest.approx(4), 1)


def test_what_is_behind_is_named() -> None:
    assert report.behind(NETWORKS) == ["tiny: OpenVINO 0.80"]
    assert report.summary(NETWORKS) == "Behind: tiny: OpenVINO 0.80"
    assert report.summary({"a": NETWORKS["a-network-of-16-"]}) == "None of them is faster on any network."


def test_a_table_fits_60_columns() -> None:
    lines = report.table(NETWORKS).splitlines()
    assert max(map(len, lines)) <= 60
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == ["tiny", "2.00", "0.80", "1.50", "-", "-"]
    assert [cell.strip() for cell in lines[-1].split("|")[1:-1]] == [
        "geometric mean", "", "1.20", "3.00", "11.00", "4.00",
    ]  # fmt: skip


def test_lines_of_a_network_point_out_answers_that_differ() -> None:
    figures = {"opencv": {"median_ms": 2.0, "least_ms": 1.0, "ratio": 2.0, "difference": 1e-3, "peak_mib": 7.0}}
    assert "difference 1.0e-03!" in report.network_lines("tiny", figures, 1e-4)[0]
    assert "!" not in report.network_lines("tiny", figures, 1e-2)[0]
    assert report.network_lines("tiny", NETWORKS["tiny"] and {"opencv": {"failed": "why"}}, 1)[0].endswith("- why")


def test_configurations_in_words() -> None:
    assert report.configuration_text("8x2") == "batch 8, 2 threads"
    assert report.configuration_text("1x1") == "batch 1, 1 thread"


@pytest.mark.parametrize("name", ["chart.png", "chart.svg"])
def test_a_chart_is_a_small_file(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    facts = report.machine()
    report.draw(tmp_path / name, {"1x2": NETWORKS, "8x2": {"tiny": NETWORKS["tiny"]}}, facts)
    assert 5_000 < (tmp_path / name).stat().st_size < 200_000
    assert report.machine_line(facts).startswith(facts["cpu"])


@pytest.mark.parametrize(
    ("names", "index", "expected"),
    [
        (["conv_0", "bn_0", "leaky_1", "conv_1", "logistic_2", "permute_2"], 1, "logistic_2"),
        (["conv_0", "bn_0", "leaky_1", "conv_1", "permute_2"], 1, "conv_1"),
        (["conv_0", "leaky_1", "conv_1", "mish_2"], 0, "leaky_1"),
        (["conv_0", "relu_1", "softmax_1"], 1, "softmax_1"),
    ],
)
def test_names_of_opencv(names: list[str], index: int, expected: str) -> None:
    assert opencv_name(names, index) == expected
