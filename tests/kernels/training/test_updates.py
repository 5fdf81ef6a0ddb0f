"""Updates of flat arrays against the optimizers in NumPy, up to a rounding."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.training.updates import CHUNK, RUN, UPDATE_SCRATCH, adam, chunks_of, momentum
from darknetpy.training.optimizers import Adam, AdamW, Momentum, Update
from tests.kernels.running import run
from tests.kernels.training.lines import numbers

COUNTS = [1, 16, 37, RUN, CHUNK + RUN + 5]
Arrays = dict[str, np.ndarray]


def beginning(count: int, *memories: str) -> Arrays:
    arrays = {name: numbers(count, seed=seed) for seed, name in enumerate(("array", "gradient", *memories))}
    if "square" in arrays:
        arrays["square"] = abs(arrays["square"])
    return arrays


def updated(arrays: Arrays, update: Update, kind: Momentum | Adam, limit: float = 0.0) -> tuple[Arrays, np.ndarray]:
    """What the kernels make of copies of the arrays, and the troubles of all chunks."""
    arrays = {name: array.copy() for name, array in arrays.items()}
    count = arrays["array"].size
    trouble = np.full(chunks_of(count), 9, np.float32)
    fields: dict[str, float] = {"count": count, "limit": limit, "decay": update.decay * update.batch}
    if isinstance(kind, Momentum):
        fields |= {"momentum": kind.momentum, "rate": update.rate / update.batch}
    else:
        fields |= {
            "first": kind.first, "first_rest": 1 - kind.first, "first_share": 1 - kind.first**update.iteration,
            "second": kind.second, "second_rest": 1 - kind.second, "second_share": 1 - kind.second**update.iteration,
            "epsilon": kind.epsilon, "rate": update.rate, "shrinking": 1.0,
        }  # fmt: skip
        if isinstance(kind, AdamW):
            fields |= {"decay": 0.0, "shrinking": 1 - update.rate * update.decay}
    operation = momentum if isinstance(kind, Momentum) else adam
    run(operation, trouble.size, scratch_bytes=UPDATE_SCRATCH, trouble=trouble, **arrays, **fields)
    return arrays, trouble


@pytest.mark.parametrize("kind", [Momentum(0.8), Adam(0.8, 0.99), AdamW(0.9, 0.999)])
@pytest.mark.parametrize("decay", [0.0, 5e-4])
@pytest.mark.parametrize("count", COUNTS)
def test_results_are_those_of_the_optimizers(kind: Momentum | Adam, decay: float, count: int) -> None:
    arrays, update = beginning(count, *kind.memories), Update(0.013, 6, decay, 3)
    found, trouble = updated(arrays, update, kind)
    memory = {name: arrays[name] for name in kind.memories}
    gradient = arrays["gradient"].copy()
    kind.change(arrays["array"], gradient, memory, update)
    for name, array in arrays.items():
        np.testing.assert_allclose(found[name], array, rtol=3e-7, atol=5e-7, err_msg=name)
    assert not trouble.any()


def test_values_are_kept_within_the_limit() -> None:
    arrays = beginning(100, "velocity")
    free, _ = updated(arrays, Update(0.5, 1, 0.0, 1), Momentum())
    found, trouble = updated(arrays, Update(0.5, 1, 0.0, 1), Momentum(), limit=0.75)
    np.testing.assert_array_equal(found["array"], np.clip(free["array"], -0.75, 0.75))
    np.testing.assert_array_equal(found["velocity"], free["velocity"])
    assert not trouble.any()


@pytest.mark.parametrize("kind", [Momentum(), Adam(), AdamW()])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_run_that_would_not_be_finite_is_left_as_it_was(kind: Momentum | Adam, bad: float) -> None:
    arrays = beginning(CHUNK + 2 * RUN + 5, *kind.memories)
    place = CHUNK + RUN + 7
    arrays["gradient"][place] = bad
    found, trouble = updated(arrays, Update(0.01, 2, 5e-4, 2), kind)
    assert trouble[0] == 0
    assert not np.isfinite(trouble[1])
    for name in ("array", *kind.memories):
        changed = found[name] != arrays[name]
        assert not changed[CHUNK + RUN : CHUNK + 2 * RUN].any()
        assert changed[:CHUNK].mean() > 0.9
        assert changed[CHUNK + 2 * RUN :].any()


def test_trouble_is_the_first_value_that_is_not_finite() -> None:
    arrays = beginning(2 * RUN, "velocity")
    arrays["gradient"][RUN - 1], arrays["gradient"][RUN + 3] = -np.inf, np.nan
    _, trouble = updated(arrays, Update(0.01, 1, 0.0, 1), Momentum())
    assert trouble[0] == np.inf


def test_the_limit_does_not_hide_nan() -> None:
    arrays = beginning(5, "velocity")
    arrays["gradient"][4] = np.nan
    _, trouble = updated(arrays, Update(0.01, 1, 0.0, 1), Momentum(), limit=1.0)
    assert np.isnan(trouble[0])


def test_lanes_behind_the_last_value_do_not_count() -> None:
    arrays = {"array": np.ones(3, np.float32), "gradient": np.ones(3, np.float32)}
    arrays |= {"mean": np.ones(3, np.float32), "square": np.ones(3, np.float32)}
    _, trouble = updated(arrays, Update(0.01, 1, 0.0, 1), Adam(epsilon=0.0))
    assert not trouble.any()
