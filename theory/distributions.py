"""Data whose cumulants are computed exactly: finite weighted point sets and named distributions. SymPy-free.

Symbol table
------------
symbol   meaning                                             unit
x_i, w_i points and their weights, Σ w_i = 1                 data unit, 1
κ_n      cumulant in the distribution's own rational unit    data unit^n
B_n      Bernoulli number                                    1
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from .cumulants import Cumulants, Exponents, Number, exact_number, exponents, joint_cumulant
from .errors import InputError

__all__ = ["DISTRIBUTIONS", "distribution", "from_points"]


def from_points(
    points: Sequence[Number] | Sequence[Sequence[Number]],
    weights: Sequence[Number] | None = None,
    *,
    order: int = 8,
    visible: Sequence[int] | None = None,
    name: str = "point set",
) -> Cumulants:
    """Exact cumulants of a finite weighted point set.

    Parameters
    ----------
    points : sequence of numbers, or of D-tuples of numbers
        They are centred here, not rescaled: the variance of coordinate 0 may be any rational number.
    weights : sequence of numbers, optional
        Positive; normalised here. Equal by default.
    order : int
        Highest order of the cumulants.
    visible : sequence of int, optional
        If the encoder sees only these coordinates, the others are replaced by their conditional mean given these. The
        free energy changes by a constant only, the variance that the encoder cannot explain.
    name : str
        What the data are called.

    Raises
    ------
    InputError
        If points and weights do not fit, or coordinate 0 is correlated with another one.

    Examples
    --------
    >>> fair = from_points([-1, 1], order=6)
    >>> fair.cumulant((4,)), fair.moment((6,))
    (Fraction(-2, 1), Fraction(1, 1))
    """
    rows = [[exact_number("points", c) for c in (p if isinstance(p, Sequence) else (p,))] for p in points]
    mass = [exact_number("weights", w) for w in (weights if weights is not None else [1] * len(rows))]
    if not rows or len({len(row) for row in rows}) != 1 or len(mass) != len(rows) or min(mass) <= 0:
        raise InputError(
            f"need at least one point, all of the same length, and one positive weight each, got {len(rows)} point(s) "
            f"and {len(mass)} weight(s); correct them"
        )
    total = sum(mass)
    mass = [w / total for w in mass]
    dimensions = len(rows[0])
    mean = [sum((w * row[j] for w, row in zip(mass, rows, strict=True)), Fraction(0)) for j in range(dimensions)]
    rows = [[c - m for c, m in zip(row, mean, strict=True)] for row in rows]
    if visible is not None:
        groups: dict[tuple[Fraction, ...], list[int]] = {}
        for i, row in enumerate(rows):
            groups.setdefault(tuple(row[j] for j in visible), []).append(i)
        for members in groups.values():
            share = sum((mass[i] for i in members), Fraction(0))
            centre = [sum((mass[i] * rows[i][j] for i in members), Fraction(0)) / share for j in range(dimensions)]
            for i in members:
                rows[i] = centre

    def moment(alpha: Exponents) -> Fraction:
        return sum(
            (
                w * math.prod((c**a for c, a in zip(row, alpha, strict=True)), start=Fraction(1))
                for w, row in zip(mass, rows, strict=True)
            ),
            Fraction(0),
        )

    cache: dict[Exponents, Fraction] = {}

    def cached(alpha: Exponents) -> Fraction:
        if alpha not in cache:
            cache[alpha] = moment(alpha)
        return cache[alpha]

    known = {alpha: joint_cumulant(alpha, cached) for k in range(2, order + 1) for alpha in exponents(dimensions, k)}
    return Cumulants(known, dimensions, name=name)


def _bernoulli_numbers(highest: int) -> list[Fraction]:
    numbers = [Fraction(1)]
    for n in range(1, highest + 1):
        numbers.append(-sum(math.comb(n + 1, k) * numbers[k] for k in range(n)) / Fraction(n + 1))
    return numbers


def _gaussian(n: int, _: Fraction) -> Fraction:
    return Fraction(int(n == 2))


def _uniform(n: int, _: Fraction) -> Fraction:
    return _bernoulli_numbers(n)[n] / n


def _laplace(n: int, _: Fraction) -> Fraction:
    return Fraction(0 if n % 2 else 2 * math.factorial(n - 1))


def _logistic(n: int, _: Fraction) -> Fraction:
    # κ_n = 2 (n−1)! ζ(n) for even n; in units of π this is rational by Euler's formula for ζ.
    return Fraction(0) if n % 2 else abs(_bernoulli_numbers(n)[n]) * 2**n / n


def _gamma(n: int, shape: Fraction) -> Fraction:
    return shape * math.factorial(n - 1)


def _poisson(n: int, rate: Fraction) -> Fraction:
    return rate


def _bernoulli(n: int, p: Fraction) -> Fraction:
    def moment(alpha: Exponents) -> Fraction:
        return p * (1 - p) ** alpha[0] + (1 - p) * (-p) ** alpha[0]

    return Fraction(joint_cumulant((n,), moment))


_FAMILIES: Final[Mapping[str, tuple[Callable[[int, Fraction], Fraction], str]]] = {
    "gaussian": (_gaussian, ""),
    "uniform": (_uniform, ""),
    "laplace": (_laplace, ""),
    "logistic": (_logistic, ""),
    "exponential": (_gamma, ""),
    "gamma": (_gamma, "shape > 0"),
    "poisson": (_poisson, "rate > 0"),
    "bernoulli": (_bernoulli, "0 < p < 1"),
}

DISTRIBUTIONS: Final = tuple(_FAMILIES)


def distribution(name: str, parameter: Number | None = None, *, order: int = 8) -> Cumulants:
    """Exact cumulants of a named distribution, in its own rational unit (logistic: in units of π times the scale).

    Parameters
    ----------
    name : str
        One of `DISTRIBUTIONS`.
    parameter : number, optional
        Shape of ``gamma``, rate of ``poisson``, p of ``bernoulli`` (default ½, the fair two-point distribution).
    order : int
        Highest order.

    Raises
    ------
    InputError
        If the name is unknown or the parameter does not fit.

    Examples
    --------
    >>> uniform = distribution("uniform")
    >>> uniform.cumulant((4,)) / uniform.variance**2
    Fraction(-6, 5)
    """
    if name not in _FAMILIES:
        raise InputError(f"unknown distribution {name!r}; known are {', '.join(DISTRIBUTIONS)}; choose one of them")
    cumulant, domain = _FAMILIES[name]
    if (parameter is None) == bool(domain) and name != "bernoulli":
        raise InputError(f"{name} takes {domain or 'no parameter'}, got {parameter!r}; correct it")
    default = Fraction(1, 2) if name == "bernoulli" else 1
    value = exact_number(f"parameter of {name}", default if parameter is None else parameter)
    if value <= 0 or (name == "bernoulli" and value >= 1):
        raise InputError(f"the parameter of {name} must satisfy {domain}, got {value}; correct it")
    known: dict[Exponents, Fraction] = {(n,): cumulant(n, value) for n in range(2, order + 1)}
    return Cumulants(known, name=name if parameter is None else f"{name}({value})")
