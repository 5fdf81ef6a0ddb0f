"""[conv_lstm] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from tests import reference_recurrent as reference
from tests.layers.recurrent_workbench import assert_advances, make, rows, sequences
from tests.layers.workbench import Trials, make_layer

TRIALS: Trials = [
    ("output=3 pad=1 peephole=1", [(2, 5, 4)]),
    ("output=2 size=1 bottleneck=1 shortcut=1 lstm_activation=relu", [(2, 5, 4)]),
]

SHAPE = (2, 3, 4)


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
@pytest.mark.parametrize(
    ("options", "convolved"),
    [
        ("output=3 pad=1", reference.Convolved(padding=1)),
        ("output=3 pad=1 peephole=1", reference.Convolved(padding=1)),
        ("output=3 size=1 activation=leaky batch_normalize=1 peephole=1", reference.Convolved()),
        ("output=4 pad=1 dilation=2 groups=2", reference.Convolved(2, 2, 2)),
        ("output=3 pad=1 lstm_activation=leaky activation=tanh", reference.Convolved(padding=1)),
        ("output=3 pad=1 lstm_activation=relu state_constrain=1", reference.Convolved(padding=1)),
        ("output=3 pad=1 state_constrain=0", reference.Convolved(padding=1)),
    ],
)
def test_equals_naive_loops(options: str, convolved: reference.Convolved, dialect: str) -> None:
    layer, x = make(f"[conv_lstm] {options}", SHAPE, dialect), 3 * sequences(SHAPE)
    own = layer.options
    expected = reference.lstm(
        x,
        reference.sums_of(layer.weights, dialect, own.batch_normalize, convolved),
        (own.output, *SHAPE[1:]),
        gate=own.activation,
        bent=own.lstm_activation,
        peephole=own.peephole,
        limit=own.state_constrain or np.inf,
    )
    assert_advances(layer, x, expected)


@pytest.mark.parametrize("shortcut", [0, 1])
@pytest.mark.parametrize("peephole", [0, 1])
def test_bottleneck_equals_naive_loops(shortcut: int, peephole: int) -> None:
    text = f"output=2 pad=1 bottleneck=1 shortcut={shortcut} peephole={peephole} activation=leaky lstm_activation=relu"
    layer, x = make(f"[conv_lstm] {text}", SHAPE), sequences(SHAPE)
    part = reference.sums_of(layer.weights, "alexeyab", False, reference.Convolved(padding=1))

    def mixed(past: np.ndarray, picture: np.ndarray) -> np.ndarray:
        sums = part("state_f", np.concatenate([past, picture]))
        return reference.activate("relu", reference.activate("leaky", sums))

    expected = reference.lstm(
        x, part, SHAPE, gate="leaky", bent="relu", peephole=bool(peephole), mixed=mixed, shortcut=bool(shortcut)
    )
    assert_advances(layer, x, expected)


def test_cells_stay_within_32_for_each_time_step_of_a_call() -> None:
    from darknetpy.layers.state import LayerState

    layer, x = make("[conv_lstm] output=3 size=1 lstm_activation=relu", SHAPE), 1000 * sequences(SHAPE, 4)
    for steps in (1, 2, 4):
        state = LayerState(steps)
        for first in range(0, 4, steps):
            layer.advance([rows(x[first : first + steps])], state)
        assert np.abs(state["cell"]).max() == 32 * steps


def test_nan_stays_visible() -> None:
    layer, x = make("[conv_lstm] output=3 size=1", SHAPE), sequences(SHAPE)[0]
    x[1, 0, 2, 3] = np.nan
    found = layer.forward([x])
    assert np.isnan(found[1, :, 2, 3]).all()
    assert np.isnan(found).sum() == 3


def test_arrays_stand_in_the_order_of_the_file() -> None:
    def parts(options: str) -> list[str]:
        arrays = make_layer(f"[conv_lstm] output=2 pad=1 {options}").arrays([SHAPE])
        return [array.name.removesuffix("_weights") for array in arrays if array.name.endswith("weights")]

    inputs, states = [f"input_{gate}" for gate in "figo"], [f"state_{gate}" for gate in "figo"]
    peepholes = [f"peephole_{gate}" for gate in "fio"]
    assert parts("") == [*states, *inputs]
    assert parts("peephole=1") == [*peepholes, *states, *inputs]
    assert parts("peephole=1 bottleneck=1") == [*peepholes, "state_f", *inputs]


def test_the_state_part_of_a_bottleneck_sees_output_and_input() -> None:
    arrays = {
        array.name: array.shape for array in make_layer("[conv_lstm] output=2 pad=1 bottleneck=1").arrays([SHAPE])
    }
    assert arrays["state_f_weights"] == (2, 4, 3, 3)
    assert arrays["input_f_weights"] == (2, 2, 3, 3)


@pytest.mark.parametrize(
    ("text", "option", "found"),
    [
        ("output=3", "size", "convolutions that make 1x2 of 3x4"),
        ("output=3 pad=1 bottleneck=1", "bottleneck", "bottleneck=1 with 2 input channels and output=3"),
        ("output=3 pad=1 groups=2", "groups", "groups=2 with output=3"),
    ],
)
def test_what_has_no_meaning_is_refused(text: str, option: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[conv_lstm] {text}").output_shape([SHAPE])
    assert (caught.value.option, caught.value.found) == (option, found)


def test_half_of_an_odd_number_of_channels_is_refused() -> None:
    with pytest.raises(ConfigError, match="shortcut=1 with output=3, expected an even number"):
        make_layer("[conv_lstm] output=3 pad=1 bottleneck=1 shortcut=1").output_shape([(3, 3, 4)])


def test_shortcut_alone_is_warned_about() -> None:
    (warning,) = make_layer("[conv_lstm] output=3 pad=1 shortcut=1").remarks([SHAPE])
    assert warning.found == "shortcut=1 without bottleneck=1"
    assert list(make_layer("[conv_lstm] output=2 pad=1 shortcut=1 bottleneck=1").remarks([SHAPE])) == []


def test_flops_and_window() -> None:
    layer = make_layer("[conv_lstm] output=3 pad=1")
    assert layer.flops([SHAPE]) == 2 * 9 * 12 * 4 * (2 * 3 + 3 * 3) + 9 * 36
    assert layer.window() == (3, 3, 1, 1)
    layer = make_layer("[conv_lstm] output=3 pad=1 peephole=1")
    assert layer.flops([SHAPE]) == 2 * 9 * 12 * (4 * 2 * 3 + 7 * 3 * 3) + 12 * 36
    assert layer.window() == (5, 5, 1, 1)
    assert make_layer("[conv_lstm] output=2 pad=1 peephole=1 bottleneck=1").window() == (7, 7, 1, 1)
