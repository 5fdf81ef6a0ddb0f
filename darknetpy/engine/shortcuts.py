"""Sums of layers: the array that is added, at the end of a convolution or by operations of their own."""

from __future__ import annotations

from collections.abc import Mapping

from darknetpy.engine.convolutions import CHUNKS_PER_THREAD, Packed, PackedConvolution
from darknetpy.engine.memory import Shape, Value
from darknetpy.engine.plan import BLOCKED, Plan
from darknetpy.engine.pointwise import CHUNK_LINES
from darknetpy.engine.winograd import PackedWinograd
from darknetpy.graph import Node
from darknetpy.kernels.activations import ACTIVATIONS
from darknetpy.kernels.simd import LANES
from darknetpy.kernels.sums import add_blocks, sample_pixels

UNCHANGED = 1.0  # the slope of a sum to which more is added


def adding_groups(packed: Mapping[int, Packed]) -> dict[int, int]:
    """The layers whose kernels can add another array to their output -> how many blocks these treat alike."""
    groups = {}
    for index, weights in packed.items():
        if isinstance(weights, PackedWinograd):
            groups[index] = 1
        elif isinstance(weights, PackedConvolution) and not weights.planar:
            groups[index] = weights.group
    return groups


def output_and_addend(plan: Plan, node: Node) -> tuple[Value, Value | None]:
    """Where a convolution writes, and what it adds: its own array and nothing, or those of the sum that it forms.

    A kernel that writes its sums before it applies a curve to them needs an array beside the other one.
    """
    found = plan.sums.get(node.index)
    if found is None:
        return plan.output(node, BLOCKED), None
    shortcut = plan.graph.nodes[found.shortcut]
    other = plan.value(found.other, BLOCKED)
    addend = value_to_add(plan, other, node.output_shape)
    curve = ACTIVATIONS[node.options.activation].slope is None
    too_early = curve and isinstance(plan.packed[node.index], PackedConvolution)
    if found.in_place and addend is other and other.shape == node.output_shape and not too_early:
        plan.put_in_place(shortcut, other)
        return other, other
    return plan.output(shortcut, BLOCKED), addend


def value_to_add(plan: Plan, source: Value, shape: Shape) -> Value:
    """A blocked value as far as it is added to a picture of this shape, on that picture's grid.

    Darknet adds the channels that both have; of a larger picture every second (third, ...) row and column, of a smaller
    one each to every second (third, ...). A picture with fewer channels of whole blocks is left as it is.
    """
    channels = min(source.channels, shape[0])
    alike = source.channels == shape[0] or channels % LANES == 0
    if alike and source.shape[1:] == shape[1:]:
        return source
    sampled = plan.new_value((channels, *shape[1:]), BLOCKED)
    (height, width), (source_height, source_width) = shape[1:], source.shape[1:]
    fields = {
        "blocks": sampled.blocks, "channels": channels, "width": source_width,
        "out_pixels": sampled.pixels, "out_width": width,
        "rows": min(height, source_height), "columns": min(width, source_width),
        "stride": max(source_width // width, 1), "spread": max(width // source_width, 1),
    }  # fmt: skip
    plan.operate(sample_pixels, plan.images * sampled.blocks, {"source": source, "out": sampled}, fields)
    return sampled


def add_values(plan: Plan, source: Value, others: list[Value], output: Value, slope: float) -> None:
    """The sum of blocked values; all but the first are as `value_to_add` makes them. ``slope`` is that of the sum."""
    for number, other in enumerate(others, 1):
        parts = divide_all_lines(output, plan.threads)
        fields = {
            "blocks": output.blocks, "pixels": output.pixels, "images": output.images, "parts": parts,
            "other_blocks": other.blocks, "slope_of_sum": slope if number == len(others) else UNCHANGED,
        }  # fmt: skip
        plan.operate(add_blocks, parts, {"source": source, "other": other, "out": output}, fields)
        source = output


def divide_all_lines(value: Value, threads: int) -> int:
    """Parts of all lines of a value: enough for the threads, none too small to be worth sharing."""
    lines = value.images * value.blocks * value.pixels
    return max(1, min(lines // CHUNK_LINES, CHUNKS_PER_THREAD * threads)) if threads > 1 else 1
