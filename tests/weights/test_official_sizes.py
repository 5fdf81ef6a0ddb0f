"""The table of well-known sizes."""

from __future__ import annotations

import json
from pathlib import Path

from darknetpy.weights.official_sizes import OFFICIAL_SIZES


def test_every_size_is_that_of_the_official_cfg(shared: Path) -> None:
    networks = json.loads((shared / "spec" / "zoo.json").read_text())["cfgs"]
    sizes = {Path(network["file"]).stem: network["weights_bytes"] for network in networks}
    assert {name: sizes[name] for name in OFFICIAL_SIZES} == OFFICIAL_SIZES


def test_a_size_names_one_network_only() -> None:
    assert len(set(OFFICIAL_SIZES.values())) == len(OFFICIAL_SIZES)
