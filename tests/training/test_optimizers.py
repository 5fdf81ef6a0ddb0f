"""Optimizers against recorded steps of Darknet's Adam, and against their formulas in float64."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.training.optimizers import Adam, AdamW, Momentum, Optimizer, Update, decays
from tests.conftest import GOLDEN

pytestmark = pytest.mark.quick


def memory_of(optimizer: Optimizer, array: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.zeros_like(array) for name in optimizer.memories}


@pytest.mark.parametrize("name", ["defaults", "strong_decay"])
def test_adam_takes_the_steps_that_darknet_takes(name: str) -> None:
    with np.load(GOLDEN / "adam.npz") as recorded:
        numbers = {key: recorded[f"{name}_{key}"] for key in ("params", "w0", "gradient", "w", "m", "v")}
    first, second, epsilon, decay, rate, batch = map(float, numbers["params"])
    optimizer, array = Adam(first, second, epsilon), numbers["w0"].astype(np.float32)
    memory = memory_of(optimizer, array)
    for step, descent in enumerate(numbers["gradient"]):
        optimizer.change(array, -descent, memory, Update(rate, int(batch), decay, step + 1))
        np.testing.assert_allclose(array, numbers["w"][step], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(-memory["mean"], numbers["m"][step], rtol=1e-5, atol=1e-6)
        # Darknet forms 1 - B2 in float32, where it is 1.3e-5 smaller
        np.testing.assert_allclose(memory["square"], numbers["v"][step], rtol=2e-5, atol=1e-7)


def gradients(count: int) -> np.ndarray:
    return np.random.default_rng(4).standard_normal((count, 7)).astype(np.float32)


def test_momentum_is_its_formula() -> None:
    array = np.linspace(-1, 1, 7, dtype=np.float32)
    expected, velocity = array.astype(np.float64), np.zeros(7)
    optimizer = Momentum(0.8)
    memory = memory_of(optimizer, array)
    for step, gradient in enumerate(gradients(5)):
        velocity = 0.8 * velocity + gradient + 0.1 * 6 * expected
        expected = expected - 0.3 / 6 * velocity
        optimizer.change(array, gradient, memory, Update(0.3, 6, 0.1, step + 1))
        np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(memory["velocity"], velocity, rtol=1e-5, atol=1e-6)


def test_adamw_decays_by_itself() -> None:
    array = np.linspace(-1, 1, 7, dtype=np.float32)
    alone = array.copy()
    with_decay, without = AdamW(0.9, 0.99, 1e-3), Adam(0.9, 0.99, 1e-3)
    memory, other = memory_of(with_decay, array), memory_of(without, array)
    for step, gradient in enumerate(gradients(4)):
        before = array.copy()
        with_decay.change(array, gradient, memory, Update(0.1, 6, 0.5, step + 1))
        alone[...] = before * np.float32(1 - 0.1 * 0.5)
        without.change(alone, gradient, other, Update(0.1, 6, 0.0, step + 1))
        np.testing.assert_array_equal(array, alone)
        for name in memory:
            np.testing.assert_array_equal(memory[name], other[name])


def test_weights_decay_and_nothing_else() -> None:
    assert all(map(decays, ("weights", "input_weights", "state_f_weights")))
    assert not any(map(decays, ("biases", "scales", "input_biases", "self_scales", "rolling_mean")))
