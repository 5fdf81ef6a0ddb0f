"""Packed weights, bit by bit against NumPy in float64 rounded once, by one thread and by several."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.engine.choose import Choices
from darknetpy.engine.convolutions import Geometry, PackedConvolution
from darknetpy.engine.packing import pack_layers
from darknetpy.engine.winograd import PackedWinograd
from darknetpy.graph import Graph
from darknetpy.kernels.cook_toom import FORMS, cook_toom
from tests.engine.networks import MIXED, network

SHAPES = [(16, 16), (33, 20), (100, 5), (7, 3), (130, 70)]  # filters, channels


def groups(blocks: int, largest: int) -> list[tuple[int, int]]:
    """First block and number of blocks of each group: whole ones, and powers of two at the end."""
    whole = [(first, largest) for first in range(0, blocks - largest + 1, largest)]
    rest = blocks % largest
    for size in (4, 2, 1):
        if rest & size and size < largest:
            whole.append((sum(count for _, count in whole), size))
    return whole


def in_order(cells: np.ndarray, largest: int, depth: int) -> np.ndarray:
    """(cells, filters, channels) as [group][cell][channel up to depth][block of the group][16], padded with zeros."""
    blocks = -(-cells.shape[1] // 16)
    padded = np.zeros((len(cells), blocks * 16, depth), np.float32)
    padded[:, : cells.shape[1], : cells.shape[2]] = cells
    lanes = padded.transpose(0, 2, 1)
    return np.concatenate([lanes[:, :, 16 * at : 16 * (at + count)].ravel() for at, count in groups(blocks, largest)])


def random_filters(filters: int, channels: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights, and factors in float64."""
    random = np.random.default_rng(filters)
    return random.standard_normal((filters, channels, size, size)).astype(np.float32), random.uniform(-2, 2, filters)


@pytest.mark.parametrize("folding", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_winograds_filters_are_those_of_float64(shape: tuple[int, int], form: int, folding: bool) -> None:
    weights, factors = random_filters(*shape, 3)
    biases = np.zeros(shape[0], np.float32)
    packed = PackedWinograd(weights, biases, 1, 1.0, form, factors if folding else None)
    folded = (weights * factors.reshape(-1, 1, 1, 1)).astype(np.float32) if folding else weights
    matrix = np.array(cook_toom(form).filters, np.float64)
    points = np.einsum("yi,xj,fcij->yxfc", matrix, matrix, folded.astype(np.float64)).astype(np.float32)
    expected = in_order(points.reshape(-1, *shape), packed.group, packed.depth)
    np.testing.assert_array_equal(packed.weights, expected)


@pytest.mark.parametrize("folding", [False, True])
@pytest.mark.parametrize(("size", "planar"), [(1, False), (3, False), (2, False), (3, True)])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_direct_filters_are_those_of_the_file(shape: tuple[int, int], size: int, planar: bool, folding: bool) -> None:
    weights, factors = random_filters(*shape, size)
    biases = np.zeros(shape[0], np.float32)
    packed = PackedConvolution(weights, biases, Geometry(size, 1, 1, 1, 0), 1.0, planar, factors if folding else None)
    folded = (weights * factors.reshape(-1, 1, 1, 1)).astype(np.float32) if folding else weights
    cells = folded.reshape(1, shape[0], -1) if planar else folded.reshape(*shape, -1).transpose(2, 0, 1)
    expected = in_order(cells, packed.group, packed.depth // len(cells))
    np.testing.assert_array_equal(packed.weights, expected)


def test_weights_may_lie_in_memory_in_any_way() -> None:
    weights, _ = random_filters(33, 20, 3)
    turned = np.asfortranarray(weights.astype(np.float64))
    biases = np.zeros(33, np.float32)
    for found, wanted in (
        (PackedWinograd(turned, biases, 1, 1.0, 4), PackedWinograd(weights, biases, 1, 1.0, 4)),
        (
            PackedConvolution(turned, biases, Geometry(3, 1, 1, 1, 1), 1.0, False),
            PackedConvolution(weights, biases, Geometry(3, 1, 1, 1, 1), 1.0, False),
        ),
    ):
        np.testing.assert_array_equal(found.weights, wanted.weights)


def large() -> Graph:
    """A network that is packed by several threads."""
    return network(f"{MIXED}\nconnected output=2000 activation=linear\nconnected output=100 activation=linear")


@pytest.mark.parametrize("threads", [2, 5])
def test_several_threads_pack_what_one_does(threads: int) -> None:
    graph, choices, alone = large(), Choices(), Choices()
    packed = pack_layers(graph, choices, threads)
    expected = pack_layers(graph, alone, 1)
    assert list(packed) == list(expected)
    assert choices == alone
    for index, one in expected.items():
        np.testing.assert_array_equal(packed[index].weights, one.weights)  # type: ignore[attr-defined]  # all have them


def test_what_goes_wrong_in_a_thread_is_raised() -> None:
    graph = large()
    del graph.nodes[3].weights["weights"]
    with pytest.raises(KeyError, match="weights"):
        pack_layers(graph, Choices(), 2)
