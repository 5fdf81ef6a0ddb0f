"""Batches of pictures for training: decoded, cut and coloured in threads while others are computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from darknetpy.errors import DataError
from darknetpy.training import mixing
from darknetpy.training.augment import Augmentation, View
from darknetpy.training.dataset import Samples
from darknetpy.training.pictures import Pictures, Report, room_for_pictures
from darknetpy.training.truths import Truths

SAMPLINGS = ("epochs", "draws")
AHEAD = 2  # batches under way besides the one that is used
MOST_PARTNERS = max(mixing.PARTNERS.values())


class Batch(NamedTuple):
    """Pictures (n, c, h, w) float32 in 0..1, truths (n, classes) float32, and the loader's state behind them."""

    pictures: np.ndarray
    truths: np.ndarray
    state: dict[str, Any]


class _Request(NamedTuple):
    """One picture of a batch: the places of those it is made of, how each is looked at, and how they are mixed."""

    places: Sequence[int]
    views: Sequence[View]
    mix: mixing.Mix | None


class _Started(NamedTuple):
    """A batch under way, and its parts."""

    batch: Batch
    parts: list[Future[None]]


@dataclass(frozen=True)
class Loading:
    """How pictures are taken and looked at.

    Attributes:
        augmentation: views, and the size of the network's input. channels: of the input.
        mixing: one of the kinds of `mixing`, or 0.
        sampling: "epochs" takes every picture once before any comes again; "draws" draws them, as Darknet.
        threads: that decode and look. cache_bytes: of decoded pictures that are kept; by default half of what is free.
        skip_broken: leave a picture that cannot be read out, with a warning, and take the next; else it is an error.
        allow_damaged: use what can be read of a damaged picture, with a warning.
        augmentation_of: that of a batch by its number, from 1, where it is not the same for all.
    """

    augmentation: Augmentation
    channels: int = 3
    mixing: int = 0
    sampling: str = "epochs"
    threads: int = 2
    cache_bytes: int | None = None
    skip_broken: bool = True
    allow_damaged: bool = False
    augmentation_of: Callable[[int], Augmentation] | None = None


