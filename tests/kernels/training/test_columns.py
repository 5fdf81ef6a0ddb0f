"""Gradients by the input, scattered tap by tap, against the same in float64."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.tiles import run_tiles
from darknetpy.kernels.training.columns import scatter
from darknetpy.training.fast.geometry import Cells
from tests.kernels.running import block, run
from tests.kernels.training.correlation import Shape
from tests.kernels.training.lines import Finished, Loaded, finishes
from tests.kernels.training.lines import numbers as random
from tests.kernels.training.test_convolution import IMAGES
from tests.kernels.training.test_filters import packed
from tests.kernels.training.test_transforms import aligned
from tests.kernels.training.test_weight_gradients import gradient_lines

NEAR = 2e-5
SHAPES = [
    Shape(40, 7, 6, 20),
    Shape(20, 9, 8, 17, stride_y=2, stride_x=2),
    Shape(17, 9, 10, 33, size=1, padding=0, stride_y=2, stride_x=2),
    Shape(20, 9, 8, 17, size=5, padding=2, stride_y=2, stride_x=3),
    Shape(112, 9, 9, 7, padding=2, dilation=2),
    Shape(33, 1, 1, 5),
    Shape(16, 11, 12, 20, size=2, padding=0, stride_y=3, stride_x=3),
    Shape(16, 12, 11, 16, size=4, padding=0, stride_y=4, stride_x=4),
    Shape(5, 6, 7, 40, size=3, padding=0, stride_y=1, stride_x=2),
    Shape(16, 2, 2, 16, size=7, padding=3),
    Shape(16, 4, 5, 16, size=1, padding=2),
]


def scattered(shape: Shape, by_z: Loaded, weights: np.ndarray, finished: Finished, shares: int = 1) -> None:
    """Run the parts of ``finished``, and shares of the groups."""
    output, source = (shape.filters, shape.out_height, shape.out_width), (shape.channels, shape.height, shape.width)
    cells = Cells(IMAGES, output, source, 1, (1, 1), 1, 0, 0)
    rows = -(-IMAGES * shape.height // finished.parts)
    count = min(shape.out_height, (rows - 1 + shape.reach - 1) // shape.stride_y + 2) * shape.out_width
    band, gathered = rows * shape.width * LINE, cells.planes * cells.plane_step(count)
    array = packed(weights.swapaxes(0, 1), cells.inner_depth, cells.group)  # the taps as they are
    filters = aligned(array.size)
    filters[:] = array
    run(
        scatter, finished.parts * shares,
        scratch_bytes=cells.group * (band + count * LINE) + gathered + LINE,
        loading=by_z.record(), finishing=finished.record(), weights=filters, zeros=np.zeros(4 * LANES, np.float32),
        offsets=cells.offsets(count), tiles=float(run_tiles.address), images=IMAGES, height=shape.out_height,
        width=shape.out_width, blocks=cells.planes, out_height=shape.height, out_width=shape.width,
        out_blocks=cells.out_blocks, steps=cells.steps, turns=cells.turns, depth=cells.depth, group=cells.group,
        accumulators=cells.accumulators, parts=finished.parts, shares=shares, plane_step=cells.plane_step(count),
        band_bytes=band, gathered=gathered, **shape.fields,
    )  # fmt: skip


@pytest.mark.parametrize(("parts", "shares"), [(1, 1), (2, 1), (5, 2), (99, 1)])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_by_the_input(shape: Shape, parts: int, shares: int) -> None:
    by_z, gradient = gradient_lines(shape)
    weights = random(shape.filters, shape.channels, shape.taps, seed=2) / np.float32(shape.filters * shape.size)
    expected = block(shape.by_input(gradient, weights)).astype(np.float64)
    for finished in finishes(*expected.shape[:3], min(parts, IMAGES * shape.height)):
        scattered(shape, by_z, weights, finished, shares)
        finished.check(expected, NEAR)


def test_the_same_bits_however_it_is_divided() -> None:
    shape = SHAPES[3]
    by_z, _ = gradient_lines(shape)
    weights = random(shape.filters, shape.channels, shape.taps, seed=2)
    size = (IMAGES, blocks_of(shape.channels), shape.height * shape.width, LANES)
    found = []
    for parts, shares in [(1, 1), (4, 1), (3, 2)]:
        finished = Finished(np.full(size, np.nan, np.float32), parts)
        scattered(shape, by_z, weights, finished, shares)
        found.append(finished.out)
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
