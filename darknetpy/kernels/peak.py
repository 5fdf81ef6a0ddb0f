"""What this machine can do at most: loops that only multiply and add, and loops that only read.

Their rates bound every layer: `darknetpy.engine.profile` measures them with the threads that compute.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, Emitter, accumulators, add, intrinsic, load, store

FLOPS_EACH = 2 * LANES  # of a multiply-add of vectors
LINES_A_TURN = 8

MULTIPLYING = record_type(**integers("factors", "turns"))
READING = record_type(**integers("source", "lines"))
_multiplying = reader(MULTIPLYING)
_reading = reader(READING)


def chains() -> int:
    """How many sums `multiply_add` carries: as many as registers hold, so that none waits for itself."""
    return accumulators()


@intrinsic
def _multiply_add(typing: Any, factors: Any, turns: Any, out: Any) -> Any:
    """``turns`` turns of one multiply-add for each chain; their sum goes to ``out``, or nothing would be computed."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        emitter = Emitter(builder)
        address, count, target = values
        factor, addend = emitter.load(address), emitter.load(address, LINE)
        names = [f"sum{number}" for number in range(chains())]
        with emitter.loop(count, **dict.fromkeys(names, addend)) as loop:
            for name in names:
                loop.next[name] = emitter.fma(loop.now[name], factor, addend)
        total = addend
        for name in names:
            total = builder.fadd(total, loop.after[name])
        emitter.store(target, total)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.int64), generate


@operation(MULTIPLYING)
def multiply_add(record: int, chunk: int, scratch: int) -> None:
    """``turns`` x `chains` multiply-adds of vectors, from the two vectors at ``factors``; the sum goes to scratch."""
    fields = _multiplying(record)
    _multiply_add(fields.factors, fields.turns, scratch)


@operation(READING)
def read_lines(record: int, chunk: int, scratch: int) -> None:
    """Read ``lines`` cache lines, a multiple of 8; chunk k those behind the chunks before it. Their sum: scratch."""
    fields = _reading(record)
    at = fields.source + chunk * fields.lines * LINE
    a, b, c, d = load(at), load(at), load(at), load(at)
    for _ in range(fields.lines // LINES_A_TURN):
        a, b = add(a, load(at)), add(b, load(at + LINE))
        c, d = add(c, load(at + 2 * LINE)), add(d, load(at + 3 * LINE))
        a, b = add(a, load(at + 4 * LINE)), add(b, load(at + 5 * LINE))
        c, d = add(c, load(at + 6 * LINE)), add(d, load(at + 7 * LINE))
        at += LINES_A_TURN * LINE
    store(scratch, add(add(a, b), add(c, d)))
