"""Convolution kernels against naive loops in float64: sizes, strides, dilation, padding, odd channels."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.engine.convolutions import Geometry, PackedConvolution
from darknetpy.engine.memory import Value
from darknetpy.kernels.convolution import convolve_pixels, convolve_rows, gather_panel
from darknetpy.kernels.tiles import run_tiles
from tests.kernels.running import Field, block, run, strides, unblock

Shape = tuple[int, int, int, int]

GEOMETRIES = [
    Geometry(size=1, stride_x=1, stride_y=1, dilation=1, padding=0),
    Geometry(size=1, stride_x=2, stride_y=2, dilation=1, padding=1),
    Geometry(size=2, stride_x=1, stride_y=2, dilation=1, padding=0),
    Geometry(size=3, stride_x=1, stride_y=1, dilation=1, padding=1),
    Geometry(size=3, stride_x=2, stride_y=2, dilation=1, padding=1),
    Geometry(size=3, stride_x=2, stride_y=3, dilation=2, padding=2),
    Geometry(size=4, stride_x=3, stride_y=1, dilation=1, padding=3),
    Geometry(size=5, stride_x=1, stride_y=4, dilation=1, padding=2),
    Geometry(size=7, stride_x=2, stride_y=2, dilation=1, padding=3),
    Geometry(size=3, stride_x=1, stride_y=1, dilation=4, padding=9),
]


def expected(x: np.ndarray, weights: np.ndarray, biases: np.ndarray, geometry: Geometry, slope: float) -> np.ndarray:
    """The definition, pixel by pixel and cell by cell."""
    n, _, h, w = x.shape
    height = (h + 2 * geometry.padding - geometry.reach - 1) // geometry.stride_y + 1
    width = (w + 2 * geometry.padding - geometry.reach - 1) // geometry.stride_x + 1
    result = np.tile(biases.astype(np.float64).reshape(1, -1, 1, 1), (n, 1, height, width))
    for y, z, i, j in np.ndindex(height, width, geometry.size, geometry.size):
        row = y * geometry.stride_y - geometry.padding + i * geometry.dilation
        column = z * geometry.stride_x - geometry.padding + j * geometry.dilation
        if 0 <= row < h and 0 <= column < w:
            result[:, :, y, z] += x[:, :, row, column] @ weights[:, :, i, j].T.astype(np.float64)
    return np.where(result > 0, result, slope * result)


class Case:
    """One convolution with random numbers, and ways to run it."""

    def __init__(
        self, geometry: Geometry, shape: Shape, filters: int, *, planar: bool = False, slope: float = 0.1
    ) -> None:
        random = np.random.default_rng(1)
        self.geometry = geometry
        self.x = random.standard_normal(shape).astype(np.float32)
        weights = random.standard_normal((filters, shape[1], geometry.size, geometry.size)).astype(np.float32)
        biases = random.standard_normal(filters).astype(np.float32)
        self.expected = expected(self.x.astype(np.float64), weights, biases, geometry, slope)
        self.packed = PackedConvolution(weights, biases, geometry, slope, planar)
        self.source = self.x.reshape(*shape[:2], -1) if planar else block(self.x)
        pixels = self.expected.shape[2] * self.expected.shape[3]
        self.out = np.full((shape[0], self.packed.blocks, pixels, 16), np.nan, np.float32)

    def fields(self) -> dict[str, Field]:
        """What all operations read."""
        n, _, h, w = self.x.shape
        packed, geometry = self.packed, self.geometry
        numbers = {
            "images": n, "planes": self.source.shape[1], "pixel_bytes": 4 if packed.planar else 64,
            "height": h, "width": w,
            "out_blocks": packed.blocks, "out_height": self.expected.shape[2], "out_width": self.expected.shape[3],
            "size": geometry.size, "stride_x": geometry.stride_x, "stride_y": geometry.stride_y,
            "dilation": geometry.dilation, "padding": geometry.padding, "steps": packed.steps, "turns": packed.turns,
            "depth": packed.depth, "group": packed.group, "accumulators": packed.accumulators, "slope": packed.slope,
            "tiles": run_tiles.address,
        }  # fmt: skip
        arrays = {"weights": packed.weights, "biases": packed.biases}
        return {**numbers, **arrays, **strides("source", self.source), **strides("out", self.out)}

    def by_rows(self, parts: int) -> np.ndarray:
        """In runs of output rows."""
        n, c, h, w = self.x.shape
        _, _, height, width = self.expected.shape
        rows = -(-height // parts)
        value = Value((c, h, w), n, not self.packed.planar)
        run(
            convolve_rows, n * parts, parts=parts, groups_in_chunk=self.packed.groups,
            panel_rows=self.geometry.panel_rows(rows), offsets=self.packed.panel_offsets(rows, width),
            scratch_bytes=self.geometry.panel_bytes(value, rows, width), **self.fields(),
        )  # fmt: skip
        return self.answer()

    def by_pixels(self, parts: int, groups: int) -> np.ndarray:
        """As one matrix product, in runs of pixels and groups of output blocks; larger filters from a panel."""
        n = len(self.x)
        fields = self.fields()
        if self.geometry.pointwise:
            offsets = np.arange(self.source.shape[1]) * self.source.strides[1]
        else:
            _, _, height, width = self.expected.shape
            rows = self.geometry.panel_rows(height)
            lines = self.geometry.copies * self.source.shape[1] * rows * width
            panel = np.full((n, 1, lines, 16), np.nan, np.float32)
            run(gather_panel, n * self.source.shape[1], parts=1, panel_rows=rows, **{**fields, **strides("out", panel)})
            offsets = self.packed.panel_offsets(height, width)
            fields.update(strides("source", panel))
        chunks = n * parts * -(-self.packed.groups // groups)
        run(convolve_pixels, chunks, parts=parts, groups_in_chunk=groups, offsets=offsets, **fields)
        return self.answer()

    def answer(self) -> np.ndarray:
        """The output as (n, filters, height, width)."""
        return unblock(self.out, self.packed.filters, *self.expected.shape[2:])

    def check(self, found: np.ndarray) -> None:
        """Equal but for rounding."""
        np.testing.assert_allclose(found, self.expected, atol=2e-6 * float(np.abs(self.expected).max()))


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize(("channels", "filters"), [(5, 24), (33, 17), (16, 112)])
def test_every_form_computes_the_convolution(geometry: Geometry, channels: int, filters: int) -> None:
    case = Case(geometry, (2, channels, 11, 13), filters)
    by_rows = case.by_rows(parts=2)
    case.check(by_rows)
    for parts, groups in ((1, 1), (3, 2)):
        np.testing.assert_array_equal(case.by_pixels(parts, groups), by_rows)
    if case.expected.shape[2] > 1:
        np.testing.assert_array_equal(case.by_rows(parts=case.expected.shape[2]), by_rows)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_planar_picture_of_few_channels(geometry: Geometry, channels: int) -> None:
    case = Case(geometry, (2, channels, 12, 37), 40, planar=True)
    found = case.by_rows(parts=1)
    case.check(found)
    np.testing.assert_array_equal(case.by_rows(parts=case.expected.shape[2]), found)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_pictures_smaller_than_the_filter(side: int) -> None:
    geometry = Geometry(size=7, stride_x=1, stride_y=1, dilation=1, padding=3)
    case = Case(geometry, (1, 20, side, side), 16)
    case.check(case.by_rows(parts=1))
    case.check(case.by_pixels(1, 1))
    planar = Case(geometry, (1, 3, side, side), 16, planar=True)
    planar.check(planar.by_rows(parts=1))


@pytest.mark.parametrize("slope", [1.0, 0.1, 0.0])
def test_nan_spreads_exactly_as_far_as_the_filter_reaches(slope: float) -> None:
    geometry = Geometry(size=3, stride_x=1, stride_y=1, dilation=1, padding=1)
    case = Case(geometry, (1, 20, 6, 7), 18, slope=slope)
    case.source[0, 0, 3 * 7 + 2, 4] = np.nan
    touched = np.zeros((6, 7), bool)
    touched[2:5, 1:4] = True
    for found in (case.by_rows(parts=2), case.by_pixels(1, 1)):
        np.testing.assert_array_equal(np.isnan(found[0]).all(axis=0), touched)
        np.testing.assert_array_equal(np.isnan(found[0]).any(axis=0), touched)
