"""What an experiment trains, and how it is run: several trainings with one progress, one folder and one executor.

A warm-started sweep is one chain from temperature to temperature: one worker. Experiments run several of them, and
these side by side.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Protocol, TypeVar, Unpack

import numpy as np
import numpy.typing as npt

from ..architecture import Architecture
from ..memory import memory_estimate
from ..network_sweep import NetworkSweep, run_network_sweep
from ..plan import SweepPlan
from ..sweep import Sweep, run_sweep
from ..training import TrainingOptions

__all__ = ["Job", "LinearTraining", "NetworkTraining", "Progress", "Running", "run_jobs"]

Array = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]
Result_co = TypeVar("Result_co", covariant=True)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Running:
    """How to run an experiment, which changes nothing in its result.

    Parameters
    ----------
    workers : int
        Threads.
    progress : callable or None
        Called as ``progress(done, total)`` in steps, one call at a time.
    executor : concurrent.futures.Executor or None
        Where chunks are trained instead of on the threads.
    checkpoint : path or None
        A folder; every training has one of its own in it.
    resume : bool
        Go on from the checkpoints there.
    announce : callable or None
        Called with the bytes that the trainings take at their peak beside the interpreter, before they begin.
    """

    workers: int = 2
    progress: Progress | None = None
    executor: Executor | None = None
    checkpoint: str | os.PathLike[str] | None = None
    resume: bool = False
    announce: Callable[[int], None] | None = None


class Job(Protocol[Result_co]):
    """What :func:`run_jobs` runs."""

    @property
    def steps(self) -> int:
        """How many steps of progress it will report."""

    def memory(self, workers: int) -> int:
        """Bytes at its peak."""

    def run(self, **options: Unpack[TrainingOptions]) -> Result_co:
        """Run, and report progress."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTraining:
    """A sweep of networks; its parameters are those of :func:`verify.network_sweep.run_network_sweep`."""

    rows: Array
    plan: SweepPlan
    architecture: Architecture
    validation: Array | None = None
    test: Array | None = None
    weights: Array | None = None
    keep_parameters: bool = False

    @property
    def steps(self) -> int:
        """Steps over all chunks."""
        return self.plan.chunk_steps

    def memory(self, workers: int) -> int:
        """Bytes at its peak."""
        return memory_estimate(
            self.plan,
            self.architecture,
            *self.rows.shape,
            workers=workers,
            test_rows=None if self.test is None else len(self.test),
            keep_parameters=self.keep_parameters,
        )

    def run(self, **options: Unpack[TrainingOptions]) -> NetworkSweep:
        """Train."""
        return run_network_sweep(
            self.rows,
            self.plan,
            self.architecture,
            validation=self.validation,
            test=self.test,
            weights=self.weights,
            keep_parameters=self.keep_parameters,
            **options,
        )


@dataclass(frozen=True, slots=True, eq=False)
class LinearTraining:
    """A sweep of linear VAEs; its parameters are those of :func:`verify.sweep.run_sweep`."""

    rows: Array
    plan: SweepPlan

    @property
    def steps(self) -> int:
        """Steps over all chunks."""
        return self.plan.chunk_steps

    def memory(self, workers: int) -> int:
        """Bytes at its peak."""
        return memory_estimate(self.plan, None, *self.rows.shape, workers=workers)

    def run(self, **options: Unpack[TrainingOptions]) -> Sweep:
        """Train."""
        return run_sweep(self.rows, self.plan, **options)


def run_jobs(
    jobs: Mapping[str, Job[Result]], running: Running | None = None, *, side_by_side: bool = True, later: int = 0
) -> dict[str, Result]:
    """Run jobs, with one progress for all.

    Parameters
    ----------
    jobs : mapping of str to Job
        By name.
    running : Running or None
        How; its defaults if None.
    side_by_side : bool
        As many jobs at a time as there are workers, each on one thread. If not, one after the other, each with all
        workers: for sweeps of several chunks.
    later : int
        Bytes that what is done with the results will take, for the announcement.

    Returns
    -------
    dict
        Results by name, in the order of the jobs.

    Raises
    ------
    Exception
        The first that a job raises; the other jobs are given up.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((100, 2))
    >>> plan = SweepPlan.default("exact", [0.5], seeds=1, latents=1, steps=10)
    >>> seen = []
    >>> jobs = {"first": LinearTraining(x - x.mean(0), plan), "second": LinearTraining(x - x.mean(0), plan)}
    >>> found = run_jobs(jobs, Running(workers=1, progress=lambda done, total: seen.append((done, total))))
    >>> list(found), seen[-1]
    (['first', 'second'], (20, 20))
    """
    running = running or Running()
    folders = {name: None if running.checkpoint is None else Path(running.checkpoint) / _folder(name) for name in jobs}
    if running.checkpoint is not None and len(set(folders.values())) < len(folders):
        raise ValueError(f"two jobs would share a checkpoint folder: {sorted(map(str, folders.values()))}")
    own = 1 if side_by_side else running.workers
    # With an executor the threads only wait for it.
    threads = len(jobs) if running.executor is not None else running.workers if side_by_side else 1
    if running.announce is not None:
        running.announce(max(later, sum(sorted(job.memory(own) for job in jobs.values())[-threads:])))
    total = sum(job.steps for job in jobs.values())
    done = dict.fromkeys(jobs, 0)
    lock, stop = Lock(), Event()

    def teller(name: str) -> Progress:
        def tell(count: int, _: int) -> None:
            if stop.is_set():
                raise _Stopped
            with lock:
                done[name] = count
                if running.progress is not None:
                    running.progress(sum(done.values()), total)

        return tell

    def begin(name: str) -> Result:
        return jobs[name].run(
            progress=teller(name),
            workers=own,
            executor=running.executor,
            checkpoint=folders[name],
            resume=running.resume,
        )

    pool = ThreadPoolExecutor(threads)
    try:
        futures = {name: pool.submit(begin, name) for name in jobs}
        for future in as_completed(futures.values()):
            future.result()  # the first that fails ends the others, whatever its place
        return {name: future.result() for name, future in futures.items()}
    except BaseException:
        # An interrupt reaches this thread only; the jobs hear of it when they next tell how far they are.
        stop.set()
        raise
    finally:
        pool.shutdown(wait=not stop.is_set(), cancel_futures=True)


def _folder(name: str) -> str:
    """A name that every file system takes.

    Examples
    --------
    >>> _folder("road/gaussian, T = 0.2/constant")
    'road-gaussian-T-0.2-constant'
    """
    return re.sub(r"[^A-Za-z0-9.]+", "-", name)


class _Stopped(Exception):
    """The other jobs were given up."""
