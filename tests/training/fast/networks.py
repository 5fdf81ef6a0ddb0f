"""Small networks in training: their passes by kernels, held against the plain form in float64."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

import numpy as np

from darknetpy.config.sections import parse_cfg
from darknetpy.dialect import dialect_named
from darknetpy.engine.threads import Scratch, Team
from darknetpy.graph import build_graph, initial_weights
from darknetpy.layers.base import size_of
from darknetpy.training.fast.program import TrainingProgram
from darknetpy.training.passes import Pass, loss_layers

NORMALIZED, PLAIN = 1e-4, 2e-5
"""How far a gradient may be off, of the largest value of its array: with batch normalization somewhere, and without."""
CANCELLED = 0.05
"""Of the largest gradient of its layer: a smaller one is a sum in which much cancels, and is compared with that."""
END = "[avgpool]\n[softmax]\n"
POOL = "[maxpool]\nsize=2\nstride=2\n"
Found = dict[tuple[int, str], np.ndarray]


def section(name: str, **options: object) -> str:
    """The lines of one section of a cfg."""
    return f"[{name}]\n" + "".join(f"{option}={value}\n" for option, value in options.items())


def conv(filters: int, size: int = 3, **options: object) -> str:
    """A [convolutional], by default with batch normalization, leaky, and padded to keep its size."""
    usual = {"stride": 1, "pad": 1, "batch_normalize": 1, "activation": "leaky"}
    return section("convolutional", filters=filters, size=size, **{**usual, **options})


def net(shape: tuple[int, int, int], *sections: str) -> str:
    """A cfg for pictures (channels, height, width)."""
    channels, height, width = shape
    return section("net", channels=channels, height=height, width=width) + "".join(sections)


class Trial:
    """A network with weights, a mini-batch for it, and what comes out in float64 and by kernels.

    Args:
        text: the cfg. images: of the mini-batch. frozen: layers that stay as they are. dialect: of the cfg.
    """

    def __init__(
        self, text: str, images: int = 3, *, frozen: Collection[int] = (), dialect: str = "alexeyab", seed: int = 1
    ) -> None:
        self.graph = build_graph(parse_cfg(text), dialect=dialect_named(dialect))
        initial_weights(self.graph, 3)
        self.images, self.frozen = images, frozen
        self._random = np.random.default_rng(seed)
        for node in self.graph.nodes:
            for array in node.arrays:
                if array.name != "weights":
                    values = node.weights[array.name]
                    values += self._random.uniform(0, 0.5, values.shape).astype(np.float32)
        self.team, self.scratch = Team(2, cores=2), Scratch()
        self.draw(images)

    def draw(self, images: int) -> None:
        """Another mini-batch, of so many pictures."""
        self.images = images
        self.batch = self._random.random((images, *self.graph.input_shape), dtype=np.float32)
        self.truths = {index: self._truth(index) for index in loss_layers(self.graph)}

    def _truth(self, index: int) -> np.ndarray:
        classes = size_of(self.graph.nodes[index].output_shape)
        return np.eye(classes, dtype=np.float32)[self._random.integers(0, classes, self.images)]

    def program(self, images: int | None = None) -> TrainingProgram:
        """A new one, by default for the mini-batch."""
        return TrainingProgram(self.graph, images or self.images, self.frozen, loss_layers(self.graph))

    def run(
        self, program: TrainingProgram, *, team: Team | None = None, repack: bool = True, adding: bool = False
    ) -> Found:
        """Forwards and backwards; copies of all gradients, by layer and name."""
        team = team or self.team
        with np.errstate(invalid="ignore"):
            program.forward(
                self.batch, self.truths, np.random.default_rng(4), team, self.scratch, repack=repack
            )  # fmt: skip
            program.backward(team, self.scratch, adding=adding)
        found = {(index, name): gradient.copy() for index, name, gradient in program.gradients()}
        for index, tape in program.tapes.items():
            found |= {(index, name): gradient.copy() for name, gradient in tape.gradients.items()}
        return found

    def exact(self) -> Pass:
        """The pass by the plain forms in float64."""
        one = Pass(self.graph, self.frozen)
        truths = {index: truth.astype(np.float64) for index, truth in self.truths.items()}
        one.forward(self.batch.astype(np.float64), truths, random=np.random.default_rng(4))
        one.backward()
        return one

    @cached_property
    def tolerance(self) -> float:
        """Of the largest value."""
        normalized = any(node.options.get("batch_normalize") for node in self.graph.nodes)
        return NORMALIZED if normalized else PLAIN

    def check(self, program: TrainingProgram | None = None) -> TrainingProgram:
        """Run a program, by default a new one: output, losses, all gradients and statistics are right."""
        program = program or self.program()
        found, right = self.run(program), self.exact()
        expected = {(i, name): g for i, named in right.gradients.items() for name, g in named.items()}
        assert found.keys() == expected.keys()
        for (index, name), gradient in expected.items():
            size = CANCELLED * max(float(np.abs(own).max()) for own in right.gradients[index].values())
            assert_near(found[index, name], gradient, self.tolerance, f"gradient by {name} of layer {index}", size)
        assert_near(program.result, right.outputs[self.graph.output_index], PLAIN, "output")
        losses = {index: tape.loss for index, tape in program.tapes.items() if tape.loss is not None}
        assert losses.keys() == right.losses.keys()
        for index, loss in right.losses.items():
            assert_near(np.array(losses[index]), np.array(loss), PLAIN, f"loss of layer {index}")
        self._check_statistics(program, right)
        assert program.looks_finite()
        return program

    def _check_statistics(self, program: TrainingProgram, right: Pass) -> None:
        found = {(index, name): value for index, name, value in program.statistics()}
        for index, tape in program.tapes.items():
            found |= {(index, name): seen[0] for name, seen in tape.statistics.items()}
        expected = {(index, name): value for index, name, value in right.statistics()}
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_near(found[key], value, PLAIN, f"{key[1]} of layer {key[0]}")


def assert_near(found: np.ndarray, expected: np.ndarray, tolerance: float, what: str, size: float = 0.0) -> None:
    """Compared with the largest value, or with ``size`` where that is more; neither is tiny."""
    largest = max(float(np.abs(expected).max()), size)
    assert largest > 1e-12, f"{what}: all 0, which says nothing"
    difference = float(np.abs(found.reshape(expected.shape) - expected).max())
    assert difference <= tolerance * largest, f"{what}: off by {difference:.3g}, largest value {largest:.3g}"


def assert_same_bits(found: Found, expected: Found) -> None:
    """No bit of any gradient differs."""
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert np.array_equal(found[key], value), f"gradient by {key[1]} of layer {key[0]}"
