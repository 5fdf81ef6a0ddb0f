"""[detection] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from darknetpy.layers.detection import Detection
from tests import reference
from tests.detection import reference as naive
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [
    ("coords=4 side=3 num=2 classes=2", [(108,)]),
    ("coords=4 side=2 num=1 classes=3 softmax=1 sqrt=1", [(8, 2, 2)]),
]

TEXT = "[detection] coords=4 side=3 num=2 classes=4"
LENGTH = 9 * (4 + 2 * 5)


def detection(options: str = "", dialect: str = "alexeyab") -> Detection:
    layer = make_layer(f"{TEXT} {options}", dialect=dialect)
    assert isinstance(layer, Detection)
    return layer


def test_passes_values_on_in_a_row() -> None:
    x = random_input((14, 3, 3))
    assert_close(run(detection(), [x]), x.reshape(2, -1), tolerance=0)


def test_classes_of_a_cell_go_through_the_softmax() -> None:
    x = random_input((LENGTH,))
    cells = [(4 * cell, 4) for cell in range(9)]
    expected = np.concatenate([reference.softmax_in_groups(x[:, :36], cells), x[:, 36:]], axis=1)
    assert_close(run(detection("softmax=1"), [x]), expected)


@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("thresh", [0.0, 0.2, 0.9])
def test_boxes_equal_naive_loops(root: bool, thresh: float) -> None:
    values = np.random.default_rng(3).random(LENGTH)
    found = detection(f"sqrt={int(root)}").candidates(values, (448, 448), thresh)
    boxes, objectness, probabilities = naive.first_boxes(values, 3, 2, 4, thresh, root)
    np.testing.assert_allclose(found.boxes, boxes, rtol=1e-6)
    np.testing.assert_allclose(found.objectness, objectness, rtol=1e-12)
    np.testing.assert_allclose(found.probabilities, probabilities, rtol=1e-12)


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_pictures_are_stretched_in_both_dialects(dialect: str) -> None:
    assert detection(dialect=dialect).preprocess == "stretch"


@pytest.mark.parametrize(("options", "found"), [("", "no coords="), ("coords=1", "coords=1"), ("coords=5", "coords=5")])
def test_only_four_coordinates_are_a_box(options: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[detection] side=3 {options}")
    assert (caught.value.found, caught.value.expected) == (found, "coords=4")


def test_sees_the_whole_input() -> None:
    assert detection().window() is None
