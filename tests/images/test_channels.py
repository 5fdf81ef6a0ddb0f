from __future__ import annotations

import numpy as np
import pytest

from darknetpy.images.channels import with_channels


def test_grey_follows_the_formula_for_every_byte() -> None:
    levels = np.arange(256, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels[::5], levels[::3], levels[::5], indexing="ij"), axis=-1).reshape(1, -1, 3)
    red, green, blue = (colours[..., k].astype(int) for k in range(3))
    assert np.array_equal(with_channels(colours, 1)[..., 0], (77 * red + 150 * green + 29 * blue) >> 8)
    neutral = np.repeat(levels.reshape(1, -1, 1), 3, axis=2)
    assert np.array_equal(with_channels(neutral, 1), neutral[..., :1])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("given", [1, 3, 4])
@pytest.mark.parametrize("wanted", [1, 3, 4])
def test_every_number_of_channels_leads_to_every_other(given: int, wanted: int, dtype: type) -> None:
    full = 255 if dtype == np.uint8 else 1
    pixels = np.full((2, 3, given), full, dtype)
    out = with_channels(pixels, wanted)
    assert out.shape == (2, 3, wanted)
    assert out.dtype == dtype
    assert (out == full).all()  # white stays white and opaque


def test_floats_become_grey_by_the_same_weights() -> None:
    colours = np.random.default_rng(1).random((4, 5, 3)).astype(np.float32)
    assert np.abs(with_channels(colours, 1)[..., 0] - colours @ [77 / 256, 150 / 256, 29 / 256]).max() < 1e-6
