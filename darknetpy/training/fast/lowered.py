"""A layer in the plan of a training pass: what all fast forms, and the plain ones in between, have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from darknetpy.graph import INPUT, Graph, Node
from darknetpy.layers.base import Tape
from darknetpy.training.fast.gradients import Gradients, Target
from darknetpy.training.fast.outputs import Output
from darknetpy.training.fast.plan import Plan


@dataclass
class Wiring:
    """What the layers of one pass share while its plan is made.

    Attributes:
        outputs: by the index of the layer; of a layer with a dropout behind it that of the dropout, once it is there.
        frozen: layers that stay as they are.
        tapes: of the plain forms, filled anew in each pass.
        new_tape: empty ones for the pass that begins.
    """

    graph: Graph
    plan: Plan
    frozen: Collection[int]
    outputs: dict[int, Output] = field(default_factory=dict)
    tapes: dict[int, Tape] = field(default_factory=dict)
    new_tape: Mapping[int, Tape] = field(default_factory=dict)

    @cached_property
    def learning(self) -> frozenset[int]:
        """The layers that learn something, or see the output of one that does: nobody needs gradients by the others."""
        found: set[int] = set()
        for node in self.graph.nodes[max(self.frozen, default=INPUT) + 1 :]:
            if node.arrays or not found.isdisjoint(node.sources):
                found.add(node.index)
        return frozenset(found)


class Lowered(ABC):
    """A layer in a plan.

    Attributes:
        sources: the layers that it reads, a [dropout] in the place of the layer that it stands behind.
        inputs: their outputs.
    """

    def __init__(self, node: Node, wiring: Wiring) -> None:
        self.node, self.wiring, self.plan = node, wiring, wiring.plan
        self.sources = node.sources
        self.inputs: list[Output] = []

    @classmethod
    def takes(cls, node: Node) -> bool:
        """Whether this form computes what the layer's options ask for."""
        return True

    @abstractmethod
    def forward(self) -> Output:
        """Add the steps that make the output from `inputs`."""

    @abstractmethod
    def backward(self, gradients: Gradients) -> None:
        """Add the steps from the gradient by the output to those by the inputs."""

    def target(self, output: Output, readers: int) -> Target:
        """Where the gradient by its output is added up."""
        return Target(output, readers)
