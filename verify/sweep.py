"""Train linear VAEs over temperatures × seeds, all at once.

======  =============================================  ==============
symbol  meaning                                        shape, unit
======  =============================================  ==============
n, S    number of temperatures, number of seeds
K, D    latents, features
T       temperature βη²                                (n,), units x²
V       total variance of the data, tr cov             units x²
======  =============================================  ==============

Training (:mod:`verify.training`) runs in units of the mean variance V/D, which makes the learning rate mean the same
for any data; the result is in the data's units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from numerics.checked import checked_rows
from theory.errors import InputError

from .checkpoint import digest
from .kernel import Kernel
from .linear_vae import ExactKernel, SampledKernel
from .plan import Mode, SweepPlan, default_temperatures
from .posterior import probabilities
from .stages import Progress, Record
from .training import TrainingOptions, train

__all__ = ["Mode", "Progress", "Sweep", "SweepPlan", "default_temperatures", "run_sweep", "run_sweep_covariance"]

Array = npt.NDArray[np.float64]


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
    validation: Array | None = None,
    **options: Unpack[TrainingOptions],
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
    validation : ndarray (N', D) or None
        Rows, moved like ``x``, that early stopping looks at in sampled mode; the training rows if None.
    **options
        ``progress``, ``workers``, ``executor``, ``checkpoint``, ``resume`` and ``checkpoint_seconds`` of
        :func:`verify.training.train`.

    Returns
    -------
    Sweep

    Raises
    ------
    InputError
        If ``x`` is not a finite, centred, non-constant matrix, the weights do not fit, training diverged, or the
        checkpoints do not fit.

    Examples
    --------
    Four points on a line, variance 4 along it: the latent is dead above T = 4 and carries M² = 1 − T/4 below.

    >>> x = np.array([[-2.0, 0.0], [2.0, 0.0], [-2.0, 0.0], [2.0, 0.0]])
    >>> sweep = run_sweep(x, SweepPlan.default("exact", [8.0, 1.0], latents=1, steps=2000, seeds=1))
    >>> sweep.decoder[:, 0, :, 0].round(3) ** 2             # w² = λ − T
    array([[0.      , 0.      ],
           [2.999824, 0.      ]])
    """
    x = checked_rows(x, "x")
    p = probabilities(weights, len(x))
    covariance = (x * p[:, None]).T @ x
    deviation = np.sqrt(np.diag(covariance))
    offset = np.abs(p @ x)
    # A mean of 1e-6 standard deviations moves F by 1e-12 of the variance; larger ones are a forgotten centring.
    if np.any(offset > 1e-6 * deviation):
        column = int(np.argmax(offset - 1e-6 * deviation))
        raise InputError(f"x must be centred, column {column} has mean {(p @ x)[column]:.3g}; subtract the mean")
    if plan.mode == "exact":
        return run_sweep_covariance(covariance, plan, **options)
    unit = _unit(covariance)
    w = None if weights is None else np.asarray(weights, dtype=np.float64)
    held = None if validation is None else checked_rows(validation, "validation", columns=x.shape[1]) / unit
    return _train(_Linear(plan, unit, x / unit, w, held), covariance, options)


def run_sweep_covariance(
    covariance: Array,
    plan: SweepPlan,
    **options: Unpack[TrainingOptions],
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
    return _train(_Linear(plan, unit, covariance / unit**2), covariance, options)


@dataclass(frozen=True, slots=True, eq=False)
class _Linear:
    """Linear models on rows, or on a covariance (exact mode), in units of mean variance one."""

    plan: SweepPlan
    unit: float
    data: Array
    weights: Array | None = None
    validation: Array | None = None

    @property
    def temperature_unit(self) -> float:
        return self.unit**2

    def kernel(self, temperatures: Array, rows: np.random.Generator) -> Kernel:
        plan = self.plan
        if plan.mode == "exact":
            return ExactKernel(self.data, temperatures, plan.latents, plan.dtype)
        return SampledKernel(
            self.data,
            temperatures,
            plan.latents,
            batch_size=plan.batch_size,
            rows=rows,
            weights=self.weights,
            validation=self.validation,
            dtype=plan.dtype,
        )

    def record(
        self,
        kernel: Kernel,
        evaluated: Record,
        finite: npt.NDArray[np.bool_],
        noise: Sequence[np.random.Generator],
    ) -> Record:
        return {**kernel.export(), **evaluated}

    def identity(self) -> dict[str, Any]:
        return {
            "models": "linear",
            "training data": digest(self.data, self.weights),
            "validation data": digest(self.validation),
        }


def _train(problem: _Linear, covariance: Array, options: TrainingOptions) -> Sweep:
    plan, unit = problem.plan, problem.unit
    trained = train(problem, plan, **options)
    n, s, k, features = len(plan.temperatures), plan.seeds, plan.latents, len(covariance)
    arrays = trained.arrays
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
        seconds=trained.seconds,
    )


def _unit(covariance: Array) -> float:
    """√(V/D), the scale of a feature."""
    variance = float(np.trace(covariance)) / len(covariance)
    if not (math.isfinite(variance) and variance > 0):
        raise InputError(f"the data must have finite positive variance, got {variance} per column; check the scale")
    return math.sqrt(variance)
