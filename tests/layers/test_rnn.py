"""[rnn] against naive loops."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from tests import reference_recurrent as reference
from tests.layers.recurrent_workbench import assert_advances, make, sequences
from tests.layers.workbench import Trials, make_layer

TRIALS: Trials = [("output=4 hidden=3", [(7,)]), ("output=3 logistic=2 shortcut=1 activation=tanh", [(2, 3, 1)])]


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ("output=3 hidden=3", (7,)),
        ("output=2 hidden=2 activation=tanh", (2, 3, 2)),
        ("output=3 hidden=3 activation=leaky shortcut=1", (4,)),
        ("output=3 hidden=3 activation=leaky batch_normalize=1", (4,)),
        ("output=3 hidden=3 activation=relu logistic=1", (4,)),
        ("output=3 hidden=3 activation=relu logistic=2", (4,)),
    ],
)
def test_equals_naive_loops(options: str, shape: tuple[int, ...], dialect: str) -> None:
    layer, x = make(f"[rnn] {options}", shape, dialect), sequences(shape)
    activation = layer.options.activation
    part = reference.sums_of(layer.weights, dialect, layer.options.batch_normalize)
    again = {0: activation, 1: "logistic", 2: "loggy"}[layer.options.logistic]
    hidden = (layer.options.hidden, 1, 1)
    expected = reference.plain_recurrence(x, part, hidden, activation, again, layer.options.shortcut)
    assert_advances(layer, x, expected)


def test_hidden_and_output_may_differ() -> None:
    layer, x = make("[rnn] output=3 hidden=5 activation=tanh", (4,)), sequences((4,))
    part = reference.sums_of(layer.weights, "alexeyab", False)
    assert_advances(layer, x, reference.plain_recurrence(x, part, (5, 1, 1), "tanh", "tanh", False))


def test_number_of_hidden_values() -> None:
    def shapes(text: str, dialect: str) -> dict[str, tuple[int, ...]]:
        arrays = make_layer(f"[rnn] {text}", dialect=dialect).arrays([(2,)])
        return {array.name: array.shape for array in arrays if array.name.endswith("weights")}

    assert shapes("output=3", "alexeyab") == {"input_weights": (1, 2), "self_weights": (1, 1), "output_weights": (3, 1)}
    ours = {"input_weights": (3, 2), "self_weights": (3, 3), "output_weights": (3, 3)}
    assert shapes("output=3", "pjreddie") == shapes("output=3 hidden=5", "pjreddie") == ours


def test_a_hidden_that_pjreddie_does_not_see_is_warned_about() -> None:
    (warning,) = make_layer("[rnn] output=3 hidden=5", dialect="pjreddie").remarks([(2,)])
    assert str(warning).startswith("net.cfg:5:8: [rnn] layer 4: hidden=5, expected output=3")
    assert list(make_layer("[rnn] output=3 hidden=3", dialect="pjreddie").remarks([(2,)])) == []
    assert list(make_layer("[rnn] output=3 hidden=5").remarks([(2,)])) == []


def test_arrays_stand_in_the_order_of_the_file() -> None:
    arrays = make_layer("[rnn] output=3 hidden=5 batch_normalize=1 dontloadscales=1").arrays([(2,)])
    each = ["biases", "weights", "scales", "rolling_mean", "rolling_variance"]
    assert [array.name for array in arrays] == [
        f"{part}_{name}" for part in ("input", "self", "output") for name in each
    ]
    assert [array.name for array in arrays if array.matrix] == ["input_weights", "self_weights", "output_weights"]
    assert all(array.in_file for array in arrays)  # dontloadscales does not reach into parts


def test_flops_count_a_multiply_add_for_each_weight() -> None:
    assert make_layer("[rnn] output=3 hidden=5").flops([(2,)]) == 2 * (2 * 5 + 5 * 5 + 5 * 3)
    assert make_layer("[rnn]").window() is None


@pytest.mark.parametrize("bad", ["logistic=3", "hidden=0", "output=0"])
def test_bad_values(bad: str) -> None:
    with pytest.raises(ConfigError):
        make_layer(f"[rnn] {bad}")
