"""Updates of arrays from their gradients: momentum as in Darknet, Adam, AdamW.

Source: AlexeyAB/darknet src/convolutional_layer.c (update_convolutional_layer) and src/blas_kernels.cu (adam_kernel);
Kingma and Ba 2015, "Adam"; Loshchilov and Hutter 2019, "Decoupled weight decay regularization" (AdamW).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np


def decays(name: str) -> bool:
    """Whether decay pulls an array of that name: weights, but no biases or scales."""
    return name == "weights" or name.endswith("_weights")


@dataclass(frozen=True)
class Update:
    """What an update depends on, besides the gradient.

    rate: the learning rate, of this array. batch: pictures that the gradient is summed over. decay: the pull to zero of
    this array. iteration: the number of updates of this array, from 1.
    """

    rate: float
    batch: int
    decay: float
    iteration: int


class Optimizer(ABC):
    """How arrays change. Keeps arrays of its own beside each of them, all zeros at first."""

    memories: tuple[str, ...] = ()
    """Names of the arrays that it keeps."""

    @abstractmethod
    def change(self, array: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], update: Update) -> None:
        """Change an array in place. ``gradient`` is that of the loss summed over ``update.batch`` pictures."""


@dataclass(frozen=True)
class Momentum(Optimizer):
    """velocity = momentum * velocity + gradient + decay * batch * array; array -= rate / batch * velocity."""

    momentum: float = 0.9
    memories = ("velocity",)

    def change(self, array: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], update: Update) -> None:
        velocity = memory["velocity"]
        velocity *= np.float32(self.momentum)
        velocity += gradient
        if update.decay:
            velocity += np.float32(update.decay * update.batch) * array
        array -= np.float32(update.rate / update.batch) * velocity


@dataclass(frozen=True)
class Adam(Optimizer):
    """Steps of about the size of the rate, whatever the size of the gradients. As in Darknet these are sums, not means.

    With g = gradient + decay * batch * array, and t the number of the update:
    mean = B1 mean + (1 - B1) g; square = B2 square + (1 - B2) g^2;
    array -= rate * mean / (1 - B1^t) / (sqrt(square / (1 - B2^t)) + epsilon).
    """

    first: float = 0.9
    second: float = 0.999
    epsilon: float = 1e-6
    memories = ("mean", "square")

    def change(self, array: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], update: Update) -> None:
        if update.decay:
            gradient = gradient + np.float32(update.decay * update.batch) * array
        self.step(array, gradient, memory, update)

    def step(self, array: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], update: Update) -> None:
        """The step without decay."""
        mean, square = memory["mean"], memory["square"]
        mean *= np.float32(self.first)
        mean += np.float32(1 - self.first) * gradient
        square *= np.float32(self.second)
        square += np.float32(1 - self.second) * gradient * gradient
        corrected = mean / np.float32(1 - self.first**update.iteration)
        size = np.sqrt(square / np.float32(1 - self.second**update.iteration)) + np.float32(self.epsilon)
        array -= np.float32(update.rate) * corrected / size


@dataclass(frozen=True)
class AdamW(Adam):
    """As Adam, with decay of its own: array *= 1 - rate * decay, and no part of it in the means."""

    def change(self, array: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], update: Update) -> None:
        if update.decay:
            array *= np.float32(1 - update.rate * update.decay)
        self.step(array, gradient, memory, update)
