"""Pictures of several sizes while training, ``random=`` of [net]: networks that are used at several sizes learn all.

Source: AlexeyAB/darknet src/detector.c (train_detector); pjreddie/darknet examples/classifier.c (train_classifier).
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from darknetpy.graph import Graph

USUAL_FACTOR = 1.4  # for random=1
LAST_UPDATES = 100
"""The updates at the end at the size of [net], so that rolling statistics are those of the size that is used."""


@dataclass(frozen=True)
class InputSizes:
    """The size of the input at each update, by the options of [net]: ``random``, ``resize_step``, ``max_batches``.

    In the dialect alexeyab every 10 updates a size between ``width / random`` and ``width * random`` is drawn
    (``random=1`` stands for 1.4), height in proportion, rounded and one ``resize_step`` larger, as Darknet does with
    detectors; the last 100 updates are of the size of [net]. In the dialect pjreddie every 40 updates a square of 128
    to 448 pixels is drawn. The same seed draws the same sizes, whichever update comes first.
    """

    graph: Graph
    seed: int

    @property
    def are_several(self) -> bool:
        """Whether pictures of several sizes are asked for."""
        return bool(self.graph.net.random)

    def at(self, iteration: int) -> tuple[int, int]:
        """Width and height at an update, from 1."""
        _, height, width = self.graph.input_shape
        if not self.are_several:
            return width, height
        every = self.graph.dialect.updates_of_a_size
        random = np.random.default_rng([self.seed, zlib.crc32(b"size"), (iteration - 1) // every])
        if self.graph.dialect.random_sides is not None:
            side = int(random.choice(self.graph.dialect.random_sides))
            return side, side
        if iteration > self.graph.net.max_batches - LAST_UPDATES:
            return width, height
        limit, numbers = self._factor, random.random(2)
        factor = min(1.0, limit) + numbers[0] * abs(limit - 1)
        return self._scaled(factor if numbers[1] < 0.5 else 1 / factor)

    @property
    def possible(self) -> set[tuple[int, int]]:
        """All widths and heights that can be drawn."""
        _, height, width = self.graph.input_shape
        if not self.are_several:
            return {(width, height)}
        if self.graph.dialect.random_sides is not None:
            return {(side, side) for side in self.graph.dialect.random_sides}
        limit = max(self._factor, 1 / self._factor)
        edges = [1 / limit, limit]  # factors where the size changes
        for side in (width, height):
            first, last = (int(factor * side / self._step + 1.5) for factor in edges[:2])
            edges += [(count - 1.5) * self._step / side for count in range(first + 1, last + 1)]
        edges.sort()
        between = [(low + high) / 2 for low, high in pairwise(edges)]
        return {(width, height), *map(self._scaled, edges), *map(self._scaled, between)}

    @property
    def largest(self) -> tuple[int, int]:
        """The width and height that need the most memory."""
        return max(self.possible, key=math.prod)

    @property
    def _factor(self) -> float:
        return USUAL_FACTOR if self.graph.net.random == 1 else float(self.graph.net.random)

    @property
    def _step(self) -> int:
        return max(int(self.graph.net.resize_step), 1)

    def _scaled(self, factor: float) -> tuple[int, int]:
        step = self._step
        _, height, width = self.graph.input_shape
        wide, high = (max(int(factor * side / step + 1.5) * step, step) for side in (width, height))
        grows = factor < 1 and (wide > width or high > height)
        return (width, height) if grows else (wide, high)