class Loader:
    """An endless row of batches, the same for the same seed, whatever the threads.

    Args:
        samples: the pictures.
        truths: of each picture (classes,) float32.
        loading: how they are taken.
        batch: pictures in a batch.
        seed: of everything random.
        report: is told of pictures that are left out, once each.

    >>> with Loader(samples, truths, loading, batch=64, seed=1) as batches:  # doctest: +SKIP
    ...     pictures, truths, state = next(batches)
    """

    def __init__(
        self, samples: Samples, truths: Truths | np.ndarray, loading: Loading, *, batch: int, seed: int,
        report: Report = lambda warning: None,
    ) -> None:  # fmt: skip
        if not len(samples):
            raise DataError("no pictures", "at least one", "Check the list or the folder")
        self._samples, self._truths, self._loading, self.batch, self._seed = samples, truths, loading, batch, seed
        self._random = np.random.default_rng(seed)
        self._epoch, self._position = 0, 0
        self._order = self._order_of(0)
        room = room_for_pictures() if loading.cache_bytes is None else loading.cache_bytes
        self._pictures = Pictures(
            samples.paths, loading.channels, room, skip_broken=loading.skip_broken, report=report,
            allow_damaged=loading.allow_damaged,
        )  # fmt: skip
        self._started: deque[_Started] = deque()
        self._pool = ThreadPoolExecutor(loading.threads, thread_name_prefix="darknetpy-load")

    def __enter__(self) -> Generator[Batch, None, None]:
        return self.batches()

    def __exit__(self, *problem: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop: what is under way is finished, nothing else is begun."""
        self._pool.shutdown(cancel_futures=True)

    @property
    def state(self) -> dict[str, Any]:
        """Where the drawing of requests stands: numbers and texts only, to be saved."""
        return {"epoch": self._epoch, "position": self._position, "random": self._random.bit_generator.state}

    def go_to(self, state: dict[str, Any]) -> None:
        """Go on behind the batch that had this state. Before the first batch is taken."""
        self._epoch, self._position = state["epoch"], state["position"]
        self._order = self._order_of(self._epoch)
        self._random.bit_generator.state = state["random"]

    def batches(self, done: int = 0) -> Generator[Batch, None, None]:
        """One batch after the other, a few under way; ``done`` is how many there were before the first one.

        Raises ImageError or DataError for pictures, see `Loading`.
        """
        number = done
        while True:
            while len(self._started) <= AHEAD:
                number += 1
                self._started.append(self._start(number))
            started = self._started.popleft()
            for part in started.parts:
                part.result()
            yield started.batch

    # ---- drawing ----

    def _order_of(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self._seed, epoch]).permutation(len(self._samples))

    def _places(self) -> list[int]:
        """The pictures of the next batch, those that are mixed into them not counted."""
        if self._loading.sampling == "draws":
            return self._random.integers(len(self._samples), size=self.batch).tolist()
        found: list[int] = []
        while len(found) < self.batch:
            if self._position == len(self._order):
                self._epoch, self._position = self._epoch + 1, 0
                self._order = self._order_of(self._epoch)
            part = self._order[self._position : self._position + self.batch - len(found)]
            self._position += len(part)
            found += part.tolist()
        return found

    def _requests(self, augmentation: Augmentation) -> list[_Request]:
        """What the next batch is to have. A kind of mixing takes always as many random numbers."""
        places, draw = self._places(), augmentation.draw
        views = draw(self._random, self.batch)
        if not self._loading.mixing:
            return [_Request((place,), (view,), None) for place, view in zip(places, views, strict=True)]
        ways = mixing.draw(self._loading.mixing, self._random, self.batch)
        others = self._random.integers(len(self._samples), size=(self.batch, MOST_PARTNERS)).tolist()
        further = draw(self._random, self.batch * MOST_PARTNERS)
        requests = []
        for number, way in enumerate(ways):
            count = 0 if way is None else mixing.PARTNERS[way.kind]
            first = number * MOST_PARTNERS
            chosen = (places[number], *others[number][:count])
            requests.append(_Request(chosen, (views[number], *further[first : first + count]), way))
        return requests

    # ---- computing ----

    def _start(self, number: int) -> _Started:
        """Draw the next batch and give it to the threads, a part to each."""
        loading, count = self._loading, self.batch
        augmentation = loading.augmentation if loading.augmentation_of is None else loading.augmentation_of(number)
        requests = self._requests(augmentation)
        pictures = np.empty((count, loading.channels, augmentation.height, augmentation.width), np.float32)
        batch = Batch(pictures, np.empty((count, len(self._truths[0])), np.float32), self.state)
        parts = min(loading.threads, count)
        bounds = pairwise([count * part // parts for part in range(parts + 1)])
        fill = partial(self._fill, requests, batch, augmentation)
        return _Started(batch, [self._pool.submit(fill, range(*bound)) for bound in bounds])

    def _fill(self, requests: list[_Request], batch: Batch, augmentation: Augmentation, slots: range) -> None:
        """Compute some pictures of a batch, in place; runs in the threads."""
        pictures, look = self._pictures, augmentation.look
        try:
            for slot in slots:
                request = requests[slot]
                if request.mix is None:
                    number, picture = pictures.at(request.places[0])
                    look(picture, request.views[0], batch.pictures[slot])
                    batch.truths[slot] = self._truths[number]
                else:
                    batch.pictures[slot], batch.truths[slot] = self._mixed(request, request.mix, augmentation)
        except MemoryError:
            remedy = "Let a batch have fewer pictures, or close other programs"
            raise DataError("not enough memory to load pictures", "", remedy) from None

    def _mixed(self, request: _Request, how: mixing.Mix, augmentation: Augmentation) -> tuple[np.ndarray, np.ndarray]:
        """Several pictures as one, and their truth."""
        looks, truths = [], []
        for place, view in zip(request.places, request.views, strict=True):
            number, picture = self._pictures.at(place)
            look = np.empty((self._loading.channels, augmentation.height, augmentation.width), np.float32)
            augmentation.look(picture, view, look)
            looks.append(look)
            truths.append(self._truths[number])
        return mixing.mix(how, looks, truths)
