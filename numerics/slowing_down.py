"""Critical slowing down measured: relaxation after a small kick, and thresholds read off after a finite time.

=========  ==================================================================  ===============
symbol     meaning                                                             unit
=========  ==================================================================  ===============
``λ, T``   eigenvalue and temperature of one mode                              data²
``τ``      training time of the flow, see :mod:`numerics.dynamics`             1/(rate·F)
``r``      decay rate of the slowest deviation                                 1/τ
``a``      amplitude: Q = a, W = √λ a at the start                             1
``c``      signal fraction above which a latent is called active               1
=========  ==================================================================  ===============

The slow rate vanishes linearly at the threshold, twice as fast below it as above, so a threshold that is read off after
a training time τ is rounded over a distance of order 1/(prefactor·τ). Leading-order rates are emitted from
`theory.dynamics_rates` (compare Ichikawa & Hukushima, arXiv:2310.15440).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from theory.errors import InputError

from . import _formulas
from .dynamics import Rates, equilibrium_state, gradient_flow, relaxation_spectrum
from .linear_landscape import LinearVAE

__all__ = ["ApparentThreshold", "Relaxation", "apparent_threshold", "measure_relaxation"]


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Slow rate of one mode, three ways.

    Attributes
    ----------
    measured : float
        From the decay of a small deviation along the flow.
    exact : float
        Smallest eigenvalue of P H.
    leading : float
        The derived law, linear in |T − λ|.
    residual : float
        Root mean square of ln(deviation) about the exponential fit.
    """

    measured: float
    exact: float
    leading: float
    residual: float


def measure_relaxation(
    eigenvalue: float, temperature: float, *, rates: Rates | None = None, kick: float = 1e-5
) -> Relaxation:
    """Kick one mode off its equilibrium and fit the decay.

    Parameters
    ----------
    eigenvalue, temperature : float
        λ > 0 and T > 0, not equal: at the threshold itself decay is not exponential.
    rates : Rates, optional
        Learning rates, all 1 by default.
    kick : float
        Relative size of the deviation; must be small against |T/λ − 1|.

    Returns
    -------
    Relaxation

    Raises
    ------
    InputError
        If T = λ.

    Examples
    --------
    >>> slow = measure_relaxation(1.0, 1.01)
    >>> bool(abs(slow.measured / slow.exact - 1) < 1e-3), bool(abs(slow.leading / slow.exact - 1) < 0.01)
    (True, True)
    """
    p = rates or Rates()
    model = LinearVAE([eigenvalue], 1)
    distance = abs(temperature - eigenvalue)
    if distance == 0:
        raise InputError(f"temperature must differ from the eigenvalue {eigenvalue!r}: there the decay is algebraic")
    exact = float(relaxation_spectrum(model, temperature, rates=p)[0])
    leading = float(
        (_formulas.slow_rate_collapsed if temperature > eigenvalue else _formulas.slow_rate_active)(
            eigenvalue, distance, p.decoder, p.encoder
        )
    )
    rest = equilibrium_state(model, temperature)
    # The soft direction: decoder and encoder grow together.
    start = rest + kick * np.array([np.sqrt(eigenvalue), 1.0, 0.0])
    flow = gradient_flow(model, temperature, 6 / exact, start=start, rates=p, samples=61, rtol=1e-11, atol=1e-15)
    deviation = np.log(np.linalg.norm(flow.state - rest, axis=1))
    # The first third lets the fast directions die out.
    late = slice(20, None)
    slope, offset = np.polyfit(flow.time[late], deviation[late], 1)
    misfit = deviation[late] - slope * flow.time[late] - offset
    return Relaxation(-float(slope), exact, leading, float(np.sqrt(np.mean(misfit**2))))


@dataclass(frozen=True, slots=True)
class ApparentThreshold:
    """A threshold read off after a finite training time.

    Attributes
    ----------
    value : float
        T at which the signal fraction has reached the cutoff after τ, in data².
    equilibrium : float
        Where it is after infinite time: λ(1 − c).
    rounding : float
        Distance at which slow rate × τ = 1; the shift is of this order.
    status : {"converged", "outside"}
        "outside": no temperature between λ/4 and 4λ has it; ``value`` is NaN.
    iterations : int
        Flows computed.
    """

    value: float
    equilibrium: float
    rounding: float
    status: Literal["converged", "outside"]
    iterations: int

    @property
    def shift(self) -> float:
        """value − equilibrium."""
        return self.value - self.equilibrium


def apparent_threshold(
    eigenvalue: float,
    duration: float,
    *,
    amplitude: float = 0.1,
    cutoff: float = 0.1,
    rates: Rates | None = None,
) -> ApparentThreshold:
    """The threshold that training for a time τ seems to show.

    Parameters
    ----------
    eigenvalue : float
        λ > 0.
    duration : float
        τ > 0.
    amplitude : float
        Start: Q = a, W = √λ a. A small start is late to grow and shifts the threshold down; a large one is late to
        decay and shifts it up.
    cutoff : float
        Signal fraction that counts as active, between 0 and 1.
    rates : Rates, optional
        Learning rates, all 1 by default.

    Returns
    -------
    ApparentThreshold

    Raises
    ------
    InputError
        For an unusable argument.

    Examples
    --------
    >>> short, long = (apparent_threshold(1.0, tau, amplitude=1e-3) for tau in (100.0, 400.0))
    >>> bool(short.shift < long.shift < 0)
    True
    """
    if not 0 < cutoff < 1:
        raise InputError(f"cutoff must lie between 0 and 1 (a signal fraction), got {cutoff!r}; 0.1 is customary")
    if not 0 < amplitude < np.inf:
        raise InputError(f"amplitude must be positive and finite, got {amplitude!r}; full collapse itself never moves")
    p = rates or Rates()
    model = LinearVAE([eigenvalue], 1)
    start = model.pack([amplitude * np.sqrt(eigenvalue)], [amplitude], [1.0])
    count = 0

    def excess(temperature: float) -> float:
        nonlocal count
        count += 1
        flow = gradient_flow(model, temperature, duration, start=start, rates=p, samples=2, rtol=1e-8, atol=1e-12)
        return float(flow.signal_fraction[-1, 0]) - cutoff

    low, high = eigenvalue / 4, 4 * eigenvalue
    rounding = float(_formulas.rounding_distance(eigenvalue, duration, p.decoder, p.encoder))
    equilibrium = eigenvalue * (1 - cutoff)
    if excess(low) < 0 or excess(high) > 0:
        return ApparentThreshold(np.nan, equilibrium, rounding, "outside", count)
    value = float(brentq(excess, low, high, xtol=1e-9 * eigenvalue))
    return ApparentThreshold(value, equilibrium, rounding, "converged", count)
