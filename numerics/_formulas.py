"""Closed forms of the theory as NumPy functions.

Generated from the derivations by ``python -m theory.emit --write``; do not edit. Arguments broadcast; scalars give
NumPy scalars. Nothing is clipped: outside the stated ranges the formula says what it says.

Symbol table
------------
β    beta: weight of the divergence as the code writes it, > 0
η2   decoder_variance: η², in data variance, > 0
T    temperature: T, in data variance, > 0
D    features: D, number of features
K    latents: K, number of latents
B    batch: B, rows in a batch
λ    eigenvalue: λ, variance of the data along the mode, in data variance, >= 0
M2   signal_fraction: M², in [0, 1)
w    decoder_weight: w, in data units
v    encoder_weight: v, in inverse data units
s    posterior_variance: s, > 0
A2   scale: A², the posterior scale Var μ + E σ², > 0
J    jensen: J, the Jensen gap ln E σ² - E ln σ², in nats, >= 0
m    mean: m, mean of the posterior mean over the data; or signal_fraction: M², in [0, 1)
delta distance: |T − λ|, in data variance, > 0
P_w  decoder_rate: learning rate of w, > 0
P_v  encoder_rate: learning rate of v, > 0
tau  time: training time τ of the flow, > 0
p    mean: mean of the feature, in (0, 1)
Dist distortion: squared error per row at T, in data variance, > 0
n    active: n, number of active modes, < D/beta
R    rest: R, variance of all other modes, in data variance
c    curvature: c of the parabola (u, c(u² − 1)), >= 0
Λ    level max(λ, T), in data variance
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "beta_bce",
    "beta_elbo",
    "beta_half_sse",
    "beta_learned_variance",
    "beta_mse",
    "beta_mse_mean_kl",
    "beta_mse_sum_kl",
    "beta_poisson",
    "beta_sse",
    "decoder_weight_squared",
    "distortion",
    "distortion_posterior_mean",
    "encoder_weight_squared",
    "fisher_bernoulli",
    "fisher_poisson",
    "free_energy",
    "kl_terms",
    "mode_free_energy",
    "mode_gradient",
    "mode_hessian",
    "parabola_free_energy",
    "parabola_spinodal",
    "parabola_temperature",
    "parabola_tilt_stiffness",
    "posterior_variance",
    "rate",
    "reduced_free_energy",
    "rounding_distance",
    "signal_fraction",
    "signal_rate",
    "slow_rate_active",
    "slow_rate_collapsed",
    "temperature_bce",
    "temperature_elbo",
    "temperature_half_sse",
    "temperature_learned_variance",
    "temperature_mse",
    "temperature_mse_mean_kl",
    "temperature_mse_sum_kl",
    "temperature_poisson",
    "temperature_sse",
    "utility_posterior_mean",
    "utility_sampled",
]

FloatArray = NDArray[np.float64]


def temperature_elbo(beta: ArrayLike, decoder_variance: ArrayLike) -> FloatArray:
    """Temperature of the loss ``(((x - f) / eta)**2 / 2 + np.log(2 * np.pi * eta**2) / 2).sum(1).mean() + beta *
    kl.sum(1).mean()``.

    ``β*η2``

    Parameters
    ----------
    beta : array_like
        weight of the divergence as the code writes it, > 0.
    decoder_variance : array_like
        η², in data variance, > 0.

    Returns
    -------
    ndarray of float64
        T, in data variance.

    Notes
    -----
    Step ``temperature-elbo`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(temperature_elbo(0.5, 3.0)), 12)
    1.5
    """
    β = np.asarray(beta, dtype=np.float64)
    η2 = np.asarray(decoder_variance, dtype=np.float64)
    return β*η2


def beta_elbo(temperature: ArrayLike, decoder_variance: ArrayLike) -> FloatArray:
    """Weight that puts the loss ``(((x - f) / eta)**2 / 2 + np.log(2 * np.pi * eta**2) / 2).sum(1).mean() + beta
    * kl.sum(1).mean()`` at a temperature.

    ``T/η2``

    Parameters
    ----------
    temperature : array_like
        T, in data variance, > 0.
    decoder_variance : array_like
        η², in data variance, > 0.

    Returns
    -------
    ndarray of float64
        beta, as the code writes it.

    Notes
    -----
    Step ``beta-elbo`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(beta_elbo(0.5, 3.0)), 12)
    0.166666666667
    """
    T = np.asarray(temperature, dtype=np.float64)
    η2 = np.asarray(decoder_variance, dtype=np.float64)
    return T/η2


def temperature_half_sse(beta: ArrayLike) -> FloatArray:
    """Temperature of the loss ``((x - f)**2).sum(1).mean() / 2 + beta * kl.sum(1).mean()``.

    ``β``

    Parameters
    ----------
    beta : array_like
        weight of the divergence as the code writes it, > 0.

    Returns
    -------
    ndarray of float64
        T, in data variance.

    Notes
    -----
    Step ``temperature-half-sse`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(temperature_half_sse(0.5)), 12)
    0.5
    """
    return np.asarray(beta, dtype=np.float64)


def beta_half_sse(temperature: ArrayLike) -> FloatArray:
    """Weight that puts the loss ``((x - f)**2).sum(1).mean() / 2 + beta * kl.sum(1).mean()`` at a temperature.

    ``T``

    Parameters
    ----------
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        beta, as the code writes it.

    Notes
    -----
    Step ``beta-half-sse`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(beta_half_sse(0.5)), 12)
    0.5
    """
    return np.asarray(temperature, dtype=np.float64)


def temperature_sse(beta: ArrayLike) -> FloatArray:
    """Temperature of the loss ``((x - f)**2).sum(1).mean() + beta * kl.sum(1).mean()``.

    ``β/2``

    Parameters
    ----------
    beta : array_like
        weight of the divergence as the code writes it, > 0.

    Returns
    -------
    ndarray of float64
        T, in data variance.

    Notes
    -----
    Step ``temperature-sse`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(temperature_sse(0.5)), 12)
    0.25
    """
    β = np.asarray(beta, dtype=np.float64)
    return β/2


def beta_sse(temperature: ArrayLike) -> FloatArray:
    """Weight that puts the loss ``((x - f)**2).sum(1).mean() + beta * kl.sum(1).mean()`` at a temperature.

    ``2*T``

    Parameters
    ----------
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        beta, as the code writes it.

    Notes
    -----
    Step ``beta-sse`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(beta_sse(0.5)), 12)
    1.0
    """
    T = np.asarray(temperature, dtype=np.float64)
    return 2*T


def temperature_mse(beta: ArrayLike, features: ArrayLike) -> FloatArray:
    """Temperature of the loss ``((x - f)**2).mean() + beta * kl.sum(1).mean()``.

    ``D*β/2``

    Parameters
    ----------
    beta : array_like
        weight of the divergence as the code writes it, > 0.
    features : array_like
        D, number of features.

    Returns
    -------
    ndarray of float64
        T, in data variance.

    Notes
    -----
    Step ``temperature-mse`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(temperature_mse(0.5, 3.0)), 12)
    0.75
    """
    β = np.asarray(beta, dtype=np.float64)
    D = np.asarray(features, dtype=np.float64)
    return β*D/2


def beta_mse(temperature: ArrayLike, features: ArrayLike) -> FloatArray:
    """Weight that puts the loss ``((x - f)**2).mean() + beta * kl.sum(1).mean()`` at a temperature.

    ``2*T/D``

    Parameters
    ----------
    temperature : array_like
        T, in data variance, > 0.
    features : array_like
        D, number of features.

    Returns
    -------
    ndarray of float64
        beta, as the code writes it.

    Notes
    -----
    Step ``beta-mse`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(beta_mse(0.5, 3.0)), 12)
    0.333333333333
    """
    T = np.asarray(temperature, dtype=np.float64)
    D = np.asarray(features, dtype=np.float64)
    return 2*T/D


def temperature_mse_mean_kl(beta: ArrayLike, features: ArrayLike, latents: ArrayLike) -> FloatArray:
    """Temperature of the loss ``((x - f)**2).mean() + beta * kl.mean()``.

    ``D*β/(2*K)``

    Parameters
    ----------
    beta : array_like
        weight of the divergence as the code writes it, > 0.
    features : array_like
        D, number of features.
    latents : array_like
        K, number of latents.

    Returns
    -------
    ndarray of float64
        T, in data variance.

    Notes
    -----
    Step ``temperature-mse-mean-kl`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(temperature_mse_mean_kl(0.5, 3.0, 4.0)), 12)
    0.1875
    """
    β = np.asarray(beta, dtype=np.float64)
    D = np.asarray(features, dtype=np.float64)
    K = np.asarray(latents, dtype=np.float64)
    return β*D/(2*K)


def beta_mse_mean_kl(temperature: ArrayLike, features: ArrayLike, latents: ArrayLike) -> FloatArray:
    """Weight that puts the loss ``((x - f)**2).mean() + beta * kl.mean()`` at a temperature.

    ``2*K*T/D``

    Parameters
    ----------
    temperature : array_like
        T, in data variance, > 0.
    features : array_like
        D, number of features.
    latents : array_like
        K, number of latents.

    Returns
    -------
    ndarray of float64
        beta, as the code writes it.

    Notes
    -----
    Step ``beta-mse-mean-kl`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(beta_mse_mean_kl(0.5, 3.0, 4.0)), 12)
    1.333333333333
    """
    T = np.asarray(temperature, dtype=np.float64)
    D = np.asarray(features, dtype=np.float64)
    K = np.asarray(latents, dtype=np.float64)
    return 2*T*K/D


def temperature_mse_sum_kl(beta: ArrayLike, features: ArrayLike, batch: ArrayLike) -> FloatArray:
    """Temperature of the loss ``((x - f)**2).mean() + beta * kl.sum()``.

    ``B*D*β/2``

    Parameters
    ----------
    beta : array_like
        weight of the divergence as the code writes it, > 0.
    features : array_like
        D, number of features.
    batch : array_like
        B, rows in a batch.

    Returns
    -------
    ndarray of float64
        T, in data variance.

    Notes
    -----
    Step ``temperature-mse-sum-kl`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(temperature_mse_sum_kl(0.5, 3.0, 4.0)), 12)
    3.0
    """
    β = np.asarray(beta, dtype=np.float64)
    D = np.asarray(features, dtype=np.float64)
    B = np.asarray(batch, dtype=np.float64)
    return β*B*D/2


def beta_mse_sum_kl(temperature: ArrayLike, features: ArrayLike, batch: ArrayLike) -> FloatArray:
    """Weight that puts the loss ``((x - f)**2).mean() + beta * kl.sum()`` at a temperature.

    ``2*T/(B*D)``

    Parameters
    ----------
    temperature : array_like
        T, in data variance, > 0.
    features : array_like
        D, number of features.
    batch : array_like
        B, rows in a batch.

    Returns
    -------
    ndarray of float64
        beta, as the code writes it.

    Notes
    -----
    Step ``beta-mse-sum-kl`` of the derivation ``conversions``.

    Examples
    --------
    >>> round(float(beta_mse_sum_kl(0.5, 3.0, 4.0)), 12)
    0.083333333333
    """
    T = np.asarray(temperature, dtype=np.float64)
    D = np.asarray(features, dtype=np.float64)
    B = np.asarray(batch, dtype=np.float64)
    return 2*T/(B*D)


def signal_fraction(eigenvalue: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Signal fraction M² of a mode at equilibrium.

    ``(Λ - T)/Λ, Λ = max(λ, T)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        M², in [0, 1).

    Notes
    -----
    Step ``signal-fraction`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(signal_fraction(2.0, 1.0)), 12)
    0.5
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    Λ = np.maximum(T, λ)
    return (Λ - T)/Λ


