"""What holds for any VAE on these data: below one β full collapse is unstable, above another it is optimal.

==========  ==================================================================  =============
symbol      meaning                                                             unit
==========  ==================================================================  =============
``λ_max``   top eigenvalue of the covariance                                    data variance
``σ²_sG``   optimal sub-Gaussian variance proxy, sup_t 2 ln E e^{t·x}/‖t‖²      data variance
``T*``      above it full collapse is the global minimum                        data variance
``R``       largest distance of a row from the mean                             data
==========  ==================================================================  =============

``λ_max ≤ T* ≤ σ²_sG`` for Gaussian decoders of any depth. For ``bce`` and ``poisson``, and with a learned variance,
only the lower end is a theorem: with a learned one the loss gains without limit from a perfect reconstruction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .beta_scale import BetaScale
from .higher_moments import ModeCumulants
from .spectrum import Spectrum
from .subgaussian import subgaussian_proxy
from .tables import Table

__all__ = ["CollapseBounds", "collapse_bounds"]

_WORK = 5e8
"""N² D up to which the proxy is bounded with care; beyond it costs too much for a command that answers at once."""


@dataclass(frozen=True, slots=True)
class CollapseBounds:
    """The guarantee, for a VAE of any architecture that can represent small linear maps.

    Attributes
    ----------
    unstable_below : float
        β under which full collapse is locally unstable: a mode is learned.
    optimal_above : float or None
        β over which full collapse is the global minimum; None where there is no such theorem.
    temperatures : tuple of (float, float or None)
        The same two as temperatures.
    method : {"certified", "bounded", "radius", "none"}
        How σ²_sG was bounded: to a tolerance (up to two columns); by norms of projections and the diameter; by R²
        (many rows: N² D > 5e8, or a stream), quick and wide; not at all.
    """

    unstable_below: float
    optimal_above: float | None
    temperatures: tuple[float, float | None]
    method: Literal["certified", "bounded", "radius", "none"]

    def to_json(self) -> dict[str, Any]:
        """Return a strictly JSON-able dict."""
        return {
            "collapse_unstable_below": self.unstable_below,
            "collapse_optimal_above": self.optimal_above,
            "T": list(self.temperatures),
            "method": self.method,
        }


def collapse_bounds(scale: BetaScale, data: Table | ModeCumulants) -> CollapseBounds:
    """Bounds of the β at which any VAE collapses fully.

    Parameters
    ----------
    scale : BetaScale
        The cascade of the data and the loss.
    data : Table or ModeCumulants
        The rows behind it, or what a stream measured of them, which knows R².

    Returns
    -------
    CollapseBounds

    Notes
    -----
    Lower end: second variation at full collapse. Upper end: Kuhn–Tucker condition of the zero-rate point of the
    rate–distortion function. ``σ²_sG ≤ R²``, since a projection lies in [−R, R] (Hoeffding 1963).

    Examples
    --------
    A fair coin cannot jump: both ends agree.

    >>> from numerics.linear_equilibrium import cascade
    >>> from numerics.tables import load_table
    >>> coin = load_table([[0.0], [1.0]])
    >>> found = collapse_bounds(BetaScale(cascade(coin), "half-sse"), coin)
    >>> found.unstable_below, round(found.optimal_above, 5), found.method
    (1.0, 1.0, 'certified')
    """
    spectrum = scale.cascade.spectrum
    lowest = float(spectrum.eigenvalues[0])
    below = float(scale.beta(lowest)[0]) if lowest > 0 else 0.0
    if not scale.exact or scale.learned_variance:
        return CollapseBounds(below, None, (lowest, None), "none")
    upper, method = _proxy(spectrum, data)
    # Rounding may leave the bound an ulp below the variance of strictly sub-Gaussian data.
    upper = max(upper, lowest)
    return CollapseBounds(below, float(scale.beta(upper)[0]), (lowest, upper), method)


def _proxy(spectrum: Spectrum, data: Table | ModeCumulants) -> tuple[float, Literal["certified", "bounded", "radius"]]:
    """An upper bound of σ²_sG, and how it was found."""
    if isinstance(data, ModeCumulants):
        return data.square_radius, "radius"
    rows = spectrum.standardized(data.values)
    if len(rows) * rows.size > _WORK:
        kept = rows if data.weights is None else rows[data.weights > 0]
        return float(np.square(kept).sum(axis=1).max()), "radius"
    proxy = subgaussian_proxy(rows, data.weights, tolerance=1e-6)
    return proxy.upper, proxy.status
