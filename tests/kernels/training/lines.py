"""What a LOADING and a FINISHING mean, in float64 NumPy, and their records, for tests of kernels of training.

Arrays are channel-blocked: (n, blocks, pixels, 16); lines of a block are (blocks, 16).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from darknetpy.kernels.training.finishing import FINISHING
from darknetpy.kernels.training.loading import LOADING
from tests.kernels.running import LANES, strides


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Normally distributed float32."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def per_block(lines: np.ndarray) -> np.ndarray:
    """Lines of blocks, shaped to meet an array."""
    return lines[:, None].astype(np.float64)


def rectified(x: np.ndarray, slope: float) -> np.ndarray:
    return np.where(x > 0, x, float(np.float32(slope)) * x)


def _record(kind: np.dtype, arrays: dict[str, np.ndarray | None], lines: dict[str, np.ndarray | None]) -> np.ndarray:
    record = np.zeros(1, kind)
    for name, array in arrays.items():
        if array is not None:
            for field, value in strides(name, array).items():
                record[field] = value.ctypes.data if isinstance(value, np.ndarray) else value
    for name, line in lines.items():
        if line is not None:
            record[name] = line.ctypes.data
    return record


@dataclass
class Loaded:
    """An array and how it is read."""

    array: np.ndarray
    factors: np.ndarray | None = None
    shifts: np.ndarray | None = None
    other: np.ndarray | None = None
    other_factors: np.ndarray | None = None
    slope: float = 1.0

    def record(self) -> np.ndarray:
        arrays = {"array": self.array, "other": self.other}
        lines = {"factors": self.factors, "shifts": self.shifts, "other_factors": self.other_factors}
        record = _record(LOADING, arrays, lines)
        record["slope"] = self.slope
        return record

    def meaning(self) -> np.ndarray:
        if self.factors is None:
            return self.array.astype(np.float64)
        total = per_block(self.factors) * self.array + per_block(self.shifts)
        if self.other is not None:
            total = total + per_block(self.other_factors) * self.other
        return rectified(total, self.slope)


def activated(n: int, blocks: int, pixels: int, slope: float = 0.1, seed: int = 0) -> Loaded:
    """Sums of a convolution, read through batch normalization and activation."""
    array, factors, shifts = (numbers(*s, seed=seed) for s in [(n, blocks, pixels, LANES), *[(blocks, LANES)] * 2])
    return Loaded(array, factors, shifts[::-1].copy(), slope=slope)


@dataclass
class Finished:
    """An output of so many parts and how it is finished; ``kind`` of sums: "" (none), "values" or "gradients"."""

    out: np.ndarray
    parts: int = 1
    other: np.ndarray | None = None
    mask: np.ndarray | None = None
    mask_factors: np.ndarray | None = None
    mask_shifts: np.ndarray | None = None
    slope: float = 0.1
    kind: str = ""
    seed: int = 5

    def __post_init__(self) -> None:
        n, blocks, pixels, _ = self.out.shape
        self.sums = np.full((self.parts, blocks, 2, LANES), np.nan, np.float32)
        self.centres = numbers(blocks, LANES, seed=self.seed)
        self.seen = numbers(n, blocks, pixels, LANES, seed=self.seed + 1)

    def record(self) -> np.ndarray:
        arrays = {"out": self.out, "other": self.other, "mask": self.mask}
        lines = {"mask_factors": self.mask_factors, "mask_shifts": self.mask_shifts}
        if self.kind == "gradients":
            arrays["seen"] = self.seen
        if self.kind:
            lines |= {"sums": self.sums, "centres": self.centres}
        record = _record(FINISHING, arrays, lines)
        record["slope"], record["blocks"] = self.slope, self.out.shape[1]
        return record

    def check(self, computed: np.ndarray, tolerance: float = 2e-5) -> None:
        """The output and the sums are right, for what was computed."""
        right = computed
        if self.other is not None:
            right = right + self.other.astype(np.float64)
        if self.mask is not None:
            sign = self.mask.astype(np.float64)
            if self.mask_factors is not None:
                sign = per_block(self.mask_factors) * sign + per_block(self.mask_shifts)
            right = np.where(sign > 0, right, right * float(np.float32(self.slope)))
        np.testing.assert_allclose(self.out, right, atol=tolerance, rtol=tolerance)
        if self.kind:
            factor = (self.seen if self.kind == "gradients" else right) - per_block(self.centres)
            first = right if self.kind == "gradients" else factor
            expected = np.stack([first.sum((0, 2)), (first * factor).sum((0, 2))], axis=1)
            found = self.sums.astype(np.float64).sum(0)
            np.testing.assert_allclose(found, expected, atol=tolerance * max(1, np.abs(expected).max()))


def finishes(n: int, blocks: int, pixels: int, parts: int, seed: int = 9) -> list[Finished]:
    """A few ways to finish that have all fields between them; each with an output of its own."""
    shape = (n, blocks, pixels, LANES)
    other, mask = numbers(*shape, seed=seed), numbers(*shape, seed=seed + 1)
    factors, shifts = numbers(blocks, LANES, seed=seed + 2), numbers(blocks, LANES, seed=seed + 3)

    def out() -> np.ndarray:
        return np.full(shape, np.nan, np.float32)

    return [
        Finished(out()),
        Finished(out(), parts, other, mask, factors, shifts, kind="gradients"),
        Finished(out(), parts, mask=mask, slope=0.0, kind="values"),
    ]
