"""Passes of training against what the C programs computed, in plain form: outputs, losses and gradients.

Where C's gradient is not the derivative, the exact one was recorded beside it (``true_...``), and that is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.layers.base import UNKNOWN
from darknetpy.layers.state import State
from darknetpy.training.passes import Pass, owner_of
from tests import reference
from tests.golden.reader import case_names
from tests.golden.trainings import ARRAYS, Training, assert_near

pytestmark = pytest.mark.quick
NAMES = case_names("train")
FORWARD_ONLY = {
    "gru_pjreddie": "the way back is empty in C, and no exact one was recorded; ours is that of the case gru",
    "conv_antialiasing": "the way back ignores the blur in C; ours is compared with central differences elsewhere",
}
HALVED = {"softmax_cost_sub2": "a [softmax] and its [cost] both add their gradient in C; ours is one cross entropy"}
AS_RECORDED = {
    "softmax_cost_sub2": "as C computes it, but for the factor",
    "softmax_noloss_cost": "the gradient of [cost] passes the softmax unchanged in C: a cross entropy",
    "update_onlyforward": "no gradient passes the layer, though a derivative exists",
}
"""Cases in which our gradients are not the exact ones that were recorded beside C's."""
NOISE = {"batchnorm": "a bias below batch normalization has no gradient, and what was recorded is rounding noise"}
OTHER_LOSS = {
    "softmax_cost_sub2": "the mean of cross entropy and squares in C",
    "softmax_noloss_cost": "squares of a cross entropy's gradient in C",
    "softmax_soft_truth": "every truth above 0 counts as 1 in C",
}
"""Cases whose loss we print otherwise, and why."""
Check = Callable[[Training, list[Pass]], None]
OURS: dict[str, Check] = {}


def ours(*names: str) -> Callable[[Check], Check]:
    """The decorated function says what our answer is in these cases."""

    def keep(check: Check) -> Check:
        OURS.update(dict.fromkeys(names, check))
        return check

    return keep


@pytest.mark.parametrize("name", NAMES)
def test_passes(name: str, tmp_path: Path) -> None:
    training = Training(name, tmp_path)
    passes = training.passes()
    if name in OURS:
        OURS[name](training, passes)
        return
    check_outputs(training, passes)
    if name not in FORWARD_ONLY:
        check_gradients(training, passes)
    if name in OTHER_LOSS:
        check_cross_entropy(training, passes)
    elif "cost" in training.about["arrays"]:
        assert_near([one.loss for one in passes], training.recorded("cost"), training.tolerance, "cost")


def check_cross_entropy(training: Training, passes: list[Pass]) -> None:
    chances = training.recorded("output_001", training.rows).astype(np.float64)
    losses = -(training.truth * np.log(chances)).sum(axis=1).reshape(len(passes), -1).sum(axis=1)
    assert_near([one.loss for one in passes], losses, 1e-5, "loss")


def test_every_exception_is_a_case() -> None:
    named = [*FORWARD_ONLY, *HALVED, *AS_RECORDED, *NOISE, *OTHER_LOSS, *OURS]
    assert set(named) <= set(NAMES)
    assert not set(OURS) & {*FORWARD_ONLY, *HALVED, *AS_RECORDED, *NOISE}


def check_outputs(training: Training, passes: list[Pass]) -> None:
    """[cost] gives zeros in the C programs. A [dropout], and a masked cost, write into the layer before them."""
    nodes = training.graph.nodes
    for node, following in zip(nodes, [*nodes[1:], None], strict=True):
        recorded = f"output_{node.index:03}"
        shown = node.index + 1 if following is not None and following.type == "dropout" else node.index
        if recorded not in training.about["arrays"] or node.type == "cost" or shown not in passes[0].outputs:
            continue
        found = np.concatenate([one.outputs[shown] for one in passes]).reshape(training.rows, -1)
        expected = training.recorded(recorded, training.rows)
        if node.options.get("antialiasing"):  # stands at the beginning of an array made for what is blurred
            expected = expected.reshape(-1)[: found.size]
        if following is not None and following.type == "cost" and following.options.type == "masked":
            found = np.where(training.truth == UNKNOWN, UNKNOWN, found)
        assert_near(found, expected, training.tolerance, recorded)


