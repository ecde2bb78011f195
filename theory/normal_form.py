"""The normal form of a Landau polynomial: one or two critical amplitudes, quadratic part (T − 1)(a² + 2r²).

The expansion engine, the curve family and users hand their polynomials over in this form; `theory.transition`
classifies them and `theory.truncated` solves them.

Symbol table
------------
symbol   meaning                                                            unit
a, r     amplitudes of the posterior mean, E xμ, and width, E x ln σ        1
m        a², to leading order the signal fraction M²; m ≥ 0                 1
T        temperature over the threshold, T/λ                                1
F        free energy over λ, F = 0 in the collapsed state                   1
weight   2i + j of a term m^i r^j                                           1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import sympy as sp

from .errors import InputError

__all__ = ["SIGNAL", "TEMPERATURE", "WIDTH", "LandauPolynomial", "exact", "sign"]

TEMPERATURE = sp.Symbol("T", positive=True)
SIGNAL = sp.Symbol("m", nonnegative=True)
WIDTH = sp.Symbol("r", real=True)
_SHAPES = {("m",), ("a",), ("a", "r")}
_ZERO = sp.S.Zero


@dataclass(frozen=True, slots=True)
class LandauPolynomial:
    """A truncated free energy in its critical amplitudes, in normal form.

    Parameters
    ----------
    amplitudes : tuple of str
        ``("m",)``, ``("a",)`` (then m = a²) or ``("a", "r")``.
    order : int
        Highest weight kept, counting a and r once and m twice; at least 2.
    terms : mapping of (int, int) to sympy.Expr
        Exponents (i, j) of ``m^i r^j`` to a coefficient in T and the cumulants.

    Raises
    ------
    InputError
        If the shape, an exponent or the quadratic part is not that of the normal form.

    Examples
    --------
    >>> m, T, kappa3 = sp.symbols("m T kappa3")
    >>> F = LandauPolynomial.of((T - 1) * m + (T - kappa3**2) * m**2 / 2, ("m",), order=4)
    >>> F.coefficient(2, 0), F.form(4)
    (1/2 - kappa3**2/2, m**2*(1/2 - kappa3**2/2))
    """

    amplitudes: tuple[str, ...]
    order: int
    terms: Mapping[tuple[int, int], sp.Expr] = field(hash=False)

    def __post_init__(self) -> None:
        if self.amplitudes not in _SHAPES:
            raise InputError(f"amplitudes must be ('m',), ('a',) or ('a', 'r'), got {self.amplitudes!r}")
        if isinstance(self.order, bool) or not isinstance(self.order, int) or self.order < 2:
            raise InputError(f"order must be an integer of at least 2, got {self.order!r}; try 4")
        quadratic = {(1, 0): TEMPERATURE - 1, **({(0, 2): 2 * (TEMPERATURE - 1)} if self.two else {})}
        for powers in sorted({*self.terms, *quadratic}):
            i, j = powers
            found = self.terms.get(powers, _ZERO)
            if 2 * i + j <= 2 and sp.expand(found - quadratic.get(powers, _ZERO)) != 0:
                raise InputError(
                    f"polynomial must have the quadratic part (T - 1)(a**2 + 2 r**2), got {found} for m**{i} r**{j}; "
                    "divide by the top eigenvalue and subtract F(0)"
                )
            if 2 * i + j > self.order:
                raise InputError(f"polynomial of order {self.order} has a term m**{i} r**{j}; raise order or drop it")
        object.__setattr__(self, "terms", MappingProxyType({p: c for p, c in self.terms.items() if c != 0}))

    @classmethod
    def of(cls, expression: sp.Expr, amplitudes: tuple[str, ...], order: int) -> LandauPolynomial:
        """Read a polynomial from an expression in symbols named T, a, r or m (matched by name).

        Parameters
        ----------
        expression : sympy.Expr
            F over the top eigenvalue, zero in the collapsed state.
        amplitudes : tuple of str
            Which of ``m``, ``a``, ``r`` are amplitudes.
        order : int
            Highest weight that was kept.

        Raises
        ------
        InputError
            If it is not polynomial in the amplitudes, odd in a, or not in normal form.
        """
        if amplitudes not in _SHAPES:
            raise InputError(f"amplitudes must be ('m',), ('a',) or ('a', 'r'), got {amplitudes!r}")
        expression = sp.sympify(expression)
        variables = [sp.Dummy(name) for name in amplitudes]
        names: dict[str, sp.Symbol] = {"T": TEMPERATURE, **dict(zip(amplitudes, variables, strict=True))}
        renamed = {s: names[str(s)] for s in expression.free_symbols if str(s) in names}
        expression = sp.expand(expression.subs(renamed, simultaneous=True))
        if not expression.is_polynomial(*variables):
            raise InputError(f"polynomial must be polynomial in {', '.join(amplitudes)}; expand it to an order first")
        terms: dict[tuple[int, int], sp.Expr] = {}
        for powers, coefficient in sp.Poly(expression, *variables).terms():
            first, j = (*powers, 0)[:2]
            if amplitudes[0] == "a" and first % 2:
                raise InputError(f"polynomial must be even in a, got a**{first}; z -> -z is a symmetry of every model")
            terms[first if amplitudes[0] == "m" else first // 2, j] = coefficient
        return cls(amplitudes, order, terms)

    @property
    def two(self) -> bool:
        """Whether the width is critical too."""
        return len(self.amplitudes) == 2

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """Symbols other than T that the coefficients hold, sorted by name."""
        found = {s for coefficient in self.terms.values() for s in coefficient.free_symbols} - {TEMPERATURE}
        return tuple(sorted(found, key=str))

    @property
    def expression(self) -> sp.Expr:
        """The polynomial in m, r and T."""
        return sp.Add(*(c * SIGNAL**i * WIDTH**j for (i, j), c in self.terms.items()))

    def coefficient(self, i: int, j: int = 0) -> sp.Expr:
        """Coefficient of ``m^i r^j`` at T = 1."""
        return sp.sympify(self.terms.get((i, j), _ZERO)).subs(TEMPERATURE, 1)

    def form(self, weight: int) -> sp.Expr:
        """Homogeneous part of one weight at T = 1, in m and r."""
        return sp.Add(*(self.coefficient(i, j) * SIGNAL**i * WIDTH**j for i, j in self.terms if 2 * i + j == weight))

    def at(self, values: Mapping[str, Any]) -> LandauPolynomial:
        """Insert exact numbers for cumulants.

        Parameters
        ----------
        values : mapping of str to number
            Name to integer, Fraction, SymPy number or float (taken as the decimal it prints).

        Raises
        ------
        InputError
            If a value is not a finite real number.
        """
        numbers = {name: exact(name, value) for name, value in values.items()}
        return LandauPolynomial(
            self.amplitudes,
            self.order,
            {
                p: sp.expand(c.subs({s: numbers[str(s)] for s in c.free_symbols if str(s) in numbers}))
                for p, c in self.terms.items()
            },
        )


def sign(number: sp.Expr) -> int:
    """Exact sign of a real number; that it is zero is proved, not rounded.

    Examples
    --------
    >>> sign(sp.sqrt(2) * sp.sqrt(3) - sp.sqrt(6)), sign(-sp.pi)
    (0, -1)
    """
    number = sp.sympify(number)
    if number.is_Rational:
        return int(number.p > 0) - int(number.p < 0)
    if sp.simplify(number) == 0:
        return 0
    return 1 if sp.N(number, 30) > 0 else -1


def exact(name: str, value: Any) -> sp.Expr:
    """Return a user's number exactly; a float is the decimal that it prints.

    Raises
    ------
    InputError
        If it is not a finite real number. Strings are refused, not evaluated.

    Examples
    --------
    >>> exact("T", 0.1)
    1/10
    """
    try:
        number = sp.Rational(repr(float(value))) if isinstance(value, float) else sp.sympify(value, strict=True)
        number = sp.Rational(str(number)) if number.is_Float else number
    except (TypeError, ValueError, AttributeError, sp.SympifyError):
        number = sp.nan
    if isinstance(value, bool) or number.is_number is not True or number.is_finite is not True or not number.is_real:
        raise InputError(f"{name} must be a finite real number, got {value!r}; give an integer, a fraction or a float")
    return number
