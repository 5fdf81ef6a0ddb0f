"""Numbers below 1.2e-38: a CPU takes a hundred times as long for them, so compiled runs take them for zero.

On x86 two bits of a thread's control word MXCSR say so: flush-to-zero (results) and denormals-are-zero (operands),
Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 10.2.3. Elsewhere nothing is changed.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from darknetpy.kernels.simd import INT32, intrinsic

FLUSH_TO_ZERO, DENORMALS_ARE_ZERO = 1 << 15, 1 << 6


def _is_x86(builder: ir.IRBuilder) -> bool:
    return bool(builder.module.triple.startswith(("x86_64", "i386", "i686")))


def _move(builder: ir.IRBuilder, name: str, place: ir.Value) -> None:
    """Store the control word to a place on the stack, or load it from there."""
    function = builder.module.globals.get(name)
    byte = ir.IntType(8).as_pointer()
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), [byte]), name)
    builder.call(function, [builder.bitcast(place, byte)])


@intrinsic
def flush_denormals(typing: Any) -> Any:
    """Have this thread take denormal numbers for zero; the control word before, for `restore_denormals`."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        if not _is_x86(builder):
            return INT32(0)
        place = builder.alloca(INT32)
        _move(builder, "llvm.x86.sse.stmxcsr", place)
        before = builder.load(place)
        builder.store(builder.or_(before, INT32(FLUSH_TO_ZERO | DENORMALS_ARE_ZERO)), place)
        _move(builder, "llvm.x86.sse.ldmxcsr", place)
        return before

    return types.int32(), generate


@intrinsic
def restore_denormals(typing: Any, control: Any) -> Any:
    """Give this thread the control word that `flush_denormals` found."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        if _is_x86(builder):
            place = builder.alloca(INT32)
            builder.store(values[0], place)
            _move(builder, "llvm.x86.sse.ldmxcsr", place)
        return context.get_dummy_value()

    return types.none(types.int32), generate
