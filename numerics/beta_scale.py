"""From temperatures to the user's β on one data set: fixed decoder variance, any loss, or a learned variance.

==========  ==================================================================  =============
symbol      meaning                                                             unit
==========  ==================================================================  =============
``T``       temperature                                                         data variance
``β(T)``    weight of the divergence that puts the loss at T; increasing        by convention
``β_k``     threshold of mode k, ``β(T_k)``                                     by convention
``Dist``    squared error per row at equilibrium, Σ min(T, λ) + what is left    data variance
``D, r``    features, rank of the covariance                                    1
==========  ==================================================================  =============

With a learned variance ``T = β Dist(T)/D``, so β(T) is explicit and only T(β) has to be found, segment by segment. If
there are latents for every mode that varies, the variance runs to zero for β below ``D/r``: the model is degenerate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from . import _formulas
from .conventions import beta_of, loss_convention, temperature_of
from .finite_samples import BootstrapThresholds
from .linear_equilibrium import Cascade, Interval

__all__ = ["BetaScale"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BetaScale:
    """β as the user writes it, for one cascade.

    Parameters
    ----------
    cascade : Cascade
        Of the data in the units of the loss (:func:`numerics.fisher.loss_spectrum`), with the latents of the model.
    loss : str
        One of :data:`numerics.conventions.LOSSES`.
    batch_size : int, optional
        Rows in a batch, where the loss needs them.
    decoder_variance : float, optional
        η² of ``elbo``; 1 by default.
    learned_variance : bool
        η² is trained too (``elbo`` only).

    Raises
    ------
    InputError
        For an unknown loss, a size that it needs and that is missing, or a variance that is both given and learned.

    Notes
    -----
    Hirn, arXiv:2605.22691 (T = β η²); Tipping & Bishop 1999 and Lucas et al., arXiv:1911.02469 (learned variance).

    Examples
    --------
    >>> from numerics.linear_equilibrium import cascade
    >>> from numerics.spectrum import Spectrum
    >>> c = cascade(Spectrum.from_covariance(np.diag([4.0, 2.0, 1.0, 1.0])), latents=2)
    >>> BetaScale(c, "mse").thresholds  # 2 T / D
    array([2., 1., 0., 0.])
    >>> ppca = BetaScale(c, learned_variance=True)
    >>> float(ppca.temperature(1.0)[0])  # β = 1: the mean of what is discarded
    1.0
    """

    cascade: Cascade
    loss: str = "elbo"
    batch_size: int | None = None
    decoder_variance: float | None = None
    learned_variance: bool = False

    def __post_init__(self) -> None:
        if self.learned_variance and (self.loss != "elbo" or self.decoder_variance is not None):
            given = "a decoder_variance" if self.decoder_variance is not None else f"loss {self.loss!r}"
            raise InputError(
                f"learned_variance must stand with loss 'elbo' and without a decoder_variance, got {given}; leave one "
                "of them out"
            )
        if self.learned_variance and self.cascade.total_variance == 0:
            raise InputError("learned_variance needs data that vary, got total variance 0; give rows that differ")
        self._beta_fixed(1.0)  # a missing size is missed now

    @property
    def features(self) -> int:
        """D."""
        return len(self.cascade.eigenvalues)

    @property
    def exact(self) -> bool:
        """Whether every threshold is exact for the linear model.

        For ``bce`` and ``poisson`` the first one is, for any architecture; the others count the directions in which
        full collapse is unstable, and rate and distortion are those of the quadratic approximation.
        """
        return loss_convention(self.loss).family == "gaussian"

    @property
    def degenerate_below(self) -> float:
        """β under which a learned variance runs to zero: ``D/r`` with a latent for every mode, otherwise 0."""
        c = self.cascade
        return self.features / c.spectrum.rank if self.learned_variance and c.live == c.spectrum.rank else 0.0

    @property
    def thresholds(self) -> Array:
        """β_k of all D modes, shape (D,); 0 where no latent is, or no variance."""
        t = self.cascade.thresholds
        return np.where(t > 0, self.beta(t), 0.0)

    def beta(self, temperature: ArrayLike) -> Array:
        """β(T), shape (n,); T = 0 and T = ∞ are their limits.

        Raises
        ------
        InputError
            If a temperature is negative or no number.
        """
        fixed = self._beta_fixed(temperature)
        if not self.learned_variance:
            return fixed
        t = np.atleast_1d(np.asarray(temperature, dtype=np.float64))
        inside = (t > 0) & np.isfinite(t)
        beta = np.where(t > 0, np.inf, self.degenerate_below)
        if inside.any():
            beta[inside] = _formulas.beta_learned_variance(t[inside], self.features, self.cascade.distortion(t[inside]))
        return beta

    def temperature(self, beta: ArrayLike) -> Array:
        """T(β), shape (n,).

        Raises
        ------
        InputError
            If β is not positive, or so small that a learned variance runs to zero.
        """
        c = self.cascade
        b = np.atleast_1d(np.asarray(beta))
        fixed = temperature_of(
            self.loss, b, features=self.features, latents=c.latents, batch_size=self.batch_size,
            decoder_variance=self.decoder_variance,
        )  # fmt: skip
        if not self.learned_variance:
            return fixed
        if (b <= self.degenerate_below).any():
            raise InputError(
                f"beta must be above {self.degenerate_below:.6g} (features over rank) for a learned variance with a "
                f"latent for every mode, got {b.min():g}: the variance runs to 0; take fewer latents or fix it"
            )
        # β(T) increases, so the modes active at T(β) are those whose own threshold lies above β.
        active = np.count_nonzero(self.thresholds[: c.live] > b[:, None], axis=1)
        rest = np.array([c.eigenvalues[n:].sum() for n in active])
        found: Array = _formulas.temperature_learned_variance(b, self.features, active, rest)
        return found

    def interval(self, temperatures: Interval) -> Interval:
        """The β of an interval of temperatures."""
        lower, upper = self.beta([temperatures.lower, temperatures.upper])
        return Interval(float(lower), float(upper))

    def bootstrap(self, resampled: BootstrapThresholds) -> BootstrapThresholds:
        """Resampled eigenvalues as resampled β; every resample is converted with its own spectrum.

        Examples
        --------
        >>> from numerics.linear_equilibrium import cascade
        >>> from numerics.finite_samples import bootstrap_thresholds
        >>> x = np.random.default_rng(0).normal(size=(50, 2))
        >>> drawn = bootstrap_thresholds(x, resamples=3)
        >>> half = BetaScale(cascade(x), "sse").bootstrap(drawn)  # β = 2T
        >>> bool(np.allclose(half.standard_error, 2 * drawn.standard_error))
        True
        """
        return BootstrapThresholds(
            self._thresholds_of(resampled.sample), np.array([self._thresholds_of(row) for row in resampled.resampled])
        )

    def _thresholds_of(self, eigenvalues: Array) -> Array:
        spectrum = replace(
            self.cascade.spectrum, eigenvalues=eigenvalues, axes=None, total_variance=float(eigenvalues.sum())
        )
        return replace(self, cascade=Cascade(spectrum, self.cascade.latents)).thresholds

    def _beta_fixed(self, temperature: ArrayLike) -> Array:
        return beta_of(
            self.loss,
            np.atleast_1d(np.asarray(temperature)),
            features=self.features,
            latents=self.cascade.latents,
            batch_size=self.batch_size,
            decoder_variance=self.decoder_variance,
        )
