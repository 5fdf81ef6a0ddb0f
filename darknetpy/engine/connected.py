"""Fully connected layers for the engine."""

from __future__ import annotations

import numpy as np

from darknetpy.engine.convolutions import CHUNKS_PER_THREAD, Packed
from darknetpy.engine.memory import Value
from darknetpy.engine.plan import Plan
from darknetpy.kernels.connected import CONNECTION_SCRATCH, ROWS, connect
from darknetpy.kernels.curves import curve_number, run_curve

CHUNK_BYTES = 200_000  # weights worth giving to another thread: 10 to 20 us


class PackedConnection(Packed):
    """Rows of weights as they lie in the file, and biases, with batch normalization folded in.

    Args:
        weights: (outputs, inputs) float32.
        biases: (outputs,) float32.
        slope: of the activation below 0 (1 is none).
        activation: its name.
    """

    planar = True

    def __init__(self, weights: np.ndarray, biases: np.ndarray, slope: float, activation: str) -> None:
        self.weights = np.ascontiguousarray(weights, np.float32)
        self.biases = np.ascontiguousarray(biases, np.float32)
        self.slope, self.curve = slope, curve_number(activation)
        self.outputs, self.inputs = weights.shape

    def parts(self, threads: int) -> int:
        """Parts of the outputs: enough for the threads, none too small to be worth sharing."""
        wanted = min(self.weights.nbytes // CHUNK_BYTES, CHUNKS_PER_THREAD * threads)
        return max(1, min(wanted, self.outputs // ROWS)) if threads > 1 else 1


def add_connection(plan: Plan, packed: PackedConnection, source: Value, output: Value) -> None:
    """One operation, on planar values."""
    parts = packed.parts(plan.threads)
    fields = {
        "weights": packed.weights.ctypes.data, "biases": packed.biases.ctypes.data,
        "images": plan.images, "inputs": packed.inputs, "outputs": packed.outputs, "parts": parts,
        "curve": 0 if packed.curve is None else run_curve.address, "number": packed.curve or 0, "slope": packed.slope,
    }  # fmt: skip
    plan.operate(connect, parts, {"source": source, "out": output}, fields, scratch_bytes=CONNECTION_SCRATCH)
