from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darknetpy.compat.opencv_arguments import read_boxes, read_scalar, read_scores, read_size
from darknetpy.compat.opencv_errors import error


def test_sizes_are_width_and_height() -> None:
    assert read_size((416, 224)) == read_size([416, 224]) == read_size(np.array([416, 224])) == (416, 224)
    assert read_size((0, 0)) == (0, 0)


@pytest.mark.parametrize("size", [(416,), (416.0, 416), (-1, 5), (0, 5), 416, "416", None], ids=repr)
def test_other_sizes_are_refused(size: Any) -> None:
    with pytest.raises(error, match="size="):
        read_size(size)


def test_scalars_are_filled_up_with_zeros() -> None:
    assert read_scalar(5, "mean") == (5, 0, 0, 0)
    assert read_scalar((1, 2.5), "mean") == (1, 2.5, 0, 0)
    assert read_scalar(np.array([1, 2, 3, 4]), "mean") == (1, 2, 3, 4)
    assert read_scalar(None, "mean") == (0, 0, 0, 0)


@pytest.mark.parametrize("value", [(1, 2, 3, 4, 5), ("a",), ("a", "b", None)], ids=repr)
def test_other_scalars_are_refused(value: Any) -> None:
    with pytest.raises(error, match="mean"):
        read_scalar(value, "mean")


def test_boxes_come_as_lists_tuples_or_arrays() -> None:
    expected = np.array([[1, 2, 3, 4], [5, 6, 7, 8.5]])
    for boxes in (expected, expected.tolist(), [tuple(box) for box in expected], list(expected)):
        assert np.array_equal(read_boxes(boxes), expected)
    assert read_boxes([]).shape == read_boxes(()).shape == (0, 4)


@pytest.mark.parametrize(
    "boxes", [[[1, 2, 3]], [[1, 2, 3, 4, 5]], [[1, 2, 3, 4], [1]], [1, 2], [["a"] * 4], 7], ids=repr
)
def test_other_boxes_are_refused(boxes: Any) -> None:
    with pytest.raises(error, match="four numbers"):
        read_boxes(boxes)


def test_scores_must_be_as_many_as_boxes() -> None:
    assert read_scores((0.5, np.float32(0.25)), 2).tolist() == [0.5, 0.25]
    with pytest.raises(error, match="2 boxes and 1 scores"):
        read_scores([0.5], 2)
    with pytest.raises(error, match="one number a box"):
        read_scores([None], 1)