def rate(eigenvalue: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Divergence of a mode at equilibrium.

    ``ln(Λ/T)/2, Λ = max(λ, T)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        KL, in nats, >= 0.

    Notes
    -----
    Step ``rate`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(rate(2.0, 1.0)), 12)
    0.34657359028
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    Λ = np.maximum(T, λ)
    return np.log(Λ/T)/2


def distortion(eigenvalue: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Sampled distortion of a mode at equilibrium: min(λ, T).

    ``s*λ, s = T/max(λ, T)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        D, in data variance.

    Notes
    -----
    Step ``distortion`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(distortion(2.0, 1.0)), 12)
    1.0
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    Λ = np.maximum(T, λ)
    s = T/Λ
    return λ*s


def distortion_posterior_mean(eigenvalue: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Distortion of a mode at equilibrium when the posterior mean is decoded.

    ``λ*s**2, s = T/max(λ, T)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        D, in data variance.

    Notes
    -----
    Step ``distortion-posterior-mean`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(distortion_posterior_mean(2.0, 1.0)), 12)
    0.5
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    Λ = np.maximum(T, λ)
    s = T/Λ
    result: FloatArray = λ*np.square(s)
    return result


def free_energy(eigenvalue: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Free energy of a mode at equilibrium.

    ``T*ln(Λ/T) + s*λ, s = T/max(λ, T), Λ = max(λ, T)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        F* = D + 2T KL, in data variance.

    Notes
    -----
    Step ``free-energy`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(free_energy(2.0, 1.0)), 12)
    1.69314718056
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    Λ = np.maximum(T, λ)
    s = T/Λ
    return T*np.log(Λ/T) + λ*s


