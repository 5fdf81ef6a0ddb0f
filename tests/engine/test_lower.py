"""Every layer type with a fast form against its plain form, and the choice between the two."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.engine import lower, pointwise
from darknetpy.engine.plan import CallStep, OperationStep, Plan
from darknetpy.engine.program import Program
from darknetpy.errors import ConfigError
from darknetpy.kernels.blocked import copy_blocks
from darknetpy.kernels.curves import CURVES, curve_blocks
from tests.engine.networks import all_layers, assert_agrees, assert_same_bits, network, pictures
from tests.golden.reader import Case, case_names

CONVOLUTION = "convolutional filters=32 size=3 pad=1 activation=leaky"

FAST = {
    "convolution": CONVOLUTION,
    "1x1 convolution": f"{CONVOLUTION}\nconvolutional filters=40 size=1 activation=relu",
    "strides in one direction": "convolutional filters=16 size=3 stride_x=2 stride_y=1 activation=relu",
    "even size": "convolutional filters=16 size=2 stride=2 activation=linear",
    "dilation": f"{CONVOLUTION}\nconvolutional filters=16 size=3 pad=1 dilation=3 activation=relie",
    "groups": f"{CONVOLUTION}\nconvolutional filters=32 size=3 groups=8 activation=leaky\n{CONVOLUTION}",
    "depthwise": f"{CONVOLUTION}\nconvolutional filters=32 size=5 stride=2 groups=32 activation=relu\n{CONVOLUTION}",
    "batch normalization": "convolutional filters=18 size=3 batch_normalize=1 activation=leaky",
    "maxpool": f"{CONVOLUTION}\nmaxpool size=3 stride=2",
    "shortcut": f"{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2 activation=leaky",
    "shortcut of three": f"{CONVOLUTION}\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2,-3 activation=relu",
    "shortcut of unequal channels": f"{CONVOLUTION}\nconvolutional filters=20 size=3 pad=1\nshortcut from=-2",
    "shortcut from a larger picture": f"{CONVOLUTION}\nconvolutional filters=40 size=3 stride=2 pad=1\n"
    f"shortcut from=-2 activation=leaky\n{CONVOLUTION}",
    "route": f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2",
    "route with groups": f"{CONVOLUTION}\nroute layers=-1 groups=2 group_id=1\n{CONVOLUTION}",
    "route of one layer": f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-2\n{CONVOLUTION}",
    "avgpool": f"{CONVOLUTION}\navgpool\n{CONVOLUTION}",
    "dropout": f"{CONVOLUTION}\ndropout\n{CONVOLUTION}",
    "empty": f"{CONVOLUTION}\nempty\n{CONVOLUTION}",
    "contrastive": f"{CONVOLUTION}\ncontrastive",
    "upsample": f"{CONVOLUTION}\nupsample stride=2\n{CONVOLUTION}",
    "upsample with a factor": "convolutional filters=20 size=3 stride=2 activation=relu\nupsample stride=3 scale=.3",
    "curves in the tiles": f"{CONVOLUTION}\nconvolutional filters=20 size=1 activation=mish",
    "curves behind other kernels": f"{CONVOLUTION}\nconvolutional filters=20 size=3 pad=1 activation=swish",
    "shortcut with swish": f"{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2 activation=swish",
    "sam": f"{CONVOLUTION}\n{CONVOLUTION}\nsam from=-2\n{CONVOLUTION}",
    "sam with mish": f"{CONVOLUTION}\n{CONVOLUTION}\nsam from=-2 activation=mish",
    "squeeze and excitation": f"{CONVOLUTION}\navgpool\nconvolutional filters=6 size=1 activation=swish\n"
    f"convolutional filters=32 size=1 activation=logistic\nscale_channels from=-4 activation=leaky\n{CONVOLUTION}",
    "a factor for each pixel": "convolutional filters=20 size=3 pad=1\nconvolutional filters=1 size=1\n"
    "scale_channels from=-2 scale_wh=1 activation=logistic",
    "concatenations in one another": f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2\n{CONVOLUTION}\n"
    f"route layers=-1,-2\nconvolutional filters=20 size=1 activation=mish\nroute layers=-2,-1\n{CONVOLUTION}",
    "part of a concatenation in parts": f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2\n"
    f"route layers=-1 groups=2 group_id=1\n{CONVOLUTION}\nroute layers=-1,-2\nroute layers=-1,-3",
    "yolo": "convolutional filters=24 size=1 activation=linear\nyolo classes=3 num=3 anchors=1,2,3,4,5,6",
    "yolo of few cells": "convolutional filters=24 size=3 stride=9 activation=linear\n"
    "yolo classes=3 num=3 anchors=1,2,3,4,5,6 scale_x_y=1.2",
    "yolo of activated values": "convolutional filters=24 size=1 activation=logistic\n"
    "yolo classes=3 num=3 anchors=1,2,3,4,5,6 new_coords=1 scale_x_y=1.5",
    "softmax": f"{CONVOLUTION}\nsoftmax",
    "softmax of one pixel": "convolutional filters=21 size=3 activation=linear\navgpool\nsoftmax groups=3",
    "connected": f"{CONVOLUTION}\nconnected output=7 activation=logistic\nsoftmax",
    "reorg": f"convolutional filters=16 size=6\nreorg stride=2\n{CONVOLUTION}",
    "reorg of pixels": f"convolutional filters=36 size=6\nreorg stride=2 reverse=1\n{CONVOLUTION}",
    "reorg in order": f"convolutional filters=16 size=6\nreorg stride=2 flatten=1\n{CONVOLUTION}",
    "reorg beside others": f"convolutional filters=16 size=6\nconvolutional filters=32 size=3 pad=1 stride=2\n"
    f"route layers=-2\nreorg stride=2\nroute layers=-1,-3\n{CONVOLUTION}",
    "spatial pyramid": f"{CONVOLUTION}\nmaxpool size=5 stride=1\nroute layers=-2\nmaxpool size=9 stride=1\n"
    f"route layers=-4\nmaxpool size=13 stride=1\nroute layers=-1,-3,-5,-6\n{CONVOLUTION}",
}
WITH_PLAIN_STEPS = {
    "activation across channels": f"convolutional filters=20 size=3 activation=normalize_channels\n{CONVOLUTION}",
    "xnor": f"{CONVOLUTION}\nconvolutional filters=32 size=3 xnor=1 activation=leaky",
    "antialiasing": f"{CONVOLUTION}\nconvolutional filters=16 size=3 stride=2 antialiasing=1 activation=leaky",
    "maxpool of the input": f"maxpool size=2 stride=2\n{CONVOLUTION}",
    "maxpool over channels": f"{CONVOLUTION}\nmaxpool maxpool_depth=1 out_channels=4",
    "route of odd channels": f"{CONVOLUTION}\nconvolutional filters=20 size=3 pad=1\nroute layers=-1,-2\n{CONVOLUTION}",
    "weighted shortcut": f"{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2 weights_type=per_channel",
    "shortcut with alpha": f"{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2 alpha=2",
    "avgpool of the input": "avgpool\nconnected output=3",
    "upsample of the input": f"upsample\n{CONVOLUTION}",
    "upsample by a negative stride": f"convolutional filters=16 size=6\nupsample stride=-2\n{CONVOLUTION}",
    "implicit": f"{CONVOLUTION}\nimplicit filters=32\nscale_channels from=-2\n{CONVOLUTION}",
    "reorg3d": f"convolutional filters=16 size=6\nreorg3d stride=2\n{CONVOLUTION}",
    "deconvolutional": f"{CONVOLUTION}\ndeconvolutional filters=20 size=4 stride=2 padding=1\n{CONVOLUTION}",
    "local": f"{CONVOLUTION}\nlocal filters=8 size=3 pad=1 stride=4 activation=leaky",
    "softmax of single pixels": f"{CONVOLUTION}\nsoftmax spatial=1",
    "softmax with a temperature": f"{CONVOLUTION}\nsoftmax temperature=2",
    "reorg with zeros behind": f"{CONVOLUTION}\nreorg extra=3\nconnected output=7",
    "reorg that loses values": f"convolutional filters=18 size=6\nreorg stride=2\n{CONVOLUTION}",
}


def python_steps(lines: str) -> int:
    """How many steps are Python functions, not counting the one that hands over the last layer's output."""
    return sum(isinstance(step, CallStep) for step in plan_of(lines).steps) - 1


