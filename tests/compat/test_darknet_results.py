"""What the ctypes module's functions make of detections."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.compat.darknet_results import (
    bbox2points,
    class_colors,
    decode_detection,
    draw_boxes,
    print_detections,
    remove_negatives,
    remove_negatives_faster,
)
from darknetpy.compat.darknet_structures import BOX, DETECTION
from darknetpy.errors import ImageError

NAMES = ["cat", "dog", "zebra crossing"]
BOUNDS = (50.0, 40.0, 20.0, 10.0)


def detection(*probabilities: float) -> DETECTION:
    values = np.array(probabilities, np.float32)
    best = int(values.argmax()) if values.any() else -1
    return DETECTION(BOX(*BOUNDS), len(values), best, values)


def test_corners_of_a_box() -> None:
    assert bbox2points(BOUNDS) == (40, 35, 60, 45)
    assert bbox2points((0.0, 0.0, 3.0, 5.0)) == (-2, -2, 2, 2)  # halves go to the even number, as in Python


def test_every_class_of_a_detection_counts() -> None:
    found = [detection(0, 0.25, 0.5), detection(0, 0, 0), detection(0.75, 0, 0)]
    assert remove_negatives(found, NAMES, 3) == [
        ("dog", 0.25, BOUNDS),
        ("zebra crossing", 0.5, BOUNDS),
        ("cat", 0.75, BOUNDS),
    ]
    assert remove_negatives(found, NAMES, 1) == [("dog", 0.25, BOUNDS), ("zebra crossing", 0.5, BOUNDS)]
    assert remove_negatives_faster(found, NAMES, 3) == [("zebra crossing", 0.5, BOUNDS), ("cat", 0.75, BOUNDS)]


def test_percent_as_text() -> None:
    found = decode_detection([("dog", float(np.float32(0.9731)), BOUNDS), ("cat", 1.0, BOUNDS)])
    assert [confidence for _, confidence, _ in found] == ["97.31", "100.0"]


def test_printed_lines(capsys: pytest.CaptureFixture[str]) -> None:
    found = [("dog", "97.31", (50.4, 40.6, 20.0, 10.0))]
    print_detections(found)
    print_detections(found, True)
    assert capsys.readouterr().out == (
        "\nObjects:\ndog: 97.31%\n\nObjects:\ndog: 97.31%    (left_x: 50   top_y:  41   width:   20   height:  10)\n"
    )


def test_a_colour_for_each_class() -> None:
    colours = class_colors(NAMES)
    assert list(colours) == NAMES
    assert len(set(colours.values())) == 3
    assert all(0 <= value <= 255 for colour in colours.values() for value in colour)


def test_frame_and_label_are_drawn_into_the_picture() -> None:
    picture = np.full((80, 200, 3), 100, np.uint8)
    drawn = draw_boxes([("dog", "97.31", (100.0, 50.0, 60.0, 20.0))], picture, {"dog": (1, 2, 250)})
    assert drawn is picture
    frame = np.zeros((80, 200), bool)
    frame[[40, 60], 70:131] = True
    frame[40:61, [70, 130]] = True
    assert (picture[frame] == (1, 2, 250)).all()
    changed = (picture != 100).any(axis=2) & ~frame
    rows, columns = np.nonzero(changed)
    assert rows.max() < 40  # the label stands above the box
    assert columns.min() >= 70
    assert changed.sum() > 50


@pytest.mark.parametrize(
    "bbox", [(0.0, 0.0, 1000.0, 1000.0), (199.0, 1.0, 10.0, 10.0), (-50.0, -50.0, 10.0, 10.0), (10.0, 300.0, 5.0, 5.0)]
)
def test_boxes_beyond_the_border_do_no_harm(bbox: tuple[float, float, float, float]) -> None:
    picture = np.zeros((40, 200, 3), np.uint8)
    draw_boxes([("a very long name of a class, longer than the picture is wide", 0.5, bbox)], picture, _AnyColour())
    assert picture.any()  # the label at least can be seen


class _AnyColour(dict[str, tuple[int, int, int]]):
    def __missing__(self, key: str) -> tuple[int, int, int]:
        return 255, 255, 255


@pytest.mark.parametrize(
    "picture",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32),
     np.broadcast_to(np.uint8(0), (8, 8, 3))],
)  # fmt: skip
def test_what_cannot_be_drawn_into_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(ImageError, match="that can be written to"):
        draw_boxes([], picture, {})
