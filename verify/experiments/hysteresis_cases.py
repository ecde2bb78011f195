"""What the experiment ``hysteresis`` trains on: the data, the encoders, and the exact equilibria beside them.

=======  ================================================================  ==============
symbol   meaning                                                           shape, unit
=======  ================================================================  ==============
λ        variance of the mode, 1 in all cases
c        curvature of the parabola ``(u, c(u² − 1))``, u ~ N(0, 1)          1
m, M²    signal fraction                                                   1
T        temperature                                                       units x²
T_s      upper spinodal: the active branch ends here on heating            units x²
T*       coexistence: above it full collapse is the ground state           units x²
=======  ================================================================  ==============

A case is swept up from a temperature where a latent is active, and down from one where it is not. The temperatures lie
close where something is to happen, as the exact side says; what is measured does not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from numerics import _formulas
from numerics.functional_sweep import PhaseSweep, sweep_functional
from numerics.pointset import three_points

from ..architecture import Architecture

__all__ = ["Case", "Parabola", "parabola_rows", "pure_rows", "skewed_rows", "temperatures", "tilts", "width_rows"]

Array = npt.NDArray[np.float64]

_VALUES, _COUNTS = (0.0, 1.0, 5.0), (48, 12, 4)
"""Skewed rows: whole copies, so that a batch of a multiple of 64 rows holds every one equally often and the only
noise of training is that of the posterior."""
_WIDTH_CUMULANTS = (2.0, 2.1)
"""Skewness and excess kurtosis with a ground state below T* whose signal fraction stays under 0.1: found by a scan of
exact sweeps over three-point data."""
_PURE_CUMULANTS = (0.0, 3.0)
"""Symmetric rows with a ground state that is coded by the width: J/2 is 85 % of the rate at 1.01 λ. No rows with a rate
above 0.012 nats at M² < 0.01 were found; F is then lower than at collapse by 1e-6 to 1e-4 λ only."""
_NODES = 48
"""Of the quadrature that stands for u ~ N(0, 1): exact to moment 95."""


def skewed_rows() -> Array:
    """64 rows in one dimension, mean 0 and variance 1: many at one value, few far away, (64, 1).

    Examples
    --------
    >>> x = skewed_rows()
    >>> x.shape, round(float(np.mean(x**3)), 2)
    ((64, 1), 3.06)
    """
    x = np.repeat(_VALUES, _COUNTS)
    return np.asarray(((x - x.mean()) / x.std())[:, None])


def width_rows() -> tuple[Array, Array]:
    """Three points (3, 1) and their weights (3,) with a weakly coded, partly width-coded ground state below T*."""
    x, weights = three_points(*_WIDTH_CUMULANTS)
    return x[:, None], weights


def pure_rows() -> tuple[Array, Array]:
    """Three points (3, 1) and their weights (3,) with a ground state that is coded by the width just above λ_max."""
    x, weights = three_points(*_PURE_CUMULANTS)
    return x[:, None], weights


def parabola_rows(curvature: float) -> tuple[Array, Array]:
    """Rows (N, 2) on the parabola and their weights (N,): a quadrature of the normal distribution of u.

    Examples
    --------
    >>> x, weights = parabola_rows(0.5)
    >>> np.abs(weights @ x).max() < 1e-9, np.allclose((x.T * weights) @ x, np.diag([1.0, 0.5]), atol=1e-9)
    (np.True_, True)
    """
    u, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    # Nodes that no one would draw in a billion rows only cost time.
    keep = weights / weights.sum() > 1e-12
    u, weights = u[keep], weights[keep] / weights[keep].sum()
    return np.stack([u, curvature * (u**2 - 1)], axis=1), weights


@dataclass(frozen=True, slots=True)
class Case:
    """Data and a network to sweep.

    Parameters
    ----------
    rows : ndarray (N, D)
        Centred.
    weights : ndarray (N,) or None
        Of the rows; equal if None.
    architecture : Architecture
        Of the networks.
    heating, cooling : tuple of float
        Temperatures of the sweeps up and down; an empty one is not run.
    where : str
        Data and encoder in words.
    cooling_rate : float or None
        Of Adam on cooling, if it differs from that on heating: close above λ_max the barrier around collapse is low,
        and the noise of large steps carries a latent over it before collapse loses stability.
    """

    rows: Array
    weights: Array | None
    architecture: Architecture
    heating: tuple[float, ...]
    cooling: tuple[float, ...]
    where: str
    cooling_rate: float | None = None


def temperatures(
    end: float, start: float = 1.0, *, low: float, fine: int, coarse: int, extra: tuple[float, ...] = ()
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Temperatures for heating past ``end`` and for cooling below ``start``, close to either.

    Parameters
    ----------
    end, start : float
        Where a heated latent is expected to die and a cooled one to wake.
    low : float
        The coldest.
    fine, coarse : int
        How many lie close to the event, and before it.
    extra : tuple of float
        Temperatures to visit both ways.

    Returns
    -------
    heating, cooling : tuple of float
        Ascending and descending.

    Examples
    --------
    >>> up, down = temperatures(1.5, low=0.5, fine=3, coarse=2)
    >>> [round(t, 3) for t in up], [round(t, 3) for t in down]
    ([0.5, 1.38, 1.455, 1.567, 1.68], [1.68, 1.1, 1.06, 0.97, 0.88, 0.5])
    """
    up = np.r_[np.linspace(low, 0.92 * end, coarse), end * np.linspace(0.97, 1.12, fine), extra]
    down = np.r_[np.linspace(1.12 * end, 1.1 * start, coarse), start * np.linspace(1.06, 0.88, fine), low, extra]
    return tuple(np.unique(up).tolist()), tuple(np.unique(down)[::-1].tolist())


