"""Train linear VAEs over temperatures × seeds, all at once.

======  =============================================  ==============
symbol  meaning                                        shape, unit
======  =============================================  ==============
n, S    number of temperatures, number of seeds
K, D    latents, features
T       temperature βη²                                (n,), units x²
V       total variance of the data, tr cov             units x²
======  =============================================  ==============

The models are cut into chunks that stay in cache; chunks run on threads, each on one BLAS thread. The cut follows
from the plan alone, so the result is the same to the last bit for any number of workers. Training runs in units of
the mean variance V/D, which makes the learning rate mean the same for any data; the result is in the data's units.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from theory.errors import InputError

from .adam import Adam, cosine_rate, inverse_rate
from .kernel import Kernel
from .linear_vae import ExactKernel, SampledKernel

__all__ = ["Sweep", "SweepPlan", "default_temperatures", "run_sweep", "run_sweep_covariance"]

Array = npt.NDArray[np.float64]
Mode = Literal["exact", "sampled"]
Progress = Callable[[int, int], None]

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
}
_SCHEDULES = {"cosine": cosine_rate, "inverse": inverse_rate}
_REPORT_EVERY = 100  # steps between progress reports, flushes and looks at the stop flag


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
    schedule : {"cosine", "inverse"}
        How the learning rate falls (:mod:`verify.adam`).
    dtype : str
        ``"float64"`` or ``"float32"``.
    chunk : int
        Most models trained in one array; about 96 stay in cache.
    seed : int
        Root of all randomness.

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperatures", tuple(float(t) for t in self.temperatures))
        if not self.temperatures:
            raise InputError("temperatures must not be empty; give at least one T > 0")
        for t in self.temperatures:
            if not (math.isfinite(t) and t > 0):
                raise InputError(f"temperatures must be positive and finite, got {t}; the data's variance is the scale")
        for name in ("seeds", "latents", "steps", "batch_size", "chunk"):
            value = getattr(self, name)
            if value != int(value) or value < 1:
                raise InputError(f"{name} must be a whole number of at least 1, got {value}")
        if self.seed < 0:
            raise InputError(f"seed must not be negative, got {self.seed}; 0 is the default")
        if self.mode not in _DEFAULTS:
            raise InputError(f"mode must be 'exact' or 'sampled', got {self.mode!r}")
        if self.schedule not in _SCHEDULES:
            raise InputError(f"schedule must be 'cosine' or 'inverse', got {self.schedule!r}")
        if self.dtype not in ("float64", "float32"):
            raise InputError(f"dtype must be 'float64' or 'float32', got {self.dtype!r}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"learning_rate must be positive and finite, got {self.learning_rate}; try 0.02")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"betas must lie in [0, 1), got {self.betas}; (0.9, 0.999) is usual")

    @classmethod
    def default(cls, mode: Mode, temperatures: Sequence[float] | Array, **changes: Any) -> SweepPlan:
        """Plan with the defaults of ``mode``; ``changes`` that are None are ignored."""
        if mode not in _DEFAULTS:
            raise InputError(f"mode must be 'exact' or 'sampled', got {mode!r}")
        chosen = {**_DEFAULTS[mode], **{name: value for name, value in changes.items() if value is not None}}
        return cls(temperatures=tuple(temperatures), mode=mode, **chosen)

    @property
    def models(self) -> int:
        """Number of models, temperatures × seeds."""
        return len(self.temperatures) * self.seeds


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Trained parameters of every (temperature, seed), in the data's units.

    In exact mode there are no biases and no width head: those arrays are zero.

    Parameters
    ----------
    plan : SweepPlan
        What was asked for.
    total_variance : float
        V.
    temperatures : ndarray (n,)
        T.
    decoder, decoder_bias : ndarray (n, S, D, K), (n, S, D)
        W and d of ``f(z) = Wz + d``.
    encoder, encoder_bias : ndarray (n, S, K, D), (n, S, K)
        V and b of ``μ(x) = Vx + b``.
    log_variance, log_variance_slope : ndarray (n, S, K), (n, S, K, D)
        c and U of ``ln σ²(x) = Ux + c``.
    loss : ndarray (n, S)
        Expected free energy F at the end, units of x².
    gradient_norm : ndarray (n, S)
        ‖∇F‖ at the end in units of mean variance one: how far training stopped from a stationary point. In sampled
        mode it is the gradient over all rows.
    seconds : float
        Wall time.
    """

    plan: SweepPlan
    total_variance: float
    temperatures: Array
    decoder: Array
    decoder_bias: Array
    encoder: Array
    encoder_bias: Array
    log_variance: Array
    log_variance_slope: Array
    loss: Array
    gradient_norm: Array
    seconds: float


