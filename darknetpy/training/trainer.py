"""``darknetpy.Trainer``: a network learns from arrays, step by step or for some epochs. Names are those of Keras."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from darknetpy.errors import Findings, TrainingError
from darknetpy.graph import INPUT, Graph, build_graph
from darknetpy.layers.base import Tape, shape_text, size_of
from darknetpy.network import Layers, Network
from darknetpy.training.beginning import smoothed_truths, with_net_options
from darknetpy.training.checks import check_trainable
from darknetpy.training.noise import with_noise
from darknetpy.training.optimizers import Optimizer
from darknetpy.training.passes import Pass, frozen_layers, loss_layers
from darknetpy.training.progress import AnyCallback, Callbacks, Progress, Round
from darknetpy.training.step import Figures, Training, right_answers
from darknetpy.training.updates import optimizer_of

_Value = TypeVar("_Value")
_NO_END = 2**31 - 1  # updates, where the rate does not depend on how many there will be
_USUAL_BATCH = 64  # stands for that of the calls, while the network is checked
History = dict[str, list[float]]
"""Name -> one value an epoch: "loss" and "accuracy", with validation_data also "val_loss" and "val_accuracy"."""


class Evaluation(NamedTuple):
    """How good a network is: the loss of a picture, on average, and the share of right answers."""

    loss: float
    accuracy: float


class ByLayer(Mapping[int | str, _Value], Generic[_Value]):
    """Something for each of some layers, by index or name: ``gradients[0]``, ``gradients["conv0"]``."""

    def __init__(self, layers: Layers, values: Mapping[int, _Value]) -> None:
        self._layers, self._values = layers, dict(sorted(values.items()))

    def __getitem__(self, key: int | str) -> _Value:
        return self._values[self._layers[key].index]

    def __iter__(self) -> Iterator[str]:
        return (f"{self._layers[index].type}{index}" for index in self._values)

    def __len__(self) -> int:
        return len(self._values)


class Backpropagation(NamedTuple):
    """What one pass forwards and backwards found, without changing anything. Gradients are true ones, of ``loss``.

    Attributes:
        loss: of a picture, on average.
        gradients: by the arrays of each layer: ``gradients["conv0"]["weights"]``.
        outputs: of each layer, (n, *output_shape). by_outputs: the gradients by them.
        by_input: the gradient by the pictures, (n, *input_shape).
    """

    loss: float
    gradients: ByLayer[dict[str, np.ndarray]]
    outputs: ByLayer[np.ndarray]
    by_outputs: ByLayer[np.ndarray]
    by_input: np.ndarray | None


class Trainer:
    """Trains a network from ``darknetpy.load`` with arrays. Its arrays change in place; predictions use the new ones.

    Pictures ``x`` are (n, *input_shape) float32, 0 to 1. What the network should answer, ``y``, is the numbers of
    classes (n,), or values in the shape of what the layer with the loss gives, (n, classes) for classifiers.

    Args:
        network: with a layer that has a loss: [softmax], [logistic] or [cost].
        optimizer: "sgd", "adam", "adamw", or one of :mod:`darknetpy.training.optimizers`; by default as [net] says.
        learning_rate: the same in every step; by default ``learning_rate`` and ``policy`` of [net].
        decay: pull of the weights to zero in proportion to them; by default that of [net].
        l1: pull of the weights to zero, the same for small and large ones.
        input_noise: standard deviation of noise that is added to the pictures.
        seed: of all that is random: the order of pictures, dropout, noise.

    Raises:
        ConfigError, TrainingError: the network cannot be trained, or an option cannot be used.

    >>> import darknetpy
    >>> net = darknetpy.load("mnist")
    >>> trainer = Trainer(net, optimizer="adam", learning_rate=0.001)
    >>> x = np.random.default_rng(0).random((8, 1, 28, 28), np.float32)
    >>> trainer.step(x, np.arange(8)).iteration
    1
    >>> trainer.gradients["conv0"]["weights"].shape == net.layers["conv0"].weights["weights"].shape
    True
    """

    def __init__(
        self, network: Network, *, optimizer: str | Optimizer | None = None, learning_rate: float | None = None,
        decay: float | None = None, l1: float = 0.0, input_noise: float = 0.0, seed: int = 0,
    ) -> None:  # fmt: skip
        numbers = {"learning_rate": learning_rate, "decay": decay, "l1": l1, "input_noise": input_noise}
        for name, value in numbers.items():
            if value is not None and not 0 <= value < math.inf:
                raise TrainingError(f"{name}={value}", "a number that is not below 0")
        self.network = network
        self._graph = _trainable(network, learning_rate, decay)
        chosen = optimizer if isinstance(optimizer, Optimizer) else optimizer_of(self._graph.net, optimizer)
        self._training = Training(self._graph, seed=seed, optimizer=chosen, l1=l1)
        self._training.keeps_gradients = True
        self._input_noise = float(input_noise)
        self._pictures = 1  # of the last step

    @property
    def iteration(self) -> int:
        """Steps so far."""
        return self._training.iteration

    @property
    def gradients(self) -> ByLayer[dict[str, np.ndarray]]:
        """The gradients of the last step: of the loss of a picture, on average, by the arrays of each layer."""
        return _means(self.network, self._training.gradients, self._pictures)

    def step(self, x: np.ndarray, y: np.ndarray) -> Figures:
        """One update from these pictures. TrainingError where numbers are none any more; nothing has changed then."""
        pictures, truth = self._checked(x, y)
        if self._input_noise:
            pictures = with_noise(pictures, self._input_noise, self._training.streams["input noise"])
        figures = self._training.step([(pictures, truth)])
        self.network.weights_changed()
        self._pictures = len(x)
        return figures

    def fit(
        self, x: np.ndarray, y: np.ndarray, *, epochs: int = 1, batch_size: int = 32, shuffle: bool = True,
        validation_data: tuple[np.ndarray, np.ndarray] | None = None, callbacks: Sequence[AnyCallback] = (),
    ) -> History:  # fmt: skip
        """Some epochs: each picture once in each, in a new order where ``shuffle``.

        Args:
            x, y: pictures and answers. epochs: how many. batch_size: pictures in a step; the last one has the rest.
            validation_data: pictures and answers to evaluate after each epoch.
            callbacks: called with a :class:`~darknetpy.training.progress.Progress` after each step, where an epoch has
                ended with its figures in ``monitored``, such as :class:`~darknetpy.EarlyStopping`; one that returns
                True ends it.

        >>> history = trainer.fit(x, y, epochs=5, validation_data=(x_test, y_test))  # doctest: +SKIP
        >>> history["val_accuracy"][-1]  # doctest: +SKIP
        0.97
        """
        if epochs < 0 or batch_size < 1:
            raise TrainingError(f"epochs={epochs}, batch_size={batch_size}", "at least 0, and at least 1")
        x, truth = self._checked(x, y)
        checked = None if validation_data is None else self._checked(*validation_data)
        told = Callbacks(tuple(callbacks))
        told.check(checked is not None)
        history: History = {}
        steps = -(-len(x) // batch_size)
        for epoch in range(epochs):
            order = self._training.streams["order"].permutation(len(x)) if shuffle else np.arange(len(x))
            one_round, ends = Round(), False
            for number in range(steps):
                begun, places = time.perf_counter(), order[number * batch_size : (number + 1) * batch_size]
                figures = self.step(x[places], truth[places])
                one_round.add(figures)
                seconds, left = time.perf_counter() - begun, steps * (epochs - epoch) - number - 1
                means = self._end_of(one_round, checked, batch_size, history) if number == steps - 1 else None
                speed = len(places) / max(seconds, 1e-9)
                ends = told.call(Progress(figures, speed, left * seconds, None, False, means, self._graph)) or ends
                if ends:
                    break
            if ends or told.stopped:
                break
        told.at_end(self._graph)
        self.network.weights_changed()
        return history

    def _end_of(
        self, one_round: Round, checked: tuple[np.ndarray, np.ndarray] | None, batch_size: int, history: History
    ) -> dict[str, float]:
        """The figures of an epoch, also written into the history."""
        means = one_round.end(None)
        if checked is not None:
            found = self._evaluated(*checked, batch_size)
            means.update(val_loss=found.loss, val_accuracy=found.accuracy)
        for name, value in means.items():
            history.setdefault(name, []).append(value)
        return means

    def evaluate(self, x: np.ndarray, y: np.ndarray, *, batch_size: int = 32) -> Evaluation:
        """Loss and accuracy as the network runs outside of training: without dropout, with rolling statistics."""
        if batch_size < 1:
            raise TrainingError(f"batch_size={batch_size}", "at least 1")
        return self._evaluated(*self._checked(x, y), batch_size)

    def _evaluated(self, x: np.ndarray, truth: np.ndarray, batch_size: int) -> Evaluation:
        losses, right, loss_of = 0.0, 0, loss_layers(self._graph)
        sources = sorted({source for index in loss_of for source in self._graph.nodes[index].sources} - {INPUT})
        last = self._graph.output_index
        for first in range(0, len(x), batch_size):
            batch, wanted = x[first : first + batch_size], truth[first : first + batch_size]
            found = self.network.predict(batch, outputs=[*sources, last])
            values = {INPUT: batch, **dict(zip([*sources, last], found, strict=True))}
            for index in loss_of:
                node, tape = self._graph.nodes[index], Tape(training=False, truth=wanted)
                node.layer.forward([values[source] for source in node.sources], tape)
                losses += tape.loss or 0.0
            right += right_answers(values[last], wanted, self._graph.tree)
        return Evaluation(losses / len(loss_of) / len(x), right / len(x))

    def backpropagate(self, x: np.ndarray, y: np.ndarray) -> Backpropagation:
        """Forwards and backwards as in training, by the plain forms of the layers; nothing changes.

        >>> import darknetpy
        >>> net = darknetpy.load("mnist")
        >>> found = Trainer(net).backpropagate(np.zeros((2, 1, 28, 28), np.float32), np.array([3, 7]))
        >>> found.by_outputs["conv0"].shape == (2, *net.layers["conv0"].output_shape)
        True
        """
        pictures, truth = self._checked(x, y)
        one = Pass(self._graph, frozen_layers(self._graph, self.iteration + 1))
        one.forward(pictures, truth, random=np.random.default_rng(self._training.streams.seed))
        one.backward()
        layers, count = self.network.layers, len(pictures)
        by_outputs = {index: gradient / np.float32(count) for index, gradient in one.by_outputs.items()}
        by_input = None if one.by_input is None else one.by_input / np.float32(count)
        return Backpropagation(
            one.loss / count, _means(self.network, one.gradients, count), ByLayer(layers, one.outputs),
            ByLayer(layers, by_outputs), by_input,
        )  # fmt: skip

    def _checked(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pictures and truths as a step takes them."""
        shape = self._graph.input_shape
        expected = f"(n, {', '.join(map(str, shape))}) float32"
        if not isinstance(x, np.ndarray) or x.shape[1:] != shape or not len(x) or x.dtype.kind != "f":
            found = f"x of shape {x.shape} {x.dtype}" if isinstance(x, np.ndarray) else f"x is a {type(x).__name__}"
            raise TrainingError(found, expected, "Bytes are divided by 255 first")
        truth = np.asarray(y)
        if len(truth.shape) == 0 or len(truth) != len(x):
            raise TrainingError(f"y of shape {truth.shape} for {len(x)} pictures", "one answer for each")
        if truth.dtype.kind in "iu" and truth.ndim == 1:
            truth = self._of_classes(truth)
        shapes = [self._graph.nodes[index].output_shape for index in loss_layers(self._graph)]
        if truth.dtype.kind != "f" or any(truth.size != size_of(one) * len(x) for one in shapes):
            outputs = " or ".join(map(shape_text, shapes))
            expected = f"numbers of classes (n,), or floats for {outputs} values a picture"
            raise TrainingError(f"y of shape {truth.shape} {truth.dtype}", expected)
        return np.ascontiguousarray(x, np.float32), np.ascontiguousarray(truth, np.float32)

    def _of_classes(self, numbers: np.ndarray) -> np.ndarray:
        classes = self._graph.classes
        if numbers.min() < 0 or numbers.max() >= classes:
            found = f"class {numbers.min() if numbers.min() < 0 else numbers.max()}"
            raise TrainingError(found, f"0 to {classes - 1}, the classes of the network")
        truths = np.zeros((len(numbers), classes), np.float32)
        truths[np.arange(len(numbers)), numbers] = 1
        return smoothed_truths(truths, self._graph)


