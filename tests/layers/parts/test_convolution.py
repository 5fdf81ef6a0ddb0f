"""The convolutional part; [convolutional] has the numbers compared."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.dialect import ALEXEYAB, PJREDDIE
from darknetpy.layers.parts.convolution import Convolution
from tests import reference
from tests.layers.workbench import assert_close, random_input


def arrays(part: Convolution, channels: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        array.name: np.abs(random.standard_normal(array.shape)).astype(np.float32)
        for array in part.arrays((channels, 1, 1))
    }


@pytest.mark.parametrize(
    "part",
    [
        Convolution(3, 3, "linear", padding=1),
        Convolution(4, 3, "leaky", padding=2, dilation=2, groups=2, normalized=True),
        Convolution(2, 2, "linear", strides=(2, 1)),
    ],
)
def test_equals_naive_loops(part: Convolution) -> None:
    x = random_input((2, 6, 5))
    own = arrays(part, 2)
    sums = reference.convolve(x, own["weights"], part.strides, part.padding, part.dilation, part.groups)
    if part.normalized:
        expected = reference.batch_normalize(sums, own, "alexeyab")
    else:
        expected = reference.add_biases(sums, own["biases"])
    found = part.run(x, own, ALEXEYAB)
    assert_close(found, reference.activate(part.activation, expected))
    assert found.shape == (2, *part.output_shape((2, 6, 5)))


@pytest.mark.parametrize(("dialect", "outside"), [(ALEXEYAB, -1), (PJREDDIE, 0)])
def test_signs_see_what_the_dialect_puts_outside(dialect: object, outside: float) -> None:
    part, x = Convolution(3, 3, "linear", padding=1, xnor=True), random_input((2, 3, 4))
    own = arrays(part, 2)
    sums = reference.convolve(reference.signs(x), reference.binary_weights(own["weights"]), (1, 1), 1, outside=outside)
    assert_close(part.run(x, own, dialect), reference.add_biases(sums, own["biases"]))  # type: ignore[arg-type]


def test_arrays_have_the_order_of_the_file() -> None:
    found = Convolution(4, 3, "linear", groups=2, normalized=True).arrays((6, 5, 5))
    assert [array.name for array in found] == ["biases", "scales", "rolling_mean", "rolling_variance", "weights"]
    assert found[-1].shape == (4, 3, 3, 3)
    assert found[-1].bound == (2 / 27) ** 0.5


def test_a_filter_that_does_not_fit_leaves_nothing() -> None:
    assert Convolution(4, 3, "linear", dilation=2).output_shape((1, 4, 9)) == (4, 0, 5)


def test_counts_a_multiply_add_as_two_and_bits_as_less() -> None:
    part = Convolution(4, 3, "linear", padding=1)
    assert part.flops((2, 5, 6)) == 2 * 9 * 2 * 4 * 30
    assert Convolution(4, 3, "linear", padding=1, xnor=True).flops((2, 5, 6)) == 2 * 9 * 2 * 4 * 30 // 32
    assert part.temporary((2, 5, 6)) == 2 * 7 * 8
