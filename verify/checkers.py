"""Identities that every encoder, formula or trained model of a linear-Gaussian VAE must satisfy, as checkers.

==============  ===================================================  ==========  ===========
symbol          meaning                                              shape       unit
==============  ===================================================  ==========  ===========
``λ``           eigenvalues of a covariance, descending, ≥ 0         (D,)        data²
``T``           temperature ``β η²``                                 (n,)        data²
``M²``          signal fraction ``Var μ / (Var μ + E σ²)``           (K,)        1
``D``, ``KL``   sampled distortion and total rate                    (n,)        data², nats
``F``           free energy ``D + 2T·KL``                            (n,)        data²
==============  ===================================================  ==========  ===========

They take numbers or functions and raise ``AssertionError`` that says which identity fails, where and by how much;
they need no test framework. :mod:`verify.properties` has Hypothesis strategies to feed them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "check_concave_free_energy",
    "check_encoder",
    "check_encoder_invariance",
    "check_rate_distortion",
    "check_signal_fraction",
]

Array = NDArray[np.float64]
# (λ, T) -> value, elementwise
Formula = Callable[[Array, Array], ArrayLike]
# T (n,) -> total (n,)
Totals = Callable[[Array], ArrayLike]
# (mean (N, K), log-variance (N, K)) -> one number per latent (K,)
Measure = Callable[[Array, Array], ArrayLike]


def check_signal_fraction(
    formula: Formula, eigenvalues: ArrayLike, temperatures: ArrayLike, *, tolerance: float = 1e-12
) -> None:
    """Check a formula for the signal fraction: within [0, 1], falling with T, a function of T/λ alone.

    Parameters
    ----------
    formula : callable
        ``formula(λ (n, D), T (n, D)) -> M² (n, D)``, elementwise.
    eigenvalues : array_like, shape (D,)
        Non-negative.
    temperatures : array_like, shape (n,)
        Positive; sorted here.
    tolerance : float
        Rounding that is forgiven, absolute.

    Raises
    ------
    AssertionError
        With the identity that fails and where.

    Notes
    -----
    These hold for any encoder at equilibrium: a minimum of functions affine in T has a falling rate, and units of the
    data cannot matter. A mode of eigenvalue zero must be collapsed at every T.

    Examples
    --------
    >>> mean_field = lambda lam, T: 1 - T / np.maximum(lam, T)
    >>> check_signal_fraction(mean_field, [2.0, 1.0, 0.0], [0.1, 1.0, 3.0])
    >>> check_signal_fraction(lambda lam, T: 1 - T / lam, [2.0, 1.0], [0.1, 1.0, 3.0])
    Traceback (most recent call last):
    ...
    AssertionError: signal fraction must lie in [0, 1]: -0.5 at λ = 2, T = 3
    """
    t = np.sort(np.asarray(temperatures, dtype=np.float64))
    lam, grid = np.broadcast_arrays(np.asarray(eigenvalues, dtype=np.float64)[None, :], t[:, None])
    m2 = np.asarray(formula(lam, grid), dtype=np.float64)
    where = _Where({"λ": lam, "T": grid})
    where.hold("signal fraction must lie in [0, 1]:", m2, (m2 >= -tolerance) & (m2 <= 1 + tolerance))
    rise = np.diff(m2, axis=0, prepend=m2[:1])
    where.hold("signal fraction must not rise with T, rises by:", rise, rise <= tolerance)
    where.hold("signal fraction of a mode without variance must be 0, is:", m2, (lam > 0) | (np.abs(m2) <= tolerance))
    # A power of two changes no digits, so that only the formula can be responsible for a difference.
    change = np.asarray(formula(4 * lam, 4 * grid), dtype=np.float64) - m2
    where.hold("signal fraction must depend on T/λ alone, changes by:", change, np.abs(change) <= tolerance)


def check_concave_free_energy(
    free_energy: Totals, rate: Totals, temperatures: ArrayLike, *, tolerance: float = 1e-12
) -> None:
    """Check that F*(T) is concave with slope ``2 KL(T)``.

    Parameters
    ----------
    free_energy, rate : callable
        ``T (n,) -> F* (n,)`` and ``T (n,) -> KL (n,)`` in nats; of a trained model or of a formula.
    temperatures : array_like, shape (n,)
        Positive; every pair is compared.
    tolerance : float
        Rounding (or training error) that is forgiven, relative to the free energy.

    Raises
    ------
    AssertionError
        With the pair of temperatures.

    Notes
    -----
    F* is a minimum of functions ``D + 2T·KL`` that are affine in T; the line of the model that is optimal at T lies
    above F* everywhere, ``F*(T') ≤ F*(T) + 2 KL(T) (T' − T)``. All pairs of this are concavity and slope in one, with
    no finite difference. For trained models a violation says that the model at T is better at T' than the one
    trained there.

    Examples
    --------
    >>> check_concave_free_energy(lambda T: np.minimum(T, 1) * (1 - np.log(np.minimum(T, 1))),
    ...                           lambda T: -0.5 * np.log(np.minimum(T, 1)), [0.01, 0.5, 2.0])
    >>> check_concave_free_energy(lambda T: T**2, lambda T: T, [1.0, 2.0])
    Traceback (most recent call last):
    ...
    AssertionError: free energy must stay below its tangents, exceeds one by: 1 at T' = 1, T = 2
    """
    t = np.asarray(temperatures, dtype=np.float64)
    f, kl = (np.asarray(g(t), dtype=np.float64) for g in (free_energy, rate))
    other, own = np.broadcast_arrays(t[:, None], t[None, :])
    tangent = f[None, :] + 2 * kl[None, :] * (other - own)
    excess = f[:, None] - tangent
    size = np.abs(f[:, None]) + np.abs(f[None, :]) + 2 * kl[None, :] * np.abs(other - own)
    where = _Where({"T'": other, "T": own})
    where.hold("free energy must stay below its tangents, exceeds one by:", excess, excess <= tolerance * size)


def check_rate_distortion(
    distortion: Totals,
    rate: Totals,
    eigenvalues: ArrayLike,
    temperatures: ArrayLike,
    *,
    tolerance: float = 1e-12,
) -> None:
    """Check the free energy ``D + 2T·KL`` of a linear-Gaussian equilibrium, and its collapse above λ_max.

    Parameters
    ----------
    distortion, rate : callable
        ``T (n,) -> D (n,)`` (sampled) and ``T (n,) -> KL (n,)`` in nats.
    eigenvalues : array_like, shape (D,)
        All of them; as many latents as positive eigenvalues are supposed.
    temperatures : array_like, shape (n,)
        Positive.
    tolerance : float
        Rounding that is forgiven, relative to the total variance.

    Raises
    ------
    AssertionError
        If ``D + 2T·KL`` is not the reverse water-filling solution ``Σ_k min(T, λ_k) + T Σ_{λ_k > T} ln(λ_k/T)``,
        or if the rate is not zero for ``T ≥ λ_max``.

    Examples
    --------
    >>> lam = np.array([2.0, 1.0])
    >>> water = lambda T: np.minimum(T[:, None], lam).sum(1)
    >>> check_rate_distortion(water, lambda T: 0.5 * np.log(lam / np.minimum(T[:, None], lam)).sum(1), lam, [0.3, 3.0])
    >>> check_rate_distortion(water, lambda T: np.log(lam / np.minimum(T[:, None], lam)).sum(1), lam, [0.3, 3.0])
    Traceback (most recent call last):
    ...
    AssertionError: D + 2T·KL must be reverse water-filling, exceeds it by: 0.930... at T = 0.3
    """
    lam, t = np.asarray(eigenvalues, dtype=np.float64), np.asarray(temperatures, dtype=np.float64)
    d, kl = (np.asarray(g(t), dtype=np.float64) for g in (distortion, rate))
    # The slow twin of every fast implementation: one mode and one temperature at a time.
    expected = np.array([sum(min(ti, lk) + (ti * np.log(lk / ti) if lk > ti else 0.0) for lk in lam) for ti in t])
    where = _Where({"T": t})
    excess = d + 2 * t * kl - expected
    where.hold(
        "D + 2T·KL must be reverse water-filling, exceeds it by:", excess, np.abs(excess) <= tolerance * lam.sum()
    )
    above = t >= lam.max()
    where.hold("full collapse above the largest eigenvalue needs rate 0, is:", kl, ~above | (kl <= tolerance))


def check_encoder(
    mean: ArrayLike, log_variance: ArrayLike, *, weights: ArrayLike | None = None, tolerance: float = 1e-10
) -> None:
    """Check the output of an encoder: finite, and its rate the sum of the four non-negative terms of the KL.

    Parameters
    ----------
    mean, log_variance : array_like, shape (N, K)
        ``μ_k(x)`` and ``ln σ_k²(x)`` of every row.
    weights : array_like, shape (N,), optional
        Row weights.
    tolerance : float
        Rounding that is forgiven, relative to the largest term.

    Raises
    ------
    AssertionError
        If a value is not finite, or if the average KL is not
        ``½[−ln(1−M²) + (A² − 1 − ln A²) + J + m²]`` with every term ≥ 0.

    Notes
    -----
    An identity, not an approximation: it holds for every encoder, trained or not. What fails it is the encoder's own
    arithmetic, e.g. a standard deviation returned as a variance that underflows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> check_encoder(rng.normal(size=(50, 2)), rng.normal(size=(50, 2)))
    >>> check_encoder([[0.0], [1.0]], [[0.0], [np.inf]])
    Traceback (most recent call last):
    ...
    AssertionError: encoder output must be finite: inf at row = 1, latent = 0
    """
    mu, rho = np.asarray(mean, dtype=np.float64), np.asarray(log_variance, dtype=np.float64)
    w = np.ones(len(mu)) if weights is None else np.asarray(weights, dtype=np.float64)
    w = w / w.sum()
    row, latent = np.broadcast_arrays(np.arange(len(mu))[:, None], np.arange(mu.shape[1]))
    where = _Where({"row": row, "latent": latent})
    for value in (mu, rho):
        where.hold("encoder output must be finite:", value, np.isfinite(value))
    m, s = w @ mu, w @ np.exp(rho)
    v = w @ (mu - m) ** 2
    a2 = v + s
    terms = np.stack([-np.log(s / a2), a2 - 1 - np.log(a2), np.log(s) - w @ rho, m**2])
    direct = w @ (mu**2 + np.exp(rho) - rho - 1) / 2
    where = _Where({"latent": np.arange(len(m))})
    floor = -tolerance * (1 + np.abs(terms).max(axis=0))
    for name, term in zip(("−ln(1−M²)", "A² − 1 − ln A²", "Jensen gap", "m²"), terms, strict=True):
        where.hold(f"{name} must not be negative:", term, term >= floor)
    error = direct - terms.sum(axis=0) / 2
    where.hold("the KL must be the sum of its four terms, differs by:", error, np.abs(error) <= -floor)


def check_encoder_invariance(
    measure: Measure, mean: ArrayLike, log_variance: ArrayLike, *, tolerance: float = 1e-10
) -> None:
    """Check that a measured order parameter does not depend on how the latents are labelled, signed or scaled.

    Parameters
    ----------
    measure : callable
        ``measure(μ (N, K), ln σ² (N, K)) -> (K,)``, for instance the signal fraction of every latent.
    mean, log_variance : array_like, shape (N, K)
        Output of an encoder.
    tolerance : float
        Rounding that is forgiven, absolute.

    Raises
    ------
    AssertionError
        With the transformation that changes the measured value.

    Notes
    -----
    ``z_k → c z_k`` takes μ_k to c μ_k and σ_k to |c| σ_k. The raw second moment ``E μ²`` fails here; the signal
    fraction passes (Hirn, arXiv:2605.22691).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mu, rho = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    >>> def signal_fraction(mu, rho):
    ...     return mu.var(axis=0) / (mu.var(axis=0) + np.exp(rho).mean(axis=0))
    >>> check_encoder_invariance(signal_fraction, mu, rho)
    >>> check_encoder_invariance(lambda mu, rho: (mu**2).mean(axis=0), mu, rho)
    Traceback (most recent call last):
    ...
    AssertionError: measured value must not depend on the scale of a latent, changes by: ...
    """
    mu, rho = np.asarray(mean, dtype=np.float64), np.asarray(log_variance, dtype=np.float64)
    count = mu.shape[1]
    reference = np.asarray(measure(mu, rho), dtype=np.float64)
    scale = 2.0 ** np.resize([1.0, -2.0, 3.0], count)
    sign = np.resize([-1.0, 1.0], count)
    order = np.roll(np.arange(count), 1)
    transformed = {
        "the order of the latents": (mu[:, order], rho[:, order], reference[order]),
        "the sign of a latent": (mu * sign, rho, reference),
        "the scale of a latent": (mu * scale, rho + 2 * np.log(scale), reference),
    }
    for name, (new_mu, new_rho, expected) in transformed.items():
        change = np.asarray(measure(new_mu, new_rho), dtype=np.float64) - expected
        where = _Where({"latent": np.arange(count)})
        where.hold(f"measured value must not depend on {name}, changes by:", change, np.abs(change) <= tolerance)


class _Where:
    """Turns the first failing entry of an elementwise condition into a sentence."""

    def __init__(self, coordinates: Mapping[str, NDArray[Any]]) -> None:
        self._coordinates = coordinates

    def hold(self, claim: str, value: Array, condition: NDArray[np.bool_]) -> None:
        if np.all(condition):
            return
        first = np.unravel_index(int(np.argmin(condition)), np.shape(condition))
        place = ", ".join(f"{name} = {axis[first]:g}" for name, axis in self._coordinates.items())
        raise AssertionError(f"{claim} {value[first]:g} at {place}")