def _trainable(network: Network, learning_rate: float | None, decay: float | None) -> Graph:
    """The same layers, with the same arrays, read and checked as for training; warnings are Python's."""
    graph, written = network.graph, {"batch": str(_USUAL_BATCH), "subdivisions": "1"}
    if learning_rate is not None:
        written |= {"learning_rate": repr(float(learning_rate)), "policy": "constant", "burn_in": "0"}
    if decay is not None:
        written["decay"] = repr(float(decay))
    policy = written.get("policy", graph.net.policy)
    if not graph.net.max_batches and policy not in ("poly", "sgdr"):
        written["max_batches"] = str(_NO_END)
    findings = Findings()
    try:
        cfg = with_net_options(graph.cfg, written)
        same = build_graph(cfg, dialect=graph.dialect, findings=findings, training=True)
        check_trainable(same, findings)
    finally:
        for warning in findings.warnings:
            warnings.warn(warning, stacklevel=4)
    for node, own in zip(same.nodes, graph.nodes, strict=True):
        for array in own.arrays:  # all of them are here from now on, and can be changed
            own.weights[array.name] = np.require(own.weights[array.name], requirements=["W"])
        node.layer.weights = own.weights
    network.weights_changed()
    return same


def _means(network: Network, sums: Mapping[int, dict[str, np.ndarray]], count: int) -> ByLayer[dict[str, np.ndarray]]:
    """Gradients of a picture, on average, of those that are summed over all."""
    means: dict[int, dict[str, Any]] = {
        index: {name: gradient / np.float32(count) for name, gradient in own.items()} for index, own in sums.items()
    }
    return ByLayer(network.layers, means)
