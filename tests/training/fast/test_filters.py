"""The arrays of a convolution on their way to the kernels, and its gradient back."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.engine.threads import Scratch, Team
from darknetpy.graph import Node, build_graph, initial_weights
from darknetpy.kernels.simd import LANES
from darknetpy.layers.convolutional import Convolutional
from darknetpy.training.fast.filters import FilterStore
from darknetpy.training.fast.geometry import Cells
from darknetpy.training.fast.plan import Plan
from tests.kernels.training.test_filters import at_points, at_taps, packed, unpacked
from tests.training.fast.networks import conv, net

pytestmark = pytest.mark.quick
NEAR = 1e-6


def stored(form: int, text: str, *, with_backward: bool = True) -> tuple[FilterStore, Cells, Cells | None, Node]:
    """The store of a convolution of 18 channels, with the cells of its products."""
    graph = build_graph(parse_cfg(net((18, 8, 8), text)))
    initial_weights(graph, 1)
    node = graph.nodes[0]
    layer = cast(Convolutional, node.layer)
    shapes, size = (node.input_shapes[0], node.output_shape), layer.options.size
    cells = Cells(2, *shapes, size, (1, 1), 1, layer.padding, form)
    back = Cells(2, *shapes[::-1], size, (1, 1), 1, layer.padding, form) if form else None
    return FilterStore(node, cells, back, with_backward=with_backward), cells, back, node


def run(plan: Plan) -> None:
    for part in plan.finish():
        part.run(Team(1), Scratch())


def refresh(store: FilterStore) -> None:
    plan = Plan(2)
    store.pack(plan)
    store.refresh()
    run(plan)


@pytest.mark.parametrize("form", [2, 4])
def test_filters_are_packed_for_both_directions(form: int) -> None:
    store, cells, back, node = stored(form, conv(40))
    refresh(store)
    assert back is not None
    weights = node.weights["weights"].reshape(40, 18, 9)
    points, turned = at_points(weights, form), at_points(weights[:, :, ::-1], form).swapaxes(0, 1)
    found = (store.forward.view(np.float32), store.backward.view(np.float32))
    expected = packed(points, cells.inner_depth, cells.group), packed(turned, back.inner_depth, back.group)
    for array, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(array, right, rtol=0, atol=NEAR * np.abs(right).max())


def test_filters_of_the_first_layer_are_packed_forwards_only() -> None:
    store, _, _, _ = stored(4, conv(40), with_backward=False)
    refresh(store)
    assert store.backward.size == 0


def test_arrays_are_taken_as_they_are_now() -> None:
    store, cells, _, node = stored(4, conv(40))
    refresh(store)
    before = store.forward.copy()
    node.weights["weights"] = np.asfortranarray(node.weights["weights"].astype(np.float64)) * 2  # of any kind and order
    node.weights["biases"] += 3
    node.weights["rolling_mean"] += 5
    refresh(store)
    np.testing.assert_array_equal(store.forward.view(np.float32), 2 * before.view(np.float32))
    np.testing.assert_array_equal(store.small["biases"], node.weights["biases"])
    np.testing.assert_array_equal(store.centres[:40], node.weights["rolling_mean"])
    assert not store.centres[40:].any()
    assert len(store.centres) == cells.out_blocks * LANES
    assert node.weights["weights"].dtype == np.float32
    assert node.weights["weights"].flags.c_contiguous


def test_a_layer_without_batch_normalization_has_biases_only() -> None:
    store, _, _, _ = stored(0, conv(20, batch_normalize=0))
    assert list(store.small) == ["biases"]
    refresh(store)
    assert not store.centres.any()


@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize(("form", "size"), [(0, 1), (0, 5), (2, 3), (4, 3)])
def test_gradients_are_gathered_from_slices_and_added(form: int, size: int, slices: int) -> None:
    store, cells, _, _ = stored(form, conv(40, size))
    plan = Plan(2)
    region = plan.bytes(slices * cells.slice_bytes)
    sums = np.random.default_rng(2).standard_normal((slices, cells.slice_bytes // 4)).astype(np.float32)

    def fill() -> None:
        plan._arena[region.offset :][: sums.nbytes].view(np.float32)[:] = sums.ravel()

    plan.call(fill, region)
    store.gather_gradient(plan, region, slices)
    (part,) = plan.finish()
    points = cells.points if form else cells.taps
    total = unpacked(sums.astype(np.float64).sum(axis=0), 40, 18, 18, points, cells.outer_group)
    expected = at_taps(total, form).reshape(40, 18, size, size)
    for times, adds in ((1, False), (2, True), (3, True), (1, False)):
        store.add_gradients(adds)
        part.run(Team(1), Scratch())
        bound = 3 * NEAR * np.abs(expected).max()
        np.testing.assert_allclose(store.gradient, times * expected, rtol=0, atol=times * bound)
    assert not store.trouble.any()
    sums[0, 5] = np.nan
    part.run(Team(1), Scratch())
    assert store.trouble.any()
