"""The register-blocked sum of outer products, of which gradients by filters are made.

For some rows and some blocks of 16 lanes

    out[row, block] = (out[row, block] or 0) + sum over cells t of source[row, t] * lines[t, block]

The sums stay in registers over all cells. A row's values are floats at ``source + offsets[row]``, ``source_step`` bytes
from cell to cell: one lane of channel-blocked lines, or neighbouring floats of a planar picture.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from darknetpy.kernels import compiled_once
from darknetpy.kernels.simd import INT64, LANES, LINE, VECTOR, Emitter, accumulators, calling, emit_choice, intrinsic
from darknetpy.kernels.tiles import BLOCKS, most_blocks

MOST_ROWS = 8  # each has an address in a register of its own


def most_outer_rows(blocks: int) -> int:
    """Rows of the largest sum of so many blocks that this CPU's registers hold."""
    return max(1, min(accumulators() // blocks, MOST_ROWS))


def outer_shapes() -> list[tuple[int, int]]:
    """Every (rows, blocks) that is compiled for this CPU."""
    depths = [blocks for blocks in BLOCKS if blocks <= most_blocks(planar=False)]
    return [(rows, blocks) for blocks in depths for rows in range(1, most_outer_rows(blocks) + 1)]


def _emit(rows: int, blocks: int) -> Any:
    """The body for one shape."""
    places = [(row, block) for row in range(rows) for block in range(blocks)]

    def body(
        emitter: Emitter, count: ir.Value, source: ir.Value, offsets: ir.Value, source_step: ir.Value,
        lines: ir.Value, out: ir.Value, adding: ir.Value,
    ) -> None:  # fmt: skip
        builder = emitter.builder
        first = [builder.add(source, builder.load(emitter.pointer(offsets, INT64, 8 * row))) for row in range(rows)]
        before, adds, start = builder.block, builder.append_basic_block("adds"), builder.append_basic_block("start")
        builder.cbranch(builder.icmp_signed("!=", adding, INT64(0)), adds, start)
        builder.position_at_end(adds)
        known = [emitter.load(out, LINE * (row * blocks + block)) for row, block in places]
        builder.branch(start)
        builder.position_at_end(start)
        sums: dict[str, ir.Value] = {}
        for place, value in zip(places, known, strict=True):
            phi = builder.phi(VECTOR)
            phi.add_incoming(ir.Constant(VECTOR, [0.0] * LANES), before)
            phi.add_incoming(value, adds)
            sums[f"{place}"] = phi
        with emitter.loop(count, lines=lines, at=INT64(0), **sums) as cells:
            now = cells.now
            line = [emitter.load(now["lines"], LINE * block) for block in range(blocks)]
            for row in range(rows):
                value = emitter.broadcast(builder.add(first[row], now["at"]))
                for block in range(blocks):
                    cells.next[f"{(row, block)}"] = emitter.fma(value, line[block], now[f"{(row, block)}"])
            cells.next["lines"] = builder.add(now["lines"], INT64(LINE * blocks))
            cells.next["at"] = builder.add(now["at"], source_step)
        for row, block in places:
            emitter.store(out, cells.after[f"{(row, block)}"], LINE * (row * blocks + block))

    return body


@intrinsic
def _outer_of_shape(typing: Any, rows: Any, blocks: Any, given: Any) -> Any:
    kinds = [INT64] * 7

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        arguments = [builder.extract_value(values[2], i) for i in range(len(kinds))]
        shapes = outer_shapes()
        cases = (((blocks << 8) + rows, f"outer_{rows}x{blocks}", _emit(rows, blocks)) for rows, blocks in shapes)
        emit_choice(builder, builder.add(builder.shl(values[1], INT64(8)), values[0]), cases, arguments)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, given), generate


OUTER_SIGNATURE = types.void(*[types.int64] * 9)
call_outer = calling(OUTER_SIGNATURE)


@compiled_once(OUTER_SIGNATURE)
def run_outer(
    rows: int, blocks: int, count: int, source: int, offsets: int, source_step: int, lines: int, out: int, adding: int
) -> None:
    """One sum of ``rows`` x ``blocks``, one of `outer_shapes`, over ``count`` cells, at least one.

    lines: (count, blocks, 16); out: (rows, blocks, 16), read as well where ``adding`` is not 0.
    """
    _outer_of_shape(rows, blocks, (count, source, offsets, source_step, lines, out, adding))
