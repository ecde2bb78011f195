"""Train a plan: chunks of models on threads, processes or a cluster.

======  ===============================  =====
symbol  meaning                          shape
======  ===============================  =====
n, S    temperatures, seeds of the plan  ()
======  ===============================  =====

A chunk is trained by one worker on one BLAS thread (:mod:`verify.stages`). Random streams are named (kind, seed,
temperature), so neither the worker, nor what kind of worker it is, nor how often the run was interrupted changes a bit
of the result.
"""

from __future__ import annotations

import dataclasses
import os
import time
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor, as_completed
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from theory.errors import InputError

from .checkpoint import CheckpointFolder
from .kernel import Array
from .plan import SweepPlan
from .stages import Job, Problem, Progress, Record, Reporter, run_chunk

__all__ = ["Progress", "Trained", "TrainingOptions", "train"]


class TrainingOptions(TypedDict, total=False):
    """How to run, which changes nothing in the result; the keywords of :func:`train` that every sweep takes."""

    progress: Progress | None
    workers: int
    executor: Executor | None
    checkpoint: str | os.PathLike[str] | None
    resume: bool
    checkpoint_seconds: float


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Records of all models.

    Parameters
    ----------
    arrays : dict of ndarray (n, S, …)
        What the problem recorded at each temperature, for every seed.
    steps : ndarray of int (n, S)
        Steps that were taken; fewer than planned after early stopping.
    diverged : ndarray of bool (n, S)
        Models that were lost to numbers that are not finite.
    seconds : float
        Wall time of this call.
    """

    arrays: dict[str, Array]
    steps: npt.NDArray[np.intp]
    diverged: npt.NDArray[np.bool_]
    seconds: float


def train(
    problem: Problem,
    plan: SweepPlan,
    *,
    progress: Progress | None = None,
    workers: int = 2,
    executor: Executor | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    checkpoint_seconds: float = 30.0,
    throw: bool = True,
) -> Trained:
    """Train every model of a plan.

    Parameters
    ----------
    problem : Problem
        Data and models.
    plan : SweepPlan
        Temperatures, seeds, steps.
    progress : callable or None
        Called as ``progress(done, total)`` in steps, one call at a time: from the training threads every 100 steps, or,
        with an executor, when a chunk is done.
    workers : int
        Threads, if no executor is given. The result does not depend on it.
    executor : concurrent.futures.Executor or None
        Trains the chunks instead: a process pool (any start method) or ``distributed.Client(...).get_executor()``. It
        is not shut down.
    checkpoint : path-like or None
        Folder for the states of the run; with an executor on other machines it must be shared.
    resume : bool
        Whether to continue what the folder holds.
    checkpoint_seconds : float
        Least time between two states in the middle of a stage.
    throw : bool
        Whether a model that diverges ends the run. If not, its record is marked, and the others are trained on.

    Returns
    -------
    Trained

    Raises
    ------
    InputError
        If training diverged, the checkpoints do not fit, or a worker died.
    """
    if workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    start = time.perf_counter()
    folder = None
    if checkpoint is not None:
        identity = {"plan": dataclasses.asdict(plan), **problem.identity()}
        folder = CheckpointFolder.open(checkpoint, identity, resume=resume, seconds=checkpoint_seconds)
    elif resume:
        raise InputError("resume needs the checkpoint folder of the run to continue; give checkpoint as well")
    jobs = [Job(problem, plan, chunk, folder, throw) for chunk in plan.chunks]
    report = Reporter(progress, plan.chunk_steps)
    if executor is None:
        pool = ThreadPoolExecutor(workers)
        try:
            futures = [pool.submit(run_chunk, job, report) for job in jobs]
            for future in as_completed(futures):
                future.result()  # the first that fails ends the run, whatever its place
        except BaseException:
            # An interrupt can fall anywhere, also into the start of a thread that the pool then does not know and does
            # not wait for, but the interpreter does.
            report.stop.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        records = [future.result() for future in futures]
    else:
        records = _gather([executor.submit(run_chunk, job) for job in jobs], jobs, report)
    arrays = _assemble(plan, jobs, records)
    steps, diverged = arrays.pop("steps"), arrays.pop("diverged")
    return Trained(arrays, steps, diverged, time.perf_counter() - start)


def _gather(futures: list[Future[list[Record]]], jobs: list[Job], report: Reporter) -> list[list[Record]]:
    """Results of another executor's chunks, in their order."""
    jobs_of = dict(zip(futures, jobs, strict=True))
    try:
        for future in as_completed(futures):
            future.result()
            report.add(jobs_of[future].chunk.steps)
        return [future.result() for future in futures]
    except Exception as error:
        # A process that dies breaks its pool; a cluster cancels what it had when its scheduler goes, and has an error
        # of its own for a task that killed one worker after the other.
        lost = isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ == "KilledWorker"
        if not lost:
            raise
        kept = "resume from the checkpoints" if jobs[0].folder else "start again, with a checkpoint folder"
        raise InputError(
            f"the workers were lost ({type(error).__name__}: killed, out of memory, or the scheduler is gone); "
            f"{kept} or with fewer workers"
        ) from error
    finally:
        for future in futures:
            future.cancel()  # does nothing to those that are done


def _assemble(plan: SweepPlan, jobs: list[Job], records: list[list[Record]]) -> dict[str, Array]:
    """From chunks and stages to (temperature, seed)."""
    shape = (len(plan.temperatures), plan.seeds)
    arrays = {name: np.empty((*shape, *value.shape[1:]), value.dtype) for name, value in records[0][0].items()}
    for job, stages in zip(jobs, records, strict=True):
        for visited, record in zip(job.chunk.visited, stages, strict=True):
            for name, value in record.items():
                arrays[name][visited, job.chunk.seeds] = value
    return arrays
