"""Gradients by outputs: shares added in the order of the way back, and finished by the last one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from darknetpy.engine.memory import Value
from darknetpy.engine.threads import Scratch, Team
from darknetpy.kernels.training.loading import LOADING
from darknetpy.training.fast.gradients import Gradients, Summed, Target
from darknetpy.training.fast.outputs import Output, add_up, parts_of_pixels
from darknetpy.training.fast.plan import Plan, Record
from tests.kernels.running import unblock
from tests.training.fast.test_outputs import IMAGES, SHAPE, SLOPE, X, filled, normalized, run, values_of

pytestmark = pytest.mark.quick
SHARES = [np.random.default_rng(seed).standard_normal(X.shape).astype(np.float32) for seed in (7, 8, 9)]


def give_as_kernel(gradients: Gradients, plan: Plan, share: np.ndarray) -> None:
    """One that a kernel writes."""
    source = filled(plan, share)
    parts, loading = parts_of_pixels(plan, source), Record(LOADING, array=source)
    gradients.give(0, parts, lambda finishing: add_up(plan, loading, None, 1.0, finishing, source, parts))


def give_as_planar(gradients: Gradients, plan: Plan, share: np.ndarray) -> None:
    """One of a plain form."""
    value = plan.value(SHAPE, blocked=False)
    plan.call(lambda: plan.view(value).__setitem__(slice(None), share), value)
    gradients.give_planar(0, value)


def give_as_value(gradients: Gradients, plan: Plan, share: np.ndarray) -> None:
    """One that another layer has too."""
    gradients.give_value(0, filled(plan, share))


Give = Callable[[Gradients, Plan, np.ndarray], None]
WAYS: list[Give] = [give_as_kernel, give_as_planar, give_as_value]


@pytest.mark.parametrize("last", WAYS)
@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_shares_are_added_and_finished(first: Give, last: Give, count: int) -> None:
    plan = Plan(IMAGES)
    output, meaning = normalized(plan)
    gradients = Gradients(plan, {0: Target(output, count)})
    assert gradients.wanted(0)
    assert not gradients.wanted(1)
    for give, share in zip([first, *WAYS[1:2], last][-count:], SHARES, strict=False):
        give(gradients, plan, share)
    blocked, flat = gradients.take(0), gradients.take_planar(0)
    assert gradients.take(0) is blocked
    for value in (blocked, flat):
        plan.keep(value)
    run(plan)
    total = np.sum(SHARES[:count], axis=0, dtype=np.float64)
    expected = np.where(meaning > 0, total, SLOPE * total)
    for value in (blocked, flat):
        np.testing.assert_allclose(values_of(plan, value), expected, rtol=0, atol=2e-6)


def test_a_share_that_needs_no_finish_is_passed_on() -> None:
    plan = Plan(IMAGES)
    value = filled(plan, SHARES[0])
    gradients = Gradients(plan, {0: Target(Output(SHAPE, blocked=filled(plan)), 1)})
    gradients.give_value(0, value)
    assert gradients.take(0) is value


def test_the_values_of_others_are_not_changed() -> None:
    plan = Plan(IMAGES)
    output, _ = normalized(plan)
    value = filled(plan, SHARES[0])
    gradients = Gradients(plan, {0: Target(output, 2)})
    gradients.give_value(0, value)
    gradients.give_value(0, filled(plan, SHARES[1]))
    gradients.take(0)
    plan.keep(value)
    run(plan)
    np.testing.assert_array_equal(values_of(plan, value), SHARES[0])


def taken_sums(plan: Plan, summed: Summed) -> np.ndarray:
    """(2, channels): of all, and of gradient times what was seen."""
    assert summed.sums is not None
    region, found = summed.sums, []

    def look() -> None:
        floats = plan._arena[region.offset : region.offset + region.size].view(np.float32)
        lines = floats[: summed.parts * 64].reshape(summed.parts, 2, 2, 16).astype(np.float64).sum(axis=0)
        found.append(lines.swapaxes(0, 1).reshape(2, 32)[:, : SHAPE[0]])

    plan.call(look, region)
    for part in plan.finish():
        part.run(Team(1), Scratch())
    return found[0]


@pytest.mark.parametrize("give", WAYS)
def test_the_last_share_takes_the_sums_that_normalization_needs(give: Give) -> None:
    plan = Plan(IMAGES)
    z, means = filled(plan), np.arange(32, dtype=np.float32) / 16
    summed = Summed(z, means)
    gradients = Gradients(plan, {0: Target(Output(SHAPE, blocked=z, slope=SLOPE), 2, summed)})
    give_as_planar(gradients, plan, SHARES[0])
    assert summed.sums is None
    give(gradients, plan, SHARES[1])
    gradient = gradients.take(0)
    plan.keep(gradient)
    found = taken_sums(plan, summed)
    total = SHARES[0].astype(np.float64) + SHARES[1]
    total = np.where(X > 0, total, SLOPE * total)
    np.testing.assert_allclose(unblock(plan.view(gradient), *SHAPE), total, rtol=0, atol=2e-6)
    centred = X - means[:20, None, None].astype(np.float64)
    expected = np.stack([total.sum(axis=(0, 2, 3)), (total * centred).sum(axis=(0, 2, 3))])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_sums_that_another_layer_has_taken_are_not_taken_again() -> None:
    plan = Plan(IMAGES)
    z: Value = filled(plan)
    summed = Summed(z, np.zeros(32, np.float32))
    gradients = Gradients(
        plan,
        {1: Target(Output(SHAPE, blocked=z, slope=0.0), 1, summed), 0: Target(Output(SHAPE, blocked=z), 1, summed)},
    )
    parts = parts_of_pixels(plan, z)
    gradients.give(1, parts, lambda finishing: add_up(plan, Record(LOADING, array=z), None, 1.0, finishing, z, parts))
    known = summed.sums
    value = gradients.take(1)
    gradients.give_value(0, value)
    assert gradients.take(0) is value
    assert summed.sums is known
