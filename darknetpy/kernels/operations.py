"""Operations: kernels with one signature, so that one compiled loop can run any program of them.

An operation takes the address of its record (a NumPy structure: addresses of arrays, strides, sizes), the number of
the chunk of work it shall do, and the address of scratch memory. Chunks of one operation write disjoint memory, so
that threads can share them out in any order without changing a bit of the result.

On channel-blocked arrays strides are in bytes; see `darknetpy.kernels.layout` for what such an array is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype, types

from darknetpy.kernels import CompiledFunction
from darknetpy.kernels.simd import calling, intrinsic

OPERATION_SIGNATURE = types.void(types.int64, types.int64, types.int64)
call_operation = calling(OPERATION_SIGNATURE)


class Operation(CompiledFunction):
    """A compiled function ``(record address, chunk, scratch address)``; ``record`` is the structure that it reads."""

    def __init__(self, function: Callable[..., Any], record: np.dtype) -> None:
        super().__init__(function, OPERATION_SIGNATURE)
        self.record = record


def operation(record: np.dtype) -> Callable[[Callable[..., Any]], Operation]:
    """Declare an operation that reads this structure."""
    return lambda function: Operation(function, record)


def record_type(**fields: str) -> np.dtype:
    """A structure of int64 and float32 fields: name -> ``"i8"`` or ``"f4"``."""
    return np.dtype(list(fields.items()), align=True)


def integers(*names: str) -> dict[str, str]:
    """Fields of a structure that hold addresses, strides or sizes."""
    return dict.fromkeys(names, "i8")


def reader(record: np.dtype) -> Any:
    """An intrinsic ``read(address)`` that gives compiled code the structure at an address."""
    kind = from_dtype(record)

    @intrinsic
    def read(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
            return builder.inttoptr(values[0], context.get_value_type(kind))

        return kind(types.int64), generate

    return read
