"""Updates against what the C programs computed: all arrays after 1, 2 and 5 of them, and rolling statistics.

Where C's gradients are not ours, the first update is restated in float64 from the exact ones that were recorded.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.training.optimizers import decays
from darknetpy.training.passes import frozen_layers
from darknetpy.training.updates import layers_at_rest
from tests.golden.reader import Case, case_names
from tests.golden.trainings import ARRAYS, STATISTICS, Training, assert_near

pytestmark = pytest.mark.quick
OTHER_RULES = {
    "conv_share_index": "C updates shared arrays once for each layer that uses them",
    "update_layer_lr": "AlexeyAB's [connected] ignores its learning_rate on a CPU",
    "update_stopbackward": "the layer that stops the way back decays in C, though it is not trained",
    "update_train_only_bn": "has no effect on a CPU",
    "update_dont_update": "has no effect on a CPU",
    "update_clip": "has no effect on a CPU",
}
"""Cases in which our rule of the update is another, and why."""
OTHER_GRADIENTS = {
    "act_conv_relu6": "activations_have_their_own_slopes", "act_layer_relu6": "activations_have_their_own_slopes",
    "act_layer_swish": "activations_have_their_own_slopes", "act_layer_mish": "activations_have_their_own_slopes",
    "act_layer_hard_mish": "activations_have_their_own_slopes", "conv_antialiasing": "FORWARD_ONLY",
    "dropout_after_logistic": "a_layer_below_dropout_has_the_slope_of_its_own_output",
    "softmax_tree": "groups_without_a_truth_do_not_count", "cost_L1": "l1_is_the_distance",
    "softmax_spatial_pjreddie": "spatial_softmax_goes_over_channels", "lstm_sub2_t4": "FORWARD_ONLY",
    "update_stopbackward_pjreddie": "frozen_layers_keep_their_statistics",
}  # fmt: skip
"""Cases that no exact gradients were recorded for -> what of tests/test_golden_train.py says what ours are."""
HALVED = {"softmax_cost_sub2"}
AS_RECORDED = {"softmax_cost_sub2", "softmax_noloss_cost", "update_onlyforward"}
UPDATED = [name for name in case_names("train") if Case(name, "train").about["updates"]]
TOLERANCE = 1e-5


def payload_is_ours(training: Training) -> bool:
    """Whether the recorded arrays came from gradients and rules like ours."""
    name, recorded = training.case.name, training.about["arrays"]
    if name in {*OTHER_RULES, *HALVED} or "payload_u1" not in recorded:
        return False
    exact = any(f"true_{array}" in recorded for start in ARRAYS for array in training.names(f"{start}_updates_"))
    return "true_payload_u1" in recorded or name in AS_RECORDED or not exact


@pytest.mark.parametrize("name", [name for name in UPDATED if name not in OTHER_GRADIENTS])
def test_updates(name: str, tmp_path: Path) -> None:
    training = Training(name, tmp_path)
    before = {node.index: {key: array.copy() for key, array in node.weights.items()} for node in training.graph.nodes}
    same = payload_is_ours(training)
    for iteration in range(1, max(training.about["updates"], default=1) + 1):
        training.update(iteration)
        if iteration == 1:
            check_statistics(training)
            if not same:
                check_restated(training, before)
        if same and iteration in training.about["updates"]:
            check_payload(training, iteration)


def check_payload(training: Training, iteration: int) -> None:
    recorded, first = training.expected(f"payload_u{iteration}").reshape(-1), 0
    for what, array in training.arrays():
        assert_near(array, recorded[first : first + array.size], TOLERANCE, what)
        first += array.size
    assert first == recorded.size


def check_statistics(training: Training) -> None:
    frozen = frozen_layers(training.graph)
    for start in STATISTICS:
        for name in training.names(f"{start}_"):
            node, own = training.array_named(name.removesuffix("_u1"), f"{start}_")
            if name.endswith("_u1") and node.index not in frozen:
                assert_near(node.weights[own], training.recorded(name), TOLERANCE, name)


def check_restated(training: Training, before: dict[int, dict[str, np.ndarray]]) -> None:
    """The first update, by the rule: momentum has nothing to add yet."""
    resting, rate = layers_at_rest(training.graph, 1), training.about["rate_per_update"][0]
    pictures = training.rows
    checked = 0
    for start in (f"{kind}_updates_" for kind in ARRAYS):
        for name in training.names(start):
            node, own = training.array_named(name, start)
            if not node.arrays:  # shared, and checked where they belong
                continue
            found, old = node.weights[own], before[node.index][own].astype(np.float64)
            checked += 1
            if node.index in resting:
                assert np.array_equal(found, before[node.index][own]), name
                continue
            look_up = training.recorded if training.case.name in AS_RECORDED else training.expected
            descent = look_up(name).reshape(old.shape).astype(np.float64)
            descent *= 0.5 if training.case.name in HALVED else 1.0
            if decays(own):
                descent = descent - training.graph.net.decay * pictures * old
            expected = old + rate * node.options.learning_rate / pictures * descent
            if node.options.clip and decays(own):
                expected = expected.clip(-node.options.clip, node.options.clip)
            assert_near(found, expected, TOLERANCE, name)
    assert checked
