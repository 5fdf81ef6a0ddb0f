"""Winograd convolutions for the engine: filters transformed once, and the work divided into chunks."""

from __future__ import annotations

import ctypes

import numpy as np

from darknetpy.engine.convolutions import GROUP_BYTES, Packed, chunks_wanted
from darknetpy.engine.memory import Value, aligned_bytes, aligned_zeros
from darknetpy.engine.plan import BLOCKED, Plan
from darknetpy.kernels.layout import block_stride, blocks_of
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.tiles import UNROLL, most_blocks, run_tiles, tile_accumulators
from darknetpy.kernels.winograd import WINDOW_BYTES, convolve_winograd, forward, inverse, transform_filters

POINTS_BYTES = 600_000  # transformed windows of a chunk, so that they stay in cache for all groups
LEAST_TILES, MOST_TILES = 18, 96  # of a chunk: fewer read too many weights for each, more gain nothing
SPLIT_TILES = 100  # up to here windows are transformed in a step of their own, and weights are read once in all
PART_TILES = 72  # of a chunk of that form's products


class PackedWinograd(Packed):
    """Filters at the points, in the order of reading: [group][point][input channel][block of the group][16].

    Args:
        weights: (filters, channels, 3, 3) float32, batch normalization folded in; transformed in float64.
        biases: (filters,) float32.
        padding: before the first row and column.
        slope: of the activation below 0 (1 is none).
        tile: 2 or 4, outputs of a tile in a row.
    """

    def __init__(self, weights: np.ndarray, biases: np.ndarray, padding: int, slope: float, tile: int) -> None:
        self.padding, self.slope, self.tile = padding, slope, tile
        self.filters, self.channels = weights.shape[:2]
        self.blocks, self.steps = blocks_of(self.filters), blocks_of(self.channels)
        self.turns = LANES // UNROLL if self.steps > 1 else -(-self.channels // UNROLL)
        self.depth = self.steps * self.turns * UNROLL
        self.accumulators = tile_accumulators(planar=False)
        group = min(most_blocks(planar=False), max(1, GROUP_BYTES // (self.depth * LINE)), self.blocks)
        self.group = 1 << (group.bit_length() - 1)
        self.biases = aligned_zeros(self.blocks * LANES)
        self.biases[: self.filters] = biases
        self.zeros = aligned_zeros(self.group * LANES)
        self.weights = aligned_bytes(self.points * self.blocks * self.depth * LINE).view(np.float32)
        self._pack(weights.reshape(self.filters, self.channels, -1))

    @property
    def points(self) -> int:
        """Products for each tile, channel and filter."""
        return (self.tile + 2) ** 2

    @property
    def groups(self) -> int:
        """How many groups of output blocks there are, counting the smaller ones at the end as one."""
        return -(-self.blocks // self.group)

    def _pack(self, weights: np.ndarray) -> None:
        transform = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 6)(transform_filters.address)
        first = 0
        while first < self.blocks:
            blocks = self.group
            while blocks > self.blocks - first:
                blocks //= 2
            part = weights[first * LANES : (first + blocks) * LANES]
            cells = np.zeros((weights.shape[2], self.depth, blocks * LANES), np.float32)
            cells[:, : self.channels, : len(part)] = part.transpose(2, 1, 0)
            out = self.weights.ctypes.data + first * self.points * self.depth * LINE
            lines = self.depth * blocks
            transform(self.tile, lines, cells.ctypes.data, lines * LINE, out, lines * LINE)
            first += blocks

    def tiles_of(self, out: Value) -> tuple[int, int]:
        """Tiles down and across a picture."""
        return -(-out.shape[1] // self.tile), -(-out.shape[2] // self.tile)

    def flops(self, tiles: int) -> int:
        """Floating-point operations of the products for so many tiles."""
        return 2 * self.points * tiles * self.depth * self.blocks * LANES

    def point_step(self, tiles: int) -> int:
        """Bytes from a point to the next where so many tiles stand together.

        One line more than needed, or all points of a tile would share one set of the first-level cache.
        """
        return self.steps * block_stride(tiles) + LINE

    def products_bytes(self, tiles: int) -> int:
        """Scratch memory for one group's products."""
        return self.points * (self.group * tiles + 1) * LINE


def divide_tiles(packed: PackedWinograd, tiles: int, threads: int) -> int:
    """Parts of all images' tiles where each chunk goes from the picture to the picture."""
    each = max(LEAST_TILES, min(POINTS_BYTES // (packed.points * packed.steps * LINE), MOST_TILES))
    parts = max(-(-tiles // each), chunks_wanted(packed.flops(tiles), threads))
    parts = min(parts, max(threads, tiles // LEAST_TILES))
    return min(tiles, -(-parts // threads) * threads)


def lower_winograd(plan: Plan, packed: PackedWinograd, source: Value, output: Value) -> None:
    """One step that does all, or two where tiles are so few that reading the weights would bind."""
    down, across = packed.tiles_of(output)
    tiles = down * across * plan.images
    fields = {
        "weights": packed.weights.ctypes.data, "biases": packed.biases.ctypes.data, "zeros": packed.zeros.ctypes.data,
        "tiles": run_tiles.address, "forward": forward.address, "inverse": inverse.address,
        "images": plan.images, "height": source.shape[1], "width": source.shape[2],
        "out_blocks": output.blocks, "out_height": output.shape[1], "out_width": output.shape[2],
        "padding": packed.padding, "tile": packed.tile, "tiles_across": across,
        "tiles_in_image": down * across, "in_blocks": source.blocks, "steps": packed.steps, "turns": packed.turns,
        "depth": packed.depth, "group": packed.group, "accumulators": packed.accumulators, "slope": packed.slope,
    }  # fmt: skip
    if tiles > SPLIT_TILES:
        _fused(plan, packed, source, output, tiles, fields)
    else:
        _split(plan, packed, source, output, tiles, fields)


def _fused(
    plan: Plan, packed: PackedWinograd, source: Value, output: Value, tiles: int, fields: dict[str, float]
) -> None:
    parts = divide_tiles(packed, tiles, plan.threads)
    largest = -(-tiles // parts)
    points_bytes = packed.points * packed.point_step(largest)
    plan.operate(
        convolve_winograd,
        parts,
        {"source": source, "out": output},
        {**fields, **_steps(packed, largest), "points_bytes": points_bytes,
         "transforms": 1, "multiplies": 1, "shares": 1, "parts": parts},
        arrays={"offsets": _offsets(packed, largest)},
        scratch_bytes=WINDOW_BYTES + points_bytes + packed.products_bytes(largest),
    )  # fmt: skip


def _split(
    plan: Plan, packed: PackedWinograd, source: Value, output: Value, tiles: int, fields: dict[str, float]
) -> None:
    lines = packed.points * packed.point_step(tiles) // LINE
    points = plan.new_value((LANES, -(-lines // plan.images), 1), BLOCKED)
    fields = {**fields, **_steps(packed, tiles)}
    plan.operate(
        convolve_winograd,
        packed.steps,
        {"source": source, "out": points},
        {**fields, "transforms": 1, "multiplies": 0, "shares": packed.steps, "parts": 1},
        scratch_bytes=WINDOW_BYTES,
    )
    parts = -(-tiles // PART_TILES)
    wanted = chunks_wanted(packed.flops(tiles), plan.threads)
    shares = min(packed.groups, max(1, -(-wanted // parts)))
    plan.operate(
        convolve_winograd,
        shares * parts,
        {"source": points, "out": output},
        {**fields, "transforms": 0, "multiplies": 1, "shares": shares, "parts": parts},
        arrays={"offsets": _offsets(packed, tiles)},
        scratch_bytes=WINDOW_BYTES + packed.products_bytes(-(-tiles // parts)),
    )


def _steps(packed: PackedWinograd, tiles: int) -> dict[str, float]:
    return {"plane_step": block_stride(tiles), "point_step": packed.point_step(tiles)}


def _offsets(packed: PackedWinograd, tiles: int) -> np.ndarray:
    """Where each input block begins among the transformed windows."""
    return np.arange(packed.steps, dtype=np.int64) * block_stride(tiles)
