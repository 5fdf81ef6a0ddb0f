"""The programs that train, each at the settings that are best for it: float32, a fixed number of threads.

A trainer is a class with ``name``, ``module``, ``__init__(lesson, threads)`` and ``step()``; `TRAINERS` lists them.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

if TYPE_CHECKING:
    from darknetpy.graph import Graph
    from tools.peers.lessons import Lesson


class Trainer(Protocol):
    """A network that learns one batch again and again."""

    name: ClassVar[str]
    module: ClassVar[str]

    def __init__(self, lesson: Lesson, threads: int) -> None: ...

    def step(self) -> float:
        """Forward, backward, update; the loss for one picture, as Darknet prints it."""
        ...


class Darknetpy:
    """Ourselves."""

    name, module = "darknetpy", "darknetpy.training.step"

    def __init__(self, lesson: Lesson, threads: int) -> None:
        from darknetpy.training.step import Training

        self._training = Training(read_lesson(lesson), threads=threads)
        self._batch = lesson.pictures, lesson.truths

    def step(self) -> float:
        return self._training.step([self._batch]).loss


class Torch:
    """PyTorch in the usual layout, its arrays updated by its fused function."""

    name, module = "torch", "torch"
    channels_last = False

    def __init__(self, lesson: Lesson, threads: int) -> None:
        import torch

        from tools.peers.torch_training import LearningNetwork

        torch.set_num_threads(threads)
        graph = read_lesson(lesson)
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        self._network = LearningNetwork(graph).train().to(memory_format=layout)  # type: ignore[call-overload]
        self._optimizer = self._network.optimizer(graph)
        self._pictures = torch.from_numpy(lesson.pictures).contiguous(memory_format=layout)
        truths = torch.from_numpy(lesson.truths)
        self._truths = truths.argmax(1) if self._network.is_classifier else truths
        self._factor = 1 if self._network.is_classifier else 2  # Darknet prints the whole squared error

    def step(self) -> float:
        self._optimizer.zero_grad(set_to_none=True)
        loss: Any = self._network.loss_of(self._pictures, self._truths)
        loss.backward()
        self._optimizer.step()
        return self._factor * float(loss.item())


class TorchChannelsLast(Torch):
    """The same with channels last in memory."""

    name = "torch-last"
    channels_last = True


TRAINERS: dict[str, type[Trainer]] = {trainer.name: trainer for trainer in (Darknetpy, Torch, TorchChannelsLast)}


def read_lesson(lesson: Lesson) -> Graph:
    """The network of a lesson with its first weights."""
    from darknetpy.config.sections import parse_cfg
    from darknetpy.graph import build_graph
    from darknetpy.weights.reader import read_weights

    graph = build_graph(parse_cfg(lesson.text), training=True)
    read_weights(lesson.weights, graph)
    return graph


@dataclass(frozen=True)
class Learning:
    """The job of a trainer. Its answer is the losses (steps,) of the first steps."""

    name: str
    lesson: Lesson
    threads: int
    steps: int

    def import_all(self) -> None:
        """What the trainer imports before it looks at a network."""
        importlib.import_module(TRAINERS[self.name].module)

    def load(self) -> RunningLearning:
        """The trainer with its network."""
        return RunningLearning(TRAINERS[self.name](self.lesson, self.threads), self.steps)


@dataclass(frozen=True)
class RunningLearning:
    """A trainer, and how many losses are asked for."""

    trainer: Trainer
    steps: int

    def first(self) -> list[np.ndarray]:
        return [np.array([self.trainer.step() for _ in range(self.steps)])]

    def again(self) -> None:
        self.trainer.step()
