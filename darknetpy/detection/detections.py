"""Detections: what a detector found in one picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from darknetpy.detection.boxes import corners
from darknetpy.errors import ConfigError
from darknetpy.layers.parts.head import Candidates

if TYPE_CHECKING:
    from darknetpy.images.arrays import Picture

Index = int | slice | list[int] | list[bool] | np.ndarray
COCO_CLASSES = 80
HIDDEN = "dont_show"
"""Classes whose names begin so are never shown, as in AlexeyAB's program."""


@dataclass
class Detections:
    """The objects that a detector found in one picture, most certain first.

    Fields are named and shaped as those of ``supervision.Detections``; n is the number of objects.

    Attributes:
        xyxy: (n, 4) float32: left, top, right, bottom in pixels of the picture, clipped to it.
        confidence: (n,) float32, 0 to 1. class_id: (n,) int64.
        mask, tracker_id: None; for whoever follows objects or draws their outlines.
        data: ``class_name`` (n,), and what else the network says of each object, such as ``uncertainty``.
        metadata: anything about the picture as a whole.
        relative: (n, 4) float32: centre x, centre y, width, height, as parts of the picture's width and height, as
            Darknet gives them. They may reach beyond the picture.
        classes: how many classes the network tells apart, which their colours depend on.

    >>> found = net.detect("dog.jpg")  # doctest: +SKIP
    >>> found[found.confidence > 0.5].labels  # doctest: +SKIP
    ['dog', 'bicycle']
    """

    xyxy: np.ndarray
    confidence: np.ndarray
    class_id: np.ndarray
    mask: np.ndarray | None = None
    tracker_id: np.ndarray | None = None
    data: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    relative: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    classes: int = COCO_CLASSES

    @property
    def labels(self) -> list[str]:
        """The name of each object's class."""
        return [str(name) for name in self.data["class_name"]]

    def __len__(self) -> int:
        return len(self.xyxy)

    def __iter__(self) -> Iterator[tuple[Any, Any, Any, Any, Any, dict[str, Any]]]:
        """For each object: xyxy, mask, confidence, class_id, tracker_id, data."""
        for index in range(len(self)):
            yield (
                self.xyxy[index],
                None if self.mask is None else self.mask[index],
                self.confidence[index],
                self.class_id[index],
                None if self.tracker_id is None else self.tracker_id[index],
                _chosen(self.data, index),
            )

    def __getitem__(self, index: Index | str) -> Any:
        """Some of the objects, by number, slice, list of numbers, or mask; or with a text one item of ``data``."""
        if isinstance(index, str):
            return self.data[index]
        if isinstance(index, int | np.integer):
            index = [int(index)]
        chosen = np.arange(len(self))[np.array(index, np.int64) if isinstance(index, list) and not index else index]
        return Detections(
            self.xyxy[chosen],
            self.confidence[chosen],
            self.class_id[chosen],
            None if self.mask is None else self.mask[chosen],
            None if self.tracker_id is None else self.tracker_id[chosen],
            _chosen(self.data, chosen),
            self.metadata,
            self.relative[chosen],
            self.classes,
        )

    def __repr__(self) -> str:
        parts = [f"{label} {confidence:.0%}" for label, confidence in zip(self.labels, self.confidence, strict=True)]
        return f"<Detections {len(self)}: {', '.join(parts[:10])}{', ...' if len(parts) > 10 else ''}>"

    def to_coco(self, image_id: int, category_ids: Sequence[int] | None = None) -> list[dict[str, Any]]:
        """The results as the tools of COCO take them, one for each object.

        Args:
            image_id: number of the picture in the data set.
            category_ids: for each class its number in the data set, which in COCO has gaps; the class's own by default.

        Returns:
            ``image_id``, ``category_id``, ``bbox`` (left, top, width, height in pixels) and ``score`` of each.
        """
        return [
            {
                "image_id": image_id,
                "category_id": class_id if category_ids is None else int(category_ids[class_id]),
                "bbox": [left, top, right - left, bottom - top],
                "score": score,
            }
            for (left, top, right, bottom), class_id, score in zip(
                self.xyxy.tolist(), self.class_id.tolist(), self.confidence.tolist(), strict=True
            )
        ]

    def to_supervision(self) -> Any:
        """The same as a ``supervision.Detections``; ConfigError where that library is not installed."""
        try:
            import supervision  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            expected, remedy = "the library supervision", "Install it: pip install supervision"
            raise ConfigError("supervision cannot be imported", expected, remedy) from None
        return supervision.Detections(
            xyxy=self.xyxy,
            mask=self.mask,
            confidence=self.confidence,
            class_id=self.class_id,
            tracker_id=self.tracker_id,
            data=dict(self.data),
            metadata=dict(self.metadata),
        )

    def draw(self, image: Picture) -> np.ndarray:
        """The picture with boxes and labels drawn: a new array (h, w, 3) uint8; see `darknetpy.images.draw`.

        ``image`` is the path of the picture that was looked at, or an array (h, w, 3) uint8, red first.
        """
        from darknetpy.images.arrays import as_picture
        from darknetpy.images.draw import draw_detections

        picture = image if isinstance(image, np.ndarray) else as_picture(image)
        return draw_detections(picture, self, classes=self.classes)


