"""Which layers have a fast form in training."""

from __future__ import annotations

import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.graph import build_graph
from darknetpy.training.fast.lowering import FAST_FORMS, is_fast
from tests.training.fast.networks import conv, net, section

pytestmark = pytest.mark.quick
POOL = {"size": 2, "stride": 2}
FAST = [
    conv(8), conv(8, 1, activation="mish"), conv(8, 5, stride=3), conv(8, dilation=2), section("maxpool", **POOL),
    section("avgpool"), section("upsample", stride=2), section("route", layers=0),
    section("shortcut", **{"from": 0, "activation": "leaky"}), section("connected", output=4),
    section("shortcut", **{"from": 0, "activation": "mish"}), section("dropout"),
    conv(16, groups=16), section("avgpool") + section("scale_channels", **{"from": 1}),
]  # fmt: skip
PLAIN = [
    conv(8, groups=2), conv(32, groups=16), conv(16, groups=16, dilation=2), conv(8, xnor=1),
    conv(8, antialiasing=1, stride=2), conv(16, share_index=0),
    section("maxpool", **POOL, maxpool_depth=1), section("maxpool", **POOL, antialiasing=1),
    section("maxpool", **POOL, maxpool_zero_nonmax=1), section("route", layers="0,-1", groups=2, group_id=0),
    section("shortcut", **{"from": 0, "weights_type": "per_feature"}),
    section("avgpool") + section("scale_channels", **{"from": 1, "activation": "leaky"}),
    section("upsample", stride=-2), section("softmax"), section("reorg"), section("batchnorm"),
]  # fmt: skip


def last_is_fast(text: str) -> bool:
    graph = build_graph(parse_cfg(net((16, 8, 8), conv(16), conv(16), text)))
    return is_fast(graph.nodes[-1])


@pytest.mark.parametrize("text", FAST)
def test_fast_forms(text: str) -> None:
    assert last_is_fast(text)


@pytest.mark.parametrize("text", PLAIN)
def test_plain_forms(text: str) -> None:
    assert not last_is_fast(text)


def test_every_fast_form_takes_part_in_a_trial() -> None:
    tried = {text[text.rindex("[") + 1 : text.rindex("]")] for text in FAST}
    assert set(FAST_FORMS) <= tried
