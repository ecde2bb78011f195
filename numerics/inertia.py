"""How many eigenvalues of a symmetric matrix exceed a number: exactly, or by intervals, never by rounding.

=========  =====================================================================  ==========
symbol     meaning                                                                shape
=========  =====================================================================  ==========
``S``      symmetric matrix of rationals ``A/q``, A integer, q > 0                (D, D)
``σ``      the rational number to compare with                                    scalar
``n₊``     eigenvalues above σ; n₀ equal, n₋ below                                scalar
=========  =====================================================================  ==========

By Sylvester's law the inertia of ``S − σ1`` is the signs of the pivots of ``L D Lᵀ``. Three engines compute them:

- ``exact``: fraction-free elimination in integers (Bareiss, Math. Comp. 22, 565 (1968)); always decides.
- ``interval``: elimination in outward-rounded binary intervals (mpmath ``iv``); faster for large matrices with long
  entries, but a pivot whose interval holds 0 leaves it undecided at that precision.
- ``flint``: the characteristic polynomial by python-flint, shifted by σ: all its roots are real, so Descartes' rule of
  signs is exact. Optional and by far the fastest.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Any, Literal

import mpmath
import numpy as np

from theory.errors import InputError, MissingExtraError

__all__ = ["ENGINES", "Counter", "ExactMatrix", "Inertia", "inertia"]

Engine = Literal["auto", "exact", "interval", "flint"]
ENGINES: tuple[Engine, ...] = ("auto", "exact", "interval", "flint")

_EXACT_UP_TO = 40
"""Size above which ``auto`` tries intervals first: integers of D·(bits per entry) bits make each exact step dear."""


@dataclass(frozen=True, slots=True)
class Inertia:
    """Eigenvalues above, equal to and below σ, and the bits with which that was decided (0: exact arithmetic)."""

    above: int
    equal: int
    below: int
    bits: int


@dataclass(frozen=True, slots=True)
class ExactMatrix:
    """A symmetric matrix of rationals ``numerators / denominator``, and where its numbers come from.

    Attributes
    ----------
    numerators : tuple of tuple of int
    denominator : int
    origin : str
        Which matrix this is, in words.
    """

    numerators: tuple[tuple[int, ...], ...]
    denominator: int
    origin: str

    @classmethod
    def of(cls, matrix: Sequence[Sequence[Any]] | np.ndarray[Any, Any]) -> ExactMatrix:
        """Read integers, fractions and floats without rounding.

        Parameters
        ----------
        matrix : square nested sequence or array
            Of int, fractions.Fraction, float (taken as the dyadic rational that it is), or SymPy rationals.

        Raises
        ------
        InputError
            If it is not square, holds something else, or is asymmetric beyond rounding.

        Notes
        -----
        A float matrix that is asymmetric by rounding is replaced by ``(S + Sᵀ)/2``, computed exactly.

        Examples
        --------
        >>> ExactMatrix.of([[Fraction(1, 3), 0], [0, 2]])
        ExactMatrix(numerators=((1, 0), (0, 6)), denominator=3, origin='the rational matrix as given')
        >>> ExactMatrix.of([[0.5]]).origin
        'the matrix of the float64 entries as given, which are dyadic rationals'
        """
        rows = [list(row) if np.ndim(row) == 1 else [] for row in matrix]
        size = len(rows)
        if size == 0 or any(len(row) != size for row in rows):
            raise InputError(
                f"covariance must be a square matrix, got rows of lengths {[len(row) for row in rows][:8]}; "
                "give D rows of D numbers"
            )
        exact = [[_rational(value, i, j) for j, value in enumerate(row)] for i, row in enumerate(rows)]
        floats = any(isinstance(value, float | np.floating) for row in rows for value in row)
        origin = "the rational matrix as given"
        if floats:
            origin = "the matrix of the float64 entries as given, which are dyadic rationals"
        largest = max(abs(value) for row in exact for value in row)
        asymmetry = max(abs(exact[i][j] - exact[j][i]) for i in range(size) for j in range(i + 1))
        if asymmetry:
            if not floats or asymmetry > Fraction(1, 10**10) * largest:
                raise InputError(
                    f"covariance must be symmetric, but two mirrored entries differ by {float(asymmetry):.3g}; "
                    "use (S + Sᵀ)/2"
                )
            exact = [[(exact[i][j] + exact[j][i]) / 2 for j in range(size)] for i in range(size)]
            origin = "(S + Sᵀ)/2, exactly, of the float64 entries as given, which are dyadic rationals"
        q = lcm(*(value.denominator for row in exact for value in row))
        return cls(tuple(tuple(int(value * q) for value in row) for row in exact), q, origin)

    @property
    def size(self) -> int:
        """D."""
        return len(self.numerators)

    def to_float(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Nearest float64 matrix, for guesses only."""
        return np.array([[float(Fraction(a, self.denominator)) for a in row] for row in self.numerators])

    def shifted(self, sigma: Fraction) -> list[list[int]]:
        """Numerators of a positive multiple of ``S − σ1``."""
        p, q = sigma.numerator, sigma.denominator
        rows = [[a * q for a in row] for row in self.numerators]
        for k in range(self.size):
            rows[k][k] -= p * self.denominator
        return rows


