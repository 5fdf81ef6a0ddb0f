"""Every layer type with a fast form against its plain form, and the choice between the two."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.engine import lower
from darknetpy.engine.plan import CallStep, OperationStep, Plan
from darknetpy.engine.program import Program
from darknetpy.errors import ConfigError
from tests.engine.networks import all_layers, assert_agrees, assert_same_bits, network, pictures
from tests.golden.reader import Case, case_names

CONVOLUTION = "convolutional filters=32 size=3 pad=1 activation=leaky"

FAST = {
    "convolution": CONVOLUTION,
    "1x1 convolution": f"{CONVOLUTION}\nconvolutional filters=40 size=1 activation=relu",
    "strides in one direction": "convolutional filters=16 size=3 stride_x=2 stride_y=1 activation=relu",
    "even size": "convolutional filters=16 size=2 stride=2 activation=linear",
    "dilation": f"{CONVOLUTION}\nconvolutional filters=16 size=3 pad=1 dilation=3 activation=relie",
    "batch normalization": "convolutional filters=18 size=3 batch_normalize=1 activation=leaky",
    "maxpool": f"{CONVOLUTION}\nmaxpool size=3 stride=2",
    "shortcut": f"{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2 activation=leaky",
    "route": f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-1,-2",
    "route with groups": f"{CONVOLUTION}\nroute layers=-1 groups=2 group_id=1\n{CONVOLUTION}",
    "route of one layer": f"{CONVOLUTION}\n{CONVOLUTION}\nroute layers=-2\n{CONVOLUTION}",
    "avgpool": f"{CONVOLUTION}\navgpool\n{CONVOLUTION}",
    "dropout": f"{CONVOLUTION}\ndropout\n{CONVOLUTION}",
    "empty": f"{CONVOLUTION}\nempty\n{CONVOLUTION}",
    "contrastive": f"{CONVOLUTION}\ncontrastive",
    "upsample": f"{CONVOLUTION}\nupsample stride=2\n{CONVOLUTION}",
    "upsample with a factor": "convolutional filters=20 size=3 stride=2 activation=relu\nupsample stride=3 scale=.3",
}
WITH_PLAIN_STEPS = {
    "mish": "convolutional filters=20 size=3 activation=mish",
    "activation across channels": f"convolutional filters=20 size=3 activation=normalize_channels\n{CONVOLUTION}",
    "shortcut with swish": f"{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2 activation=swish",
    "groups": f"{CONVOLUTION}\nconvolutional filters=32 size=3 groups=8 activation=leaky\n{CONVOLUTION}",
    "xnor": f"{CONVOLUTION}\nconvolutional filters=32 size=3 xnor=1 activation=leaky",
    "antialiasing": f"{CONVOLUTION}\nconvolutional filters=16 size=3 stride=2 antialiasing=1 activation=leaky",
    "maxpool of the input": f"maxpool size=2 stride=2\n{CONVOLUTION}",
    "maxpool over channels": f"{CONVOLUTION}\nmaxpool maxpool_depth=1 out_channels=4",
    "route of odd channels": f"{CONVOLUTION}\nconvolutional filters=20 size=3 pad=1\nroute layers=-1,-2\n{CONVOLUTION}",
    "shortcut of unequal channels": f"{CONVOLUTION}\nconvolutional filters=20 size=3 pad=1\nshortcut from=-2",
    "weighted shortcut": f"{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2 weights_type=per_channel",
    "shortcut of three": f"{CONVOLUTION}\n{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2,-3",
    "shortcut with alpha": f"{CONVOLUTION}\n{CONVOLUTION}\nshortcut from=-2 alpha=2",
    "avgpool of the input": "avgpool\nconnected output=3",
    "upsample of the input": f"upsample\n{CONVOLUTION}",
    "upsample by a negative stride": f"convolutional filters=16 size=6\nupsample stride=-2\n{CONVOLUTION}",
    "implicit": f"{CONVOLUTION}\nimplicit filters=32\nscale_channels from=-2\n{CONVOLUTION}",
    "sam": f"{CONVOLUTION}\n{CONVOLUTION}\nsam from=-2\n{CONVOLUTION}",
    "reorg3d": f"convolutional filters=16 size=6\nreorg3d stride=2\n{CONVOLUTION}",
    "deconvolutional": f"{CONVOLUTION}\ndeconvolutional filters=20 size=4 stride=2 padding=1\n{CONVOLUTION}",
    "local": f"{CONVOLUTION}\nlocal filters=8 size=3 pad=1 stride=4 activation=leaky",
    "connected": f"{CONVOLUTION}\nconnected output=7 activation=logistic\nsoftmax",
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
