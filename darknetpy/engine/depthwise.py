"""Depthwise convolutions for the engine: weights packed once, and the work divided into chunks."""

from __future__ import annotations

import numpy as np

from darknetpy.engine.convolutions import Geometry, Packed, chunks_wanted
from darknetpy.engine.memory import Value, aligned_zeros
from darknetpy.engine.plan import Plan
from darknetpy.kernels.depthwise import convolve_depthwise, filter_row, form_for
from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.simd import LANES, LINE

RELATIVE_COST = 6  # a depthwise multiply-add takes this many times that of a matrix product, in small layers
FEW_CHUNKS = 3  # a thread; if there are fewer, each thread should get as many


class PackedDepthwise(Packed):
    """Filters of a depthwise convolution, or one of small groups (see `has_form`), in the order
    [block of channels][cell of the filter][member of the group][16].

    Args:
        weights: (channels, channels of a group, size, size) float32, batch normalization folded in.
        biases: (channels,) float32.
        geometry: of the convolution; without dilation.
        slope: of the activation below 0 (1 is none).
    """

    def __init__(self, weights: np.ndarray, biases: np.ndarray, geometry: Geometry, slope: float) -> None:
        self.geometry, self.slope = geometry, slope
        channels, self.group = weights.shape[:2]
        cells = geometry.size**2
        blocks = blocks_of(channels)
        self.biases = aligned_zeros(blocks * LANES)
        self.biases[:channels] = biases
        by_channel = np.zeros((blocks * LANES, self.group, cells), np.float32)
        by_channel[:channels] = weights.reshape(channels, self.group, cells)
        self.weights = aligned_zeros(by_channel.size)
        self.weights[:] = by_channel.reshape(blocks, LANES, self.group, cells).transpose(0, 3, 2, 1).ravel()

    def pitch(self, source: Value, output: Value) -> int:
        """Bytes of a source row with its padding, as far as filters reach or the row goes."""
        geometry = self.geometry
        reached = (output.shape[2] - 1) * geometry.stride_x + geometry.size
        return max(reached, geometry.padding + source.shape[2]) * LINE

    def divide(self, output: Value, threads: int) -> tuple[int, int]:
        """(blocks in a chunk, parts of the output rows)."""
        flops = 2 * output.images * output.blocks * LANES * output.pixels * self.group * self.geometry.size**2
        wanted = chunks_wanted(RELATIVE_COST * flops, threads)
        if wanted > 1:
            wanted = -(-wanted // threads) * threads
        blocks_in_chunk = max(1, output.images * output.blocks // wanted)
        chunks = output.images * -(-output.blocks // blocks_in_chunk)
        parts = -(-wanted // chunks)
        if wanted > 1 and chunks * parts % threads and chunks * parts < FEW_CHUNKS * threads:
            parts *= threads
        return blocks_in_chunk, min(output.shape[1], parts)


def add_depthwise(plan: Plan, packed: PackedDepthwise, source: Value, output: Value) -> None:
    """The operation of a depthwise convolution."""
    geometry = packed.geometry
    pitch = packed.pitch(source, output)
    blocks_in_chunk, parts = packed.divide(output, plan.threads)
    fields = {
        "weights": packed.weights.ctypes.data, "biases": packed.biases.ctypes.data, "filter_row": filter_row.address,
        "blocks": source.blocks, "height": source.shape[1], "width": source.shape[2],
        "out_height": output.shape[1], "out_width": output.shape[2],
        "size": geometry.size, "stride_x": geometry.stride_x, "stride_y": geometry.stride_y,
        "padding": geometry.padding, "group": packed.group,
        "form": form_for(packed.group, geometry.size, geometry.stride_x, output.shape[2]),
        "pitch": pitch, "blocks_in_chunk": blocks_in_chunk, "parts": parts, "slope": packed.slope,
    }  # fmt: skip
    plan.operate(
        convolve_depthwise,
        plan.images * -(-source.blocks // blocks_in_chunk) * parts,
        {"source": source, "out": output},
        fields,
        scratch_bytes=geometry.size * pitch,
    )
