"""Which layers write straight into a concatenation, and how values lie in one another."""

from __future__ import annotations

import numpy as np

from darknetpy.engine.concatenations import Part, find_parts
from darknetpy.engine.memory import Value, place
from tests.engine.networks import all_layers, network

CONVOLUTION = "convolutional filters=32 size=3 pad=1 activation=leaky"
ODD = "convolutional filters=20 size=3 pad=1 activation=leaky"


def parts(lines: str) -> dict[int, Part]:
    graph = network(lines)
    return dict(find_parts(graph, all_layers(graph)))


def test_sources_of_a_concatenation_have_their_places() -> None:
    assert parts(f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2") == {1: Part(2, 0), 0: Part(2, 32)}


def test_only_the_last_part_may_have_odd_channels() -> None:
    assert parts(f"{CONVOLUTION}\n{ODD}\nroute layers=-2,-1") == {0: Part(2, 0), 1: Part(2, 32)}
    assert parts(f"{CONVOLUTION}\n{ODD}\nroute layers=-1,-2") == {}


def test_a_chain_of_concatenations_is_one_array() -> None:
    lines = f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2\n{CONVOLUTION}\nroute layers=-1,-2"
    assert parts(lines) == {0: Part(2, 32), 1: Part(2, 0), 2: Part(4, 32), 3: Part(4, 0)}


def test_the_last_of_several_concatenations_has_its_part() -> None:
    found = parts(f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2\nroute layers=-2,-3")
    assert found == {0: Part(3, 32), 1: Part(3, 0)}


def test_groups_and_layers_that_nobody_needs_do_not_count() -> None:
    assert parts(f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2 groups=2") == {}
    graph = network(f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2")
    assert find_parts(graph, {0, 1}) == {}


def test_parts_lie_in_the_whole_and_keep_it_alive() -> None:
    whole, other = Value((64, 3, 5), 2, blocked=True), Value((100,), 2, blocked=False)
    part = whole.part(16, (40, 3, 5))
    inner = part.part(32, (8, 3, 5))
    other.used_at(0)
    inner.used_at(0)
    part.used_at(4)
    other.used_at(2)
    assert (whole.first, whole.last) == (0, 4)
    arena = np.zeros(place([whole, other]), np.uint8)
    inner.view(arena)[:] = 3
    part.view(arena)[:, 0] = 2
    assert (inner.image_bytes, inner.plane_bytes) == (whole.image_bytes, whole.plane_bytes)
    assert inner.offset == whole.offset + 3 * whole.plane_bytes
    assert whole.view(arena)[:, :, 0, 0].tolist() == [[0, 2, 0, 3]] * 2
    assert not other.view(arena).any()
