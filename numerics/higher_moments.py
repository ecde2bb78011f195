"""Third and fourth cumulants of the leading modes, summed block by block: the second pass over data of any size.

=========  ==========================================================  ============  ============
symbol     meaning                                                     shape         unit
=========  ==========================================================  ============  ============
``y``      scores of the r leading modes over their deviation ``√λ``   (n, r)        1
``ξ``      all coordinates of the rows in the basis of the modes       (n, D)        √data²
``κ_3``    ``E y_i y_j y_k``                                           (r, r, r)     1
``κ_4``    ``E y_i² y_j² − 1 − 2 δ_ij``                                (r, r)        1
``R²``     largest ``‖ξ‖²`` of a row                                   scalar        data²
``κ⃗_u``    ``E ξ ξ_u² / λ_u^{3/2}``, what bends the decoder             (r, D)        1
=========  ==========================================================  ============  ============
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

from .checked import require_finite

if TYPE_CHECKING:
    from .spectrum import Spectrum

__all__ = ["ModeCumulants", "ModeFrame"]

Array = NDArray[np.float64]

# Of a deviation: what separates the rounding of a second pass over the same rows from rows that are others.
_SAME = 1e-6
_BLOCK = 2**14


@dataclass(frozen=True, slots=True, eq=False)
class ModeFrame:
    """Where the modes of a spectrum lie, as much of it as measuring their cumulants takes.

    Parameters
    ----------
    mean, scale : ndarray, shape (D,)
        What centres and divides the columns.
    axes : ndarray, shape (D, D)
        Eigenvectors as columns.
    deviation : ndarray, shape (r,)
        ``√λ`` of the r leading modes.
    columns : tuple of str
        Names of the columns.
    """

    mean: Array
    scale: Array
    axes: Array
    deviation: Array
    columns: tuple[str, ...]

    @classmethod
    def of(cls, spectrum: Spectrum, modes: int) -> ModeFrame:
        """Frame of the leading modes.

        Raises
        ------
        InputError
            If the spectrum has no axes or fewer modes.
        """
        if spectrum.axes is None:
            raise InputError("the spectrum has no axes; build it with axes=True")
        if isinstance(modes, bool) or modes != int(modes) or not 1 <= modes <= spectrum.rank:
            raise InputError(f"modes must be an integer from 1 to {spectrum.rank}, the rank of the data, got {modes!r}")
        deviation = np.sqrt(spectrum.eigenvalues[: int(modes)])
        return cls(spectrum.mean, spectrum.scale, spectrum.axes, deviation, spectrum.columns)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the numbers, in hexadecimal."""
        digest = hashlib.sha256()
        for array in (self.mean, self.scale, self.axes, self.deviation):
            digest.update(np.ascontiguousarray(array, dtype="<f8").data)
        return digest.hexdigest()

    def measurement(self) -> partial[ModeCumulants]:
        """What a fold takes: a function of rows and weights that can be sent to another process."""
        return partial(ModeCumulants.of, self)


