"""Which latents of a trained VAE are dead, why, and what happens next: from its posterior, its data and its loss.

=========  =====================================================================  =============
symbol     meaning                                                                unit
=========  =====================================================================  =============
``M²``     signal fraction of a latent                                            1
``KL_k``   its divergence, the sum of signal, scale, Jensen and offset terms      nats
``T``      temperature of the loss; ``T_k = T/(1 − M_k²)`` where the latent dies  data variance
``β``      weight of the divergence as the code writes it, proportional to T      by convention
``r``      correlation of a latent with a column of x                             1
=========  =====================================================================  =============

The measurement never sees the theory; the comparison (:mod:`verify.linear_agreement`) is made afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.conventions import loss_convention, temperature_of
from theory.errors import InputError

from .encoded import Encoded
from .linear_agreement import LinearAgreement, compare_linear
from .posterior import ACTIVE, PosteriorStatistics, posterior_statistics, probabilities
from .verdicts import COSTS, VERDICTS, remarks, verdicts

__all__ = ["Diagnosis", "diagnose", "diagnose_encoded"]

Array = NDArray[np.float64]

_NAMED = 3
"""Columns of x that are named per latent."""


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """What :func:`diagnose` found; arrays are in the order of the columns of mu.

    Attributes
    ----------
    encoded : Encoded
        The posterior, as checked.
    statistics : PosteriorStatistics
        Order parameters, arrays (K,).
    verdicts : tuple of str
        One of :data:`verify.verdicts.VERDICTS` per latent.
    remarks : tuple of tuple of str
        What else costs divergence, per latent.
    correlation : ndarray (K, D) or None
        Of each column of x with the mean of a latent (with ln σ² of a width-coded one); 0 where either is constant.
    explained : ndarray (K,) or None
        Share of the total variance of x that a linear map of that code alone explains.
    active_above, rate_above : float
        The thresholds behind the verdicts.
    loss : str or None
        The convention.
    beta, temperature : float or None
        β and T of the loss.
    linear : LinearAgreement or None
        The comparison with linear theory; needs x, loss and β.
    """

    encoded: Encoded
    statistics: PosteriorStatistics
    verdicts: tuple[str, ...]
    remarks: tuple[tuple[str, ...], ...]
    correlation: Array | None
    explained: Array | None
    active_above: float
    rate_above: float
    loss: str | None
    beta: float | None
    temperature: float | None
    linear: LinearAgreement | None

    @property
    def rank(self) -> NDArray[np.intp]:
        """Place of each latent by M², 1 for the largest, (K,)."""
        place = np.empty(len(self.verdicts), dtype=np.intp)
        place[self.statistics.ranking] = np.arange(1, len(place) + 1)
        return place

    @property
    def collapse_factor(self) -> Array:
        """``T_k/T = 1/(1 − M²)``: how many times the present β a latent survives by the mean-field law, (K,)."""
        with np.errstate(over="ignore"):
            factor: Array = np.exp(2 * self.statistics.signal_term)
        return factor

    @property
    def carries_signal(self) -> NDArray[np.bool_]:
        """Whether a latent is active, or its faint signal still costs more than ``rate_above``, (K,)."""
        active = self.statistics.active(self.active_above)
        return np.asarray(active | (self.statistics.signal_term > self.rate_above))

    @property
    def next_collapse(self) -> int | None:
        """The signal-carrying latent of smallest M², the next to die as β grows; None if all are dead."""
        alive = self.statistics.ranking[self.carries_signal[self.statistics.ranking]]
        return int(alive[-1]) if alive.size else None

    @property
    def distortion(self) -> float | None:
        """``E‖x − recon‖²``; None without both."""
        return self.encoded.distortion

    def explains(self, latent: int) -> dict[str, float]:
        """The columns of x most correlated with a living latent, by name, largest |r| first; none for a dead one."""
        if self.correlation is None or not (self.carries_signal[latent] or self.verdicts[latent] == "width-coded"):
            return {}
        r = self.correlation[latent]
        order = np.argsort(-np.abs(r), kind="stable")[:_NAMED]
        return {self.encoded.columns[j]: float(r[j]) for j in order if r[j] != 0}

    @property
    def findings(self) -> tuple[str, ...]:
        """What it comes to, in sentences."""
        s, states = self.statistics, self.verdicts
        counts = ", ".join(f"{n} {name}" for name in VERDICTS if (n := states.count(name)))
        said = [f"{len(states)} latents: {counts}; total KL {float(s.total_rate):.4g} nat"]
        active = np.array(states) == "active"
        wasted = float((s.scale_term + s.offset_term).sum())
        if wasted > self.rate_above:
            said.append(
                f"{wasted:.3g} nat pay for offsets and scales that a stationary point does not have: train longer, or "
                "the decoder cannot shift and scale its input"
            )
        elif active.any():
            said.append("offsets are 0 and scales A² are 1 as at a stationary point")
        if self.next_collapse is not None:
            k = self.next_collapse
            at = "" if self.beta is None else f"β = {self.beta * self.collapse_factor[k]:.4g}, "
            said.append(
                f"next to collapse by its signal fraction: latent {k} (M² = {s.signal_fraction[k]:.3g}), at {at}"
                f"{self.collapse_factor[k]:.4g} times the present one"
            )
        if self.linear is not None:
            said += _linear_findings(self.linear)
        return tuple(said)

    def to_json(self) -> dict[str, Any]:
        """A strictly JSON-able dict."""
        s, rank, factor = self.statistics, self.rank, self.collapse_factor
        latents = [
            {
                "latent": k,
                "rank": int(rank[k]),
                "verdict": self.verdicts[k],
                "signal_fraction": float(s.signal_fraction[k]),
                "posterior_scale": float(s.posterior_scale[k]),
                "jensen": float(s.jensen[k]),
                "mean": float(s.mean[k]),
                "variance": float(s.variance[k]),
                "width": float(s.width[k]),
                "log_width": float(s.log_width[k]),
                "rate": float(s.rate[k]),
                "terms": {
                    "signal": float(s.signal_term[k]),
                    "scale": float(s.scale_term[k]),
                    "jensen": float(s.jensen_term[k]),
                    "offset": float(s.offset_term[k]),
                },
                "collapse_factor": _finite(factor[k]),
                "columns": self.explains(k),
                "explained": None if self.explained is None else float(self.explained[k]),
                "remarks": list(self.remarks[k]),
            }
            for k in range(len(self.verdicts))
        ]
        return {
            "rows": len(self.encoded.mu),
            "latents": latents,
            "active": self.verdicts.count("active"),
            "counts": {name: self.verdicts.count(name) for name in VERDICTS},
            "total_rate": float(s.total_rate),
            "distortion": self.distortion,
            "active_above": self.active_above,
            "rate_above": self.rate_above,
            "loss": self.loss,
            "beta": self.beta,
            "T": self.temperature,
            "next_collapse": self._next_json(),
            "linear_theory": None if self.linear is None else _linear_json(self.linear),
            "findings": list(self.findings),
            "warnings": list(self.encoded.warnings),
        }

    def _next_json(self) -> dict[str, Any] | None:
        k = self.next_collapse
        if k is None:
            return None
        factor = _finite(self.collapse_factor[k])
        return {
            "latent": k,
            "factor": factor,
            "beta": None if self.beta is None or factor is None else _finite(self.beta * factor),
            "T": None if self.temperature is None or factor is None else _finite(self.temperature * factor),
        }


def diagnose(
    mu: ArrayLike,
    log_variance: ArrayLike | None = None,
    *,
    sigma: ArrayLike | None = None,
    x: ArrayLike | None = None,
    recon: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    columns: Sequence[str] = (),
    loss: str | None = None,
    beta: float | None = None,
    decoder_variance: float | None = None,
    batch_size: int | None = None,
    active_above: float = ACTIVE,
    rate_above: float = COSTS,
) -> Diagnosis:
    """Diagnose the latents of a trained VAE from what its encoder says of N rows.

    Parameters
    ----------
    mu : array_like (N, K)
        Posterior means.
    log_variance, sigma : array_like (N, K)
        ln σ² or σ: exactly one of them.
    x, recon : array_like (N, D), optional
        Rows and reconstructions in the units of the loss (standardised if the VAE's input was).
    weights : array_like (N,), optional
        Weights of the rows.
    columns : sequence of str, optional
        Names of the columns of x.
    loss : str, optional
        One of :data:`numerics.conventions.LOSSES`, with β: what the code minimises.
    beta : float, optional
        Weight of the divergence in it.
    decoder_variance : float, optional
        η² of ``elbo``, the trained value if it was learned.
    batch_size : int, optional
        For the losses that need it.
    active_above : float
        M² above which a latent is active.
    rate_above : float
        Nats above which another term of the divergence counts.

    Returns
    -------
    Diagnosis

    Raises
    ------
    InputError
        For arrays that do not fit, are not finite or are no posterior; an unknown loss; β ≤ 0; a missing size.

    Notes
    -----
    Hirn, arXiv:2605.22691 (signal fraction, M² > 0.1, collapse at T_k = T/(1 − M²)).

    Examples
    --------
    The exact posterior of a linear VAE at T = 1 on two columns of variance 4 and ½: the second one is dead.

    >>> x = np.array([[2.0, 0.5**0.5], [-2.0, 0.5**0.5], [2.0, -(0.5**0.5)], [-2.0, -(0.5**0.5)]])
    >>> mu = np.column_stack([x[:, 0] * 0.75**0.5 / 2, np.zeros(4)])
    >>> found = diagnose(mu, np.log([[0.25, 1.0]] * 4), x=x, loss="half-sse", beta=1.0)
    >>> found.verdicts, found.linear.agrees
    (('active', 'collapsed'), True)
    >>> print(found.findings[2])
    next to collapse by its signal fraction: latent 0 (M² = 0.75), at β = 4, 4 times the present one
    """
    encoded = Encoded.of(mu, log_variance, sigma=sigma, x=x, recon=recon, weights=weights, columns=columns)
    return diagnose_encoded(
        encoded, loss=loss, beta=beta, decoder_variance=decoder_variance, batch_size=batch_size,
        active_above=active_above, rate_above=rate_above,
    )  # fmt: skip


def diagnose_encoded(
    encoded: Encoded,
    *,
    loss: str | None = None,
    beta: float | None = None,
    decoder_variance: float | None = None,
    batch_size: int | None = None,
    active_above: float = ACTIVE,
    rate_above: float = COSTS,
) -> Diagnosis:
    """:func:`diagnose` of arrays that are checked, such as :func:`verify.encoded_file.read_encoded` reads."""
    temperature = _temperature(encoded, loss, beta, decoder_variance, batch_size)
    statistics = posterior_statistics(encoded.mu, encoded.log_variance, encoded.weights)
    states = verdicts(statistics, active_above=active_above, rate_above=rate_above)
    correlation, explained = _explained(encoded, states)
    linear = None
    if loss is not None and beta is not None:
        linear = compare_linear(
            encoded, statistics, loss=loss, beta=beta, batch_size=batch_size, decoder_variance=decoder_variance,
            active_above=active_above,
        )  # fmt: skip
    return Diagnosis(
        encoded=encoded,
        statistics=statistics,
        verdicts=states,
        remarks=remarks(statistics, active_above=active_above, rate_above=rate_above),
        correlation=correlation,
        explained=explained,
        active_above=active_above,
        rate_above=rate_above,
        loss=loss,
        beta=beta,
        temperature=temperature,
        linear=linear,
    )


def _finite(value: float) -> float | None:
    """The number, or None for one that JSON does not have: a noiseless latent never dies."""
    return float(value) if np.isfinite(value) else None


def _temperature(
    encoded: Encoded, loss: str | None, beta: float | None, decoder_variance: float | None, batch_size: int | None
) -> float | None:
    if loss is None and beta is None:
        return None
    if loss is None or beta is None:
        missing = "loss" if loss is None else "beta"
        raise InputError(f"loss and beta must be given together, got no {missing}; T needs both")
    rows = encoded.x if encoded.x is not None else encoded.recon
    if rows is None and "features" in loss_convention(loss).sizes:
        raise InputError(f"loss {loss!r} averages over the columns of the data; give x (or recon), whose columns count")
    return float(
        temperature_of(
            loss,
            beta,
            features=None if rows is None else rows.shape[1],
            latents=encoded.mu.shape[1],
            batch_size=batch_size,
            decoder_variance=decoder_variance,
        )
    )


def _explained(encoded: Encoded, states: tuple[str, ...]) -> tuple[Array | None, Array | None]:
    """Correlation of every latent's code with every column (K, D), and the share of V it explains linearly (K,)."""
    if encoded.x is None:
        return None, None
    p = probabilities(encoded.weights, len(encoded.mu))
    code = np.where(np.array(states) == "width-coded", encoded.log_variance, encoded.mu)
    size = p @ np.square(code)
    code, x = (values - p @ values for values in (code, encoded.x))
    spread, variance = p @ np.square(code), p @ np.square(x)
    covariance = (code * p[:, None]).T @ x
    # What rounding leaves of a constant code, some 1e-32 of its square, correlates with anything.
    varies = spread > 1e-26 * size
    norm = np.sqrt(np.outer(spread, variance))
    correlation = np.divide(covariance, norm, out=np.zeros_like(covariance), where=(norm > 0) & varies[:, None])
    total = float(variance.sum())
    shares = np.square(correlation) @ variance / total if total else np.zeros(len(states))
    return np.clip(correlation, -1, 1), shares


def _linear_findings(linear: LinearAgreement) -> list[str]:
    said = [linear.sentence]
    free, best = linear.free_energy, linear.linear_free_energy
    if free is not None and free > best * 1.01:
        said.append(
            f"a linear VAE would do better on these rows: F = {best:.4g} against {free:.4g} here; training has not "
            "ended, or it fitted other rows"
        )
    for what, t in (("collapses as β grows", linear.next_collapse), ("can wake as β falls", linear.next_awakening)):
        if t is not None:
            said.append(f"linear theory: the next mode {what} at T = {t:.4g}, β = {linear.beta(t):.4g}")
    return said


def _linear_json(linear: LinearAgreement) -> dict[str, Any]:
    nearest = {"next_collapse": linear.next_collapse, "next_awakening": linear.next_awakening}
    return {
        "agrees": linear.agrees,
        "exact": linear.scale.exact,
        "active": {"predicted": linear.predicted_active, "measured": linear.measured_active},
        "signal_fraction_by_rank": {
            "predicted": linear.predicted_signal.tolist(),
            "measured": linear.measured_signal.tolist(),
        },
        "signal_difference": linear.signal_difference,
        "rate": {"predicted": float(linear.cascade.rate(linear.temperature)[0]), "measured": linear.rate},
        "distortion": {
            "predicted_sampled": float(linear.cascade.distortion(linear.temperature)[0]),
            "predicted_posterior_mean": float(linear.cascade.posterior_mean_distortion(linear.temperature)[0]),
            "measured": linear.distortion,
        },
        "free_energy": {"predicted": linear.linear_free_energy, "measured": linear.free_energy},
        "thresholds": linear.cascade.thresholds.tolist(),
        "beta_thresholds": linear.scale.thresholds.tolist(),
        **{name: None if t is None else {"T": t, "beta": linear.beta(t)} for name, t in nearest.items()},
        "sentence": linear.sentence,
    }
