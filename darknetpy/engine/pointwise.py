"""Steps that look at one value at a time, or at one value of each of two arrays: how their work is divided."""

from __future__ import annotations

from darknetpy.engine.convolutions import CHUNKS_PER_THREAD
from darknetpy.engine.memory import Value
from darknetpy.engine.plan import Plan
from darknetpy.kernels.curves import curve_blocks, curve_number, run_curve
from darknetpy.kernels.head import HEAD_SCRATCH, activate_head
from darknetpy.kernels.operations import Operation

LOGISTIC = "logistic"
FIELDS = {"curve", "number"}  # of a record whose operation applies a curve to what it has written
CHUNK_LINES = 4000  # work worth giving to another thread: 10 to 20 us


def divide_lines(value: Value, threads: int) -> int:
    """Parts of each block's pixels: enough for the threads, none too small to be worth sharing."""
    blocks = value.images * value.blocks
    wanted = min(blocks * value.pixels // CHUNK_LINES, CHUNKS_PER_THREAD * threads)
    return max(1, min(-(-wanted // blocks), value.pixels)) if threads > 1 else 1


def apply_curve(plan: Plan, name: str, value: Value) -> bool:
    """Apply an activation to a blocked value where it lies; whether it has a vector form.

    The operations that write the value do it while it is in cache, if their records have fields for it; else it is an
    operation of its own.
    """
    number = curve_number(name)
    if number is None:
        return False
    curve = {"curve": run_curve.address, "number": number}
    writers = plan.writers(value)
    if writers and all(FIELDS.issubset(record.dtype.names or ()) for record in writers):
        for record in writers:
            for field, content in curve.items():
                record[field] = content
        return True
    parts = divide_lines(value, plan.threads)
    fields = {"blocks": value.blocks, "pixels": value.pixels, "parts": parts, **curve}
    plan.operate(curve_blocks, value.images * value.blocks * parts, {"out": value}, fields)
    return True


def multiply(plan: Plan, operation: Operation, factors: Value, source: Value, output: Value, slope: float) -> None:
    """The product of blocked values by one of the operations of `darknetpy.kernels.products`."""
    values = {"factors": factors, "source": source, "out": output}
    fields = {"blocks": output.blocks, "pixels": output.pixels, "slope": slope}
    plan.operate(operation, output.images * output.blocks, values, fields)


def activate_boxes(plan: Plan, source: Value, output: Value, values: int, stretch: float) -> None:
    """The activation of a [yolo] head, on planar values; ``values`` are those of a box."""
    fields = {
        "channels": source.channels, "values": values, "pixels": source.pixels, "stretch": stretch,
        "curve": run_curve.address, "number": curve_number(LOGISTIC) or 0,
    }  # fmt: skip
    chunks = source.images * source.channels
    plan.operate(activate_head, chunks, {"source": source, "out": output}, fields, scratch_bytes=HEAD_SCRATCH)