def plan_of(lines: str) -> Plan:
    """What the engine does for one picture."""
    graph = network(lines)
    return Program(graph, threads=1).plan((1, *graph.input_shape), [graph.output_index])


@pytest.mark.parametrize("lines", FAST.values(), ids=FAST.keys())
def test_fast_forms_agree_with_plain_forms_and_need_no_python(lines: str) -> None:
    for channels in (3, 20):
        graph = network(lines, channels=channels)
        batch = pictures(graph, 2)
        assert_agrees(Program(graph, threads=2).run(batch, all_layers(graph)), graph, batch)
    assert python_steps(lines) == 0


@pytest.mark.parametrize("lines", WITH_PLAIN_STEPS.values(), ids=WITH_PLAIN_STEPS.keys())
def test_other_options_run_their_plain_form(lines: str) -> None:
    graph = network(lines)
    batch = pictures(graph, 2)
    assert_agrees(Program(graph, threads=2).run(batch, all_layers(graph)), graph, batch)
    assert python_steps(lines) > 0


def test_convolutions_by_rows_and_by_output_channels_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = network(f"{CONVOLUTION}\nconvolutional filters=80 size=3 stride=2 pad=1 activation=leaky")
    batch = pictures(graph, 2)
    late = Program(graph, threads=2).run(batch, all_layers(graph))
    monkeypatch.setattr(lower, "LATE_PIXELS", 0)
    assert_same_bits(Program(graph, threads=2).run(batch, all_layers(graph)), late)


