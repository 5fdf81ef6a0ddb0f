"""Layers near the end of a network: softmax, and values that change places."""

from __future__ import annotations

import numpy as np

from darknetpy.engine.memory import Value
from darknetpy.engine.plan import BLOCKED, PLANAR, Plan
from darknetpy.graph import Node
from darknetpy.kernels.gather import gather_values
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.softmax import scratch_bytes, softmax_values


def lower_softmax(plan: Plan, node: Node) -> bool:
    """Runs of neighbouring values; trees, single pixels and temperatures stay plain."""
    options, (shape,) = node.options, node.input_shapes
    if options.spatial or options.tree is not None or options.temperature != 1:
        return False
    one_pixel = len(shape) == 3 and shape[1:] == (1, 1)
    blocked = one_pixel and plan.is_blocked(node.sources[0])  # channels of a pixel are neighbours in either form
    source, output = plan.value(node.sources[0], blocked), plan.output(node, PLANAR)
    length = node.output_shape[0] // options.groups
    plan.operate(
        softmax_values,
        plan.images * options.groups,
        {"source": source, "out": output},
        {"groups": options.groups, "length": length},
        scratch_bytes=scratch_bytes(length),
    )
    return True


def lower_reorg(plan: Plan, node: Node) -> bool:
    """Values of a blocked array in another order; zeros at the end, and values that get lost, stay plain."""
    options, (shape,) = node.options, node.input_shapes
    if options.extra or shape[0] % options.stride**2 or not plan.is_blocked(node.sources[0]):
        return False
    source, output = plan.value(node.sources[0], BLOCKED), plan.output(node, BLOCKED)
    numbers = np.arange(np.prod(shape)).reshape(1, *shape)
    plan.operate(
        gather_values,
        plan.images * output.blocks,
        {"source": source, "out": output},
        {"blocks": output.blocks, "pixels": output.pixels},
        arrays={"table": places(node.layer.forward([numbers])[0], source)},
    )
    return True


def places(numbers: np.ndarray, source: Value) -> np.ndarray:
    """Where in a blocked source the values of these numbers lie.

    Args:
        numbers: (c, h, w) of values of the source's planar form.
        source: the blocked value.

    Returns:
        (blocks * pixels * 16,) int64 bytes, in the order of a blocked array; lanes without a channel read the first
        value.
    """
    channel, pixel = np.divmod(numbers.reshape(len(numbers), -1), source.pixels)
    offsets = channel // LANES * source.plane_bytes + pixel * LINE + channel % LANES * 4
    padded = np.pad(offsets, ((0, -len(offsets) % LANES), (0, 0)))
    by_block = padded.reshape(-1, LANES, padded.shape[1]).transpose(0, 2, 1)
    return np.ascontiguousarray(by_block, np.int64).ravel()
