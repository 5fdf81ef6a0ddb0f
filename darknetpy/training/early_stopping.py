"""An end before the last iteration, where a network learns nothing more. Names and meaning are those of Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from darknetpy.errors import TrainingError
from darknetpy.graph import Graph
from darknetpy.training.progress import Callback, Kept, Progress

MONITORS = ("loss", "accuracy", "val_loss", "val_accuracy")


class EarlyStopping(Callback):
    """Ends a training when what it watches has not become better for some rounds.

    A round is an epoch, or ``validate_every`` iterations, see :class:`~darknetpy.training.progress.Progress`. A resumed
    training goes on counting, and where it had been ended by this callback it ends again at once, unless the callback
    is made with other values.

    Args:
        monitor: "loss" or "accuracy" in training, mean of the round; "val_loss" or "val_accuracy" in the validation.
        min_delta: what a change must exceed to count as better.
        patience: so many rounds without a better one end the training.
        restore_best_weights: go back to the arrays of the best round at the end, whatever ended the training.

    >>> stopping = EarlyStopping(monitor="val_accuracy", patience=5, restore_best_weights=True)
    >>> darknetpy.train("my.cfg", "my.data", callbacks=[stopping])  # doctest: +SKIP
    """

    def __init__(
        self, monitor: str = "val_loss", *, min_delta: float = 0.0, patience: int = 0,
        restore_best_weights: bool = False,
    ) -> None:  # fmt: skip
        if monitor not in MONITORS:
            raise TrainingError(f"monitor={monitor!r}", f"one of {', '.join(MONITORS)}")
        if not 0 <= min_delta < np.inf or patience < 0:
            found = f"min_delta={min_delta}, patience={patience}"
            raise TrainingError(found, "numbers that are not below 0")
        self.monitor = self.watches = monitor
        self.min_delta, self.patience = float(min_delta), int(patience)
        self.restore_best_weights = bool(restore_best_weights)
        self.stopped = False
        self.best: float | None = None
        self.best_iteration: int | None = None
        self._wait, self._rounds = 0, 0
        self._arrays: dict[str, np.ndarray] = {}

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that make another one like it."""
        names = ("monitor", "min_delta", "patience", "restore_best_weights")
        return {name: getattr(self, name) for name in names}

    def __call__(self, progress: Progress) -> bool:
        """Look at the figures of a round, where one has ended; whether the training is to end."""
        if progress.monitored is None:
            return False
        value = progress.monitored[self.monitor]
        self._rounds += 1
        self._wait += 1
        if self._is_better(value):
            self.best, self.best_iteration, self._wait = value, progress.figures.iteration, 0
            if self.restore_best_weights:
                self._arrays = _copies(progress.graph)
        self.stopped = self._wait >= self.patience and self._wait > 0 and self._rounds > 1
        return self.stopped

    def _is_better(self, value: float) -> bool:
        if self.best is None or not np.isfinite(self.best):
            return True
        if self.monitor.endswith("accuracy"):
            return value - self.min_delta > self.best
        return value + self.min_delta < self.best

    def at_end(self, graph: Graph) -> None:
        """Go back to the best arrays, where that is asked for."""
        for name, array in self._arrays.items():
            index, _, own = name.partition(".")
            graph.nodes[int(index)].weights[own][...] = array

    def kept(self) -> Kept:
        """All that it counts by, and the best arrays."""
        facts = {
            "settings": self.settings, "stopped": self.stopped, "best": self.best,
            "best_iteration": self.best_iteration, "wait": self._wait, "rounds": self._rounds,
        }  # fmt: skip
        return Kept(facts, self._arrays)

    def take(self, kept: Kept) -> None:
        """Go on counting; from the beginning where the settings are others."""
        if kept.facts["settings"] != self.settings:
            return
        self.stopped, self.best = kept.facts["stopped"], kept.facts["best"]
        self.best_iteration = kept.facts["best_iteration"]
        self._wait, self._rounds = kept.facts["wait"], kept.facts["rounds"]
        self._arrays = dict(kept.arrays)


def _copies(graph: Graph) -> dict[str, np.ndarray]:
    return {f"{node.index}.{a.name}": node.weights[a.name].copy() for node in graph.nodes for a in node.arrays}
