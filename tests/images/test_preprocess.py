from __future__ import annotations

import numpy as np
import pytest

from darknetpy.dialect import DIALECTS
from darknetpy.errors import ImageError
from darknetpy.images.crop import crop
from darknetpy.images.preprocess import PREPROCESSES, place, prepare
from darknetpy.images.resize import letterbox, resize, resize_min

SIZES = [(64, 48), (48, 64), (31, 31), (200, 3), (3, 200)]


def noise(width: int, height: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(width * 100 + height).integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("network", [(32, 32), (24, 40), (40, 24)])
def test_each_way_is_the_darknet_steps_one_after_another(size: tuple[int, int], network: tuple[int, int]) -> None:
    picture, (width, height) = noise(*size), network
    shorter = resize_min(picture, width)
    left, top = int((shorter.shape[2] - width) / 2), int((shorter.shape[1] - height) / 2)
    assert np.array_equal(prepare(picture, width, height, "crop"), crop(shorter, left, top, width, height))
    assert np.array_equal(prepare(picture, width, height, "letterbox"), letterbox(picture, width, height))
    assert np.array_equal(prepare(picture, width, height, "stretch"), resize(picture, width, height))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("how", PREPROCESSES)
def test_a_picture_goes_straight_into_its_slot_of_a_batch(how: str, channels: int) -> None:
    batch = np.full((3, channels, 20, 28), np.nan, np.float32)
    picture = noise(50, 40, channels)
    assert prepare(picture, 28, 20, how, out=batch[1]) is not None
    assert np.array_equal(batch[1], prepare(picture, 28, 20, how))
    assert np.isnan(batch[[0, 2]]).all()


@pytest.mark.parametrize(
    "out", [np.empty((3, 28, 20), np.float32), np.empty((3, 20, 28)), np.empty((1, 20, 28), np.float32)]
)
def test_an_output_that_does_not_fit_is_refused(out: np.ndarray) -> None:
    with pytest.raises(ImageError, match=r"\(3, 20, 28\), float32"):
        prepare(noise(50, 40), 28, 20, "stretch", out=out)


def test_an_unknown_way_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ImageError, match=r"preprocess='fill', expected one of crop, letterbox, stretch"):
        prepare(noise(50, 40), 28, 20, "fill")


def test_the_dialects_name_known_ways() -> None:
    assert {dialect.classifier_preprocess for dialect in DIALECTS.values()} <= set(PREPROCESSES)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("how", PREPROCESSES)
def test_what_is_seen_on_the_input_lies_at_its_place_in_the_picture(how: str, size: tuple[int, int]) -> None:
    """A ramp tells where each input pixel came from; the way back must agree within a pixel of either picture."""
    width, height = size
    columns = np.broadcast_to(np.linspace(0, 1, width, dtype=np.float32), (height, width))
    rows = np.broadcast_to(np.linspace(0, 1, height, dtype=np.float32)[:, np.newaxis], (height, width))
    seen = prepare(np.stack([columns, rows]), 36, 30, how)
    placement = place(width, height, 36, 30, how)
    y, x = 15, 18
    left, top, _, _ = placement.to_picture(np.array([x + 0.5, y + 0.5, 0, 0]))
    assert abs(seen[0, y, x] * (width - 1) + 0.5 - left) <= max(1, width / placement.scaled_width)
    assert abs(seen[1, y, x] * (height - 1) + 0.5 - top) <= max(1, height / placement.scaled_height)


def test_the_way_back_from_a_letterbox_does_not_round_the_margin() -> None:
    placement = place(40, 19, 27, 27, "letterbox")
    assert (placement.scaled_width, placement.scaled_height, placement.left, placement.top) == (27, 12, 0, 7)
    assert np.allclose(placement.to_picture(np.array([[0, 7.5, 27, 19.5]])), [[0, 0, 40, 19]])


def test_boxes_of_any_number_and_dtype_are_mapped_without_changing_them() -> None:
    boxes = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    before = boxes.copy()
    mapped = place(100, 50, 10, 10, "stretch").to_picture(boxes)
    assert mapped.shape == boxes.shape
    assert mapped.dtype == np.float64
    assert np.array_equal(boxes, before)
    assert np.allclose(mapped, before * [10, 5, 10, 5])


def test_an_enormous_strip_is_cut_without_enormous_tables() -> None:
    strip = np.broadcast_to(np.uint8(255), (1, 3_000_000, 1))
    assert (prepare(np.ascontiguousarray(strip), 224, 224, "crop") == 1).all()
