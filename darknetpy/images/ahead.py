"""Decoding pictures while something else computes: a few ahead, in worker threads, in order.

Pillow and the kernels release the interpreter lock, so threads are enough.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from darknetpy.errors import DarknetpyError, ImageError

Decoded = TypeVar("Decoded")


def decode_ahead(
    paths: Iterable[str], decode: Callable[[str], Decoded], *, workers: int, ahead: int
) -> Generator[tuple[str, Decoded | ImageError], None, None]:
    """Apply ``decode`` to each path in worker threads and yield (path, result) in the order of the paths.

    Args:
        paths: taken one by one, in the caller's thread, no faster than results are used.
        decode: what to do with a path; must be safe to call from several threads. An ImageError that it raises is the
            result for that path, and the others go on; anything else it raises is raised here.
        workers: how many threads decode.
        ahead: how many results may be finished or under way beyond the one that is used.

    Raises what ``paths`` raises as soon as the results before it are used. Close the iterator (``contextlib.closing``)
    to stop early: what is under way is finished, nothing else is begun.

    >>> list(decode_ahead(["a.jpg"], str.upper, workers=1, ahead=1))
    [('a.jpg', 'A.JPG')]
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="darknetpy-decode")
    try:
        started: deque[Future[tuple[str, Decoded | ImageError]]] = deque()
        for future in _submitted(pool, paths, decode):
            started.append(future)
            if len(started) > ahead:
                yield started.popleft().result()
        while started:
            yield started.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _submitted(
    pool: ThreadPoolExecutor, paths: Iterable[str], decode: Callable[[str], Decoded]
) -> Iterator[Future[tuple[str, Decoded | ImageError]]]:
    """The future of each path's result; an error of ``paths`` itself as the last one."""

    def result(path: str) -> tuple[str, Decoded | ImageError]:
        try:
            return path, decode(path)
        except ImageError as error:
            return path, error

    try:
        for path in paths:
            yield pool.submit(result, path)
    except DarknetpyError as error:
        failed: Future[tuple[str, Decoded | ImageError]] = Future()
        failed.set_exception(error)
        yield failed
