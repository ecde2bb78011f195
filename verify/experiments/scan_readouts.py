"""What is read from a scan over temperatures: utilities, thresholds, and how far they agree. No eigenvalues enter.

======  ==================================================================  ==========
symbol  meaning                                                             shape, unit
======  ==================================================================  ==========
t       T/V                                                                 (n,)
M²      signal fraction, ranked                                             (n, S, K)
R_k     rate of the latent of rank k, nats                                  (n, S, K)
D̃_r     least distortion with r latents over all t, over V                  (K+1,)
ΔD̃_k    utility ``D̃_{k−1} − D̃_k``                                           (K,)
t_k     threshold                                                           (K,)
======  ==================================================================  ==========

For a linear VAE ``D̃_r = Σ_{k>r} λ_k/V`` is reached as T → 0, and ``ΔD̃_k = t_k = λ_k/V``. A nonlinear decoder uses all
of its active latents together, so that at T → 0 the first few of many latents say little; what r latents can do is seen
at the temperature where they do it best. (Hirn, arXiv:2608.10599.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from ..agreement import identity_r2
from ..fits import fit_rate
from ..network_sweep import NetworkSweep

__all__ = ["Scan", "fixed_slope_thresholds", "latents_needed", "overlay", "overlay_r2", "read_scan"]

Array = npt.NDArray[np.float64]

_LOWEST = 1e-2  # the published window of the fixed-slope fit, in units of the utility
_LEADING = 6  # modes whose ranks are compared


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Readouts of one seed of a scan, or of its best seed at each temperature.

    Parameters
    ----------
    temperatures : ndarray (n,)
        t.
    signal_fraction, rates : ndarray (n, K)
        Ranked at each t.
    distortion, distortion_mean : ndarray (n, K+1)
        Ranked truncated distortion over V, with posterior samples and with posterior means.
    thresholds : ndarray (K,)
        From the rates (:func:`verify.fits.fit_rate`); NaN for a mode without one in the range.
    """

    temperatures: Array
    signal_fraction: Array
    rates: Array
    distortion: Array
    distortion_mean: Array
    thresholds: Array

    @property
    def utilities(self) -> Array:
        """ΔD̃_k of sampled distortions, (K,)."""
        saved: Array = -np.diff(self.distortion.min(0))
        return saved

    @property
    def coldest(self) -> Array:
        """ΔD̃_k of the models of the lowest temperature alone, (K,): the T → 0 reading of linear VAEs."""
        saved: Array = -np.diff(self.distortion[np.argmin(self.temperatures)])
        return saved

    @property
    def fixed_slope(self) -> Array:
        """Thresholds of the published fit, (K,)."""
        return fixed_slope_thresholds(self.temperatures, self.rates, self.utilities)

    @property
    def modes(self) -> npt.NDArray[np.intp]:
        """Ranks with a utility and both thresholds."""
        usable = (self.utilities > 0) & np.isfinite(self.thresholds) & np.isfinite(self.fixed_slope)
        return np.flatnonzero(usable)

    def numbers(self) -> dict[str, float]:
        """``identity-r2`` (also with utilities of the coldest models), ``fixed-slope-r2``, ``overlay-r2`` and
        ``rank-agreement``; those that can be computed."""
        modes, utilities = self.modes, self.utilities
        if len(modes) < 3:
            return {}
        leading = modes[:_LEADING]
        cold = modes[self.coldest[modes] > 0]
        return {
            "identity-r2": identity_r2(utilities[modes], self.thresholds[modes]),
            "rank-agreement": float(spearmanr(utilities[leading], self.thresholds[leading]).statistic),
            "overlay-r2": overlay_r2(self.temperatures, self.rates[:, modes], utilities[modes]),
            "fixed-slope-r2": identity_r2(utilities[modes], self.fixed_slope[modes]),
            **(
                {"identity-r2/coldest": identity_r2(self.coldest[cold], self.thresholds[cold])} if len(cold) > 2 else {}
            ),
        }


