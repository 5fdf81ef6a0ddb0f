"""Updates of large arrays from their gradients: the formulas of `darknetpy.training.optimizers`, in the same order.

Arrays are flat, float32, of any length. A chunk is `CHUNK` values; it goes by runs of `RUN`. A run whose new values
would not all be finite is left as it was, and so are its memories, and the chunk notes the first such value. Steps
follow each other as there; the CPU may round a product and a sum in one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from darknetpy.kernels import kernel
from darknetpy.kernels.layout import copy_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import (
    LANES,
    LINE,
    VECTOR,
    Emitter,
    add,
    intrinsic,
    load,
    load_float,
    maximum,
    minimum,
    multiply,
    splat,
    store,
    store_float,
    subtract,
    vector,
)

CHUNK = 1 << 16
RUN = 1 << 12
LARGEST = float(np.finfo(np.float32).max)
UPDATE_SCRATCH = 4 * RUN * 4 + LINE
"""Bytes of scratch memory that an update needs: a run of the array, its gradient and two memories, and a line."""

_UPDATE = integers("array", "gradient", "count", "trouble")
_LIMIT = {"limit": "f4"}
MOMENTUM = record_type(**_UPDATE, **integers("velocity"), **_LIMIT, momentum="f4", decay="f4", rate="f4")
"""array, gradient, velocity: addresses of ``count`` float32 values. trouble: that of a float32 for each chunk, which
becomes 0 or the first value that is not finite. limit: of the values' size, as [net] clip, or 0 for none.

momentum; decay: decay * batch; rate: rate / batch.
"""
ADAM = record_type(
    **_UPDATE, **integers("mean", "square"), **_LIMIT,
    first="f4", first_rest="f4", second="f4", second_rest="f4", first_share="f4", second_share="f4",
    epsilon="f4", decay="f4", shrinking="f4", rate="f4",
)  # fmt: skip
"""array, gradient, mean, square: addresses of ``count`` float32 values; trouble, limit: as in `MOMENTUM`.

