"""Detections as text."""

from __future__ import annotations

import json

import numpy as np
import pytest

from darknetpy.detection.boxes import centres, corners
from darknetpy.detection.detections import Detections
from darknetpy.detection.formats import (
    COCO_CATEGORY_IDS,
    category_ids,
    coco_results,
    darknet_json,
    darknet_lines,
    image_id,
    label_lines,
    label_path,
    plain,
)

pytestmark = pytest.mark.quick
WIDTH, HEIGHT = 200, 100
NAMES = ["person", 'a "dog"', "Åland\n"]


def found(*rows: tuple[list[float], float, int]) -> Detections:
    """Rows of centre x, centre y, width, height relative to the picture; confidence; class."""
    relative = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    class_id = np.array([row[2] for row in rows], np.int64)
    return Detections(
        xyxy=corners(relative, WIDTH, HEIGHT),
        confidence=np.array([row[1] for row in rows], np.float32),
        class_id=class_id,
        data={"class_name": np.array(NAMES)[class_id]},
        relative=relative,
    )


TWO = found(([0.5, 0.5, 0.25, 0.5], 0.973, 1), ([0.1, 0.9, 0.3, 0.4], 0.25, 0))


def test_our_own_form_has_corners_in_pixels() -> None:
    assert plain(TWO) == [
        {"class_id": 1, "label": 'a "dog"', "confidence": pytest.approx(0.973), "box": [75, 25, 125, 75]},
        {"class_id": 0, "label": "person", "confidence": 0.25, "box": [0, 70, 50, 100]},
    ]
    json.dumps(plain(TWO))
    assert plain(found()) == []


def test_lines_look_like_darknets() -> None:
    assert darknet_lines(TWO) == [
        'a "dog": 97%\t(left_x:   75   top_y:   25   width:   50   height:   50)',
        "person: 25%\t(left_x:    0   top_y:   70   width:   50   height:   30)",
    ]
    assert darknet_lines(found(([0.5, 0.5, 1, 1], 1, 2)))[0].startswith("Åland\\n: 100%\t")


def test_json_has_the_bytes_of_darknets_layout() -> None:
    expected = (
        '{\n "frame_id":3, \n "filename":"a.jpg", \n "objects": [ \n'
        '  {"class_id":1, "name":"a \\"dog\\"", "relative_coordinates":{"center_x":0.500000, "center_y":0.500000, '
        '"width":0.250000, "height":0.500000}, "confidence":0.973000}, \n'
        '  {"class_id":0, "name":"person", "relative_coordinates":{"center_x":0.100000, "center_y":0.900000, '
        '"width":0.300000, "height":0.400000}, "confidence":0.250000}\n ] \n}'
    )
    assert darknet_json(TWO, "a.jpg", 3) == expected
    assert json.loads(expected)["objects"][0]["name"] == NAMES[1]
    assert darknet_json(found(), "a.jpg", 1) == '{\n "frame_id":1, \n "filename":"a.jpg", \n "objects": [ \n\n ] \n}'


def test_coco_results_have_left_top_width_height() -> None:
    assert coco_results(TWO, "val/000000000139.jpg", category_ids(80, None)) == [
        {"image_id": 139, "category_id": 2, "bbox": [75, 25, 50, 50], "score": 0.973},
        {"image_id": 139, "category_id": 1, "bbox": [0, 70, 50, 30], "score": 0.25},
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("000000000139.jpg", 139), ("a/COCO_val2014_000000000042.jpg", 42), ("dog.jpg", "dog"), ("dog2.jpg", "dog2"),
        ("dog_2.jpg", 2), ("v1.2.png", "v1.2"), ("7", 7), ("x_" + "9" * 30 + ".jpg", "x_" + "9" * 30),
        ("\N{ARABIC-INDIC DIGIT ONE}.jpg", "\N{ARABIC-INDIC DIGIT ONE}"),
    ],
)  # fmt: skip
def test_numbers_of_pictures_come_from_their_names(path: str, expected: int | str) -> None:
    assert image_id(path) == expected


def test_categories_of_coco_have_gaps_and_others_have_not() -> None:
    assert len(COCO_CATEGORY_IDS) == 80
    gaps = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    assert set(COCO_CATEGORY_IDS) == set(range(1, 91)) - gaps
    assert category_ids(80, ["person", *["x"] * 78, "toothbrush"]) == COCO_CATEGORY_IDS
    assert list(category_ids(80, ["x"] * 80)) == list(range(1, 81))
    assert list(category_ids(3, None)) == [1, 2, 3]


def test_label_lines_are_relative_and_inside_the_picture() -> None:
    assert label_lines(TWO, WIDTH, HEIGHT) == [
        "1 0.500000 0.500000 0.250000 0.500000",
        "0 0.125000 0.850000 0.250000 0.300000",
    ]


def test_of_one_box_the_label_is_the_most_probable_class() -> None:
    box, other = [0.5, 0.5, 0.25, 0.5], [0.5, 0.5, 0.25, 0.6]
    lines = label_lines(found((box, 0.9, 2), (other, 0.8, 1), (box, 0.7, 0)), WIDTH, HEIGHT)
    assert [line[0] for line in lines] == ["2", "1"]


@pytest.mark.parametrize(
    ("picture", "labels"),
    [
        ("street/1.PNG", "street/1.txt"),
        ("coco/images/train2017/9.jpg", "coco/labels/train2017/9.txt"),
        ("coco/images/val2014/9.jpg", "coco/labels/val2014/9.txt"),
        ("VOC2007/JPEGImages/9.jpeg", "VOC2007/labels/9.txt"),
        ("my/images/9.webp", "my/images/9.txt"),
        ("a.b/c.d", "a.b/c.d.txt"),
        ("a.b/c", "a.b/c.txt"),
        ("v1.2.jpg", "v1.2.txt"),
    ],
)
def test_labels_lie_where_darknet_looks_for_them(picture: str, labels: str) -> None:
    assert label_path(picture) == labels


def test_centres_are_the_way_back_from_corners() -> None:
    boxes = np.array([[0.5, 0.4, 0.2, 0.6], [0.25, 0.5, 0.5, 1]], np.float32)
    np.testing.assert_allclose(centres(corners(boxes, 640, 480), 640, 480), boxes, atol=1e-6)
