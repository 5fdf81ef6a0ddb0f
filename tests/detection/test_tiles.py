"""Large pictures in tiles: every pixel is seen, and each object is found once."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.detection.boxes import centres
from darknetpy.detection.detections import Detections
from darknetpy.detection.tiles import OVERLAP, Tile, detect_in_tiles, joined, merge, tiles_of

pytestmark = pytest.mark.quick
Box = tuple[float, float, float, float]


@pytest.mark.parametrize("size", [(100, 100), (101, 100), (250, 170), (1000, 90), (90, 1000), (401, 4001), (1, 1)])
def test_tiles_cover_the_picture_and_overlap(size: tuple[int, int]) -> None:
    width, height = size
    whole, *tiles = tiles_of(width, height, 100, 100)
    assert whole == Tile(0, 0, width, height)
    if width <= 100 and height <= 100:
        assert tiles == []
        return
    seen = np.zeros((height, width), int)
    for tile in tiles:
        assert (tile.width, tile.height) == (min(100, width), min(100, height))
        seen[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
    assert seen.min() == 1
    for starts in ({tile.left for tile in tiles}, {tile.top for tile in tiles}):
        steps = np.diff(sorted(starts))
        assert (steps <= 100 * (1 - OVERLAP) + 1).all()


def test_there_are_as_few_tiles_as_possible() -> None:
    assert len(tiles_of(100, 100, 100, 100)) == 1
    assert len(tiles_of(175, 100, 100, 100)) == 1 + 2
    assert len(tiles_of(176, 100, 100, 100)) == 1 + 3


def seen_in_tiles(objects: list[Box], tiles: list[Tile]) -> tuple[np.ndarray, np.ndarray]:
    """What a perfect detector finds: of each object the part in each tile, if it is not a sliver."""
    boxes, places = [], []
    for place, tile in enumerate(tiles):
        low, high = np.array(tile[:2]), np.array(tile[:2]) + tile[2:]
        for box in objects:
            left_top, right_bottom = np.maximum(box[:2], low), np.minimum(box[2:], high)
            if (right_bottom - left_top > 8).all():
                boxes.append([*left_top, *right_bottom])
                places.append(place)
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(places, int)


@pytest.mark.parametrize("with_whole", [True, False])
def test_each_object_is_found_once_and_whole(with_whole: bool) -> None:
    tiles = tiles_of(500, 300, 100, 100)
    objects: list[Box] = [
        (10, 10, 40, 40), (70, 20, 110, 60), (60, 150, 240, 190), (290, 60, 330, 250), (380, 120, 480, 220),
        (430, 5, 470, 30),
    ]  # fmt: skip
    boxes, places = seen_in_tiles(objects, tiles)
    if not with_whole:  # as if the network saw nothing at that size
        boxes, places = boxes[places > 0], places[places > 0]
    confidence = np.random.default_rng(3).uniform(0.3, 1, len(boxes))
    merged = merge(boxes, confidence, np.zeros(len(boxes), int), places, tiles, 0.45)
    assert sorted(map(tuple, merged.boxes.tolist())) == sorted(objects)
    assert (np.diff(merged.confidence) <= 0).all()


def test_halves_are_joined_one_after_the_other() -> None:
    tiles = tiles_of(500, 100, 100, 100)
    boxes, places = seen_in_tiles([(20, 10, 480, 90)], tiles)
    boxes, places = boxes[places > 0], places[places > 0]
    for confidence in (np.linspace(0.9, 0.3, len(boxes)), np.linspace(0.3, 0.9, len(boxes))):
        merged = merge(boxes, confidence, np.zeros(len(boxes), int), places, tiles, 0.45)
        assert merged.boxes.tolist() == [[20, 10, 480, 90]]


def test_classes_do_not_mix() -> None:
    tiles = tiles_of(160, 100, 100, 100)
    boxes = np.array([[70, 10, 90, 50]] * 2, np.float32)
    merged = merge(boxes, [0.9, 0.8], np.array([0, 1]), np.array([1, 2]), tiles, 0.45)
    assert merged.kept.tolist() == [0, 1]


def test_two_objects_side_by_side_stay_two() -> None:
    tiles = tiles_of(500, 100, 100, 100)
    objects: list[Box] = [(60, 10, 88, 90), (92, 10, 120, 90), (124, 10, 150, 90)]
    boxes, places = seen_in_tiles(objects, tiles)
    merged = merge(boxes, np.linspace(0.9, 0.5, len(boxes)), np.zeros(len(boxes), int), places, tiles, 0.45)
    assert sorted(map(tuple, merged.boxes.tolist())) == objects


def test_what_the_network_keeps_apart_in_one_tile_stays_apart() -> None:
    tiles = tiles_of(160, 100, 100, 100)
    boxes = np.array([[10, 10, 50, 50], [12, 10, 52, 50]], np.float32)
    assert len(merge(boxes, [0.9, 0.8], np.zeros(2, int), np.array([1, 1]), tiles, 0.45).kept) == 2


def test_a_kept_box_has_the_highest_confidence_of_what_it_stands_for() -> None:
    tiles = tiles_of(160, 100, 100, 100)
    boxes = np.array([[70, 10, 130, 50], [70, 10, 100, 50]], np.float32)  # whole, and cut at the border of a tile
    merged = merge(boxes, [0.4, 0.9], np.zeros(2, int), np.array([0, 1]), tiles, 0.45)
    assert merged.kept.tolist() == [0]
    assert merged.confidence.tolist() == [np.float32(0.9)]


def test_nothing_found_is_nothing_merged() -> None:
    tiles = tiles_of(160, 100, 100, 100)
    assert merge(np.zeros((0, 4)), [], np.zeros(0, int), np.zeros(0, int), tiles, 0.45).boxes.shape == (0, 4)


def bright_spots(pictures: list[np.ndarray]) -> list[Detections]:
    """A detector of one class: the box around all bright pixels of a picture."""
    found = []
    for picture in pictures:
        rows, columns = np.nonzero(picture[..., 0])
        boxes = [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]] if len(rows) else []
        xyxy = np.array(boxes, np.float32).reshape(-1, 4)
        height, width = picture.shape[:2]
        found.append(
            Detections(
                xyxy,
                np.full(len(xyxy), 0.8, np.float32),
                np.zeros(len(xyxy), np.int64),
                data={"class_name": np.array(["spot"] * len(xyxy), np.str_), "score": np.full(len(xyxy), 7)},
                relative=centres(xyxy, width, height),
            )
        )
    return found


@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_boxes_are_in_pixels_of_the_whole_picture(at_once: int) -> None:
    picture = np.zeros((300, 500, 3), np.uint8)
    picture[150:170, 320:350] = 255
    sizes = []

    def detect(tiles: list[np.ndarray]) -> list[Detections]:
        sizes.append(len(tiles))
        assert all(tile.flags.c_contiguous for tile in tiles)
        return bright_spots(tiles)

    found = detect_in_tiles(picture, 100, 100, detect, at_once=at_once)
    assert max(sizes) <= at_once
    assert found.xyxy.tolist() == [[320, 150, 350, 170]]
    assert found.labels == ["spot"]
    assert found.data["score"].tolist() == [7]
    np.testing.assert_allclose(found.relative, [[0.67, 160 / 300, 0.06, 20 / 300]], rtol=1e-6)


def test_a_picture_of_one_tile_is_detected_as_it_is() -> None:
    found = bright_spots([np.ones((50, 50, 3), np.uint8)])
    assert joined(found, tiles_of(50, 50, 100, 100), 0.45) is found[0]
