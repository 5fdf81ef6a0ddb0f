"""One iteration of a training: mini-batches, gradients, update, figures. It knows no files and no terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from darknetpy.config.options import Options
from darknetpy.errors import TrainingError
from darknetpy.graph import Graph
from darknetpy.layers.state import State
from darknetpy.training.averages import MovingAverage
from darknetpy.training.finite import check_finite, replace_bad_gradients
from darknetpy.training.optimizers import Optimizer
from darknetpy.training.passes import Pass, frozen_layers
from darknetpy.training.schedules import learning_rate
from darknetpy.training.streams import Streams
from darknetpy.training.updates import ROLLING_SHARE, Sums, Updates, optimizer_of

MEMORY_OF_THE_LOSS = 0.9
"""How much of the average loss stays in each iteration."""

MiniBatch = tuple[np.ndarray, np.ndarray | Mapping[int, np.ndarray]]
"""Pictures (n, *input_shape), float32, and what the layers with a loss compare with, see `Pass.forward`."""


def pictures_per_update(net: Options) -> int:
    """Pictures, or time steps of sequences, whose gradients an update sums up; see the options of [net].

    What ``subdivisions`` does not divide is left out, as in Darknet.
    """
    return int(max(net.batch // net.subdivisions, 1) * net.subdivisions * net.time_steps)


@dataclass(frozen=True)
class Figures:
    """What an iteration says of itself.

    Attributes:
        iteration: its number, from 1.
        pictures: seen so far, this iteration's among them.
        rate: the learning rate of its update.
        loss: for one picture, the mean over the layers with a loss, as Darknet prints it.
        average: of the loss, a tenth of it from this iteration.
        losses: the loss of each layer for one picture.
        replaced: values of gradients that were no numbers and counted as 0, with ``try_fix_nan``.
    """

    iteration: int
    pictures: int
    rate: float
    loss: float
    average: float
    losses: dict[int, float]
    replaced: int = 0


class Saved(NamedTuple):
    """All that a training needs besides the weights to go on: arrays by name, and facts that JSON knows."""

    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]


class Training:
    """A network in training, from iteration to iteration. It changes the network's arrays in place.

    Attributes:
        graph: the network, with weights.
        streams: the random numbers; ``streams["layers"]`` is what layers use, ``streams["rate"]`` the policy random.
        iteration: updates so far.
        pictures: pictures seen so far; Darknet calls them ``seen``.
        average_loss: None before the first iteration.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        seed: int = 0,
        optimizer: Optimizer | None = None,
        rolling_share: float = ROLLING_SHARE,
    ) -> None:
        self.graph, self.streams = graph, Streams(seed)
        self.updates = Updates(graph, optimizer or optimizer_of(graph.net), rolling_share)
        self.averages = MovingAverage(graph, graph.net.ema_alpha, graph.net.max_batches)
        self.iteration = self.pictures = 0
        self.average_loss: float | None = None

    def step(self, mini_batches: Iterable[MiniBatch], state: State | None = None) -> Figures:
        """One iteration. Each mini-batch is asked for when the one before it is done.

        Args:
            mini_batches: those of one update, ``subdivisions`` of them.
            state: what recurrent layers remember; each mini-batch goes on from it. Without one each begins with zeros.

        Raises:
            TrainingError: a loss, a gradient or an array is not finite. The arrays are finite, and those of the last
                update, but where the update itself failed: the layers before the one named have changed then.
        """
        iteration, sums, replaced = self.iteration + 1, Sums(), 0
        frozen = frozen_layers(self.graph, iteration)
        for batch, truth in mini_batches:
            one = Pass(self.graph, frozen)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                one.forward(batch, truth, random=self.streams["layers"], state=state)
                one.backward()
            if self.graph.net.try_fix_nan:
                replaced += replace_bad_gradients(one)
            else:
                check_finite(one, batch, iteration)
            sums.add(one)
            del one  # with all that it keeps of the layers, before the next one begins
        if not sums.mini_batches:
            remedy = "Look at the list of pictures"
            raise TrainingError("an iteration without pictures", "at least one mini-batch", remedy)
        rate = learning_rate(self.graph.net, iteration, self.streams["rate"])
        self.updates.apply(sums, rate, iteration)
        self.iteration, self.pictures = iteration, self.pictures + sums.pictures
        if self.graph.net.ema_alpha:
            self.averages.follow(iteration)
        return self._figures(sums, rate, replaced)

    def _figures(self, sums: Sums, rate: float, replaced: int) -> Figures:
        losses = {index: loss / sums.pictures for index, loss in sums.losses.items()}
        before = self.average_loss
        if before is None or not math.isfinite(before):
            before = sums.loss
        self.average_loss = MEMORY_OF_THE_LOSS * before + (1 - MEMORY_OF_THE_LOSS) * sums.loss
        return Figures(self.iteration, self.pictures, rate, sums.loss, self.average_loss, losses, replaced)

    def begin_at(self, pictures: int) -> None:
        """Go on with weights that have seen so many pictures, without what the optimizer remembered, as Darknet does.

        Raises TrainingError where that is the end of the training, or beyond.
        """
        iteration, last = pictures // pictures_per_update(self.graph.net), self.graph.net.max_batches
        if iteration >= last:
            found = f"the weights have seen {pictures} pictures, which is iteration {iteration} of this training"
            remedy = "Raise max_batches to train longer, or begin anew from these weights"
            place = self.graph.cfg.net.at("max_batches")
            raise TrainingError(found, f"less than max_batches={last}", remedy, **place)
        self.iteration, self.pictures = iteration, pictures

    def state(self) -> Saved:
        """What `restore` needs to go on exactly, besides the arrays of the network."""
        arrays = {f"optimizer.{name}": array for name, array in self.updates.state().items()}
        arrays |= {f"average.{name}": array for name, array in self.averages.state().items()}
        facts = {
            "iteration": self.iteration,
            "pictures": self.pictures,
            "average_loss": self.average_loss,
            "random": self.streams.state(),
        }
        return Saved(arrays, facts)

    def restore(self, saved: Saved) -> None:
        """Go on from a saved state. Raises TrainingError where it is not of this network and optimizer."""
        self.updates.restore(_under("optimizer.", saved.arrays))
        self.averages.restore(_under("average.", saved.arrays))
        self.streams.restore(saved.facts["random"])
        self.iteration, self.pictures = saved.facts["iteration"], saved.facts["pictures"]
        self.average_loss = saved.facts["average_loss"]


def _under(start: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
