"""Measures of boxes, and the way from the network to the picture."""

from __future__ import annotations

import math

import numpy as np
import pytest

from darknetpy.detection.boxes import ciou, corners, diou, giou, intersection, iou, to_picture, union
from darknetpy.images.preprocess import place
from tests.detection import reference as naive

RANDOM = np.random.default_rng(7)
A = RANDOM.random((50, 4))
B = RANDOM.random((50, 4))


def test_overlap_equals_naive_loops() -> None:
    expected = [naive.overlap(a, b) for a, b in zip(A.tolist(), B.tolist(), strict=True)]
    np.testing.assert_allclose(iou(A, B), expected, atol=1e-12)
    assert 0 < np.count_nonzero(expected) < 50


@pytest.mark.parametrize("exponent", [0.6, 0.9])
def test_distance_overlap_equals_naive_loops(exponent: float) -> None:
    expected = [naive.overlap(a, b) - naive.distance(a, b) ** exponent for a, b in zip(A, B, strict=True)]
    np.testing.assert_allclose(diou(A, B, exponent), expected, atol=1e-12)


def test_generalized_overlap_equals_its_formula() -> None:
    for a, b, found in zip(A.tolist(), B.tolist(), giou(A, B).tolist(), strict=True):
        width = max(a[0] + a[2] / 2, b[0] + b[2] / 2) - min(a[0] - a[2] / 2, b[0] - b[2] / 2)
        height = max(a[1] + a[3] / 2, b[1] + b[3] / 2) - min(a[1] - a[3] / 2, b[1] - b[3] / 2)
        covered = float(union(np.array(a), np.array(b)))
        assert found == pytest.approx(naive.overlap(a, b) - (width * height - covered) / (width * height))


def test_complete_overlap_equals_its_formula() -> None:
    for a, b, found in zip(A.tolist(), B.tolist(), ciou(A, B).tolist(), strict=True):
        overlap = naive.overlap(a, b)
        shape = 4 / math.pi**2 * (math.atan(b[2] / b[3]) - math.atan(a[2] / a[3])) ** 2
        weight = shape / (1 - overlap + shape + 0.000001)
        assert found == pytest.approx(overlap - naive.distance(a, b) - weight * shape)


def test_measures_of_the_same_box_are_one() -> None:
    for measure in (iou, giou, diou, ciou):
        np.testing.assert_allclose(measure(A, A), 1)


def test_boxes_without_area_give_numbers() -> None:
    nothing = np.zeros(4)
    for measure in (intersection, union, iou, giou, diou, ciou):
        assert measure(nothing, nothing) == 0
    assert np.isfinite(ciou(np.array([0.5, 0.5, 0.2, 0.0]), np.array([0.5, 0.5, 0.1, 0.1])))


def test_all_pairs_by_broadcasting() -> None:
    table = iou(A[:, np.newaxis], B)
    assert table.shape == (50, 50)
    assert table[3, 5] == iou(A[3], B[5])


@pytest.mark.parametrize("how", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("size", [(500, 375), (333, 500), (416, 416)])
def test_the_way_back_is_that_of_the_placement(how: str, size: tuple[int, int]) -> None:
    placement = place(*size, 416, 352, how)
    boxes = A.astype(np.float32)
    whole = np.tile([416, 352], 2)
    ends = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1) * whole
    expected = placement.to_picture(ends)
    found = to_picture(boxes, placement) * np.tile(size, 2)
    np.testing.assert_allclose(found[:, :2] - found[:, 2:] / 2, expected[:, :2], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(found[:, :2] + found[:, 2:] / 2, expected[:, 2:], rtol=1e-5, atol=1e-3)


def test_huge_boxes_keep_their_centres() -> None:
    placement = place(500, 375, 416, 416, "letterbox")
    (found,) = to_picture(np.array([[0.5, 0.5, 1e30, np.inf]], np.float32), placement)
    assert found[:2].tolist() == [0.5, 0.5]
    assert corners(found[np.newaxis], 500, 375).tolist() == [[0, 0, 500, 375]]


def test_corners_are_pixels_inside_the_picture() -> None:
    boxes = np.array([[0.5, 0.5, 0.5, 0.5], [0, 0, 0.5, 0.5], [1.5, 0.5, 0.1, 0.1]], np.float32)
    assert corners(boxes, 200, 100).round(3).tolist() == [[50, 25, 150, 75], [0, 0, 50, 25], [200, 45, 200, 55]]
