"""Weights that take too much memory give way where they gain least."""

from __future__ import annotations

import pytest

from darknetpy.engine import lightening
from darknetpy.engine.choose import DIRECT, WIDE_VECTORS, Choices, Shape, seconds
from darknetpy.engine.lightening import MOST_WEIGHTS, lighten, own_weights, packed_bytes

pytestmark = pytest.mark.quick
LATE, MIDDLE, EARLY = Shape(512, 1024, 19, 19), Shape(256, 512, 38, 38), Shape(32, 64, 304, 304)
SHAPES = {3: EARLY, 5: MIDDLE, 8: LATE, 9: LATE, 11: Shape(1024, 512, 19, 19, size=1), 12: LATE}


def chosen(kernels: dict[int, str]) -> Choices:
    choices = Choices(kernels)
    for layer, shape in SHAPES.items():
        choices.make(layer, shape)
    return choices


def heavy() -> Choices:
    return chosen(dict.fromkeys((3, 5, 8, 9, 12), "winograd4") | {11: DIRECT})


def total(choices: Choices) -> int:
    return sum(packed_bytes(choices[layer].kernel, shape) for layer, shape in SHAPES.items())


def limit() -> float:
    return MOST_WEIGHTS * sum(4 * own_weights(shape) for shape in SHAPES.values())


def test_weights_keep_to_their_limit_and_the_reason_is_told() -> None:
    choices = heavy()
    assert total(choices) > limit()
    lighten(choices, SHAPES, rates=WIDE_VECTORS)
    assert total(choices) <= limit()
    changed = [layer for layer in SHAPES if choices[layer].kernel != heavy()[layer].kernel]
    assert changed
    assert all("memory of all weights" in choices[layer].reason for layer in changed)


def test_the_layer_that_loses_least_for_its_memory_gives_way() -> None:
    choices = heavy()
    lighten(choices, SHAPES, rates=WIDE_VECTORS)
    changed = {layer for layer in SHAPES if choices[layer].kernel != heavy()[layer].kernel}

    def price(layer: int, kernel: str) -> float:
        shape, before = SHAPES[layer], heavy()[layer].kernel
        lost = seconds(kernel, shape, 1, WIDE_VECTORS) - seconds(before, shape, 1, WIDE_VECTORS)
        return lost / (packed_bytes(before, shape) - packed_bytes(kernel, shape))

    dearest = max(price(layer, choices[layer].kernel) for layer in changed)
    kept = set(SHAPES) - changed - {11}
    assert all(min(price(layer, kernel) for kernel in (DIRECT, "winograd2")) >= dearest * 0.999 for layer in kept)
    assert 12 in changed, "of equal layers the last one gives way first"


def test_light_networks_and_fixed_layers_keep_their_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = heavy()
    lighten(choices, SHAPES, fixed=SHAPES)
    assert choices == heavy()
    monkeypatch.setattr(lightening, "LIGHT", 1 << 40)
    lighten(choices, SHAPES)
    assert choices == heavy()
