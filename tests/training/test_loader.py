"""Batches of pictures: which, in what order, the same whatever the threads."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.errors import DarknetpyWarning, DataError, ImageError
from darknetpy.training.augment import Augmentation
from darknetpy.training.dataset import Samples
from darknetpy.training.loader import Batch, Loader, Loading
from darknetpy.training.mixing import EITHER

COUNT = 11
PLAIN = Augmentation(8, 8, 8, 8, flip=False)
RANDOM = Augmentation(8, 8, 8, 12, angle=10, aspect=0.8, hue=0.1, saturation=1.5, exposure=1.5)
TRUTHS = np.eye(COUNT, dtype=np.float32)


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    """Pictures of one colour each: the number of a picture can be seen."""
    paths = []
    for number in range(COUNT):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (10 + number, 12), (20 * number, 5, 9)).save(path)
        paths.append(str(path))
    return Samples(tuple(paths), tuple((number,) for number in range(COUNT)))


def take(loader: Loader, count: int) -> list[Batch]:
    with loader as batches:
        return list(itertools.islice(batches, count))


def numbers(batch: Batch) -> list[int]:
    """Which pictures a batch has, by what can be seen; their truths must agree."""
    seen = np.round(batch.pictures[:, 0, 4, 4] * 255 / 20).astype(int).tolist()
    assert batch.truths.argmax(axis=1).tolist() == seen
    return list(seen)


def test_every_picture_comes_once_in_an_epoch(samples: Samples) -> None:
    found = [numbers(batch) for batch in take(Loader(samples, TRUTHS, Loading(PLAIN), batch=4, seed=1), 11)]
    flat = list(itertools.chain.from_iterable(found))
    epochs = [flat[first : first + COUNT] for first in range(0, 44, COUNT)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_draws_take_any_picture_at_any_time(samples: Samples) -> None:
    loading = Loading(PLAIN, sampling="draws")
    flat = [
        number for batch in take(Loader(samples, TRUTHS, loading, batch=50, seed=1), 10) for number in numbers(batch)
    ]
    counts = Counter(flat)
    assert set(counts) == set(range(COUNT))
    assert 20 < min(counts.values()) < max(counts.values()) < 80


@pytest.mark.parametrize("mixing", [0, EITHER])
def test_threads_change_nothing(samples: Samples, mixing: int) -> None:
    found = [
        take(Loader(samples, TRUTHS, Loading(RANDOM, threads=threads, mixing=mixing), batch=5, seed=3), 6)
        for threads in (1, 3)
    ]
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one.pictures, other.pictures)
        np.testing.assert_array_equal(one.truths, other.truths)
        assert one.state == other.state
    different = take(Loader(samples, TRUTHS, Loading(RANDOM, mixing=mixing), batch=5, seed=4), 6)
    assert not np.array_equal(found[0][0].pictures, different[0].pictures)


@pytest.mark.parametrize("sampling", ["epochs", "draws"])
def test_a_loader_goes_on_behind_any_batch(samples: Samples, sampling: str) -> None:
    def fresh() -> Loader:
        return Loader(samples, TRUTHS, Loading(RANDOM, sampling=sampling, mixing=EITHER), batch=4, seed=5)

    whole = take(fresh(), 8)
    later = fresh()
    later.go_to(whole[4].state)
    for one, other in zip(whole[5:], take(later, 3), strict=True):
        np.testing.assert_array_equal(one.pictures, other.pictures)
        np.testing.assert_array_equal(one.truths, other.truths)


def test_pictures_that_do_not_fit_are_decoded_again(samples: Samples) -> None:
    kept, decoded = (
        take(Loader(samples, TRUTHS, Loading(RANDOM, cache_bytes=bytes_), batch=7, seed=1), 4)
        for bytes_ in (1 << 20, 500)
    )
    for one, other in zip(kept, decoded, strict=True):
        np.testing.assert_array_equal(one.pictures, other.pictures)


def test_cached_pictures_are_not_read_again(samples: Samples) -> None:
    loader = Loader(samples, TRUTHS, Loading(PLAIN), batch=COUNT, seed=1)
    with loader as batches:
        next(batches)
        for path in samples.paths:
            Path(path).unlink()
        for _ in range(5):
            assert sorted(numbers(next(batches))) == list(range(COUNT))


def test_broken_pictures_are_left_out_once_reported_or_fatal(samples: Samples) -> None:
    Path(samples.paths[3]).write_bytes(b"no picture")
    reports: list[DarknetpyWarning] = []
    found = take(Loader(samples, TRUTHS, Loading(PLAIN), batch=COUNT, seed=1, report=reports.append), 5)
    for batch in found:
        seen = Counter(numbers(batch))
        assert seen[3] == 0
        assert seen[4] == 2
    assert len(reports) == 1
    assert "3.png" in str(reports[0])
    with pytest.raises(ImageError, match=r"3\.png"):
        take(Loader(samples, TRUTHS, replace(Loading(PLAIN), skip_broken=False), batch=COUNT, seed=1), 5)


def test_where_nothing_can_be_read_the_training_ends(samples: Samples) -> None:
    for path in samples.paths:
        Path(path).unlink()
    with pytest.raises(DataError, match="not one picture that can be read"):
        take(Loader(samples, TRUTHS, Loading(PLAIN), batch=2, seed=1), 1)
    with pytest.raises(DataError, match="no pictures"):
        Loader(Samples((), ()), TRUTHS[:0], Loading(PLAIN), batch=2, seed=1)


def test_the_state_can_be_written_as_text(samples: Samples) -> None:
    loader = Loader(samples, TRUTHS, Loading(PLAIN), batch=2, seed=1)
    state = take(loader, 3)[2].state
    assert json.loads(json.dumps(state)) == state
