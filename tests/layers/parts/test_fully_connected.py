"""The fully connected part; [connected] has the numbers compared."""

from __future__ import annotations

import numpy as np

from darknetpy.dialect import ALEXEYAB
from darknetpy.layers.parts.fully_connected import FullyConnected


def test_arrays_have_the_order_of_the_file() -> None:
    names = [array.name for array in FullyConnected(4, "linear", normalized=True).arrays((2, 3, 1))]
    assert names == ["biases", "weights", "scales", "rolling_mean", "rolling_variance"]
    weights = FullyConnected(4, "linear").arrays((2, 3, 1))[1]
    assert (weights.shape, weights.matrix, weights.bound) == ((4, 6), True, (2 / 6) ** 0.5)


def test_scales_can_stay_out_of_the_file() -> None:
    arrays = FullyConnected(4, "linear", normalized=True).arrays((3,), scales_in_file=False)
    assert [array.in_file for array in arrays] == [True, True, False, False, False]


def test_runs_on_any_shape_in_the_dtype_of_its_input() -> None:
    part = FullyConnected(2, "relu")
    weights = {"weights": np.array([[1, 2, 3, 4], [-1, 0, 0, 0]], np.float32), "biases": np.array([0.5, 0], np.float32)}
    for dtype in (np.float32, np.float64):
        y = part.run(np.ones((3, 2, 2, 1), dtype), weights, ALEXEYAB)
        assert y.dtype == dtype
        assert y.shape == (3, *part.output_shape((2, 2, 1)))
        assert y[0].ravel().tolist() == [10.5, 0]


def test_counts_a_multiply_add_as_two() -> None:
    assert FullyConnected(4, "linear").flops((3, 2, 1)) == 48
