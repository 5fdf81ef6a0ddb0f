"""Doing things while something else computes: a few ahead, in worker threads, in order.

Pillow and the kernels release the interpreter lock, so threads are enough.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from darknetpy.errors import ImageError

Decoded = TypeVar("Decoded")
Item = TypeVar("Item")
Result = TypeVar("Result")


def decode_ahead(
    paths: Iterable[str], decode: Callable[[str], Decoded], *, workers: int, ahead: int
) -> Generator[tuple[str, Decoded | ImageError], None, None]:
    """Apply ``decode`` to each path in worker threads and yield (path, result) in the order of the paths.

    As `apply_ahead`, but an ImageError that ``decode`` raises is the result for that path, and the others go on.

    >>> list(decode_ahead(["a.jpg"], str.upper, workers=1, ahead=1))
    [('a.jpg', 'A.JPG')]
    """

    def result(path: str) -> tuple[str, Decoded | ImageError]:
        try:
            return path, decode(path)
        except ImageError as error:
            return path, error

    yield from apply_ahead(paths, result, workers=workers, ahead=ahead, name="darknetpy-decode")


def apply_ahead(
    items: Iterable[Item], apply: Callable[[Item], Result], *, workers: int, ahead: int, name: str
) -> Generator[Result, None, None]:
    """Apply a function to each item in worker threads and yield the results in the order of the items.

    Args:
        items: taken one by one, in the caller's thread, no faster than results are used.
        apply: what to do with an item; must be safe to call from several threads, unless there is one worker, which
            takes the items in their order. What it raises is raised here, in place of its result.
        workers: how many threads.
        ahead: how many results may be finished or under way beyond the one that is used.
        name: of the threads.

    Raises what ``items`` raises as soon as the results before it are used. Close the iterator (``contextlib.closing``)
    to stop early: what is under way is finished, nothing else is begun.

    >>> list(apply_ahead([1, 2], float, workers=1, ahead=1, name="example"))
    [1.0, 2.0]
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
    try:
        started: deque[Future[Result]] = deque()
        for future in _submitted(pool, items, apply):
            started.append(future)
            if len(started) > ahead:
                yield started.popleft().result()
        while started:
            yield started.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _submitted(
    pool: ThreadPoolExecutor, items: Iterable[Item], apply: Callable[[Item], Result]
) -> Iterator[Future[Result]]:
    """The future of each item's result; an error of ``items`` itself as the last one."""
    try:
        for item in items:
            yield pool.submit(apply, item)
    except Exception as error:
        failed: Future[Result] = Future()
        failed.set_exception(error)
        yield failed
