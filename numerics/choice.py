"""Which β? The interval of β that keeps so many modes, meets a tolerance or leaves out the noise, and what it costs.

==========  ============================================================  =============
symbol      meaning                                                       unit
==========  ============================================================  =============
``T``       temperature                                                   data variance
``β``       weight of the divergence, as the code writes it               by convention
``ε``       distortion over total variance                                1
``KL``      rate at equilibrium                                           nat
==========  ============================================================  =============

Answers are those of the linear model at its exact equilibrium (Hirn, arXiv:2605.22691).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from theory.errors import InputError

from .beta_scale import BetaScale
from .linear_equilibrium import Interval
from .noise_floor import NoiseFloor, noise_floor

__all__ = ["Choice", "above_noise", "keep_modes", "within_tolerance"]


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer: a range of β, one β to take, and its costs.

    Attributes
    ----------
    question : {"keep", "tolerance", "noise-floor"}
        What was asked for.
    asked : float
        Number of modes; relative distortion; noise variance.
    temperatures, betas : Interval
        Where the answer holds: ``lower ≤ T < upper``, for a tolerance ``0 < T ≤ upper``.
    temperature, normalized_temperature, beta : float
        The one to take, as T, T/V and β: well inside; for a tolerance the largest, which costs least.
    active : int
        Modes active there.
    rate : float
        KL there, in nats.
    distortion, relative_distortion : float
        Squared error per row there, in data variance and over V.
    exact : bool
        False where costs and further thresholds are the quadratic approximation (``bce``, ``poisson``).
    """

    question: Literal["keep", "tolerance", "noise-floor"]
    asked: float
    temperatures: Interval
    betas: Interval
    temperature: float
    normalized_temperature: float
    beta: float
    active: int
    rate: float
    distortion: float
    relative_distortion: float
    exact: bool

    def to_json(self) -> dict[str, Any]:
        """Return a strictly JSON-able dict; an infinite end is null."""
        return {
            "T": self.temperature,
            "t": self.normalized_temperature,
            "beta": self.beta,
            "T_interval": _ends(self.temperatures),
            "beta_interval": _ends(self.betas),
            "active": self.active,
            "rate": self.rate,
            "distortion": self.distortion,
            "relative_distortion": self.relative_distortion,
            "exact": self.exact,
        }


def keep_modes(scale: BetaScale, k: int) -> Choice:
    """β that keeps exactly k modes: ``β_{k+1} ≤ β < β_k``.

    Parameters
    ----------
    scale : BetaScale
        The cascade and the loss.
    k : int
        Modes to keep.

    Raises
    ------
    InputError
        If no temperature does that, or with a learned variance none that is stable.

    Examples
    --------
    >>> from numerics.linear_equilibrium import cascade
    >>> from numerics.spectrum import Spectrum
    >>> c = cascade(Spectrum.from_covariance(np.diag([4.0, 2.0, 1.0])))
    >>> found = keep_modes(BetaScale(c, "sse"), 1)
    >>> found.betas, found.active, found.distortion > 3
    (Interval(lower=4.0, upper=8.0), 1, True)
    """
    return _choice(scale, "keep", k, scale.cascade.keeping(k))


def within_tolerance(scale: BetaScale, tolerance: float) -> Choice:
    """β up to which the sampled distortion stays within ``ε V``; the largest costs the fewest nats.

    Parameters
    ----------
    scale : BetaScale
        The cascade and the loss.
    tolerance : float
        ε, between 0 and 1.

    Raises
    ------
    InputError
        If the latents cannot reach ε, or with a learned variance no stable β does.

    Examples
    --------
    >>> from numerics.linear_equilibrium import cascade
    >>> from numerics.spectrum import Spectrum
    >>> c = cascade(Spectrum.from_covariance(np.diag([4.0, 2.0, 1.0])))
    >>> found = within_tolerance(BetaScale(c, "sse"), 3 / 7)
    >>> round(found.beta, 12), round(found.relative_distortion, 12) == round(3 / 7, 12)
    (2.0, True)
    """
    warmest = scale.cascade.temperature_for(tolerance)
    return _choice(scale, "tolerance", tolerance, Interval(0.0, warmest), warmest)


def above_noise(
    scale: BetaScale, noise_variance: float | None = None, *, samples: float | None = None
) -> tuple[Choice, NoiseFloor]:
    """β that keeps the modes above the Marchenko–Pastur edge and no others.

    Parameters
    ----------
    scale : BetaScale
        The cascade and the loss.
    noise_variance, samples : float, optional
        As in :func:`numerics.noise_floor.noise_floor`; for ``poisson`` the variance is 1 by default, that of counting
        itself in features over √G.

    Raises
    ------
    InputError
        As :func:`numerics.noise_floor.noise_floor`, or if there are fewer latents than modes above the edge.

    Examples
    --------
    >>> from numerics.linear_equilibrium import cascade
    >>> x = np.random.default_rng(0).normal(size=(2000, 40))
    >>> x[:, 0] *= 3
    >>> found, floor = above_noise(BetaScale(cascade(x, standardize=False)))
    >>> found.active, found.betas.lower == floor.edge
    (1, True)
    """
    c = scale.cascade
    if noise_variance is None and scale.loss == "poisson":
        noise_variance = 1.0
    floor = noise_floor(c.spectrum, noise_variance, samples=samples)
    k = floor.significant
    if k > c.modes:
        raise InputError(
            f"latents must be at least {k} to keep every mode above the noise floor {floor.edge:.6g}, got {c.modes}; "
            "allow more latents or keep fewer modes"
        )
    upper = float(c.thresholds[k - 1]) if k else np.inf
    return _choice(scale, "noise-floor", floor.noise_variance, Interval(floor.edge, upper)), floor


def _choice(
    scale: BetaScale,
    question: Literal["keep", "tolerance", "noise-floor"],
    asked: float,
    temperatures: Interval,
    temperature: float | None = None,
) -> Choice:
    c = scale.cascade
    if c.total_variance == 0:
        raise InputError("choosing beta needs data that vary, got total variance 0; give rows that differ")
    betas = scale.interval(temperatures)
    if betas.upper <= scale.degenerate_below * (1 + 1e-12):
        raise InputError(
            f"no beta does that with a learned variance and a latent for every mode: below beta = "
            f"{scale.degenerate_below:.6g} the variance runs to 0; take fewer latents or fix the variance"
        )
    t = temperatures.suggestion if temperature is None else temperature
    beta = float(scale.beta(t)[0])
    distortion = float(c.distortion(t)[0])
    return Choice(
        question,
        float(asked),
        temperatures,
        betas,
        t,
        t / c.total_variance,
        beta,
        int(c.active(t)[0]),
        float(c.rate(t)[0]),
        distortion,
        distortion / c.total_variance,
        scale.exact,
    )


def _ends(interval: Interval) -> list[float | None]:
    return [interval.lower, interval.upper if np.isfinite(interval.upper) else None]