def decoder_weight_squared(eigenvalue: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Squared decoder weight at equilibrium.

    ``Λ - T, Λ = max(λ, T)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        w², in data variance.

    Notes
    -----
    Step ``decoder-weight-squared`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(decoder_weight_squared(2.0, 1.0)), 12)
    1.0
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    Λ = np.maximum(T, λ)
    return Λ - T


def encoder_weight_squared(eigenvalue: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Squared encoder weight at equilibrium.

    ``(Λ - T)/Λ**2, Λ = max(λ, T)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        v², in inverse data variance.

    Notes
    -----
    Step ``encoder-weight-squared`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(encoder_weight_squared(2.0, 1.0)), 12)
    0.25
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    Λ = np.maximum(T, λ)
    result: FloatArray = (Λ - T)/np.square(Λ)
    return result


def posterior_variance(eigenvalue: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Posterior variance at equilibrium.

    ``s, s = T/max(λ, T)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        s, in (0, 1].

    Notes
    -----
    Step ``posterior-variance`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(posterior_variance(2.0, 1.0)), 12)
    0.5
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    Λ = np.maximum(T, λ)
    return T/Λ


def utility_sampled(eigenvalue: ArrayLike) -> FloatArray:
    """Sampled distortion that removing the mode costs, per unit signal fraction; the same at every T.

    ``λ``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.

    Returns
    -------
    ndarray of float64
        U, in data variance.

    Notes
    -----
    Step ``utility`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(utility_sampled(2.0)), 12)
    2.0
    """
    return np.asarray(eigenvalue, dtype=np.float64)


def utility_posterior_mean(eigenvalue: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Distortion that removing the mode costs per unit signal fraction, posterior means decoded.

    ``λ*(T + Λ)/Λ, Λ = max(λ, T)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        U, in data variance; its limit where the mode is collapsed.

    Notes
    -----
    Step ``utility-posterior-mean`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(utility_posterior_mean(2.0, 1.0)), 12)
    3.0
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    Λ = np.maximum(T, λ)
    return λ*(Λ + T)/Λ


def reduced_free_energy(
    signal_fraction: ArrayLike,
    eigenvalue: ArrayLike,
    temperature: ArrayLike,
) -> FloatArray:
    """Free energy of a mode with all but its signal fraction eliminated.

    ``λ*(1 - M2) - T*ln(1 - M2)``

    Parameters
    ----------
    signal_fraction : array_like
        M², in [0, 1).
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        F, in data variance.

    Notes
    -----
    Step ``eliminated-free-energy`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(reduced_free_energy(0.5, 2.0, 1.0)), 12)
    1.69314718056
    """
    M2 = np.asarray(signal_fraction, dtype=np.float64)
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    return λ*(1 - M2) - T*np.log1p(-M2)


def mode_free_energy(
    decoder_weight: ArrayLike,
    encoder_weight: ArrayLike,
    posterior_variance: ArrayLike,
    eigenvalue: ArrayLike,
    temperature: ArrayLike,
) -> FloatArray:
    """Free energy of a mode at any weights.

    ``T*(-1 + s - ln(s) + λ*v**2) + s*w**2 + λ*(1 - v*w)**2``

    Parameters
    ----------
    decoder_weight : array_like
        w, in data units.
    encoder_weight : array_like
        v, in inverse data units.
    posterior_variance : array_like
        s, > 0.
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        F, in data variance.

    Notes
    -----
    Step ``mode-free-energy`` of the derivation ``linear``.

    Examples
    --------
    >>> round(float(mode_free_energy(1.0, 0.25, 0.5, 2.0, 1.0)), 12)
    1.94314718056
    """
    w = np.asarray(decoder_weight, dtype=np.float64)
    v = np.asarray(encoder_weight, dtype=np.float64)
    s = np.asarray(posterior_variance, dtype=np.float64)
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    result: FloatArray = T*(-1 + s - np.log(s) + λ*np.square(v)) + λ*np.square(1 - v*w) + s*np.square(w)
    return result


def mode_gradient(
    decoder_weight: ArrayLike,
    encoder_weight: ArrayLike,
    posterior_variance: ArrayLike,
    eigenvalue: ArrayLike,
    temperature: ArrayLike,
) -> FloatArray:
    """Gradient of the free energy of a mode.

    Parameters
    ----------
    decoder_weight : array_like
        w, in data units.
    encoder_weight : array_like
        v, in inverse data units.
    posterior_variance : array_like
        s, > 0.
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        derivatives with respect to (w, v, s) along the last axis.

    Notes
    -----
    Step ``gradient`` of the derivation ``linear``.

    Examples
    --------
    >>> np.round(mode_gradient(1.0, 0.25, 0.5, 2.0, 1.0), 12).tolist()
    [0.25, -2.0, 0.0]
    """
    w = np.asarray(decoder_weight, dtype=np.float64)
    v = np.asarray(encoder_weight, dtype=np.float64)
    s = np.asarray(posterior_variance, dtype=np.float64)
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    entries = np.broadcast_arrays(
        -2*v*λ + 2*w*s + 2*w*λ*np.square(v),
        -2*w*λ + 2*v*T*λ + 2*v*λ*np.square(w),
        T + np.square(w) - T/s,
    )
    return np.stack(entries, axis=-1)


def mode_hessian(
    decoder_weight: ArrayLike,
    encoder_weight: ArrayLike,
    posterior_variance: ArrayLike,
    eigenvalue: ArrayLike,
    temperature: ArrayLike,
) -> FloatArray:
    """Hessian of the free energy of a mode.

    Parameters
    ----------
    decoder_weight : array_like
        w, in data units.
    encoder_weight : array_like
        v, in inverse data units.
    posterior_variance : array_like
        s, > 0.
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, >= 0.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64, shape (..., 3, 3)
        second derivatives with respect to (w, v, s) along the last two axes.

    Notes
    -----
    Step ``hessian`` of the derivation ``linear``.

    Examples
    --------
    >>> np.round(mode_hessian(1.0, 0.25, 0.5, 2.0, 1.0), 12).tolist()
    [[1.25, -2.0, 2.0], [-2.0, 8.0, 0.0], [2.0, 0.0, 4.0]]
    """
    w = np.asarray(decoder_weight, dtype=np.float64)
    v = np.asarray(encoder_weight, dtype=np.float64)
    s = np.asarray(posterior_variance, dtype=np.float64)
    λ = np.asarray(eigenvalue, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    entries = np.broadcast_arrays(
        2*s + 2*λ*np.square(v),
        -2*λ + 4*v*w*λ,
        2*w,
        -2*λ + 4*v*w*λ,
        2*T*λ + 2*λ*np.square(w),
        0.0,
        2*w,
        0.0,
        T/np.square(s),
    )
    return np.stack(entries, axis=-1).reshape(*entries[0].shape, 3, 3)


def kl_terms(
    signal_fraction: ArrayLike,
    scale: ArrayLike,
    jensen: ArrayLike,
    mean: ArrayLike,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """The four terms whose sum is the divergence of a latent; each is >= 0.

    Parameters
    ----------
    signal_fraction : array_like
        M², in [0, 1).
    scale : array_like
        A², the posterior scale Var μ + E σ², > 0.
    jensen : array_like
        J, the Jensen gap ln E σ² - E ln σ², in nats, >= 0.
    mean : array_like
        m, mean of the posterior mean over the data.

    Returns
    -------
    tuple of 4 ndarrays of float64
        information, scale, Jensen gap and offset terms, in nats.

    Notes
    -----
    Step ``terms`` of the derivation ``kl-identity``.

    Examples
    --------
    >>> tuple(round(float(term), 12) for term in kl_terms(0.5, 2.0, 0.25, 1.0))
    (0.34657359028, 0.15342640972, 0.125, 0.5)
    """
    M2 = np.asarray(signal_fraction, dtype=np.float64)
    A2 = np.asarray(scale, dtype=np.float64)
    J = np.asarray(jensen, dtype=np.float64)
    m = np.asarray(mean, dtype=np.float64)
    return (-np.log1p(-M2)/2, -1/2 + A2/2 - np.log(A2)/2, J/2, np.square(m)/2)


def slow_rate_collapsed(
    eigenvalue: ArrayLike,
    distance: ArrayLike,
    decoder_rate: ArrayLike,
    encoder_rate: ArrayLike,
) -> FloatArray:
    """Slowest decay rate of gradient flow of F above a threshold, to leading order in |T − λ|.

    ``2*P_v*P_w*delta*λ/(P_w + P_v*λ**2)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, > 0.
    distance : array_like
        |T − λ|, in data variance, > 0.
    decoder_rate : array_like
        learning rate of w, > 0.
    encoder_rate : array_like
        learning rate of v, > 0.

    Returns
    -------
    ndarray of float64
        rate, in inverse time.

    Notes
    -----
    Step ``rate-above`` of the derivation ``relaxation-rates``.

    Examples
    --------
    >>> round(float(slow_rate_collapsed(2.0, 0.1, 1.0, 3.0)), 12)
    0.092307692308
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    delta = np.asarray(distance, dtype=np.float64)
    P_w = np.asarray(decoder_rate, dtype=np.float64)
    P_v = np.asarray(encoder_rate, dtype=np.float64)
    result: FloatArray = 2*P_v*P_w*delta*λ/(P_w + P_v*np.square(λ))
    return result


def slow_rate_active(
    eigenvalue: ArrayLike,
    distance: ArrayLike,
    decoder_rate: ArrayLike,
    encoder_rate: ArrayLike,
) -> FloatArray:
    """Slowest decay rate of gradient flow of F below a threshold, to leading order in |T − λ|.

    ``4*P_v*P_w*delta*λ/(P_w + P_v*λ**2)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, > 0.
    distance : array_like
        |T − λ|, in data variance, > 0.
    decoder_rate : array_like
        learning rate of w, > 0.
    encoder_rate : array_like
        learning rate of v, > 0.

    Returns
    -------
    ndarray of float64
        rate, in inverse time.

    Notes
    -----
    Step ``rate-below`` of the derivation ``relaxation-rates``.

    Examples
    --------
    >>> round(float(slow_rate_active(2.0, 0.1, 1.0, 3.0)), 12)
    0.184615384615
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    delta = np.asarray(distance, dtype=np.float64)
    P_w = np.asarray(decoder_rate, dtype=np.float64)
    P_v = np.asarray(encoder_rate, dtype=np.float64)
    result: FloatArray = 4*P_v*P_w*delta*λ/(P_w + P_v*np.square(λ))
    return result


def rounding_distance(
    eigenvalue: ArrayLike,
    time: ArrayLike,
    decoder_rate: ArrayLike,
    encoder_rate: ArrayLike,
) -> FloatArray:
    """Distance from a threshold at which the slow rate times the training time is 1.

    ``(P_w + P_v*λ**2)/(2*P_v*P_w*tau*λ)``

    Parameters
    ----------
    eigenvalue : array_like
        λ, variance of the data along the mode, in data variance, > 0.
    time : array_like
        training time τ of the flow, > 0.
    decoder_rate : array_like
        learning rate of w, > 0.
    encoder_rate : array_like
        learning rate of v, > 0.

    Returns
    -------
    ndarray of float64
        |T − λ|, in data variance.

    Notes
    -----
    Step ``rounding`` of the derivation ``relaxation-rates``.

    Examples
    --------
    >>> round(float(rounding_distance(2.0, 100.0, 1.0, 3.0)), 12)
    0.010833333333
    """
    λ = np.asarray(eigenvalue, dtype=np.float64)
    tau = np.asarray(time, dtype=np.float64)
    P_w = np.asarray(decoder_rate, dtype=np.float64)
    P_v = np.asarray(encoder_rate, dtype=np.float64)
    result: FloatArray = (P_w + P_v*np.square(λ))/(2*P_v*P_w*λ*tau)
    return result


def temperature_bce(beta: ArrayLike) -> FloatArray:
    """Temperature of the binary cross-entropy summed over features, with features over the root of their Fisher
    information.

    ``β``

    Parameters
    ----------
    beta : array_like
        weight of the divergence as the code writes it, > 0.

    Returns
    -------
    ndarray of float64
        T, in variance of the features over √G.

    Notes
    -----
    Step ``temperature`` of the derivation ``bernoulli``.

    Examples
    --------
    >>> round(float(temperature_bce(0.5)), 12)
    0.5
    """
    return np.asarray(beta, dtype=np.float64)


def beta_bce(temperature: ArrayLike) -> FloatArray:
    """Weight that puts the binary cross-entropy summed over features at a temperature.

    ``T``

    Parameters
    ----------
    temperature : array_like
        T, in variance of the features over √G, > 0.

    Returns
    -------
    ndarray of float64
        beta, as the code writes it.

    Notes
    -----
    Step ``temperature`` of the derivation ``bernoulli``.

    Examples
    --------
    >>> round(float(beta_bce(0.5)), 12)
    0.5
    """
    return np.asarray(temperature, dtype=np.float64)


def fisher_bernoulli(mean: ArrayLike) -> FloatArray:
    """Fisher information of one feature of a bernoulli decoder at collapse.

    ``p*(1 - p)``

    Parameters
    ----------
    mean : array_like
        mean of the feature, in (0, 1).

    Returns
    -------
    ndarray of float64
        G, in data variance.

    Notes
    -----
    Step ``fisher-information`` of the derivation ``bernoulli``.

    Examples
    --------
    >>> round(float(fisher_bernoulli(0.25)), 12)
    0.1875
    """
    p = np.asarray(mean, dtype=np.float64)
    return p*(1 - p)


def temperature_poisson(beta: ArrayLike) -> FloatArray:
    """Temperature of the Poisson log-likelihood summed over features, with features over the root of their
    Fisher information.

    ``β``

    Parameters
    ----------
    beta : array_like
        weight of the divergence as the code writes it, > 0.

    Returns
    -------
    ndarray of float64
        T, in variance of the features over √G.

    Notes
    -----
    Step ``temperature`` of the derivation ``poisson``.

    Examples
    --------
    >>> round(float(temperature_poisson(0.5)), 12)
    0.5
    """
    return np.asarray(beta, dtype=np.float64)


def beta_poisson(temperature: ArrayLike) -> FloatArray:
    """Weight that puts the Poisson log-likelihood summed over features at a temperature.

    ``T``

    Parameters
    ----------
    temperature : array_like
        T, in variance of the features over √G, > 0.

    Returns
    -------
    ndarray of float64
        beta, as the code writes it.

    Notes
    -----
    Step ``temperature`` of the derivation ``poisson``.

    Examples
    --------
    >>> round(float(beta_poisson(0.5)), 12)
    0.5
    """
    return np.asarray(temperature, dtype=np.float64)


def fisher_poisson(mean: ArrayLike) -> FloatArray:
    """Fisher information of one feature of a poisson decoder at collapse.

    ``p``

    Parameters
    ----------
    mean : array_like
        mean of the feature, > 0.

    Returns
    -------
    ndarray of float64
        G, in data variance.

    Notes
    -----
    Step ``fisher-information`` of the derivation ``poisson``.

    Examples
    --------
    >>> round(float(fisher_poisson(0.25)), 12)
    0.25
    """
    return np.asarray(mean, dtype=np.float64)


def beta_learned_variance(temperature: ArrayLike, features: ArrayLike, distortion: ArrayLike) -> FloatArray:
    """Weight at which a learned decoder variance settles at a temperature.

    ``D*T/Dist``

    Parameters
    ----------
    temperature : array_like
        T, in data variance, > 0.
    features : array_like
        D, number of features.
    distortion : array_like
        squared error per row at T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        beta, as the code writes it.

    Notes
    -----
    Step ``self-consistency`` of the derivation ``learned-variance``.

    Examples
    --------
    >>> round(float(beta_learned_variance(1.0, 4.0, 3.0)), 12)
    1.333333333333
    """
    T = np.asarray(temperature, dtype=np.float64)
    D = np.asarray(features, dtype=np.float64)
    Dist = np.asarray(distortion, dtype=np.float64)
    return T*D/Dist


def temperature_learned_variance(
    beta: ArrayLike,
    features: ArrayLike,
    active: ArrayLike,
    rest: ArrayLike,
) -> FloatArray:
    """Temperature that a learned decoder variance settles at with a number of active modes.

    ``R*β/(D - n*β)``

    Parameters
    ----------
    beta : array_like
        weight of the divergence as the code writes it, > 0.
    features : array_like
        D, number of features.
    active : array_like
        n, number of active modes, < D/beta.
    rest : array_like
        R, variance of all other modes, in data variance.

    Returns
    -------
    ndarray of float64
        T, in data variance.

    Notes
    -----
    Step ``root`` of the derivation ``learned-variance``.

    Examples
    --------
    >>> round(float(temperature_learned_variance(1.0, 4.0, 2.0, 2.0)), 12)
    1.0
    """
    β = np.asarray(beta, dtype=np.float64)
    D = np.asarray(features, dtype=np.float64)
    n = np.asarray(active, dtype=np.float64)
    R = np.asarray(rest, dtype=np.float64)
    return R*β/(D - β*n)


def parabola_free_energy(
    signal_fraction: ArrayLike,
    curvature: ArrayLike,
    temperature: ArrayLike,
) -> FloatArray:
    """Free energy of a latent that encodes the parameter of a parabola.

    ``1 - m - T*ln(1 - m) + 2*c**2*(1 - m**2)``

    Parameters
    ----------
    signal_fraction : array_like
        M², in [0, 1).
    curvature : array_like
        c of the parabola (u, c(u² − 1)), >= 0.
    temperature : array_like
        T over the variance of the mode, > 0.

    Returns
    -------
    ndarray of float64
        F over the variance of u.

    Notes
    -----
    Step ``free-energy`` of the derivation ``curve``.

    Examples
    --------
    >>> round(float(parabola_free_energy(0.5, 1.0, 1.0)), 12)
    2.69314718056
    """
    m = np.asarray(signal_fraction, dtype=np.float64)
    c = np.asarray(curvature, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    result: FloatArray = 1 - m - T*np.log1p(-m) + 2*np.square(c)*(1 - np.square(m))
    return result


def parabola_temperature(signal_fraction: ArrayLike, curvature: ArrayLike) -> FloatArray:
    """Equation of state of the parabola: the temperature at which a signal fraction is stationary.

    ``(1 - m)*(1 + 4*m*c**2)``

    Parameters
    ----------
    signal_fraction : array_like
        M², in [0, 1).
    curvature : array_like
        c of the parabola (u, c(u² − 1)), >= 0.

    Returns
    -------
    ndarray of float64
        T over the variance of u; the state is locally stable where it falls with M².

    Notes
    -----
    Step ``parabola`` of the derivation ``curve``.

    Examples
    --------
    >>> round(float(parabola_temperature(0.5, 1.0)), 12)
    1.5
    """
    m = np.asarray(signal_fraction, dtype=np.float64)
    c = np.asarray(curvature, dtype=np.float64)
    result: FloatArray = (1 - m)*(1 + 4*m*np.square(c))
    return result


def signal_rate(signal_fraction: ArrayLike) -> FloatArray:
    """Divergence of a latent of constant width at posterior scale 1.

    ``-ln(1 - m)/2``

    Parameters
    ----------
    signal_fraction : array_like
        M², in [0, 1).

    Returns
    -------
    ndarray of float64
        KL, in nats.

    Notes
    -----
    Step ``rate`` of the derivation ``curve``.

    Examples
    --------
    >>> round(float(signal_rate(0.5)), 12)
    0.34657359028
    """
    m = np.asarray(signal_fraction, dtype=np.float64)
    return -np.log1p(-m)/2


def parabola_spinodal(curvature: ArrayLike) -> FloatArray:
    """Signal fraction at which the active branch of a parabola ends on heating.

    ``(-1 + 4*c**2)/(8*c**2)``

    Parameters
    ----------
    curvature : array_like
        c of the parabola (u, c(u² − 1)), >= 0.

    Returns
    -------
    ndarray of float64
        M²; not positive for c <= ½, where the branch reaches collapse.

    Notes
    -----
    Step ``parabola-spinodal`` of the derivation ``curve``.

    Examples
    --------
    >>> round(float(parabola_spinodal(1.0)), 12)
    0.375
    """
    c = np.asarray(curvature, dtype=np.float64)
    result: FloatArray = (-1 + 4*np.square(c))/(8*np.square(c))
    return result


def parabola_tilt_stiffness(signal_fraction: ArrayLike, curvature: ArrayLike) -> FloatArray:
    """Second variation of F on the parabola's branch when an encoder that sees all tilts towards x_2.

    ``(1 - m)*(1 - 3*m - 2*c**2 + 9*m**2 - 42*c**2*m**2 - 6*m*c**2 + 126*c**2*m**3)``

    Parameters
    ----------
    signal_fraction : array_like
        M², in [0, 1).
    curvature : array_like
        c of the parabola (u, c(u² − 1)), >= 0.

    Returns
    -------
    ndarray of float64
        over the variance of u; the branch is stable where it is positive.

    Notes
    -----
    Step ``tilt-branch`` of the derivation ``curve``.

    Examples
    --------
    >>> round(float(parabola_tilt_stiffness(0.5, 1.0)), 12)
    1.0
    """
    m = np.asarray(signal_fraction, dtype=np.float64)
    c = np.asarray(curvature, dtype=np.float64)
    result: FloatArray = (1 - m)*(1 - 3*m - 2*np.square(c) + 9*np.square(m) - 42*np.square(c)*np.square(m) - 6*m*np.square(c) + 126*np.square(c)*np.power(m, 3))
    return result
