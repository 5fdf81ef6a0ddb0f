"""A layer's arrays, which may wait in a file until somebody asks for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableMapping
from typing import Protocol

import numpy as np


class Source(Protocol):
    """What gives a layer's arrays when they are asked for: the same values each time, or an error."""

    @property
    def names(self) -> Collection[str]:
        """What its arrays are called, in order."""

    def read(self, names: Collection[str]) -> Mapping[str, np.ndarray]:
        """New arrays with these names."""


class Weights(MutableMapping[str, np.ndarray]):
    """A layer's arrays by name.

    Arrays that wait in a source are read when they are first asked for. An array that somebody has asked for, or has
    put here, stays: whoever holds it may have changed it. Several threads may ask at once; all get the same array.
    A copy, and what comes out of a pickle, has the values and no source.

    >>> weights = Weights({"biases": np.zeros(2)})
    >>> weights["biases"] += 1
    >>> dict(weights)
    {'biases': array([1., 1.])}
    """

    def __init__(self, arrays: Mapping[str, np.ndarray] | None = None) -> None:
        self._held = dict(arrays or {})
        self._source: Source | None = None

    @property
    def source(self) -> Source | None:
        """Where the arrays wait that are not held; None where there is none."""
        return self._source

    @property
    def held(self) -> frozenset[str]:
        """Names of the arrays that are in memory, and stay there."""
        return frozenset(self._held)

    def come_later(self, source: Source) -> None:
        """Hold no array; those of the source are read when they are asked for."""
        self._held, self._source = {}, source

    def hold_all(self) -> None:
        """Read all arrays that wait, and keep them: the source will not be asked for them again."""
        for name, array in self.peek().items():
            self._held.setdefault(name, array)

    def peek(self) -> dict[str, np.ndarray]:
        """All arrays, for a look: those that wait are read, and are not kept here."""
        held, source = self._held.copy(), self._source
        missing = [] if source is None else [name for name in source.names if name not in held]
        read = source.read(missing) if source is not None and missing else {}
        return {name: held[name] if name in held else read[name] for name in _in_order(source, held)}

    def clear(self) -> None:
        """Forget all arrays, those that wait too."""
        self._held, self._source = {}, None

    def __getitem__(self, name: str) -> np.ndarray:
        held, source = self._held, self._source
        if name not in held and source is not None and name in source.names:
            held.setdefault(name, source.read((name,))[name])
        return held[name]

    def __setitem__(self, name: str, array: np.ndarray) -> None:
        self._held[name] = array

    def __delitem__(self, name: str) -> None:
        arrays = self.peek()
        del arrays[name]
        self._held, self._source = arrays, None

    def __contains__(self, name: object) -> bool:
        return name in _in_order(self._source, self._held.copy())

    def __iter__(self) -> Iterator[str]:
        return iter(_in_order(self._source, self._held.copy()))

    def __len__(self) -> int:
        return len(_in_order(self._source, self._held.copy()))

    def __repr__(self) -> str:
        return f"<Weights: {', '.join(self) or 'none'}>"

    def __reduce__(self) -> tuple[type[Weights], tuple[dict[str, np.ndarray]]]:
        return Weights, (self.peek(),)


def _in_order(source: Source | None, held: Mapping[str, np.ndarray]) -> dict[str, None]:
    """All names, once each; those of the source first, in its order."""
    return dict.fromkeys((*(source.names if source is not None else ()), *held))