def test_an_activation_without_a_vector_form_is_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = network("convolutional filters=20 size=3 activation=mish")
    batch = pictures(graph, 2)
    monkeypatch.setattr(pointwise, "curve_number", {}.get)
    program = Program(graph, threads=2)
    assert_agrees(program.run(batch, all_layers(graph)), graph, batch)
    steps = program.plan(batch.shape, all_layers(graph)).steps
    assert sum(isinstance(step, CallStep) for step in steps) == 2


@pytest.mark.parametrize("name", CURVES)
def test_every_curve_at_the_end_of_a_convolution_and_behind_a_sum(name: str) -> None:
    graph = network(
        f"{CONVOLUTION}\nconvolutional filters=32 size=1 activation={name}\nshortcut from=-2 activation={name}"
    )
    batch = pictures(graph, 2)
    found = Program(graph, threads=2).run(batch, [1, 2])
    expected = graph.run(batch, [1, 2])
    for index, output in found.items():
        np.testing.assert_allclose(output, expected[index], rtol=1e-4, atol=1e-5)
    for threads in (1, 3):
        assert_same_bits(Program(graph, threads).run(batch, [1, 2]), found)


def test_curves_of_large_arrays_are_shared_out() -> None:
    graph = network(f"{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2 activation=mish", height=120, width=90)
    batch = pictures(graph)
    found = Program(graph, threads=1).run(batch, [2])
    program = Program(graph, threads=3)
    assert_same_bits(program.run(batch, [2]), found)
    steps = [step for step in program.plan(batch.shape, [2]).steps if isinstance(step, OperationStep)]
    curve = next(step for step in steps if step.operation is curve_blocks)
    assert curve.chunks > 2


def test_concatenations_of_whole_blocks_copy_nothing() -> None:
    for lines in ("concatenations in one another", "route", "route with groups"):
        steps = plan_of(FAST[lines]).steps
        assert not any(isinstance(step, OperationStep) and step.operation is copy_blocks for step in steps)


def test_a_layer_of_two_concatenations_is_copied_for_one() -> None:
    steps = plan_of(f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2\nroute layers=-2,-3").steps
    assert sum(isinstance(step, OperationStep) and step.operation is copy_blocks for step in steps) == 0
    lines = f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2\nroute layers=-2,-3\nroute layers=-1,-2\n{CONVOLUTION}"
    steps = plan_of(lines).steps
    assert sum(isinstance(step, OperationStep) and step.operation is copy_blocks for step in steps) == 2


def test_neighbours_hand_over_blocked_arrays_without_conversion() -> None:
    plan = plan_of(f"{CONVOLUTION}\nmaxpool size=2 stride=2\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2")
    names = [step.operation.__name__ for step in plan.steps if isinstance(step, OperationStep)]
    assert "to_blocked" not in names
    assert names.index("to_planar") == len(names) - 1  # for the answer


@pytest.mark.parametrize("name", case_names())
def test_recorded_networks(name: str, tmp_path: Path) -> None:
    case = Case(name)
    try:
        graph = case.graph(tmp_path, allow_damaged=True)
    except ConfigError:
        pytest.skip("a cfg that is refused")
    batch = case.array("input").reshape(case.batch, *graph.input_shape)
    expected = graph.run(batch, all_layers(graph))
    found = Program(graph, threads=2).run(batch, all_layers(graph))
    for index, output in found.items():
        assert output.shape == expected[index].shape
        finite = np.abs(expected[index][np.isfinite(expected[index])])
        limit = 1e-5 * float(finite.max(initial=1e-30))
        np.testing.assert_allclose(output, expected[index], rtol=0, atol=limit, err_msg=f"layer {index}")
