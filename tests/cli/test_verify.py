"""``darknetpy verify``: differences are told, and above the limit they fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.cli.main import main
from darknetpy.cli.verify import answers_agree
from darknetpy.images.preprocess import place
from darknetpy.network import load

Capture = pytest.CaptureFixture[str]
NETWORK = ("verify", "small.cfg", "small.weights")


def figures(capsys: Capture, *words: str, code: int = 0) -> dict[str, Any]:
    assert main([*NETWORK, "--json", *words]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("image", [(), ("photos/0.png",)])
def test_the_engine_is_right(files: Path, capsys: Capture, image: tuple[str, ...]) -> None:
    found = figures(capsys, *image)
    assert [layer["type"] for layer in found["layers"]] == ["convolutional", "convolutional", "avgpool", "softmax"]
    assert all(layer["relative"] < 1e-5 for layer in found["layers"])
    assert all(max(layer["own"], layer["single"]) < 1e-5 for layer in found["layers"])
    assert found["answer_relative"] < 1e-5
    assert found["magnified"] is False
    assert (found["ok"], found["first_above"], found["answers_agree"]) == (True, None, True)
    assert found["image"] == (image[0] if image else None)


def test_random_input_is_the_same_in_every_run(files: Path, capsys: Capture) -> None:
    assert figures(capsys) == figures(capsys, "--threads", "3")


def test_above_the_limit_it_fails_and_says_where(files: Path, capsys: Capture) -> None:
    found = figures(capsys, "--limit", "1e-12", code=1)
    assert (found["ok"], found["first_above"]) == (False, 0)
    assert main([*NETWORK, "--limit", "1e-12"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["#", "type", "output", "largest", "relative", "alone", "float32"]
    assert lines[1].endswith("above the limit")
    assert "limit    1e-12: exceeded first at layer 0" in lines


def test_the_table_of_a_network_that_is_right(files: Path, capsys: Capture) -> None:
    assert main([*NETWORK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert lines[-2:] == ["limit    0.0001: all layers keep it", "answers  the same (five best, or boxes)"]


def test_a_network_that_magnifies_rounding_fails_and_the_cause_is_told(
    files: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = iter([(1.0, 1e-3), (0.0, 1e-6), (1.0, 1e-3)] * 4 + [(0.0, 1e-5)])  # since the input, alone, in float32
    monkeypatch.setattr("darknetpy.engine.verification.difference", lambda found, expected: next(parts))
    assert main([*NETWORK]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "cause    this network magnifies rounding: plain float32 is off as much, and no layer alone is" in lines


def test_values_that_are_no_numbers_are_null_in_json(
    files: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darknetpy.engine.verification.difference", lambda found, expected: (np.inf, np.inf))
    found = figures(capsys, code=1)
    assert found["layers"][0]["relative"] is None
    assert found["answer_relative"] is None
    assert not found["ok"]


def test_a_network_without_pictures(tmp_path: Path, capsys: Capture) -> None:
    cfg, weights = tmp_path / "flat.cfg", tmp_path / "flat.weights"
    cfg.write_text("[net]\ninputs=4\n[connected]\noutput=9\n[softmax]\n")
    load(cfg).save_weights(weights)
    assert main(["verify", str(cfg), str(weights)]) == 0
    capsys.readouterr()


def test_answers_of_a_detector_are_boxes(tmp_path: Path) -> None:
    cfg = tmp_path / "one.cfg"
    cfg.write_text(
        "[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=6\nsize=1\nstride=8\nactivation=linear\n"
        "[yolo]\nmask=0\nanchors=9,9\nclasses=1\nnum=1\n"
    )
    network, placement = load(cfg), place(32, 32, 32, 32, "stretch")
    output = np.zeros((1, 6, 4, 4), np.float32)
    output[0, 4:, 1, 1] = 0.9
    output[0, 4:, 3, 3] = 0.8
    moved, other, swapped = output.copy(), output.copy(), output.copy()
    swapped[0, 4:, 1, 1], swapped[0, 4:, 3, 3] = 0.8, 0.9
    moved[0, 0, 1, 1] += 0.1
    other[0, 4:, 2, 2] = 0.9
    assert answers_agree(network, {1: output}, {1: output.astype(np.float64)}, placement) is True
    assert answers_agree(network, {1: moved}, {1: output}, placement) is False
    assert answers_agree(network, {1: other}, {1: output}, placement) is False
    assert answers_agree(network, {1: swapped}, {1: output}, placement) is True
    assert answers_agree(network, {1: output}, {1: output}, None) is None
