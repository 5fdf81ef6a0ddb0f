"""Convolutions for the engine: weights packed once, and the work divided into chunks for a size of input."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from darknetpy.engine.memory import FLOAT_BYTES, Value, aligned_bytes, aligned_zeros
from darknetpy.kernels import CompiledFunction
from darknetpy.kernels.filters import arrange_filters
from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.tiles import UNROLL, most_blocks, tile_accumulators

GROUP_BYTES = 400_000  # weights of one group: this one and the next, being fetched, must fit the second-level cache
SOURCE_BYTES = 400_000  # what a chunk of `convolve_pixels` reads, so that it stays in cache for all groups
PANEL_BYTES = 600_000  # the panel of a chunk of `convolve_rows`
CHUNK_FLOPS = 2_000_000  # work worth giving to another thread: 10 to 20 us
LEAST_FLOPS = 400_000  # 2 to 4 us: less is not worth a second thread
CHUNKS_PER_THREAD = 6  # so that threads end together; more would only share neighbouring rows among cores
FAR_BYTES = 16_000_000  # source and output together, from which on they are fetched ahead,
FEW_WEIGHTS = 300_000  # bytes, if the weights are so few that they stay in cache
LIGHT_BYTES = 64_000  # weights that may as well be read by every chunk: pixels then divide more evenly than channels
LATE_PIXELS = 28 * 28  # up to here a picture's panel is made whole, and chunks divide the output channels


@dataclass(frozen=True)
class Geometry:
    """What a convolution does to the picture."""

    size: int
    stride_x: int
    stride_y: int
    dilation: int
    padding: int

    @property
    def pointwise(self) -> bool:
        """Whether each output pixel sees one input pixel, its own."""
        return self.size == self.stride_x == self.stride_y == 1 and self.padding == 0

    @property
    def reach(self) -> int:
        """Rows from a filter's first to its last."""
        return (self.size - 1) * self.dilation

    @property
    def remainders(self) -> int:
        """How many remainders of stride_y a panel has copies for."""
        return min(self.stride_y, self.reach + 1)

    @property
    def copies(self) -> int:
        """How many copies of the source's rows a panel holds."""
        return self.remainders * self.size

    def panel_rows(self, rows: int) -> int:
        """Rows of each copy that ``rows`` output rows need."""
        return rows + self.reach // self.stride_y

    def panel_bytes(self, source: Value, rows: int, width: int) -> int:
        """Bytes of a panel for ``rows`` output rows of ``width`` pixels."""
        return self.copies * self.panel_rows(rows) * width * source.planes * source.pixel_bytes


class Packed:
    """A layer's weights in the order that the engine reads; ``planar`` says that its source has to be planar."""

    planar = False


class Filters:
    """Filters as they lie in the file, and how kernels that pack them find them.

    Args:
        weights: (filters, channels, size, size) float32.
        factors: (filters,) float64 that they are multiplied by; by default 1.
    """

    def __init__(self, weights: np.ndarray, factors: np.ndarray | None) -> None:
        self._weights = np.ascontiguousarray(weights, np.float32)
        self._factors = np.ones(blocks_of(len(weights)) * LANES)
        if factors is not None:
            self._factors[: len(weights)] = factors

    def of_block(self, block: int) -> tuple[int, int, int, int]:
        """Address of a block's first filter, bytes to the next, how many there are, and address of their factors."""
        first, pitch = block * LANES, self._weights.strides[0]
        count = min(LANES, len(self._weights) - first)
        factors = self._factors.ctypes.data + first * self._factors.itemsize
        return self._weights.ctypes.data + first * pitch, pitch, count, factors


def packing(function: CompiledFunction) -> Callable[..., None]:
    """A compiled function of integers to call from here; other threads go on meanwhile."""
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(function.signature.args))(function.address)


def groups_of_blocks(blocks: int, largest: int) -> Iterator[tuple[int, int]]:
    """(first block, how many) for each group; those at the end that cannot be whole are halved."""
    first = 0
    while first < blocks:
        there = largest
        while there > blocks - first:
            there //= 2
        yield first, there
        first += there