def run_sweep(
    x: Array,
    plan: SweepPlan,
    *,
    weights: Array | None = None,
    progress: Progress | None = None,
    workers: int = 2,
) -> Sweep:
    """Train the models of ``plan`` on centred data.

    Parameters
    ----------
    x : ndarray (N, D)
        Rows, centred (and standardised if that is wanted).
    plan : SweepPlan
        What to train. Exact mode uses the covariance of ``x`` only.
    weights : ndarray (N,) or None
        Non-negative weights of the rows.
    progress : callable or None
        Called as ``progress(done, total)`` in steps, from the training threads, one call at a time.
    workers : int
        Threads. The result does not depend on it.

    Returns
    -------
    Sweep

    Raises
    ------
    InputError
        If ``x`` is not a finite, centred, non-constant matrix, the weights do not fit, or training diverged.

    Examples
    --------
    Four points on a line, variance 4 along it: the latent is dead above T = 4 and carries M² = 1 − T/4 below.

    >>> x = np.array([[-2.0, 0.0], [2.0, 0.0], [-2.0, 0.0], [2.0, 0.0]])
    >>> sweep = run_sweep(x, SweepPlan.default("exact", [8.0, 1.0], latents=1, steps=2000, seeds=1))
    >>> sweep.decoder[:, 0, :, 0].round(3) ** 2             # w² = λ − T
    array([[0.      , 0.      ],
           [2.999824, 0.      ]])
    """
    x = _checked_rows(x)
    w = _checked_weights(weights, len(x))
    p = np.full(len(x), 1 / len(x)) if w is None else w / w.sum()
    covariance = (x * p[:, None]).T @ x
    deviation = np.sqrt(np.diag(covariance))
    offset = np.abs(p @ x)
    # A mean of 1e-6 standard deviations moves F by 1e-12 of the variance; larger ones are a forgotten centring.
    if np.any(offset > 1e-6 * deviation):
        column = int(np.argmax(offset - 1e-6 * deviation))
        raise InputError(f"x must be centred, column {column} has mean {(p @ x)[column]:.3g}; subtract the mean")
    if plan.mode == "exact":
        return run_sweep_covariance(covariance, plan, progress=progress, workers=workers)
    unit = _unit(covariance)

    def kernel(temperatures: Array, rows: np.random.Generator) -> Kernel:
        return SampledKernel(
            x / unit,
            temperatures / unit**2,
            plan.latents,
            batch_size=plan.batch_size,
            rows=rows,
            weights=w,
            dtype=plan.dtype,
        )

    return _train(kernel, plan, covariance, progress, workers)


def run_sweep_covariance(
    covariance: Array, plan: SweepPlan, *, progress: Progress | None = None, workers: int = 2
) -> Sweep:
    """Train the models of an exact plan on a covariance (D, D); otherwise as :func:`run_sweep`.

    Raises
    ------
    InputError
        If the plan is not exact, or the matrix is not square, finite, symmetric and of positive trace.
    """
    covariance = np.asarray(covariance, dtype=np.float64)
    if plan.mode != "exact":
        raise InputError(f"a covariance can only be trained on in mode 'exact', got {plan.mode!r}; give the rows")
    if covariance.ndim != 2 or covariance.shape[0] != covariance.shape[1]:
        raise InputError(f"covariance must be a square matrix, got shape {covariance.shape}")
    if not np.isfinite(covariance).all():
        raise InputError("covariance must be finite, got NaN or inf; rescale the data or drop those rows")
    if np.abs(covariance - covariance.T).max() > 1e-10 * np.abs(covariance).max():
        raise InputError("covariance must be symmetric; give (C + C.T) / 2 if that is what is meant")
    unit = _unit(covariance)

    def kernel(temperatures: Array, rows: np.random.Generator) -> Kernel:
        return ExactKernel(covariance / unit**2, temperatures / unit**2, plan.latents, plan.dtype)

    return _train(kernel, plan, covariance, progress, workers)


def _unit(covariance: Array) -> float:
    """√(V/D), the scale of a feature."""
    variance = float(np.trace(covariance)) / len(covariance)
    if not (math.isfinite(variance) and variance > 0):
        raise InputError(f"the data must have finite positive variance, got {variance} per column; check the scale")
    return math.sqrt(variance)


