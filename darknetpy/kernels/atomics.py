"""Counters that threads share, and how a thread waits: for compiled code that runs without the interpreter lock."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from darknetpy.kernels import kernel
from darknetpy.kernels.simd import INT32, INT64, Emitter, intrinsic
from darknetpy.kernels.system import call_yield

SPINS_BEFORE_YIELDING = 2000


@intrinsic
def add_and_fetch_old(typing: Any, address: Any, value: Any) -> Any:
    """Add to the int64 at an address in one step, seen in order by all threads; the value before."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        return builder.atomic_rmw("add", Emitter(builder).pointer(values[0], INT64), values[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def load_acquire(typing: Any, address: Any) -> Any:
    """The int64 at an address; what its writer did before is seen after."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        return builder.load_atomic(Emitter(builder).pointer(values[0], INT64), "acquire", 8)

    return types.int64(types.int64), generate


@intrinsic
def store_release(typing: Any, address: Any, value: Any) -> Any:
    """Write an int64; whoever reads it with `load_acquire` sees what was done before."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        builder.store_atomic(values[1], Emitter(builder).pointer(values[0], INT64), "release", 8)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), generate


@intrinsic
def pause(typing: Any) -> Any:
    """Tell the CPU that this is a waiting loop, where it has an instruction for that."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        triple = builder.module.triple
        if triple.startswith(("x86_64", "i386", "i686")):
            Emitter(builder).call("llvm.x86.sse2.pause", ir.VoidType())
        elif triple.startswith(("aarch64", "arm64")):
            yield_hint = INT32(1)
            Emitter(builder).call("llvm.aarch64.hint", ir.VoidType(), yield_hint)
        return context.get_dummy_value()

    return types.none(), generate


@kernel
def wait_for(counter: int, least: int, give_way: int) -> None:
    """Wait until the counter at an address is at least ``least``: spin for some microseconds, then offer the core."""
    spins = 0
    while load_acquire(counter) < least:
        spins += 1
        if spins < SPINS_BEFORE_YIELDING:
            pause()
        else:
            call_yield(give_way, ())
