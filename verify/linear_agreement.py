"""A measured posterior beside the linear theory of the same data: what should live at this temperature, and what does.

===========  ==================================================================  =============
symbol       meaning                                                             unit
===========  ==================================================================  =============
``T``        temperature of the user's loss                                      data variance
``T_k``      threshold of mode k: eigenvalue λ_k of the data                     data variance
``β_k``      the same as the user's weight of the divergence                     by convention
``M²``       signal fraction; linear theory: ``[1 − T/T_k]_+``                   1
``F``        free energy ``E‖x − f‖² + 2T KL``; F* of the best linear VAE        data variance
===========  ==================================================================  =============
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.beta_scale import BetaScale
from numerics.fisher import loss_spectrum
from numerics.linear_equilibrium import Cascade
from numerics.tables import Table

from .encoded import Encoded
from .posterior import PosteriorStatistics

__all__ = ["CLOSE", "LinearAgreement", "compare_linear"]

Array = NDArray[np.float64]

CLOSE = 0.1
"""Largest difference of a signal fraction from the linear theory that counts as agreement."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearAgreement:
    """Measured order parameters and those of the linear VAE on the same rows at the same temperature.

    Parameters
    ----------
    scale : BetaScale
        Thresholds of the data, as T and as the user's β.
    temperature : float
        T.
    measured_signal : ndarray (K,)
        M² in rank order.
    active_above : float
        The M² that counts as active, for measured and predicted latents alike.
    rate : float
        Measured Σ KL, nats.
    distortion : float or None
        ``E‖x − recon‖²``, for a squared error.
    """

    scale: BetaScale
    temperature: float
    measured_signal: Array
    active_above: float
    rate: float
    distortion: float | None

    @property
    def cascade(self) -> Cascade:
        """The linear equilibrium on these rows, with as many latents."""
        return self.scale.cascade

    @property
    def predicted_signal(self) -> Array:
        """``[1 − T/T_k]_+``, shape (K,); 0 for superfluous latents. Of the quadratic approximation for bce, poisson."""
        found = np.zeros(len(self.measured_signal))
        found[: self.cascade.modes] = self.cascade.signal_fraction(self.temperature)[0]
        return found

    @property
    def predicted_active(self) -> int:
        """Number of latents whose predicted M² exceeds the threshold."""
        return int(np.count_nonzero(self.predicted_signal > self.active_above))

    @property
    def measured_active(self) -> int:
        """Number of latents whose measured M² exceeds it."""
        return int(np.count_nonzero(self.measured_signal > self.active_above))

    @property
    def signal_difference(self) -> float:
        """Largest ``|M² − [1 − T/T_k]_+|`` over the ranks."""
        return float(np.abs(self.measured_signal - self.predicted_signal).max())

    @property
    def agrees(self) -> bool:
        """Equal numbers of active latents and, where the law is exact, signal fractions within `CLOSE`."""
        same = self.measured_active == self.predicted_active
        return same and (not self.scale.exact or self.signal_difference <= CLOSE)

    @property
    def next_collapse(self) -> float | None:
        """The lowest threshold above T, the first that a growing β meets; None if there is none."""
        t = self.cascade.thresholds
        above = t[t > self.temperature]
        return float(above.min()) if above.size else None

    @property
    def next_awakening(self) -> float | None:
        """The highest positive threshold not above T, the first that a falling β meets; None if there is none."""
        t = self.cascade.thresholds
        below = t[(t > 0) & (t <= self.temperature)]
        return float(below.max()) if below.size else None

    @property
    def free_energy(self) -> float | None:
        """Measured F; None without a distortion. From posterior means it is below that of samples."""
        return None if self.distortion is None else self.distortion + 2 * self.temperature * self.rate

    @property
    def linear_free_energy(self) -> float:
        """F* of the best linear VAE."""
        return float(self.cascade.free_energy(self.temperature)[0])

    def beta(self, temperature: float | None) -> float | None:
        """The user's β of a temperature."""
        return None if temperature is None else float(self.scale.beta(temperature)[0])

    @property
    def sentence(self) -> str:
        """What the comparison says, for people."""
        seen, expected, first = self.measured_active, self.predicted_active, float(self.cascade.thresholds[0])
        if seen == 0 and self.temperature >= first:
            return (
                f"full collapse is what this loss asks for: T = {self.temperature:.4g} is above the first threshold "
                f"{first:.4g} (β = {self.beta(first):.4g})"
            )
        if seen == 0 and expected:
            return (
                f"full collapse is unstable here: T = {self.temperature:.4g} is below the first threshold {first:.4g} "
                "of any VAE that contains small linear maps; training is stuck, not finished"
            )
        if seen < expected:
            return (
                f"{seen} active where linear theory keeps {expected}: a nonlinear decoder may need fewer latents, or "
                "some are stuck at collapse"
            )
        if seen > expected:
            return (
                f"{seen} active where linear theory keeps {expected}: non-Gaussian structure can keep more alive, or "
                "training has not ended"
            )
        if self.agrees:
            return f"agrees with linear theory: {seen} active, signal fractions within {self.signal_difference:.2g}"
        return (
            f"{seen} active as in linear theory, but signal fractions differ by up to {self.signal_difference:.2g}: "
            "nonlinear structure, shared directions, or training that has not ended"
        )


def compare_linear(
    encoded: Encoded,
    statistics: PosteriorStatistics,
    *,
    loss: str,
    beta: float,
    batch_size: int | None,
    decoder_variance: float | None,
    active_above: float,
) -> LinearAgreement | None:
    """Compare a posterior with the linear theory of the rows that it encodes.

    Parameters
    ----------
    encoded : Encoded
        With x; None is returned without.
    statistics : PosteriorStatistics
        Of it.
    loss, beta, batch_size, decoder_variance
        The loss as the user wrote it (:mod:`numerics.conventions`).
    active_above : float
        M² that counts as active.

    Returns
    -------
    LinearAgreement or None

    Raises
    ------
    InputError
        For an unknown loss, a weight or size out of range, or rows that the loss cannot be of.
    """
    if encoded.x is None:
        return None
    table = Table(encoded.x, encoded.columns, "x", encoded.weights)
    cascade = Cascade(loss_spectrum(table, loss, standardize=False, axes=False), encoded.mu.shape[1])
    scale = BetaScale(cascade, loss, batch_size, decoder_variance)
    signal = statistics.signal_fraction[statistics.ranking]
    distortion = encoded.distortion if scale.exact else None
    temperature = float(scale.temperature(beta)[0])
    return LinearAgreement(scale, temperature, signal, active_above, float(statistics.total_rate), distortion)