def read_scan(sweep: NetworkSweep, total_variance: float, seed: int | None = None) -> Scan:
    """Readouts of one seed of a sweep, or at each temperature of the one with the least F on the training rows.

    Networks end in local minima of F; of several restarts the lowest is nearest to equilibrium.

    Parameters
    ----------
    sweep : NetworkSweep
        Over temperatures, from fresh initialisations.
    total_variance : float
        V of the rows trained on, units of x².
    seed : int or None
        Number of the seed; None for the best at each temperature.
    """
    t = sweep.temperatures / total_variance
    each = np.arange(len(t))
    best = sweep.training_loss.argmin(1) if seed is None else np.full(len(t), seed)

    def of_best(values: Array) -> Array:
        return np.asarray(values[each, best])

    m2, rates = (of_best(sweep.ranked(a)) for a in (sweep.signal_fraction, sweep.rate))
    fits = [fit_rate(t, rates[:, [k]], m2[:, [k]]).threshold for k in range(rates.shape[-1])]
    return Scan(
        temperatures=t,
        signal_fraction=m2,
        rates=rates,
        distortion=of_best(sweep.distortion) / total_variance,
        distortion_mean=of_best(sweep.distortion_mean) / total_variance,
        thresholds=np.array([np.nan if f is None else f for f in fits]),
    )


def fixed_slope_thresholds(temperatures: Array, rates: Array, utilities: Array) -> Array:
    """t_k by ``R_k = ½ ln(t_k/t)`` over ``10⁻² ΔD̃_k ≤ t ≤ ΔD̃_k``, (K,); NaN with fewer than 3 temperatures there.

    Examples
    --------
    >>> t = np.geomspace(1, 1e-3, 31)
    >>> rates = 0.5 * np.log(np.maximum(0.4 / t, 1))[:, None]
    >>> fixed_slope_thresholds(t, rates, np.array([0.4])).round(12)
    array([0.4])
    """
    found = np.full(len(utilities), np.nan)
    for k, utility in enumerate(utilities):
        inside = (temperatures <= utility) & (temperatures >= _LOWEST * utility)
        if inside.sum() >= 3:
            found[k] = math.exp(float((2 * rates[inside, k] + np.log(temperatures[inside])).mean()))
    return found


def overlay(temperatures: Array, utilities: Array) -> Array:
    """Rates ``[½ ln(ΔD̃_k/t)]₊`` in nats that follow from the utilities, (n, K)."""
    rates: Array = 0.5 * np.log(np.maximum(np.asarray(utilities) / np.asarray(temperatures)[:, None], 1.0))
    return rates


def overlay_r2(temperatures: Array, rates: Array, utilities: Array) -> float:
    """R² of measured rates (n, K) against :func:`overlay`, without fit parameters.

    Examples
    --------
    >>> t = np.geomspace(1, 1e-3, 31)
    >>> overlay_r2(t, overlay(t, np.array([0.4, 0.1])), np.array([0.4, 0.1]))
    1.0
    """
    off = rates - overlay(temperatures, utilities)
    return float(1 - np.square(off).sum() / np.square(rates - rates.mean()).sum())


def latents_needed(distortion: Array, share: float) -> int | None:
    """Effective dimension d_eff(ε): the fewest latents r with D_r ≤ ε.

    Parameters
    ----------
    distortion : ndarray (K+1,)
        D_r over D of nothing encoded.
    share : float
        ε.

    Returns
    -------
    int or None
        None if no number of latents suffices.

    Examples
    --------
    >>> latents_needed(np.array([1.0, 0.3, 0.04]), 0.05), latents_needed(np.array([1.0, 0.3]), 0.05)
    (2, None)
    """
    enough = np.flatnonzero(np.asarray(distortion) <= share)
    return int(enough[0]) if len(enough) else None
