"""Vectors of 16 floats and raw memory for kernels: addresses are int64, a vector is LLVM's ``<16 x float>``.

The lane count is the same on every CPU: LLVM splits a vector over as many registers as it needs (one with AVX-512,
two with AVX2, four with NEON). What adapts to the CPU is how many vectors a kernel keeps in registers:
`accumulators` says.

Two levels:

- intrinsics (`load`, `fma`, ...) for kernels that are loops over a few vectors and read like Python;
- `Emitter`, a thin layer over llvmlite's builder, for kernels whose unrolling must be exact (`tiles`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core.registry import cpu_target

intrinsic: Any = extending.intrinsic  # its declared type takes what it makes for Python functions

LANES = 16
LINE = 4 * LANES  # bytes of one vector: a cache line on today's CPUs

FLOAT, DOUBLE = ir.FloatType(), ir.DoubleType()
INT64, INT32, BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8)
VECTOR = ir.VectorType(FLOAT, LANES)


class VectorType(types.Type):
    """Numba's name for a vector of 16 floats; it lives in registers, never in arrays."""

    def __init__(self) -> None:
        super().__init__(name=f"vector{LANES}")


vector = VectorType()


@extending.register_model(VectorType)
class VectorModel(extending.models.PrimitiveModel):
    """How LLVM sees a `VectorType`."""

    def __init__(self, manager: Any, frontend_type: VectorType) -> None:
        super().__init__(manager, frontend_type, VECTOR)


def cpu_features() -> frozenset[str]:
    """Names of the instruction sets that Numba compiles for, e.g. ``avx512f`` (NUMBA_CPU_FEATURES is heeded)."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return frozenset(name[1:] for name in features.split(",") if name.startswith("+"))


def _triple() -> str:
    triple, _, _ = cpu_target.target_context.codegen().magic_tuple()
    return str(triple)


def accumulators() -> int:
    """How many vectors fit in this CPU's registers beside the operands of a multiply-add."""
    features = cpu_features()
    if "avx512f" in features:
        return 24  # of 32 registers of 16 floats
    if features & {"avx", "neon", "vsx"} or _triple().startswith(("aarch64", "arm64")):
        return 6  # of 16 registers of 8 floats, or of 32 of 4
    return 2  # 16 registers of 4 floats


