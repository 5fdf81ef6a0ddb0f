"""Suppression against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.detection.nms import KINDS, suppress
from tests.detection import reference as naive


def crowd(seed: int, n: int = 40, classes: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes around a few objects; some equal scores, some without objectness."""
    random = np.random.default_rng(seed)
    objects = np.concatenate([random.random((6, 2)), 0.1 + 0.2 * random.random((6, 2))], axis=1)
    boxes = (objects[random.integers(0, 6, n)] * (1 + 0.1 * random.standard_normal((n, 4)))).astype(np.float32)
    objectness = (random.integers(0, 8, n) / 8).astype(np.float32)
    probabilities = objectness[:, np.newaxis] * (random.integers(0, 6, (n, classes)) / 6).astype(np.float32)
    return boxes, objectness, probabilities.astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("thresh", [0.1, 0.45, 0.8])
@pytest.mark.parametrize("seed", range(5))
def test_equals_naive_loops(kind: str, thresh: float, seed: int) -> None:
    boxes, objectness, probabilities = crowd(seed)
    found = suppress(boxes, objectness, probabilities, thresh, kind, beta=0.8)
    expected = naive.suppress(boxes, objectness, probabilities, thresh, kind, beta=0.8)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.array_equal(ours, theirs)
    assert np.count_nonzero(found[1]) < np.count_nonzero(probabilities)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 63, 64, 65, 129])
def test_any_number_of_boxes_equals_naive_loops(kind: str, n: int) -> None:
    boxes, objectness, probabilities = crowd(n, n, classes=7)
    boxes[: n // 3] = np.round(boxes[: n // 3], 1)  # some are the very same
    found = suppress(boxes, objectness, probabilities, 0.3, kind, beta=0.4)
    expected = naive.suppress(boxes, objectness, probabilities, 0.3, kind, beta=0.4)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.array_equal(ours, theirs)


def test_arguments_stay_as_they_are() -> None:
    boxes, objectness, probabilities = crowd(1)
    before = boxes.copy(), objectness.copy(), probabilities.copy()
    suppress(boxes, objectness, probabilities, 0.3, "obj")
    for ours, old in zip((boxes, objectness, probabilities), before, strict=True):
        assert np.array_equal(ours, old)


def test_classes_do_not_suppress_each_other() -> None:
    boxes = np.tile(np.array([0.5, 0.5, 0.2, 0.2], np.float32), (2, 1))
    probabilities = np.array([[0.9, 0.0], [0.0, 0.8]], np.float32)
    assert np.array_equal(suppress(boxes, np.ones(2, np.float32), probabilities, 0.45)[1], probabilities)
    obj = suppress(boxes, np.array([0.9, 0.8], np.float32), probabilities, 0.45, "obj")
    assert obj[1].tolist() == [probabilities[0].tolist(), [0, 0]]


def test_distant_centres_keep_boxes_with_greedynms() -> None:
    boxes = np.array([[0.5, 0.5, 0.2, 0.2], [0.56, 0.5, 0.2, 0.2]], np.float32)  # IoU 0.54
    one = np.ones((2, 1), np.float32)
    kept = {kind: int(np.count_nonzero(suppress(boxes, one[:, 0], one, 0.45, kind)[1])) for kind in KINDS}
    assert kept == {"default": 1, "greedynms": 2, "diounms": 2, "cornersnms": 1, "obj": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_stays_nothing(kind: str) -> None:
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 3), np.float32)
    objectness, probabilities = suppress(*nothing, 0.45, kind)
    assert (objectness.shape, probabilities.shape) == ((0,), (0, 3))


def test_other_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="kind='soft', expected one of default, greedynms"):
        suppress(*crowd(0), 0.45, "soft")
