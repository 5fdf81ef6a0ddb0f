"""``darknetpy speed``: what is measured and how it is told; no time is judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from darknetpy.cli.main import main
from darknetpy.config.sections import read_cfg
from darknetpy.graph import build_graph

Capture = pytest.CaptureFixture[str]


def figures(capsys: Capture, *words: str) -> dict[str, object]:
    assert main(["speed", "small.cfg", "--runs", "1", "--json", *words]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_json_has_every_figure(files: Path, capsys: Capture) -> None:
    found = figures(capsys, "--layers", "--batch", "2", "--threads", "1")
    assert found["input_shape"] == [3, 12, 16]
    assert (found["batch"], found["threads"], found["runs"]) == (2, 1, 1)
    for name in ("ms", "least_ms", "pictures_per_second", "gflops", "percent_of_peak", "peak_gflops", "read_gbytes"):
        assert float(str(found[name])) > 0, name
    layers = found["layers"]
    assert isinstance(layers, list)
    assert [layer["type"] for layer in layers] == ["convolutional", "convolutional", "avgpool", "softmax"]
    assert all(layer["bound"] in {"FLOPs", "bytes"} for layer in layers)
    assert layers[0]["kernels"]


def test_figures_agree_with_each_other(files: Path, capsys: Capture) -> None:
    found = {name: value for name, value in figures(capsys).items() if isinstance(value, int | float)}
    flops = build_graph(read_cfg("small.cfg")).flops
    assert found["pictures_per_second"] * found["ms"] == pytest.approx(1000)
    assert found["gflops"] * found["ms"] == pytest.approx(flops / 1e6)
    assert found["percent_of_peak"] == pytest.approx(100 * found["gflops"] / found["peak_gflops"])


def test_another_size(files: Path, capsys: Capture) -> None:
    assert figures(capsys, "--size", "20x8")["input_shape"] == [3, 8, 20]


def test_the_table(files: Path, capsys: Capture) -> None:
    assert main(["speed", "small.cfg", "--runs", "1", "--layers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["#", "type", "output", "kernel", "ms", "%", "GFLOP/s", "MB", "bound"]
    assert [line.split()[0] for line in lines[1:5]] == ["0", "1", "2", "3"]
    assert [line.split()[0] for line in lines[6:]] == ["input", "time", "operations", "memory"]
    assert main(["speed", "small.cfg", "--runs", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


@pytest.mark.quick
@pytest.mark.parametrize("size", ["20", "0x8", "axb", "8x", "99999x8", "-8x8"])
def test_a_wrong_size_is_refused(files: Path, capsys: Capture, size: str) -> None:
    assert main(["speed", "small.cfg", f"--size={size}"]) == 2
    assert "expected width and height as in 416x320" in capsys.readouterr().err


def test_a_network_without_pictures_has_no_size(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "flat.cfg"
    path.write_text("[net]\ninputs=4\n[connected]\noutput=2\n")
    assert main(["speed", str(path), "--size", "2x2"]) == 1
    assert "takes no pictures" in capsys.readouterr().err
    assert main(["speed", str(path), "--runs", "1", "--layers"]) == 0


def test_the_command_line_of_darknet(files: Path, capsys: Capture) -> None:
    assert main(["speed", "small.cfg", "-nogpu"]) == 0
    out, err = capsys.readouterr()
    assert "pictures/s" in out
    assert "darknetpy speed small.cfg" in err