@dataclass(frozen=True, slots=True)
class Parabola:
    """Closed forms of the parabola for an encoder that sees u only (`theory.curve_derivation`).

    Parameters
    ----------
    curvature : float
        c > ½: a hysteresis loop.

    Examples
    --------
    >>> round(Parabola(1.0).end, 4)
    1.5625
    """

    curvature: float

    @property
    def end(self) -> float:
        """T_s."""
        return float(_formulas.parabola_temperature(self.end_signal, self.curvature))

    @property
    def end_signal(self) -> float:
        """M² at T_s."""
        return float(_formulas.parabola_spinodal(self.curvature))

    @property
    def coexistence(self) -> float:
        """T*."""

        def gain(m: float) -> float:
            t = _formulas.parabola_temperature(m, self.curvature)
            return float(
                _formulas.parabola_free_energy(m, self.curvature, t)
                - _formulas.parabola_free_energy(0.0, self.curvature, t)
            )

        m: float = brentq(gain, self.end_signal, 1 - 1e-9)
        return float(_formulas.parabola_temperature(m, self.curvature))

    @property
    def tilt(self) -> float | None:
        """The T at which the heated branch loses stability to an encoder that sees all; None if it keeps it."""
        m = np.linspace(1 - 1e-6, self.end_signal, 4001)
        unstable = np.flatnonzero(_formulas.parabola_tilt_stiffness(m, self.curvature) < 0)
        if not len(unstable):
            return None
        i = int(unstable[0])
        root: float = brentq(lambda s: float(_formulas.parabola_tilt_stiffness(s, self.curvature)), m[i], m[i - 1])
        return float(_formulas.parabola_temperature(root, self.curvature))

    def signal(self, temperatures: Array) -> Array:
        """M² on the active branch, (n,); 0 above its end."""
        t = np.asarray(temperatures, dtype=np.float64)
        m = np.linspace(self.end_signal, 1.0, 20_001)
        branch = np.interp(t, _formulas.parabola_temperature(m, self.curvature)[::-1], m[::-1])
        return np.asarray(np.where(t <= self.end, branch, 0.0))

    def free_energy(self, temperatures: Array) -> Array:
        """F on the active branch, (n,), that of collapse above its end."""
        return np.asarray(_formulas.parabola_free_energy(self.signal(temperatures), self.curvature, temperatures))

    def exact_tilted(self, temperatures: Array) -> PhaseSweep:
        """Exact equilibria of a linear encoder that sees both coordinates, with a free decoder."""
        x, weights = parabola_rows(self.curvature)
        return sweep_functional(x, temperatures, weights=weights, model="nonlinear-decoder")


def tilts(weights: Array, second_variance: float) -> Array:
    """Share of x_2 in the variance of a linear encoder's mean, (…), from its weights (…, 2); var x_1 = 1.

    Examples
    --------
    >>> tilts(np.array([[1.0, 0.0], [1.0, 1.0]]), 0.5).round(3)
    array([0.   , 0.333])
    """
    second = np.square(weights[..., 1]) * second_variance
    return np.asarray(second / np.maximum(second + np.square(weights[..., 0]), 1e-300))
