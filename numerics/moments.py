"""Weighted mean and covariance that merge: the one accumulator behind every spectrum.

=========  ==========================================  ==========  ==============
symbol     meaning                                     shape       unit
=========  ==========================================  ==========  ==============
``W``      total weight                                scalar      weight
``n``      rows of positive weight                     scalar      rows
``mean``   weighted mean of the data                   (D,)        data
``C``      scatter, ``Σ w (x − mean)(x − mean)ᵀ``      (D, D)      weight · data²
=========  ==========================================  ==========  ==============
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

__all__ = ["Moments"]

# Rows per block: a float64 block of ordinary width stays in the cache between the shift and the product.
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Moments:
    """Weight, mean and scatter of a set of rows; two of them merge exactly into the moments of the union.

    Parameters
    ----------
    weight : float
        Sum of the weights ``W > 0``.
    n : int
        Number of rows with positive weight.
    mean : ndarray, shape (D,)
        Weighted mean, in data units.
    scatter : ndarray, shape (D, D)
        Weighted sum of outer products of the centred rows.

    Notes
    -----
    Each block is shifted by the mean of the first one before its products are summed, so that data whose mean is
    large against their spread lose no digits; merging uses the pairwise update of Chan, Golub & LeVeque (1983).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(12.0).reshape(6, 2) ** 2
    >>> whole = Moments.of(x)
    >>> merged = Moments.of(x[:2]).merge(Moments.of(x[2:]))
    >>> bool(np.allclose(merged.covariance(), whole.covariance(), rtol=1e-14))
    True
    >>> bool(np.allclose(whole.covariance(), np.cov(x.T, bias=True), rtol=1e-14))
    True
    """

    weight: float
    n: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    @classmethod
    def of(cls, rows: ArrayLike, weights: ArrayLike | None = None, *, columns: Sequence[str] | None = None) -> Moments:
        """Moments of the rows of an array.

        Parameters
        ----------
        rows : array_like, shape (N, D)
            Real, finite values; float32 input is accumulated in float64.
        weights : array_like, shape (N,), optional
            Non-negative, finite, not all zero. A row of weight w counts like w equal rows.
        columns : sequence of str, optional
            Names used in error messages.

        Raises
        ------
        InputError
            If the shapes, the values or the weights are unusable, or if squares of the values overflow.
        """
        x = _checked_rows(rows)
        w = None if weights is None else _checked_weights(weights, len(x))
        dim = x.shape[1]
        # An overflow or a NaN cannot hide: it ends up in the totals, which are looked at below.
        with np.errstate(over="ignore", invalid="ignore"):
            shift = x[:_BLOCK].mean(axis=0, dtype=np.float64)
            # The last column of the block is √w, so one product gives Σ w x xᵀ, Σ w x and Σ w together.
            block = np.ones((min(_BLOCK, len(x)), dim + 1))
            total = np.zeros((dim + 1, dim + 1))
            product = np.empty_like(total)
            for start in range(0, len(x), _BLOCK):
                part = x[start : start + _BLOCK]
                view = block[: len(part)]
                np.subtract(part, shift, out=view[:, :dim])
                if w is not None:
                    root = np.sqrt(w[start : start + _BLOCK, None])
                    view[:, :dim] *= root
                    view[:, dim:] = root
                np.matmul(view.T, view, out=product)
                total += product
            weight = float(total[dim, dim])
            offset = total[dim, :dim] / weight
            scatter = total[:dim, :dim] - weight * np.outer(offset, offset)
        if not np.isfinite(scatter).all():
            raise InputError(_what_is_not_finite(x, columns))
        n = len(x) if w is None else int(np.count_nonzero(w))
        return cls(weight, n, shift + offset, scatter)

    def merge(self, other: Moments) -> Moments:
        """Moments of the union of two disjoint sets of rows.

        Raises
        ------
        InputError
            If the two have different numbers of columns.
        """
        if self.mean.shape != other.mean.shape:
            raise InputError(
                f"moments to merge must have equal numbers of columns, got {self.mean.size} and {other.mean.size}; "
                "accumulate the same columns in the same order"
            )
        weight = self.weight + other.weight
        delta = other.mean - self.mean
        share = other.weight / weight
        scatter = self.scatter + other.scatter + np.outer(delta, delta) * (self.weight * share)
        return Moments(weight, self.n + other.n, self.mean + share * delta, scatter)

    def covariance(self, ddof: int = 0) -> NDArray[np.float64]:
        """Covariance in data units squared, shape (D, D).

        Parameters
        ----------
        ddof : {0, 1}
            0 divides by the total weight (population convention: the loss is an average over the data); 1 multiplies
            that by n/(n − 1).
        """
        if ddof not in (0, 1):
            raise InputError(f"ddof must be 0 (divide by N) or 1 (divide by N − 1), got {ddof!r}; choose one of them")
        if self.n <= ddof:
            raise InputError(f"ddof={ddof} needs at least {ddof + 1} rows, got {self.n}; give more rows or ddof=0")
        return self.scatter * (self.n / (self.n - ddof) / self.weight)


def _checked_rows(rows: ArrayLike) -> NDArray[Any]:
    x = np.asarray(rows)
    if x.dtype.kind not in "fiub":
        raise InputError(f"data must be real numbers, got dtype {x.dtype}; convert the array to float64 first")
    if x.ndim != 2 or 0 in x.shape:
        raise InputError(
            f"data must be a two-dimensional array (rows, columns) with at least one of each, got shape {x.shape}; "
            "reshape it so that every row is one observation"
        )
    return x


def _checked_weights(weights: ArrayLike, n: int) -> NDArray[np.float64]:
    w = np.asarray(weights)
    if w.shape != (n,) or w.dtype.kind not in "fiub":
        raise InputError(
            f"weights must be {n} real numbers, one per row, got shape {w.shape} and dtype {w.dtype}; "
            "give one weight per row"
        )
    w = w.astype(np.float64)
    if not (np.isfinite(w).all() and (w >= 0).all() and w.any()):
        raise InputError("weights must be finite, non-negative and not all zero; mend or drop the rows concerned")
    return w


def _what_is_not_finite(x: NDArray[Any], columns: Sequence[str] | None) -> str:
    def name(k: int) -> str:
        return repr(columns[k]) if columns is not None else str(k)

    bad = np.count_nonzero(~np.isfinite(x), axis=0)
    if bad.any():
        counts = ", ".join(f"column {name(int(k))}: {bad[k]}" for k in np.flatnonzero(bad)[:5])
        return f"data must be finite, found NaN or infinite values ({counts}); drop those rows (--drop-missing) first"
    k = int(np.argmax(np.abs(x).max(axis=0)))
    return (
        f"data must be small enough to square, but column {name(k)} reaches {np.abs(x[:, k]).max():.3g} and its "
        "covariance overflows; rescale the column or take its logarithm"
    )
