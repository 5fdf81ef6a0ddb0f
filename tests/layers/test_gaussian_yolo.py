"""[Gaussian_yolo] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.layers.gaussian_yolo import GaussianYolo
from tests.detection import reference as naive
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [
    ("anchors=3,4 classes=2", [(11, 3, 4)]),
    ("anchors=3,4,5,6,7,8 num=3 mask=0,2 classes=1 scale_x_y=1.2", [(20, 3, 4)]),
]

TEXT = "[Gaussian_yolo] anchors=10,13,16,30 num=2 classes=3"
ANCHORS = [(10.0, 13.0), (16.0, 30.0)]
SIZE = (96, 64)


def gaussian(options: str = "", dialect: str = "alexeyab") -> GaussianYolo:
    layer = make_layer(f"{TEXT} {options}", dialect=dialect)
    assert isinstance(layer, GaussianYolo)
    return layer


@pytest.mark.parametrize(("options", "stretch"), [("", 1.0), ("scale_x_y=1.25", 1.25)])
def test_output_equals_naive_loops(options: str, stretch: float) -> None:
    x = 3 * random_input((24, 4, 6))
    assert_close(run(gaussian(options), [x]), naive.gaussian_output(x, 2, stretch))


@pytest.mark.parametrize("point", ["center", "left_top", "right_bottom"])
@pytest.mark.parametrize("thresh", [0.0, 0.3, 1.0])
def test_boxes_equal_naive_loops(point: str, thresh: float) -> None:
    output = np.random.default_rng(2).random((24, 4, 6))
    found = gaussian(f"yolo_point={point}").candidates(output, SIZE, thresh)
    boxes, objectness, probabilities = naive.gaussian_boxes(output, ANCHORS, SIZE, thresh, point)
    np.testing.assert_allclose(found.boxes, np.reshape(boxes, (-1, 4)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.objectness, objectness, rtol=1e-12)
    np.testing.assert_allclose(found.probabilities, np.reshape(probabilities, (-1, 3)), rtol=1e-12)


def test_uncertainties_go_with_the_boxes() -> None:
    output = np.arange(12.0).reshape(12, 1, 1) / 12
    found = gaussian("mask=0").candidates(output, SIZE, 0.1)
    assert (found.more["uncertainty"] * 12).round(6).tolist() == [[1, 3, 5, 7]]


def test_uncertain_boxes_are_less_probable() -> None:
    output = np.full((12, 1, 1), 0.5, np.float32)
    sure = output.copy()
    sure[[1, 3, 5, 7]] = 0
    layer = gaussian("mask=1")
    assert layer.candidates(sure, SIZE, 0.1).probabilities.tolist() == [[0.25] * 3]
    assert layer.candidates(output, SIZE, 0.1).probabilities.tolist() == [[0.125] * 3]


def test_ways_to_suppress() -> None:
    assert gaussian("nms_kind=cornersnms").nms_kind == "cornersnms"
    assert gaussian("nms_kind=cornersnms", "pjreddie").nms_kind == "default"
    assert gaussian("beta_nms=.8").beta_nms == pytest.approx(0.8)
