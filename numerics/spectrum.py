"""The spectrum of the data: what a linear-Gaussian VAE sees of them.

=========  =================================================  ==========  =======================
symbol     meaning                                            shape       unit
=========  =================================================  ==========  =======================
``S``      covariance (population convention by default)      (D, D)      data² (1 if standardised)
``λ``      eigenvalues of S, descending                       (D,)        as S
``U``      eigenvectors of S, one per column                  (D, D)      1
``V``      total variance, ``tr S``                           scalar      as S
=========  =================================================  ==========  =======================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from .checked import checked_weights
from .moments import Moments
from .sheet import default_names

if TYPE_CHECKING:
    from .tables import Table

__all__ = ["Spectrum"]


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Eigenvalues and axes of a covariance, with what is needed to map data into it.

    Build one with :meth:`from_data`, :meth:`from_table`, :meth:`from_moments` or :meth:`from_covariance`.

    Parameters
    ----------
    eigenvalues : ndarray, shape (D,)
        λ, descending. Values ``≤ max(N, D) · ε · λ_1`` are exactly 0: a mode that only rounding made is never active.
    axes : ndarray, shape (D, D), or None
        Eigenvectors as columns, in the order of the eigenvalues; the largest component of each is positive.
        None when they were not asked for (``eigvalsh`` is several times faster than ``eigh``).
    total_variance : float
        ``V = tr S``; the sum of the eigenvalues.
    mean, scale : ndarray, shape (D,)
        What was subtracted from and divided out of each column; scale is 1 without standardisation.
    n : int or None
        Rows behind the covariance; None if it was given as a matrix without n.
    ddof : int
        0: divided by N; 1: by N − 1.
    columns : tuple of str
        Names of the columns.

    Examples
    --------
    >>> import numpy as np
    >>> s = Spectrum.from_covariance(np.diag([1.0, 3.0]))
    >>> s.eigenvalues
    array([3., 1.])
    >>> s.rank, s.total_variance
    (2, 4.0)
    """

    eigenvalues: NDArray[np.float64]
    axes: NDArray[np.float64] | None
    total_variance: float
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    n: int | None
    ddof: int
    columns: tuple[str, ...]

    @property
    def rank(self) -> int:
        """Number of eigenvalues that are not exactly zero."""
        return int(np.count_nonzero(self.eigenvalues))

    @classmethod
    def from_data(
        cls,
        data: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        standardize: bool = True,
        ddof: int = 0,
        axes: bool = True,
        columns: Sequence[str] | None = None,
    ) -> Spectrum:
        """Spectrum of the rows of an array.

        Parameters
        ----------
        data : array_like, shape (N, D)
            At least two rows of finite real values.
        weights : array_like, shape (N,), optional
            Non-negative row weights.
        standardize : bool
            Divide every column by its population standard deviation (the spectrum is then that of the correlation
            matrix and V = D with ``ddof=0``).
        ddof : {0, 1}
            Divide by N (the convention of the loss) or by N − 1.
        axes : bool
            Whether to compute the eigenvectors.
        columns : sequence of str, optional
            Column names; ``x1 … xD`` by default.

        Raises
        ------
        InputError
            For unusable values, fewer than two rows, or a constant column when standardising.
        """
        names = _column_names(columns, np.shape(data)[-1] if np.ndim(data) == 2 else 0)
        moments = Moments.of(data, weights, columns=names)
        return cls.from_moments(moments, standardize=standardize, ddof=ddof, axes=axes, columns=names)

    @classmethod
    def from_table(cls, table: Table, *, standardize: bool = True, ddof: int = 0, axes: bool = True) -> Spectrum:
        """Spectrum of a :class:`~numerics.tables.Table`, with its weights and column names."""
        return cls.from_data(
            table.values,
            weights=table.weights,
            standardize=standardize,
            ddof=ddof,
            axes=axes,
            columns=table.columns,
        )

    @classmethod
    def from_moments(
        cls,
        moments: Moments,
        *,
        standardize: bool = True,
        ddof: int = 0,
        axes: bool = True,
        columns: Sequence[str] | None = None,
    ) -> Spectrum:
        """Spectrum of accumulated moments, by default with their names; parameters as in :meth:`from_data`."""
        names = _column_names(columns or moments.columns, moments.mean.size)
        if moments.n < 2:
            raise InputError(
                f"data must have at least 2 rows, got {moments.n}: one row has no variance; give more rows"
            )
        covariance = moments.covariance(ddof)
        scale = np.ones(moments.mean.size)
        if standardize:
            scale = np.sqrt(np.diagonal(moments.covariance()))
            constant = moments.constant
            if constant.any():
                which = ", ".join(repr(names[k]) for k in np.flatnonzero(constant)[:8])
                raise InputError(
                    f"data to standardise must vary in every column, but {which} "
                    f"{'is' if constant.sum() == 1 else 'are'} constant; drop with --drop-constant or keep the units "
                    "with --no-standardize"
                )
            covariance /= scale[:, None]
            covariance /= scale
        return cls._decompose(covariance, moments.mean, scale, moments.n, ddof, names, axes)

    @classmethod
    def from_covariance(
        cls,
        covariance: ArrayLike,
        *,
        n: int | None = None,
        axes: bool = True,
        columns: Sequence[str] | None = None,
    ) -> Spectrum:
        """Spectrum of a covariance matrix as it is (nothing is standardised).

        Parameters
        ----------
        covariance : array_like, shape (D, D)
            Symmetric, positive semidefinite up to rounding.
        n : int, optional
            Rows behind it, used in the rank tolerance ``max(n, D) · ε · λ_1``.
        axes, columns
            As in :meth:`from_data`.

        Raises
        ------
        InputError
            If the matrix is not square, finite, symmetric and positive semidefinite.
        """
        s = np.array(covariance, dtype=np.float64) if np.isrealobj(covariance) else np.empty(0)
        if s.ndim != 2 or s.shape[0] != s.shape[1] or s.size == 0 or not np.isfinite(s).all():
            raise InputError(
                f"covariance must be a square matrix of finite real numbers, got shape {np.shape(covariance)}; "
                "give E[(x − m)(x − m)ᵀ]"
            )
        largest = np.abs(s).max()
        asymmetry = np.abs(s - s.T).max()
        if asymmetry > 1e-10 * largest:
            raise InputError(
                f"covariance must be symmetric, but two mirrored entries differ by {asymmetry:.3g}; use (S + S.T) / 2"
            )
        dim = len(s)
        s = (s + s.T) / 2
        spectrum = cls._decompose(s, np.zeros(dim), np.ones(dim), n, 0, _column_names(columns, dim), axes)
        # Rounding makes eigenvalues of size ε‖S‖ negative; anything larger means that S is no covariance.
        lowest = np.linalg.eigvalsh(s)[0] if spectrum.rank < dim else 0.0
        if lowest < -1e-10 * largest:
            raise InputError(
                f"covariance must be positive semidefinite, but its smallest eigenvalue is {lowest:.3g}; "
                "check how it was estimated (pairwise deletion of missing values can do this)"
            )
        return spectrum

    @classmethod
    def _decompose(
        cls,
        covariance: NDArray[np.float64],
        mean: NDArray[np.float64],
        scale: NDArray[np.float64],
        n: int | None,
        ddof: int,
        columns: tuple[str, ...],
        axes: bool,
    ) -> Spectrum:
        if axes:
            values, vectors = np.linalg.eigh(covariance)
            vectors = np.ascontiguousarray(vectors[:, ::-1])
            largest = np.abs(vectors).argmax(axis=0)
            vectors *= np.sign(vectors[largest, np.arange(len(mean))])
        else:
            values, vectors = np.linalg.eigvalsh(covariance), None
        values = np.ascontiguousarray(values[::-1])
        dim = len(values)
        floor = max(n or 0, dim) * np.finfo(np.float64).eps * max(values[0], 0.0)
        values[values <= floor] = 0.0
        # V is the sum of what is kept, so that the modes of a rank-deficient covariance share all of it.
        return cls(values, vectors, float(values.sum()), mean, scale, n, ddof, columns)

    def standardized(self, data: ArrayLike) -> NDArray[np.float64]:
        """Rows in the coordinates of the spectrum: ``(x − mean) / scale``, shape (N, D)."""
        x = np.asarray(data, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != self.mean.size:
            raise InputError(
                f"data must have shape (rows, {self.mean.size}) like those of the spectrum, got {x.shape}; "
                "choose the same columns"
            )
        centred: NDArray[np.float64] = (x - self.mean) / self.scale
        return centred

    def mode_variances(self, data: ArrayLike, weights: ArrayLike | None = None) -> NDArray[np.float64]:
        """Mean square of other data along each axis, in the coordinates of the spectrum, shape (D,).

        For the data behind the spectrum these are the eigenvalues; for held-out rows they say how much of them each
        mode carries, a shifted mean included.

        Raises
        ------
        InputError
            If the spectrum was built without axes, or the columns differ.
        """
        if self.axes is None:
            raise InputError("the spectrum has no axes; build it with axes=True")
        along = self.standardized(data) @ self.axes
        w = None if weights is None else checked_weights(weights, len(along), "data", least=1)
        mean_square: NDArray[np.float64] = np.average(along * along, axis=0, weights=w)
        return mean_square


def _column_names(columns: Sequence[str] | None, dim: int) -> tuple[str, ...]:
    return default_names(dim, columns or (), "columns")
