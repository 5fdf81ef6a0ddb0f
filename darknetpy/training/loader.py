"""Batches of pictures for training: decoded, cut and coloured in threads while others are computed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from darknetpy.errors import DarknetpyWarning, DataError, ImageError
from darknetpy.images.decode import read_picture
from darknetpy.training import mixing
from darknetpy.training.augment import Augmentation, View
from darknetpy.training.dataset import Samples

SAMPLINGS = ("epochs", "draws")
AHEAD = 2  # batches under way besides the one that is used
MOST_BROKEN = 100  # pictures in a row that cannot be read before that is an error
CACHE_BYTES = 2 << 30
Report = Callable[[DarknetpyWarning], None]


class Batch(NamedTuple):
    """Pictures (n, c, h, w) float32 in 0..1, truths (n, classes) float32, and the loader's state behind them."""

    pictures: np.ndarray
    truths: np.ndarray
    state: dict[str, Any]


class _Request(NamedTuple):
    """One picture of a batch: the places of those it is made of, how each is looked at, and how they are mixed."""

    places: list[int]
    views: list[View]
    mix: mixing.Mix | None


@dataclass(frozen=True)
class Loading:
    """How pictures are taken and looked at.

    Attributes:
        augmentation: views, and the size of the network's input. channels: of the input.
        mixing: one of the kinds of `mixing`, or 0.
        sampling: "epochs" takes every picture once before any comes again; "draws" draws them, as Darknet.
        threads: that decode and look. cache_bytes: of decoded pictures that are kept.
        skip_broken: leave a picture that cannot be read out, with a warning, and take the next; else it is an error.
    """

    augmentation: Augmentation
    channels: int = 3
    mixing: int = 0
    sampling: str = "epochs"
    threads: int = 2
    cache_bytes: int = CACHE_BYTES
    skip_broken: bool = True


class Loader:
    """An endless row of batches, the same for the same seed, whatever the threads.

    Args:
        samples: the pictures.
        truths: (n, classes) float32, of each picture.
        loading: how they are taken.
        batch: pictures in a batch.
        seed: of everything random.
        report: is told of pictures that are left out, once each.

    >>> with Loader(samples, truths, loading, batch=64, seed=1) as batches:  # doctest: +SKIP
    ...     pictures, truths, state = next(batches)
    """

    def __init__(
        self, samples: Samples, truths: np.ndarray, loading: Loading, *, batch: int, seed: int,
        report: Report = lambda warning: None,
    ) -> None:  # fmt: skip
        if not len(samples):
            raise DataError("no pictures", "at least one", "Check the list or the folder")
        self._samples, self._truths, self._loading, self.batch, self._seed = samples, truths, loading, batch, seed
        self._report = report
        self._random = np.random.default_rng(seed)
        self._epoch, self._position = 0, 0
        self._order = self._order_of(0)
        self._pictures = _Pictures(samples.paths, loading, report)
        self._started: deque[Future[Batch]] = deque()
        self._pool = ThreadPoolExecutor(loading.threads, thread_name_prefix="darknetpy-load")
        self._assembly = ThreadPoolExecutor(AHEAD, thread_name_prefix="darknetpy-batch")

    def __enter__(self) -> Generator[Batch, None, None]:
        return self.batches()

    def __exit__(self, *problem: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop: what is under way is finished, nothing else is begun."""
        self._assembly.shutdown(cancel_futures=True)
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

    def batches(self) -> Generator[Batch, None, None]:
        """One batch after the other, a few under way. Raises ImageError or DataError for pictures, see `Loading`."""
        while True:
            while len(self._started) <= AHEAD:
                requests = [self._request() for _ in range(self.batch)]
                self._started.append(self._assembly.submit(self._assemble, requests, self.state))
            yield self._started.popleft().result()

    # ---- drawing ----

    def _order_of(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self._seed, epoch]).permutation(len(self._samples))

    def _next_place(self) -> int:
        if self._loading.sampling == "draws":
            return int(self._random.integers(len(self._samples)))
        if self._position == len(self._order):
            self._epoch, self._position = self._epoch + 1, 0
            self._order = self._order_of(self._epoch)
        self._position += 1
        return int(self._order[self._position - 1])

    def _request(self) -> _Request:
        how = mixing.draw(self._loading.mixing, self._random)
        partners = mixing.PARTNERS[how.kind] if how else 0
        places = [self._next_place(), *(int(self._random.integers(len(self._samples))) for _ in range(partners))]
        return _Request(places, [self._loading.augmentation.draw(self._random) for _ in places], how)

    # ---- computing ----

    def _assemble(self, requests: list[_Request], state: dict[str, Any]) -> Batch:
        augmentation = self._loading.augmentation
        shape = (len(requests), self._loading.channels, augmentation.height, augmentation.width)
        batch = Batch(np.empty(shape, np.float32), np.empty((len(requests), self._truths.shape[1]), np.float32), state)
        parts = min(self._loading.threads, len(requests))
        bounds = [len(requests) * part // parts for part in range(parts + 1)]
        started = [
            self._pool.submit(self._fill, requests, batch, range(first, last)) for first, last in pairwise(bounds)
        ]
        for future in started:
            future.result()
        return batch

    def _fill(self, requests: list[_Request], batch: Batch, places: range) -> None:
        for place in places:
            request = requests[place]
            found = [self._pictures.at(number) for number in request.places]
            looks = [
                self._loading.augmentation.look(picture, view)
                for (_, picture), view in zip(found, request.views, strict=True)
            ]
            truths = [self._truths[number] for number, _ in found]
            mixed = (looks[0], truths[0]) if request.mix is None else mixing.mix(request.mix, looks, truths)
            batch.pictures[place], batch.truths[place] = mixed


class _Pictures:
    """Decoded pictures by number, kept while they fit."""

    def __init__(self, paths: tuple[str, ...], loading: Loading, report: Report) -> None:
        self._paths, self._loading, self._report = paths, loading, report
        self._kept: dict[int, np.ndarray] = {}
        self._bytes = 0
        self._broken: set[int] = set()
        self._lock = threading.Lock()

    def at(self, number: int) -> tuple[int, np.ndarray]:
        """The picture of that number, or the next one that can be read; its number and its pixels."""
        for further in range(min(MOST_BROKEN, len(self._paths))):
            candidate = (number + further) % len(self._paths)
            picture = self._read(candidate)
            if picture is not None:
                return candidate, picture
        several = f"{MOST_BROKEN} pictures in a row that cannot be read"
        found = several if len(self._paths) > MOST_BROKEN else "not one picture that can be read"
        raise DataError(found, "pictures", "Is the disk still there?", path=self._paths[number])

    def _read(self, number: int) -> np.ndarray | None:
        kept = self._kept.get(number)
        if kept is not None:
            return kept
        try:
            picture = read_picture(self._paths[number], channels=self._loading.channels)
        except ImageError as error:
            if not self._loading.skip_broken:
                raise
            self._leave_out(number, error)
            return None
        with self._lock:
            if number not in self._kept and self._bytes + picture.nbytes <= self._loading.cache_bytes:
                self._kept[number] = picture
                self._bytes += picture.nbytes
        return picture

    def _leave_out(self, number: int, error: ImageError) -> None:
        with self._lock:
            known = number in self._broken
            self._broken.add(number)
        if not known:
            self._report(DarknetpyWarning(str(error).rstrip("."), "", "It is left out; the next one takes its place"))
