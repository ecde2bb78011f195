"""Run a chunk of models through its stages: the inner loop of all training.

======  =====================================================  ==========
symbol  meaning                                                shape
======  =====================================================  ==========
M, P    models of the chunk, all their parameters              ()
T       temperature of each model                              (M,)
θ       parameters                                             (P,)
======  =====================================================  ==========

A stage is a stretch at fixed temperatures, perhaps reached by a ramp, at whose end every model is measured; the next
one carries the parameters on. Models may stop early, each on its own. Linear models with exact expectations, with
minibatches, and networks all take this road (:class:`verify.kernel.Kernel`).
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from theory.errors import InputError

from .adam import SCHEDULES, Adam
from .checkpoint import CheckpointFolder
from .kernel import Array, Kernel
from .one_thread import one_blas_thread
from .plan import Chunk, SweepPlan

__all__ = ["Job", "Problem", "Progress", "Record", "Reporter", "run_chunk"]

Progress = Callable[[int, int], None]
Record = dict[str, Array]

_REPORT_EVERY = 100  # steps between progress reports, flushes, looks at the stop flag and at the clock
_STAGE_SECONDS = 1.0  # least time between two states at the ends of stages
# First entry of the names of random streams.
_ROWS, _MODEL, _MEASUREMENT = 0, 1, 2


class Problem(Protocol):
    """What is trained: makes the kernel of a chunk and measures it. Must be picklable to leave this process."""

    @property
    def temperature_unit(self) -> float:
        """The plan's temperatures are divided by this before a kernel sees them."""

    def kernel(self, temperatures: Array, rows: np.random.Generator) -> Kernel:
        """Make the models of a chunk; ``rows`` draws what they share."""

    def record(
        self,
        kernel: Kernel,
        evaluated: Record,
        finite: npt.NDArray[np.bool_],
        noise: Sequence[np.random.Generator],
    ) -> Record:
        """Measure the models at the end of a stage, arrays (M, …).

        ``evaluated`` is what the kernel said of itself, ``finite`` (M,) tells the models that did not diverge, and
        ``noise`` has one generator per model, named after its seed and temperature.
        """

    def identity(self) -> dict[str, Any]:
        """Return what the result depends on beside the plan, as JSON: digests of the data, the architecture."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One chunk to train: all that a worker needs. See :func:`run_chunk`."""

    problem: Problem
    plan: SweepPlan
    chunk: Chunk
    folder: CheckpointFolder | None
    throw: bool


class Reporter:
    """Sums the steps of all chunks, one caller at a time, and carries the stop flag.

    Parameters
    ----------
    progress : callable or None
        Called as ``progress(done, total)``.
    total : int
        Steps of all chunks.
    """

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.stop = threading.Event()
        self._progress = progress
        self._total = total
        self._done = 0
        self._lock = threading.Lock()

    def add(self, steps: int) -> None:
        """Report that so many more steps are done."""
        if steps == 0:
            return
        with self._lock:
            self._done += steps
            if self._progress is not None:
                self._progress(self._done, self._total)


def run_chunk(job: Job, report: Reporter | None = None) -> list[Record]:
    """Train a chunk, from its checkpoint if there is one, and return the record of each stage.

    A function of the module and of plain data, so that processes started in any way can run it.
    """
    # What overflows is found by looking at the numbers; warnings would come by the thousand.
    with one_blas_thread(), np.errstate(all="ignore"):
        return _ChunkRun(job, report or Reporter(None, job.chunk.steps)).run()


class _Interrupted(Exception):
    """The run was told to stop."""


