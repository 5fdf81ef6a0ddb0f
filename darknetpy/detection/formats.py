"""Detections of a picture as text: Darknet's lines, its JSON, COCO results, and label files.

Source: AlexeyAB/darknet src/image.c (draw_detections_v3), src/network.c (detection_to_json), src/detector.c
(print_cocos, test_detector), src/utils.c (replace_image_to_label).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from darknetpy.detection.boxes import centres
from darknetpy.detection.detections import Detections
from darknetpy.errors import printable
from darknetpy.images.formats import EXTENSIONS

COCO_CATEGORY_IDS = (
    *range(1, 12), *range(13, 26), 27, 28, *range(31, 45), *range(46, 66), 67, 70, *range(72, 83), *range(84, 91),
)  # fmt: skip
"""The numbers that COCO gives to the 80 classes which are left of its first 91."""
_COCO_FIRST_AND_LAST = ("person", "toothbrush")
_PLACES_OF_LABELS = (
    ("/images/train2017/", "/labels/train2017/"),
    ("/images/val2017/", "/labels/val2017/"),
    ("/JPEGImages/", "/labels/"),
    ("/images/train2014/", "/labels/train2014/"),
    ("/images/val2014/", "/labels/val2014/"),
)
_LAST_NUMBER = re.compile(r"(?:.*_)?([0-9]{1,18})", re.DOTALL)


def plain(detections: Detections) -> list[dict[str, Any]]:
    """Our own form: ``{"class_id", "label", "confidence", "box": [left, top, right, bottom]}``, boxes in pixels of the
    picture, rounded to hundredths.
    """
    return [
        {"class_id": class_id, "label": label, "confidence": confidence, "box": [round(edge, 2) for edge in box]}
        for class_id, label, confidence, box in _rows(detections)
    ]


def darknet_lines(detections: Detections) -> list[str]:
    """What Darknet prints with ``-ext_output``: name, percent, and after a tab the box in whole pixels.

    >>> darknet_lines(found)  # doctest: +SKIP
    ['dog: 97%\\t(left_x:  114   top_y:  128   width:  458   height:  299)']
    """
    return [
        f"{printable(label)}: {100 * confidence:.0f}%\t"
        f"(left_x: {left:4.0f}   top_y: {top:4.0f}   width: {right - left:4.0f}   height: {bottom - top:4.0f})"
        for _, label, confidence, (left, top, right, bottom) in _rows(detections)
    ]


def darknet_json(detections: Detections, path: str, frame_id: int) -> str:
    """A picture in the layout of Darknet's ``-out FILE``, one object for each box and class; boxes are not clipped.

    Pictures are separated by ``, \\n``; the document begins with ``[\\n`` and ends with ``\\n]``. Names are written
    as JSON strings, with escapes where they need some, which Darknet forgets.
    """
    objects = ", \n".join(
        f'  {{"class_id":{class_id}, "name":{json.dumps(label)}, "relative_coordinates":{{'
        f'"center_x":{x:f}, "center_y":{y:f}, "width":{w:f}, "height":{h:f}}}, "confidence":{confidence:f}}}'
        for (class_id, label, confidence, _), (x, y, w, h) in zip(
            _rows(detections), detections.relative.tolist(), strict=True
        )
    )
    return f'{{\n "frame_id":{frame_id}, \n "filename":{json.dumps(path)}, \n "objects": [ \n{objects}\n ] \n}}'


def coco_results(detections: Detections, path: str, category_ids: Sequence[int]) -> list[dict[str, Any]]:
    """COCO's form of results: ``{"image_id", "category_id", "bbox": [left, top, width, height], "score"}``."""
    image = image_id(path)
    return [
        {
            "image_id": image,
            "category_id": category_ids[class_id],
            "bbox": [round(edge, 2) for edge in (left, top, right - left, bottom - top)],
            "score": round(confidence, 5),
        }
        for class_id, _, confidence, (left, top, right, bottom) in _rows(detections)
    ]


def image_id(path: str) -> int | str:
    """COCO's number of a picture, which is in its file name; for other names, the name without its extension.

    >>> image_id("val2014/COCO_val2014_000000000139.jpg"), image_id("dog.jpg")
    (139, 'dog')
    """
    stem = PurePath(path).stem
    number = _LAST_NUMBER.fullmatch(stem)
    return int(number[1]) if number and stem.isascii() else stem


def category_ids(classes: int, names: Sequence[str] | None) -> Sequence[int]:
    """COCO's numbers for its 80 classes, which have gaps; 1, 2, 3, ... for other classes.

    >>> category_ids(80, None)[11], category_ids(2, ["cat", "dog"])[1]
    (13, 2)
    """
    is_coco = classes == len(COCO_CATEGORY_IDS) and (not names or (names[0], names[-1]) == _COCO_FIRST_AND_LAST)
    return COCO_CATEGORY_IDS if is_coco else range(1, classes + 1)


def label_lines(detections: Detections, width: int, height: int) -> list[str]:
    """The lines of a label file: class, centre x and y, width and height relative to the picture, one line a box.

    Of several classes of one box the most probable is taken.
    """
    lines: dict[tuple[float, ...], str] = {}  # of a box, the first is the most probable
    for (class_id, _, _, box), (x, y, w, h) in zip(
        _rows(detections), centres(detections.xyxy, width, height).tolist(), strict=True
    ):
        lines.setdefault(tuple(box), f"{class_id} {x:.6f} {y:.6f} {w:.6f} {h:.6f}")
    return list(lines.values())


def label_path(path: str) -> str:
    """Where Darknet looks for the labels of a picture: beside it, or in ``labels`` for the folders of COCO and VOC.

    >>> label_path("coco/images/train2017/000000000009.jpg"), label_path("street/1.PNG")
    ('coco/labels/train2017/000000000009.txt', 'street/1.txt')
    """
    place = PurePath(path).as_posix()
    for pictures, labels in _PLACES_OF_LABELS:
        place = place.replace(pictures, labels, 1)
    stem, dot, extension = place.rpartition(".")
    return str(PurePath((stem if dot + extension.lower() in EXTENSIONS else place) + ".txt"))


def _rows(detections: Detections) -> Iterator[tuple[int, str, float, list[float]]]:
    """Class number, name, confidence and box of each detection, as Python's own numbers."""
    return zip(
        detections.class_id.tolist(),
        detections.labels,
        detections.confidence.tolist(),
        detections.xyxy.tolist(),
        strict=True,
    )
