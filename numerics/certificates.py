"""Certificates: proved enclosures of every collapse threshold, and a proved count of active modes.

=========  =====================================================================  ==========
symbol     meaning                                                                unit
=========  =====================================================================  ==========
``S``      covariance, as exact rationals                                         data²
``T_k``    threshold of mode k, the k-th largest eigenvalue of S                  data²
``n(σ)``   number of eigenvalues above σ, from :mod:`numerics.inertia`            modes
``δ``      half the width of a first guess                                        data²
=========  =====================================================================  ==========

Floating-point eigenvalues only say where to look: every end of every enclosure is a rational number at which the count
was proved. Eigenvalues that lie closer than the width asked for share one enclosure, with their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from theory.errors import InputError

from .inertia import Counter, Engine, ExactMatrix, Inertia

__all__ = ["ActiveCertificate", "Enclosure", "SpectrumCertificate", "certify_active", "certify_spectrum"]

_NEGATIVE = Fraction(1, 10**10)
"""A lowest eigenvalue below −1e-10 of the largest is no rounding: the matrix is no covariance."""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """``multiplicity`` thresholds, modes ``first … first + multiplicity − 1``, lie strictly inside (lower, upper).

    If ``lower == upper`` they are exactly equal to it.
    """

    lower: Fraction
    upper: Fraction
    first: int
    multiplicity: int

    @property
    def exact(self) -> bool:
        """Whether the value is known exactly."""
        return self.lower == self.upper

    @property
    def width(self) -> Fraction:
        """Upper minus lower."""
        return self.upper - self.lower


@dataclass(frozen=True, slots=True)
class SpectrumCertificate:
    """Proved enclosures of all thresholds of one matrix.

    Attributes
    ----------
    matrix : str
        Which matrix is certified.
    enclosures : tuple of Enclosure
        Descending and disjoint, all D eigenvalues together; a mode with an eigenvalue of at most 0 is never active.
    total_variance : Fraction
        V, exactly.
    status : {"certified", "undecided"}
        "undecided": the width was not reached where intervals of the highest precision left a count open; what the
        enclosures say is proved all the same.
    evaluations, bits : int
        Inertias computed, and the highest precision used (0: exact arithmetic only).
    """

    matrix: str
    enclosures: tuple[Enclosure, ...]
    total_variance: Fraction
    status: Literal["certified", "undecided"]
    evaluations: int
    bits: int

    @property
    def thresholds(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """Bounds of T_k for each of the D modes."""
        return tuple((e.lower, e.upper) for e in self.enclosures for _ in range(e.multiplicity))

    @property
    def normalized_thresholds(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """Bounds of t_k = T_k/V for each of the D modes."""
        v = self.total_variance
        return tuple((lower / v, upper / v) for lower, upper in self.thresholds) if v else self.thresholds

    @property
    def clusters(self) -> tuple[Enclosure, ...]:
        """Enclosures of several thresholds that are equal or were not told apart."""
        return tuple(e for e in self.enclosures if e.multiplicity > 1)


@dataclass(frozen=True, slots=True)
class ActiveCertificate:
    """Proved number of active modes at one temperature.

    Attributes
    ----------
    temperature : Fraction
        T exactly as certified: a float is the dyadic rational that it is.
    active : int or None
        Modes with ``λ_k > T``, at most the number of latents; None if undecided.
    marginal : int or None
        Modes with ``λ_k = T`` exactly: collapsed, at the threshold.
    matrix : str
        Which matrix is certified.
    status : {"certified", "undecided"}
        "undecided": intervals of up to ``max_bits`` bits cannot tell T from an eigenvalue.
    bits : int
        Precision that decided; 0 for exact arithmetic.
    """

    temperature: Fraction
    active: int | None
    marginal: int | None
    matrix: str
    status: Literal["certified", "undecided"]
    bits: int


def certify_active(
    covariance: Sequence[Sequence[Any]] | np.ndarray[Any, Any],
    temperature: float | Fraction,
    *,
    latents: int | None = None,
    engine: Engine = "auto",
    max_bits: int = 4096,
) -> ActiveCertificate:
    """Prove how many modes of the linear β-VAE are active at T.

    Parameters
    ----------
    covariance : square nested sequence or array
        Rationals or floats; nothing is standardised.
    temperature : float, int or Fraction
        T > 0.
    latents : int, optional
        K; as many as modes by default.
    engine : {"auto", "exact", "interval", "flint"}
        See :mod:`numerics.inertia`.
    max_bits : int
        Highest precision of intervals.

    Raises
    ------
    InputError
        For an unusable matrix, temperature, number of latents or engine.
    MissingExtraError
        For ``engine="flint"`` without python-flint.

    Examples
    --------
    >>> certify_active([[2, 1], [1, 2]], 3).active, certify_active([[2, 1], [1, 2]], 3).marginal
    (0, 1)
    """
    matrix = ExactMatrix.of(covariance)
    t = _exact_number("temperature", temperature)
    if t <= 0:
        raise InputError(f"temperature must be positive and finite, got {temperature!r}; T = β η² is a variance")
    if latents is not None and (isinstance(latents, bool) or latents != int(latents) or latents < 1):
        raise InputError(f"latents must be an integer of at least 1, got {latents!r}; ask for one latent or more")
    counter = Counter(matrix, engine, max_bits)
    _require_covariance(counter)
    found = counter.at(t)
    if found is None:
        return ActiveCertificate(t, None, None, matrix.origin, "undecided", counter.bits)
    most = matrix.size if latents is None else int(latents)
    return ActiveCertificate(t, min(found.above, most), found.equal, matrix.origin, "certified", found.bits)


def certify_spectrum(
    covariance: Sequence[Sequence[Any]] | np.ndarray[Any, Any],
    *,
    width: float | Fraction = Fraction(1, 2**40),
    engine: Engine = "auto",
    max_bits: int = 4096,
) -> SpectrumCertificate:
    """Prove an enclosure of every threshold of the linear β-VAE.

    Parameters
    ----------
    covariance, engine, max_bits
        As in :func:`certify_active`.
    width : float or Fraction
        Largest width of an enclosure, relative to the largest eigenvalue. Thresholds closer than that may share one;
        a smaller width tells them apart, unless they are exactly equal.

    Returns
    -------
    SpectrumCertificate

    Raises
    ------
    InputError, MissingExtraError
        As in :func:`certify_active`, and for a width outside (0, 1).

    Examples
    --------
    >>> [(str(e.lower), e.multiplicity) for e in certify_spectrum([[2, 1, 0], [1, 2, 0], [0, 0, 1]]).enclosures]
    [('3', 1), ('1', 2)]
    >>> gap = Fraction(1, 10**14)
    >>> [e.multiplicity for e in certify_spectrum([[1, gap], [gap, 1]]).enclosures]
    [2]
    >>> [e.multiplicity for e in certify_spectrum([[1, gap], [gap, 1]], width=gap / 10).enclosures]
    [1, 1]
    """
    matrix = ExactMatrix.of(covariance)
    relative = _exact_number("width", width)
    if not 0 < relative < 1:
        raise InputError(f"width must lie between 0 and 1 (relative to the largest eigenvalue), got {width!r}")
    counter = Counter(matrix, engine, max_bits)
    _require_covariance(counter)
    guesses = _guesses(matrix)
    scale = max(Fraction(float(guesses[-1])), Fraction(0))
    target = relative * scale
    known = _Counts(counter)
    for probe in _probes(guesses, target, scale):
        known.ask(probe)
    complete = known.refine(target)
    trace = sum((matrix.numerators[k][k] for k in range(matrix.size)), start=0)
    return SpectrumCertificate(
        matrix.origin,
        known.enclosures(),
        Fraction(trace, matrix.denominator),
        "certified" if complete else "undecided",
        counter.evaluations,
        counter.bits,
    )


class _Counts:
    """Proved counts at ascending rational points; the ends enclose the whole spectrum by Gershgorin."""

    def __init__(self, counter: Counter) -> None:
        rows = counter.matrix.numerators
        bound = Fraction(max(sum(map(abs, row)) for row in rows), counter.matrix.denominator) + 1
        size = len(rows)
        self._counter = counter
        self._size = size
        self._at = {-bound: Inertia(size, 0, 0, 0), bound: Inertia(0, 0, size, 0)}

    def ask(self, sigma: Fraction) -> bool:
        """Prove the count at σ; False if undecided."""
        if sigma in self._at:
            return True
        found = self._counter.at(sigma)
        if found is not None:
            self._at[sigma] = found
        return found is not None

    def _inside(self, low: Fraction, high: Fraction) -> int:
        """Eigenvalues strictly between two points."""
        return self._at[low].above - self._at[high].above - self._at[high].equal

    def refine(self, target: Fraction) -> bool:
        """Bisect every interval that holds eigenvalues and is wider than ``target``; False if a count stays open."""
        points = sorted(self._at)
        open_ = list(pairwise(points))
        complete = True
        while open_:
            low, high = open_.pop()
            if high - low <= target or self._inside(low, high) == 0:
                continue
            # Where intervals cannot decide at the middle (an eigenvalue may sit there), another point will do.
            for part in (Fraction(1, 2), Fraction(3, 8), Fraction(11, 16)):
                middle = low + (high - low) * part
                if self.ask(middle):
                    open_ += [(low, middle), (middle, high)]
                    break
            else:
                complete = False
        return complete

    def enclosures(self) -> tuple[Enclosure, ...]:
        """All eigenvalues, descending."""
        points = sorted(self._at, reverse=True)
        result: list[Enclosure] = []
        first = 1
        for high, low in pairwise(points):
            for upper, multiplicity in ((high, self._inside(low, high)), (low, self._at[low].equal)):
                if multiplicity:
                    result.append(Enclosure(low, upper, first, multiplicity))
                    first += multiplicity
        return tuple(result)


def _guesses(matrix: ExactMatrix) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Ascending float eigenvalues; nothing that is proved depends on them."""
    return np.linalg.eigvalsh(matrix.to_float()).astype(np.float64)


