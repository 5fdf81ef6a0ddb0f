"""Cells gathered from blocked arrays and planar pictures, against windows made by NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.cook_toom import FORMS, cook_toom
from darknetpy.kernels.simd import LINE
from darknetpy.kernels.training.gathering import BAND_BYTES, gather
from darknetpy.kernels.winograd import forward
from tests.kernels.running import LANES, run
from tests.kernels.test_winograd import numbers
from tests.kernels.training.correlation import Shape, planar
from tests.kernels.training.lines import Loaded, activated
from tests.kernels.training.lines import numbers as random

IMAGES = 2
WINDOWS = [
    Shape(40, 7, 6, 1),
    Shape(17, 6, 9, 1, size=1, padding=0),
    Shape(16, 7, 9, 1, size=1, padding=0, stride_y=2, stride_x=2),
    Shape(16, 5, 4, 1, size=1, padding=2),
    Shape(16, 9, 11, 1, size=5, padding=2, stride_y=3, stride_x=2),
    Shape(20, 10, 9, 1, padding=2, dilation=2),
    Shape(16, 9, 8, 1, padding=0, stride_x=2),
    Shape(16, 2, 3, 1, size=7, padding=3),
    Shape(16, 1, 1, 1, size=2, padding=1),
]


def gathered(
    source: Loaded, shape: Shape, parts: int, *, picture: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """All cells: lines (taps or points, planes, cells, 16), or floats of a planar picture; and what lies between."""
    form = shape.form
    tile, window = (FORMS[form].tile, FORMS[form].window) if form else (1, 1)
    rows, across = -(-shape.out_height // tile), -(-shape.out_width // tile)
    cells, points = IMAGES * rows * across, window**2 if form else shape.taps
    planes = shape.channels if picture is not None else source.array.shape[1]
    width = 1 if picture is not None else LANES
    out = np.full((points, planes, cells + 1, width), np.nan, np.float32)
    loading = source.record()
    if picture is not None:
        loading["array"], loading["array_image"] = picture.ctypes.data, picture.strides[0]
        loading["array_plane"] = picture.strides[1]
    columns = across * tile + window - tile
    scratch = max(BAND_BYTES, window * columns * LINE, shape.reach * shape.width * LINE)
    run(
        gather, parts * planes, scratch_bytes=scratch, loading=loading, forward=float(forward.address), images=IMAGES,
        planes=planes, height=shape.height, width=shape.width, form=form, tile=tile, window=window, rows=rows,
        across=across, point_step=out.strides[0], plane_step=out.strides[1], out=out, parts=parts,
        planar=int(picture is not None), **shape.fields,
    )  # fmt: skip
    return out[:, :, :cells], out[:, :, cells:]


def lines_of(cells: np.ndarray) -> np.ndarray:
    """(n, channels, taps, rows, columns) to (taps, blocks, cells, 16)."""
    n, channels, taps, rows, columns = cells.shape
    blocked = cells.reshape(n, channels // LANES, LANES, taps, rows * columns)
    return blocked.transpose(3, 1, 0, 4, 2).reshape(taps, channels // LANES, -1, LANES)


def blocked_source(shape: Shape, plain: bool) -> tuple[Loaded, np.ndarray]:
    """An array and what it means, (n, channels of all blocks, height, width)."""
    blocks, pixels = -(-shape.channels // LANES), shape.height * shape.width
    source = Loaded(random(IMAGES, blocks, pixels, LANES)) if plain else activated(IMAGES, blocks, pixels)
    return source, planar(source.meaning(), blocks * LANES, shape.height, shape.width)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("shape", WINDOWS, ids=str)
def test_taps_of_blocked_arrays(shape: Shape, parts: int) -> None:
    for plain in (True, False):
        source, x = blocked_source(shape, plain)
        found, between = gathered(source, shape, min(parts, IMAGES * shape.out_height))
        expected = lines_of(shape.windows(x))
        np.testing.assert_allclose(found, expected, rtol=0, atol=0 if plain else 1e-6 * np.abs(expected).max())
        assert np.isnan(between).all()


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", WINDOWS, ids=str)
def test_taps_of_planar_pictures(shape: Shape, channels: int, parts: int) -> None:
    shape = shape._replace(channels=channels)
    picture = random(IMAGES, channels, shape.height, shape.width)
    nothing = Loaded(np.zeros((1, 1, 1, LANES), np.float32))
    found, between = gathered(nothing, shape, min(parts, IMAGES * shape.out_height), picture=picture)
    expected = shape.windows(picture).transpose(2, 1, 0, 3, 4).reshape(found.shape)
    np.testing.assert_array_equal(found, expected)
    assert np.isnan(between).all()


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("sides", [(4, 4), (5, 7), (12, 9), (3, 70)])
@pytest.mark.parametrize("form", [2, 4])
def test_points_of_blocked_arrays(form: int, sides: tuple[int, int], padding: int, parts: int) -> None:
    """Tiles hang over the rim, where there are zeros; rows of 70 pixels are staged in several bands."""
    shape = Shape(40, *sides, 1, padding=padding, form=form)
    source, x = blocked_source(shape, plain=False)
    found, between = gathered(source, shape, min(parts, IMAGES))
    tile, window = FORMS[form].tile, FORMS[form].window
    rows, across = -(-shape.out_height // tile), -(-shape.out_width // tile)
    high, wide = (count * tile + window - tile for count in (rows, across))
    ends = [max(0, side - 2 * padding - own) + padding for side, own in zip((high, wide), sides, strict=True)]
    framed = np.pad(x, ((0, 0), (0, 0), (padding, ends[0]), (padding, ends[1])))
    tiles = np.stack([
        np.stack([framed[:, :, row * tile :, column * tile :][:, :, :window, :window] for column in range(across)], 2)
        for row in range(rows)
    ], 2)  # (n, channels, rows, across, window, window)  # fmt: skip
    matrix = numbers(cook_toom(form).forward)
    points = np.einsum("yi,xj,ncrtij->ncyxrt", matrix, matrix, tiles)
    expected = lines_of(points.reshape(*points.shape[:2], window**2, rows, across))
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-6 * np.abs(expected).max())
    assert np.isnan(between).all()
