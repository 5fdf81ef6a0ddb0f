"""Which kernel a convolution gets."""

from __future__ import annotations

import pytest

from darknetpy.engine.choose import (
    DIRECT,
    NARROW_VECTORS,
    WIDE_VECTORS,
    Choice,
    Choices,
    Shape,
    choose_kernel,
    host_rates,
)
from darknetpy.engine.program import Program
from tests.engine.networks import all_layers, assert_agrees, network, pictures

NETWORK = """
convolutional filters=16 size=3 pad=1
convolutional filters=64 size=3 pad=1 activation=leaky
maxpool size=2 stride=2
convolutional filters=64 size=1 activation=leaky
"""


def square(side: int, channels: int, filters: int) -> Shape:
    return Shape(channels=channels, filters=filters, height=side, width=side)


@pytest.mark.parametrize(
    ("shape", "kernel"),
    [
        (square(104, 64, 128), "winograd4"),
        (square(26, 256, 512), "winograd4"),
        (square(13, 512, 1024), "winograd2"),
        (square(14, 256, 512), "winograd2"),
        (square(1, 512, 512), DIRECT),
        (square(104, 4, 8), DIRECT),
    ],
)
def test_what_was_measured_to_be_fastest(shape: Shape, kernel: str) -> None:
    choice = choose_kernel(shape, rates=WIDE_VECTORS)
    assert choice.kernel == kernel
    assert "estimated" in choice.reason


def test_more_pictures_make_reading_weights_matter_less() -> None:
    assert choose_kernel(square(13, 512, 1024), images=16, rates=WIDE_VECTORS).kernel == "winograd4"


@pytest.mark.parametrize(
    ("changed", "word"),
    [({"size": 5}, "5 x 5"), ({"stride_x": 2}, "stride of 2"), ({"stride_y": 3}, "stride of 3"),
     ({"dilation": 2}, "dilation"), ({"groups": 4}, "4 groups"), ({"planar": True}, "picture")],
    ids=lambda value: str(value),
)  # fmt: skip
def test_other_convolutions_are_direct_and_the_reason_says_why(changed: dict[str, int], word: str) -> None:
    choice = choose_kernel(square(104, 64, 128)._replace(**changed))
    assert choice.kernel == DIRECT
    assert word in choice.reason


def test_this_cpu_has_rates() -> None:
    assert host_rates() in {WIDE_VECTORS, NARROW_VECTORS}


def test_a_program_tells_its_choices_and_takes_others() -> None:
    graph = network(NETWORK, height=40, width=40)
    batch = pictures(graph)
    by_itself = Program(graph, threads=1).choices
    assert {index: choice.kernel for index, choice in by_itself.items()} == {0: DIRECT, 1: "winograd4", 3: DIRECT}
    named = Program(graph, threads=1, choose={1: "winograd2"})
    assert named.choices[1] == Choice("winograd2", "named by the caller")
    assert named.choices[3] == by_itself[3]
    decided = Program(graph, threads=1, choose=lambda shape: Choice(DIRECT, f"{shape.filters} filters"))
    assert decided.choices[1] == Choice(DIRECT, "64 filters")
    for program in (named, decided):
        assert_agrees(program.run(batch, all_layers(graph)), graph, batch)


@pytest.mark.parametrize(
    ("named", "words"),
    [({1: "fastest"}, "no kernel is called 'fastest'"), ({3: "winograd4"}, "layer 3: winograd4 does not fit"),
     ({0: "winograd2"}, "as it comes"), ({2: DIRECT}, "layer 2"), ({9: DIRECT}, "layer 9")],
)  # fmt: skip
def test_a_kernel_that_cannot_be_is_refused(named: dict[int, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Program(network(NETWORK), choose=named)


def test_choices_keep_what_was_decided() -> None:
    choices = Choices()
    choice = choices.make(7, square(104, 64, 128))
    assert choices == {7: choice}
