"""Detections: fields, choosing some of them, and other forms."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from darknetpy.detection.detections import Detections, class_labels, detections_of
from darknetpy.errors import ConfigError
from darknetpy.layers.parts.head import Candidates

NAMES = ["cat", "dog", "dont_show_bird"]
CANDIDATES = Candidates(
    np.array([[0.5, 0.5, 0.2, 0.4], [0.1, 0.1, 0.4, 0.4], [0.5, 0.5, 4.0, 4.0]], np.float32),
    np.array([0.9, 0.8, 0.7], np.float32),
    np.array([[0.5, 0.25, 0.75], [0.0, 0.625, 0.0], [0.0, 0.0, 0.0]], np.float32),
    {"uncertainty": np.arange(12, dtype=np.float32).reshape(3, 4)},
)


def found(**options: Any) -> Detections:
    return detections_of(CANDIDATES, 200, 100, NAMES, **options)


def test_one_row_for_each_class_of_a_box_most_certain_first() -> None:
    detections = found()
    assert detections.labels == ["dog", "cat", "dog"]
    assert detections.confidence.tolist() == [0.625, 0.5, 0.25]
    assert detections.class_id.tolist() == [1, 0, 1]
    assert detections.xyxy.round(3).tolist() == [[0, 0, 60, 30], [80, 30, 120, 70], [80, 30, 120, 70]]
    assert np.array_equal(detections.relative, CANDIDATES.boxes[[1, 0, 0]])
    assert detections["uncertainty"].tolist() == [[4, 5, 6, 7], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert (detections.xyxy.dtype, detections.confidence.dtype) == (np.float32, np.float32)
    assert detections.class_id.dtype.kind == "i"
    assert detections.mask is None
    assert detections.tracker_id is None
    assert detections.metadata == {}
    assert detections.classes == 3


def test_a_box_once() -> None:
    assert found(best_class_only=True).labels == ["dog", "cat"]


def test_some_classes_only() -> None:
    assert found(classes=[0]).labels == ["cat"]
    assert found(classes=[]).labels == []
    assert found(classes=[2]).labels == []


def test_equal_scores_keep_the_order_of_boxes() -> None:
    same = CANDIDATES._replace(probabilities=np.full((3, 3), 0.5, np.float32))
    detections = detections_of(same, 200, 100)
    assert detections.labels == ["class_0", "class_1", "class_2"] * 3
    assert np.array_equal(detections.relative, np.repeat(CANDIDATES.boxes, 3, axis=0))


def test_names_that_are_missing_are_numbers() -> None:
    assert class_labels(["a"], 3).tolist() == ["a", "class_1", "class_2"]
    assert class_labels(None, 1).tolist() == ["class_0"]
    assert class_labels(["a", "b"], 1).tolist() == ["a"]


def test_iterating_gives_the_parts_of_each() -> None:
    xyxy, mask, confidence, class_id, tracker_id, data = next(iter(found()))
    assert xyxy.round(3).tolist() == [0, 0, 60, 30]
    assert (mask, tracker_id, float(confidence), int(class_id)) == (None, None, 0.625, 1)
    assert data["class_name"] == "dog"
    assert len(list(found())) == len(found()) == 3


@pytest.mark.parametrize(
    ("index", "confidence"),
    [
        (0, [0.625]),
        (-1, [0.25]),
        (np.int64(1), [0.5]),
        (slice(1, None), [0.5, 0.25]),
        (slice(None, None, -1), [0.25, 0.5, 0.625]),
        ([2, 0], [0.25, 0.625]),
        ([], []),
        ([True, False, True], [0.625, 0.25]),
        (np.array([False, True, False]), [0.5]),
        (np.array([1, 1]), [0.5, 0.5]),
    ],
)
def test_some_of_them(index: Any, confidence: list[float]) -> None:
    some = found()[index]
    assert isinstance(some, Detections)
    assert some.confidence.tolist() == confidence
    lengths = {len(some.xyxy), len(some.class_id), len(some.relative), len(some.labels), len(some["uncertainty"])}
    assert lengths == {len(confidence)}


def test_masks_and_tracks_go_along() -> None:
    detections = found()
    detections.mask, detections.tracker_id = np.ones((3, 2, 2), bool), np.array([7, 8, 9])
    some = detections[[2, 0]]
    assert some.mask is not None
    assert some.tracker_id is not None
    assert some.mask.shape == (2, 2, 2)
    assert some.tracker_id.tolist() == [9, 7]
    assert next(iter(some))[4] == 9


def test_a_number_too_large_is_refused() -> None:
    with pytest.raises(IndexError):
        found()[3]


def test_nothing_found() -> None:
    empty = found(classes=[])
    assert empty.xyxy.shape == (0, 4)
    assert empty.to_coco(1) == []
    assert list(empty) == []
    assert repr(empty) == "<Detections 0: >"


def test_written_short() -> None:
    assert repr(found()) == "<Detections 3: dog 62%, cat 50%, dog 25%>"


def test_results_of_coco() -> None:
    first = found().to_coco(139)[0]
    assert first["bbox"] == pytest.approx([0, 0, 60, 30], abs=1e-3)
    assert {name: first[name] for name in ("image_id", "category_id", "score")} == {
        "image_id": 139, "category_id": 1, "score": 0.625,
    }  # fmt: skip
    assert [row["category_id"] for row in found().to_coco(139, [17, 18, 16])] == [18, 17, 18]
    assert all(type(value) in (int, float, list) for value in first.values())


@dataclass
class Theirs:
    """The fields of ``supervision.Detections``."""

    xyxy: np.ndarray
    mask: Any
    confidence: np.ndarray
    class_id: np.ndarray
    tracker_id: Any
    data: dict[str, Any]
    metadata: dict[str, Any]


def test_given_to_supervision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", SimpleNamespace(Detections=Theirs))
    ours, theirs = found(), found().to_supervision()
    for name in ("xyxy", "mask", "confidence", "class_id", "tracker_id"):
        assert np.array_equal(getattr(theirs, name), getattr(ours, name))
    assert list(theirs.data) == ["class_name", "uncertainty"]
    assert theirs.metadata == {}


def test_without_supervision_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(ConfigError, match="pip install supervision"):
        found().to_supervision()


def test_the_library_itself_agrees() -> None:
    supervision = pytest.importorskip("supervision")
    theirs = found().to_supervision()
    assert isinstance(theirs, supervision.Detections)
    assert np.array_equal(theirs[theirs.confidence > 0.3].xyxy, found()[found().confidence > 0.3].xyxy)


def test_drawn_into_the_picture() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    drawn = found().draw(picture)
    assert drawn.shape == picture.shape
    assert drawn.any()
    assert not picture.any()
