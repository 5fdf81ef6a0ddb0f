"""Steps that look at one value at a time, or at one value of each of two arrays: how their work is divided."""

from __future__ import annotations

from darknetpy.engine.convolutions import CHUNKS_PER_THREAD
from darknetpy.engine.memory import Value
from darknetpy.engine.plan import Plan
from darknetpy.kernels.blocked import SEPARABLE, average_pixels, pool_maximum
from darknetpy.kernels.curves import curve_blocks, curve_number, run_curve
from darknetpy.kernels.head import HEAD_SCRATCH, activate_head
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.simd import LINE

LOGISTIC = "logistic"
FIELDS = {"curve", "number"}  # of a record whose operation applies a curve to what it has written
CHUNK_LINES = 4000  # work worth giving to another thread: 10 to 20 us
FEW_LINES = 700  # work worth a chunk of its own: 1 to 2 us


def divide_lines(value: Value, threads: int) -> int:
    """Parts of each block's pixels: enough for the threads, none too small to be worth sharing."""
    blocks = value.images * value.blocks
    wanted = min(blocks * value.pixels // CHUNK_LINES, CHUNKS_PER_THREAD * threads)
    return max(1, min(-(-wanted // blocks), value.pixels)) if threads > 1 else 1


def units_and_chunks(units: int, lines: int, threads: int) -> dict[str, float]:
    """The fields of a record whose operation shares units, together so many lines, out to chunks."""
    wanted = min(lines // FEW_LINES, CHUNKS_PER_THREAD * threads)
    return {"units": units, "chunks": min(units, -(-wanted // threads) * threads) if threads > 1 and wanted > 1 else 1}


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
    units = output.images * output.blocks
    shared = units_and_chunks(units, units * output.pixels, plan.threads)
    fields = {"blocks": output.blocks, "pixels": output.pixels, "slope": slope, **shared}
    plan.operate(operation, int(shared["chunks"]), values, fields)


def pool(plan: Plan, source: Value, output: Value, fields: dict[str, float]) -> None:
    """The largest value in each window; ``fields`` describe the windows."""
    size, stride = int(fields["size"]), int(fields["stride_y"])
    parts = min(divide_lines(source, plan.threads), output.shape[1])
    units = source.images * source.blocks * parts
    shared = units_and_chunks(units, units * source.pixels // parts, plan.threads)
    rows = -(-output.shape[1] // parts)
    plan.operate(
        pool_maximum,
        int(shared["chunks"]),
        {"source": source, "out": output},
        {"blocks": source.blocks, "parts": parts, **fields, **shared},
        scratch_bytes=((rows - 1) * stride + size) * output.shape[2] * LINE if size >= SEPARABLE else 0,
    )


def average(plan: Plan, source: Value, output: Value) -> None:
    """The mean of all pixels of each channel."""
    units = source.images * source.blocks
    shared = units_and_chunks(units, units * source.pixels, plan.threads)
    fields = {"blocks": source.blocks, "pixels": source.pixels, **shared}
    plan.operate(average_pixels, int(shared["chunks"]), {"source": source, "out": output}, fields)


def activate_boxes(plan: Plan, source: Value, output: Value, values: int, stretch: float, *, activated: bool) -> None:
    """The activation of a [yolo] head, on planar values; ``values`` are those of a box, and may come activated."""
    fields = {
        "channels": source.channels, "values": values, "pixels": source.pixels, "stretch": stretch,
        "curve": 0 if activated else run_curve.address, "number": curve_number(LOGISTIC) or 0,
    }  # fmt: skip
    chunks = source.images * source.channels
    plan.operate(activate_head, chunks, {"source": source, "out": output}, fields, scratch_bytes=HEAD_SCRATCH)
