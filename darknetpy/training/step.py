"""One iteration of a training: mini-batches, gradients, update, figures. It knows no files and no terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from darknetpy.config.options import Options
from darknetpy.config.tree import Tree
from darknetpy.errors import TrainingError
from darknetpy.graph import Graph
from darknetpy.layers.state import State
from darknetpy.training.averages import MovingAverage
from darknetpy.training.fast.passes import FastPass, FastPasses, has_plain_floats, is_suitable
from darknetpy.training.fast.updates import LargeUpdates
from darknetpy.training.finite import check_finite, replace_bad_gradients, too_large
from darknetpy.training.optimizers import Optimizer
from darknetpy.training.passes import Gradients, Pass, frozen_layers
from darknetpy.training.schedules import learning_rate
from darknetpy.training.streams import Streams
from darknetpy.training.updates import ROLLING_SHARE, Sums, Updates, optimizer_of

MEMORY_OF_THE_LOSS = 0.9
"""How much of the average loss stays in each iteration."""

Truth = np.ndarray | Mapping[int, np.ndarray]
MiniBatch = tuple[np.ndarray, Truth]
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
        accuracy: the share of the pictures, as they were shown, whose best answer was right.
        replaced: values of gradients that were no numbers and counted as 0, with ``try_fix_nan``.
    """

    iteration: int
    pictures: int
    rate: float
    loss: float
    average: float
    losses: dict[int, float]
    accuracy: float
    replaced: int = 0


class Saved(NamedTuple):
    """All that a training needs besides the weights to go on: arrays by name, and facts that JSON knows."""

    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]


