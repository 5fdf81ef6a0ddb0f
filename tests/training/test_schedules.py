"""Learning rates against tables recorded from the C program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.config.net_options import read_net_options
from darknetpy.config.sections import parse_cfg
from darknetpy.errors import Findings
from darknetpy.training.schedules import learning_rate

pytestmark = pytest.mark.quick
RECORDED = json.loads((Path(__file__).parent.parent / "golden" / "schedule.json").read_text())
UNKNOWN_POLICY = "unknown_policy"


def net_of(options: dict[str, Any], policy: str) -> Any:
    lines = [
        f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}" for name, value in options.items()
    ]
    text = "\n".join(["[net]", "inputs=1", f"policy={policy}", *lines])
    return read_net_options(parse_cfg(text).net, Findings())


@pytest.mark.parametrize("name", [name for name in RECORDED if name != UNKNOWN_POLICY])
def test_rates_are_those_of_darknet(name: str) -> None:
    table = RECORDED[name]
    net = net_of(table["options"], table["policy"])
    pairs = list(zip(table["iteration"], table["rate"], strict=True))
    if table["policy"] == "poly":
        assert learning_rate(net, net.max_batches + 1) == 0
        pairs = [(iteration, rate) for iteration, rate in pairs if iteration <= net.max_batches]
    found = [learning_rate(net, iteration) for iteration, _ in pairs]
    np.testing.assert_allclose(found, [rate for _, rate in pairs], rtol=1e-6, atol=1e-12)


def test_random_rates_lie_below_the_learning_rate_and_follow_the_generator() -> None:
    net = net_of({"learning_rate": 0.1, "power": 2}, "random")
    one, other = (
        [learning_rate(net, n, random) for n in range(200)]
        for random in (np.random.default_rng(1), np.random.default_rng(1))
    )
    assert one == other
    assert 0 <= min(one) < max(one) < 0.1
    assert np.mean(one) == pytest.approx(0.1 / 3, rel=0.2)
