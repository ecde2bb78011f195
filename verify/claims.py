"""The claims of the linear theory, in the order of the report; a pure function of what was predicted and what was read.

==========  =============================================  =========  =======
symbol      meaning                                        shape      unit
==========  =============================================  =========  =======
``T``       temperature                                    (n,)       data²
``λ``       eigenvalues, the predicted thresholds          (k,)       data²
``M²``      signal fraction of the latent of rank k        (n, S, k)  1
``F``       free energy of a model, ``D + 2T·KL``          (n, S)     data²
==========  =============================================  =========  =======

A claim that cannot be evaluated fails, with the reason. Modes with ``t_k = λ_k/V`` below
:data:`~verify.evidence.FLOOR` are reported but not judged, and totals over modes are judged at temperatures where
those modes are collapsed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from numerics import _formulas
from numerics.linear_equilibrium import Cascade
from theory.errors import InputError

from .agreement import clusters, identity_r2, rank_agreement
from .check import Check
from .evidence import ACTIVE, FLOOR, NEAR, SIGMAS, Evidence, Reader
from .fits import pooled_stderr
from .readings import Readings

__all__ = ["judge"]

Array = NDArray[np.float64]


def judge(cascade: Cascade, trained: Readings, exact: Readings, *, sampled: bool = False) -> tuple[Check, ...]:
    """Confront every claim with the exact equilibrium and the trained models.

    Parameters
    ----------
    cascade, trained, exact, sampled
        As in :class:`~verify.evidence.Evidence`.

    Returns
    -------
    tuple of Check
        The same claims whatever the numbers; three more on the scatter between seeds in sampled training.
    """
    case = Evidence(cascade, trained, exact, sampled)
    claims = [_spectra, _order_parameters, _totals, _relations, _stationarity]
    if sampled:
        claims.append(_scatter)
    return tuple(check for group in claims for check in group(case))


def _spectra(case: Evidence) -> Iterator[Check]:
    """Three spectra are one: thresholds (from M² and from the rate), utilities, and eigenvalues."""
    v, modes, judged = case.cascade.total_variance, slice(case.modes), case.judged
    t_k = case.eigenvalues / v
    yield case.per_mode(
        "collapse-spectrum",
        "M² of each latent vanishes at the eigenvalue of its mode: t_k = λ_k/V",
        "threshold",
        t_k,
        lambda r: r.column("threshold") / v,
        0.01,
        lambda r: r.column("stderr") / v,
    )
    yield case.per_mode(
        "rate-spectrum",
        "the rate of each latent, ½ ln(T_k/T), has the same threshold: t_k = λ_k/V",
        "rate",
        t_k,
        lambda r: r.rate_column("threshold") / v,
        0.01,
        lambda r: r.rate_column("stderr") / v,
    )
    yield case.per_mode(
        "utility-spectrum",
        "per unit signal fraction a latent saves distortion λ_k/V",
        "utility",
        t_k,
        lambda r: r.utility / v,
        0.01,
        lambda r: r.utility_stderr / v,
    )

    def thresholds_and_utilities(readings: Readings) -> tuple[Array, Array]:
        pair = readings.column("threshold")[modes][judged], readings.utility[modes][judged]
        if not judged.any() or not np.isfinite(pair).all():
            raise InputError("not every judged mode has a measured threshold and utility")
        return pair

    if len(clusters(case.eigenvalues[judged])) >= 3:
        yield case.single(
            "identity",
            "utility is threshold: R² about the identity, on logarithms, is 1",
            "utility",
            1.0,
            lambda r: identity_r2(*thresholds_and_utilities(r)[::-1]),
            1e-3,
        )
    else:
        # Fewer than three different thresholds have no R² worth the name.
        def ratio(readings: Readings) -> float:
            threshold, utility = thresholds_and_utilities(readings)
            values = utility / threshold
            return float(values[np.argmax(np.abs(values - 1))])

        yield case.single("identity", "utility is threshold: their ratio is 1", "utility", 1.0, ratio, 0.01)
    yield case.single(
        "rank-agreement",
        "latents collapse in PCA order; modes within 2 % of each other may swap",
        "threshold",
        1.0,
        lambda r: rank_agreement(thresholds_and_utilities(r)[0], case.eigenvalues[judged]),
        1e-9,
    )
    yield case.per_mode(
        "exponent",
        "M² vanishes at its threshold with the mean-field exponent 1",
        "exponent",
        np.ones(case.modes),
        lambda r: r.column("exponent"),
        0.02,
        lambda r: r.column("exponent_stderr"),
    )


def _order_parameters(case: Evidence) -> Iterator[Check]:
    """M² and KL of every mode at every temperature, and full collapse above the largest eigenvalue."""
    lam, t = case.eigenvalues[None, :], case.temperatures[:, None]
    nothing = "no temperature away from the threshold of a judged mode"
    yield case.per_cell(
        "signal-fraction",
        "M_k² = 1 − T/T_k below the threshold, 0 above",
        "signal-fraction",
        _formulas.signal_fraction(lam, t),
        _ranked("signal_fraction", case.modes),
        0.01,
        case.away[:, None, :],
        nothing,
    )
    yield case.per_cell(
        "rate",
        "KL_k = ½ ln(T_k/T) nats below the threshold, 0 above",
        "rate",
        _formulas.rate(lam, t),
        _ranked("rate", case.modes),
        # What an error of 0.01 in M² makes of a rate at M² = 0.9; the fitted rate-spectrum is judged more sharply.
        0.05,
        case.window[:, None, :],
        nothing,
    )
    hot = case.temperatures > case.eigenvalues[0] * np.exp(NEAR)

    def hottest(readings: Readings) -> tuple[float, str]:
        if not hot.any():
            raise InputError("no temperature of the sweep lies above the largest eigenvalue")
        return float(readings.signal_fraction[hot].max()), f"largest M² at {hot.sum()} temperatures"

    yield case.single(
        "full-collapse",
        "above the largest eigenvalue every latent is collapsed: M² = 0",
        "collapse",
        0.0,
        hottest,
        0.01,
    )
    if case.trained.signal_fraction.shape[-1] > case.modes:
        yield case.single(
            "superfluous-latents",
            "latents beyond the number of features stay collapsed: M² = 0",
            "collapse",
            0.0,
            lambda r: float(r.signal_fraction[..., case.modes :].max()),
            0.01,
        )


def _totals(case: Evidence) -> Iterator[Check]:
    """Distortion and free energy against reverse water-filling."""
    equilibrium, v = case.cascade.at(case.temperatures), case.cascade.total_variance
    warm, nothing = case.warm[:, None, None], f"no temperature of the sweep has t ≥ {FLOOR:g}"
    yield case.per_cell(
        "distortion",
        "D/V is reverse water-filling: Σ min(T, λ_k)/V, plus the modes without a latent",
        "water-filling",
        equilibrium.distortion[:, None] / v,
        lambda r: r.latents.distortion[..., -1:] / v,
        0.01,
        warm,
        nothing,
        scale="relative",
    )
    yield case.per_cell(
        "free-energy",
        "F/V of the trained models is the minimum F*/V",
        "free-energy",
        equilibrium.free_energy[:, None] / v,
        lambda r: r.latents.free_energy[..., None] / v,
        1e-3,
        warm,
        nothing,
        scale="relative",
    )

    def shortfall(readings: Readings) -> float:
        # Every model by itself, also in sampled training, and at every temperature: a minimum is a minimum.
        star = equilibrium.free_energy[:, None]
        return float(np.maximum(1 - readings.latents.free_energy / star, 0.0).max())

    yield case.single(
        "free-energy-bound",
        "no trained model lies below the minimum: 1 − F/F* ≤ 0 up to rounding",
        "global-optimum",
        0.0,
        shortfall,
        1e-9,
    )


def _relations(case: Evidence) -> Iterator[Check]:
    """Concavity and slope of F*(T), from the trained values alone."""

    def coldest_first(readings: Readings) -> tuple[Array, Array, Array]:
        """T (n', 1, 1), F (n', S, 1) and KL_k (n', S, K) at the temperatures that are judged."""
        if np.count_nonzero(case.warm) < 2:
            raise InputError(f"fewer than two temperatures of the sweep have t ≥ {FLOOR:g}")
        order = np.flatnonzero(case.warm)[np.argsort(case.temperatures[case.warm])]
        f = readings.latents.free_energy[order][..., None]
        kl = readings.latents.ranked(readings.latents.rate)[order]
        if case.sampled:
            f, kl = f.mean(axis=1, keepdims=True), kl.mean(axis=1, keepdims=True)
        return case.temperatures[order][:, None, None], f, kl

    def excess(readings: Readings) -> tuple[float, str]:
        t, f, kl = coldest_first(readings)
        # A model trained at T reaches F(T) + 2 KL(T) (T' − T) when it is used at T'.
        used = f[None] + 2 * kl.sum(axis=-1, keepdims=True)[None] * (t[:, None] - t[None])
        return float((1 - used / f[:, None]).max()), "largest gain of a model over the one trained there"

    def ratio(readings: Readings) -> float:
        t, f, kl = coldest_first(readings)
        # Between two temperatures a rate falls with slope ½ in ln T until it is what is measured at the upper one,
        # which places the kink of a mode that collapses there: ∫ KL_k dT without discretisation error.
        fall, width = kl[:-1] - kl[1:], np.diff(t, axis=0)
        integral = 0.5 * t[:-1] * np.expm1(2 * fall) - t[:-1] * fall + kl[1:] * width
        total = 2 * integral.sum(axis=(0, 2))
        if not (total > 0).all():
            raise InputError("no rate to integrate: every trained model is fully collapsed")
        values = (f[-1] - f[0])[:, 0] / total
        return float(values[np.argmax(np.abs(values - 1))])

    yield case.single(
        "concavity",
        "F* is concave with slope 2 KL: no model beats, at another T, the one trained there",
        "free-energy",
        0.0,
        excess,
        1e-3,
    )
    yield case.single(
        "slope",
        "dF*/dT = 2 KL: over the sweep F changes by the integral of 2 KL (ratio of the two)",
        "free-energy",
        1.0,
        ratio,
        0.01,
    )


def _stationarity(case: Evidence) -> Iterator[Check]:
    """What holds at every stationary point, so that its violation means: not converged."""
    active = (case.trained.signal_fraction[..., : case.modes] > ACTIVE) & case.judged
    if case.sampled:
        active &= case.window[:, None, :]
    for name, claim, predicted, attribute, tolerance in (
        ("posterior-scale", "A_k² = Var μ_k + E σ_k² = 1 for every active latent", 1.0, "posterior_scale", 0.01),
        ("jensen-gap", "J_k = 0 for every active latent: σ_k² does not depend on x", 0.0, "jensen", 1e-3),
        ("centred", "E μ_k = 0 for every active latent", 0.0, "mean", 0.01),
    ):
        read = _ranked(attribute, case.modes)
        nothing = "no judged mode has an active latent"
        yield case.per_cell(name, claim, "stationarity", predicted, read, tolerance, active, nothing)


def _scatter(case: Evidence) -> Iterator[Check]:
    """Deviations of sampled training from theory are those that the scatter between its seeds announces."""
    lam, t = case.eigenvalues[None, :], case.temperatures[:, None]
    cells = case.scored

    def scores(readings: Readings) -> Array:
        if not cells.any():
            raise InputError("no judged mode is active away from its threshold")
        values = _ranked("signal_fraction", case.modes)(readings)
        deviation = values.mean(axis=1) - _formulas.signal_fraction(lam, t)
        stderr = pooled_stderr(values, where=cells)
        if not (stderr[cells] > 0).all():
            raise InputError("seeds agree to the last bit somewhere: that is no sampled training")
        return np.asarray(deviation[cells] / stderr[cells])

    def relative_error(readings: Readings) -> float:
        error = (readings.column("stderr") / readings.column("threshold"))[: case.modes][case.judged]
        if not np.isfinite(error).all() or not error.size:
            raise InputError("not every judged mode has a measured threshold")
        return float(error.max())

    def largest(readings: Readings) -> float:
        z = scores(readings)
        return float(z[np.argmax(np.abs(z))])

    yield case.single(
        "z-largest",
        "M² deviates from theory by less than 4 standard errors in every mode at every T",
        "signal-fraction",
        0.0,
        largest,
        SIGMAS,
        exact=False,
    )
    yield case.single(
        "z-variance",
        "z-scores over modes and temperatures have variance 1, within a factor of 2",
        "signal-fraction",
        1.0,
        lambda r: float(np.mean(scores(r) ** 2)),
        2.0,
        scale="factor",
        exact=False,
    )
    yield case.single(
        "threshold-error",
        "thresholds are known to 2 %: standard error over T_k",
        "threshold",
        0.0,
        relative_error,
        0.02,
        exact=False,
    )


def _ranked(name: str, modes: int) -> Reader:
    """A reader of one array of the latents, (n, S, k) in rank order."""
    return lambda readings: readings.latents.ranked(getattr(readings.latents.statistics, name))[..., :modes]
