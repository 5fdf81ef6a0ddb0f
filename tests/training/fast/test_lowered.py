"""What all layers of a training pass have in common."""

from __future__ import annotations

import pytest

from darknetpy.training.fast.gradients import Gradients
from darknetpy.training.fast.lowered import Lowered, Wiring
from darknetpy.training.fast.outputs import Output
from darknetpy.training.fast.plan import Plan
from tests.training.fast.networks import END, Trial, conv, net, section

pytestmark = pytest.mark.quick


class Copied(Lowered):
    """The layer's first input."""

    def forward(self) -> Output:
        return self.inputs[0]

    def backward(self, gradients: Gradients) -> None:
        gradients.give_value(self.sources[0], gradients.take(self.node.index))


def test_a_layer_takes_all_options_unless_it_says_otherwise() -> None:
    graph = Trial(net((3, 5, 4), conv(16), conv(16), END)).graph
    wiring = Wiring(graph, Plan(2), ())
    layer = Copied(graph.nodes[1], wiring)
    assert Copied.takes(graph.nodes[1])
    assert (layer.sources, layer.inputs, layer.plan) == ((0,), [], wiring.plan)


def test_its_gradient_waits_for_all_its_readers() -> None:
    graph = Trial(net((3, 5, 4), conv(16), conv(16), END)).graph
    output = Output((16, 5, 4))
    target = Copied(graph.nodes[0], Wiring(graph, Plan(2), ())).target(output, 3)
    assert (target.output, target.readers, target.summed, target.finished) == (output, 3, None, False)


def test_a_dropout_stands_for_the_layer_before_it() -> None:
    dropout, add = section("dropout"), section("shortcut", **{"from": 0, "activation": "linear"})
    program = Trial(net((3, 5, 4), conv(16), dropout, conv(16), add, dropout, conv(5), END)).program()
    sources = {index: layer.sources for index, layer in program._layers.items()}
    assert sources[3] == (2, 1)
    assert sources[5] == (4,)


def test_tapes_are_new_in_each_pass() -> None:
    trial = Trial(net((3, 5, 4), conv(16), section("dropout"), conv(5), END))
    program = trial.program()
    trial.run(program)
    first = dict(program.tapes)
    trial.run(program)
    assert first.keys() == program.tapes.keys()
    assert all(program.tapes[index] is not tape for index, tape in first.items())
