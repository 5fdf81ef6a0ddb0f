"""The loops that measure a machine do the work that is counted."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from darknetpy.kernels.operations import Operation
from darknetpy.kernels.peak import chains, multiply_add, read_lines

pytestmark = pytest.mark.quick


def sums(operation: Operation, chunk: int, **fields: int) -> np.ndarray:
    record = np.zeros(1, operation.record)
    for name, value in fields.items():
        record[name] = value
    out = np.zeros(16, np.float32)
    ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(operation.address)(record.ctypes.data, chunk, out.ctypes.data)
    return out


@pytest.mark.parametrize("turns", [1, 2, 7])
def test_every_chain_is_multiplied_and_added_to_in_every_turn(turns: int) -> None:
    factors = np.repeat(np.float32([0.5, 3]), 16)
    value = 3.0
    for _ in range(turns):
        value = value * 0.5 + 3
    found = sums(multiply_add, 0, factors=factors.ctypes.data, turns=turns)
    np.testing.assert_allclose(found, np.full(16, 3 + chains() * value), rtol=1e-6)


def test_every_line_of_a_chunk_is_read_and_no_other() -> None:
    lines = np.random.default_rng(0).integers(-9, 9, (3, 16, 16)).astype(np.float32)
    for chunk in range(3):
        found = sums(read_lines, chunk, source=lines.ctypes.data, lines=16)
        np.testing.assert_array_equal(found, lines[chunk].sum(axis=0) + 4 * lines[chunk, 0])
