"""Moments and cumulants are exact, numbers are parsed and never evaluated, impossible data are refused."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.cumulants import Cumulants, exact_number, exponents, joint_cumulant, joint_moment, parse_number
from theory.distributions import DISTRIBUTIONS, distribution, from_points
from theory.errors import InputError

EXACT = settings(derandomize=True, deadline=None, max_examples=40, database=None)
rationals = st.fractions(min_value=-3, max_value=3, max_denominator=7)


@EXACT
@given(st.integers(1, 2), st.data())
def test_moments_and_cumulants_are_inverse(dimensions: int, data: st.DataObject) -> None:
    degrees = [a for k in range(1, 6 if dimensions == 1 else 5) for a in exponents(dimensions, k)]
    kappa = {alpha: data.draw(rationals) for alpha in degrees}
    moments = {alpha: joint_moment(alpha, kappa.__getitem__) for alpha in degrees} | {(0,) * dimensions: 1}
    assert all(joint_cumulant(alpha, moments.__getitem__) == kappa[alpha] for alpha in degrees)


def test_gaussian_moments_are_double_factorials() -> None:
    gaussian = distribution("gaussian", order=12)
    for n in range(1, 7):
        assert gaussian.moment((2 * n,)) == math.factorial(2 * n) // (2**n * math.factorial(n))
        assert gaussian.moment((2 * n - 1,)) == 0


# Densities in the units of `distribution`, integrated by mpmath at 30 digits: an independent source of the moments.
DENSITIES = {
    "uniform": (lambda x: mpmath.mpf(1), [-0.5, 0, 0.5], 0),
    "laplace": (lambda x: mpmath.exp(-abs(x)) / 2, [-mpmath.inf, 0, mpmath.inf], 0),
    "exponential": (lambda x: mpmath.exp(-x), [0, 1, mpmath.inf], 1),
    "logistic": (lambda x: mpmath.pi / (4 * mpmath.cosh(mpmath.pi * x / 2) ** 2), [-mpmath.inf, 0, mpmath.inf], 0),
    "gaussian": (mpmath.npdf, [-mpmath.inf, 0, mpmath.inf], 0),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_named_distributions_against_quadrature(name: str) -> None:
    density, limits, mean = DENSITIES[name]
    exact = distribution(name, order=6)
    with mpmath.workdps(30):
        for n in range(2, 7):
            moment = exact.moment((n,))
            assert moment is not None
            value = mpmath.quad(lambda x, n=n: (x - mean) ** n * density(x), limits)
            # 30 digits of working precision; quadrature of these smooth pieces keeps at least 15.
            assert abs(value - mpmath.mpf(moment.numerator) / moment.denominator) < mpmath.mpf(10) ** -15 * max(
                1, value
            )


def test_parameters_of_families() -> None:
    assert distribution("gamma", 3).cumulant((3,)) == 6
    assert distribution("poisson", Fraction(1, 2)).cumulant((5,)) == Fraction(1, 2)
    coin = distribution("bernoulli", Fraction(1, 3))
    points = from_points([0, 1], [2, 1])
    assert dict(coin.known) == dict(points.known)
    assert set(DISTRIBUTIONS) >= set(DENSITIES)


@EXACT
@given(
    st.lists(st.integers(-4, 4), min_size=2, max_size=6, unique=True),
    st.lists(st.integers(1, 5), min_size=6, max_size=6),
)
def test_every_point_set_is_feasible(points: list[int], weights: list[int]) -> None:
    # Few points make a singular moment matrix: the border must lie in its range, and does.
    data = from_points(points, weights[: len(points)], order=7)
    fourth, third, variance = data.known[(4,)], data.known[(3,)], data.variance
    assert fourth * variance >= third**2 - 2 * variance**3


@EXACT
@given(rationals, st.fractions(min_value=Fraction(1, 50), max_value=5, max_denominator=50))
def test_kurtosis_below_the_bound_is_refused(kappa3: Fraction, gap: Fraction) -> None:
    boundary = kappa3**2 - 2
    assert Cumulants.of(kappa3=kappa3, kappa4=boundary).moment((4,)) == kappa3**2 + 1
    with pytest.raises(InputError, match=r"no distribution has kappa4 < kappa3\*\*2 - 2"):
        Cumulants.of(kappa3=kappa3, kappa4=boundary - gap)


def test_higher_orders_are_checked_too() -> None:
    assert Cumulants.of(kappa3=0, kappa4=-2, kappa5=0, kappa6=16).moment((6,)) == 1  # the fair two-point distribution
    with pytest.raises(InputError, match="through order 5"):
        Cumulants.of(kappa3=0, kappa4=-2, kappa5=1)  # at the boundary κ5 is fixed
    with pytest.raises(InputError, match="through order 6"):
        Cumulants.of(kappa3=0, kappa4=0, kappa5=0, kappa6=-100)
    with pytest.raises(InputError, match="kappa4 < -2"):
        Cumulants.of(kappa4=-3)
    with pytest.raises(InputError, match="not positive semidefinite"):
        # E[x1² x2] = 2 needs E x1⁴ ≥ 1 + E[x1² x2]²/λ2 = 9.
        Cumulants(
            {
                (0, 2): Fraction(1, 2),
                (3, 0): Fraction(0),
                (2, 1): Fraction(2),
                (1, 2): Fraction(0),
                (0, 3): Fraction(0),
                (4, 0): Fraction(0),
                (3, 1): Fraction(0),
                (2, 2): Fraction(0),
                (1, 3): Fraction(0),
                (0, 4): Fraction(0),
            },
            2,
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("κ3=0.5", {(3,): Fraction(1, 2)}),
        ("kappa3=-1/3, kappa_4=2e-1", {(3,): Fraction(-1, 3), (4,): Fraction(1, 5)}),
        ("κ_3=1", {(3,): Fraction(1)}),
    ],
)
def test_parse(text: str, expected: dict[tuple[int, ...], Fraction]) -> None:
    assert dict(Cumulants.parse(text).known) == expected


def test_parse_several_dimensions() -> None:
    data = Cumulants.parse("κ_112=1/4,lambda2=1/2", 2)
    assert dict(data.known) == {(2, 1): Fraction(1, 4), (0, 2): Fraction(1, 2)}
    assert [data.label(alpha) for alpha in data.known] == ["kappa_112", "lambda2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write name=number"),
        ("kappa3", "write name=number"),
        ("kappa3=", "kappa3 must be a number"),
        ("kappa3=__import__('os')", "kappa3 must be a number"),
        ("kappa3=1e999999999", "kappa3 must be a number"),
        ("kappa3=1/0", "kappa3 must be a number"),
        ("kappa3=nan", "kappa3 must be a number"),
        ("kappa3=1_0", "kappa3 must be a number"),
        ("kappa3=1,κ3=2", "given twice"),
        ("kappa2=1", "unknown cumulant 'kappa2'"),
        ("skew=1", "unknown cumulant 'skew'"),
        ("kappa3=0,kappa4=-2.5", "no distribution has"),
    ],
)
def test_parse_refuses(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Cumulants.parse(text)


def test_floats_are_taken_as_what_they_are() -> None:
    assert Cumulants.of(kappa3=0.1).known[(3,)] == Fraction(0.1) != Fraction(1, 10)
    assert parse_number("x", "0.1") == Fraction(1, 10)
    assert parse_number("x", "1e39") == exact_number("x", 10**39) and exact_number("x", 10**400) == 10**400  # no float
    with pytest.raises(InputError, match="finite number"):
        Cumulants.of(kappa3=math.inf)


def test_declared_data_are_checked() -> None:
    with pytest.raises(InputError, match="uncorrelated with coordinate 1, got covariance 1/5"):
        Cumulants({(1, 1): Fraction(1, 5)}, 2)
    with pytest.raises(InputError, match="variance of coordinate 0 must be positive"):
        from_points([1, 1])
    with pytest.raises(InputError, match="at least one point"):
        from_points([1, 2], [1])
    with pytest.raises(InputError, match="unknown distribution 'cauchy'"):
        distribution("cauchy")
    with pytest.raises(InputError, match="gamma takes shape > 0"):
        distribution("gamma")
    with pytest.raises(InputError, match="0 < p < 1, got 2"):
        distribution("bernoulli", 2)


def test_hidden_coordinates_become_conditional_means() -> None:
    points = [(1, 1), (1, 0), (-1, 1), (-1, 0), (0, -1)]
    seen = from_points(points, visible=(0,), order=4)
    full = from_points(points, order=4)
    # E[x2 g(x1)] does not change; the variance shrinks to that of E[x2|x1].
    assert seen.moment((2, 1)) == full.moment((2, 1))
    assert seen.cumulant((0, 2)) == Fraction(9, 25)  # u = ±1: 1/2 − 1/5, u = 0: −6/5
    assert full.cumulant((0, 2)) == Fraction(14, 25)


def test_pickles() -> None:
    data = distribution("uniform")
    assert dict(pickle.loads(pickle.dumps(data)).known) == dict(data.known)  # noqa: S301
