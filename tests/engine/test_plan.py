"""Plans: conversions, lifetimes, and where Python has to act."""

from __future__ import annotations

import numpy as np

from darknetpy.engine.memory import Value
from darknetpy.engine.plan import BLOCKED, PLANAR, CallStep, OperationStep, Plan, Workspace
from darknetpy.engine.program import Program
from darknetpy.engine.threads import Team
from tests.engine.networks import network, pictures


def plan_for(images: int = 2) -> Plan:
    """A plan without steps; the only layer keeps the shape of the input."""
    graph = network("convolutional filters=20 size=1 activation=linear", channels=20, height=4, width=5)
    return Plan(graph, images, {}, threads=1)


def test_a_conversion_is_made_once_and_remembered() -> None:
    plan = plan_for()
    blocked = plan.value(-1, BLOCKED)
    assert plan.value(-1, BLOCKED) is blocked
    assert plan.value(-1, PLANAR) is plan.input
    assert plan.is_blocked(-1)
    assert len(plan.steps) == 1


def test_another_name_for_the_same_values_costs_nothing() -> None:
    plan = plan_for()
    plan.same_as(plan.graph.nodes[0], -1)
    assert plan.value(0, PLANAR) is plan.input
    assert plan.steps == []


def test_operations_and_python_functions_run_in_order() -> None:
    plan = plan_for()
    blocked, doubled = plan.value(-1, BLOCKED), plan.output(plan.graph.nodes[0], BLOCKED)
    plan.call(lambda arena, run: np.multiply(blocked.view(arena), 2, out=doubled.view(arena)), [blocked, doubled])
    plan.keep(plan.graph.nodes[0])
    plan.finish()
    assert [type(step) for step in plan.steps] == [OperationStep, CallStep, OperationStep, CallStep]
    batch = pictures(plan.graph, 2)
    np.testing.assert_array_equal(Workspace(plan).run(batch, Team(1), {})[0], 2 * batch)


def test_memory_holds_what_is_still_needed_and_no_more() -> None:
    convolution = "convolutional filters=64 size=3 pad=1 activation=leaky\n"
    sizes = []
    for layers in (4, 12):
        graph = network(convolution * layers)
        plan = Program(graph, threads=1).plan((1, *graph.input_shape), [graph.output_index])
        sizes.append(plan.arena_bytes)
    one = Value(graph.nodes[0].output_shape, 1, blocked=True).size
    assert sizes[0] == sizes[1]
    assert sizes[1] < 8 * one  # input and output of a layer, and the panel between them


def test_every_value_of_a_step_is_alive_when_it_runs() -> None:
    graph = network(
        "convolutional filters=20 size=3\nmaxpool size=2\nconvolutional filters=20 size=3\nshortcut from=-2"
    )
    plan = Program(graph, threads=1).plan((1, *graph.input_shape), [1, 3])
    assert len(plan.steps) > 4
    for number, step in enumerate(plan.steps):
        if isinstance(step, OperationStep):
            for value, _ in step.places.values():
                assert value.first <= number <= value.last
