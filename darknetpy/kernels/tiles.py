"""The register-blocked tile: a few pixels times a few blocks of 16 output channels, in registers over the whole sum.

A tile computes, for each of its pixels and 16-channel output blocks,

    out[block, pixel] = rectify(biases[block] + sum over k of source[k, pixel] * weights[k, block])

and, where another array is added to its output (a [shortcut] behind a convolution),

    out[block, pixel] = rectify(the same + other[block, pixel], with a slope of its own)

k runs over steps: step s begins at ``source + offsets[s]``, the address of the first pixel's values. So one tile serves
1x1 filters (a step is an input block), larger filters (a step is a block at one cell of the filter) and fully
connected layers. Sources come in two forms:

- *blocked*: a pixel is a line of 16 channels, and a step is ``4 * turns`` values of k, up to 16;
- *planar*: pixels are neighbouring floats of one channel, and a step is one value of k. ``turns`` is 0.

Which tiles won and which lost was measured on AVX-512: 24 accumulators as 6 pixels x 4 blocks load least for each
multiply-add; 24 x 1 needs the fewest bytes of weights at a time, which late layers are short of.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types

from darknetpy.kernels import compiled_once
from darknetpy.kernels.simd import (
    FLOAT,
    INT64,
    LINE,
    VECTOR,
    Emitter,
    accumulators,
    calling,
    emit_choice,
    emit_function,
    intrinsic,
)

UNROLL = 4  # values of k in one turn of the innermost loop; more gave nothing
BLOCKS = (1, 2, 4)  # output blocks of a tile; a number in between is made of several groups
MANY_REGISTERS = 24
FAR_PIXELS = 48  # so far ahead is fetched what comes from memory; half of it gained half as much
PLANAR_ACCUMULATORS = 12  # enough to hide the latency; the first layer's k is short, and writing binds it
FEW_BLOCKS = 2  # up to here a sum has so many k, mostly, that adding another array may take some time


def tile_accumulators(planar: bool) -> int:
    """Sums that a full tile holds in this CPU's registers; its width is this divided by its blocks."""
    return min(accumulators(), PLANAR_ACCUMULATORS) if planar else accumulators()


def most_blocks(planar: bool) -> int:
    """The most output blocks of a tile; CPUs with few registers are best off with one."""
    if accumulators() < MANY_REGISTERS:
        return 1
    return 2 if planar else 4


