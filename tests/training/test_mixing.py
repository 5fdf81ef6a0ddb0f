"""Pictures mixed with others, against what the C program makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.training.mixing import CUTMIX, EITHER, MIXUP, MOSAIC, PARTNERS, Mix, cutmix, draw, kind_of, mix, mosaic

pytestmark = pytest.mark.quick
GOLDEN = Path(__file__).parent.parent / "golden"
CASES: list[dict[str, Any]] = json.loads((GOLDEN / "views.json").read_text())["mixes"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['key']} {case['kind']}")
def test_mixed_pictures_and_truths_are_those_of_darknet(case: dict[str, Any]) -> None:
    with np.load(GOLDEN / "views.npz") as arrays:
        pictures, truths, picture, truth = (
            arrays[f"{case['key']}_{name}"] for name in ("in", "truth_in", "out", "truth_out")
        )
    if case["kind"] == "mixup":
        found = mix(Mix(MIXUP), list(pictures[:2]), list(truths[:2]))
    elif case["kind"] == "cutmix":
        box = case["cut_x"], case["cut_y"], case["cut_w"], case["cut_h"]
        found = cutmix(list(pictures[:2]), list(truths[:2]), box)
    else:
        found = mosaic(list(pictures), list(truths), case["cut_x"], case["cut_y"])
    np.testing.assert_allclose(found[0], picture, atol=1e-6)
    np.testing.assert_allclose(found[1], truth, atol=1e-6)


@pytest.mark.parametrize("kind", [MIXUP, CUTMIX, MOSAIC, EITHER])
def test_half_of_the_pictures_are_mixed_and_truths_stay_whole(kind: int) -> None:
    random = np.random.default_rng(kind)
    drawn = draw(kind, random, 400)
    mixes = [how for how in drawn if how is not None]
    assert 150 < len(mixes) < 250
    assert {how.kind for how in mixes} == ({CUTMIX, MOSAIC} if kind == EITHER else {kind})
    for how in mixes[:40]:
        count = 1 + PARTNERS[how.kind]
        pictures = [random.random((3, 9, 14), np.float32) for _ in range(count)]
        picture, truth = mix(how, pictures, list(np.eye(4, dtype=np.float32)[:count]))
        assert truth.sum() == pytest.approx(1, abs=1e-5)
        assert picture.shape == (3, 9, 14)
        assert truth[0] < 1


def test_nothing_is_mixed_unless_asked_for() -> None:
    assert kind_of(0, cutmix=False, mosaic=False) == 0
    assert draw(0, np.random.default_rng(1), 3) == [None] * 3
    assert [kind_of(1, False, False), kind_of(0, True, False), kind_of(0, False, True)] == [MIXUP, CUTMIX, MOSAIC]
