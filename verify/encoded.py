"""What an encoder says of N rows, checked: the input of a diagnosis.

==========  ==================================================  ==========  ========
symbol      meaning                                             shape       unit
==========  ==================================================  ==========  ========
``μ``       posterior means                                     (N, K)      1
``ln σ²``   posterior log-variances                             (N, K)      1
``x``       the rows that were encoded, as the VAE saw them     (N, D)      data
``recon``   their reconstructions                               (N, D)      data
``A²``      posterior scale ``Var μ + E σ²`` of a latent        (K,)        1
==========  ==================================================  ==========  ========
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.checked import checked_weights, require_squares
from numerics.sheet import default_names, real_matrix
from theory.errors import InputError

from .posterior import posterior_statistics

__all__ = ["Encoded"]

Array = NDArray[np.float64]

_LARGEST = 700.0
"""Log-variances beyond this overflow as variances."""
_OFF, _ON = 0.15, 0.05
"""Median |ln A²| of the active latents: what was given is off by more than the first, another reading by less than the
second. A trained posterior has A² = 1."""
_ENOUGH = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A posterior on N rows, and what else is known of them.

    Build one with :meth:`of`, which takes any real arrays, or :func:`verify.encoded_file.read_encoded`.

    Parameters
    ----------
    mu, log_variance : ndarray (N, K)
        Finite; at least 2 rows and 1 latent.
    x, recon : ndarray (N, D), optional
        Finite, in one unit.
    weights : ndarray (N,), optional
        Weights of the rows.
    columns : tuple of str
        D names of the columns of x; empty without x.
    warnings : tuple of str
        What looks wrong without being an error.

    Raises
    ------
    InputError
        If any of this is violated.
    """

    mu: Array
    log_variance: Array
    x: Array | None = None
    recon: Array | None = None
    weights: Array | None = None
    columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows = len(self.mu)
        if self.log_variance.shape != self.mu.shape:
            raise InputError(
                f"mu and logvar (or sigma) must have the same shape (rows, latents), got {self.mu.shape} and "
                f"{self.log_variance.shape}; export both from the same encoder and rows"
            )
        if rows < 2:
            raise InputError(f"mu must have at least 2 rows, got {rows}; order parameters are averages over the data")
        for name, array in (("x", self.x), ("recon", self.recon)):
            if array is not None and len(array) != rows:
                raise InputError(
                    f"{name} must have one row per row of mu, got {len(array)} rows for {rows}; give the rows that "
                    "were encoded, in their order"
                )
        if self.x is not None and self.recon is not None and self.x.shape != self.recon.shape:
            raise InputError(
                f"recon must have the shape of x, got {self.recon.shape} for {self.x.shape}; flatten images to rows"
            )
        if len(self.columns) != (0 if self.x is None else self.x.shape[1]):
            raise InputError(
                f"columns must name every column of x, got {len(self.columns)} names for "
                f"{'no x' if self.x is None else f'{self.x.shape[1]} columns'}; give one name per column"
            )
        for name, array in (("mu", self.mu), ("logvar", self.log_variance), ("x", self.x), ("recon", self.recon)):
            if array is not None:
                _require_finite(name, array)
        if (largest := float(self.log_variance.max())) > _LARGEST:
            raise InputError(
                f"logvar must be below {_LARGEST:g}, found {largest:.4g}, whose variance overflows; clamp it in the "
                "encoder, or give sigma if these are standard deviations"
            )
        for name, array in (("mu", self.mu), ("x", self.x), ("recon", self.recon)):
            if array is not None:
                names = self.columns if name != "mu" and self.columns else default_names(array.shape[1], (), name)
                require_squares(array, names, name)

    @property
    def distortion(self) -> float | None:
        """``E‖x − recon‖²``; None without both."""
        if self.x is None or self.recon is None:
            return None
        return float(np.average(np.square(self.x - self.recon).sum(axis=1), weights=self.weights))

    @property
    def sha256(self) -> str:
        """SHA-256 of all arrays and their shapes (little-endian), in hexadecimal."""
        digest = hashlib.sha256()
        for array in (self.mu, self.log_variance, self.x, self.recon, self.weights):
            shape = () if array is None else array.shape
            digest.update(np.array([len(shape), *shape], dtype="<i8").tobytes())
            digest.update(b"" if array is None else np.ascontiguousarray(array, dtype="<f8").data)
        return digest.hexdigest()

    @classmethod
    def of(
        cls,
        mu: ArrayLike,
        log_variance: ArrayLike | None = None,
        *,
        sigma: ArrayLike | None = None,
        x: ArrayLike | None = None,
        recon: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        columns: Sequence[str] = (),
    ) -> Encoded:
        """Check arrays and make them an :class:`Encoded`.

        Parameters
        ----------
        mu : array_like (N, K)
            Posterior means.
        log_variance, sigma : array_like (N, K)
            ln σ² or σ: exactly one of them.
        x, recon : array_like (N, D), optional
            Rows and reconstructions as the VAE saw them (standardised if its input was).
        weights : array_like (N,), optional
            Not negative.
        columns : sequence of str, optional
            Names of the columns of x; ``x1 … xD`` by default.

        Raises
        ------
        InputError
            For arrays that do not fit, are not finite or are no posterior.

        Examples
        --------
        >>> Encoded.of([[0.9], [-0.9]], sigma=[[0.5], [0.5]]).log_variance.round(3)
        array([[-1.386],
               [-1.386]])
        """
        if (log_variance is None) == (sigma is None):
            raise InputError(
                f"exactly one of logvar and sigma must be given, got {'neither' if sigma is None else 'both'}; give "
                "logvar = ln σ² or sigma = σ"
            )
        means, given = _matrix(mu, "mu"), _matrix(sigma if log_variance is None else log_variance, _kind(sigma))
        rho = given if sigma is None else _logarithm(given)
        rows = None if x is None else _matrix(x, "x")
        checked = cls(
            means,
            rho,
            rows,
            None if recon is None else _matrix(recon, "recon"),
            None if weights is None else checked_weights(weights, len(means), "rows"),
            tuple(columns) if rows is None else default_names(rows.shape[1], tuple(map(str, columns)), "columns"),
        )
        return cls(
            checked.mu, checked.log_variance, checked.x, checked.recon, checked.weights, checked.columns,
            _suspicions(checked, given, _kind(sigma)),
        )  # fmt: skip


