"""Outputs that are read through factors, shifts and slopes, or made real."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.engine.memory import Value
from darknetpy.engine.threads import Scratch, Team
from darknetpy.kernels.training.finishing import FINISHING
from darknetpy.training.fast.outputs import Lines, Output, add_up, copy, parts_of_pixels, sums_of
from darknetpy.training.fast.plan import Plan, Record
from tests.kernels.running import block, unblock

pytestmark = pytest.mark.quick
SHAPE, IMAGES, SLOPE = (20, 7, 5), 3, 0.1
X = np.random.default_rng(0).standard_normal((IMAGES, *SHAPE)).astype(np.float32)


def run(plan: Plan) -> None:
    for part in plan.finish():
        part.run(Team(1), Scratch())


def filled(plan: Plan, x: np.ndarray = X) -> Value:
    """A blocked value with these numbers."""
    value = plan.value(SHAPE)
    plan.call(lambda: plan.view(value).__setitem__(slice(None), block(x)), value)
    return value


def normalized(plan: Plan) -> tuple[Output, np.ndarray]:
    """Sums behind which factors, shifts and an activation stand, and what they mean."""
    lines = Lines.of(2)
    factors, shifts = np.random.default_rng(1).standard_normal((2, 20, 1, 1)).astype(np.float32)
    lines.factors[:20], lines.shifts[:20] = factors.ravel(), shifts.ravel()
    total = factors.astype(np.float64) * X + shifts
    meaning = np.where(total > 0, total, SLOPE * total)
    return Output(SHAPE, blocked=filled(plan), lines=lines, slope=SLOPE), meaning


def values_of(plan: Plan, value: Value) -> np.ndarray:
    view = plan.view(value)
    return unblock(view, *SHAPE) if value.blocked else view


def test_lines_begin_as_zeros() -> None:
    lines = Lines.of(3)
    assert lines.factors.shape == lines.shifts.shape == (48,)
    assert not lines.factors.any()


def test_an_output_is_made_real_once() -> None:
    plan = Plan(IMAGES)
    output, meaning = normalized(plan)
    real, flat = output.real(plan), output.as_planar(plan)
    assert output.real(plan) is real
    assert output.as_planar(plan) is flat
    assert not flat.blocked
    for value in (real, flat):
        plan.keep(value)
    run(plan)
    for value in (real, flat):
        np.testing.assert_allclose(values_of(plan, value), meaning, rtol=0, atol=1e-6)


def test_what_is_real_already_is_not_copied() -> None:
    plan = Plan(IMAGES)
    value = plan.value(SHAPE)
    assert Output(SHAPE, blocked=value, slope=SLOPE).real(plan) is value  # the slope says what was done to it


def test_a_planar_output_is_blocked_where_kernels_want_it() -> None:
    plan = Plan(IMAGES)
    picture = plan.value(SHAPE, blocked=False)
    plan.call(lambda: plan.view(picture).__setitem__(slice(None), X), picture)
    output, out = Output(SHAPE, planar=picture), plan.value(SHAPE)
    assert output.as_planar(plan) is picture
    copy(plan, output.loading(plan), out)
    plan.keep(out)
    run(plan)
    np.testing.assert_array_equal(values_of(plan, out), X)


def test_sums_of_two_with_an_activation() -> None:
    plan = Plan(IMAGES)
    output, meaning = normalized(plan)
    other, out = filled(plan, X[::-1]), plan.value(SHAPE)
    finishing = Record(FINISHING, out=out, blocks=out.blocks)
    second = Output(SHAPE, blocked=other).loading(plan)
    add_up(plan, output.loading(plan), second, 0.0, finishing, out)
    plan.keep(out)
    run(plan)
    np.testing.assert_allclose(values_of(plan, out), np.maximum(meaning + X[::-1], 0), rtol=0, atol=1e-6)


def test_sums_are_taken_where_they_are_wanted() -> None:
    plan = Plan(IMAGES)
    source, out = filled(plan), plan.value(SHAPE)
    parts, centres = parts_of_pixels(plan, out), np.zeros(32, np.float32)
    sums = sums_of(plan, parts, out.blocks)
    finishing = Record(FINISHING, out=out, blocks=out.blocks, sums=sums, centres=centres)
    add_up(plan, Output(SHAPE, blocked=source).loading(plan), None, 1.0, finishing, out, parts)
    plan.keep(sums)
    found = []

    def look() -> None:
        floats = plan._arena[sums.offset : sums.offset + sums.size].view(np.float32)
        found.append(floats[: parts * 64].reshape(parts, 2, 2, 16).astype(np.float64).sum(axis=0))

    plan.call(look, sums)
    run(plan)
    expected = np.stack([X.sum(axis=(0, 2, 3), dtype=np.float64), (X.astype(np.float64) ** 2).sum(axis=(0, 2, 3))])
    np.testing.assert_allclose(found[0].swapaxes(0, 1).reshape(2, 32)[:, :20], expected, atol=1e-4)
