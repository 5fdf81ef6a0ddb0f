"""Values that no training leaves behind."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import DarknetpyWarning, Findings, WeightsError
from darknetpy.weights.arrays_in_file import PIECE_VALUES
from darknetpy.weights.reader import read_weights
from tests.weights.networks import BASE, base_file, graph_of, header, start_of, values


def with_values(changes: dict[tuple[int, str], float | list[float]]) -> bytes:
    """The base file with the first values of some arrays replaced."""
    data = bytearray(base_file())
    for place, new in changes.items():
        block = np.atleast_1d(np.array(new, "<f4")).tobytes()
        data[start_of(*place) : start_of(*place) + len(block)] = block
    return bytes(data)


def warnings_of(data: bytes, text: str = BASE, *, allow_damaged: bool = False) -> list[DarknetpyWarning]:
    findings = Findings()
    read_weights(data, graph_of(text), findings=findings, allow_damaged=allow_damaged)
    return findings.warnings


def test_good_values_give_no_warning() -> None:
    assert warnings_of(base_file()) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted_and_the_first_place_named(value: float) -> None:
    (warning,) = warnings_of(with_values({(1, "weights"): [value, 1.0, value], (2, "biases"): value}))
    assert (warning.section, warning.layer) == ("convolutional", 1)
    assert warning.found == "values that are not finite: 3, the first in weights"


def test_in_strict_mode_they_are_an_error() -> None:
    with pytest.raises(WeightsError, match="not finite"):
        read_weights(with_values({(1, "weights"): np.nan}), graph_of(), findings=Findings(strict=True))


def test_values_beyond_a_million_are_suspicious() -> None:
    (warning,) = warnings_of(with_values({(2, "weights"): [1e6, -1.1e6, 3e38]}))
    assert warning.layer == 2
    assert warning.found == "values beyond a million: 2, the first in weights"


def test_a_variance_below_0_is_an_error() -> None:
    with pytest.raises(WeightsError) as caught:
        read_weights(with_values({(0, "rolling_variance"): [1, -1e-3, 0, -0.0]}), graph_of())
    assert caught.value.found == "values below 0 in rolling_variance: 1 in all"
    assert (caught.value.section, caught.value.layer) == ("convolutional", 0)


def test_a_variance_below_0_is_found_beside_nan() -> None:
    with pytest.raises(WeightsError, match="below 0"):
        read_weights(with_values({(0, "rolling_variance"): [np.nan, -1]}), graph_of())


def test_where_damage_is_allowed_it_is_a_warning() -> None:
    (warning,) = warnings_of(with_values({(0, "rolling_variance"): -1}), allow_damaged=True)
    assert "below 0" in warning.found


def test_other_arrays_may_be_negative() -> None:
    assert warnings_of(with_values({(0, "rolling_mean"): [-5.0], (0, "scales"): [-1.0]})) == []


def test_layers_with_nothing_but_zeros_are_suspicious() -> None:
    (warning,) = warnings_of(with_values({(1, "weights"): [0.0] * 8}))
    assert (warning.layer, warning.found) == (1, "all weights are zero")
    data = base_file()
    (warning,) = warnings_of(data[: start_of(1, "biases")] + bytes(len(data) - start_of(1, "biases")))
    assert warning.found == "all weights are zero (layers 1, 2)"


def test_biases_may_be_zero() -> None:
    assert warnings_of(with_values({(0, "biases"): [0.0] * 4, (2, "biases"): [0.0] * 3})) == []


def test_every_piece_of_a_large_array_is_looked_at() -> None:
    text = f"[net]\ninputs={PIECE_VALUES}\n[connected]\noutput=2\n"
    numbers = values(2 + 2 * PIECE_VALUES)
    numbers[[5, -1]] = np.nan
    (warning,) = warnings_of(header() + numbers.tobytes(), text)
    assert warning.found == "values that are not finite: 2, the first in weights"
