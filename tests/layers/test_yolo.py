"""[yolo] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from darknetpy.layers.yolo import Yolo
from tests.detection import reference as naive
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [
    ("anchors=3,4 classes=2", [(7, 3, 4)]),
    ("anchors=3,4,5,6,7,8 num=3 mask=0,2 classes=1 scale_x_y=1.2", [(12, 3, 4)]),
    ("anchors=3,4 classes=2 scale_x_y=2 new_coords=1", [(7, 3, 4)]),
]

ANCHORS = [(10.0, 13.0), (16.0, 30.0), (33.0, 23.0)]
TEXT = "[yolo] anchors=10,13,16,30,33,23 num=3 classes=4"
SIZE = (96, 64)


def yolo(options: str = "", dialect: str = "alexeyab") -> Yolo:
    layer = make_layer(f"{TEXT} {options}", dialect=dialect)
    assert isinstance(layer, Yolo)
    return layer


@pytest.mark.parametrize(
    ("options", "stretch", "new_coords"),
    [("", 1.0, False), ("scale_x_y=1.25", 1.25, False), ("scale_x_y=2 new_coords=1", 2.0, True)],
)
def test_output_equals_naive_loops(options: str, stretch: float, new_coords: bool) -> None:
    x = 3 * random_input((27, 4, 6))
    assert_close(run(yolo(options), [x]), naive.yolo_output(x, 3, stretch, new_coords))


@pytest.mark.parametrize("new_coords", [False, True])
@pytest.mark.parametrize("thresh", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("mask", [(0, 1, 2), (2, 0)])
def test_boxes_equal_naive_loops(mask: tuple[int, ...], thresh: float, new_coords: bool) -> None:
    layer = yolo(f"mask={','.join(map(str, mask))} new_coords={int(new_coords)}")
    output = np.random.default_rng(2).random((9 * len(mask), 4, 6))
    found = layer.candidates(output, SIZE, thresh)
    boxes, objectness, probabilities = naive.yolo_boxes(output, [ANCHORS[n] for n in mask], SIZE, thresh, new_coords)
    assert len(found.boxes) == len(boxes)
    np.testing.assert_allclose(found.boxes, np.reshape(boxes, (-1, 4)), rtol=1e-6)
    np.testing.assert_allclose(found.objectness, objectness, rtol=1e-12)
    np.testing.assert_allclose(found.probabilities, np.reshape(probabilities, (-1, 4)), rtol=1e-12)
    assert found.boxes.dtype == np.float32
    assert found.more == {}


def test_a_box_must_exceed_the_threshold() -> None:
    output = np.zeros((27, 1, 1), np.float32)
    output[4], output[13] = 0.25, np.nextafter(np.float32(0.25), np.float32(1))
    found = yolo().candidates(output, SIZE, 0.25)
    assert found.objectness.tolist() == [output[13, 0, 0]]


def test_sides_beyond_all_numbers_are_infinite_without_a_warning() -> None:
    output = np.full((9, 1, 1), 1000, np.float32)
    found = yolo("mask=1").candidates(output, SIZE, 0.25)
    assert np.isinf(found.boxes[0, 2:]).all()


def test_pjreddie_does_not_know_the_options_of_yolov4() -> None:
    x = random_input((27, 4, 6))
    options = "scale_x_y=1.25 nms_kind=greedynms"
    layer = yolo(options, "pjreddie")
    assert_close(run(layer, [x]), naive.yolo_output(x, 3))
    assert (layer.nms_kind, yolo(options).nms_kind) == ("default", "greedynms")
    warnings = list(layer.remarks([(27, 4, 6)]))
    assert [warning.option for warning in warnings] == ["scale_x_y", "nms_kind"]
    assert warnings[0].found == "scale_x_y=1.25"
    assert list(yolo(options).remarks([(27, 4, 6)])) == []


def test_without_mask_all_anchors_are_used() -> None:
    assert yolo().anchors.tolist() == [list(pair) for pair in ANCHORS]
    assert yolo("mask=2,1").anchors.tolist() == [list(ANCHORS[2]), list(ANCHORS[1])]


def test_anchors_are_needed() -> None:
    with pytest.raises(ConfigError, match="no anchors="):
        make_layer("[yolo] classes=1")


def test_ways_to_suppress_are_those_of_the_program() -> None:
    assert yolo("nms_kind=diounms beta_nms=.8").beta_nms == pytest.approx(0.8)
    with pytest.raises(ConfigError, match="expected one of default, greedynms, diounms"):
        yolo("nms_kind=cornersnms")