class PackedConvolution(Packed):
    """Filters in the order that tiles read them: [group][cell of the filter][input channel][block of the group][16].

    Args:
        weights: (filters, channels, size, size) float32.
        biases: (filters,) float32.
        geometry: of the convolution.
        slope: of the activation below 0 (1 is none).
        planar: whether the source is planar, of few channels; the order is then [group][channel][cell][block][16].
        factors: (filters,) float64 that the filters are multiplied by, those of batch normalization.
    """

    def __init__(
        self, weights: np.ndarray, biases: np.ndarray, geometry: Geometry, slope: float, planar: bool,
        factors: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.geometry, self.slope, self.planar = geometry, slope, planar
        self.filters, self.channels = weights.shape[:2]
        self.blocks = blocks_of(self.filters)
        cells = geometry.size**2
        if planar:
            self.steps, self.turns, self.depth = self.channels * cells, 0, self.channels * cells
        else:
            in_blocks = blocks_of(self.channels)
            self.steps = cells * in_blocks
            self.turns = LANES // UNROLL if in_blocks > 1 else -(-self.channels // UNROLL)
            self.depth = self.steps * self.turns * UNROLL
        self.accumulators = tile_accumulators(planar)
        self.group = self._largest_group()
        self.biases = aligned_zeros(self.blocks * LANES)
        self.biases[: self.filters] = biases
        self.weights = aligned_bytes(self.blocks * self.depth * LINE).view(np.float32)
        self._pack(Filters(weights, factors), cells)

    def _largest_group(self) -> int:
        """Output blocks of a tile: four load least for each multiply-add, one needs the fewest weights at a time."""
        group = min(most_blocks(self.planar), max(1, GROUP_BYTES // (self.depth * LINE)), self.blocks)
        return 1 << (group.bit_length() - 1)

    def _pack(self, filters: Filters, cells: int) -> None:
        arrange = packing(arrange_filters)
        for first, blocks in groups_of_blocks(self.blocks, self.group):
            start, end = (block * LANES * self.depth for block in (first, first + blocks))
            lines = self.weights[start:end].reshape(1 if self.planar else cells, -1, blocks * LANES)
            count = self.depth if self.planar else self.channels
            lines[:, count:] = 0
            step = FLOAT_BYTES * (1 if self.planar else cells)
            for block in range(blocks):
                source, pitch, number, factors = filters.of_block(first + block)
                for cell, of_cell in enumerate(lines):
                    arrange(
                        count, source + FLOAT_BYTES * cell, pitch, step, number, factors,
                        of_cell.ctypes.data + block * LINE, of_cell.strides[0],
                    )  # fmt: skip

    @property
    def groups(self) -> int:
        """How many groups of output blocks there are, counting the smaller ones at the end as one."""
        return -(-self.blocks // self.group)

    def flops(self, pixels: int) -> int:
        """Floating-point operations for so many output pixels, padding lanes included."""
        return 2 * pixels * self.depth * self.blocks * LANES

    def is_far(self, source: Value, output: Value) -> bool:
        """Whether pixels, not weights, are what tiles should fetch ahead."""
        return self.weights.nbytes <= FEW_WEIGHTS and source.size + output.size > FAR_BYTES

    def pointwise_offsets(self, source: Value) -> np.ndarray:
        """Where each step of a 1x1 filter begins."""
        return np.arange(source.blocks, dtype=np.int64) * source.plane_bytes

    def panel_offsets(self, rows: int, width: int) -> np.ndarray:
        """Where each step begins in a panel made for ``rows`` output rows of ``width`` pixels."""
        geometry = self.geometry
        parts = self.channels if self.planar else blocks_of(self.channels)
        line = width * (FLOAT_BYTES if self.planar else LINE)
        ky, kx, part = np.indices((geometry.size, geometry.size, parts))
        down, remainder = np.divmod(ky * geometry.dilation, geometry.stride_y)
        copy = (remainder * geometry.size + kx) * parts + part
        offsets = (copy * geometry.panel_rows(rows) + down) * line
        order = (2, 0, 1) if self.planar else (0, 1, 2)
        return np.ascontiguousarray(offsets.transpose(order).ravel(), dtype=np.int64)


def chunks_wanted(flops: int, threads: int) -> int:
    """Into how many chunks work should be divided: some for each thread, none too small to be worth sharing."""
    if threads == 1 or flops < CHUNK_FLOPS:
        return 1
    return max(threads, min(flops // CHUNK_FLOPS, CHUNKS_PER_THREAD * threads))


def divide_pixels(packed: PackedConvolution, pixels: int, images: int, threads: int, whole: bool) -> tuple[int, int]:
    """(parts of an image's pixels, groups in a chunk) for `convolve_pixels`; ``whole`` keeps the pixels together."""
    source_bytes = pixels * packed.depth * FLOAT_BYTES
    parts = 1 if whole else max(1, round(source_bytes / SOURCE_BYTES))
    groups_in_chunk = packed.groups
    wanted = chunks_wanted(packed.flops(pixels * images), threads)
    if packed.weights.nbytes <= LIGHT_BYTES and not whole:
        shared = -(-max(wanted, min(packed.flops(pixels * images) // LEAST_FLOPS, threads)) // threads) * threads
        parts = max(parts, min(-(-shared // images), pixels // packed.accumulators))
    while images * parts * -(-packed.groups // groups_in_chunk) < wanted and groups_in_chunk > 1:
        groups_in_chunk = -(-groups_in_chunk // 2)
    while images * parts * -(-packed.groups // groups_in_chunk) < wanted and pixels // parts > packed.accumulators:
        parts *= 2
    return min(parts, pixels), groups_in_chunk


def divide_rows(packed: PackedConvolution, source: Value, out: Value, threads: int) -> int:
    """Parts of an image's output rows for `convolve_rows`: panels that fit the cache, and enough for the threads."""
    _, height, width = out.shape
    rows = height
    while rows > 1 and packed.geometry.panel_bytes(source, rows, width) > PANEL_BYTES:
        rows -= 1
    wanted = chunks_wanted(packed.flops(out.pixels * out.images), threads)
    return min(height, max(-(-height // rows), -(-wanted // out.images)))