def tile_shapes(planar: bool) -> list[tuple[int, int]]:
    """Every (pixels, blocks) that is compiled for this CPU: all widths, so that no run of pixels ends in a stub."""
    depths = [blocks for blocks in BLOCKS if blocks <= most_blocks(planar)]
    return [(width, blocks) for blocks in depths for width in range(1, tile_accumulators(planar) // blocks + 1)]


class Tiles(NamedTuple):
    """What a function of tiles is given: addresses, counts and strides in bytes, as LLVM values."""

    count: ir.Value
    source: ir.Value
    offsets: ir.Value
    weights: ir.Value
    steps: ir.Value
    turns: ir.Value
    out: ir.Value
    out_stride: ir.Value
    biases: ir.Value
    ahead: ir.Value
    ahead_lines: ir.Value
    other: ir.Value
    other_stride: ir.Value
    slope: ir.Value
    slope_of_sum: ir.Value


FLOATS = 2  # of these values, the last ones


Sums = dict[str, ir.Value]


class TileEmitter:
    """Emits the function of one tile shape: ``count`` neighbouring tiles, as a call costs what 30 to 100 cycles do.

    In each turn of the innermost loop of a blocked source, ``ahead_lines`` lines from ``ahead`` on are fetched into the
    second-level cache: the weights that will be needed next. An ``other`` at address 0 is none.

    An ``ahead`` of 0 says that weights are few, and pixels far away: fetched are then the source's pixels that come
    `FAR_PIXELS` later, and the lines that the tile will write.
    """

    def __init__(self, pixels: int, blocks: int, planar: bool) -> None:
        self.blocks, self.planar = blocks, planar
        self.pixels = pixels
        self.pixel_bytes = 4 if planar else LINE
        self.places = [(pixel, block) for block in range(blocks) for pixel in range(pixels)]
        self.name = f"tile_{pixels}x{blocks}{'_planar' if planar else ''}"

    def run(self, emitter: Emitter, *values: ir.Value) -> None:
        """The whole function."""
        given, builder = Tiles(*values), emitter.builder
        slopes = emitter.splat(given.slope)
        adding = is_there(emitter, given.other)
        unchanged = builder.and_(builder.fcmp_ordered("==", given.slope, FLOAT(1.0)), builder.not_(adding))
        turns_in_tile = builder.mul(given.steps, given.turns)
        ahead_bytes = builder.mul(builder.mul(given.ahead_lines, INT64(LINE)), turns_in_tile)
        far = builder.not_(is_there(emitter, given.ahead))
        buffer = builder.ptrtoint(builder.alloca(VECTOR, size=len(self.places)), INT64)
        begin = {"source": given.source, "out": given.out, "ahead": given.ahead, "other": given.other}
        with emitter.loop(given.count, **begin) as tiles:
            now = tiles.now
            lines = self.lines(emitter, now["out"], given.out_stride)
            with builder.if_then(far):
                for line in lines:
                    emitter.prefetch_to_write(line)
            sums = self.tile(emitter, given._replace(source=now["source"], ahead=now["ahead"]), far)
            results = [sums[self.key(*place)] for place in self.places]
            if self.adds_later:
                stride = builder.select(adding, INT64(LINE * self.pixels), given.out_stride)
                lines = self.lines(emitter, builder.select(adding, buffer, now["out"]), stride)
            with builder.if_else(unchanged) as (as_they_are, rectified):
                with as_they_are:
                    store_all(emitter, lines, results)
                with rectified:
                    results = [emitter.rectify(result, slopes) for result in results]
                    if self.blocks > FEW_BLOCKS:
                        others = self.lines(emitter, now["other"], given.other_stride)
                        results = add_if(emitter, adding, results, others, given.slope_of_sum)
                    store_all(emitter, lines, results)
            if self.adds_later:
                with builder.if_then(adding):
                    self.add_to_tile(emitter, given._replace(out=now["out"], other=now["other"]), buffer)
            tiles.next = {
                "source": builder.add(now["source"], INT64(self.pixel_bytes * self.pixels)),
                "out": builder.add(now["out"], INT64(LINE * self.pixels)),
                "ahead": builder.add(now["ahead"], ahead_bytes),
                "other": builder.add(now["other"], INT64(LINE * self.pixels)),
            }

    @property
    def adds_later(self) -> bool:
        """Whether the sum with another array is left to a function that all shapes share: no time to compile."""
        return not self.planar and self.blocks <= FEW_BLOCKS

    def add_to_tile(self, emitter: Emitter, given: Tiles, tile: ir.Value) -> None:
        """Write the tile's lines plus the other lines. The tile lies apart: ``out`` and ``other`` may be one."""
        values = [tile, given.out, given.out_stride, given.other, given.other_stride]
        kinds = [*[INT64] * (len(values) + 2), FLOAT]
        function = emit_function(emitter.builder.module, "add_to_tile", kinds, emit_addition)
        emitter.builder.call(function, [INT64(self.pixels), INT64(self.blocks), *values, given.slope_of_sum])

    def lines(self, emitter: Emitter, address: ir.Value, stride: ir.Value) -> list[ir.Value]:
        """Addresses of the tile's lines, in the order of ``places``, in an array whose blocks are ``stride`` apart."""
        builder = emitter.builder
        rows = [builder.add(address, builder.mul(stride, INT64(block))) for block in range(self.blocks)]
        return [builder.add(rows[block], INT64(LINE * pixel)) for pixel, block in self.places]

    def tile(self, emitter: Emitter, given: Tiles, far: ir.Value) -> Sums:
        """The sums of one tile; they start with the biases."""
        builder = emitter.builder
        biases = [emitter.load(given.biases, LINE * block) for block in range(self.blocks)]
        start = {self.key(pixel, block): biases[block] for pixel, block in self.places}
        with emitter.loop(given.steps, weights=given.weights, ahead=given.ahead, **start) as steps:
            entry = builder.add(given.offsets, builder.shl(steps.turn, INT64(3)))
            line = builder.add(given.source, builder.load(emitter.pointer(entry, INT64)))
            if self.planar:
                steps.next = self.planar_step(emitter, steps.now, line)
            else:
                steps.next = self.blocked_step(emitter, steps.now, line, given, far)
        return steps.after

    def planar_step(self, emitter: Emitter, now: Sums, line: ir.Value) -> Sums:
        """The state after one channel at one cell of the filter."""
        weights = emitter.builder.add(now["weights"], INT64(LINE * self.blocks))
        return {**self.multiply(emitter, now, line, 0), "weights": weights}

    def blocked_step(self, emitter: Emitter, now: Sums, line: ir.Value, given: Tiles, far: ir.Value) -> Sums:
        """The state after one block of input channels, `UNROLL` of them a turn."""
        builder = emitter.builder
        now = {**now, "ahead": builder.select(far, builder.add(line, INT64(LINE * FAR_PIXELS)), now["ahead"])}
        with emitter.loop(given.turns, line=line, **now) as turns:
            with emitter.loop(given.ahead_lines, ahead=turns.now["ahead"]) as fetches:
                emitter.prefetch(fetches.now["ahead"])
                fetches.next = {"ahead": builder.add(fetches.now["ahead"], INT64(LINE))}
            sums = turns.now
            for k in range(UNROLL):
                sums = self.multiply(emitter, sums, turns.now["line"], k)
            turns.next = {
                **sums,
                "weights": builder.add(turns.now["weights"], INT64(LINE * self.blocks * UNROLL)),
                "line": builder.add(turns.now["line"], INT64(4 * UNROLL)),
                "ahead": fetches.after["ahead"],
            }
        return {name: turns.after[name] for name in now}

    def multiply(self, emitter: Emitter, sums: Sums, line: ir.Value, k: int) -> Sums:
        """The sums after one more k: every pixel's value times every block's weights."""
        weights = [emitter.load(sums["weights"], LINE * (self.blocks * k + block)) for block in range(self.blocks)]
        changed = dict(sums)
        for pixel in range(self.pixels):  # loading all pixels' values first would spill registers
            value = emitter.broadcast(line, self.pixel_bytes * pixel + 4 * k)
            for block, weight in enumerate(weights):
                key = self.key(pixel, block)
                changed[key] = emitter.fma(value, weight, sums[key])
        return changed

    @staticmethod
    def key(pixel: int, block: int) -> str:
        """The name of one sum among the values that a loop carries."""
        return f"{pixel},{block}"


def emit_addition(
    emitter: Emitter, pixels: ir.Value, blocks: ir.Value, tile: ir.Value, out: ir.Value, out_stride: ir.Value,
    other: ir.Value, other_stride: ir.Value, slope: ir.Value,
) -> None:  # fmt: skip
    """The body of: rectify(tile + other), for some pixels of some blocks."""
    builder, slopes = emitter.builder, emitter.splat(slope)
    with emitter.loop(blocks, tile=tile, out=out, other=other) as rows:
        with emitter.loop(pixels, **rows.now) as lines:
            total = builder.fadd(emitter.load(lines.now["tile"]), emitter.load(lines.now["other"]))
            emitter.store(lines.now["out"], emitter.rectify(total, slopes))
            lines.next = {name: builder.add(line, INT64(LINE)) for name, line in lines.now.items()}
        rows.next = {
            "tile": lines.after["tile"],
            "out": builder.add(rows.now["out"], out_stride),
            "other": builder.add(rows.now["other"], other_stride),
        }


def store_all(emitter: Emitter, addresses: list[ir.Value], values: list[ir.Value]) -> None:
    """Write each line to its address."""
    for address, value in zip(addresses, values, strict=True):
        emitter.store(address, value)


def is_there(emitter: Emitter, address: ir.Value) -> ir.Value:
    """Whether an address is that of something: not 0."""
    return emitter.builder.icmp_signed("!=", address, INT64(0))


def add_if(
    emitter: Emitter, condition: ir.Value, values: list[ir.Value], others: list[ir.Value], slope: ir.Value
) -> list[ir.Value]:
    """The values; or, where the condition holds, rectify(value + the line at its address in ``others``).

    A branch, so that whoever adds nothing reads nothing and computes nothing.
    """
    builder = emitter.builder
    before, adding, behind = builder.block, *(builder.append_basic_block(name) for name in ("adding", "behind"))
    builder.cbranch(condition, adding, behind)
    builder.position_at_end(adding)
    slopes = emitter.splat(slope)
    sums = []
    for value, at in zip(values, others, strict=True):  # one after the other, or registers spill
        sums.append(emitter.rectify(builder.fadd(value, emitter.load(at)), slopes))
    builder.branch(behind)
    builder.position_at_end(behind)
    results = []
    for value, total in zip(values, sums, strict=True):
        result = builder.phi(value.type)
        result.add_incoming(value, before)
        result.add_incoming(total, adding)
        results.append(result)
    return results


@intrinsic
def _tiles_of_shape(typing: Any, pixels: Any, blocks: Any, given: Any) -> Any:
    """A switch over the functions of all shapes; ``given`` is the tuple of `Tiles`."""
    kinds = [*[INT64] * (len(Tiles._fields) - FLOATS), *[FLOAT] * FLOATS]

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        arguments = [builder.extract_value(values[2], i) for i in range(len(kinds))]
        turns = arguments[Tiles._fields.index("turns")]
        planar = builder.zext(builder.icmp_signed("==", turns, INT64(0)), INT64)
        choice = builder.add(builder.shl(builder.add(builder.shl(planar, INT64(8)), values[1]), INT64(8)), values[0])
        tiles = [TileEmitter(*shape, planar) for planar in (False, True) for shape in tile_shapes(planar)]
        cases = (((tile.planar << 16) + (tile.blocks << 8) + tile.pixels, tile.name, tile.run) for tile in tiles)
        emit_choice(builder, choice, cases, arguments)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, given), generate


TILE_SIGNATURE = types.void(*[types.int64] * (len(Tiles._fields) + 2 - FLOATS), *[types.float32] * FLOATS)
call_tiles = calling(TILE_SIGNATURE)


@compiled_once(TILE_SIGNATURE)
def run_tiles(
    pixels: int, blocks: int, count: int, source: int, offsets: int, weights: int, steps: int, turns: int,
    out: int, out_stride: int, biases: int, ahead: int, ahead_lines: int, other: int, other_stride: int,
    slope: float, slope_of_sum: float,
) -> None:  # fmt: skip
    """``count`` neighbouring tiles of ``pixels`` x ``blocks``, one of `tile_shapes`; see `Tiles` and `TileEmitter`."""
    given = (
        count, source, offsets, weights, steps, turns, out, out_stride, biases, ahead, ahead_lines,
        other, other_stride, slope, slope_of_sum,
    )  # fmt: skip
    _tiles_of_shape(pixels, blocks, given)
