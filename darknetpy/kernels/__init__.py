"""Numba functions on plain arrays, and the two ways to declare them.

Importing this module does not import Numba: a kernel is compiled, or taken from the cache (`cache`), when it is first
called.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

FAST_MATH = frozenset({"nsz", "contract"})
_compiling = threading.RLock()


class Kernel:
    """A function that is compiled when it is first called, for each combination of argument types.

    Kernels may call each other. ``py_func`` is the Python function, for tests and the curious.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        self.__name__, self.__doc__ = function.__name__, function.__doc__

    def __call__(self, *arguments: Any) -> Any:
        return self.dispatcher(*arguments)

    @functools.cached_property
    def dispatcher(self) -> Any:
        """Numba's object for this function; made at the first use, as importing Numba takes a third of a second."""
        from numba import njit

        from darknetpy.kernels.cache import KernelCache

        dispatcher: Any = njit(nogil=True, error_model="numpy", fastmath=set(FAST_MATH))(self.py_func)
        dispatcher._cache = KernelCache(self.py_func)
        return dispatcher

    @property
    def _numba_type_(self) -> Any:
        """What Numba asks a global of a compiled function for."""
        from numba import types

        return types.Dispatcher(self.dispatcher)


def kernel(function: Callable[..., Any]) -> Kernel:
    """Compile a function of arrays and scalars: no Python objects, the interpreter lock released, cached on disk.

    ``contract`` allows fused multiply-adds and ``nsz`` ignores the sign of zero; NaN and infinity stay visible.
    A kernel may use kernels of this package and of its own module: the cache notices when one of those files changes.
    It may not be a closure.

    >>> @kernel
    ... def total(x):
    ...     result = 0.0
    ...     for value in x:
    ...         result += value
    ...     return result
    >>> total(np.arange(4.0))
    6.0
    """
    return Kernel(function)


class CompiledFunction:
    """A function with one signature, compiled at first use, that other compiled code calls through its address.

    A large kernel called by name is optimised and generated again in every kernel above it; called through its address
    it is compiled once. `darknetpy.kernels.simd.calling` makes the caller's side.
    """

    def __init__(self, function: Callable[..., Any], signature: Any) -> None:
        self.py_func, self.signature = function, signature
        self.__name__, self.__doc__ = function.__name__, function.__doc__

    @functools.cached_property
    def address(self) -> int:
        """Where the machine code begins, for compiled callers; threads that want it at once compile it once."""
        with _compiling:
            return int(self._compiled.address)

    @functools.cached_property
    def _compiled(self) -> Any:
        from numba.core.ccallback import CFunc

        from darknetpy.kernels.cache import KernelCache

        options = {"nogil": True, "error_model": "numpy", "fastmath": set(FAST_MATH)}
        signature = (self.signature.args, self.signature.return_type)
        compiled: Any = CFunc(self.py_func, signature, locals={}, options=options)
        compiled._cache = KernelCache(self.py_func)
        compiled.compile()
        return compiled


def compiled_once(signature: Any) -> Callable[[Callable[..., Any]], CompiledFunction]:
    """Declare a function with this Numba signature that compiled code calls through its address."""
    return functools.partial(CompiledFunction, signature=signature)
