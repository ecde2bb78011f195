"""Declared data: exact cumulants, and the moments that follow from them. SymPy-free.

An expansion needs data only through moments. They are declared as cumulants of the principal coordinates: any of them
may be an exact rational number, and the rest either stays symbolic or is missing. Coordinate 0 is the top mode.
Cumulants that no distribution has are refused by the Hankel (moment-matrix) criterion: E p(x)² ≥ 0 for every
polynomial p, and E[p(x) q(x)] = 0 for every q if E p(x)² = 0. In one dimension its first instance is κ4 ≥ κ3² − 2
(Pearson 1916).

Symbol table
------------
symbol   meaning                                            unit
α        exponents of a monomial x_1^α_1 … x_D^α_D          1
κ_α      joint cumulant, κ_α = 0 for |α| = 1                data unit^|α|
m_α      central moment E[x^α]                              data unit^|α|
λ_j      variance of coordinate j                           data variance
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from types import MappingProxyType
from typing import Any

from .errors import InputError

__all__ = ["Cumulants", "exact_number", "exponents", "joint_cumulant", "joint_moment", "parse_number"]

Exponents = tuple[int, ...]
Number = int | float | Fraction


def exponents(dimensions: int, degree: int) -> Iterator[Exponents]:
    """Yield all exponents of a total degree, the first coordinate's highest first.

    Examples
    --------
    >>> list(exponents(2, 2))
    [(2, 0), (1, 1), (0, 2)]
    """
    if dimensions == 1:
        yield (degree,)
        return
    for first in range(degree, -1, -1):
        for rest in exponents(dimensions - 1, degree - first):
            yield (first, *rest)


def _splits(alpha: Exponents) -> Iterator[tuple[int, Exponents, Exponents]]:
    """Terms of m_α = Σ_β C(α − e_i, β) κ_{β + e_i} m_{α − e_i − β} for the first i with α_i > 0."""
    i = next(i for i, power in enumerate(alpha) if power)
    rest = [power - (j == i) for j, power in enumerate(alpha)]
    for beta in product(*(range(power + 1) for power in rest)):
        count = math.prod(math.comb(power, part) for power, part in zip(rest, beta, strict=True))
        block = tuple(part + (j == i) for j, part in enumerate(beta))
        yield count, block, tuple(power - part for power, part in zip(rest, beta, strict=True))


def joint_moment(alpha: Exponents, cumulant: Callable[[Exponents], Any]) -> Any:
    """Moment E[x^α] from the joint cumulants, in any commutative ring.

    Parameters
    ----------
    alpha : tuple of int
        Exponents.
    cumulant : callable
        Joint cumulant of given exponents; numbers or ring elements.

    Examples
    --------
    >>> joint_moment((4,), {(1,): 0, (2,): 1, (3,): 5, (4,): 7}.__getitem__)  # κ4 + 3κ2²
    10
    """
    cache: dict[Exponents, Any] = {}

    def moment(beta: Exponents) -> Any:
        if not any(beta):
            return 1
        if beta not in cache:
            total: Any = 0
            for count, block, rest in _splits(beta):
                kappa = cumulant(block)
                if kappa != 0:
                    total = total + count * kappa * moment(rest)
            cache[beta] = total
        return cache[beta]

    return moment(alpha)


def joint_cumulant(alpha: Exponents, moment: Callable[[Exponents], Any]) -> Any:
    """Joint cumulant κ_α from the moments: the inverse of :func:`joint_moment`.

    Examples
    --------
    >>> joint_cumulant((4,), {(0,): 1, (1,): 0, (2,): 1, (3,): 5, (4,): 10}.__getitem__)
    7
    """
    cache: dict[Exponents, Any] = {}

    def cumulant(beta: Exponents) -> Any:
        if beta not in cache:
            cache[beta] = moment(beta) - sum(
                count * cumulant(block) * moment(rest) for count, block, rest in _splits(beta) if block != beta
            )
        return cache[beta]

    return cumulant(alpha)


@dataclass(frozen=True, slots=True)
class Cumulants:
    """Joint cumulants of centred, uncorrelated coordinates; coordinate 0 is the top mode.

    Parameters
    ----------
    known : mapping of tuple of int to Fraction
        Exponents α, |α| ≥ 2, to the number κ_α. Variances default to 1 for coordinate 0; covariances default to 0.
    dimensions : int
        D, at most 9.
    symbolic : bool
        Whether a cumulant that is not in `known` stays a symbol (else it is missing: an expansion that needs it
        refuses).
    name : str
        What the data are called in reports.

    Raises
    ------
    InputError
        If exponents do not fit, the top mode is correlated with another coordinate, or no distribution has these
        cumulants.

    Examples
    --------
    >>> Cumulants.of(kappa3=Fraction(1, 2), kappa4=-1).moment((4,))
    Fraction(2, 1)
    >>> Cumulants.of(kappa3=1, kappa4=-2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    theory.errors.InputError: no distribution has kappa4 < kappa3**2 - 2, got kappa3 = 1 and kappa4 = -2; ...
    """

    known: Mapping[Exponents, Fraction] = field(default_factory=dict, hash=False)
    dimensions: int = 1
    symbolic: bool = False
    name: str = "declared cumulants"

    def __post_init__(self) -> None:
        if not 1 <= self.dimensions <= 9:
            raise InputError(f"dimensions must be 1 to 9, got {self.dimensions}; declare the modes that matter")
        clean: dict[Exponents, Fraction] = {}
        for alpha, value in self.known.items():
            if len(alpha) != self.dimensions or sum(alpha) < 2 or min(alpha) < 0:
                raise InputError(
                    f"cumulant exponents must be {self.dimensions} integers with sum >= 2, got {alpha}; coordinates "
                    "are centred, so first cumulants are 0"
                )
            clean[tuple(alpha)] = exact_number(self.label(alpha), value)
        object.__setattr__(self, "known", MappingProxyType(clean))
        for j in range(self.dimensions):
            pair = tuple((i == 0) + (i == j) for i in range(self.dimensions))
            covariance = self.cumulant(pair)
            if j == 0 and covariance is not None and covariance <= 0:
                raise InputError(f"the variance of coordinate 0 must be positive, got {covariance}; drop constant data")
            if j and covariance:
                raise InputError(
                    f"coordinate 0 must be uncorrelated with coordinate {j}, got covariance {covariance}; rotate the "
                    "data to their principal axes"
                )
        _refuse_infeasible(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Cumulants, (dict(self.known), self.dimensions, self.symbolic, self.name)

    @classmethod
    def of(cls, **values: Number) -> Cumulants:
        """Declare a standardised variable by ``kappa3=…, kappa4=…``."""
        known = {}
        for name, value in values.items():
            known[_exponents_of(name, 1)] = exact_number(name, value)
        return cls(known)

    @classmethod
    def unknown(cls, dimensions: int = 1) -> Cumulants:
        """Every cumulant a symbol; the top mode has unit variance."""
        return cls({}, dimensions, symbolic=True, name="symbolic cumulants")

    @classmethod
    def parse(cls, text: str, dimensions: int = 1) -> Cumulants:
        """Read ``"κ3=1/2,κ4=-0.3"`` (or kappa3, kappa_3; for D > 1 kappa_112 and lambda2) as exact numbers.

        Raises
        ------
        InputError
            If a name or number is not understood, repeats, or no distribution has these values.

        Examples
        --------
        >>> dict(Cumulants.parse("κ3=0.1, kappa4=-1/3").known)
        {(3,): Fraction(1, 10), (4,): Fraction(-1, 3)}
        """
        known: dict[Exponents, Fraction] = {}
        for part in text.split(","):
            name, equals, number = (piece.strip() for piece in part.partition("="))
            if not equals:
                raise InputError(f"cumulants must read like κ3=1/2,κ4=-0.3, got {part.strip()!r}; write name=number")
            alpha = _exponents_of(name, dimensions)
            if alpha in known:
                raise InputError(f"cumulant {name} is given twice; give it once")
            known[alpha] = parse_number(name, number)
        return cls(known, dimensions)

    def label(self, alpha: Exponents) -> str:
        """Name of a cumulant: kappa3 in one dimension; lambda2, kappa_112 (1-based indices) in several."""
        if self.dimensions == 1:
            return f"kappa{alpha[0]}"
        if sum(alpha) == max(alpha) == 2:
            return f"lambda{alpha.index(2) + 1}"
        return "kappa_" + "".join(str(i + 1) * power for i, power in enumerate(alpha))

    def cumulant(self, alpha: Exponents) -> Fraction | None:
        """Return κ_α, or ``None`` if it is not known."""
        degree = sum(alpha)
        if degree == 1:
            return Fraction(0)
        if degree == 2 and alpha not in self.known:
            return None if max(alpha) == 2 and not alpha[0] else Fraction(int(alpha[0] == 2))
        return self.known.get(alpha)

    def moment(self, alpha: Exponents) -> Fraction | None:
        """Return the central moment E[x^α], or ``None`` if a cumulant it needs is not known."""
        missing = False

        def cumulant(beta: Exponents) -> Fraction:
            nonlocal missing
            value = self.cumulant(beta)
            missing |= value is None
            return value if value is not None else Fraction(1)

        value = joint_moment(alpha, cumulant)
        return None if missing else Fraction(value)

    @property
    def variance(self) -> Fraction:
        """λ_1, the variance of the top mode."""
        value = self.cumulant((2,) + (0,) * (self.dimensions - 1))
        assert value is not None  # it defaults to 1
        return value


def exact_number(name: str, value: Any) -> Fraction:
    """Return a finite number as the Fraction it is exactly; raise `InputError` for anything else."""
    # Integers and fractions are finite, also those that no float can hold.
    finite = math.isfinite(value) if isinstance(value, float) else isinstance(value, (int, Fraction))
    if isinstance(value, bool) or not finite:
        raise InputError(f"{name} must be a finite number (int, Fraction or float), got {value!r}; correct it")
    return Fraction(value)


def parse_number(name: str, text: str) -> Fraction:
    """Read a decimal or a quotient of integers exactly; nothing is evaluated.

    Raises
    ------
    InputError
        If the text is neither, or longer than 40 characters.

    Examples
    --------
    >>> parse_number("T", "-1.5e-1"), parse_number("T", "22/7")
    (Fraction(-3, 20), Fraction(22, 7))
    """
    # Fraction("1e999999999") would fill the memory: only short exponents pass.
    _, marker, power = text.lower().partition("e")
    plain = text.isascii() and "_" not in text and not any(c.isspace() for c in text) and len(text) <= 40
    if plain and (not marker or len(power.lstrip("+-")) <= 3):
        try:
            return Fraction(text)
        except (ValueError, ZeroDivisionError):
            pass
    raise InputError(f"{name} must be a number like 0.5, -3 or 1/2, got {text!r}; correct it")


def _exponents_of(name: str, dimensions: int) -> Exponents:
    stem = name.replace("κ", "kappa").replace("λ", "lambda")
    for prefix in ("kappa_", "kappa", "lambda_", "lambda"):
        digits = stem.removeprefix(prefix)
        if digits == stem or not (digits.isascii() and digits.isdigit()):
            continue
        indices = [int(digit) - 1 for digit in digits]
        if dimensions == 1 and prefix.startswith("kappa") and 3 <= int(digits) <= 99:
            return (int(digits),)
        if dimensions > 1 and all(0 <= i < dimensions for i in indices):
            if prefix.startswith("lambda") and len(indices) == 1 and indices[0]:
                indices *= 2
            if len(indices) >= 2 and (len(indices) > 2 or prefix.startswith("lambda")):
                return tuple(indices.count(i) for i in range(dimensions))
    example = "kappa3, kappa4, …" if dimensions == 1 else "kappa_111, kappa_112, lambda2, … (indices count from 1)"
    raise InputError(f"unknown cumulant {name!r} in {dimensions} dimension(s); use {example}")


def _refuse_infeasible(data: Cumulants) -> None:
    """Check the moment matrix of the highest degree that is fully known, bordered by the next odd degree if known."""
    if data.dimensions == 1 and (3,) not in data.known and data.known.get((4,), 0) < -2 * data.variance**2:
        raise InputError(f"no distribution has kappa4 < -2, got kappa4 = {data.known[(4,)]}; raise kappa4")
    highest = max((sum(alpha) for alpha in data.known), default=2)
    moments: dict[Exponents, Fraction] = {}
    degree = 0
    while degree < highest:
        level = {alpha: data.moment(alpha) for alpha in exponents(data.dimensions, degree + 1)}
        if any(value is None for value in level.values()):
            break
        degree += 1
        moments.update({alpha: value for alpha, value in level.items() if value is not None})
    moments[(0,) * data.dimensions] = Fraction(1)
    half = degree // 2
    basis = [alpha for k in range(half + 1) for alpha in exponents(data.dimensions, k)]
    border = list(exponents(data.dimensions, half + 1)) if degree % 2 else []
    rows = [[moments[tuple(i + j for i, j in zip(a, b, strict=True))] for b in (*basis, *border)] for a in basis]
    if _is_moment_matrix(rows):
        return
    if data.dimensions == 1:
        scale = data.variance
        third, fourth = (data.known.get((n,), Fraction(0)) for n in (3, 4))
        if fourth < third**2 / scale - 2 * scale**2:
            standard = "" if scale == 1 else f" (in units of the variance {scale}: kappa4 < kappa3**2/λ - 2λ²)"
            raise InputError(
                f"no distribution has kappa4 < kappa3**2 - 2, got kappa3 = {third} and kappa4 = {fourth}{standard}; "
                "raise kappa4 or lower |kappa3|"
            )
    names = ", ".join(f"{data.label(alpha)} = {value}" for alpha, value in data.known.items() if sum(alpha) <= degree)
    raise InputError(
        f"no distribution has these cumulants through order {degree} (their moment matrix is not positive "
        f"semidefinite): {names}; raise the even ones"
    )


def _is_moment_matrix(rows: list[list[Fraction]]) -> bool:
    """Whether the square part is positive semidefinite and the border lies in its range; exact elimination."""
    rows = [list(row) for row in rows]
    left = set(range(len(rows)))
    while left:
        pivot = max(left, key=lambda i: rows[i][i])
        if rows[pivot][pivot] <= 0:
            # No positive diagonal is left: positive semidefinite only if nothing is left at all.
            return all(not rows[i][j] for i in left for j in (*left, *range(len(rows), len(rows[i]))))
        left.remove(pivot)
        for i in left:
            factor = rows[i][pivot] / rows[pivot][pivot]
            if factor:
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[pivot], strict=True)]
    return True
