"""[crnn] against naive loops."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from tests import reference_recurrent as reference
from tests.layers.recurrent_workbench import assert_advances, make, sequences
from tests.layers.workbench import Trials, make_layer

TRIALS: Trials = [("output=3 hidden=4 pad=1 activation=leaky", [(2, 5, 4)])]

SHAPE = (2, 3, 4)


@pytest.mark.parametrize(
    ("options", "convolved", "dialect"),
    [
        ("output=3 hidden=4 pad=1", reference.Convolved(padding=1), "alexeyab"),
        ("output=3 hidden=4 padding=1 activation=leaky shortcut=1", reference.Convolved(padding=1), "alexeyab"),
        ("output=3 hidden=4 size=1 activation=tanh", reference.Convolved(), "alexeyab"),
        ("output=3 hidden=4 size=5 pad=1 batch_normalize=1", reference.Convolved(padding=2), "alexeyab"),
        ("output=4 hidden=2 pad=1 dilation=2 groups=2", reference.Convolved(2, 2, 2), "alexeyab"),
        ("output_filters=3 hidden_filters=4 batch_normalize=1", reference.Convolved(padding=1), "pjreddie"),
        ("output=3 hidden=4", reference.Convolved(padding=1), "pjreddie"),
        ("output_filters=3 hidden_filters=4", reference.Convolved(padding=1), "alexeyab"),
    ],
)
def test_equals_naive_loops(options: str, convolved: reference.Convolved, dialect: str) -> None:
    layer, x = make(f"[crnn] {options}", SHAPE, dialect), sequences(SHAPE)
    activation = layer.options.activation
    part = reference.sums_of(layer.weights, dialect, layer.options.batch_normalize, convolved)
    hidden = (layer.options.hidden, *SHAPE[1:])
    expected = reference.plain_recurrence(x, part, hidden, activation, activation, layer.options.shortcut)
    assert_advances(layer, x, expected)


def test_xnor_sees_signs_in_every_part() -> None:
    layer, x = make("[crnn] output=3 hidden=4 pad=1 xnor=1 activation=linear", SHAPE), sequences(SHAPE)
    doubled = layer.forward([2 * x[0]])
    assert (doubled == layer.forward([x[0]])).all()  # the size of a value does not matter, its sign does
    assert layer.flops([SHAPE]) * 32 == make_layer("[crnn] output=3 hidden=4 pad=1").flops([SHAPE])


def test_arrays_stand_in_the_order_of_the_file() -> None:
    arrays = make_layer("[crnn] output=3 hidden=4 pad=1 batch_normalize=1").arrays([SHAPE])
    each = ["biases", "scales", "rolling_mean", "rolling_variance", "weights"]
    assert [array.name for array in arrays] == [
        f"{part}_{name}" for part in ("input", "self", "output") for name in each
    ]
    shapes = {array.name: array.shape for array in arrays if array.name.endswith("weights")}
    assert shapes == {"input_weights": (4, 2, 3, 3), "self_weights": (4, 4, 3, 3), "output_weights": (3, 4, 3, 3)}
    assert not any(array.matrix for array in arrays)


def test_both_programs_names_may_agree() -> None:
    layer = make_layer("[crnn] output=3 output_filters=3 hidden_filters=2")
    assert (layer.options.output, layer.options.hidden) == (3, 2)


@pytest.mark.parametrize(
    ("text", "option", "remedy"),
    [
        ("output=3 output_filters=4", "output_filters", "Delete output_filters="),
        ("hidden=3 hidden_filters=4", "hidden_filters", "Delete hidden_filters="),
        ("output=2 hidden=2", "size", "Write pad=1"),
        ("output=2 hidden=2 size=2 pad=1", "size", "Write pad=1 and an odd size"),
        ("output=2 hidden=2 pad=1 stride=2", "stride", "Write stride=1"),
        ("output=2 hidden=3 pad=1 groups=2", "groups", "Write groups=1"),
        ("output=2 hidden=2 pad=1 groups=2 xnor=1", "groups", "Delete one of them"),
    ],
)
def test_what_cannot_be_added_is_refused(text: str, option: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[crnn] {text}").output_shape([SHAPE])
    assert (caught.value.option, caught.value.remedy) == (option, remedy)


def test_flops_and_window() -> None:
    layer = make_layer("[crnn] output=3 hidden=4 pad=1")
    assert layer.flops([SHAPE]) == 2 * 9 * 12 * (2 * 4 + 4 * 4 + 4 * 3)
    assert layer.window() == (5, 5, 1, 1)
    assert make_layer("[crnn] output=3 hidden=4 size=1").window() == (1, 1, 1, 1)
