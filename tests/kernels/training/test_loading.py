"""Lines as they are read: through factors, shifts, a second array and an activation, or as they are."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.operations import integers, operation, record_type
from darknetpy.kernels.operations import reader as reader_of
from darknetpy.kernels.training.loading import load_lines, read_loading
from tests.kernels.running import LANES, run, strides
from tests.kernels.training.lines import Loaded, activated, numbers

READING = record_type(**integers("loading", "out", "out_plane", "out_image", "blocks", "pixel", "count"))
_read = reader_of(READING)


@operation(READING)
def read_some(record: int, chunk: int, scratch: int) -> None:
    """Some lines of a block (chunk) of an image."""
    reading = _read(record)
    image, block = chunk // reading.blocks, chunk % reading.blocks
    out = reading.out + image * reading.out_image + block * reading.out_plane
    load_lines(read_loading(reading.loading), image, block, reading.pixel, reading.count, out)


def read(loaded: Loaded, pixel: int, count: int) -> np.ndarray:
    n, blocks, _, _ = loaded.array.shape
    out = np.full((n, blocks, count, LANES), np.nan, np.float32)
    record = loaded.record()
    run(read_some, n * blocks, **strides("out", out), loading=record, blocks=blocks, pixel=pixel, count=count)
    return out


@pytest.mark.parametrize(("pixel", "count"), [(0, 15), (3, 1), (14, 1), (2, 9)])
@pytest.mark.parametrize("slope", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("second", [False, True])
def test_values_are_made_from_arrays_factors_and_shifts(pixel: int, count: int, slope: float, second: bool) -> None:
    loaded = activated(2, 3, 15, slope)
    if second:
        loaded.other, loaded.other_factors = numbers(2, 3, 15, LANES, seed=7), numbers(3, LANES, seed=8)
    found = read(loaded, pixel, count)
    np.testing.assert_allclose(found, loaded.meaning()[:, :, pixel : pixel + count], atol=2e-6)


def test_without_factors_an_array_is_taken_as_it_is() -> None:
    loaded = Loaded(numbers(2, 3, 15, LANES), slope=0.0)
    np.testing.assert_array_equal(read(loaded, 4, 7), loaded.array[:, :, 4:11])


@pytest.mark.parametrize("second", [False, True])
def test_nan_stays_in_its_place(second: bool) -> None:
    loaded = activated(1, 1, 4)
    if second:
        loaded.other, loaded.other_factors = numbers(1, 1, 4, LANES, seed=7), numbers(1, LANES, seed=8)
        loaded.other[0, 0, 1, 2] = np.nan
    else:
        loaded.array[0, 0, 1, 2] = np.nan
    found = np.isnan(read(loaded, 0, 4))
    assert found[0, 0, 1, 2]
    assert found.sum() == 1
