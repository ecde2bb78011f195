"""The exact equilibrium of a linear-Gaussian β-VAE at any temperature: which modes live, at what rate and distortion.

=========  ==============================================  ==========  =================
symbol     meaning                                         shape       unit
=========  ==============================================  ==========  =================
``λ_k``    eigenvalues of the data covariance, descending  (D,)        data²
``T``      temperature ``β η²``                            (n,)        data²
``T_k``    threshold of mode k, ``λ_k``                    (D,)        data²
``t``      ``T / V``                                       (n,)        1
``a(T)``   number of active modes, ``#{k ≤ K : λ_k > T}``  (n,)        modes
=========  ==============================================  ==========  =================

Modes decouple in the PCA basis, so a total over modes is a prefix sum looked up at a(T): n temperatures cost
``O(n log D)`` and no (n, D) matrix is built unless a method that returns one is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from . import _formulas
from .framed import is_framed
from .moments import Moments
from .spectrum import Spectrum
from .streaming import accumulate
from .tables import Table

__all__ = ["Cascade", "Equilibrium", "Interval", "cascade"]

Array = NDArray[np.float64]


def cascade(
    data: ArrayLike | Table | Spectrum | Moments,
    *,
    latents: int | None = None,
    standardize: bool = True,
    weights: ArrayLike | None = None,
    axes: bool = False,
) -> Cascade:
    """The collapse cascade of a data set.

    Parameters
    ----------
    data : array_like of shape (N, D), data frame, Table, Spectrum, or Moments
        The observations, or what was accumulated of them. A Dask collection is never in memory as a whole.
    latents : int, optional
        Number K of latents; as many as modes by default. With K < D the K leading modes compete for them, with
        K > D the superfluous latents stay collapsed.
    standardize : bool
        Divide columns by their population standard deviation; ignored for a Spectrum.
    weights : array_like, shape (N,), optional
        Row weights of an array; a Table and Moments bring their own.
    axes : bool
        Whether to compute eigenvectors too.

    Returns
    -------
    Cascade

    Raises
    ------
    InputError
        For unusable data or ``latents < 1``.

    Notes
    -----
    Lucas et al., NeurIPS 2019 (thresholds of linear VAEs); Hirn, arXiv:2605.22691 (spectral pruning).

    Examples
    --------
    >>> import numpy as np
    >>> from numerics.spectrum import Spectrum
    >>> c = cascade(Spectrum.from_covariance(np.diag([4.0, 2.0, 1.0])))
    >>> c.active([5.0, 3.0, 0.5])
    array([0, 1, 3])
    >>> c.distortion([5.0, 3.0, 0.5])  # reverse water-filling: the sum of min(T, λ)
    array([7. , 6. , 1.5])
    """
    if isinstance(data, Spectrum):
        spectrum = data
    elif isinstance(data, Moments) or is_framed(data):
        moments = data if isinstance(data, Moments) else accumulate(data, weights=weights)
        spectrum = Spectrum.from_moments(moments, standardize=standardize, axes=axes)
    elif isinstance(data, Table):
        spectrum = Spectrum.from_table(data, standardize=standardize, axes=axes)
    else:
        spectrum = Spectrum.from_data(data, weights=weights, standardize=standardize, axes=axes)
    return Cascade(spectrum, latents)


@dataclass(frozen=True, slots=True)
class Equilibrium:
    """Totals of the exact equilibrium at n temperatures; every array has shape (n,).

    ``temperature`` (data²), ``normalized_temperature`` (t = T/V), ``active`` (modes), ``rate`` (KL in nats),
    ``distortion`` (sampled, data²), ``posterior_mean_distortion`` (data²), ``free_energy`` (F* = D + 2T·KL, data²).
    """

    temperature: Array
    normalized_temperature: Array
    active: NDArray[np.intp]
    rate: Array
    distortion: Array
    posterior_mean_distortion: Array
    free_energy: Array


@dataclass(frozen=True, slots=True)
class Interval:
    """Temperatures ``lower ≤ T < upper`` with one property, and one of them to use.

    ``upper`` is infinite when full collapse has the property; ``suggestion`` is the geometric middle, or a factor
    two inside the one finite, positive end.
    """

    lower: float
    upper: float

    @property
    def suggestion(self) -> float:
        """A temperature well inside."""
        if not np.isfinite(self.upper):
            return 2 * self.lower
        return self.upper / 2 if self.lower == 0 else float(np.sqrt(self.lower) * np.sqrt(self.upper))


@dataclass(frozen=True)
class Cascade:
    """Exact equilibrium of the linear-Gaussian β-VAE on one spectrum, at any temperature.

    Parameters
    ----------
    spectrum : Spectrum
    latents : int, optional
        K ≥ 1; D by default.

    Notes
    -----
    ``F*(T)`` is concave with ``dF*/dT = 2 KL``; the distortion is reverse water-filling. Per-mode formulas are
    emitted from the derivations of :mod:`theory.linear_gaussian`.
    """

    spectrum: Spectrum
    latents: int | None = None

    def __post_init__(self) -> None:
        k = self.latents
        if k is not None and (isinstance(k, bool) or k != int(k) or k < 1):
            raise InputError(f"latents must be an integer of at least 1, got {k!r}; ask for one latent or more")

    @property
    def eigenvalues(self) -> Array:
        """λ_k, descending, shape (D,)."""
        return self.spectrum.eigenvalues

    @property
    def total_variance(self) -> float:
        """V, in data units squared."""
        return self.spectrum.total_variance

    @property
    def modes(self) -> int:
        """Number of modes that can be active, ``min(K, D)``."""
        dim = len(self.eigenvalues)
        return dim if self.latents is None else min(int(self.latents), dim)

    @property
    def live(self) -> int:
        """Number of modes with a positive threshold: those active in the limit T → 0."""
        return int(np.count_nonzero(self.thresholds))

    @cached_property
    def thresholds(self) -> Array:
        """T_k of all D modes, shape (D,): λ_k for the ``min(K, D)`` that a latent can carry, 0 for the others."""
        t = self.eigenvalues.copy()
        t[self.modes :] = 0.0
        return t

    @property
    def normalized_thresholds(self) -> Array:
        """t_k = T_k / V, shape (D,)."""
        return self.thresholds / self.total_variance if self.total_variance > 0 else self.thresholds

    @cached_property
    def _prefix(self) -> tuple[Array, Array]:
        """Sums of ln λ and 1/λ over the a leading modes; index a = 0 … live."""
        leading = self.thresholds[: self.live]
        return _prefix_sum(np.log(leading)), _prefix_sum(1 / leading)

    @cached_property
    def _variance_beyond(self) -> Array:
        """Sum of λ over all but the a leading modes; index a = 0 … D."""
        # Summed from the small end, so that a tail of small eigenvalues keeps its digits.
        return _prefix_sum(self.eigenvalues[::-1])[::-1]

    def active(self, temperature: ArrayLike) -> NDArray[np.intp]:
        """Number of active modes at each T, shape (n,): those with ``λ_k > T``."""
        return self._active(_temperatures(temperature))

    def _active(self, t: Array) -> NDArray[np.intp]:
        return np.searchsorted(-self.thresholds[: self.modes], -t, side="left")

    def at(self, temperature: ArrayLike) -> Equilibrium:
        """All totals at each T.

        Parameters
        ----------
        temperature : array_like, shape (n,) or scalar
            Positive and finite, in units of data variance.

        Returns
        -------
        Equilibrium
        """
        t = _temperatures(temperature)
        a = self._active(t)
        log, inverse = self._prefix
        tail = self._variance_beyond
        # Sums over modes of the per-mode closed forms: ½ ln(λ/T), T and T²/λ if active; 0, λ and λ if not.
        rate = np.maximum(0.5 * (log[a] - a * np.log(t)), 0.0)
        distortion = a * t + tail[a]
        return Equilibrium(
            temperature=t,
            normalized_temperature=t / self.total_variance if self.total_variance > 0 else np.full_like(t, np.inf),
            active=a,
            rate=rate,
            distortion=distortion,
            posterior_mean_distortion=t * t * inverse[a] + tail[a],
            free_energy=distortion + 2 * t * rate,
        )

    def rate(self, temperature: ArrayLike) -> Array:
        """Total KL in nats at each T, shape (n,)."""
        return self.at(temperature).rate

    def distortion(self, temperature: ArrayLike) -> Array:
        """Sampled distortion ``Σ min(T, λ_k)`` (plus the modes without a latent) at each T, shape (n,)."""
        return self.at(temperature).distortion

    def posterior_mean_distortion(self, temperature: ArrayLike) -> Array:
        """Distortion of reconstructions from posterior means at each T, shape (n,)."""
        return self.at(temperature).posterior_mean_distortion

    def free_energy(self, temperature: ArrayLike) -> Array:
        """F*(T) = D + 2T·KL at each T, shape (n,)."""
        return self.at(temperature).free_energy

    def signal_fraction(self, temperature: ArrayLike) -> Array:
        """M_k² = [1 − T/T_k]_+ of the ``min(K, D)`` modes at each T, shape (n, modes)."""
        return _formulas.signal_fraction(*self._grid(temperature))

    def rates(self, temperature: ArrayLike) -> Array:
        """KL_k in nats of the ``min(K, D)`` modes at each T, shape (n, modes)."""
        return _formulas.rate(*self._grid(temperature))

    def _grid(self, temperature: ArrayLike) -> tuple[Array, Array]:
        return self.eigenvalues[None, : self.modes], _temperatures(temperature)[:, None]

    def truncated_distortion(self, temperature: ArrayLike) -> Array:
        """Posterior-mean distortion that is left when only the r leading latents are kept, shape (n, modes + 1).

        Column r keeps r latents and sets the others to the prior mean; column 0 is V.
        """
        lam, t = self._grid(temperature)
        kept = np.cumsum(_formulas.distortion_posterior_mean(lam, t), axis=1)
        left: Array = np.concatenate([np.zeros((len(t), 1)), kept], axis=1) + self._variance_beyond[: self.modes + 1]
        return left

    def effective_dimension(self, tolerance: float, temperature: float | None = None) -> int | None:
        """d_eff(ε) = min{r : D(r)/V ≤ ε}: how many latents reach a relative distortion.

        Parameters
        ----------
        tolerance : float
            ε, between 0 and 1.
        temperature : float, optional
            T at which posterior means reconstruct; by default the limit T → 0, which is the PCA rank.

        Returns
        -------
        int or None
            None if no number of the available latents reaches it at this temperature.

        Notes
        -----
        Hirn, arXiv:2605.22691.
        """
        epsilon = _fraction("tolerance", tolerance)
        if temperature is None:
            left = self._variance_beyond[: self.modes + 1]
        else:
            left = self.truncated_distortion(temperature)[0]
        reached = np.flatnonzero(left <= epsilon * self.total_variance)
        return int(reached[0]) if reached.size else None

    def keeping(self, k: int) -> Interval:
        """The temperatures at which exactly k modes are active: ``T_{k+1} ≤ T < T_k``.

        Raises
        ------
        InputError
            If k is out of range, or modes k and k + 1 have equal eigenvalues and so collapse together.
        """
        live = self.live
        if isinstance(k, bool) or k != int(k) or not 0 <= k <= live:
            raise InputError(
                f"k must be an integer from 0 to {live} (the modes that can be active), got {k!r}; choose one of these"
            )
        ends = np.concatenate([[np.inf], self.thresholds[:live], [0.0]])
        interval = Interval(float(ends[k + 1]), float(ends[k]))
        if k and interval.upper - interval.lower <= 1e-12 * interval.upper:
            same = np.flatnonzero(np.abs(ends[1:] - interval.upper) <= 1e-12 * interval.upper) + 1
            raise InputError(
                f"no temperature keeps exactly {k} modes: modes {same[0]} to {same[-1]} have the same eigenvalue "
                f"{interval.upper:.6g} and collapse together; keep {same[0] - 1} or {same[-1]} instead"
            )
        return interval

    def temperature_for(self, tolerance: float) -> float:
        """The highest T whose sampled distortion is at most ε V (inverse reverse water-filling).

        Parameters
        ----------
        tolerance : float
            ε, between 0 and 1.

        Raises
        ------
        InputError
            If ε V is below what the available latents can reach.
        """
        target = _fraction("tolerance", tolerance) * self.total_variance
        tail = self._variance_beyond
        live = self.live
        if target <= tail[live]:
            raise InputError(
                f"tolerance must be above {tail[live] / self.total_variance:.6g}, the distortion that {live} latents "
                f"leave at any temperature, got {tolerance!r}; allow more latents or a larger tolerance"
            )
        # D at the thresholds, T_a = λ_a: a piecewise linear function, inverted on the piece that holds the target.
        at_threshold = np.arange(1, live + 1) * self.thresholds[:live] + tail[1 : live + 1]
        a = int(np.count_nonzero(at_threshold >= target))
        return float((target - tail[a]) / a) if a else float(self.thresholds[0])


def _prefix_sum(values: Array) -> Array:
    return np.concatenate([[0.0], np.cumsum(values)])


def _temperatures(temperature: ArrayLike) -> Array:
    t = np.atleast_1d(np.asarray(temperature))
    if t.dtype.kind not in "fiu" or t.ndim != 1:
        raise InputError(
            f"temperature must be a real number or a one-dimensional array of them, got {temperature!r:.60}; "
            "give T in units of data variance"
        )
    t = t.astype(np.float64)
    if not (np.isfinite(t) & (t > 0)).all():
        bad = t[~(np.isfinite(t) & (t > 0))][0]
        raise InputError(f"temperature must be positive and finite, got {bad:g}; T = β η² is a variance")
    return t


def _fraction(name: str, value: float) -> float:
    if not 0 < value < 1:
        raise InputError(f"{name} must lie between 0 and 1 (a fraction of the total variance), got {value!r}; try 0.05")
    return float(value)