class Training:
    """A network in training, from iteration to iteration. It changes the network's arrays in place.

    Passes run by compiled kernels where these can, see `darknetpy.training.fast.passes.is_suitable`; the same bits come
    out for any number of threads.

    Args:
        graph: the network, with weights. seed: of all that is random.
        optimizer: by default what [net] says. rolling_share: of a statistic that each mini-batch replaces.
        l1: the pull of the weights' signs. threads: that compute; by default one for each core.
        plain: run all layers by their plain forms.

    Attributes:
        graph: the network, with weights.
        streams: the random numbers; ``streams["layers"]`` is what layers use, ``streams["rate"]`` the policy random.
        iteration: updates so far.
        pictures: pictures seen so far; Darknet calls them ``seen``.
        average_loss: None before the first iteration.
        gradients: of the last iteration, summed over its pictures, where ``keeps_gradients``.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        seed: int = 0,
        optimizer: Optimizer | None = None,
        rolling_share: float = ROLLING_SHARE,
        l1: float = 0.0,
        threads: int | None = None,
        plain: bool = False,
    ) -> None:
        self.graph, self._resized, self.streams = graph, graph, Streams(seed)
        kernels = not (plain or graph.net.try_fix_nan) and is_suitable(graph)
        self._passes = FastPasses(graph, threads) if kernels else None
        self.updates = Updates(graph, optimizer or optimizer_of(graph.net), rolling_share, l1)
        if self._passes is not None:
            self.updates.large = LargeUpdates(self._passes.team, self._passes.scratch)
        self.averages = MovingAverage(graph, graph.net.ema_alpha, graph.net.max_batches)
        self.iteration = self.pictures = 0
        self.average_loss: float | None = None
        self.keeps_gradients, self.gradients = False, Gradients()

    def step(self, mini_batches: Iterable[MiniBatch], state: State | None = None) -> Figures:
        """One iteration. Each mini-batch is asked for when the one before it is done.

        Args:
            mini_batches: those of one update, ``subdivisions`` of them.
            state: what recurrent layers remember; each mini-batch goes on from it. Without one each begins with zeros.

        Raises:
            TrainingError: a loss, a gradient or an array is not finite. The arrays are those of the last update.
        """
        iteration, sums, replaced, right = self.iteration + 1, Sums(), 0, 0
        frozen = frozen_layers(self.graph, iteration)
        for batch, truth in mini_batches:
            one, bad = self._passed(batch, truth, frozen, state, sums)
            replaced += bad
            sums.add(one)
            right += right_answers(one.outputs[self.graph.output_index], truth, self.graph.tree)
            del one  # with all that it keeps of the layers, before the next one begins
        if not sums.mini_batches:
            remedy = "Look at the list of pictures"
            raise TrainingError("an iteration without pictures", "at least one mini-batch", remedy)
        rate = learning_rate(self.graph.net, iteration, self.streams["rate"])
        self.updates.apply(sums, rate, iteration)
        if self.keeps_gradients:
            self.gradients = sums.gradients
        self.iteration, self.pictures = iteration, self.pictures + sums.pictures
        if self.graph.net.ema_alpha:
            self.averages.follow(iteration)
        return self._figures(sums, rate, right, replaced)

    def _graph_for(self, batch: np.ndarray) -> Graph:
        """The network for pictures of this size, with the same layers and arrays."""
        if batch.ndim != 4 or batch.shape[1:] == self.graph.input_shape:
            return self.graph
        if batch.shape[1:] != self._resized.input_shape:
            self._resized = self.graph.resized(*batch.shape[2:])
        return self._resized

    def _passed(
        self, batch: np.ndarray, truth: Truth, frozen: set[int], state: State | None, sums: Sums
    ) -> tuple[Pass | FastPass, int]:
        """A pass that has gone forwards and backwards, and how many of its values counted as 0."""
        graph = self._graph_for(batch)
        fast = self._fast_pass(graph, batch, truth, frozen, sums) if state is None else None
        if fast is not None:
            return fast, 0
        one, replaced = Pass(graph, frozen), 0
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            one.forward(batch, truth, random=self.streams["layers"], state=state)
            one.backward()
        if graph.net.try_fix_nan:
            replaced = replace_bad_gradients(one)
        else:
            check_finite(one, batch, self.iteration + 1)
            if sums.from_kernels:  # the gradients of the pass that failed may have been added to those before
                raise too_large(one, self.iteration + 1)
        return one, replaced

    def _fast_pass(
        self, graph: Graph, batch: np.ndarray, truth: Truth, frozen: set[int], sums: Sums
    ) -> FastPass | None:
        """A pass by kernels; None where there are none for this network, or numbers are not in order.

        The plain pass then tells where that begins, with the same random numbers.
        """
        if self._passes is None or batch.dtype != np.float32 or not sums.small or not has_plain_floats(graph):
            return None
        random = self.streams["layers"].bit_generator.state
        first = not sums.mini_batches
        one = self._passes.new(len(batch), frozen, repack=first, adding=not first, graph=graph)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            one.forward(batch, truth, random=self.streams["layers"])
            one.backward()
        if one.looks_sound():
            return one
        self.streams["layers"].bit_generator.state = random
        return None

    def _figures(self, sums: Sums, rate: float, right: int, replaced: int) -> Figures:
        losses = {index: loss / sums.pictures for index, loss in sums.losses.items()}
        before = self.average_loss
        if before is None or not math.isfinite(before):
            before = sums.loss
        self.average_loss = MEMORY_OF_THE_LOSS * before + (1 - MEMORY_OF_THE_LOSS) * sums.loss
        share = right / sums.pictures
        return Figures(self.iteration, self.pictures, rate, sums.loss, self.average_loss, losses, share, replaced)

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


def right_answers(outputs: np.ndarray, truth: np.ndarray | Mapping[int, np.ndarray], tree: Tree | None = None) -> int:
    """Of how many pictures the largest output is where the truth is largest; 0 where they have no common shape.

    In a tree of classes only the leaves are compared.
    """
    if not isinstance(truth, np.ndarray) or outputs.size != truth.size or not len(outputs):
        return 0
    if tree is not None:
        outputs = tree.absolute(outputs.reshape(len(outputs), -1), leaves_only=True)
        truth = np.where(tree.leaves, truth.reshape(outputs.shape), 0)
    answers, wanted = (values.reshape(len(outputs), -1).argmax(axis=1) for values in (outputs, truth))
    return int((answers == wanted).sum())


def _under(start: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
