"""Thresholds, exponents and utilities from measured order parameters: pure functions of numbers.

======  ==============================================================  ==========
symbol  meaning                                                         shape
======  ==============================================================  ==========
T       temperatures, units of x²                                       (n,)
M²      signal fraction of one mode                                     (n, S)
KL      rate of one mode, nats                                          (n, S)
T_k     collapse threshold, units of x²
p       exponent of M² = (1 − T/T_k)^p; mean-field law p = 1
======  ==============================================================  ==========

Laws: M² = [1 − T/T_k]_+ and KL = [½ ln(T_k/T)]_+ (Hirn arXiv:2605.22691). Points with |ln(T/T_k)| < 0.1 are left out:
there the relaxation time diverges (critical slowing down) and a finite number of steps rounds the threshold. Since
T_k is what is fitted, the choice of points is iterated.

Standard errors come from the scatter of per-seed fits, because the temperatures of one seed may share minibatches
and are then not independent; the fit's own error takes over where it is larger (few seeds, wrong law).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from theory.errors import InputError

from .latents import Latents
from .posterior import ACTIVE

__all__ = [
    "CollapseFit",
    "RateFit",
    "collapse_spectrum",
    "fit_collapse",
    "fit_rate",
    "pooled_stderr",
    "rate_spectrum",
    "utility_spectrum",
]

Array = npt.NDArray[np.float64]
Status = Literal["ok", "never active", "always active", "too few points"]

_MARGIN = 0.1  # |ln(T/T_k)| nearer than this is not fitted
_LOWEST = 1e-2  # the published window of the rate fit, in units of T_k
_CYCLES = 20  # the iterated choice of points settles after two or three


@dataclass(frozen=True, slots=True)
class CollapseFit:
    """Fit of one mode's signal fraction; numbers are None unless ``status`` is ``"ok"``.

    Parameters
    ----------
    status : str
        ``"ok"``, ``"never active"``, ``"always active"`` (no collapse in the range), ``"too few points"``.
    threshold, stderr : float or None
        T_k at exponent 1 and its standard error.
    exponent, exponent_stderr : float or None
        p of the free fit, whose threshold is free too.
    points : int
        Temperatures used.
    residual : float or None
        Root mean square of M² − (1 − T/T_k).
    """

    status: Status
    threshold: float | None = None
    stderr: float | None = None
    exponent: float | None = None
    exponent_stderr: float | None = None
    points: int = 0
    residual: float | None = None

    def __post_init__(self) -> None:
        _check_fit(self.status, self.threshold)


@dataclass(frozen=True, slots=True)
class RateFit:
    """Fixed-slope fit KL = ½ ln(T_k/T) of one mode; fields as in :class:`CollapseFit`, residual in nats."""

    status: Status
    threshold: float | None = None
    stderr: float | None = None
    points: int = 0
    residual: float | None = None

    def __post_init__(self) -> None:
        _check_fit(self.status, self.threshold)


def _check_fit(status: Status, threshold: float | None) -> None:
    if (status == "ok") != (threshold is not None):
        raise ValueError(f"a fit has a threshold exactly when its status is 'ok', got {status!r} and {threshold}")


def fit_collapse(temperatures: Array, signal_fraction: Array) -> CollapseFit:
    """Fit the threshold of one mode with exponent 1, and separately the exponent.

    Parameters
    ----------
    temperatures : ndarray (n,)
        T > 0, any order.
    signal_fraction : ndarray (n, S)
        M² of the mode.

    Returns
    -------
    CollapseFit

    Raises
    ------
    InputError
        If the shapes do not fit or a number is not finite.

    Examples
    --------
    >>> T = np.geomspace(10, 0.1, 30)
    >>> fit = fit_collapse(T, np.maximum(1 - T / 2, 0)[:, None])
    >>> round(fit.threshold, 12), round(fit.exponent, 6)
    (2.0, 1.0)
    """
    t, m2 = _checked(temperatures, signal_fraction)
    status = _status(m2)
    if status != "ok":
        return CollapseFit(status)

    def thresholds(mask: npt.NDArray[np.bool_]) -> Array:
        # Least squares of 1 − M² on T, slope 1/T_k: (S,).
        slope = (t[mask, None] * (1 - m2[mask])).sum(0) / np.square(t[mask]).sum()
        seeds: Array = 1 / np.maximum(slope, 1e-300)
        return seeds

    on = m2.mean(1) > ACTIVE
    guess = float(np.median(t[on] / np.maximum(1 - m2.mean(1)[on], 1e-12)))
    mask = _settle(t, guess, lambda chosen: 1 / float(np.mean(1 / thresholds(chosen))), lowest=0.0)
    if mask.sum() < 3:
        return CollapseFit("too few points", points=int(mask.sum()))
    per_seed = thresholds(mask)
    threshold = 1 / float(np.mean(1 / per_seed))
    errors = m2[mask] - (1 - t[mask, None] / threshold)
    residual = math.sqrt(float(np.square(errors).mean()))
    slope_stderr = residual / math.sqrt(float(np.square(t[mask]).sum()) * m2.shape[1])
    exponent, exponent_stderr = _free_exponent(t[mask], m2[mask], threshold)
    return CollapseFit(
        status="ok",
        threshold=threshold,
        stderr=max(_stderr(per_seed), threshold**2 * slope_stderr),
        exponent=exponent,
        exponent_stderr=exponent_stderr,
        points=int(mask.sum()),
        residual=residual,
    )


def fit_rate(temperatures: Array, rate: Array, signal_fraction: Array) -> RateFit:
    """Fit T_k from the rate of one mode at fixed slope, KL = ½ ln(T_k/T).

    Parameters
    ----------
    temperatures : ndarray (n,)
        T > 0.
    rate, signal_fraction : ndarray (n, S)
        KL_k in nats and M² of the mode (M² only says where the mode is active).

    Returns
    -------
    RateFit
        Over 10⁻² T_k ≤ T ≤ e^{−0.1} T_k.

    Examples
    --------
    >>> T = np.geomspace(10, 0.1, 30)
    >>> kl = 0.5 * np.log(np.maximum(2 / T, 1))[:, None]
    >>> round(fit_rate(T, kl, 1 - np.exp(-2 * kl)).threshold, 12)
    2.0
    """
    t, m2 = _checked(temperatures, signal_fraction)
    _, kl = _checked(temperatures, rate)
    status = _status(m2)
    if status != "ok":
        return RateFit(status)
    log_threshold = 2 * kl + np.log(t)[:, None]  # what each point says T_k is
    guess = math.exp(float(np.median(log_threshold[m2.mean(1) > ACTIVE])))
    mask = _settle(t, guess, lambda chosen: math.exp(float(log_threshold[chosen].mean())), lowest=_LOWEST)
    if mask.sum() < 3:
        return RateFit("too few points", points=int(mask.sum()))
    per_seed = log_threshold[mask].mean(0)
    center = float(per_seed.mean())
    spread = float(log_threshold[mask].std()) / math.sqrt(log_threshold[mask].size)
    threshold = math.exp(center)
    return RateFit(
        status="ok",
        threshold=threshold,
        stderr=threshold * max(_stderr(per_seed), spread),
        points=int(mask.sum()),
        residual=0.5 * math.sqrt(float(np.square(log_threshold[mask] - center).mean())),
    )


def _checked(temperatures: Array, values: Array) -> tuple[Array, Array]:
    t, y = np.asarray(temperatures, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if t.ndim != 1 or y.ndim != 2 or len(y) != len(t) or not y.shape[1]:
        raise InputError(f"a mode needs temperatures (n,) and values (n, S), got {t.shape} and {y.shape}")
    if not (np.isfinite(t).all() and (t > 0).all() and np.isfinite(y).all()):
        raise InputError("temperatures must be positive and measured values finite; retrain if they are not")
    return t, y


def _status(m2: Array) -> Status:
    on = m2.mean(1) > ACTIVE
    if not on.any():
        return "never active"
    return "always active" if on.all() else "ok"


def _settle(
    t: Array, guess: float, fit: Callable[[npt.NDArray[np.bool_]], float], *, lowest: float
) -> npt.NDArray[np.bool_]:
    """Choose the points below a threshold, fit the threshold to them, and repeat until the choice stands."""
    mask = np.zeros(len(t), dtype=np.bool_)
    for _ in range(_CYCLES):
        chosen = (t < guess * math.exp(-_MARGIN)) & (t >= lowest * guess)
        if not chosen.any() or np.array_equal(chosen, mask):
            return chosen
        mask, guess = chosen, fit(chosen)
    return mask


def _stderr(per_seed: Array) -> float:
    """Standard error of the mean over seeds; 0 for a single seed, which shows no scatter."""
    return float(per_seed.std(ddof=1)) / math.sqrt(len(per_seed)) if len(per_seed) > 1 else 0.0


def _free_exponent(t: Array, m2: Array, threshold: float) -> tuple[float | None, float | None]:
    """Exponent p and threshold of M² = (1 − T/T_k)^p by least squares, and the standard error of p.

    If the exponent is not 1, the threshold at exponent 1 is wrong, and inactive points may lie below it: they go.
    """
    on = m2.mean(1) > ACTIVE
    if on.sum() < 3:
        return None, None
    t, m2 = t[on], m2[on]
    nearest = float(np.log(t / threshold).max())  # T_k must stay above every point that is fitted

    def fit(y: Array) -> tuple[float, float]:
        def errors(q: Array) -> Array:
            out: Array = ((-np.expm1(np.log(t / threshold) - q[0])) ** q[1])[:, None] - y
            return out.ravel()

        lower = [nearest + 1e-6, 0.05]
        found = least_squares(errors, [0.0, 1.0], bounds=(lower, [2.0, 10.0]), xtol=1e-14, ftol=1e-14, gtol=1e-14)
        dof = max(y.size - 2, 1)
        jacobian = np.asarray(found.jac)
        covariance = np.linalg.pinv(jacobian.T @ jacobian) * (2 * found.cost / dof)
        return float(found.x[1]), math.sqrt(float(covariance[1, 1]))

    exponent, stderr = fit(m2)
    per_seed = np.array([fit(m2[:, [s]])[0] for s in range(m2.shape[1])])
    return exponent, max(stderr, _stderr(per_seed))


def collapse_spectrum(latents: Latents) -> tuple[CollapseFit, ...]:
    """:func:`fit_collapse` of every rank, strongest mode first, K fits."""
    m2 = latents.ranked(latents.signal_fraction)
    return tuple(fit_collapse(latents.temperatures, m2[..., k]) for k in range(m2.shape[-1]))


def rate_spectrum(latents: Latents) -> tuple[RateFit, ...]:
    """:func:`fit_rate` of every rank, strongest mode first, K fits."""
    m2, kl = latents.ranked(latents.signal_fraction), latents.ranked(latents.rate)
    return tuple(fit_rate(latents.temperatures, kl[..., k], m2[..., k]) for k in range(m2.shape[-1]))


def utility_spectrum(latents: Latents, fits: tuple[CollapseFit, ...]) -> tuple[list[float | None], list[float | None]]:
    """Sampled distortion saved per unit signal fraction by ranked pruning, one number per rank.

    Parameters
    ----------
    latents : Latents
        Measured order parameters.
    fits : tuple of CollapseFit
        Of the same ranks: they say, from measurement, where each mode is active (10⁻² T_k ≤ T ≤ e^{−0.1} T_k).

    Returns
    -------
    utility, stderr : list of float or None
        Mean over those temperatures and all seeds, units of x², and its standard error over seeds; None for
        a mode without a threshold or without an active temperature.
    """
    t = latents.temperatures
    active = latents.ranked(latents.signal_fraction) > latents.active_above
    utility: list[float | None] = []
    stderr: list[float | None] = []
    for k, fit in enumerate(fits):
        mask = np.zeros(len(t), dtype=np.bool_)
        if fit.threshold is not None:
            mask = (t < fit.threshold * math.exp(-_MARGIN)) & (t >= _LOWEST * fit.threshold)
            mask &= active[:, :, k].all(1)  # an inactive latent has no utility
        if not mask.any():
            utility.append(None)
            stderr.append(None)
            continue
        per_seed = latents.utility[mask, :, k].mean(0)
        utility.append(float(per_seed.mean()))
        stderr.append(_stderr(per_seed))
    return utility, stderr


def pooled_stderr(values: Array, *, where: npt.NDArray[np.bool_] | None = None, neighbours: int = 2) -> Array:
    """Standard error of the mean over seeds, with the variance pooled over neighbouring temperatures.

    The variance estimated in one cell from a few seeds is itself so scattered that z-scores made from it follow a
    t-distribution of S − 1 degrees of freedom (variance 3 for S = 4). The noise of training changes slowly with
    temperature, so the variances of ``2·neighbours + 1`` cells of a mode are averaged: as many on either side, and the
    nearest ones at the ends of the range.

    Parameters
    ----------
    values : ndarray (n, S, K)
        A measured quantity, ranked, temperatures in order; S ≥ 2.
    where : ndarray of bool (n, K) or None
        Cells that are alike; all by default. A collapsed mode hardly scatters, and would belittle the error of its
        active neighbours.
    neighbours : int
        Cells on either side.

    Returns
    -------
    ndarray (n, K)
        NaN outside ``where``.

    Raises
    ------
    InputError
        If there are fewer than 2 seeds.
    """
    n, seeds, modes = values.shape
    if seeds < 2:
        raise InputError(f"an error bar needs at least 2 seeds, got {seeds}; train more seeds")
    variance = values.var(axis=1, ddof=1)
    stderr: Array = np.full((n, modes), np.nan)
    for k in range(modes):
        cells = np.arange(n) if where is None else np.flatnonzero(where[:, k])
        for place, i in enumerate(cells):
            first = max(min(place - neighbours, len(cells) - 2 * neighbours - 1), 0)
            pool = cells[first : first + 2 * neighbours + 1]
            stderr[i, k] = math.sqrt(variance[pool, k].mean() / seeds)
    return stderr
