"""Updates of large arrays by kernels: those of the optimizers, and which are left to them."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.engine.threads import Scratch, Team
from darknetpy.errors import TrainingError
from darknetpy.graph import build_graph
from darknetpy.training.fast.updates import LARGEST_RATE, LEAST_VALUES, LargeUpdates
from darknetpy.training.optimizers import Adam, AdamW, Momentum, Optimizer, Update

NODE = build_graph(parse_cfg("[net]\nwidth=2\nheight=2\nchannels=1\n[convolutional]\nsize=1\n")).nodes[0]
OPTIMIZERS = [Momentum(0.9), Adam(), AdamW(0.8, 0.99, 1e-5)]
SIZES = (LEAST_VALUES, 70_001)


def arrays(seed: int, size: int, optimizer: Optimizer) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    random = np.random.default_rng(seed)
    array, gradient = (random.standard_normal(size).astype(np.float32) for _ in range(2))
    memory = {name: np.abs(random.standard_normal(size)).astype(np.float32) for name in optimizer.memories}
    return array, gradient, memory


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
@pytest.mark.parametrize("threads", [1, 3])
def test_several_updates_are_those_of_the_optimizer(optimizer: Optimizer, threads: int) -> None:
    update, large = Update(0.01, 8, 0.0005, 3), LargeUpdates(Team(threads, cores=4), Scratch())
    given = [arrays(seed, size, optimizer) for seed, size in enumerate(SIZES)]
    expected = [(array.copy(), gradient, {n: m.copy() for n, m in memory.items()}) for array, gradient, memory in given]
    for array, gradient, memory in given:
        assert large.takes(optimizer, array, gradient, update)
        large.add(optimizer, array, gradient, memory, update, 0.0, NODE, "weights")
    large.run()
    for (array, _, memory), (wanted, gradient, wanted_memory) in zip(given, expected, strict=True):
        optimizer.change(wanted, gradient, wanted_memory, update)
        np.testing.assert_allclose(array, wanted, rtol=1e-6, atol=1e-6)
        for name in memory:
            np.testing.assert_allclose(memory[name], wanted_memory[name], rtol=1e-6, atol=1e-6)


def test_a_limit_holds() -> None:
    optimizer = Momentum(0.9)
    array, gradient, memory = arrays(0, LEAST_VALUES, optimizer)
    large = LargeUpdates(Team(1), Scratch())
    large.add(optimizer, array, gradient, memory, Update(0.1, 1, 0.0, 1), 0.5, NODE, "weights")
    large.run()
    assert np.abs(array).max() == np.float32(0.5)
    large.run()  # nothing is waiting any more


def test_what_could_overflow_or_is_small_or_of_another_kind_is_not_taken() -> None:
    optimizer, usual, large = Momentum(0.9), Update(0.1, 1, 0.0, 1), LargeUpdates(Team(1), Scratch())
    array, gradient, _ = arrays(0, LEAST_VALUES, optimizer)
    assert large.takes(optimizer, array, gradient, usual)
    assert not large.takes(optimizer, array, gradient, Update(LARGEST_RATE, 1, 0.0, 1))
    assert not large.takes(optimizer, array[1:], gradient[1:], usual)
    assert not large.takes(optimizer, array.astype(np.float64), gradient, usual)
    assert not large.takes(optimizer, array, np.repeat(gradient, 2)[::2], usual)


def test_a_value_that_is_none_any_more_is_told_and_the_rest_of_its_run_stays() -> None:
    optimizer = Momentum(0.9)
    array, gradient, memory = arrays(0, 3 * LEAST_VALUES, optimizer)
    array[5000], memory["velocity"][5000] = 3e38, -3e38
    before, large = array.copy(), LargeUpdates(Team(1), Scratch())
    large.add(optimizer, array, gradient, memory, Update(1.0, 1, 0.0, 1), 0.0, NODE, "weights")
    with pytest.raises(TrainingError, match="weights would become inf"):
        large.run()
    assert np.isfinite(array).all()
    np.testing.assert_array_equal(array[LEAST_VALUES : 2 * LEAST_VALUES], before[LEAST_VALUES : 2 * LEAST_VALUES])
    assert not np.array_equal(array[:LEAST_VALUES], before[:LEAST_VALUES])
