"""Updates of large arrays by compiled kernels, all of a network in one go."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from darknetpy.engine.threads import Job, Scratch, Team
from darknetpy.graph import Node
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.training.updates import ADAM, MOMENTUM, UPDATE_SCRATCH, adam, chunks_of, momentum
from darknetpy.training.fast.plan import Record
from darknetpy.training.finite import diverged
from darknetpy.training.optimizers import Adam, AdamW, Momentum, Optimizer, Update

LEAST_VALUES = 4096
"""Smaller arrays are as well off with NumPy."""
LARGEST_RATE = 1e6
"""Up to here an update by gradients that are no larger than some 1e19 cannot overflow."""


class LargeUpdates:
    """Takes updates one by one, and runs them together.

    Args:
        team, scratch: of the passes.
    """

    def __init__(self, team: Team, scratch: Scratch) -> None:
        self._team, self._scratch = team, scratch
        self._waiting: list[tuple[Operation, np.ndarray, int]] = []
        self._kept: list[tuple[Record, np.ndarray, Node, str]] = []

    def takes(self, optimizer: Optimizer, array: np.ndarray, gradient: np.ndarray, update: Update) -> bool:
        """Whether an update can be left to it: one that cannot overflow, where gradients are no larger than 1e19."""
        alike = all(a.dtype == np.float32 and a.flags.c_contiguous for a in (array, gradient))
        known = type(optimizer) in (Momentum, Adam, AdamW)
        return alike and known and array.size >= LEAST_VALUES and update.rate / update.batch < LARGEST_RATE

    def add(
        self, optimizer: Optimizer, array: np.ndarray, gradient: np.ndarray, memory: Mapping[str, np.ndarray],
        update: Update, limit: float, node: Node, name: str,
    ) -> None:  # fmt: skip
        """One update, to be run later. ``limit``: of the values' size, 0 for none; node, name: whose array it is."""
        trouble = np.zeros(chunks_of(array.size), np.float32)
        common = {"array": array, "gradient": gradient, "count": array.size, "trouble": trouble, "limit": limit}
        if isinstance(optimizer, Adam):
            operation, record = adam, Record(ADAM, **common, **memory, **_adam_fields(optimizer, update))
        else:
            assert isinstance(optimizer, Momentum)
            fields = {"decay": update.decay * update.batch, "rate": update.rate / update.batch}
            operation = momentum
            record = Record(MOMENTUM, **common, **memory, **fields, momentum=optimizer.momentum)
        self._waiting.append((operation, record.filled(0), chunks_of(array.size)))
        self._kept.append((record, trouble, node, name))

    def run(self) -> None:
        """Run all that was added.

        Raises TrainingError where values are none any more, though gradients are in order: the array, or what is
        remembered of it, was out of order before. Such values stay as they are; others have changed then.
        """
        if self._waiting:
            self._team.run(Job(self._waiting, UPDATE_SCRATCH), self._scratch)
        kept = self._kept
        self.forget()
        for _, trouble, node, name in kept:
            if trouble.any():
                raise diverged(node, f"{name} would become {trouble[trouble != 0][0]:g}")

    def forget(self) -> None:
        """Run none of what was added."""
        self._waiting, self._kept = [], []


def _adam_fields(optimizer: Adam, update: Update) -> dict[str, float]:
    own_decay = isinstance(optimizer, AdamW)
    return {
        "first": optimizer.first, "first_rest": 1 - optimizer.first,
        "second": optimizer.second, "second_rest": 1 - optimizer.second,
        "first_share": 1 - optimizer.first**update.iteration,
        "second_share": 1 - optimizer.second**update.iteration,
        "epsilon": optimizer.epsilon, "decay": 0.0 if own_decay else update.decay * update.batch,
        "shrinking": 1 - update.rate * update.decay if own_decay else 1.0, "rate": update.rate,
    }  # fmt: skip