def gradient_of(passes: list[Pass], index: int, name: str, like: np.ndarray) -> np.ndarray:
    """That of an array, summed over the passes; none means zeros."""
    return sum((one.gradients.get(index, {}).get(name, 0.0) for one in passes), np.zeros_like(like))


def check_gradients(training: Training, passes: list[Pass]) -> None:
    """Darknet stores descent directions: minus the gradients."""
    name = training.case.name
    look_up = training.recorded if name in AS_RECORDED else training.expected
    factor = 0.5 if name in HALVED else 1.0
    for start in (f"{kind}_updates_" for kind in ARRAYS):
        for recorded in training.names(start):
            node, own = training.array_named(recorded, start)
            if node.index in passes[0].frozen:
                continue
            owner = training.graph.nodes[owner_of(training.graph, node.index)]
            found = gradient_of(passes, owner.index, own, owner.weights[own])
            size = float(np.abs(training.recorded("weight_updates_000")).max()) if name in NOISE else 0.0
            assert_near(-found, factor * look_up(recorded), training.tolerance, recorded, size)
    if "delta_input" in training.about["arrays"] and passes[0].by_input is not None:
        found = np.concatenate([np.asarray(one.by_input) for one in passes])
        assert_near(-found, factor * look_up("delta_input", training.rows), training.tolerance, "delta_input")


def check_first_layer(training: Training, passes: list[Pass], by_sums: np.ndarray) -> None:
    """Gradients of a layer that multiplies all channels or inputs, from those (n, outputs, pixels) by its sums."""
    x = training.input.astype(np.float64).reshape(training.rows, -1, by_sums.shape[2])
    like = training.graph.nodes[0].weights
    by_weights = np.einsum("nop,ncp->oc", by_sums, x)
    assert_near(gradient_of(passes, 0, "weights", like["weights"]), by_weights, 1e-5, "weights")
    assert_near(gradient_of(passes, 0, "biases", like["biases"]), by_sums.sum(axis=(0, 2)), 1e-5, "biases")


def sums_of(training: Training, pixels: int) -> np.ndarray:
    """What such a layer gives before its activation, float64 (n, outputs, pixels)."""
    weights = training.graph.nodes[0].weights
    x = training.input.astype(np.float64).reshape(training.rows, -1, pixels)
    matrix = weights["weights"].astype(np.float64).reshape(len(weights["weights"]), -1)
    return np.einsum("oc,ncp->nop", matrix, x) + weights["biases"].astype(np.float64)[:, None]


@ours("act_conv_relu6", "act_layer_relu6", "act_layer_swish", "act_layer_mish", "act_layer_hard_mish")
def activations_have_their_own_slopes(training: Training, passes: list[Pass]) -> None:
    """C gives zeros, or (relu6 in a convolution) no slope."""
    pixels = training.graph.input_shape[1] * training.graph.input_shape[2]
    sums, step = sums_of(training, pixels), 1e-6
    node = training.graph.nodes[1 if training.graph.nodes[1].type == "activation" else 0]

    def bend(values: np.ndarray) -> Any:
        return reference.activate(node.options.activation, values)

    found = np.concatenate([one.outputs[node.index] for one in passes])
    assert_near(found, bend(sums), 1e-5, "output")
    slope = (bend(sums + step) - bend(sums - step)) / (2 * step)
    check_first_layer(training, passes, (bend(sums) - training.truth.reshape(sums.shape)) * slope)


@ours("softmax_tree")
def groups_without_a_truth_do_not_count(training: Training, passes: list[Pass]) -> None:
    """C pulls the probabilities of a group without a positive down, all of them."""
    tree = training.graph.nodes[1].layer.tree
    assert tree is not None
    sums, truth = sums_of(training, 1)[..., 0], training.truth
    assert any(not truth[:, group].sum(axis=1).all() for group in tree.groups), "nothing to be seen here"
    by_sums = np.zeros_like(sums)
    for group in tree.groups:
        powers = np.exp(sums[:, group])
        chances = powers / powers.sum(axis=1, keepdims=True)
        counts = truth[:, group].sum(axis=1, keepdims=True) > 0
        by_sums[:, group] = np.where(counts, chances - truth[:, group], 0)
    check_outputs(training, passes)
    check_first_layer(training, passes, by_sums[..., None])


