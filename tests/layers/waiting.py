"""A source of arrays for tests, which counts what is read of it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np


class Kept:
    """Gives copies of arrays that it keeps."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays
        self.read_so_far: list[str] = []

    @property
    def names(self) -> Collection[str]:
        """What they are called."""
        return tuple(self.arrays)

    def read(self, names: Collection[str]) -> dict[str, np.ndarray]:
        """Copies of some."""
        self.read_so_far += names
        return {name: self.arrays[name].copy() for name in names}