def _kind(sigma: ArrayLike | None) -> str:
    return "logvar" if sigma is None else "sigma"


def _matrix(values: Any, name: str) -> Array:
    array = np.asanyarray(values)
    if array.ndim > 2 and name in ("x", "recon"):
        raise InputError(
            f"{name} must be (rows, columns), got shape {array.shape}; flatten images: x.reshape(len(x), -1)"
        )
    return np.array(real_matrix(array, name), dtype=np.float64, order="C")


def _require_finite(name: str, array: Array) -> None:
    bad = ~np.isfinite(array)
    if bad.any():
        row, column = (int(k) for k in np.argwhere(bad)[0])
        raise InputError(
            f"{name} must be finite, found {array[row, column]} in row {row + 1}, column {column + 1} "
            f"({int(bad.sum())} in all); drop those rows or mend the encoder"
        )


def _logarithm(sigma: Array) -> Array:
    _require_finite("sigma", sigma)
    if (lowest := float(sigma.min())) <= 0:
        row, column = (int(k) for k in np.argwhere(sigma <= 0)[0])
        share = 100 * float(np.mean(sigma < 0))
        raise InputError(
            f"sigma must be positive, found {lowest:.4g} at the lowest (first in row {row + 1}, latent {column}; "
            f"{share:.3g} % negative); if these are log-variances, give them as logvar"
        )
    return np.asarray(2 * np.log(sigma))


_READINGS: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "logvar": ("log-variances ln σ²", lambda values: values),
    "sigma": ("standard deviations σ", lambda values: 2 * np.log(values)),
    "variance": ("variances σ²", np.log),
    "logsigma": ("logarithms ln σ", lambda values: 2 * values),
}


def _suspicions(encoded: Encoded, given: Array, kind: str) -> tuple[str, ...]:
    """Whether the widths look like something else than what they were called: by their range, and by A² = 1."""
    positive = bool((given > 0).all())
    if kind == "logvar" and positive:
        return (
            f"every logvar is positive ({given.min():.3g} to {given.max():.3g}), so every variance exceeds 1, which a "
            "trained posterior has no use for; if these are standard deviations, give them as sigma",
        )
    # A part of many rows is enough to tell, and as good a part as any.
    some = slice(None, None, max(1, len(given) // _ENOUGH))
    off = {
        name: _scale_residual(encoded.mu[some], reading(given[some]))
        for name, (_, reading) in _READINGS.items()
        if positive or name in ("logvar", "logsigma")
    }
    best = min(off, key=lambda name: off[name])
    if off[kind] > _OFF and off[best] < _ON:
        return (
            f"the posterior scale A² of the active latents is 1, as training makes it, if the numbers given as {kind} "
            f"are {_READINGS[best][0]}, and is not as given; check what was exported",
        )
    return ()


def _scale_residual(mu: Array, log_variance: Array) -> float:
    """Median |ln A²| of the latents that would be active; infinite if none is."""
    if log_variance.max() > _LARGEST:
        return np.inf
    found = posterior_statistics(mu, log_variance)
    scale = found.posterior_scale[found.active()]
    return float(np.median(np.abs(np.log(scale)))) if scale.size else np.inf
