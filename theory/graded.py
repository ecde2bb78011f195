"""Exact polynomial algebra graded by a bookkeeping order, in which terms beyond the order are never formed.

An element is a list by weight: entry k is a SymPy ring polynomial that multiplies ε^k. A product of two lists is a
Cauchy product, so a truncated product costs only the terms that are kept; multiplying first and truncating afterwards
forms them all. Everything a perturbation expansion needs is here: products, exp, inverse and substitution.

Not chosen: `sympy.polys.ring_series`, which truncates in one generator of the same sparse dictionary and therefore
looks at every pair of terms before it drops it.

Symbol table
------------
symbol    meaning
n         the order: highest weight kept
A_k       part of weight k, a polynomial of the ring
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from sympy.polys.rings import PolyElement, PolyRing

__all__ = ["Graded", "GradedAlgebra", "fused"]

Graded = list[PolyElement]
"""Parts by weight, from 0 to the order."""


def fused(ring: PolyRing, terms: Iterable[tuple[Any, PolyElement, PolyElement]]) -> PolyElement:
    """Return Σ c p q over the triples (c, p, q), in one dictionary.

    The sum of products is what all of this costs. Accumulating in place avoids one polynomial per product, and over the
    rationals the arithmetic is done on integers over one common denominator: a Python rational reduces to lowest terms
    at every step, which costs ten times an integer operation.

    Parameters
    ----------
    ring : PolyRing
        Over the rationals.
    terms : iterable of (rational, PolyElement, PolyElement)
        Factor and two elements of the ring.

    Examples
    --------
    >>> from sympy import QQ, ring
    >>> R, x, y = ring("x, y", QQ)
    >>> fused(R, [(2, x, y), (QQ(-1, 3), x + y, y)])
    5/3*x*y - 1/3*y**2
    """
    products = [(factor, _integral(p), _integral(q)) for factor, p, q in terms if p and q]
    common = math.lcm(*(factor.denominator * p[0] * q[0] for factor, p, q in products))
    total: dict[Any, int] = {}
    get, join = total.get, ring.monomial_mul
    for factor, (below_p, p), (below_q, q) in products:
        scale = common // (factor.denominator * below_p * below_q) * factor.numerator
        if len(p) > len(q):
            p, q = q, p
        for left, a in p:
            scaled = a * scale
            for right, b in q:
                key = join(left, right)
                total[key] = get(key, 0) + scaled * b
    element: PolyElement = ring.zero
    rational = ring.domain
    for key, value in total.items():
        if value:
            element[key] = rational(value, common)
    return element


def _integral(element: PolyElement) -> tuple[int, list[tuple[Any, int]]]:
    """Return the common denominator of the coefficients, and the terms multiplied by it."""
    common = math.lcm(*(c.denominator for c in element.values()))
    if common == 1:
        return 1, [(key, c.numerator) for key, c in element.items()]
    return common, [(key, common // c.denominator * c.numerator) for key, c in element.items()]


class GradedAlgebra:
    """Truncated power series in ε with coefficients in a polynomial ring.

    Parameters
    ----------
    ring : sympy.polys.rings.PolyRing
        Coefficient ring; its domain must be a field that contains the rationals for `exp` and `inverse` of a
        non-unit constant.
    order : int
        Highest weight kept, ≥ 0.

    Examples
    --------
    >>> from sympy import QQ, ring
    >>> R, x = ring("x", QQ)
    >>> algebra = GradedAlgebra(R, 3)
    >>> algebra.exp(algebra.series({1: x}))
    [1, x, 1/2*x**2, 1/6*x**3]
    >>> algebra.inverse(algebra.series({0: R.one, 1: -x}))
    [1, x, x**2, x**3]
    """

    def __init__(self, ring: PolyRing, order: int) -> None:
        self.ring = ring
        self.order = order

    def zero(self) -> Graded:
        """Return 0."""
        return [self.ring.zero] * (self.order + 1)

    def series(self, parts: dict[int, PolyElement]) -> Graded:
        """Return the element with the given parts; weights beyond the order are dropped."""
        out = self.zero()
        for weight, part in parts.items():
            if weight <= self.order:
                out[weight] = self.ring(part)
        return out

    def product_part(self, left: Graded, right: Graded, weight: int) -> PolyElement:
        """Return the part of one weight of a product; only parts of smaller or equal weight are read."""
        return fused(self.ring, ((1, left[i], right[weight - i]) for i in range(weight + 1)))

    def product(self, left: Graded, right: Graded) -> Graded:
        """Return the truncated product."""
        return [self.product_part(left, right, k) for k in range(self.order + 1)]

    def exp_part(self, argument: Graded, powers: Graded, weight: int) -> PolyElement:
        """Return part k ≥ 1 of E = exp(A) from its lower parts, by k E_k = Σ_i i A_i E_{k−i} (A_0 = 0)."""
        part = fused(self.ring, ((i, argument[i], powers[weight - i]) for i in range(1, weight + 1)))
        return part * self.ring.domain(1, weight)

    def exp(self, argument: Graded) -> Graded:
        """Return exp(A) for A without part of weight 0.

        Raises
        ------
        ValueError
            If A_0 ≠ 0, whose exponential is not a polynomial.
        """
        if argument[0]:
            raise ValueError(f"exp needs an argument without part of weight 0, got {argument[0]}")
        out = self.zero()
        out[0] = self.ring.one
        for k in range(1, self.order + 1):
            out[k] = self.exp_part(argument, out, k)
        return out

    def inverse(self, element: Graded) -> Graded:
        """Return 1/A for A_0 a nonzero constant of the domain.

        Raises
        ------
        ValueError
            If A_0 is zero or not a constant.
        """
        if not element[0] or not element[0].is_ground:
            raise ValueError(f"inverse needs a nonzero constant part of weight 0, got {element[0]}")
        out = self.zero()
        unit = self.ring.domain.one / element[0].LC
        out[0] = self.ring(unit)
        for k in range(1, self.order + 1):
            out[k] = fused(self.ring, ((-unit, element[i], out[k - i]) for i in range(1, k + 1)))
        return out

    def compose(self, polynomial: PolyElement, values: Sequence[Graded | None]) -> Graded:
        """Substitute graded elements for generators of a polynomial.

        Parameters
        ----------
        polynomial : PolyElement
            Any element of the ring.
        values : sequence
            One entry per generator: what replaces it, or ``None`` to keep it.

        Examples
        --------
        >>> from sympy import QQ, ring
        >>> R, x, y = ring("x, y", QQ)
        >>> algebra = GradedAlgebra(R, 3)
        >>> algebra.compose(x**2 + y, [algebra.series({1: y, 2: y**2}), None])
        [y, 0, y**2, 2*y**3]
        """
        powers: dict[tuple[int, int], Graded] = {}

        def power(i: int, exponent: int) -> Graded:
            value = values[i]
            assert value is not None
            if exponent == 1:
                return value
            if (i, exponent) not in powers:
                powers[i, exponent] = self.product(power(i, exponent - 1), value)
            return powers[i, exponent]

        out = self.zero()
        replaced = [i for i, value in enumerate(values) if value is not None]
        grouped: dict[tuple[int, ...], dict[Any, Any]] = {}
        for monomial, coefficient in polynomial.terms():
            key = tuple(monomial[i] for i in replaced)
            rest = tuple(0 if i in replaced else e for i, e in enumerate(monomial))
            grouped.setdefault(key, {})[rest] = coefficient
        for key, terms in grouped.items():
            factor = self.series({0: self.ring.from_dict(terms)})
            for i, exponent in zip(replaced, key, strict=True):
                if exponent:
                    factor = self.product(factor, power(i, exponent))
            out = [a + b for a, b in zip(out, factor, strict=True)]
        return out
