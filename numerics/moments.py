"""Weighted mean and covariance that merge: the one accumulator behind every spectrum.

=========  ==========================================  ==========  ==============
symbol     meaning                                     shape       unit
=========  ==========================================  ==========  ==============
``W``      total weight                                scalar      weight
``Σw²``    sum of squared weights                      scalar      weight²
``n``      rows of positive weight                     scalar      rows
``mean``   weighted mean of the data                   (D,)        data
``C``      scatter, ``Σ w (x − mean)(x − mean)ᵀ``      (D, D)      weight · data²
=========  ==========================================  ==========  ==============
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

from theory.errors import InputError

from .checked import checked_weights, listing, require_finite, require_squares
from .sheet import default_names, real_matrix

__all__ = ["Moments"]

# Rows per block: a float64 block of ordinary width stays in the cache between the shift and the product.
_BLOCK = 1024
# Numbers per run, the unit that threads share: a smaller table is done before a second thread has started.
_RUN = 2**21
_SYRK_FROM = 32


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
    columns : tuple of str
        Names of the columns; empty if nobody named them.
    squared_weight : float
        Sum of the squared weights.
    mean_rest : ndarray, shape (D,), optional
        What rounding took from the mean; zero if None. Where the mean is large against the spread, the difference of
        two means would otherwise have no digits left.

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
    squared_weight: float
    columns: tuple[str, ...] = ()
    mean_rest: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls,
        rows: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        columns: Sequence[str] | None = None,
        where: str = "data",
    ) -> Moments:
        """Moments of the rows of an array.

        Parameters
        ----------
        rows : array_like, shape (N, D)
            Real, finite values; float32 input is accumulated in float64.
        weights : array_like, shape (N,), optional
            Non-negative, finite, not all zero. A row of weight w counts like w equal rows.
        columns : sequence of str, optional
            Names of the columns, kept and used in error messages.
        where : str
            What error messages call the rows.

        Raises
        ------
        InputError
            If the shapes, the values or the weights are unusable, or if squares of the values overflow.
        """
        x = real_matrix(np.asanyarray(rows), where)
        w = None if weights is None else checked_weights(weights, len(x), where, least=1)
        # Wide data need more rows for the product to outweigh adding up its (D, D) results.
        block = max(_BLOCK, 4 * x.shape[1])
        # An overflow or a NaN cannot hide: it ends up in the totals, which are looked at below.
        with np.errstate(over="ignore", invalid="ignore"):
            shift = x[:block].mean(axis=0, dtype=np.float64)
            total, products = _sums(x, w, shift, block)
            weight = float(len(x) if w is None else w.sum())
            offset = total / weight
            scatter = products - weight * np.outer(offset, offset)
        if not np.isfinite(scatter).all():
            names = tuple(columns) if columns is not None else default_names(x.shape[1], (), where)
            values = x.astype(np.float64)
            require_finite(values, names, where)
            require_squares(values, names, where)
            raise InputError(f"{where}: the covariance overflows in double precision; change the unit of the columns")
        n = len(x) if w is None else int(np.count_nonzero(w))
        mean, rest = _two_sum(shift, offset)
        squared = weight if w is None else float(w @ w)
        return cls(weight, n, mean, scatter, squared, tuple(columns or ()), rest)

    def merge(self, other: Moments) -> Moments:
        """Moments of the union of two disjoint sets of rows.

        Raises
        ------
        InputError
            If the two have different columns.
        """
        if self.mean.shape != other.mean.shape:
            found = " and ".join(
                f"{m.mean.size} ({listing(m.columns, 3)})" if m.columns else str(m.mean.size) for m in (self, other)
            )
            raise InputError(
                f"moments to merge must have equal numbers of columns, got {found}; choose those that all parts have "
                "(--columns)"
            )
        if self.columns and other.columns and self.columns != other.columns:
            k = next(k for k, names in enumerate(zip(self.columns, other.columns, strict=True)) if len(set(names)) > 1)
            raise InputError(
                f"moments to merge must have the same columns, got {self.columns[k]!r} and {other.columns[k]!r} in "
                f"place {k + 1}; name the columns in one order (--columns)"
            )
        weight = self.weight + other.weight
        rests = [np.zeros_like(m.mean) if m.mean_rest is None else m.mean_rest for m in (self, other)]
        delta = (other.mean - self.mean) + (rests[1] - rests[0])
        share = other.weight / weight
        scatter = self.scatter + other.scatter + np.outer(delta, delta) * (self.weight * share)
        mean, rest = _two_sum(self.mean, share * delta + rests[0])
        squared = self.squared_weight + other.squared_weight
        return Moments(weight, self.n + other.n, mean, scatter, squared, self.columns or other.columns, rest)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays that hold all of it, for a file."""
        return {
            "weight": np.array(self.weight), "n": np.array(self.n), "mean": self.mean, "scatter": self.scatter,
            "squared_weight": np.array(self.squared_weight), "columns": np.array(self.columns, dtype=np.str_),
            "mean_rest": np.zeros_like(self.mean) if self.mean_rest is None else self.mean_rest,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Moments:
        """What :meth:`to_arrays` gave, bit for bit."""
        return cls(
            float(arrays["weight"]), int(arrays["n"]), arrays["mean"], arrays["scatter"],
            float(arrays["squared_weight"]), tuple(map(str, arrays["columns"])), arrays["mean_rest"],
        )  # fmt: skip

    @property
    def effective_rows(self) -> float:
        """Rows that count, ``(Σw)²/Σw²`` (Kish 1965): N when no row is weighted."""
        return self.weight**2 / self.squared_weight

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Columns whose rows are equal up to rounding, shape (D,)."""
        # A column of equal numbers has a scatter of rounding size, not always of size zero.
        deviation = np.sqrt(np.diagonal(self.covariance()))
        return np.asarray(deviation <= 8 * np.finfo(np.float64).eps * np.abs(self.mean))

    def scaled(self, scale: NDArray[np.float64]) -> Moments:
        """Moments of the rows divided by ``scale``, shape (D,)."""
        rest = None if self.mean_rest is None else self.mean_rest / scale
        scatter = self.scatter / np.outer(scale, scale)
        return replace(self, mean=self.mean / scale, scatter=scatter, mean_rest=rest)

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


def _sums(
    x: NDArray[Any], w: NDArray[np.float64] | None, shift: NDArray[np.float64], block: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Σ w y and Σ w y yᵀ of y = x − shift, in blocks that stay in the cache.

    Long tables are cut into runs of blocks that threads share, one BLAS thread each: at these widths several BLAS
    threads inside one small product mostly wait for each other. The cut depends on the shape only and the partial
    sums are added in order, so the result does not depend on the number of threads.
    """
    dim = x.shape[1]
    # NumPy takes SYRK for bᵀb, which does half the work, but for few columns does it more slowly than GEMM.
    right = dim if dim < _SYRK_FROM else dim + 1

    def run(start: int) -> NDArray[np.float64]:
        stop = min(start + stride, len(x))
        # A last column √w makes the one product give Σ w y too, in its last row.
        buffer = np.ones((min(block, stop - start), dim + 1))
        total, product = np.zeros((dim + 1, right)), np.empty((dim + 1, right))
        with np.errstate(over="ignore", invalid="ignore"):
            for first in range(start, stop, block):
                part = x[first : min(first + block, stop)]
                b = buffer[: len(part)]
                np.subtract(part, shift, out=b[:, :dim])
                if w is not None:
                    root = np.sqrt(w[first : first + len(part), None])
                    b[:, :dim] *= root
                    b[:, dim:] = root
                total += np.matmul(b.T, b[:, :right], out=product)
        return total

    stride = block * max(1, _RUN // (block * dim))
    starts = range(0, len(x), stride)
    if len(starts) == 1:
        total = run(0)
    else:
        with _blas().limit(limits=1), ThreadPoolExecutor(os.cpu_count()) as pool:
            total = sum(pool.map(run, starts), np.zeros((dim + 1, right)))
    return total[dim, :dim], total[:dim, :dim]


def _two_sum(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rounded sum and, exactly, what rounding took from it (Knuth, TAOCP 2, 4.2.2)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@cache
def _blas() -> ThreadpoolController:
    # Looking the libraries up takes longer than a small spectrum does.
    return ThreadpoolController()
