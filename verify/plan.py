"""What a sweep trains: temperatures, seeds, steps, in which order and for how long.

======  =============================================  ==============
symbol  meaning                                        shape, unit
======  =============================================  ==============
n, S    number of temperatures, number of seeds
K       latents
T       temperature βη²                                (n,), units x²
V       total variance of the data, tr cov             units x²
======  =============================================  ==============

A plan is turned into *chunks*, models trained in one array, and each chunk runs a list of *stages*. A fresh sweep takes
every (temperature, seed) from its own initialisation: one stage. A sweep up or down in T trains every seed once and
carries its parameters from temperature to temperature: one stage for each. Both follow from the plan alone, so the
result is the same to the last bit for any number of workers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from theory.errors import InputError

from .adam import SCHEDULES

__all__ = ["Chunk", "Mode", "Stage", "SweepPlan", "default_temperatures"]

Array = npt.NDArray[np.float64]
Mode = Literal["exact", "sampled"]
Direction = Literal["fresh", "up", "down"]

# Exact: chosen on Breast Cancer, Wine, Digits and the WorldClim stations. Without noise to average the second moment
# may follow the gradient quickly; β₁ = 0.98 damps the slow rotations between close modes.
# Sampled: schedule and seeds chosen on Breast Cancer alone, seeds from 100 on, for the least bias against noise.
# Latents of its closest modes (ratio 1.2) take some 10,000 steps at the initial rate to rotate into place. Six seeds,
# as error bars from few seeds are themselves so uncertain that z-scores have long tails.
# The error is that of the noise, not of rounding: float32 nearly halves the time.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "exact": {"seeds": 3, "steps": 10_000, "learning_rate": 0.02, "betas": (0.98, 0.99)},
    "sampled": {
        "seeds": 6,
        # Close pairs of modes turn into place slowly: 40,000 left those of Wine (7 % apart) partly mixed.
        "steps": 60_000,
        "learning_rate": 0.02,
        "betas": (0.9, 0.999),
        "schedule": "inverse",
        "dtype": "float32",
        "chunk": 24,
    },
    # Networks as people train them; batch, rate and width of a chunk suit a few thousand to 100,000 weights.
    "network": {
        "mode": "sampled",
        "seeds": 3,
        "steps": 10_000,
        "batch_size": 256,
        "learning_rate": 1e-3,
        "betas": (0.9, 0.999),
        "schedule": "cosine",
        "dtype": "float32",
        "chunk": 24,
    },
}


def default_temperatures(total_variance: float, n: int = 48, *, t_min: float = 1e-4) -> Array:
    """``n`` temperatures, logarithmically spaced from t = T/V = 1 (certainly collapsed) down to ``t_min``.

    Raises
    ------
    InputError
        If n < 2, or V or t_min is not a positive finite number, or t_min ≥ 1.

    Examples
    --------
    >>> default_temperatures(30.0, 3, t_min=1e-2)
    array([30. ,  3. ,  0.3])
    """
    if n < 2:
        raise InputError(f"temperatures must be at least 2, got {n}; 48 is the default")
    if not (math.isfinite(total_variance) and total_variance > 0):
        raise InputError(f"total variance must be positive and finite, got {total_variance}; remove constant data")
    if not 0 < t_min < 1:
        raise InputError(f"t_min must lie between 0 and 1, got {t_min}; 1e-4 is the default")
    return np.geomspace(total_variance, total_variance * t_min, n)


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What to train. :meth:`default` fills in what suits a mode.

    Parameters
    ----------
    temperatures : sequence of float
        T > 0, units of the data's variance.
    seeds : int
        Independent runs per temperature.
    latents : int
        K ≥ 1; more than D is allowed, the superfluous latents stay collapsed.
    steps : int
        Adam steps per model.
    mode : {"exact", "sampled"}
        Expected loss from the covariance, or minibatches with reparametrisation noise.
    batch_size : int
        Rows of a minibatch; unused in exact mode.
    learning_rate : float
        Of Adam, constant and then falling, in units of mean variance one.
    betas : (float, float)
        Adam's β₁ and β₂.
    schedule : {"cosine", "inverse", "constant"}
        How the learning rate falls over each stage (:mod:`verify.adam`).
    dtype : str
        ``"float64"`` or ``"float32"``.
    chunk : int
        Most models trained in one array; about 96 stay in cache.
    seed : int
        Root of all randomness.
    direction : {"fresh", "up", "down"}
        Every temperature from a fresh initialisation, or warm-started from the temperature below ("up") or above
        ("down"). Parameters and the moments of Adam are carried on: begun anew, its first steps would all be of full
        length, a kick that can throw a model off the branch it follows. The schedule starts again at each temperature.
    first_steps : int or None
        Steps at the first temperature of a warm-started sweep; ``steps`` if None.
    annealing_steps, annealing_start : int, float
        KL annealing: T is multiplied by a factor that goes linearly from ``annealing_start`` to 1 over so many steps,
        at the first temperature of a warm-started sweep or at each of a fresh one. 0 comes from an autoencoder, above
        1 from the collapsed side.
    patience : int or None
        Early stopping: a model stops at its best parameters when the loss on the validation rows (the training rows
        without them) has not fallen by a share ``tolerance`` in so many looks, one every ``check_every`` steps after
        the annealing. Its neighbours train on. None trains all steps.
    tolerance, check_every : float, int
        See ``patience``.

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> SweepPlan.default("exact", [0.5, 0.1], seeds=2).models
    4
    >>> SweepPlan(temperatures=(0.5, -0.1))
    Traceback (most recent call last):
    theory.errors.InputError: temperatures must be positive and finite, got -0.1; the data's variance is the scale
    """

    temperatures: tuple[float, ...]
    seeds: int = 3
    latents: int = 8
    steps: int = 10_000
    mode: Mode = "exact"
    batch_size: int = 64
    learning_rate: float = 0.02
    betas: tuple[float, float] = (0.98, 0.99)
    schedule: str = "cosine"
    dtype: str = "float64"
    chunk: int = 96
    seed: int = 0
    direction: Direction = "fresh"
    first_steps: int | None = None
    annealing_steps: int = 0
    annealing_start: float = 0.0
    patience: int | None = None
    tolerance: float = 1e-4
    check_every: int = 250

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperatures", tuple(float(t) for t in self.temperatures))
        if not self.temperatures:
            raise InputError("temperatures must not be empty; give at least one T > 0")
        for t in self.temperatures:
            if not (math.isfinite(t) and t > 0):
                raise InputError(f"temperatures must be positive and finite, got {t}; the data's variance is the scale")
        for name in ("seeds", "latents", "steps", "batch_size", "chunk", "check_every", "first_steps", "patience"):
            value = getattr(self, name)
            if not (value is None and name in ("first_steps", "patience")) and not _is_count(value):
                raise InputError(f"{name} must be a whole number of at least 1, got {value}")
        if self.seed < 0:
            raise InputError(f"seed must not be negative, got {self.seed}; 0 is the default")
        if self.mode not in ("exact", "sampled"):
            raise InputError(f"mode must be 'exact' or 'sampled', got {self.mode!r}")
        if self.schedule not in SCHEDULES:
            raise InputError(f"schedule must be 'cosine', 'inverse' or 'constant', got {self.schedule!r}")
        if self.dtype not in ("float64", "float32"):
            raise InputError(f"dtype must be 'float64' or 'float32', got {self.dtype!r}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"learning_rate must be positive and finite, got {self.learning_rate}; try 0.02")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"betas must lie in [0, 1), got {self.betas}; (0.9, 0.999) is usual")
        if self.direction not in ("fresh", "up", "down"):
            raise InputError(f"direction must be 'fresh', 'up' or 'down', got {self.direction!r}")
        if self.first_steps is not None and self.direction == "fresh":
            raise InputError("first_steps is for warm-started sweeps; set direction 'up' or 'down', or steps")
        first = self.steps if self.first_steps is None else self.first_steps
        if not (self.annealing_steps == 0 or _is_count(self.annealing_steps)) or self.annealing_steps > first:
            raise InputError(f"annealing_steps must be a whole number from 0 to {first}, got {self.annealing_steps}")
        if not (math.isfinite(self.annealing_start) and self.annealing_start >= 0):
            raise InputError(f"annealing_start must be finite and not negative, got {self.annealing_start}; 0 is usual")
        if not 0 <= self.tolerance < 1:
            raise InputError(f"tolerance must lie in [0, 1), got {self.tolerance}; 1e-4 is the default")

    @classmethod
    def default(
        cls, kind: Literal["exact", "sampled", "network"], temperatures: Sequence[float] | Array, **changes: Any
    ) -> SweepPlan:
        """Plan with the defaults of linear models in mode "exact" or "sampled", or of a "network".

        ``changes`` that are None are ignored.
        """
        if kind not in _DEFAULTS:
            raise InputError(f"mode must be 'exact', 'sampled' or 'network', got {kind!r}")
        given = {name: value for name, value in changes.items() if value is not None}
        return cls(temperatures=tuple(temperatures), **{"mode": kind, **_DEFAULTS[kind], **given})

    @property
    def models(self) -> int:
        """Number of models, temperatures × seeds."""
        return len(self.temperatures) * self.seeds

    @property
    def chunk_steps(self) -> int:
        """Optimiser steps of all chunks together: what progress is counted in."""
        return sum(chunk.steps for chunk in self.chunks)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """What is trained in one array, in a fixed order; models that share minibatches are in one chunk.

        Fresh: in sampled mode a chunk has one seed, whose models share minibatches. Warm-started: a chunk has seeds,
        which share minibatches, and differ by initialisation and noise.
        """
        n = len(self.temperatures)
        if self.direction == "fresh":
            block = n if self.mode == "sampled" else self.models  # models are numbered seed-major
            pieces = np.array_split(np.arange(block), -(-block // self.chunk))
            numbers = [piece + start for start in range(0, self.models, block) for piece in pieces]
            return tuple(
                Chunk(i, int(m[0]) // n, m // n, ((m % n),), (self._stage(m % n, first=True),))
                for i, m in enumerate(numbers)
            )
        visited = np.argsort(self.temperatures, kind="stable")
        if self.direction == "down":
            visited = visited[::-1]
        seeds = np.array_split(np.arange(self.seeds), -(-self.seeds // self.chunk))
        return tuple(
            Chunk(
                number=i,
                row_stream=0,
                seeds=s,
                visited=tuple(np.full(len(s), t) for t in visited),
                stages=tuple(self._stage(np.full(len(s), t), first=not r) for r, t in enumerate(visited)),
            )
            for i, s in enumerate(seeds)
        )

    def _stage(self, indices: npt.NDArray[np.intp], *, first: bool) -> Stage:
        steps = self.first_steps if first and self.first_steps is not None else self.steps
        ramp = self.annealing_steps if first else 0
        return Stage(np.array(self.temperatures)[indices], steps, ramp, self.annealing_start)


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A stretch of training at fixed temperatures, at whose end the models are recorded.

    Parameters
    ----------
    temperatures : ndarray (M,)
        T of each model.
    steps : int
        Adam steps; the learning-rate schedule runs over them once.
    ramp_steps, ramp_start : int, float
        T is multiplied by a factor from ``ramp_start`` to 1 over the first so many steps.

    Examples
    --------
    >>> stage = Stage(np.array([2.0]), steps=10, ramp_steps=4, ramp_start=0.0)
    >>> [stage.temperatures_at(i).item() for i in (0, 1, 4, 9)]
    [0.0, 0.5, 2.0, 2.0]
    """

    temperatures: Array
    steps: int
    ramp_steps: int = 0
    ramp_start: float = 0.0

    def temperatures_at(self, step: int) -> Array:
        """T of each model at a step, (M,)."""
        if step >= self.ramp_steps:
            return self.temperatures
        return self.temperatures * (self.ramp_start + (1 - self.ramp_start) * step / self.ramp_steps)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Models trained in one array.

    Parameters
    ----------
    number : int
        Position in the plan.
    row_stream : int
        Name of the random stream of the minibatches.
    seeds : ndarray of int (M,)
        Seed of each model.
    visited : tuple of ndarray of int (M,)
        For each stage the temperature (its number in the plan) of each model.
    stages : tuple of Stage
        What to run, in this order; as long as ``visited``.
    """

    number: int
    row_stream: int
    seeds: npt.NDArray[np.intp]
    visited: tuple[npt.NDArray[np.intp], ...]
    stages: tuple[Stage, ...]

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)


def _is_count(value: float) -> bool:
    return not isinstance(value, bool) and math.isfinite(value) and value == int(value) and value >= 1
