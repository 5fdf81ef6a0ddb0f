"""The update of all arrays of a network, from what the mini-batches of one batch add up to.

Source: AlexeyAB/darknet src/network_kernels.cu (update_network_gpu) and src/convolutional_kernels.cu
(update_convolutional_layer_gpu); Yong et al. 2020, "Gradient centralization".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from darknetpy.config.options import Options
from darknetpy.errors import TrainingError, printable
from darknetpy.graph import Graph, Node
from darknetpy.layers.base import Array
from darknetpy.training.fast.passes import FastPass
from darknetpy.training.fast.updates import LargeUpdates
from darknetpy.training.finite import diverged
from darknetpy.training.optimizers import Adam, AdamW, Momentum, Optimizer, Update, decays
from darknetpy.training.passes import Gradients, Pass, frozen_layers

ROLLING_SHARE = 0.01
"""The part of a rolling statistic that each mini-batch, or each time step of one, replaces."""
OPTIMIZERS: dict[str, Callable[[Options], Optimizer]] = {
    "sgd": lambda net: Momentum(net.momentum),
    "adam": lambda net: Adam(net.B1, net.B2, net.eps),
    "adamw": lambda net: AdamW(net.B1, net.B2, net.eps),
}
"""By their names."""
_COUNT = "updates"  # of an array, among its memories in a saved state


def optimizer_of(net: Options, name: str | None = None) -> Optimizer:
    """The optimizer of that name in `OPTIMIZERS`, with the values of [net]; by default the one that [net] asks for."""
    chosen = name or ("adam" if net.adam else "sgd")
    if chosen not in OPTIMIZERS:
        raise TrainingError(f"optimizer={printable(chosen)}", f"one of {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[chosen](net)


@dataclass
class Sums:
    """What the mini-batches of one update add up to. A pass can be let go when it has been added.

    Attributes:
        gradients: of the loss summed over all pictures.
        statistics: index of the layer that owns an array, its name, and what the batch says it is, in the order seen.
        losses: by the layers whose losses count, summed over all pictures.
        pictures: how many there were; time steps count as pictures.
        mini_batches: how many passes.
        small: whether no gradient is larger than some 1e19, so that updates cannot overflow.
        from_kernels: whether a pass ran by kernels, in whose memory its gradients stay.
    """

    gradients: Gradients = field(default_factory=dict)
    statistics: list[tuple[int, str, np.ndarray]] = field(default_factory=list)
    losses: dict[int, float] = field(default_factory=dict)
    pictures: int = 0
    mini_batches: int = 0
    small: bool = True
    from_kernels: bool = False

    def add(self, one: Pass | FastPass) -> None:
        """Add a pass that has gone forwards and backwards."""
        summed = one.summed if isinstance(one, FastPass) else set()
        by_kernels = isinstance(one, FastPass)
        self.from_kernels |= by_kernels
        self.small &= by_kernels
        for index, gradients in one.gradients.items():
            own = self.gradients.setdefault(index, {})
            for name, gradient in gradients.items():
                adds = name in own and (index, name) not in summed
                own[name] = own[name] + gradient if adds else gradient
        self.statistics.extend(one.statistics())
        for index, loss in one.losses.items():
            self.losses[index] = self.losses.get(index, 0.0) + loss
        self.pictures += one.pictures
        self.mini_batches += 1

    @property
    def loss(self) -> float:
        """For one picture, the mean over the layers whose losses count, as Darknet prints it."""
        return sum(self.losses.values()) / len(self.losses) / self.pictures


class _Before:
    """Arrays as they were before an update, until it has come to its end."""

    def __init__(self) -> None:
        self._copies: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def note(self, array: np.ndarray) -> None:
        """Before it changes for the first time."""
        if id(array) not in self._copies:
            self._copies[id(array)] = array, array.copy()

    def bring_back(self) -> None:
        for array, before in self._copies.values():
            array[...] = before


@dataclass
class Updates:
    """Changes the arrays of a network, and remembers what the optimizer needs from one update to the next.

    Weights decay, biases and scales do not. A layer's ``learning_rate`` is a factor on the rate, its ``clip`` (else
    that of [net]) a limit on its weights. Arrays that layers share change once. An array without a gradient has one of
    zeros: its velocity and its decay go on. With ``l1`` the gradient by each weight has that much of its sign more, for
    each picture, whatever the optimizer. Layers at rest (``dont_update``, ``burnin_update``, ``train_only_bn``) keep
    their arrays and what is remembered of them; Darknet lets gradients pile up meanwhile. Frozen layers also keep their
    rolling statistics, see :func:`~darknetpy.training.passes.frozen_layers`.

    Attributes:
        large: runs the updates of large arrays, where these cannot overflow.
    """

    graph: Graph
    optimizer: Optimizer
    rolling_share: float = ROLLING_SHARE
    l1: float = 0.0
    large: LargeUpdates | None = None
    _memories: dict[tuple[int, str], dict[str, np.ndarray]] = field(default_factory=dict)
    _counts: dict[tuple[int, str], int] = field(default_factory=dict)

    def apply(self, sums: Sums, rate: float, iteration: int) -> None:
        """One update.

        Args:
            sums: of the mini-batches of this iteration.
            rate: the learning rate of the network.
            iteration: the number of the update, from 1.

        Raises:
            TrainingError: an array would not be finite any more. All arrays, and all that is remembered, are as before;
                but where gradients were in order and large arrays were not, these have changed in part.
        """
        before = _Before()
        counts = dict(self._counts)
        try:
            self._roll(sums.statistics, before)
            resting = layers_at_rest(self.graph, iteration)
            for node in self.graph.nodes:
                for array in node.arrays:
                    if array.trained and node.index not in resting:
                        self._change(node, array, sums, rate, iteration, before)
            if self.large is not None:
                self.large.run()
        except TrainingError:
            before.bring_back()
            self._counts = counts
            if self.large is not None:
                self.large.forget()
            raise

    def rolling_share_of(self, node: Node) -> float:
        """The share for one layer: the same for all, other than in Darknet on a CPU."""
        return self.rolling_share

    def _roll(self, statistics: list[tuple[int, str, np.ndarray]], before: _Before) -> None:
        for index, name, seen in statistics:
            node = self.graph.nodes[index]
            rolling, share = node.weights[name], self.rolling_share_of(node)
            before.note(rolling)
            rolling *= np.float32(1 - share)
            rolling += np.float32(share) * seen

    def _change(self, node: Node, array: Array, sums: Sums, rate: float, iteration: int, before: _Before) -> None:
        place, values = (node.index, array.name), node.weights[array.name]
        gradient = sums.gradients.get(node.index, {}).get(array.name)
        gradient = np.zeros_like(values) if gradient is None else gradient.astype(values.dtype, copy=False)
        if (
            array.name == "weights"
            and node.options.get("grad_centr")
            and (node.options.batch_normalize or node.options.cbn)
        ):
            gradient = gradient - gradient.mean(axis=tuple(range(1, gradient.ndim)), keepdims=True)
        if self.l1 and decays(array.name):
            gradient = gradient + np.float32(self.l1 * sums.pictures) * np.sign(values)
        decay = self.graph.net.decay if decays(array.name) else 0.0
        count = self._counts.get(place, 0) + 1
        update = Update(rate * node.options.learning_rate, sums.pictures, decay, count)
        memory, limit = self._memory(place, values), node.options.clip or self.graph.net.clip
        self._counts[place] = count
        if self.large is not None and sums.small and self.large.takes(self.optimizer, values, gradient, update):
            limit = limit if decays(array.name) else 0.0
            self.large.add(self.optimizer, values, gradient, memory, update, limit, node, array.name)
            return
        for changing in (values, *memory.values()):
            before.note(changing)
        with np.errstate(over="ignore", invalid="ignore"):
            self.optimizer.change(values, gradient, memory, update)
        if limit and decays(array.name):
            np.clip(values, -limit, limit, out=values)
        if not np.isfinite(values).all():
            bad = float(values[~np.isfinite(values)][0])
            raise diverged(node, f"{array.name} would become {bad:g} in update {iteration}")

    def _memory(self, place: tuple[int, str], like: np.ndarray) -> dict[str, np.ndarray]:
        if place not in self._memories:
            self._memories[place] = {name: np.zeros_like(like) for name in self.optimizer.memories}
        return self._memories[place]

    def state(self) -> dict[str, np.ndarray]:
        """Copies of all that is remembered, by ``INDEX.ARRAY.MEMORY``; ``restore`` takes them back."""
        kept = {}
        for (index, name), memory in self._memories.items():
            for what, array in memory.items():
                kept[f"{index}.{name}.{what}"] = array.copy()
            kept[f"{index}.{name}.{_COUNT}"] = np.array(self._counts.get((index, name), 0))
        return kept

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on from a saved state. Raises TrainingError where it is not of this network and optimizer."""
        shapes = {(node.index, a.name): a.shape for node in self.graph.nodes for a in node.arrays if a.trained}
        memories: dict[tuple[int, str], dict[str, np.ndarray]] = {}
        counts: dict[tuple[int, str], int] = {}
        for key, array in state.items():
            number, name, what = [*key.split("."), "", ""][:3]
            place = (int(number) if number.isdigit() else -1, name)
            expected = () if what == _COUNT else shapes.get(place)
            if place not in shapes or what not in {_COUNT, *self.optimizer.memories} or array.shape != expected:
                remedy = "Go on with the same cfg, or begin the training anew"
                raise TrainingError(f"the saved training has {key}", "what this network and optimizer need", remedy)
            if what == _COUNT:
                counts[place] = int(array)
            else:
                memories.setdefault(place, {})[what] = array.copy()
        self._memories, self._counts = memories, counts


def layers_at_rest(graph: Graph, iteration: int) -> set[int]:
    """The layers whose arrays an update of that number leaves as they are."""
    resting = frozen_layers(graph, iteration)
    only_rolling = max((node.index for node in graph.nodes if node.options.train_only_bn), default=-1)
    resting.update(range(only_rolling + 1))
    for node in graph.nodes:
        options = node.options
        if iteration <= options.dont_update or options.burnin_update * graph.net.burn_in > iteration:
            resting.add(node.index)
    return resting