@ours("softmax_spatial_pjreddie")
def spatial_softmax_goes_over_channels(training: Training, passes: list[Pass]) -> None:
    """C takes all values of a picture together, on a CPU."""
    before = np.concatenate([one.outputs[0] for one in passes])
    assert_near(before, training.recorded("output_000", training.rows), 1e-5, "output_000")
    answer = np.concatenate([one.outputs[1] for one in passes])
    chances = reference.spatial_softmax(before)
    assert_near(answer, chances, 1e-5, "output_001")
    truth = training.truth.reshape(chances.shape)
    by_sums = chances * truth.sum(axis=1, keepdims=True) - truth
    assert_near(np.concatenate([one.by_outputs[0] for one in passes]), by_sums, 1e-5, "by the convolution")


@ours("cost_L1")
def l1_is_the_distance(training: Training, passes: list[Pass]) -> None:
    """AlexeyAB takes squares for it."""
    check_outputs(training, passes)
    difference = np.concatenate([one.outputs[0] for one in passes]).reshape(training.rows, -1) - training.truth
    by_output = np.concatenate([one.by_outputs[0] for one in passes])
    assert_near(by_output, np.sign(difference), 1e-6, "by the convolution")
    assert_near(sum(one.loss for one in passes), np.abs(difference).sum(keepdims=True), 1e-5, "loss")


@ours("dropout_after_logistic")
def a_layer_below_dropout_has_the_slope_of_its_own_output(training: Training, passes: list[Pass]) -> None:
    """C overwrites that output, and takes the slope where it is dropped and scaled."""
    check_outputs(training, passes)
    answer = np.concatenate([one.outputs[0] for one in passes]).astype(np.float64)
    dropped = training.recorded("output_000", training.rows).reshape(answer.shape).astype(np.float64)
    kept = dropped / answer
    by_sums = (dropped - training.truth.reshape(answer.shape)) * kept * answer * (1 - answer)
    x = np.pad(training.input.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    by_weights = np.empty(training.graph.nodes[0].weights["weights"].shape)
    for row, column in np.ndindex(3, 3):
        cells = x[:, :, row : row + answer.shape[2], column : column + answer.shape[3]]
        by_weights[:, :, row, column] = np.einsum("nohw,nchw->oc", by_sums, cells)
    assert_near(gradient_of(passes, 0, "weights", by_weights), by_weights, 1e-5, "weights")
    assert_near(passes[0].gradients[0]["biases"], by_sums.sum(axis=(0, 2, 3)), 1e-5, "biases")


@ours("lstm_sub2_t4")
def a_mini_batch_goes_on_where_the_last_one_ended(training: Training, passes: list[Pass]) -> None:
    """After a way back C's state is that of the first step. From that state all agrees."""
    n, state = training.case.batch, State(training.graph.recurrent_layers)
    rows = training.recorded("output_000", training.rows)
    assert_near(passes[0].outputs[0], rows[:n], training.tolerance, "first mini-batch")
    sequences = n // training.about["time_steps"]
    first_step = Pass(training.graph)
    first_step.forward(training.input[:sequences], None, random=np.random.default_rng(0), state=state)
    state.time_steps = training.about["time_steps"]
    passes[1] = Pass(training.graph)
    passes[1].forward(training.input[n:], training.truth[n:], random=np.random.default_rng(0), state=state)
    passes[1].backward()
    check_outputs(training, passes)
    check_gradients(training, passes)


@ours("update_stopbackward_pjreddie")
def frozen_layers_keep_their_statistics(training: Training, passes: list[Pass]) -> None:
    """C normalizes them by the batch, and moves what it keeps."""
    running = training.graph.run(training.input, range(3))
    for index in range(3):
        assert np.array_equal(passes[0].outputs[index], running[index])
    assert set(passes[0].gradients) == {3}
    assert not list(passes[0].statistics())
    difference = passes[0].outputs[3] - training.truth.reshape(passes[0].outputs[3].shape)
    leaky = np.where(passes[0].outputs[3] > 0, difference, 0.1 * difference)
    assert_near(passes[0].gradients[3]["biases"], leaky.sum(axis=(0, 2, 3)), 1e-5, "biases")
