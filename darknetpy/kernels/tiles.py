"""The register-blocked tile: a few pixels times a few blocks of 16 output channels, held in registers over the whole sum.

A tile computes, for each of its pixels and 16-channel output blocks,

    out[block, pixel] = rectify(biases[block] + sum over k of source[k, pixel] * weights[k, block])

k runs over steps: step s begins at ``source + offsets[s]``, the address of the first pixel's values. So one tile serves
1x1 filters (a step is an input block), larger filters (a step is a block at one cell of the filter) and fully
connected layers. Sources come in two forms:

- *blocked*: a pixel is a line of 16 channels, and a step is up to 16 values of k;
- *planar*: pixels are neighbouring floats of one channel, and a step is one value of k.

Which tiles won and which lost was measured on AVX-512: 24 accumulators as 6 pixels x 4 blocks load least for each
multiply-add; 24 x 1 needs the fewest bytes of weights, which late layers are short of.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from darknetpy.kernels import compiled_once
from darknetpy.kernels.simd import FLOAT, INT64, LINE, Emitter, accumulators, calling, emit_function

UNROLL = 4  # values of k in one turn of the innermost loop; more gave nothing

BLOCKS = (1, 2, 4)  # output blocks of a tile; a number in between is made of several groups
MANY_REGISTERS = 24
PLANAR_ACCUMULATORS = 12  # enough to hide the latency; the first layer's k is short, and writing binds it


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


class TileEmitter:
    """Emits the function of one tile shape."""

    def __init__(self, pixels: int, blocks: int, planar: bool) -> None:
        self.pixels, self.blocks, self.planar = pixels, blocks, planar
        self.pixel_bytes = 4 if planar else LINE
        self.names = [(pixel, block) for block in range(blocks) for pixel in range(pixels)]

    @property
    def name(self) -> str:
        """The function's name in its module."""
        return f"tile_{self.pixels}x{self.blocks}{'_planar' if self.planar else ''}"

    def run_of_tiles(
        self, emitter: Emitter, count: ir.Value, source: ir.Value, offsets: ir.Value, weights: ir.Value, steps: ir.Value,
        turns: ir.Value, out: ir.Value, out_stride: ir.Value, biases: ir.Value, ahead: ir.Value, ahead_lines: ir.Value,
        ahead_step: ir.Value, slope: ir.Value,
    ) -> None:  # fmt: skip
        """``count`` neighbouring tiles: one call for them all, as a call costs what 30 to 100 cycles of work do."""
        add = emitter.builder.add
        slopes = emitter.splat(slope)
        with emitter.loop(count, source=source, out=out, ahead=ahead) as run:
            now = run.now
            sums = self.sums(emitter, now["source"], offsets, weights, steps, turns, biases, now["ahead"], ahead_lines)
            targets = [add(now["out"], emitter.builder.mul(out_stride, INT64(block))) for block in range(self.blocks)]
            for pixel, block in self.names:
                emitter.store(targets[block], emitter.rectify(sums[pixel, block], slopes), LINE * pixel)
            run.next = {
                "source": add(now["source"], INT64(self.pixel_bytes * self.pixels)),
                "out": add(now["out"], INT64(LINE * self.pixels)),
                "ahead": add(now["ahead"], ahead_step),
            }

    def sums(
        self, emitter: Emitter, source: ir.Value, offsets: ir.Value, weights: ir.Value, steps: ir.Value, turns: ir.Value,
        biases: ir.Value, ahead: ir.Value, ahead_lines: ir.Value,
    ) -> dict[tuple[int, int], ir.Value]:  # fmt: skip
        """The sums of one tile, by (pixel, block); they start with the biases."""
        builder = emitter.builder
        bias = [emitter.load(biases, LINE * block) for block in range(self.blocks)]
        start = {self.key(*name): bias[name[1]] for name in self.names}
        with emitter.loop(steps, weights=weights, ahead=ahead, **start) as outer:
            entry = builder.add(offsets, builder.shl(outer.turn, INT64(3)))
            line = builder.add(source, builder.load(emitter.pointer(entry, INT64)))
            if self.planar:
                sums = self.multiply(emitter, outer.now, outer.now["weights"], line, 0)
                weights_after = builder.add(outer.now["weights"], INT64(LINE * self.blocks))
                outer.next = {**sums, "weights": weights_after, "ahead": ahead}
            else:
                outer.next = self.blocked_step(emitter, outer.now, line, turns, ahead_lines)
        return {name: outer.after[self.key(*name)] for name in self.names}

    def blocked_step(
        self, emitter: Emitter, state: dict[str, ir.Value], line: ir.Value, turns: ir.Value, ahead_lines: ir.Value
    ) -> dict[str, ir.Value]:
        """One block of input channels, `UNROLL` of them a turn; meanwhile the weights after these are fetched."""
        builder = emitter.builder
        with emitter.loop(turns, line=line, **state) as inner:
            with emitter.loop(ahead_lines, ahead=inner.now["ahead"]) as fetch:
                emitter.prefetch(fetch.now["ahead"])
                fetch.next = {"ahead": builder.add(fetch.now["ahead"], INT64(LINE))}
            sums = inner.now
            for k in range(UNROLL):
                sums = self.multiply(emitter, sums, inner.now["weights"], inner.now["line"], k)
            inner.next = {
                **sums,
                "weights": builder.add(inner.now["weights"], INT64(LINE * self.blocks * UNROLL)),
                "line": builder.add(inner.now["line"], INT64(4 * UNROLL)),
                "ahead": fetch.after["ahead"],
            }
        return {name: inner.after[name] for name in state}

    def multiply(
        self, emitter: Emitter, sums: dict[str, ir.Value], weights: ir.Value, line: ir.Value, k: int
    ) -> dict[str, ir.Value]:
        """The sums after one more k: every pixel's value times every block's weights."""
        rows = [emitter.load(weights, LINE * (self.blocks * k + block)) for block in range(self.blocks)]
        changed = {}
        for pixel in range(self.pixels):  # loading all pixels' values first would spill registers
            value = emitter.broadcast(line, self.pixel_bytes * pixel + 4 * k)
            for block, row in enumerate(rows):
                key = self.key(pixel, block)
                changed[key] = emitter.fma(value, row, sums[key])
        return {**sums, **changed}

    @staticmethod
    def key(pixel: int, block: int) -> str:
        """The name of one accumulator among the values that a loop carries."""
        return f"{pixel},{block}"


