# ruff: noqa: E501
# fmt: off
# mypy: disable-error-code="no-any-return"
"""The linear model with every entry of its weights, as NumPy functions.

Generated from the derivations by ``python -m theory.emit_matrix --write``; do not edit. The first three
take arrays of mpmath numbers (dtype object) as well.

Symbol table
------------
B        a root of the covariance, S = B Bᵀ; shape (D, D), in data units
W, Q, s  decoder (D, K); encoder times B (K, D); posterior variances (K,)
X, Y, u  directions in W, Q and s; leading axes are a batch
T        temperature, in data variance
m, p, h  latents, directions and level of a group; R the sum of √λ over its directions
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["free_energy", "gradient", "hessian_product", "shared_free_energy", "shared_level", "shared_limit"]

Array = NDArray[Any]
FloatArray = NDArray[np.float64]


def _t(matrix: Array) -> Array:
    return np.swapaxes(matrix, -1, -2)


def _log(values: Array) -> Array:
    if values.dtype != object:
        return np.log(values)
    import mpmath

    return np.array([mpmath.log(value) for value in values], dtype=object)


def _diagonal(values: Array) -> Array:
    return values[..., :, None] * np.eye(values.shape[-1], dtype=np.int64)


def free_energy(W: Array, Q: Array, s: Array, B: Array, T: Any) -> Any:
    """Free energy at any weights, in data variance.

    Parameters
    ----------
    W, Q, s : ndarray, shapes (D, K), (K, D), (K,)
        Decoder, encoder times B, posterior variances > 0.
    B : ndarray, shape (D, D)
        Root of the covariance.
    T : float
        Temperature.
    """
    Sigma = _diagonal(s)
    return -T*len(s) - T*_log(s).sum() + T*np.trace(Q @ _t(Q)) + T*np.trace(Sigma) + np.trace(B @ _t(B)) - 2*np.trace(W @ Q @ _t(B)) + np.trace(W @ Sigma @ _t(W) + W @ Q @ _t(Q) @ _t(W))


def gradient(W: Array, Q: Array, s: Array, B: Array, T: Any) -> tuple[Array, Array, Array]:
    """Derivatives with respect to W, Q and s.

    Parameters
    ----------
    W, Q, s : ndarray, shapes (D, K), (K, D), (K,)
        Decoder, encoder times B, posterior variances > 0.
    B : ndarray, shape (D, D)
        Root of the covariance.
    T : float
        Temperature.

    Notes
    -----
    Step ``gradient`` of the derivation ``linear-matrix``.
    """
    Sigma, inverse, one = _diagonal(s), _diagonal(1 / s), np.eye(len(s), dtype=np.int64)
    return (
        W @ Sigma + W @ Sigma + ((-2)*(B @ _t(Q))) + 2*(W @ Q @ _t(Q)),
        (2*T)*Q + ((-2)*(_t(W) @ B)) + 2*(_t(W) @ W @ Q),
        np.diagonal((-T)*inverse + T*one + _t(W) @ W, axis1=-2, axis2=-1),
    )


def hessian_product(
    W: Array, Q: Array, s: Array, X: Array, Y: Array, u: Array, B: Array, T: Any
) -> tuple[Array, Array, Array]:
    """Hessian times directions: blocks of W, Q and s.

    Parameters
    ----------
    W, Q, s : ndarray, shapes (D, K), (K, D), (K,)
        Decoder, encoder times B, posterior variances > 0.
    X, Y, u : ndarray, shapes (..., D, K), (..., K, D), (..., K)
        Directions.
    B : ndarray, shape (D, D)
        Root of the covariance.
    T : float
        Temperature.

    Notes
    -----
    Step ``hessian-product`` of the derivation ``linear-matrix``.
    """
    Sigma, inverse, U = _diagonal(s), _diagonal(1 / s), _diagonal(u)
    return (
        W @ U + W @ U + X @ Sigma + X @ Sigma + ((-2)*(B @ _t(Y))) + 2*(W @ Q @ _t(Y)) + 2*(W @ Y @ _t(Q)) + 2*(X @ Q @ _t(Q)),
        (2*T)*Y + ((-2)*(_t(X) @ B)) + 2*(_t(W) @ W @ Y) + 2*(_t(W) @ X @ Q) + 2*(_t(X) @ W @ Q),
        np.diagonal(_t(W) @ X + _t(X) @ W + T*(inverse @ U @ inverse), axis1=-2, axis2=-1),
    )


def shared_level(
    root_sum: ArrayLike,
    latents: ArrayLike,
    directions: ArrayLike,
    temperature: ArrayLike,
) -> FloatArray:
    """Level of a group of latents that share directions.

    ``(R + sqrt(R**2 + 4*T*m*(m - p)))**2/(4*m**2)``

    Parameters
    ----------
    root_sum : array_like
        R, sum of √λ over the directions, in data units.
    latents : array_like
        m, latents of the group, at least 1.
    directions : array_like
        p, directions of the group, 1 to m.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        h = T + squared norm of each decoder column, in data variance.

    Notes
    -----
    Step ``shared-level`` of the derivation ``linear-matrix``.

    Examples
    --------
    >>> round(float(shared_level(1.0, 2.0, 1.0, 0.5)), 12)
    0.654508497187
    """
    R = np.asarray(root_sum, dtype=np.float64)
    m = np.asarray(latents, dtype=np.float64)
    p = np.asarray(directions, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    result: FloatArray = np.square(R + np.sqrt(np.square(R) + 4*T*m*(m - p)))/(4*np.square(m))
    return result


def shared_free_energy(
    root_sum: ArrayLike,
    latents: ArrayLike,
    level: ArrayLike,
    temperature: ArrayLike,
) -> FloatArray:
    """Free energy of a group of latents that share directions.

    ``R*T/sqrt(h) + T*m*ln(h/T)``

    Parameters
    ----------
    root_sum : array_like
        R, sum of √λ over the directions, in data units.
    latents : array_like
        m, latents of the group, at least 1.
    level : array_like
        h, as `shared_level` gives it.
    temperature : array_like
        T, in data variance, > 0.

    Returns
    -------
    ndarray of float64
        F of the group, in data variance.

    Notes
    -----
    Step ``shared-free-energy`` of the derivation ``linear-matrix``.

    Examples
    --------
    >>> round(float(shared_free_energy(1.0, 2.0, 1.0, 0.5)), 12)
    1.19314718056
    """
    R = np.asarray(root_sum, dtype=np.float64)
    m = np.asarray(latents, dtype=np.float64)
    h = np.asarray(level, dtype=np.float64)
    T = np.asarray(temperature, dtype=np.float64)
    return R*T/np.sqrt(h) + T*m*np.log(h/T)


def shared_limit(
    smallest: ArrayLike,
    root_sum: ArrayLike,
    latents: ArrayLike,
    directions: ArrayLike,
) -> FloatArray:
    """Temperature below which a group of latents that share directions exists.

    ``(R*sqrt(lambda_p) + lambda_p*(m - p))/m``

    Parameters
    ----------
    smallest : array_like
        smallest eigenvalue of the group, in data variance.
    root_sum : array_like
        R, sum of √λ over the directions, in data units.
    latents : array_like
        m, latents of the group, at least 1.
    directions : array_like
        p, directions of the group, 1 to m.

    Returns
    -------
    ndarray of float64
        T, in data variance.

    Notes
    -----
    Step ``shared-limit`` of the derivation ``linear-matrix``.

    Examples
    --------
    >>> round(float(shared_limit(1.0, 3.0, 2.0, 2.0)), 12)
    1.5
    """
    lambda_p = np.asarray(smallest, dtype=np.float64)
    R = np.asarray(root_sum, dtype=np.float64)
    m = np.asarray(latents, dtype=np.float64)
    p = np.asarray(directions, dtype=np.float64)
    return (R*np.sqrt(lambda_p) + lambda_p*(m - p))/m