class _ChunkRun:
    """A chunk in training. What `_save_if_older_than` writes is all that the next step depends on."""

    def __init__(self, job: Job, report: Reporter) -> None:
        self._job, self._report = job, report
        self._chunk, self._plan, self._folder = job.chunk, job.plan, job.folder
        seed, seeds, first = job.plan.seed, self._chunk.seeds, self._chunk.visited[0]
        self._rows = _stream(seed, _ROWS, self._chunk.row_stream)
        self._own = [_stream(seed, _MODEL, s, t) for s, t in zip(seeds, first, strict=True)]
        self._kernel = job.problem.kernel(self._temperatures(0, 0), self._rows)
        self._kernel.initialize(self._own)
        m = len(seeds)
        # One or two bytes an entry, as it is kept; made before the moments of Adam take their memory.
        self._owners = self._kernel.owners().astype(np.min_scalar_type(m))
        self._adam = Adam(self._kernel.theta, betas=job.plan.betas)
        self._diverged = np.zeros(m, dtype=bool)
        self._stage, self._step = 0, 0
        self._records: list[Record] = []
        self._saved_records = 0
        self._begin_stage()
        self._saved_at = time.monotonic()
        if self._folder is not None and self._folder.state_path(self._chunk.number).exists():
            self._load(self._folder)

    def run(self) -> list[Record]:
        """Train what is left of the stages."""
        while self._stage < len(self._chunk.stages):
            self._run_stage()
            self._records.append(self._measure())
            self._stage, self._step = self._stage + 1, 0
            last = self._stage == len(self._chunk.stages)
            if not last:
                self._begin_stage()
            self._save_if_older_than(0.0 if last else _STAGE_SECONDS)
        return self._records

    def _run_stage(self) -> None:
        plan, stage, kernel, adam = self._plan, self._chunk.stages[self._stage], self._kernel, self._adam
        schedule = SCHEDULES[plan.schedule]
        kernel.set_temperatures(self._temperatures(self._stage, self._step))
        while self._step < stage.steps and self._live.any():
            reached = self._next_boundary(stage.steps)
            for step in range(self._step, reached):
                if step <= stage.ramp_steps:
                    kernel.set_temperatures(self._temperatures(self._stage, step))
                kernel.differentiate()
                adam.step(kernel.gradient, schedule(step, stage.steps, plan.learning_rate), self._mask)
            self._report.add(reached - self._step)
            self._step = reached
            self._find_diverged(np.isfinite(kernel.theta))
            if plan.patience is not None and self._step > stage.ramp_steps and self._looks_at(stage.steps):
                self._look(plan.patience)
            if self._step < stage.steps:
                adam.flush()
                self._pause()
        self._report.add(stage.steps - self._step)
        self._steps[self._live] = stage.steps
        if plan.patience is not None:
            self._take_best(~self._diverged)

    def _next_boundary(self, steps: int) -> int:
        """Where to pause next: the parameters are flushed at fixed steps, so that pauses leave no trace in them."""
        due = (self._step // _REPORT_EVERY + 1) * _REPORT_EVERY
        if self._plan.patience is not None:
            due = min(due, (self._step // self._plan.check_every + 1) * self._plan.check_every)
        return min(due, steps)

    def _looks_at(self, steps: int) -> bool:
        return self._step % self._plan.check_every == 0 or self._step == steps

    def _pause(self) -> None:
        if self._report.stop.is_set():
            self._save_if_older_than(0.0)
            raise _Interrupted
        if self._folder is not None:
            self._save_if_older_than(self._folder.seconds)

    def _begin_stage(self) -> None:
        """Let all models move again, but those that are lost."""
        m = len(self._diverged)
        self._live = ~self._diverged
        self._steps = np.zeros(m, dtype=np.intp)
        self._best = np.full(m, np.inf)  # least loss seen
        self._reference = np.full(m, np.inf)  # last loss that was an improvement by the tolerance
        self._waited = np.zeros(m, dtype=np.intp)
        self._best_theta = self._kernel.theta.copy() if self._plan.patience is not None else np.empty(0)
        self._set_mask()

    def _set_mask(self) -> None:
        self._mask = None if self._live.all() else self._live[self._owners].astype(self._kernel.theta.dtype)

    def _look(self, patience: int) -> None:
        """Compare the validation loss of every model with its best, and stop those that wait too long."""
        loss = self._kernel.validation_loss()
        self._mark_diverged(~np.isfinite(loss))
        better = self._live & (loss < self._best)
        np.copyto(self._best_theta, self._kernel.theta, where=better[self._owners])
        self._best[better] = loss[better]
        known = np.isfinite(self._reference)
        bar = np.where(known, self._reference - self._plan.tolerance * np.abs(self._reference), np.inf)
        gained = self._live & (loss < bar)
        self._reference[gained] = loss[gained]
        self._waited = np.where(gained, 0, self._waited + 1)
        done = self._live & (self._waited >= patience)
        if done.any():
            self._take_best(done)
            self._steps[done] = self._step
            self._live &= ~done
            self._set_mask()

    def _take_best(self, models: npt.NDArray[np.bool_]) -> None:
        known = models & np.isfinite(self._best)
        np.copyto(self._kernel.theta, self._best_theta, where=known[self._owners])

    def _find_diverged(self, finite: npt.NDArray[np.bool_]) -> None:
        if not finite.all():
            lost = np.zeros_like(self._diverged)
            lost[self._owners[~finite]] = True
            self._mark_diverged(lost)

    def _mark_diverged(self, lost: npt.NDArray[np.bool_]) -> None:
        new = lost & ~self._diverged
        if not new.any():
            return
        model, others = int(np.argmax(new)), int(new.sum()) - 1
        if self._job.throw:
            t, seed = self._chunk.stages[self._stage].temperatures[model], self._chunk.seeds[model]
            more = f" (and {others} more)" if others else ""
            raise InputError(
                f"training diverged at temperature {t:.6g}, seed {seed}{more}, "
                f"with learning_rate {self._plan.learning_rate}; lower it"
            )
        self._diverged |= new
        self._steps[new & self._live] = self._step
        self._live &= ~new
        self._set_mask()

    def _measure(self) -> Record:
        # A ramp as long as its stage ends one step short of T.
        self._kernel.set_temperatures(self._temperatures(self._stage, self._chunk.stages[self._stage].steps))
        evaluated = self._kernel.evaluate()
        for value in evaluated.values():
            self._mark_diverged(np.asarray(~np.isfinite(value).reshape(len(value), -1).all(1)))
        visited = self._chunk.visited[self._stage]
        noise = [_stream(self._plan.seed, _MEASUREMENT, s, t) for s, t in zip(self._chunk.seeds, visited, strict=True)]
        found = self._job.problem.record(self._kernel, evaluated, ~self._diverged, noise)
        return {**found, "steps": self._steps.copy(), "diverged": self._diverged.copy()}

    def _temperatures(self, stage: int, step: int) -> Array:
        return self._chunk.stages[stage].temperatures_at(step) / self._job.problem.temperature_unit

    def _save_if_older_than(self, seconds: float) -> None:
        """Write the state of the chunk, after the records that it counts."""
        folder = self._folder
        if folder is None or time.monotonic() - self._saved_at < min(seconds, folder.seconds):
            return
        while self._saved_records < len(self._records):
            path = folder.record_path(self._chunk.number, self._saved_records)
            folder.write(path, self._records[self._saved_records])
            self._saved_records += 1
        state: dict[str, Array] = {}
        meta: dict[str, Any] = {"stage": self._stage, "step": self._step}
        if self._stage < len(self._chunk.stages):  # a finished chunk has its records and nothing more to do
            adam = self._adam.state()
            meta["adam_steps"] = adam.pop("steps")
            meta["generators"] = [g.bit_generator.state for g in (self._rows, *self._own)]
            state = {
                "theta": self._kernel.theta,
                **{f"adam.{name}": np.asarray(value) for name, value in adam.items()},
                **{f"kernel.{name}": value for name, value in self._kernel.state().items()},
                **{f"run.{name}": getattr(self, f"_{name}") for name in _RUN_ARRAYS},
            }
        folder.write(folder.state_path(self._chunk.number), state, meta)
        self._saved_at = time.monotonic()

    def _load(self, folder: CheckpointFolder) -> None:
        path = folder.state_path(self._chunk.number)
        state, meta = folder.read(path)
        try:
            self._stage, self._step = int(meta["stage"]), int(meta["step"])
            if self._stage < len(self._chunk.stages):
                self._kernel.theta[:] = state["theta"]
                moments = {name: state[f"adam.{name}"] for name in ("first", "second")}
                self._adam.restore({**moments, "steps": int(meta["adam_steps"])})
                prefix = "kernel."
                self._kernel.restore({n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)})
                for generator, saved in zip((self._rows, *self._own), meta["generators"], strict=True):
                    generator.bit_generator.state = saved
                for name in _RUN_ARRAYS:
                    setattr(self, f"_{name}", state[f"run.{name}"])
                self._set_mask()
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"checkpoint {path} is damaged ({error}); choose an empty folder") from error
        self._records = [folder.read(folder.record_path(self._chunk.number, r))[0] for r in range(self._stage)]
        self._saved_records = self._stage
        self._report.add(sum(stage.steps for stage in self._chunk.stages[: self._stage]) + self._step)


_RUN_ARRAYS = ("diverged", "live", "steps", "best", "reference", "waited", "best_theta")


def _stream(seed: int, *name: int) -> np.random.Generator:
    """The random stream of a name, so that a model does not depend on the cut into chunks."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(int(part) for part in name)))
