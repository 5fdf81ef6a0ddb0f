"""Depthwise convolution in training against sums over windows in float64."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.depthwise import filter_row, form_for
from darknetpy.kernels.training.depthwise import (
    GAUGE,
    collect_gradient,
    filter_depthwise,
    pitch_of,
    scratch_bytes,
    sum_products,
)
from tests.kernels.running import LANES, run
from tests.kernels.training.lines import Loaded, activated, finishes, numbers

WINDOWS = [  # height, width, size, (stride_y, stride_x), padding, (spacing_y, spacing_x)
    (5, 7, 3, (1, 1), 1, (1, 1)),
    (6, 5, 3, (2, 2), 1, (1, 1)),
    (4, 9, 5, (2, 1), 2, (1, 1)),
    (3, 3, 3, (1, 1), 1, (2, 2)),
    (4, 3, 4, (1, 1), 0, (3, 2)),
    (9, 8, 2, (3, 4), 0, (1, 1)),
    (1, 1, 3, (1, 1), 2, (1, 1)),
]
IMAGES, BLOCKS = 3, 2


class Trial:
    """A source, and what windows see of it: (n, blocks, windows, taps, 16) float64."""

    def __init__(
        self, height: int, width: int, size: int, strides: tuple[int, int], padding: int, spacing: tuple[int, int]
    ) -> None:
        self.source = activated(IMAGES, BLOCKS, height * width)
        spread = [(side - 1) * apart + 1 for side, apart in zip((height, width), spacing, strict=True)]
        padded = np.zeros((IMAGES, BLOCKS, *(side + 2 * padding for side in spread), LANES))
        inside = tuple(slice(padding, padding + side, apart) for side, apart in zip(spread, spacing, strict=True))
        padded[:, :, *inside] = self.source.meaning().reshape(IMAGES, BLOCKS, height, width, LANES)
        out = [(side + 2 * padding - size) // stride + 1 for side, stride in zip(spread, strides, strict=True)]
        self.pixels, self.taps = out[0] * out[1], size * size
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (2, 3))
        seen = windows[:, :, :: strides[0], :: strides[1]].reshape(IMAGES, BLOCKS, self.pixels, LANES, self.taps)
        self.seen = seen.swapaxes(3, 4)
        pitch = pitch_of(width, padding, out[1], size, strides[1], spacing[1])
        self.form = form_for(1, size, strides[1], out[1])
        self.scratch = scratch_bytes(size, pitch, width, out[1])
        self.fields = {
            "images": IMAGES, "height": height, "width": width, "padding": padding, "out_height": out[0],
            "out_width": out[1], "blocks": BLOCKS, "size": size, "stride_y": strides[0], "stride_x": strides[1],
            "spacing_y": spacing[0], "spacing_x": spacing[1], "pitch": pitch,
        }  # fmt: skip


@pytest.mark.parametrize("windows", WINDOWS, ids=str)
@pytest.mark.parametrize("parts", [1, 2])
def test_windows_meet_their_filters(windows: tuple, parts: int) -> None:
    trial = Trial(*windows)
    weights, zeros = numbers(BLOCKS, trial.taps, LANES, seed=2), np.zeros(LANES, np.float32)
    for finished in finishes(IMAGES, BLOCKS, trial.pixels, parts):
        run(
            filter_depthwise, finished.parts * BLOCKS, scratch_bytes=trial.scratch, loading=trial.source.record(),
            finishing=finished.record(), weights=weights, biases=zeros, filter_row=filter_row.address,
            form=trial.form, parts=finished.parts, **trial.fields,
        )  # fmt: skip
        finished.check(np.einsum("nbpti,bti->nbpi", trial.seen, weights))


@pytest.mark.parametrize("windows", WINDOWS, ids=str)
@pytest.mark.parametrize("parts", [1, 2])
def test_products_are_summed_over_all_windows(windows: tuple, parts: int) -> None:
    trial = Trial(*windows)
    gradient = Loaded(numbers(IMAGES, BLOCKS, trial.pixels, LANES, seed=3))
    sums = np.full((parts, BLOCKS, trial.taps, LANES), np.nan, np.float32)
    run(
        sum_products, parts * BLOCKS, scratch_bytes=trial.scratch, loading=trial.source.record(),
        by_output=gradient.record(), out=sums, parts=parts, **trial.fields,
    )  # fmt: skip
    expected = np.einsum("nbpti,nbpi->bti", trial.seen, gradient.meaning())
    np.testing.assert_allclose(sums.sum(0), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("channels", [1, 16, 20])
@pytest.mark.parametrize("adds", [0, 1])
def test_gradients_are_collected(channels: int, adds: int) -> None:
    parts, taps, blocks = 3, 4, -(-channels // LANES)
    sums, gradient = numbers(parts, blocks, taps, LANES), numbers(channels, taps, seed=1)
    trouble = np.full(blocks, 7)
    expected = sums.astype(np.float64).sum(0).swapaxes(1, 2).reshape(-1, taps)[:channels] + adds * gradient
    fields = {"parts": parts, "blocks": blocks, "channels": channels, "taps": taps, "adds": adds}
    run(collect_gradient, blocks, sums=sums, gradient=gradient, trouble=trouble, **fields)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6)
    assert not trouble.any()


@pytest.mark.parametrize("value", [np.nan, np.inf, 2 * GAUGE])
def test_values_in_disorder_are_noticed(value: float) -> None:
    sums, gradient, trouble = numbers(1, 2, 9, LANES), np.zeros((20, 9), np.float32), np.zeros(2, np.int64)
    fields = {"parts": 1, "blocks": 2, "channels": 20, "taps": 9, "adds": 0}
    sums[0, 1, 5, 10] = value  # of a lane without a channel
    run(collect_gradient, 2, sums=sums, gradient=gradient, trouble=trouble, **fields)
    assert trouble.tolist() == [0, 0]
    sums[0, 1, 5, 3] = value
    run(collect_gradient, 2, sums=sums, gradient=gradient, trouble=trouble, **fields)
    assert trouble.tolist() == [0, 1]
