"""Drawing detections: frames, labels, and what must never happen."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from darknetpy.errors import ImageError
from darknetpy.images.colours import class_colour
from darknetpy.images.draw import COVERED, draw_detections

pytestmark = pytest.mark.quick
GREY = 120
Row = tuple[tuple[float, float, float, float], float, int, str]


def found(*rows: Row) -> SimpleNamespace:
    return SimpleNamespace(
        xyxy=np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        confidence=np.array([row[1] for row in rows], np.float32),
        class_id=np.array([row[2] for row in rows], np.int64),
        labels=[row[3] for row in rows],
    )


def grey(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def is_colour(picture: np.ndarray, class_id: int, classes: int = 80) -> np.ndarray:
    return (picture == class_colour(class_id, classes)).all(axis=-1)


def test_the_picture_itself_is_not_changed() -> None:
    picture = grey(100, 80)
    out = draw_detections(picture, found(((10, 30, 60, 70), 0.9, 1, "dog")))
    assert (picture == GREY).all()
    assert out.shape == picture.shape
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(draw_detections(picture, found()), picture)


def test_a_frame_lies_on_the_edge_of_the_box_and_inside() -> None:
    out = draw_detections(grey(200, 160), found(((20, 60, 120, 140), 0.9, 1, "dog")))
    framed = is_colour(out, 1)
    below_label = framed[62:]
    rows, columns = np.nonzero(below_label)
    assert (rows.max() + 62, columns.min(), columns.max()) == (140, 20, 120)
    assert framed[140, 20:121].all()
    assert framed[60:141, 20].all()
    assert framed[60:141, 120].all()
    assert (out[70:130, 30:110] == GREY).all(), "inside nothing is hidden"


@pytest.mark.parametrize(("side", "line"), [(100, 1), (1000, 3), (4000, 12)])
def test_lines_grow_with_the_picture(side: int, line: int) -> None:
    box = (side * 0.2, side * 0.3, side * 0.8, side * 0.8)
    framed = is_colour(draw_detections(grey(side, side), found((box, 0.9, 1, "dog"))), 1)
    assert framed[side // 2, : side // 2].sum() == line


@pytest.mark.parametrize("side", [200, 1000, 4000])
def test_labels_grow_with_the_picture_and_stay_legible(side: int) -> None:
    box = (side * 0.2, side * 0.5, side * 0.4, side * 0.8)
    out = draw_detections(grey(side, side), found((box, 0.9, 1, "dog")))
    above = is_colour(out, 1)[: side // 2].any(axis=1).sum()
    assert max(12, side * 0.02) <= above <= max(20, side * 0.04)


@pytest.mark.parametrize(
    "box",
    [(0, 0, 30, 30), (170, 0, 200, 30), (170, 120, 200, 150), (0, 120, 30, 150), (0, 0, 200, 150), (60, 2, 90, 12)],
)
def test_labels_are_inside_the_picture_whole(box: tuple[float, float, float, float]) -> None:
    def ink(picture: np.ndarray) -> int:
        return int(((picture < 60).all(axis=-1)).sum())

    somewhere = ink(draw_detections(grey(200, 150), found(((80, 70, 120, 90), 0.9, 1, "dog"))))
    assert somewhere > 50
    assert ink(draw_detections(grey(200, 150), found((box, 0.9, 1, "dog")))) == pytest.approx(somewhere, abs=3)


@pytest.mark.parametrize(
    "box",
    [
        (-50, -50, 20, 20), (190, 140, 900, 900), (500, 500, 600, 600), (50, 50, 50, 50), (60, 60, 40, 40),
        (np.nan, np.nan, np.nan, np.nan), (-np.inf, 0, np.inf, 10), (1e9, 1e9, 2e9, 2e9), (199.9, 149.9, 200, 150),
    ],
)  # fmt: skip
def test_no_box_is_too_strange(box: tuple[float, float, float, float]) -> None:
    assert is_colour(draw_detections(grey(200, 150), found((box, 0.9, 1, "dog"))), 1).any()


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (20, 20)])
def test_no_picture_is_too_small(size: tuple[int, int]) -> None:
    box = (0, 0, *size)
    assert draw_detections(grey(*size), found((box, 0.9, 1, "dog"))).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("name", ["", "собака", "كلب", "狗", "🐶", "a\x1b[2J\n", "\ud800", "long " * 500])
def test_no_name_is_too_strange(name: str) -> None:
    assert is_colour(draw_detections(grey(200, 150), found(((50, 50, 90, 90), 0.9, 1, name))), 1).any()


def test_the_most_probable_is_drawn_on_top() -> None:
    rows = [((20, 60, 120, 140), 0.5, 1, "dog"), ((20, 60, 120, 140), 0.9, 2, "cat")]
    for order in (rows, rows[::-1]):
        out = draw_detections(grey(200, 160), found(*order))
        assert is_colour(out, 2)[140, 20:121].all()


def test_labels_of_one_place_do_not_hide_each_other() -> None:
    rows = [((40, 60, 140, 140), 0.9 - number / 10, number, "some name") for number in range(5)]
    out = draw_detections(grey(200, 160), found(*rows))
    alone = [draw_detections(grey(200, 160), found((box, 0.9, number, name))) for box, _, number, name in rows]
    for number, one in enumerate(alone):
        label = is_colour(one, number).sum() - 2 * 100 - 2 * 80
        assert is_colour(out, number).sum() > 0.8 * label, f"label {number} is hidden"


def test_in_a_crowd_frames_stay_visible_and_labels_whole() -> None:
    random = np.random.default_rng(1)
    rows = []
    for number in range(300):
        left, top = random.uniform(0, 750), random.uniform(0, 550)
        box = (left, top, left + random.uniform(10, 50), top + random.uniform(10, 50))
        rows.append((box, random.uniform(0.25, 1), number % 80, "traffic light"))
    out = draw_detections(grey(800, 600), found(*rows))
    hidden = (out != GREY).any(axis=-1).mean()
    assert COVERED / 2 < hidden < COVERED + 0.3


def test_in_a_crowd_each_label_is_whole_or_absent() -> None:
    random = np.random.default_rng(2)
    corners = random.uniform((50, 50), (250, 150), (60, 2))
    rows = [((x, y, x + 2, y + 2), 0.5, number, "traffic light") for number, (x, y) in enumerate(corners)]
    out = draw_detections(grey(800, 600), found(*rows), classes=60)
    shown = [is_colour(out, number, 60).sum() for number in range(60)]
    assert all(count <= 9 or count >= 0.9 * max(shown) for count in shown)
    assert 10 < sum(count > 9 for count in shown) < 60


def test_grey_pictures_become_colour_pictures() -> None:
    for picture in (np.full((80, 100), GREY, np.uint8), np.full((80, 100, 1), GREY, np.uint8)):
        out = draw_detections(picture, found(((10, 30, 60, 70), 0.9, 1, "dog")))
        assert out.shape == (80, 100, 3)
        assert is_colour(out, 1).any()


def test_colours_depend_on_the_number_of_classes() -> None:
    out = draw_detections(grey(100, 80), found(((10, 30, 60, 70), 0.9, 1, "dog")), classes=2)
    assert is_colour(out, 1, 2).any()
    assert not is_colour(out, 1, 80).any()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 20, 20), np.uint8), np.zeros((20, 20, 4), np.uint8), np.zeros((20, 20, 3), np.float32),
        np.zeros((0, 20, 3), np.uint8), np.zeros(20, np.uint8),
    ],
)  # fmt: skip
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ImageError, match="expected"):
        draw_detections(array, found())
