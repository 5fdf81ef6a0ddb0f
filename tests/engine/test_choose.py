"""Which kernel a convolution gets."""

from __future__ import annotations

import pytest

from darknetpy.engine.choose import (
    DEPTHWISE,
    DIRECT,
    GROUPED,
    NARROW_VECTORS,
    PLAIN,
    WIDE_VECTORS,
    Choice,
    Choices,
    Choose,
    Shape,
    choose_kernel,
    choose_small,
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
        (square(76, 128, 256)._replace(stride_x=2, stride_y=2), "winograd2/2"),
        (square(16, 256, 256)._replace(stride_x=2, stride_y=2), "winograd2/2"),
        (square(104, 16, 16)._replace(stride_x=2, stride_y=2), DIRECT),
        (square(1, 512, 512), DIRECT),
        (square(104, 5, 8), "winograd4"),
        (square(26, 16, 16), "winograd4"),
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
     ({"stride_x": 3, "stride_y": 3}, "stride of 3"), ({"dilation": 2}, "dilation"), ({"planar": True}, "picture")],
    ids=lambda value: str(value),
)  # fmt: skip
def test_other_convolutions_are_direct_and_the_reason_says_why(changed: dict[str, int], word: str) -> None:
    choice = choose_kernel(square(104, 64, 128)._replace(**changed))
    assert choice.kernel == DIRECT
    assert word in choice.reason


@pytest.mark.parametrize(
    ("changed", "kernel", "word"),
    [({"groups": 64}, DEPTHWISE, "groups of 1"), ({"groups": 16}, DEPTHWISE, "groups of 4"),
     ({"groups": 20, "channels": 100, "filters": 100}, PLAIN, "zeros"), ({"groups": 32}, GROUPED, "groups of 2"),
     ({"groups": 4}, GROUPED, "groups of 16"), ({"groups": 64, "dilation": 2}, GROUPED, "groups of 1"),
     ({"special": "xnor"}, PLAIN, "xnor")],
    ids=lambda value: str(value),
)  # fmt: skip
@pytest.mark.parametrize("choose", [choose_kernel, choose_small])
def test_groups_and_special_options(choose: Choose, changed: dict[str, int], kernel: str, word: str) -> None:
    choice = choose(square(26, 128, 128)._replace(**{"channels": 64, "filters": 64, **changed}))
    assert choice.kernel == kernel
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
     ({1: "winograd2/2"}, "a stride of 1"), ({1: DEPTHWISE}, "groups"), ({1: GROUPED}, "no groups"),
     ({0: "winograd2"}, "as it comes"), ({2: DIRECT}, "layer 2"), ({9: DIRECT}, "layer 9")],
)  # fmt: skip
def test_a_kernel_that_cannot_be_is_refused(named: dict[int, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Program(network(NETWORK), choose=named)


GROUPS = """
convolutional filters=64 size=3 pad=1 groups=16 activation=leaky
convolutional filters=64 size=3 pad=1 groups=4 stride=2
convolutional filters=16 size=3 pad=1 xnor=1
convolutional filters=32 size=3 pad=1 stride=2 activation=leaky
"""


def test_every_convolution_has_a_choice_that_can_be_changed() -> None:
    graph = network(f"convolutional filters=64 size=1{GROUPS}", height=12, width=13)
    batch = pictures(graph)
    program = Program(graph, threads=1)
    found = [program.choices[index].kernel for index in range(5)]
    assert found == [DIRECT, DEPTHWISE, GROUPED, PLAIN, program.choices[4].kernel]
    assert program.choices[3].reason == "xnor"
    named = {0: PLAIN, 1: GROUPED, 2: PLAIN, 4: "winograd2/2"}
    other = Program(graph, threads=2, choose=named)
    assert {index: choice.kernel for index, choice in other.choices.items()} == {**named, 3: PLAIN}
    assert other.packed_layers == {1, 4}
    for each in (program, other):
        assert_agrees(each.run(batch, all_layers(graph)), graph, batch)


def test_choices_keep_what_was_decided() -> None:
    choices = Choices()
    choice = choices.make(7, square(104, 64, 128))
    assert choices == {7: choice}
