"""Whether vectors can be compiled on this computer. Where they cannot, networks run in plain form."""

from __future__ import annotations

import ctypes
import functools

import numpy as np
from numba import config, types

from darknetpy.kernels import compiled_once
from darknetpy.kernels.simd import LANES, LINE, fma, load, store


@compiled_once(types.void(types.int64, types.int64))
def square_and_add(source: int, out: int) -> None:
    """The square of the vector at ``source`` plus the one behind it."""
    value = load(source)
    store(out, fma(value, value, load(source + LINE)))


@functools.cache
def obstacle() -> str:
    """What keeps vectors from being compiled, in words; empty where nothing does. Tried once a process."""
    if getattr(config, "DISABLE_JIT", False):
        return "Numba's compiler is switched off (NUMBA_DISABLE_JIT)"
    source, out = np.arange(2 * LANES, dtype=np.float32), np.zeros(LANES, np.float32)
    try:
        function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(square_and_add.address)
        function(source.ctypes.data, out.ctypes.data)
    except Exception as problem:  # whatever Numba and LLVM raise, the plain form does without them
        reason = (str(problem).strip() or repr(problem)).splitlines()[0]
        return f"vectors cannot be compiled on this computer ({reason})"
    if not np.array_equal(out, source[:LANES] ** 2 + source[LANES:]):
        return "compiled vectors compute wrong numbers on this computer"
    return ""
