"""Random numbers: one stream for each purpose, so that one use of chance does not change another."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np


class Streams:
    """Generators by purpose, all from one seed. Their states can be saved, and restored exactly.

    >>> one, other = Streams(7), Streams(7)
    >>> _ = one["order"].random()
    >>> one["layers"].random() == other["layers"].random()
    True
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._generators: dict[str, np.random.Generator] = {}

    def __getitem__(self, purpose: str) -> np.random.Generator:
        if purpose not in self._generators:
            self._generators[purpose] = np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])
        return self._generators[purpose]

    def state(self) -> dict[str, Any]:
        """The seed and where each stream stands, in what JSON knows."""
        places = {purpose: generator.bit_generator.state for purpose, generator in self._generators.items()}
        return {"seed": self.seed, "streams": places}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a saved state stood; streams that it does not name begin anew."""
        self.seed, self._generators = state["seed"], {}
        for purpose, place in state["streams"].items():
            self[purpose].bit_generator.state = place