@dataclass(frozen=True, slots=True, eq=False)
class ModeCumulants:
    """Sums of products of scores; two of them add to those of the union.

    Parameters
    ----------
    weight : float
        W.
    n : int
        Rows of positive weight.
    first : ndarray, shape (r,)
        ``Σ w y_i``, zero up to rounding when the frame is that of the rows.
    second : ndarray, shape (r, r)
        ``Σ w y_i y_j``.
    third : ndarray, shape (r, r, r)
        ``Σ w y_i y_j y_k``.
    fourth : ndarray, shape (r, r)
        ``Σ w y_i² y_j²``.
    bend : ndarray, shape (r, D)
        ``Σ w y_u² ξ``, in the unit of ξ.
    square_radius : float
        Largest ‖ξ‖² of a row of positive weight.
    deviation : ndarray, shape (r,)
        ``√λ`` of the frame.

    Notes
    -----
    Population values: nothing is corrected for bias. ``κ⃗`` decides the order of the first transition for a free decoder
    behind a linear encoder (locally continuous while ``‖κ⃗‖ < 1``).

    Examples
    --------
    >>> from numerics.spectrum import Spectrum
    >>> x = np.random.default_rng(0).exponential(size=(4000, 1))
    >>> c = ModeCumulants.of(ModeFrame.of(Spectrum.from_data(x), 1), x)
    >>> y = (x[:, 0] - x.mean()) / x.std()
    >>> bool(np.isclose(c.skewness[0], np.mean(y**3))), bool(np.isclose(c.excess_kurtosis[0], np.mean(y**4) - 3))
    (True, True)
    """

    weight: float
    n: int
    first: Array
    second: Array
    third: Array
    fourth: Array
    bend: Array
    square_radius: float
    deviation: Array

    @classmethod
    def of(
        cls,
        frame: ModeFrame,
        rows: NDArray[Any],
        weights: Array | None = None,
        *,
        columns: Sequence[str] | None = None,
        where: str = "data",
    ) -> ModeCumulants:
        """Sums over some rows.

        Parameters
        ----------
        frame : ModeFrame
            Of the spectrum of all rows.
        rows : ndarray, shape (n, D)
            Finite.
        weights : ndarray, shape (n,), optional
            Not negative, not all zero.
        columns : sequence of str, optional
            Their names, which must be those of the frame if both are given.
        where : str
            What errors call the rows.

        Raises
        ------
        InputError
            If columns differ or cells are not finite.
        """
        names = frame.columns if columns is None else tuple(columns)
        if names != frame.columns or rows.shape[1] != len(names):
            raise InputError(
                f"{where}: the columns must be those of the spectrum, {', '.join(frame.columns[:4])} …, got "
                f"{', '.join(names[:4])} … ({rows.shape[1]} of them); choose the same columns"
            )
        r = len(frame.deviation)
        w = np.ones(len(rows)) if weights is None else weights
        first, second, third = np.zeros(r), np.zeros((r, r)), np.zeros((r, r, r))
        fourth, bend = np.zeros((r, r)), np.zeros((r, rows.shape[1]))
        square_radius = 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(rows), _BLOCK):
                part = slice(start, start + _BLOCK)
                xi = ((rows[part] - frame.mean) / frame.scale) @ frame.axes
                y, wp = xi[:, :r] / frame.deviation, w[part, None]
                square, weighted = y * y, wp * y
                square_radius = max(square_radius, float((np.square(xi).sum(axis=1) * (wp[:, 0] > 0)).max()))
                first += weighted.sum(axis=0)
                second += weighted.T @ y
                fourth += (wp * square).T @ square
                bend += (wp * square).T @ xi
                for k in range(r):
                    third[k] += (weighted * y[:, k : k + 1]).T @ y
        if not np.isfinite(fourth).all():
            require_finite(np.asarray(rows, dtype=np.float64), names, where)
            raise InputError(f"{where}: fourth powers overflow in double precision; check for outliers")
        return cls(
            float(w.sum()), int(np.count_nonzero(w)), first, second, third, fourth, bend, square_radius, frame.deviation
        )

    def merge(self, other: ModeCumulants) -> ModeCumulants:
        """Sums over the union of two disjoint sets of rows."""
        return ModeCumulants(
            self.weight + other.weight, self.n + other.n, self.first + other.first, self.second + other.second,
            self.third + other.third, self.fourth + other.fourth, self.bend + other.bend,
            max(self.square_radius, other.square_radius), self.deviation,
        )  # fmt: skip

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays that hold all of it, for a file."""
        return {name: np.asarray(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ModeCumulants:
        """What :meth:`to_arrays` gave, bit for bit."""
        values: dict[str, Any] = {name: arrays[name] for name in cls.__slots__}
        numbers = {name: float(arrays[name]) for name in ("weight", "square_radius")}
        return cls(**values | numbers | {"n": int(arrays["n"])})

    def require_own_frame(self) -> None:
        """Check that the rows are those behind the spectrum.

        Raises
        ------
        InputError
            If their scores are not centred and uncorrelated.
        """
        covariance = self.second / self.weight
        spread = np.sqrt(np.diagonal(covariance))
        shift = np.abs(self.first / self.weight / spread).max()
        mixing = np.abs(covariance / np.outer(spread, spread) - np.eye(len(spread))).max()
        if not max(shift, mixing) <= _SAME:
            raise InputError(
                f"the rows are not those of the spectrum: their scores have mean {shift:.2g} and correlation "
                f"{mixing:.2g} where both must be 0; take the spectrum of the same rows, weights and columns"
            )

    @property
    def _spread(self) -> Array:
        """Standard deviations of the scores: 1, but for the divisor of the spectrum."""
        return np.sqrt(np.diagonal(self.second) / self.weight)

    @property
    def third_cumulants(self) -> Array:
        """κ_3 of every triple of modes (co-skewness), shape (r, r, r)."""
        s = self._spread
        return self.third / self.weight / (s[:, None, None] * s[:, None] * s)

    @property
    def skewness(self) -> Array:
        """κ_3 of each mode, shape (r,)."""
        return np.array(np.einsum("iii->i", self.third_cumulants))

    @property
    def fourth_cumulants(self) -> Array:
        """κ_4 of every pair, ``cum(y_i, y_i, y_j, y_j)``, shape (r, r)."""
        square = np.square(self._spread)
        cumulants: Array = self.fourth / self.weight / np.outer(square, square) - 1 - 2 * np.eye(len(square))
        return cumulants

    @property
    def excess_kurtosis(self) -> Array:
        """κ_4 of each mode, shape (r,)."""
        return np.diagonal(self.fourth_cumulants).copy()

    @property
    def co_skewness(self) -> Array:
        """κ⃗_u of each mode in the basis of all modes, shape (r, D)."""
        deviation = self._spread * self.deviation
        return self.bend / self.weight / (np.square(self._spread) * deviation)[:, None]
