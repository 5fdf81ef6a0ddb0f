"""Winograd convolutions for the engine: filters transformed once, and the work divided into chunks."""

from __future__ import annotations

import numpy as np

from darknetpy.engine.convolutions import GROUP_BYTES, Filters, Packed, chunks_wanted, groups_of_blocks, packing
from darknetpy.engine.memory import Value, aligned_bytes, aligned_zeros
from darknetpy.engine.plan import BLOCKED, Plan
from darknetpy.kernels.cook_toom import FORMS
from darknetpy.kernels.filters import transform_filters
from darknetpy.kernels.layout import block_stride, blocks_of
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.tiles import UNROLL, most_blocks, run_tiles, tile_accumulators
from darknetpy.kernels.winograd import WINDOW_BYTES, convolve_winograd, forward, inverse

POINTS_BYTES = 600_000  # transformed windows of a chunk, so that they stay in cache for all groups
LEAST_TILES, MOST_TILES = 18, 96  # of a chunk: fewer read too many weights for each, more gain nothing
SPLIT_TILES = 100  # up to here windows are transformed in a step of their own, and weights are read once in all
WORTH_SPLITTING = 2  # as many times the bytes of the split form, beyond that, are too many for the other form
CACHED_WEIGHTS = 1_200_000  # bytes that threads may as well all read
PART_TILES = 72  # of a chunk of that form's products
LEAST_PART_TILES = 16  # of such a chunk, where dividing the filters gives too few chunks


class PackedWinograd(Packed):
    """Filters at the points, in the order of reading: [group][point][input channel][block of the group][16].

    Args:
        weights: (filters, channels, 3, 3) float32; transformed in float64.
        biases: (filters,) float32.
        padding: before the first row and column.
        slope: of the activation below 0 (1 is none).
        form: number of one of `FORMS`.
        factors: (filters,) float64 that the filters are multiplied by, those of batch normalization.
    """

    def __init__(
        self, weights: np.ndarray, biases: np.ndarray, padding: int, slope: float, form: int,
        factors: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.padding, self.slope, self.form = padding, slope, form
        self.tile, self.stride, self.window = FORMS[form].tile, FORMS[form].stride, FORMS[form].window
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
        self._pack(Filters(weights, factors))

    @property
    def points(self) -> int:
        """Products for each tile, channel and filter."""
        return self.window**2

    @property
    def groups(self) -> int:
        """How many groups of output blocks there are, counting the smaller ones at the end as one."""
        return -(-self.blocks // self.group)

    def _pack(self, filters: Filters) -> None:
        transform = packing(transform_filters)
        for first, blocks in groups_of_blocks(self.blocks, self.group):
            begin = first * LANES * self.points * self.depth
            lines = self.weights[begin : begin + blocks * LANES * self.points * self.depth]
            points = lines.reshape(self.points, self.depth, blocks * LANES)
            points[:, self.channels :] = 0
            for block in range(blocks):
                transform(
                    self.form, self.channels, *filters.of_block(first + block),
                    points.ctypes.data + block * LINE, points.strides[1], points.strides[0],
                )  # fmt: skip

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


def splits(packed: PackedWinograd, tiles: int, threads: int) -> bool:
    """Whether transforms and products should be steps of their own.

    The windows then go through memory, and weights are read once for many tiles instead of once for each chunk.
    """
    size = packed.weights.nbytes
    if size <= CACHED_WEIGHTS:
        return False
    together = divide_tiles(packed, tiles, threads) * size
    apart = 2 * packed.points * packed.point_step(tiles) + -(-tiles // PART_TILES) * size
    return tiles <= SPLIT_TILES or together > WORTH_SPLITTING * apart


def divide_products(packed: PackedWinograd, tiles: int, threads: int) -> tuple[int, int]:
    """(shares of the groups, parts of all images' tiles) where the windows are transformed already.

    Each part reads all weights of its share, so groups are divided first. Tiles are as well where groups alone would
    leave a thread without work, or with less than the others.
    """
    parts = -(-tiles // PART_TILES)
    wanted = chunks_wanted(packed.flops(tiles), threads)
    shares = min(packed.groups, max(1, -(-wanted // parts)))
    alike = packed.blocks % (packed.group * threads) == 0
    least = min(wanted, threads if alike else 2 * threads)
    more = min(-(-least // shares), tiles // LEAST_PART_TILES)
    if shares == 1 and more > threads:
        more -= more % threads
    return shares, max(parts, more)


def lower_winograd(plan: Plan, packed: PackedWinograd, source: Value, output: Value) -> None:
    """One step that does all, or two where tiles are so few that reading the weights would bind."""
    down, across = packed.tiles_of(output)
    tiles = down * across * plan.images
    fields = {
        "weights": packed.weights.ctypes.data, "biases": packed.biases.ctypes.data, "zeros": packed.zeros.ctypes.data,
        "tiles": run_tiles.address, "forward": forward.address, "inverse": inverse.address,
        "images": plan.images, "height": source.shape[1], "width": source.shape[2],
        "out_blocks": output.blocks, "out_height": output.shape[1], "out_width": output.shape[2],
        "padding": packed.padding, "form": packed.form, "tile": packed.tile,
        "window": packed.window, "stride": packed.stride, "tiles_across": across,
        "tiles_in_image": down * across, "in_blocks": source.blocks, "steps": packed.steps, "turns": packed.turns,
        "depth": packed.depth, "group": packed.group, "accumulators": packed.accumulators, "slope": packed.slope,
    }  # fmt: skip
    if not splits(packed, tiles, plan.threads):
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
    shares, parts = divide_products(packed, tiles, plan.threads)
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
