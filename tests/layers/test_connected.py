"""[connected] against naive loops."""

from __future__ import annotations

import pytest

from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [
    ("output=4", [(3, 5, 4)]),
    ("output=4 batch_normalize=1 activation=leaky", [(7,)]),
]


@pytest.mark.parametrize("shape", [(11,), (2, 3, 4), (5, 1, 1)])
@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
@pytest.mark.parametrize("activation", ["linear", "leaky", "normalize_channels"])
def test_equals_naive_loops(shape: tuple[int, ...], dialect: str, activation: str) -> None:
    x = random_input(shape, n=3)
    layer = make_layer(f"[connected] output=6 activation={activation}", dialect=dialect)
    found = run(layer, [x])
    sums = reference.add_biases(reference.connect(x, layer.weights["weights"]), layer.weights["biases"])
    assert_close(found, reference.activate(activation, sums))
    layer = make_layer(f"[connected] output=6 activation={activation} batch_normalize=1", dialect=dialect)
    found = run(layer, [x])
    sums = reference.batch_normalize(reference.connect(x, layer.weights["weights"]), layer.weights, dialect)
    assert_close(found, reference.activate(activation, sums))


def test_is_logistic_with_one_output_by_default() -> None:
    layer = make_layer("[connected]")
    assert layer.options.activation == "logistic"
    assert layer.output_shape([(3, 4, 5)]) == (1, 1, 1)


def test_arrays_stand_in_the_order_of_the_file_with_weights_before_batch_norm() -> None:
    arrays = make_layer("[connected] output=6 batch_normalize=1").arrays([(2, 3, 4)])
    assert [(array.name, array.shape) for array in arrays] == [
        ("biases", (6,)), ("weights", (6, 24)), ("scales", (6,)), ("rolling_mean", (6,)), ("rolling_variance", (6,)),
    ]  # fmt: skip
    assert [array.matrix for array in arrays] == [False, True, False, False, False]


def test_dontloadscales_leaves_batch_norm_out_of_the_file() -> None:
    arrays = make_layer("[connected] output=2 batch_normalize=1 dontloadscales=1").arrays([(3,)])
    assert [array.in_file for array in arrays] == [True, True, False, False, False]


def test_flops_count_a_multiply_add_for_each_weight() -> None:
    assert make_layer("[connected] output=10").flops([(4, 3, 2)]) == 2 * 24 * 10


def test_every_output_sees_the_whole_input() -> None:
    assert make_layer("[connected]").window() is None
