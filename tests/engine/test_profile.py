"""Times of layers add up to what was run, and bounds are those of the machine."""

from __future__ import annotations

import numpy as np

from darknetpy.engine.profile import Machine, SteppedWorkspace, least_bytes, measure_machine, time_layers, time_whole
from darknetpy.engine.program import Program
from darknetpy.engine.threads import Team
from tests.engine.networks import MIXED, network, pictures


def test_every_layer_is_there_with_its_cost() -> None:
    graph = network(MIXED)
    layers = time_layers(Program(graph, 2), pictures(graph, 2), 1)
    assert [layer.index for layer in layers] == list(range(len(graph.nodes)))
    assert [layer.flops for layer in layers] == [2 * node.flops for node in graph.nodes]
    assert all(layer.seconds >= 0 for layer in layers)
    assert all(layer.seconds > 0 for layer in layers if layer.kernels)
    assert layers[0].kernels
    assert layers[8].kernels == ()  # dropout
    assert layers[-1].kernels[-1].startswith("Python: ")


def test_every_step_belongs_to_a_layer() -> None:
    graph = network(MIXED)
    plan = Program(graph, 1).plan((1, *graph.input_shape), [graph.output_index])
    assert len(plan.owners) == len(plan.steps)
    assert plan.owners == sorted(plan.owners)
    assert set(plan.owners) <= set(range(len(graph.nodes)))


def test_steps_are_run_one_by_one_with_recurrent_layers_among_them() -> None:
    graph = network("rnn output=5 hidden=7\nconnected output=3", channels=4, height=1, width=1)
    plan = Program(graph, 1).plan((2, *graph.input_shape), [graph.output_index])
    assert len(SteppedWorkspace(plan).time_steps(pictures(graph, 2), Team(1))) == len(plan.steps)


def test_least_bytes_are_values_and_weights_once() -> None:
    graph = network("convolutional filters=4 size=3 pad=1\nshortcut from=-1", channels=3, height=5, width=6)
    convolution, shortcut = graph.nodes
    assert least_bytes(convolution, 2) == 4 * (2 * (3 + 4) * 30 + 4 * 3 * 9 + 4)
    assert least_bytes(shortcut, 1) == 4 * 3 * 4 * 30


def test_a_bound_is_what_takes_longer() -> None:
    machine = Machine(1, flops=100, bytes=10)
    assert machine.bound_by(100, 9) == "FLOPs"
    assert machine.bound_by(100, 11) == "bytes"


def test_a_machine_has_rates() -> None:
    machine = measure_machine(2)
    assert machine.threads == 2
    assert np.isfinite([machine.flops, machine.bytes]).all()
    assert min(machine.flops, machine.bytes) > 1e6


def test_each_timed_call_comes_after_one_that_is_not() -> None:
    calls: list[int] = []
    assert len(time_whole(lambda: calls.append(1), 3)) == 3
    assert len(calls) == 6
