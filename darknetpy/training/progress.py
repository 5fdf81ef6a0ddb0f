"""What there is to say while a network is trained, and those who are told: callbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from darknetpy.errors import TrainingError
from darknetpy.evaluation.tally import Tally
from darknetpy.graph import Graph
from darknetpy.training.step import Figures

_OF_A_ROUND = ("iterations", "loss", "accuracy")


class Progress(NamedTuple):
    """What there is to say after an iteration.

    Attributes:
        figures: of the iteration.
        pictures_per_second: of the iteration.
        seconds_left: until the last iteration, about.
        validation: what came of it, where the network was validated.
        is_best: whether it was never better; such weights are saved.
        monitored: where a round ends (an epoch of at least 100 iterations, or ``validate_every``) the means of the
            round, "loss" and "accuracy", and where the network was validated "val_loss" and "val_accuracy".
        graph: the network, whose arrays change with the next iteration.
    """

    figures: Figures
    pictures_per_second: float
    seconds_left: float
    validation: Tally | None
    is_best: bool
    monitored: Mapping[str, float] | None
    graph: Graph


class Kept(NamedTuple):
    """What a callback wants back when a training is resumed: facts that JSON knows, and arrays by name."""

    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]


class Callback:
    """Called after each iteration, before checkpoints are written. A plain function will do, too.

    What it returns: True ends the training behind this iteration, with its final weights, as if it had been the last
    one. What it raises goes to the caller; all until then is saved, to go on from with ``resume``.
    """

    stopped = False
    """Whether it has ended the training, and ends it again should it be resumed."""
    watches: str | None = None
    """The name in ``Progress.monitored`` that it cannot do without."""

    def __call__(self, progress: Progress) -> bool | None:
        """After an iteration."""
        return None

    def at_end(self, graph: Graph) -> None:
        """Behind the last iteration, before the final weights are written. Arrays may be changed in place."""

    def kept(self) -> Kept | None:
        """What it needs again when the training is resumed, and `take` gets; None for nothing."""
        return None

    def take(self, kept: Kept) -> None:
        """Go on as in the training that is resumed."""


AnyCallback = Callback | Callable[[Progress], bool | None]


class Callbacks:
    """Those who are told of each iteration, in the order given."""

    def __init__(self, callbacks: tuple[AnyCallback, ...]) -> None:
        self._all = callbacks
        self._keeping = {
            f"{number}.{type(one).__name__}": one for number, one in enumerate(callbacks) if isinstance(one, Callback)
        }

    def check(self, validated: bool) -> None:
        """Raise TrainingError where one of them watches what comes of a validation, and there is none."""
        for one in self._keeping.values():
            if one.watches is not None and one.watches.startswith("val_") and not validated:
                found, remedy = f"{one.watches} is watched", "Keep some of them back, or watch loss or accuracy"
                raise TrainingError(found, "pictures for validation", remedy)

    @property
    def stopped(self) -> bool:
        """Whether one of them has ended the training."""
        return any(one.stopped for one in self._keeping.values())

    def call(self, progress: Progress) -> bool:
        """Tell all of them; whether one of them ends the training."""
        answers = [one(progress) for one in self._all]
        return True in answers

    def at_end(self, graph: Graph) -> None:
        """Let all of them change the network at the end."""
        for one in self._keeping.values():
            one.at_end(graph)

    def kept(self) -> Kept:
        """What all of them need again."""
        facts, arrays = {}, {}
        for name, one in self._keeping.items():
            kept = one.kept()
            if kept is not None:
                facts[name] = kept.facts
                arrays.update({f"{name}/{which}": array for which, array in kept.arrays.items()})
        return Kept(facts, arrays)

    def take(self, kept: Kept) -> None:
        """Give each of them what it kept; those that were not there before begin anew."""
        for name, one in self._keeping.items():
            if name in kept.facts:
                start = f"{name}/"
                own = {key.removeprefix(start): a for key, a in kept.arrays.items() if key.startswith(start)}
                one.take(Kept(kept.facts[name], own))


class Round:
    """Iterations whose figures are averaged, up to a validation or the end of an epoch."""

    def __init__(self) -> None:
        self._facts = dict.fromkeys(_OF_A_ROUND, 0.0)

    def add(self, figures: Figures) -> None:
        """Count an iteration."""
        self._facts["iterations"] += 1
        self._facts["loss"] += figures.loss
        self._facts["accuracy"] += figures.accuracy

    def end(self, validation: Tally | None) -> dict[str, float]:
        """The means; the next round begins."""
        iterations = self._facts["iterations"]
        means = {name: self._facts[name] / iterations for name in ("loss", "accuracy")}
        if validation is not None:
            means.update(val_loss=validation.loss, val_accuracy=validation.accuracy)
        self._facts = dict.fromkeys(_OF_A_ROUND, 0.0)
        return means

    def state(self) -> dict[str, float]:
        """What `restore` needs to go on in the middle of a round."""
        return dict(self._facts)

    def restore(self, state: Mapping[str, float]) -> None:
        """Go on in the middle of a round."""
        self._facts = {name: state[name] for name in _OF_A_ROUND}