def _checked_rows(x: Array) -> Array:
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or len(x) < 2 or x.shape[1] < 1:
        raise InputError(f"x must be a matrix of at least 2 rows, got shape {x.shape}")
    if not np.isfinite(x).all():
        raise InputError("x must be finite, got NaN or inf; drop or fill those rows")
    return x


def _checked_weights(weights: Array | None, rows: int) -> Array | None:
    if weights is None:
        return None
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (rows,):
        raise InputError(f"weights must have shape ({rows},) like the rows of x, got {weights.shape}")
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.sum() <= 0:
        raise InputError("weights must be finite, not negative and not all zero")
    return weights


# Makes the kernel of a chunk from its temperatures and a generator for what its models share.
_Factory = Callable[[Array, np.random.Generator], Kernel]


def _train(factory: _Factory, plan: SweepPlan, covariance: Array, progress: Progress | None, workers: int) -> Sweep:
    if workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    start = time.perf_counter()
    n, features = len(plan.temperatures), len(covariance)
    chunks = _chunks(plan)
    report = _Reporter(progress, plan.steps * len(chunks))
    # Every worker gets one BLAS thread: small products gain nothing from more, and sums keep their order.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_train_chunk, factory, plan, chunk, report) for chunk in chunks]
        try:
            results = [future.result() for future in futures]
        except BaseException:
            report.stop.set()  # or leaving the pool would wait for the chunks that still run
            raise
    found = {name: np.concatenate([result[name] for result in results]) for name in results[0]}
    if not all(np.isfinite(value).all() for value in found.values()):
        raise InputError(f"training diverged at learning_rate {plan.learning_rate}; lower it")
    # Models are numbered seed-major; back to (temperature, seed).
    arrays = {
        name: np.ascontiguousarray(value.reshape(plan.seeds, n, *value.shape[1:]).swapaxes(0, 1))
        for name, value in found.items()
    }
    unit = _unit(covariance)
    s, k = plan.seeds, plan.latents
    return Sweep(
        plan=plan,
        total_variance=float(np.trace(covariance)),
        temperatures=np.array(plan.temperatures),
        decoder=arrays["decoder"] * unit,
        decoder_bias=arrays.get("decoder_bias", np.zeros((n, s, features))) * unit,
        encoder=arrays["encoder"] / unit,
        encoder_bias=arrays.get("encoder_bias", np.zeros((n, s, k))),
        log_variance=arrays["log_variance"],
        log_variance_slope=arrays.get("log_variance_slope", np.zeros((n, s, k, features))) / unit,
        loss=arrays["loss"] * unit**2,
        gradient_norm=arrays["gradient_norm"],
        seconds=time.perf_counter() - start,
    )


def _chunks(plan: SweepPlan) -> list[npt.NDArray[np.intp]]:
    """Model numbers (seed-major) of each chunk, of even sizes; models that share minibatches have one seed."""
    n = len(plan.temperatures)
    block = n if plan.mode == "sampled" else plan.models
    pieces = -(-block // plan.chunk)
    return [
        piece + start for start in range(0, plan.models, block) for piece in np.array_split(np.arange(block), pieces)
    ]


def _train_chunk(
    factory: _Factory, plan: SweepPlan, models: npt.NDArray[np.intp], report: _Reporter
) -> dict[str, Array]:
    n = len(plan.temperatures)
    seed = int(models[0]) // n
    # Streams are named by (kind, seed, temperature), so that a model does not depend on the cut into chunks.
    shared = np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=(0, seed)))
    own = [
        np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=(1, int(model) // n, int(model) % n)))
        for model in models
    ]
    kernel = factory(np.array(plan.temperatures)[models % n], shared)
    kernel.initialize(own)
    adam = Adam(kernel.theta, betas=plan.betas)
    schedule = _SCHEDULES[plan.schedule]
    for step in range(plan.steps):
        if step % _REPORT_EVERY == 0 and step:
            adam.flush()
            report.add(_REPORT_EVERY)
            if report.stop.is_set():
                break
        kernel.differentiate()
        adam.step(kernel.gradient, schedule(step, plan.steps, plan.learning_rate))
    report.add((plan.steps - 1) % _REPORT_EVERY + 1)
    return {**kernel.export(), **kernel.evaluate()}


class _Reporter:
    """Sums the steps of all chunks, one caller at a time, and carries the stop flag."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.stop = threading.Event()
        self._progress = progress
        self._total = total
        self._done = 0
        self._lock = threading.Lock()

    def add(self, steps: int) -> None:
        with self._lock:
            self._done += steps
            if self._progress is not None:
                self._progress(self._done, self._total)
