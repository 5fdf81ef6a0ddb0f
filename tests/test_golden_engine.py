"""What the C programs computed, against the engine: every recorded case of layers and of heads.

The plain form is held against the same numbers in test_golden_forward.py and test_golden_heads.py, where the odd cases
have our own answers; there the engine is held against the plain form. Whole networks are in test_golden_networks.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.dialect import dialect_named
from darknetpy.engine.plan import OperationStep, Plan
from darknetpy.engine.program import Program
from darknetpy.graph import Graph, State, build_graph, initial_weights
from darknetpy.kernels.layout import to_blocked, to_planar
from tests.golden.reader import Case, case_names, quirk_names
from tests.test_golden_forward import FOLLOWED, REFUSED
from tests.test_golden_heads import RAW_MASK, as_recorded

pytestmark = pytest.mark.quick
TOLERANCE = 1e-4  # of the largest value of the layer: the engine's, against the recorded numbers
NEAR_PLAIN = 1e-5  # the same against the plain form
DAMAGED = {"header_short_file", "header_long_file"}
FORWARD = [name for name in case_names() if name not in REFUSED]
HEADS = case_names("heads")
WITHOUT_FAST_FORM = {"maxpool_depth", "upsample_down", "upsample_down_pj"}
FAST_TYPES = {"avgpool", "convolutional", "maxpool", "sam", "scale_channels", "shortcut", "upsample", "yolo"}
EVERY = [*(("forward", name) for name in FORWARD), *(("heads", name) for name in HEADS)]


def engine_outputs(case: Case, graph: Graph, state: State) -> dict[int, np.ndarray]:
    batch = case.array("input").reshape(case.batch, *graph.input_shape)
    return Program(graph, threads=2).run(batch, range(len(graph.nodes)), state)


def assert_within(found: np.ndarray, expected: np.ndarray, tolerance: float, where: str) -> None:
    expected = expected.reshape(len(expected), -1)
    finite = np.abs(expected[np.isfinite(expected)])
    limit = tolerance * float(finite.max(initial=1e-30))
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=0, atol=limit, err_msg=where)


def differs_on_purpose(case: Case) -> bool:
    """Whether our answer is another one than the C program's."""
    return case.collection == "forward" and case.name in set(quirk_names()) - FOLLOWED


@pytest.mark.parametrize(("collection", "name"), EVERY, ids=[name for _, name in EVERY])
def test_the_engine_gives_the_recorded_values(collection: str, name: str, tmp_path: Path) -> None:
    case = Case(name, collection)
    graph = case.graph(tmp_path, allow_damaged=name in DAMAGED)
    state, plain_state = (graph.new_state(graph.net.time_steps) for _ in range(2))
    for recorded in filter(None, (case.recorded, case.recorded_again)):  # the second call goes on from the first
        found, plain = engine_outputs(case, graph, state), case.outputs(graph, plain_state)
        assert found.keys() == plain.keys() == set(range(len(graph.nodes)))
        for index, output in found.items():
            assert_within(output, plain[index], NEAR_PLAIN, f"layer {index}, plain form")
        if differs_on_purpose(case):
            continue
        for index, values in recorded.items():
            node = graph.nodes[index]
            if node.type == "cost" or (name == RAW_MASK and index == 1):  # where the C program gives something else
                continue
            assert_within(as_recorded(node, found[index]), values, TOLERANCE, f"layer {index}, recorded")


def compiled_layers(plan: Plan) -> set[int]:
    """The layers for which a step computes that is compiled."""
    return {
        owner
        for owner, step in zip(plan.owners, plan.steps, strict=True)
        if isinstance(step, OperationStep) and step.operation not in (to_blocked, to_planar)
    }


def behind_copy(case: Case, folder: Path) -> Graph:
    """The case's network behind a convolution that copies its input, whose output lies as fast forms want it."""
    channels = case.graph(folder).input_shape[0]
    first = case.cfg.index("[", case.cfg.index("]"))
    copying = f"[convolutional]\nfilters={channels}\nsize=1\nactivation=linear\n\n"
    graph = build_graph(parse_cfg(case.cfg[:first] + copying + case.cfg[first:]), dialect=dialect_named(case.dialect))
    initial_weights(graph)
    graph.nodes[0].weights["weights"][:] = np.eye(channels, dtype=np.float32)[:, :, None, None]
    graph.nodes[0].weights["biases"][:] = 0
    return graph


def pools(name: str) -> bool:
    case = Case(name)
    return case.weights is None and len(case.shapes) == 1 and name.startswith(("maxpool", "avgpool", "upsample"))


@pytest.mark.parametrize("name", [name for name in FORWARD if pools(name)])
def test_fast_forms_give_the_recorded_values(name: str, tmp_path: Path) -> None:
    case = Case(name)
    graph = behind_copy(case, tmp_path)
    program, batch = Program(graph, threads=2), case.array("input").reshape(case.batch, *graph.input_shape)
    assert_within(program.run(batch, [1])[1], case.array("layer_000"), NEAR_PLAIN, "recorded")
    assert 1 in compiled_layers(program.plan(batch.shape, [1])) or name in WITHOUT_FAST_FORM


@pytest.mark.parametrize("kind", sorted(FAST_TYPES))
def test_fast_forms_take_part_in_recorded_cases(kind: str, tmp_path: Path) -> None:
    """Each of these types is computed by a compiled operation of its own in some case, not by its plain form."""
    for collection, name in EVERY:
        case = Case(name, collection)
        if f"[{kind}]" not in case.cfg:
            continue
        graph = case.graph(tmp_path, allow_damaged=name in DAMAGED)
        plan = Program(graph, threads=1).plan((case.batch, *graph.input_shape), [graph.output_index])
        if any(graph.nodes[index].type == kind for index in compiled_layers(plan)):
            return
    pytest.fail(f"no recorded case has a [{kind}] that the engine computes in its fast form")
