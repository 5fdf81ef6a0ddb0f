"""Layers against what the C programs computed, through the plain form: every recorded case of the sections we have.

Where a C program is odd or broken and we give another answer, ``OURS`` has a function that says what ours is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from darknetpy.errors import ConfigError, WeightsError
from darknetpy.graph import Graph, Node
from darknetpy.layers.cost import Cost
from tests import reference, reference_recurrent
from tests.golden.reader import Case, case_names, quirk_names

pytestmark = pytest.mark.quick
TOLERANCE = 5e-6  # of the largest value of the layer
EXACT = {"maxpool", "route", "reorg", "crop", "upsample", "reorg3d", "empty", "implicit"}
FOLLOWED = {
    "conv_xnor_fused", "maxpool_window_outside", "header_transposed_pj",
    "lrn", "lrn_pj", "lrn_even_size", "lrn_size1_3",
    "deconv_pj", "local", "local_pj", "iseg_pj",
}  # fmt: skip
"""Odd cases in which we give the same numbers: networks were trained with them, or only what surrounds them is odd."""
Check = Callable[[Case, Path], None]
OURS: dict[str, Check] = {}
WITH_TRUTH = [name for name in case_names() if name.startswith("cost_truth_")]
REFUSED = {"act_unknown_name"}


def ours(*names: str) -> Callable[[Check], Check]:
    """The decorated function says what our answer is in these cases."""

    def keep(check: Check) -> Check:
        OURS.update(dict.fromkeys(names, check))
        return check

    return keep


def assert_near(found: np.ndarray, expected: np.ndarray, tolerance: float = TOLERANCE) -> None:
    expected = expected.reshape(len(expected), -1)
    found = found.reshape(len(found), -1)
    assert found.shape == expected.shape
    difference, largest = np.abs(found - expected).max(), np.abs(expected).max()
    assert difference <= tolerance * largest, f"largest difference {difference:.3g}, largest value {largest:.3g}"


def assert_same_as_recorded(case: Case, graph: Graph) -> None:
    outputs = case.outputs(graph)
    for index, recorded in case.recorded.items():
        if graph.nodes[index].type != "cost":  # which gives zeros in the C programs; our answer is below
            assert_near(outputs[index], recorded)


PLAIN = [name for name in case_names() if name not in {*WITH_TRUTH, *REFUSED, *quirk_names()}]


@pytest.mark.parametrize("name", [*PLAIN, *sorted(FOLLOWED)])
def test_same_numbers_as_darknet(name: str, tmp_path: Path) -> None:
    case = Case(name)
    graph = case.graph(tmp_path)
    assert_same_as_recorded(case, graph)
    for node, (width, height, channels) in zip(graph.nodes, case.shapes, strict=True):
        if width and height and channels:
            assert node.output_shape == (channels, height, width)


def copies_values(node: Node) -> bool:
    return node.type in EXACT and not node.options.get("antialiasing")


@pytest.mark.parametrize("name", PLAIN)
def test_layers_that_only_choose_values_agree_to_the_bit(name: str, tmp_path: Path) -> None:
    case = Case(name)
    graph = case.graph(tmp_path)
    values = {-1: case.array("input"), **case.recorded}
    for node in graph.nodes:
        if copies_values(node) and {node.index, *node.sources} <= set(values):
            inputs = [
                values[source].reshape(case.batch, *shape)
                for source, shape in zip(node.sources, node.input_shapes, strict=True)
            ]
            assert np.array_equal(node.forward(*inputs).reshape(case.batch, -1), values[node.index])


def test_every_odd_case_is_followed_or_has_our_own_answer() -> None:
    assert set(OURS) | FOLLOWED == set(quirk_names())
    assert not set(OURS) & FOLLOWED


@pytest.mark.parametrize("name", OURS)
def test_our_own_answer(name: str, tmp_path: Path) -> None:
    OURS[name](Case(name), tmp_path)


def by_formula(graph: Graph, x: np.ndarray) -> dict[int, np.ndarray]:
    """Every layer's output by the naive loops, for the few section types of the odd cases."""
    values: dict[int, np.ndarray] = {-1: x.astype(np.float64)}
    for node in graph.nodes:
        values[node.index] = FORMULAS[node.type](node, [values[source] for source in node.sources])
    return values