def inertia(matrix: ExactMatrix, sigma: Fraction) -> Inertia:
    """Exact inertia of ``S − σ1`` in integer arithmetic.

    Examples
    --------
    >>> inertia(ExactMatrix.of([[2, 1], [1, 2]]), Fraction(3))  # eigenvalues 3 and 1
    Inertia(above=0, equal=1, below=1, bits=0)
    """
    a = matrix.shifted(sigma)
    size, previous, positive, negative = len(a), 1, 0, 0
    for k in range(size):
        if not _bring_pivot(a, k):
            return Inertia(positive, size - k, negative, 0)  # what is left is zero
        pivot = a[k][k]
        # a_kk is a leading minor; its ratio to the one before is the pivot of LDLᵀ.
        if (pivot > 0) == (previous > 0):
            positive += 1
        else:
            negative += 1
        row = a[k]
        for i in range(k + 1, size):
            factor, target = row[i], a[i]
            for j in range(i, size):
                target[j] = (pivot * target[j] - factor * row[j]) // previous  # an exact division (Bareiss)
        previous = pivot
    return Inertia(positive, 0, negative, 0)


def _bring_pivot(a: list[list[int]], k: int) -> bool:
    """Make a_kk ≠ 0 by congruence in the upper triangle from row k on; False if all of it is zero."""
    size = len(a)
    if a[k][k]:
        return True
    for i in range(k + 1, size):
        if a[i][i]:
            _swap(a, k, i)
            return True
    for i in range(k, size):
        for j in range(i + 1, size):
            if a[i][j]:
                # All diagonal entries vanish, so adding row and column j to i makes a_ii = 2 a_ij.
                full = [[a[min(r, c)][max(r, c)] for c in range(size)] for r in range(size)]
                for c in range(k, size):
                    full[i][c] += full[j][c]
                for r in range(k, size):
                    full[r][i] += full[r][j]
                for r in range(k, size):
                    a[r][r:] = full[r][r:]
                _swap(a, k, i)
                return True
    return False


def _swap(a: list[list[int]], k: int, i: int) -> None:
    """Exchange rows and columns k < i of a symmetric matrix kept in its upper triangle (rows from k on)."""
    if i == k:
        return
    size = len(a)
    a[k][k], a[i][i] = a[i][i], a[k][k]
    for m in range(k + 1, i):
        a[k][m], a[m][i] = a[m][i], a[k][m]
    for m in range(i + 1, size):
        a[k][m], a[i][m] = a[i][m], a[k][m]


