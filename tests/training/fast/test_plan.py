"""Records, places and the order of steps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from darknetpy.engine.memory import Value
from darknetpy.engine.threads import Scratch, Team
from darknetpy.kernels.layout import to_blocked, to_planar
from darknetpy.kernels.operations import integers, record_type
from darknetpy.training.fast.outputs import convert
from darknetpy.training.fast.plan import Bytes, Part, Plan, Record

pytestmark = pytest.mark.quick
KIND = record_type(**integers("array", "array_plane", "array_image", "inner", "count", "table"), slope="f4")
SHAPE = (5, 3, 4)


def run(*parts: Part) -> None:
    team, scratch = Team(1), Scratch()
    for part in parts:
        part.run(team, scratch)


def test_a_record_is_filled_with_addresses_and_strides() -> None:
    value, table = Value(SHAPE, 2, blocked=True), np.arange(3)
    value.put(640)
    inner = Record(KIND, count=9)
    record = Record(KIND, array=value, inner=inner, table=table, count=7, slope=0.5)
    (filled,) = record.filled(10_000)
    assert (filled["array"], filled["array_plane"]) == (10_640, value.plane_bytes)
    assert filled["array_image"] == value.image_bytes
    assert filled["inner"] == inner.filled(10_000).ctypes.data
    assert (filled["table"], filled["count"], filled["slope"]) == (table.ctypes.data, 7, 0.5)
    assert inner.filled(0)[0]["count"] == 9


def test_a_record_is_filled_once() -> None:
    record = Record(KIND, count=1)
    record.filled(0)["count"] = 4
    assert record.filled(0)[0]["count"] == 4


def test_a_record_knows_the_values_of_those_that_it_names() -> None:
    first, second = Value(SHAPE, 1, blocked=True), Bytes(100)
    assert list(Record(KIND, array=first, inner=Record(KIND, array=second)).values()) == [first, second]


def test_a_region_is_whole_lines() -> None:
    assert [Bytes(count).size for count in (0, 1, 64, 65)] == [0, 64, 64, 128]


def test_steps_run_in_order_up_to_each_cut() -> None:
    plan, seen = Plan(1), list[str]()
    for name in ("first", "second"):
        plan.call(lambda name=name: seen.append(name))
    plan.cut()
    plan.call(lambda: seen.append("third"))
    before, behind = plan.finish()
    run(before)
    assert seen == ["first", "second"]
    run(behind, before)
    assert seen == ["first", "second", "third", "first", "second"]


def test_operations_and_functions_see_what_stands_before() -> None:
    plan = Plan(2)
    planar, blocked, back = plan.value(SHAPE, blocked=False), plan.value(SHAPE), plan.value(SHAPE, blocked=False)
    plan.call(lambda: plan.view(planar).__setitem__(slice(None), 3), planar)
    convert(plan, to_blocked, planar, blocked)
    plan.call(lambda: plan.view(blocked).__imul__(2), blocked)
    convert(plan, to_planar, blocked, back)
    plan.keep(back)
    run(*plan.finish())
    assert plan.view(back).shape == (2, *SHAPE)
    np.testing.assert_array_equal(plan.view(back), 6)


def test_values_share_memory_when_their_lives_do_not_meet() -> None:
    plan = Plan(1)
    values = [plan.bytes(64_000) for _ in range(6)]
    for value, following in pairwise(values):
        plan.call(lambda: None, value, following)
    plan.finish()
    assert plan.arena_bytes == 2 * 64_000


def test_what_is_kept_is_not_overwritten() -> None:
    plan = Plan(1)
    kept, later = plan.bytes(6400), plan.bytes(6400)
    plan.call(lambda: None, kept)
    plan.call(lambda: None, later)
    plan.keep(kept)
    plan.finish()
    assert abs(kept.offset - later.offset) >= 6400


def test_a_value_that_nobody_uses_has_a_place() -> None:
    plan = Plan(1)
    unused, used = plan.value(SHAPE), plan.value(SHAPE)
    plan.call(lambda: None, used)
    plan.finish()
    assert unused.offset != used.offset
    np.testing.assert_array_equal(plan.view(unused), 0)  # and begins as 0, unused lanes too