def _chosen(data: Mapping[str, Any], index: int | np.ndarray) -> dict[str, Any]:
    return {name: np.asarray(values)[index] for name, values in data.items()}


def class_labels(names: Sequence[str] | None, count: int) -> np.ndarray:
    """The names of ``count`` classes, (count,) of str; ``class_<number>`` where there is none."""
    given = list(names or ())[:count]
    return np.array([*given, *(f"class_{number}" for number in range(len(given), count))], np.str_)


@lru_cache(maxsize=8)
def _labels_and_hidden(names: tuple[str, ...] | None, count: int) -> tuple[np.ndarray, np.ndarray]:
    """`class_labels`, and which of them are never shown, (count,) bool; the same for all pictures of a network."""
    labels = class_labels(names, count)
    return labels, np.strings.startswith(labels, HIDDEN)


def detections_of(
    candidates: Candidates,
    width: int,
    height: int,
    names: Sequence[str] | None = None,
    *,
    classes: Sequence[int] | None = None,
    best_class_only: bool = False,
) -> Detections:
    """Candidates, relative to a picture, as detections in it.

    Args:
        candidates: see `darknetpy.detection.decode`; every probability above 0 is a detection.
        width, height: of the picture, in pixels.
        names: of the classes; those that begin with "dont_show" are left out.
        classes: numbers of the classes to keep; all by default.
        best_class_only: of a box with several classes keep the most probable.
    """
    shown = candidates.probabilities
    labels, is_hidden = _labels_and_hidden(None if names is None else tuple(names), shown.shape[1])
    wanted = ~is_hidden if classes is None else ~is_hidden & np.isin(np.arange(len(labels)), classes)
    rows, class_ids = np.divmod(np.flatnonzero(shown != 0), shown.shape[1])  # faster than nonzero of two axes
    of_interest = wanted[class_ids]
    rows, class_ids = rows[of_interest], class_ids[of_interest]
    order = np.argsort(-shown[rows, class_ids], kind="stable")
    rows, class_ids = rows[order], class_ids[order]
    if best_class_only:
        first_of_box = np.sort(np.unique(rows, return_index=True)[1])
        rows, class_ids = rows[first_of_box], class_ids[first_of_box]
    boxes = candidates.boxes[rows]
    return Detections(
        xyxy=corners(boxes, width, height),
        confidence=shown[rows, class_ids].astype(np.float32),
        class_id=class_ids.astype(np.int64),
        data={"class_name": labels[class_ids], **_chosen(candidates.more, rows)},
        relative=boxes,
        classes=len(labels),
    )