class Emitter:
    """Emits LLVM instructions. Addresses are i64 values; offsets are bytes known while emitting."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def pointer(self, address: ir.Value, kind: ir.Type, offset: int = 0) -> ir.Value:
        """An address plus an offset as a pointer to ``kind``."""
        if offset:
            address = self.builder.add(address, INT64(offset))
        return self.builder.inttoptr(address, kind.as_pointer())

    def load(self, address: ir.Value, offset: int = 0) -> ir.Value:
        """The 16 floats at an address, which need not be aligned."""
        return self.builder.load(self.pointer(address, VECTOR, offset), align=4)

    def store(self, address: ir.Value, value: ir.Value, offset: int = 0) -> None:
        """Write 16 floats."""
        self.builder.store(value, self.pointer(address, VECTOR, offset), align=4)

    def splat(self, scalar: ir.Value) -> ir.Value:
        """A vector with the scalar in every lane."""
        undefined = ir.Constant(VECTOR, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, INT32(0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(INT32, LANES), [0] * LANES))

    def broadcast(self, address: ir.Value, offset: int = 0) -> ir.Value:
        """A vector with the float at an address in every lane."""
        return self.splat(self.builder.load(self.pointer(address, FLOAT, offset), align=4))

    def call(self, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
        """Call an LLVM intrinsic by its name."""
        function = self.builder.module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(result, [argument.type for argument in arguments])
            function = ir.Function(self.builder.module, kind, name)
        return self.builder.call(function, arguments)

    def fma(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """x * y + z, rounded once where the CPU can (`fmuladd`), else twice."""
        return self.call(f"llvm.fmuladd.v{LANES}f32", VECTOR, x, y, z)

    def maximum(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The larger in each lane; NaN where either is NaN."""
        return self._extreme(">", x, y)

    def minimum(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The smaller in each lane; NaN where either is NaN."""
        return self._extreme("<", x, y)

    def _extreme(self, comparison: str, x: ir.Value, y: ir.Value) -> ir.Value:
        chosen = self.builder.select(self.builder.fcmp_ordered(comparison, x, y), x, y)  # a NaN in y stays
        return self.builder.select(self.builder.fcmp_unordered("uno", x, x), x, chosen)

    def rectify(self, x: ir.Value, slope: ir.Value) -> ir.Value:
        """x where x > 0, else slope * x: relu (0), leaky (0.1) and linear (1). NaN stays NaN."""
        zero = ir.Constant(VECTOR, [0.0] * LANES)
        return self.builder.select(self.builder.fcmp_ordered(">", x, zero), x, self.builder.fmul(x, slope))

    def prefetch(self, address: ir.Value) -> None:
        """Ask for the cache line at an address to be brought into the second-level cache; any address will do."""
        self._prefetch(address, write=0, locality=2)

    def prefetch_to_write(self, address: ir.Value) -> None:
        """Ask for the cache line at an address that will be written; any address will do."""
        self._prefetch(address, write=1, locality=3)

    def _prefetch(self, address: ir.Value, write: int, locality: int) -> None:
        numbers = INT32(write), INT32(locality), INT32(1)
        self.call("llvm.prefetch.p0", ir.VoidType(), self.pointer(address, BYTE), *numbers)

    @contextmanager
    def loop(self, count: ir.Value, **carried: ir.Value) -> Iterator[Loop]:
        """Emit a loop of ``count`` turns, at least one, over carried values.

        In the body read ``loop.now[name]`` and fill ``loop.next``; afterwards read ``loop.after[name]``. The test is at
        the end, so that the body is one block and the carried values are plain phi nodes, held in registers.
        """
        builder = self.builder
        before = builder.block
        body, behind = builder.append_basic_block("body"), builder.append_basic_block("behind")
        builder.branch(body)
        builder.position_at_end(body)
        turn = builder.phi(INT64)
        turn.add_incoming(INT64(0), before)
        loop = Loop(turn)
        for name, value in carried.items():
            phi = builder.phi(value.type)
            phi.add_incoming(value, before)
            loop.now[name] = phi
        yield loop
        tail = builder.block
        following = builder.add(turn, INT64(1))
        turn.add_incoming(following, tail)
        for name, phi in loop.now.items():
            phi.add_incoming(loop.next[name], tail)
        builder.cbranch(builder.icmp_signed("<", following, count), body, behind)
        builder.position_at_end(behind)


class Loop:
    """The values that a loop carries: ``now`` at the start of a turn, ``next`` at its end, ``turn`` counts from 0."""

    def __init__(self, turn: ir.Value) -> None:
        self.turn = turn
        self.now: dict[str, ir.Value] = {}
        self.next: dict[str, ir.Value] = {}

    @property
    def after(self) -> dict[str, ir.Value]:
        """The values once the loop has ended."""
        return self.next


def emit_function(
    module: ir.Module, name: str, arguments: list[ir.Type], emit_body: Callable[..., None]
) -> ir.Function:
    """A private function without result, made once a module; ``emit_body(emitter, *arguments)`` fills it."""
    function = module.globals.get(name)
    if function is None:
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        function.attributes.add("nounwind")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        emit_body(Emitter(builder), *function.args)
        builder.ret_void()
    return function


def emit_choice(
    builder: ir.IRBuilder, choice: ir.Value, cases: Iterable[tuple[int, str, Callable[..., None]]],
    arguments: list[ir.Value],
) -> None:  # fmt: skip
    """Call one of several functions: that of the case (number, name, body) with the number ``choice``, if any.

    Name and body are those of `emit_function`.
    """
    done = builder.append_basic_block("done")
    switch = builder.switch(choice, done)
    for number, name, emit_body in cases:
        function = emit_function(builder.module, name, [argument.type for argument in arguments], emit_body)
        case = builder.append_basic_block(f"case_{name}")
        switch.add_case(INT64(number), case)
        with builder.goto_block(case):
            builder.call(function, arguments)
            builder.branch(done)
    builder.position_at_end(done)


Emit = Callable[..., ir.Value]


def _defined(result: types.Type, arguments: tuple[types.Type, ...], emit: Emit) -> tuple[Any, Callable[..., Any]]:
    """The typing and code of an intrinsic whose value ``emit(emitter, *values)`` gives."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        value = emit(Emitter(builder), *values)
        return context.get_dummy_value() if result is types.none else value

    return result(*arguments), generate


@intrinsic
def load(typing: Any, address: Any) -> Any:
    """The vector at an address."""
    return _defined(vector, (types.int64,), Emitter.load)


@intrinsic
def store(typing: Any, address: Any, value: Any) -> Any:
    """Write a vector to an address."""
    return _defined(types.none, (types.int64, vector), Emitter.store)


@intrinsic
def splat(typing: Any, scalar: Any) -> Any:
    """A vector with one float32 in every lane."""
    return _defined(vector, (types.float32,), Emitter.splat)


@intrinsic
def broadcast(typing: Any, address: Any) -> Any:
    """A vector with the float32 at an address in every lane."""
    return _defined(vector, (types.int64,), Emitter.broadcast)


@intrinsic
def add(typing: Any, x: Any, y: Any) -> Any:
    """x + y."""
    return _defined(vector, (vector, vector), lambda emitter, x, y: emitter.builder.fadd(x, y))


@intrinsic
def subtract(typing: Any, x: Any, y: Any) -> Any:
    """x - y."""
    return _defined(vector, (vector, vector), lambda emitter, x, y: emitter.builder.fsub(x, y))


@intrinsic
def multiply(typing: Any, x: Any, y: Any) -> Any:
    """x * y."""
    return _defined(vector, (vector, vector), lambda emitter, x, y: emitter.builder.fmul(x, y))


@intrinsic
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once where the CPU can."""
    return _defined(vector, (vector, vector, vector), Emitter.fma)


@intrinsic
def maximum(typing: Any, x: Any, y: Any) -> Any:
    """The larger in each lane; NaN where either is NaN."""
    return _defined(vector, (vector, vector), Emitter.maximum)


@intrinsic
def minimum(typing: Any, x: Any, y: Any) -> Any:
    """The smaller in each lane; NaN where either is NaN."""
    return _defined(vector, (vector, vector), Emitter.minimum)


@intrinsic
def rectify(typing: Any, x: Any, slope: Any) -> Any:
    """x where x > 0, else slope * x."""
    return _defined(vector, (vector, vector), Emitter.rectify)


@intrinsic
def load_float(typing: Any, address: Any) -> Any:
    """The float32 at an address."""
    return _defined(
        types.float32, (types.int64,), lambda emitter, at: emitter.builder.load(emitter.pointer(at, FLOAT), align=4)
    )


@intrinsic
def load_double(typing: Any, address: Any) -> Any:
    """The float64 at an address."""
    return _defined(
        types.float64, (types.int64,), lambda emitter, at: emitter.builder.load(emitter.pointer(at, DOUBLE), align=8)
    )


@intrinsic
def store_float(typing: Any, address: Any, value: Any) -> Any:
    """Write a float32 to an address."""
    return _defined(
        types.none,
        (types.int64, types.float32),
        lambda emitter, at, value: emitter.builder.store(value, emitter.pointer(at, FLOAT), align=4),
    )


def calling(signature: Any) -> Any:
    """An intrinsic ``call(address, arguments)`` for C functions of this signature, e.g. a `CompiledFunction`'s address.

    An address, unlike a function object, keeps the caller cacheable. ``arguments`` is a tuple.
    """

    @intrinsic
    def call(typing: Any, address: Any, arguments: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, own_signature: Any, values: list[ir.Value]) -> ir.Value:
            kinds = [context.get_value_type(argument) for argument in signature.args]
            result = (
                ir.VoidType() if signature.return_type is types.void else context.get_value_type(signature.return_type)
            )
            function = builder.inttoptr(values[0], ir.FunctionType(result, kinds).as_pointer())
            value = builder.call(function, [builder.extract_value(values[1], i) for i in range(len(kinds))])
            return context.get_dummy_value() if signature.return_type is types.void else value

        return signature.return_type(types.int64, types.Tuple(signature.args)), generate

    return call