def _emit_switch(builder: ir.IRBuilder, planar: bool, pixels: ir.Value, blocks: ir.Value, rest: list[ir.Value]) -> None:
    """Call the function of the tile shape asked for."""
    arguments = [*[INT64] * 12, FLOAT]
    done = builder.append_basic_block("done")
    switch = builder.switch(builder.add(builder.mul(blocks, INT64(64)), pixels), done)
    for width, depth in tile_shapes(planar):
        tile = TileEmitter(width, depth, planar)
        function = emit_function(builder.module, tile.name, arguments, tile.run_of_tiles)
        case = builder.append_basic_block(f"case_{tile.name}")
        switch.add_case(INT64(64 * depth + width), case)
        with builder.goto_block(case):
            builder.call(function, rest)
            builder.branch(done)
    builder.position_at_end(done)


def _tile_intrinsic(planar: bool) -> Any:
    """``tile(pixels, blocks, count, source, ...)`` for compiled code: a switch over every shape."""

    @intrinsic
    def tile(
        typing: Any, pixels: Any, blocks: Any, count: Any, source: Any, offsets: Any, weights: Any, steps: Any, turns: Any,
        out: Any, out_stride: Any, biases: Any, ahead: Any, ahead_lines: Any, ahead_step: Any, slope: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
            _emit_switch(builder, planar, values[0], values[1], values[2:])
            return context.get_dummy_value()

        return types.none(*[types.int64] * 14, types.float32), generate

    return tile


_blocked_tile, _planar_tile = _tile_intrinsic(False), _tile_intrinsic(True)
TILE_SIGNATURE = types.void(*[types.int64] * 14, types.float32)
call_tile = calling(TILE_SIGNATURE)


@compiled_once(TILE_SIGNATURE)
def blocked_tiles(
    pixels, blocks, count, source, offsets, weights, steps, turns, out, out_stride, biases, ahead, ahead_lines, ahead_step, slope
):  # fmt: skip
    """Neighbouring tiles of a blocked source; the arguments are those of `TileEmitter.run_of_tiles`."""
    _blocked_tile(
        pixels, blocks, count, source, offsets, weights, steps, turns, out, out_stride, biases, ahead, ahead_lines, ahead_step, slope
    )  # fmt: skip


@compiled_once(TILE_SIGNATURE)
def planar_tiles(
    pixels, blocks, count, source, offsets, weights, steps, turns, out, out_stride, biases, ahead, ahead_lines, ahead_step, slope
):  # fmt: skip
    """Neighbouring tiles of a planar source."""
    _planar_tile(
        pixels, blocks, count, source, offsets, weights, steps, turns, out, out_stride, biases, ahead, ahead_lines, ahead_step, slope
    )  # fmt: skip
