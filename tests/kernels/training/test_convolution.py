"""Convolutions of training against sums over taps in float64, with everything that comes in and goes out."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.tiles import run_tiles
from darknetpy.kernels.training.convolution import convolve
from darknetpy.kernels.training.gathering import GATHERING, gather
from darknetpy.kernels.winograd import forward, inverse
from darknetpy.training.fast.geometry import Cells
from tests.kernels.running import block, run
from tests.kernels.training.correlation import Shape, planar
from tests.kernels.training.lines import Finished, Loaded, activated, finishes
from tests.kernels.training.lines import numbers as random
from tests.kernels.training.test_filters import at_points, packed
from tests.kernels.training.test_transforms import aligned

IMAGES = 2
NEAR = 2e-5
SHAPES = [
    Shape(40, 7, 6, 20),
    Shape(7, 5, 9, 33, size=1, padding=0),
    Shape(20, 9, 8, 17, size=5, padding=2, stride_y=2, stride_x=3),
    Shape(16, 9, 9, 112, padding=2, dilation=2),
    Shape(33, 1, 1, 5, size=3),
    Shape(40, 9, 11, 20, form=2),
    Shape(3, 5, 6, 50, form=4, padding=0),
    Shape(50, 13, 7, 112, form=4, padding=2),
]


def cells_of(shape: Shape, *, picture: bool = False) -> Cells:
    source, output = (shape.channels, shape.height, shape.width), (shape.filters, shape.out_height, shape.out_width)
    strides = (shape.stride_y, shape.stride_x)
    return Cells(IMAGES, source, output, shape.size, strides, shape.dilation, shape.padding, shape.form, picture)


def gathering_of(cells: Cells, loading: np.ndarray, count: int, out: np.ndarray | None, parts: int) -> np.ndarray:
    """The record of how cells are gathered, ``count`` of them in a plane."""
    record = np.zeros(1, GATHERING)
    fields = {
        "loading": loading.ctypes.data, "forward": forward.address, "images": IMAGES, "planes": cells.planes,
        "height": cells.source[1], "width": cells.source[2], "padding": cells.padding, "size": cells.size,
        "stride_x": cells.strides[1], "stride_y": cells.strides[0], "dilation": cells.dilation, "form": cells.form,
        "tile": cells.tile, "window": cells.window, "rows": cells.rows, "across": cells.across,
        "point_step": cells.point_step(count), "plane_step": cells.plane_step(count), "planar": int(cells.planar),
        "out": 0 if out is None else out.ctypes.data, "parts": parts,
    }  # fmt: skip
    for name, value in fields.items():
        record[name] = value
    return record


def packed_filters(cells: Cells, weights: np.ndarray) -> np.ndarray:
    """As the tiles read them: of pixels one product goes over all taps."""
    points = at_points(weights, cells.form)
    if cells.form == 0:
        lanes, ks, taps = points.shape
        deep = np.zeros((lanes, taps, cells.inner_depth), np.float32)
        deep[:, :, :ks] = points.swapaxes(1, 2)
        points = deep.reshape(lanes, -1, 1)
    array = packed(points.astype(np.float32), cells.depth, cells.group)
    lines = aligned(array.size)
    lines[:] = array
    return lines


def convolved(
    shape: Shape,
    loading: np.ndarray,
    weights: np.ndarray,
    finished: Finished,
    *,
    shares: int = 0,
    picture: bool = False,
) -> None:
    """Run the parts of ``finished``; in shares of the groups, after gathering apart, where there are ``shares``."""
    cells = cells_of(shape, picture=picture)
    parts = finished.parts
    largest = cells.all_rows if shares else -(-cells.all_rows // parts)
    count = largest * cells.across
    gathered_bytes = cells.gathered_bytes(count)
    ahead = aligned(gathered_bytes // 4 if shares else 0)
    gathering = gathering_of(cells, loading, count, ahead, 2)
    if shares:
        names = gathering.dtype.names or ()
        run(gather, 2 * cells.planes, scratch_bytes=cells.band_bytes, **{name: gathering[name][0] for name in names})
    filters, offsets, zeros = packed_filters(cells, weights), cells.offsets(count), np.zeros(LANES * 4, np.float32)
    products = cells.points * (cells.group * count + 1) * LINE
    run(
        convolve, parts * max(1, shares), scratch_bytes=cells.band_bytes + gathered_bytes + products + LINE,
        gathering=gathering, finishing=finished.record(), weights=filters, zeros=zeros, offsets=offsets,
        tiles=float(run_tiles.address), inverse=float(inverse.address), cells=ahead if shares else 0,
        gathered=gathered_bytes, band_bytes=cells.band_bytes, out_blocks=cells.out_blocks,
        out_height=cells.output[1], out_width=cells.output[2], steps=cells.steps, turns=cells.turns,
        depth=cells.depth, group=cells.group, accumulators=cells.accumulators, parts=parts, shares=max(1, shares),
    )  # fmt: skip


def source_of(shape: Shape) -> tuple[Loaded, np.ndarray]:
    """Sums read through batch normalization and activation, and what they mean as (n, channels, h, w)."""
    source = activated(IMAGES, blocks_of(shape.channels), shape.height * shape.width)
    return source, planar(source.meaning(), shape.channels, shape.height, shape.width)


@pytest.mark.parametrize(("parts", "shares"), [(1, 0), (2, 0), (1, 1), (2, 2)])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_blocked_arrays(shape: Shape, parts: int, shares: int) -> None:
    source, x = source_of(shape)
    weights = random(shape.filters, shape.channels, shape.taps, seed=2) / np.float32(shape.channels * shape.size)
    expected = block(shape.convolve(x, weights)).astype(np.float64)
    for finished in finishes(*expected.shape[:3], parts):
        convolved(shape, source.record(), weights, finished, shares=shares)
        finished.check(expected, NEAR)


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("shape", [Shape(3, 9, 8, 20), Shape(1, 15, 17, 33, size=7, padding=3, stride_y=2, stride_x=2)])
def test_pictures_as_they_lie(shape: Shape, parts: int) -> None:
    x = random(IMAGES, shape.channels, shape.height, shape.width)
    loading = Loaded(np.zeros((1, 1, 1, LANES), np.float32)).record()
    loading["array"], loading["array_image"], loading["array_plane"] = x.ctypes.data, *x.strides[:2]
    weights = random(shape.filters, shape.channels, shape.taps, seed=2)
    expected = block(shape.convolve(x, weights)).astype(np.float64)
    for finished in finishes(*expected.shape[:3], parts):
        convolved(shape, loading, weights, finished, picture=True)
        finished.check(expected, NEAR)


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[6], SHAPES[7]], ids=str)
def test_the_same_bits_however_it_is_divided(shape: Shape) -> None:
    source, _ = source_of(shape)
    weights = random(shape.filters, shape.channels, shape.taps, seed=2)
    size = (IMAGES, blocks_of(shape.filters), shape.out_height * shape.out_width, LANES)
    found = []
    for parts, shares in [(1, 0), (2, 0), (2, 2)]:
        finished = Finished(np.full(size, np.nan, np.float32), parts)
        convolved(shape, source.record(), weights, finished, shares=shares)
        found.append(finished.out)
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
