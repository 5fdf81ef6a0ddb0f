"""Rows of boxes against a loop over cells in float64, written from the formulas."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from darknetpy.compat.opencv_errors import error
from darknetpy.compat.opencv_heads import RowsOfBoxes, rows_of_boxes
from darknetpy.compat.opencv_suppression import NMSBoxes
from darknetpy.config.sections import parse_cfg
from darknetpy.graph import Node, build_graph

ANCHORS = np.array([[10, 14], [23, 27]], np.float32)
YOLO = RowsOfBoxes(ANCHORS, in_cells=False, thresh=0.2, nms_threshold=0.0)
REGION = RowsOfBoxes(ANCHORS / 8, in_cells=True, thresh=0.001, nms_threshold=0.4, softmax=True)
NETWORK = (64, 48)
CLASSES = 3

FORMS = {
    "yolo": YOLO,
    "scale_x_y": dataclasses.replace(YOLO, stretch=1.2),
    "new_coords": dataclasses.replace(YOLO, activated=True, stretch=2.0),
    "another threshold": dataclasses.replace(YOLO, thresh=0.4),
    "region": REGION.without_suppression(),
    "region without softmax": dataclasses.replace(REGION.without_suppression(), softmax=False),
    "classfix": dataclasses.replace(REGION.without_suppression(), only_sure=True),
}


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def rows_by_loops(form: RowsOfBoxes, values: np.ndarray) -> np.ndarray:
    """(boxes, 5 + classes) of one picture's values (c, h, w)."""
    _, h, w = values.shape
    rows = []
    for y, x, number in np.ndindex(h, w, len(ANCHORS)):
        begin = number * (5 + CLASSES)
        t = [float(value) for value in values[begin : begin + 5 + CLASSES, y, x]]
        squash = (lambda value: value) if form.activated else logistic
        side = (lambda value: (2 * value) ** 2) if form.activated else math.exp
        units = (w, h) if form.in_cells else NETWORK
        shift = (form.stretch - 1) / 2
        objectness = squash(t[4])
        if form.softmax:
            total = sum(math.exp(value) for value in t[5:])
            classes = [math.exp(value) / total for value in t[5:]]
        else:
            classes = [squash(value) for value in t[5:]]
        sure = 0.0 if form.only_sure and objectness < 0.5 else objectness
        probabilities = [sure * value if sure * value > form.thresh else 0.0 for value in classes]
        rows.append(
            [(x + squash(t[0]) * form.stretch - shift) / w, (y + squash(t[1]) * form.stretch - shift) / h,
             side(t[2]) * float(form.anchors[number, 0]) / units[0],
             side(t[3]) * float(form.anchors[number, 1]) / units[1], objectness, *probabilities]
        )  # fmt: skip
    return np.array(rows)


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(3).normal(0.3, 1, (2, len(ANCHORS) * (5 + CLASSES), 6, 8)).astype(np.float32)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_rows_are_those_of_a_loop_over_cells(form: RowsOfBoxes, values: np.ndarray) -> None:
    if form.activated:
        values = np.abs(values) % 1
    rows = form.rows(values, NETWORK)
    assert rows.dtype == np.float32
    for picture, found in zip(values, rows, strict=True):
        np.testing.assert_allclose(found, rows_by_loops(form, picture), rtol=2e-5, atol=2e-6)


def test_region_suppresses_class_by_class_and_picture_by_picture(values: np.ndarray) -> None:
    for picture, found in zip(values, REGION.rows(values, NETWORK), strict=True):
        expected = REGION.without_suppression().rows(picture[np.newaxis], NETWORK)[0]
        boxes = np.concatenate([expected[:, :2] - expected[:, 2:4] / 2, expected[:, 2:4]], axis=1)
        for column in range(5, 5 + CLASSES):
            kept = list(NMSBoxes(boxes, expected[:, column], 0.001, 0.4))
            assert 0 < len(kept) < len(expected)
            left_out = [row for row in range(len(expected)) if row not in kept]
            expected[left_out, column] = 0
        assert np.array_equal(found, expected)


def node_of(section: str) -> Node:
    cfg = f"[net]\nwidth=16\nheight=16\nchannels=3\n[convolutional]\nfilters=12\nactivation=linear\n{section}"
    return build_graph(parse_cfg(cfg)).nodes[-1]


def test_a_yolo_section_says_how() -> None:
    rows = rows_of_boxes(node_of("[yolo]\nclasses=1\nnum=3\nmask=0,2\nanchors=1,2,3,4,5,6\nscale_x_y=1.1\n"))
    assert rows is not None
    assert rows.anchors.tolist() == [[1, 2], [5, 6]]
    assert (rows.thresh, rows.nms_threshold, rows.activated) == (0.2, 0, False)
    assert rows.stretch == pytest.approx(1.1)


def test_a_region_section_says_how() -> None:
    rows = rows_of_boxes(node_of("[region]\nclasses=1\nnum=2\nanchors=1,2,3,4\nsoftmax=1\nclassfix=-1\nthresh=.6\n"))
    assert rows is not None
    assert (rows.thresh, rows.nms_threshold, rows.softmax, rows.only_sure, rows.in_cells) == (
        0.6,
        0.4,
        True,
        True,
        True,
    )


def test_a_threshold_that_is_no_number_is_refused() -> None:
    node = node_of("[yolo]\nclasses=1\nnum=2\nanchors=1,2,3,4\n")
    node.layer.section.values["nms_threshold"] = "high"
    with pytest.raises(error, match="nms_threshold=high"):
        rows_of_boxes(node)


def test_other_sections_have_no_rows() -> None:
    assert rows_of_boxes(node_of("[avgpool]\n")) is None
