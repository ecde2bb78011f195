"""Graded arithmetic against its slow twin: form everything, then truncate."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import QQ, ring
from sympy.polys.rings import PolyElement

from theory.graded import Graded, GradedAlgebra, fused

EXACT = settings(derandomize=True, deadline=None, max_examples=30, database=None)
ORDER = 5
R, E, X, Y = ring("epsilon, x, y", QQ)
ALGEBRA = GradedAlgebra(R, ORDER)

numbers = st.fractions(min_value=-3, max_value=3, max_denominator=6)
polynomials = st.dictionaries(st.tuples(st.just(0), st.integers(0, 2), st.integers(0, 2)), numbers, max_size=4).map(
    lambda d: R.from_dict({m: QQ(c.numerator, c.denominator) for m, c in d.items() if c})
)
elements = st.lists(polynomials, min_size=ORDER + 1, max_size=ORDER + 1)
small = elements.map(lambda parts: [R.zero, *parts[1:]])


def slow(element: Graded) -> PolyElement:
    """The element as one polynomial in ε."""
    return sum((part * E**k for k, part in enumerate(element)), R.zero)


def truncate(polynomial: PolyElement) -> PolyElement:
    return R.from_dict({m: c for m, c in polynomial.terms() if m[0] <= ORDER})


@EXACT
@given(st.lists(st.tuples(numbers, polynomials, polynomials), max_size=4))
def test_fused(terms: list[tuple[object, PolyElement, PolyElement]]) -> None:
    exact = [(QQ(c.numerator, c.denominator), p, q) for c, p, q in terms]  # type: ignore[attr-defined]
    assert fused(R, exact) == sum((c * p * q for c, p, q in exact), R.zero)


@EXACT
@given(elements, elements)
def test_product(left: Graded, right: Graded) -> None:
    assert slow(ALGEBRA.product(left, right)) == truncate(slow(left) * slow(right))


@EXACT
@given(small)
def test_exp(element: Graded) -> None:
    power, total = R.one, R.one
    for k in range(1, ORDER + 1):
        power = truncate(power * slow(element))
        total += power * QQ(1, math.factorial(k))
    assert slow(ALGEBRA.exp(element)) == total


@EXACT
@given(small, numbers.filter(bool))
def test_inverse(element: Graded, constant: object) -> None:
    unit = [R(QQ(constant.numerator, constant.denominator)), *element[1:]]  # type: ignore[attr-defined]
    product = ALGEBRA.product(unit, ALGEBRA.inverse(unit))
    assert product == ALGEBRA.series({0: R.one})


@EXACT
@given(small, polynomials)
def test_compose(value: Graded, polynomial: PolyElement) -> None:
    free_of_y = R.from_dict({(m[0], m[1], 0): c for m, c in polynomial.terms()})
    direct = truncate(free_of_y.compose(X, slow(value)))
    assert slow(ALGEBRA.compose(free_of_y, [None, value, None])) == direct


def test_only_weights_that_are_kept_are_formed() -> None:
    # A product of two elements that start at weight 3 is beyond order 5; its parts are never touched.
    late = ALGEBRA.series({3: X, 4: Y, 9: X})
    assert late[3:5] == [X, Y]
    assert len(late) == ORDER + 1
    assert not any(ALGEBRA.product(late, late))


def test_refuses_what_is_no_polynomial() -> None:
    with pytest.raises(ValueError, match="without part of weight 0"):
        ALGEBRA.exp(ALGEBRA.series({0: R.one}))
    for constant in (R.zero, X):
        with pytest.raises(ValueError, match="nonzero constant part"):
            ALGEBRA.inverse(ALGEBRA.series({0: constant}))
