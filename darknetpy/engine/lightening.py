"""Keeping the memory of a network's weights within bounds: Winograd's forms give way where they gain least."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from darknetpy.engine.choose import (
    DIRECT,
    WINOGRAD_FORMS,
    Choice,
    Choices,
    Rates,
    Shape,
    host_rates,
    seconds,
    weight_bytes,
    why_not,
)

MOST_WEIGHTS = 3.2  # packed weights of a network, as a multiple of what its filters take in the file
LIGHT = 64 << 20  # bytes of packed weights that are no burden, whatever the multiple


def lighten(
    choices: Choices, shapes: Mapping[int, Shape], fixed: Collection[int] = (), rates: Rates | None = None
) -> None:
    """Give layers kernels with fewer weights until all weights together keep to `MOST_WEIGHTS`.

    Always the layer next that loses least time for the memory it frees, by the estimates of
    `darknetpy.engine.choose.seconds`; of equal ones the last.

    Args:
        choices: of kernels; changed.
        shapes: of the convolutions, by layer.
        fixed: layers that keep their kernels.
        rates: of the CPU; by default of those like this one.
    """
    rates = rates or host_rates()
    limit = max(LIGHT, MOST_WEIGHTS * sum(4 * own_weights(shape) for shape in shapes.values()))
    total = sum(packed_bytes(choices[layer].kernel, shape) for layer, shape in shapes.items())
    while total > limit:
        steps = [
            step for layer in shapes if layer not in fixed for step in _steps(choices, layer, shapes[layer], rates)
        ]
        if not steps:
            return
        _, layer, kernel, freed = min(steps, key=lambda step: (step[0], -step[1]))
        reason = f"memory of all weights; {choices[layer].kernel} would take {freed / 2**20:.0f} MiB more"
        choices[layer] = Choice(kernel, reason)
        total -= freed


def own_weights(shape: Shape) -> int:
    """Numbers in the filters of a convolution."""
    return shape.channels // shape.groups * shape.filters * shape.size**2


def packed_bytes(kernel: str, shape: Shape) -> int:
    """Bytes of a convolution's packed weights, padding lanes left out where there is no Winograd form."""
    return weight_bytes(kernel, shape) if kernel in WINOGRAD_FORMS else 4 * own_weights(shape)


def _steps(choices: Choices, layer: int, shape: Shape, rates: Rates) -> list[tuple[float, int, str, int]]:
    """Lighter kernels of a layer: seconds lost for a byte, the layer, the kernel, and bytes freed."""
    kernel = choices[layer].kernel
    if kernel not in WINOGRAD_FORMS:
        return []
    steps = []
    for other in (DIRECT, *WINOGRAD_FORMS):
        freed = packed_bytes(kernel, shape) - packed_bytes(other, shape)
        if freed > 0 and not why_not(other, shape):
            lost = seconds(other, shape, 1, rates) - seconds(kernel, shape, 1, rates)
            steps.append((lost / freed, layer, other, freed))
    return steps