def _probes(guesses: np.ndarray[Any, np.dtype[np.float64]], target: Fraction, scale: Fraction) -> list[Fraction]:
    """Points on both sides of every guess, zero, and simple fractions that a guess may stand for."""
    rounding = Fraction(float(np.finfo(np.float64).eps)) * scale
    delta = max(target * Fraction(2, 5), 4 * len(guesses) * rounding)
    probes = {Fraction(0)}
    for value in map(float, guesses):
        guess = Fraction(value)
        probes |= {_short(guess - delta, delta), _short(guess + delta, delta)}
        simple = guess.limit_denominator(1000)
        if abs(simple - guess) <= 4 * rounding:
            probes.add(simple)
    return sorted(probes)


def _short(value: Fraction, spacing: Fraction) -> Fraction:
    """A nearby number with few bits, to keep integers short: a multiple of a power of two below ``spacing/16``."""
    if not spacing:
        return value
    ratio = 16 / spacing
    bits = max(ratio.numerator.bit_length() - ratio.denominator.bit_length() + 1, 0)
    return Fraction(round(value * 2**bits), 2**bits)


def _require_covariance(counter: Counter) -> None:
    """Raise InputError if an eigenvalue is negative beyond rounding; an undecided count is no objection."""
    scale = Fraction(float(max(_guesses(counter.matrix)[-1], 0.0)))
    found = counter.at(-_NEGATIVE * scale)
    if found is not None and found.below:
        raise InputError(
            f"covariance must be positive semidefinite, but {found.below} of its eigenvalues are below "
            f"{float(-_NEGATIVE * scale):.3g}; check how it was estimated (pairwise deletion can do this)"
        )


def _exact_number(name: str, value: float | Fraction) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction | np.integer | np.floating):
        raise InputError(f"{name} must be a number, got {value!r}; give a float, an integer or a Fraction")
    if not np.isfinite(float(value)):
        raise InputError(f"{name} must be finite, got {value!r}")
    return (
        Fraction(value) if isinstance(value, Fraction) else Fraction(value.item() if hasattr(value, "item") else value)
    )
