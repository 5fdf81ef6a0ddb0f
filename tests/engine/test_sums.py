"""Which convolutions form the sum of the [shortcut] behind them."""

from __future__ import annotations

import pytest

from darknetpy.engine.concatenations import find_parts
from darknetpy.engine.sums import Sum, find_sums
from tests.engine.networks import all_layers, network

CONVOLUTION = "convolutional filters=32 size=3 pad=1 activation=leaky"
LINEAR = "convolutional filters=32 size=3 pad=1 activation=linear"
NARROW = "convolutional filters=20 size=3 pad=1 activation=leaky"
WIDE = "convolutional filters=64 size=3 pad=1 activation={}"


def sums(lines: str, wanted: tuple[int, ...] = (), group: int = 1) -> dict[int, Sum]:
    graph = network(lines)
    layers = all_layers(graph)
    groups = {node.index: group for node in graph.nodes if node.type == "convolutional"}
    return dict(find_sums(graph, layers, {graph.output_index, *wanted}, groups, find_parts(graph, layers)))


def test_the_convolution_before_a_shortcut_forms_its_sum_over_what_nobody_reads_any_more() -> None:
    assert sums(f"{CONVOLUTION}\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-3") == {2: Sum(3, 0, True)}
    found = sums(f"{CONVOLUTION}\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-3\n{CONVOLUTION}\nshortcut from=0")
    assert found == {2: Sum(3, 0, False), 4: Sum(5, 0, True)}


@pytest.mark.parametrize(
    "lines",
    [
        f"{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2",  # the convolution reads it
        f"maxpool\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-1",
        f"{CONVOLUTION}\ndropout\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-3",  # another name of layer 0
        f"{CONVOLUTION}\ndropout\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=0\n{CONVOLUTION}\nshortcut from=1",
        f"{CONVOLUTION}\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-3\nroute layers=-1,-3",
        f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=0",
    ],
)
def test_what_others_read_or_lies_in_others_is_not_written_over(lines: str) -> None:
    assert not any(found.in_place for found in sums(lines).values())


def test_a_convolution_that_others_read_is_left_alone() -> None:
    lines = f"{CONVOLUTION}\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-3"
    assert sums(lines, wanted=(2,)) == {}
    assert sums(lines, wanted=(1, 3)) == {2: Sum(3, 0, True)}
    assert sums(f"{lines}\nroute layers=-2") == {}
    assert sums(f"{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-1") == {}
    assert sums(f"{CONVOLUTION}\n{CONVOLUTION}\nmaxpool\nshortcut from=0") == {}


@pytest.mark.parametrize("options", ["weights_type=per_channel", "alpha=2", "beta=2", "activation=mish"])
def test_sums_with_factors_or_curves_are_left_alone(options: str) -> None:
    assert sums(f"{CONVOLUTION}\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-3 {options}") == {}


def test_only_kernels_that_can_add() -> None:
    graph = network(f"{CONVOLUTION}\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-3")
    assert find_sums(graph, all_layers(graph), {3}, {0: 1, 1: 1}, {}) == {}
    assert find_sums(graph, {0, 1, 2}, {2}, {0: 1, 1: 1, 2: 1}, {}) == {}


@pytest.mark.parametrize(
    ("own", "last", "formed"),
    [
        ("linear", "leaky", True), ("leaky", "linear", True), ("relu", "leaky", True), ("mish", "linear", True),
        ("leaky", "leaky", False), ("mish", "leaky", False),
    ],
)  # fmt: skip
def test_fewer_channels_need_slopes_that_can_be_joined(own: str, last: str, formed: bool) -> None:
    lines = f"{CONVOLUTION}\n{CONVOLUTION}\n{WIDE.format(own)}\nshortcut from=-3 activation={last}"
    assert bool(sums(lines)) == formed
    assert sums(lines, group=4) == {}  # two of its four blocks would be added to


def test_more_channels_are_no_obstacle() -> None:
    assert sums(f"{CONVOLUTION}\n{LINEAR}\n{NARROW}\nshortcut from=-3 activation=leaky") == {2: Sum(3, 0, True)}
