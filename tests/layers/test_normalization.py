"""[normalization] against naive loops."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [("size=3 alpha=.01", [(4, 3, 5)])]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 12, 14])
@pytest.mark.parametrize("name", ["normalization", "lrn"])
def test_equals_the_running_sum(size: int, name: str) -> None:
    x = random_input((7, 2, 3))
    layer = make_layer(f"[{name}] size={size} alpha=0.05 beta=0.6 kappa=2")
    options = layer.options
    assert_close(run(layer, [x]), reference.local_response(x, size, options.alpha, options.beta, 2))


def test_defaults() -> None:
    x = 10 * random_input((7, 2, 3))
    assert_close(run(make_layer("[lrn]"), [x]), reference.local_response(x, 5, 0.0001, 0.75, 1))


def test_forgets_the_channel_in_the_middle_of_the_window() -> None:
    x = np.arange(1.0, 7).reshape(1, 6, 1, 1)
    found = make_layer("[lrn] size=5 alpha=1 beta=1 kappa=0").forward([x])
    np.testing.assert_allclose(x.ravel() / found.ravel(), [5, 21, 46, 81, 77, 68])


def test_norm_below_zero_gives_nan_without_a_warning() -> None:
    x = np.array([1.0, 1, 9]).reshape(1, 3, 1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = make_layer("[lrn] size=5 alpha=-1 beta=.5 kappa=1").forward([x])
    assert np.isnan(found[0, 0, 0, 0])


def test_size_above_twice_the_channels_is_refused() -> None:
    with pytest.raises(ConfigError, match="size=99 with 4 channels, expected at most 8"):
        make_layer("[lrn] size=99").output_shape([(4, 2, 2)])
    assert make_layer("[lrn] size=8").output_shape([(4, 2, 2)]) == (4, 2, 2)