def _convolutional(node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    options = node.options
    padding = options.size // 2 if options.pad else options.padding
    sums = reference.convolve(inputs[0], node.weights["weights"], (options.stride_y, options.stride_x), padding)
    if options.batch_normalize:
        sums = reference.batch_normalize(sums, node.weights, node.layer.dialect.name)
    else:
        sums = reference.add_biases(sums, node.weights["biases"])
    return reference.activate(options.activation, sums)


def _connected(node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    sums = reference.connect(inputs[0], node.weights["weights"])
    return reference.activate(node.options.activation, reference.add_biases(sums, node.weights["biases"]))


def _shortcut(node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    if node.options.weights_type == "none":
        sums = reference.add_shortcut(*inputs)
    else:
        factors = reference.shortcut_factors(node.weights["weights"], node.options.weights_normalization)
        sums = reference.weighted_sum(inputs, factors)
    return reference.activate(node.options.activation, sums)


FORMULAS: dict[str, Callable[[Node, list[np.ndarray]], np.ndarray]] = {
    "convolutional": _convolutional,
    "connected": _connected,
    "shortcut": _shortcut,
    "route": lambda node, inputs: reference.join(inputs, 1, 0),
    "activation": lambda node, inputs: reference.activate(node.options.activation, inputs[0]),
    "cost": lambda node, inputs: inputs[0],
}


def assert_by_formula(case: Case, folder: Path) -> None:
    graph = case.graph(folder)
    expected = by_formula(graph, case.array("input").reshape(case.batch, *graph.input_shape))
    outputs = case.outputs(graph)
    for index in outputs:
        assert np.isfinite(outputs[index]).all()
        assert_near(outputs[index], expected[index])


@ours("conv_1x1_stride2_pj", "conv_1x1_stride_y2")
def a_filter_of_one_cell_moves_by_the_stride(case: Case, folder: Path) -> None:
    assert_by_formula(case, folder)


@ours("act_relu6", "act_generic_relu6", "act_shortcut_relu6")
def relu6_is_not_zero(case: Case, folder: Path) -> None:
    assert_by_formula(case, folder)


@ours(
    "act_generic_swish", "act_generic_mish", "act_generic_hard_mish", "act_shortcut_hard_mish",
    "act_generic_normalize_channels", "act_shortcut_normalize_channels",
    "act_generic_normalize_channels_softmax", "act_shortcut_normalize_channels_softmax",
    "act_generic_normalize_channels_softmax_maxval", "act_shortcut_normalize_channels_softmax_maxval",
)  # fmt: skip
def activations_are_the_same_in_every_section(case: Case, folder: Path) -> None:
    assert_by_formula(case, folder)


@ours("act_large_elu", "act_large_selu", "act_large_normalize_channels_softmax")
def large_arguments_do_not_give_nan(case: Case, folder: Path) -> None:
    assert not np.isfinite(case.array("layer_000")).all()
    assert_by_formula(case, folder)


@ours("shortcut_weights_relu_fused", "shortcut_weights_relu_negative_fused")
def negative_shortcut_weights_count_as_zero(case: Case, folder: Path) -> None:
    assert_by_formula(case, folder)


@ours("cost", "cost_pj")
def cost_passes_its_input_on(case: Case, folder: Path) -> None:
    assert not case.array("layer_001").any()
    assert_by_formula(case, folder)


@ours("contrastive")
def contrastive_passes_its_input_on(case: Case, folder: Path) -> None:
    graph = case.graph(folder)
    outputs = case.outputs(graph)
    assert not case.array("layer_004").any()
    assert_near(outputs[4], case.array("layer_003"))
    assert_near(outputs[0], case.array("layer_000"))


@ours("softmax_spatial", "softmax_spatial_pj")
def spatial_softmax_goes_over_channels(case: Case, folder: Path) -> None:
    graph = case.graph(folder)
    x = case.array("input").reshape(case.batch, *graph.input_shape)
    assert_near(case.outputs(graph)[0], reference.spatial_softmax(x))


@ours("crnn_pj")
def a_recurrent_picture_keeps_its_width_and_height(case: Case, folder: Path) -> None:
    assert_same_as_recorded(case, case.graph(folder))  # a square one, for which exchanging them does nothing
    case.cfg = case.cfg.replace("width=6", "width=4").replace("height=6", "height=9")
    assert [node.output_shape[1:] for node in case.graph(folder).nodes] == [(9, 4)] * 3


@ours("conv_lstm_lstm_activation")
def lstm_activation_stands_in_the_place_of_tanh(case: Case, folder: Path) -> None:
    graph = case.graph(folder)
    layer, x = graph.nodes[0].layer, case.array("input").reshape(3, 1, *graph.input_shape)
    part = reference_recurrent.sums_of(layer.weights, "alexeyab", False, reference_recurrent.Convolved(padding=1))
    expected = reference_recurrent.lstm(x, part, graph.nodes[0].output_shape, bent="leaky", limit=1)
    assert_near(case.outputs(graph)[0], expected[:, 0])
    case.cfg = case.cfg.replace("lstm_activation=leaky", "lstm_activation=tanh")
    assert_same_as_recorded(case, case.graph(folder))


@ours("history_one_step")
def history_is_kept_from_call_to_call(case: Case, folder: Path) -> None:
    graph = case.graph(folder)
    x, state = case.array("input").reshape(2, *graph.input_shape), graph.new_state()
    expected = reference_recurrent.history(np.stack([x, x, x, x]), 3)
    for call in range(4):
        assert np.array_equal(case.outputs(graph, state)[0], expected[call])


RECURRENT = [name for name in [*PLAIN, "crnn_pj"] if Case(name).recorded_again]


@pytest.mark.parametrize("name", RECURRENT)
def test_a_second_call_goes_on_from_the_first(name: str, tmp_path: Path) -> None:
    case = Case(name)
    graph = case.graph(tmp_path)
    state = graph.new_state(graph.net.time_steps)
    for recorded in (case.recorded, case.recorded_again):
        outputs = case.outputs(graph, state)
        for index, values in recorded.items():
            if graph.nodes[index].type != "cost":  # which gives zeros in the C programs
                assert_near(outputs[index], values, 0 if name == "history" else TOLERANCE)


@ours("header_short_file")
def a_file_that_is_too_short_is_refused(case: Case, folder: Path) -> None:
    with pytest.raises(WeightsError, match="after layer 0: 1 of 3 layers with weights"):
        case.graph(folder)
    assert_same_as_recorded(case, case.graph(folder, allow_damaged=True))


@ours("header_long_file")
def a_file_that_is_too_long_is_refused(case: Case, folder: Path) -> None:
    with pytest.raises(WeightsError):
        case.graph(folder)
    assert_same_as_recorded(case, case.graph(folder, allow_damaged=True))


def test_unknown_activations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="activation=nosuch, expected one of linear, logistic"):
        Case("act_unknown_name").graph(tmp_path)


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_losses_of_cost(name: str, tmp_path: Path) -> None:
    case = Case(name)
    graph = case.graph(tmp_path)
    answer = case.outputs(graph)[0].reshape(case.batch, -1)
    assert_near(answer, case.array("layer_000"))
    cost = graph.nodes[1].layer
    assert isinstance(cost, Cost)
    assert_near(cost.losses(answer, case.array("truth")), case.array("layer_001"))