def _interval_inertia(matrix: ExactMatrix, sigma: Fraction, bits: int) -> Inertia | None:
    """Inertia by interval elimination with the largest middle on the diagonal as pivot; None if a sign is open."""
    iv = mpmath.iv
    saved = iv.prec
    iv.prec = bits
    try:
        a = [[iv.mpf(value) for value in row] for row in matrix.shifted(sigma)]
        size, positive = len(a), 0
        for k in range(size):
            best = max(range(k, size), key=lambda i: abs(a[i][i].mid))
            if best != k:
                a[k], a[best] = a[best], a[k]
                for row in a:
                    row[k], row[best] = row[best], row[k]
            pivot = a[k][k]
            if pivot.a <= 0 <= pivot.b:
                return None
            positive += pivot.a > 0
            for i in range(k + 1, size):
                factor = a[i][k] / pivot
                for j in range(i, size):
                    a[i][j] = a[j][i] = a[i][j] - factor * a[k][j]
        return Inertia(positive, 0, size - positive, bits)
    finally:
        iv.prec = saved


class Counter:
    """Counts of eigenvalues above any σ, by one engine; remembers how much it worked.

    Parameters
    ----------
    matrix : ExactMatrix
    engine : {"auto", "exact", "interval", "flint"}
        ``auto``: flint if it is installed; else exact up to size 40, above that intervals and, where they leave a sign
        open, exact arithmetic. All of them prove the same counts.
    max_bits : int
        Highest precision of intervals; they start at 64 bits and double.
    """

    def __init__(self, matrix: ExactMatrix, engine: Engine = "auto", max_bits: int = 4096) -> None:
        if engine not in ENGINES:
            raise InputError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}; try 'auto'")
        if isinstance(max_bits, bool) or not isinstance(max_bits, int) or max_bits < 64:
            raise InputError(f"max_bits must be an integer of at least 64, got {max_bits!r}; try 4096")
        self.matrix = matrix
        self.engine: Engine = engine
        self.max_bits = max_bits
        self.evaluations = 0
        self.bits = 0
        self._flint: Callable[[Fraction], Inertia] | None = None
        if engine == "flint" or (engine == "auto" and importlib.util.find_spec("flint")):
            self._flint = _flint_counter(matrix)

    def at(self, sigma: Fraction) -> Inertia | None:
        """Inertia of ``S − σ1``; None if intervals of up to ``max_bits`` cannot decide it."""
        self.evaluations += 1
        if self._flint is not None:
            return self._flint(sigma)
        if self.engine == "exact" or (self.engine == "auto" and self.matrix.size <= _EXACT_UP_TO):
            return inertia(self.matrix, sigma)
        bits = 64
        while bits <= self.max_bits:
            found = _interval_inertia(self.matrix, sigma, bits)
            self.bits = max(self.bits, bits)
            if found is not None:
                return found
            bits *= 2
        return inertia(self.matrix, sigma) if self.engine == "auto" else None


def _flint_counter(matrix: ExactMatrix) -> Callable[[Fraction], Inertia]:
    try:
        import flint
    except ImportError as error:
        raise MissingExtraError("the engine 'flint'", "python-flint", "flint") from error
    # Roots of the polynomial of A are q·λ.
    polynomial = flint.fmpq_poly(flint.fmpz_mat([list(row) for row in matrix.numerators]).charpoly())

    def count(sigma: Fraction) -> Inertia:
        shift = sigma * matrix.denominator
        moved = polynomial(flint.fmpq_poly([flint.fmpq(shift.numerator, shift.denominator), 1]))
        signs = [(c > 0) - (c < 0) for c in moved.coeffs()]
        equal = next(k for k, sign in enumerate(signs) if sign)
        nonzero = [sign for sign in signs if sign]
        above = sum(a != b for a, b in pairwise(nonzero))
        return Inertia(above, equal, matrix.size - above - equal, 0)

    return count


def _rational(value: Any, i: int, j: int) -> Fraction:
    """One entry as a fraction, exactly."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return Fraction(int(value))
    if isinstance(value, float | np.floating) and np.isfinite(value):
        return Fraction(float(value))
    if getattr(value, "is_Rational", False):
        return Fraction(int(value.p), int(value.q))
    raise InputError(
        f"covariance must hold finite floats, integers or fractions, got {value!r} in row {i + 1}, column {j + 1}; "
        "convert it"
    )