first, second: B1 and B2; first_rest, second_rest: 1 - B1 and 1 - B2; first_share, second_share: 1 - B1^t and 1 - B2^t
of update t. decay: decay * batch for Adam, 0 for AdamW; shrinking: 1 for Adam, 1 - rate * decay for AdamW.
"""
_read_momentum, _read_adam = reader(MOMENTUM), reader(ADAM)


def chunks_of(count: int) -> int:
    """How many chunks an update of so many values has."""
    return -(-count // CHUNK)


@operation(MOMENTUM)
def momentum(record: int, chunk: int, scratch: int) -> None:
    """velocity = momentum * velocity + gradient + decay * array; array -= rate * velocity."""
    update = _read_momentum(record)
    keep, decay, rate = splat(update.momentum), splat(update.decay), splat(update.rate)
    array, gradient, velocity, line = scratch, scratch + 4 * RUN, scratch + 8 * RUN, scratch + 16 * RUN
    trouble = update.trouble + 4 * chunk
    store_float(trouble, 0.0)
    for first in range(chunk * CHUNK, min((chunk + 1) * CHUNK, update.count), RUN):
        at, count = 4 * first, min(RUN, update.count - first)
        values = in_whole_lines(update.array + at, array, count)
        gradients = in_whole_lines(update.gradient + at, gradient, count)
        velocities = in_whole_lines(update.velocity + at, velocity, count)
        for i in range(0, 4 * count, LINE):
            value = load(values + i)
            moved = add(multiply(keep, load(velocities + i)), load(gradients + i))
            if update.decay != 0:
                moved = add(moved, multiply(decay, value))
            store(velocity + i, moved)
            store(array + i, subtract(value, multiply(rate, moved)))
        if accept(array, count, update.limit, trouble, line):
            copy_floats(array, update.array + at, count)
            copy_floats(velocity, update.velocity + at, count)


@operation(ADAM)
def adam(record: int, chunk: int, scratch: int) -> None:
    """array *= shrinking; g = gradient + decay * array; mean = B1 mean + (1 - B1) g; square = B2 square + (1 - B2) g^2;
    array -= rate * mean / (1 - B1^t) / (sqrt(square / (1 - B2^t)) + epsilon).
    """
    update = _read_adam(record)
    decay, rate, epsilon = splat(update.decay), splat(update.rate), splat(update.epsilon)
    keep, rest, share = splat(update.first), splat(update.first_rest), splat(update.first_share)
    square_keep, square_rest, square_share = splat(update.second), splat(update.second_rest), splat(update.second_share)
    array, gradient, mean, square = scratch, scratch + 4 * RUN, scratch + 8 * RUN, scratch + 12 * RUN
    trouble, line, shrinking = update.trouble + 4 * chunk, scratch + 16 * RUN, splat(update.shrinking)
    store_float(trouble, 0.0)
    for first in range(chunk * CHUNK, min((chunk + 1) * CHUNK, update.count), RUN):
        at, count = 4 * first, min(RUN, update.count - first)
        values = in_whole_lines(update.array + at, array, count)
        gradients = in_whole_lines(update.gradient + at, gradient, count)
        means = in_whole_lines(update.mean + at, mean, count)
        squares = in_whole_lines(update.square + at, square, count)
        for i in range(0, 4 * count, LINE):
            value, given = multiply(shrinking, load(values + i)), load(gradients + i)
            if update.decay != 0:
                given = add(given, multiply(decay, value))
            middle = add(multiply(keep, load(means + i)), multiply(rest, given))
            size = add(multiply(square_keep, load(squares + i)), multiply(multiply(square_rest, given), given))
            store(mean + i, middle)
            store(square + i, size)
            step = divide_lines(multiply(rate, divide_lines(middle, share)),
                                add(root(divide_lines(size, square_share)), epsilon))  # fmt: skip
            store(array + i, subtract(value, step))
        if accept(array, count, update.limit, trouble, line):
            copy_floats(array, update.array + at, count)
            copy_floats(mean, update.mean + at, count)
            copy_floats(square, update.square + at, count)


@kernel
def in_whole_lines(source: int, spare: int, count: int) -> int:
    """Where floats can be read in whole lines: at their place, or at ``spare``, to which they are copied then."""
    if count % LANES == 0:
        return source
    copy_floats(source, spare, count)
    return spare


@kernel
def accept(array: int, count: int, limit: float, trouble: int, line: int) -> bool:
    """Whether all new values are finite, once they are limited; else the first that is not goes to ``trouble``.

    ``trouble`` keeps what it has from an earlier run of its chunk. line: memory for a line.
    """
    lines = (count + LANES - 1) // LANES
    for behind in range(count, lines * LANES):
        store_float(array + 4 * behind, 0.0)
    high, low = splat(limit), splat(-limit)
    none = seen = splat(0.0)
    for at in range(array, array + lines * LINE, LINE):
        if limit > 0:
            store(at, minimum(maximum(load(at), low), high))
        seen = add(seen, multiply(load(at), none))  # NaN from a value that is not finite
    store(line, seen)
    total = 0.0
    for lane in range(LANES):
        total += load_float(line + 4 * lane)
    if total == 0:
        return True
    if load_float(trouble) == 0:
        store_float(trouble, first_not_finite(array))
    return False


@kernel
def first_not_finite(address: int) -> float:
    """The first float that is infinite or NaN, from an address on; there must be one."""
    while abs(load_float(address)) <= LARGEST:
        address += 4
    return load_float(address)


@intrinsic
def divide_lines(typing: Any, x: Any, y: Any) -> Any:
    """x / y."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        return builder.fdiv(*values)

    return vector(vector, vector), generate


@intrinsic
def root(typing: Any, x: Any) -> Any:
    """The square root of x."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        return Emitter(builder).call(f"llvm.sqrt.v{LANES}f32", VECTOR, values[0])

    return vector(vector), generate
