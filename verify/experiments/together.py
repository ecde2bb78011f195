"""Several trainings at once, with one progress for all.

A warm-started sweep is one chain from temperature to temperature: one worker. Experiments run several of them, and
these side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event, Lock
from typing import TypeVar

__all__ = ["Progress", "train_together"]

Progress = Callable[[int, int], None]
Result = TypeVar("Result")


def train_together(
    jobs: Mapping[str, tuple[int, Callable[[Progress], Result]]], *, workers: int, progress: Progress | None = None
) -> dict[str, Result]:
    """Run jobs on threads.

    Parameters
    ----------
    jobs : mapping of str to (int, callable)
        By name: the number of steps, and what to call with a progress function of its own.
    workers : int
        Threads.
    progress : callable or None
        Called as ``progress(done, total)`` over all jobs, one call at a time.

    Returns
    -------
    dict
        Results by name, in the order of the jobs.

    Examples
    --------
    >>> seen = []
    >>> jobs = {"a": (2, lambda tell: tell(2, 2)), "b": (3, lambda tell: tell(3, 3))}
    >>> train_together(jobs, workers=1, progress=lambda done, total: seen.append((done, total)))
    {'a': None, 'b': None}
    >>> seen
    [(2, 5), (5, 5)]
    """
    total = sum(steps for steps, _ in jobs.values())
    done = dict.fromkeys(jobs, 0)
    lock, stop = Lock(), Event()

    def teller(name: str) -> Progress:
        def tell(count: int, _: int) -> None:
            if stop.is_set():
                raise _Stopped
            with lock:
                done[name] = count
                if progress is not None:
                    progress(sum(done.values()), total)

        return tell

    pool = ThreadPoolExecutor(workers)
    try:
        futures = {name: pool.submit(job, teller(name)) for name, (_, job) in jobs.items()}
        for future in as_completed(futures.values()):
            future.result()  # the first that fails ends the others, whatever its place
        return {name: future.result() for name, future in futures.items()}
    except BaseException:
        # An interrupt reaches this thread only; the jobs hear of it when they next tell how far they are.
        stop.set()
        raise
    finally:
        pool.shutdown(wait=not stop.is_set(), cancel_futures=True)


class _Stopped(Exception):
    """The other jobs were given up."""
