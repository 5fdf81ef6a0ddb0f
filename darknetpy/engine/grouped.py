"""Grouped convolutions for the engine: slices of whole blocks of channels, each a convolution of its own."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from darknetpy.engine.convolutions import Geometry, Packed, PackedConvolution, divide_pixels, divide_rows
from darknetpy.engine.memory import FLOAT_BYTES, Value, aligned_zeros
from darknetpy.engine.plan import BLOCKED, Plan
from darknetpy.kernels.convolution import convolve_pixels, convolve_rows
from darknetpy.kernels.grouped import RECORD_BYTES, convolve_slices
from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.simd import LANES

MOST_GROUPS = 16  # in a slice: beyond, the products with zeros take longer than the plain form,
FEW_CHANNELS = 64  # unless there are so few channels that they cost next to nothing


def groups_in_slice(groups: int, channels: int, filters: int) -> int | None:
    """How many groups make a slice of whole blocks of 16, given channels and filters of a group.

    None where that would be too many. The last slice may be smaller, but not by a block.

    >>> groups_in_slice(32, 4, 4), groups_in_slice(2, 48, 128), groups_in_slice(2, 3, 3)
    (4, 1, 2)
    """
    together = math.lcm(*(LANES // math.gcd(LANES, number) for number in (channels, filters)))
    left = groups % together
    if left and any(blocks_of(left * number) != together * number // LANES for number in (channels, filters)):
        together = groups
    together = min(together, groups)
    return together if together <= MOST_GROUPS or groups * channels <= FEW_CHANNELS else None


def spread(weights: np.ndarray, groups: int, together: int) -> np.ndarray:
    """Filters (filters, channels / groups, size, size) of several groups as those of one: zeros for other groups.

    The channels are those of ``together`` groups, which may be more than there are filters for.
    """
    filters, channels, *window = weights.shape
    result = np.zeros((groups, filters // groups, together, channels, *window), np.float32)
    for group, part in enumerate(np.split(weights, groups)):
        result[group, :, group] = part
    return result.reshape(filters, together * channels, *window)


def pack_groups(
    weights: np.ndarray, biases: np.ndarray, geometry: Geometry, slope: float, groups: int
) -> PackedConvolution | PackedGroups | None:
    """The filters of a grouped convolution, (filters, channels / groups, size, size); None where zeros take too long.

    Few narrow groups become one convolution.
    """
    together = groups_in_slice(groups, weights.shape[1], len(weights) // groups)
    if together is None:
        return None
    if together == groups:
        return PackedConvolution(spread(weights, groups, groups), biases, geometry, slope, planar=False)
    return PackedGroups(weights, biases, geometry, slope, groups, together)


class PackedGroups(Packed):
    """Filters of a grouped convolution: one `PackedConvolution` after the other, one for each slice.

    Args:
        weights: (filters, channels / groups, size, size) float32, batch normalization folded in.
        biases: (filters,) float32.
        geometry: of the convolution.
        slope: of the activation below 0 (1 is none).
        groups: of the convolution.
        together: groups of a slice, by `groups_in_slice`.
    """

    def __init__(
        self, weights: np.ndarray, biases: np.ndarray, geometry: Geometry, slope: float, groups: int, together: int
    ) -> None:
        own_filters = len(weights) // groups
        packed = []
        for group in range(0, groups, together):
            there = min(together, groups - group)
            part = slice(group * own_filters, (group + there) * own_filters)
            dense = spread(weights[part], there, together)
            packed.append(PackedConvolution(dense, biases[part], geometry, slope, planar=False))
        self.slices, self.first = len(packed), packed[0]
        self.weights = _joined([part.weights for part in packed])
        self.biases = _joined([part.biases for part in packed])
        self.first.weights, self.first.biases = self.weights, self.biases


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    whole = aligned_zeros(sum(part.size for part in parts))
    np.concatenate(parts, out=whole)
    return whole


def add_groups(
    plan: Plan, packed: PackedGroups, source: Value, output: Value,
    fields: Callable[[PackedConvolution, Value, Value], dict[str, float]],
) -> None:  # fmt: skip
    """The operation of a grouped convolution; ``fields`` gives those of a slice's record."""
    first, images = packed.first, plan.images
    of_source = Value((first.channels, *source.shape[1:]), images, BLOCKED)
    of_output = Value((first.filters, *output.shape[1:]), images, BLOCKED)
    record = fields(first, of_source, of_output)
    operation: Operation
    if first.geometry.pointwise:
        operation, scratch_bytes = convolve_pixels, 0
        offsets = first.pointwise_offsets(of_source)
        parts, groups_in_chunk = divide_pixels(first, output.pixels, images, _threads(plan, packed), whole=False)
    else:
        operation, groups_in_chunk = convolve_rows, first.groups
        _, height, width = output.shape
        parts = divide_rows(first, of_source, of_output, _threads(plan, packed))
        rows = -(-height // parts)
        record["panel_rows"] = first.geometry.panel_rows(rows)
        offsets = first.panel_offsets(rows, width)
        scratch_bytes = first.geometry.panel_bytes(of_source, rows, width)
    chunks = images * parts * -(-first.groups // groups_in_chunk)
    record |= {
        "parts": parts, "groups_in_chunk": groups_in_chunk, "convolve": operation.address, "chunks_in_slice": chunks,
        "source_step": of_source.blocks * source.plane_bytes, "out_step": of_output.blocks * output.plane_bytes,
        "weights_step": packed.weights.size // packed.slices * FLOAT_BYTES,
        "biases_step": packed.biases.size // packed.slices * FLOAT_BYTES,
    }  # fmt: skip
    plan.operate(
        convolve_slices,
        packed.slices * chunks,
        {"source": source, "out": output},
        record,
        arrays={"offsets": offsets},
        scratch_bytes=RECORD_BYTES + scratch_bytes,
    )


def _threads(plan: Plan, packed: PackedGroups) -> int:
    """For how many threads a slice is divided: slices are shared out already."""
    return max(1, plan.threads // packed.slices)
