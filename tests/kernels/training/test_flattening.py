"""Pictures as rows and back, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.training.flattening import FLATTENING_SCRATCH, flatten, flatten_back
from tests.kernels.running import LANES, run, unblock
from tests.kernels.training.lines import activated, finishes, numbers

SHAPES = [(16, 1, 3), (20, 3, 5), (33, 2, 2), (1, 28, 28), (3, 7, 90), (48, 4, 4)]


@pytest.mark.parametrize(("channels", "height", "width"), SHAPES)
def test_rows_have_the_values_in_order(channels: int, height: int, width: int) -> None:
    """Channel, row, column; and 0 behind the last one."""
    blocks, values = -(-channels // LANES), channels * height * width
    source = activated(2, blocks, height * width)
    rows, given = np.full((2, -(-values // LANES) * LANES), np.nan, np.float32), source.record()
    run(
        flatten, 2 * blocks, scratch_bytes=FLATTENING_SCRATCH, source=given, out=rows, out_image=rows.strides[0],
        blocks=blocks, channels=channels, pixels=height * width,
    )  # fmt: skip
    expected = unblock(source.meaning(), channels, height, width).reshape(2, values)
    np.testing.assert_allclose(rows[:, :values], expected, rtol=2e-5, atol=2e-5)
    assert not rows[:, values:].any()


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(("channels", "height", "width"), SHAPES)
def test_gradients_by_rows_become_pictures(channels: int, height: int, width: int, parts: int) -> None:
    blocks, values, pixels = -(-channels // LANES), channels * height * width, height * width
    rows = numbers(2, -(-values // LANES) * LANES)
    planar = np.zeros((2, blocks * LANES, pixels))
    planar[:, :channels] = rows[:, :values].reshape(2, channels, pixels)
    expected = planar.reshape(2, blocks, LANES, pixels).transpose(0, 1, 3, 2)
    for finished in finishes(2, blocks, pixels, parts):
        writing = finished.record()
        run(
            flatten_back, parts * blocks, scratch_bytes=FLATTENING_SCRATCH, gradient=rows,
            gradient_image=rows.strides[0], finishing=writing, images=2, blocks=blocks, channels=channels,
            pixels=pixels, parts=parts,
        )  # fmt: skip
        finished.check(expected)
