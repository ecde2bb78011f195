"""The rate–distortion bound: closed forms, dit, plain Blahut iteration, sandwich with σ²_sG, refusals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtri

from numerics.blahut_arimoto import blahut_arimoto
from numerics.linear_equilibrium import Cascade
from numerics.pointset import PointSet
from numerics.rate_distortion import gaussian_rate_distortion, rate_distortion, rate_distortion_bound
from numerics.spectrum import Spectrum
from numerics.subgaussian import subgaussian_proxy
from tests.strategies import CLOSED, weighted_points
from theory.errors import InputError, NonConvergenceError

Array = NDArray[np.float64]

FEW = settings(CLOSED, max_examples=25)
TOLERANCE = 1e-8
"""Default gap, relative to V."""


def gaussian_points(n: int) -> Array:
    """n equally likely quantiles of the standard normal."""
    x: Array = ndtri((np.arange(n) + 0.5) / n)
    return x


def skewed(n: int = 40) -> PointSet:
    return PointSet.of(-np.log((np.arange(n) + 0.5) / n))


def squares(x: Array, y: Array) -> Array:
    d: Array = np.square(x[:, None] - y[None, :]).sum(axis=2)
    return d


def test_finite_alphabet_equals_dit() -> None:
    theirs = pytest.importorskip("dit.rate_distortion.blahut_arimoto")
    x = np.linspace(-1.5, 1.5, 5)
    p = np.array([0.1, 0.3, 0.05, 0.35, 0.2])
    d = np.square(x[:, None] - x)
    for t in (0.1, 0.3, 0.6):
        ours = blahut_arimoto(p, d, t, tolerance=1e-12)
        # dit weighs letters by 2^(−β d) and returns bits.
        point, _ = theirs.blahut_arimoto(
            p, 1 / (2 * t * np.log(2)), distortion=lambda *_: d, max_iters=20_000, restarts=2
        )
        value = point.distortion + 2 * t * np.log(2) * point.rate
        # dit stops when D changes by less than 1e-5: F, stationary in the weights, is then good to about 1e-4 D.
        assert value == pytest.approx(ours.value, abs=1e-4)
        assert value >= ours.lower
        assert point.rate * np.log(2) == pytest.approx(ours.rate, abs=1e-3)


def test_newton_equals_plain_blahut_iteration() -> None:
    rng = np.random.default_rng(0)
    p, d = rng.dirichlet(np.ones(8)), rng.random((8, 6))
    r = np.full(6, 1 / 6)
    a = np.exp(-d / 0.4)
    for _ in range(20_000):
        r = r * (a.T @ (p / (a @ r)))
    found = blahut_arimoto(p, d, 0.2, tolerance=1e-13)
    assert found.value == pytest.approx(-0.4 * p @ np.log(a @ r), abs=1e-12)
    assert found.value == pytest.approx(found.distortion + 0.4 * found.rate, abs=1e-14)
    assert found.iterations < 30


def test_unreached_gap_is_raised_with_what_was_reached() -> None:
    x = np.linspace(-1, 1, 9)[:, None]
    with pytest.raises(NonConvergenceError, match="gap of .* after 0 iterations") as caught:
        blahut_arimoto(np.ones(9), squares(x, x), 0.3, limit=0)
    partial = caught.value.state
    exact = blahut_arimoto(np.ones(9), squares(x, x), 0.3)
    assert partial.status == "limit"
    assert partial.lower <= exact.value <= partial.value
    again = blahut_arimoto(np.ones(9), squares(x, x), 0.3, limit=0, throw=False)
    assert again.value == partial.value


@pytest.mark.parametrize("t", [0.05, 0.3, 0.7, 0.95])
def test_two_points_equal_the_closed_form(t: float) -> None:
    """±1 fair: atoms ±y with y = tanh(y/T), and F = 1 + y² − 2T ln cosh(y/T)."""
    y = 1.0
    for _ in range(5000):
        y = np.tanh(y / t)
    exact = 1 + y * y - 2 * t * (y / t + np.log1p(np.exp(-2 * y / t)) - np.log(2))
    found = rate_distortion([-1.0, 1.0], t)
    assert found.lower is not None
    assert found.lower <= exact <= found.value + 1e-13
    assert found.residual <= TOLERANCE
    # F is stationary in y, so a gap g leaves an error of order √g in the atoms.
    np.testing.assert_allclose(np.sort(found.atoms[:, 0]), [-y, y], atol=3e-4)


def test_separated_points_cost_their_entropy() -> None:
    p = np.array([0.5, 0.2, 0.3])
    found = rate_distortion([0.0, 1.0, 5.0], 1e-4, weights=p)
    assert found.value == pytest.approx(-2e-4 * p @ np.log(p), abs=1e-7)
    assert found.rate == pytest.approx(-p @ np.log(p), abs=1e-4)


def test_gaussian_is_the_limit_and_an_upper_bound() -> None:
    """Of all data of one variance the Gaussian needs the highest rate (Shannon), and quantiles approach it."""
    for t in (0.8, 0.4):
        excess = []
        for n in (16, 64, 256):
            s = PointSet.of(gaussian_points(n))
            exact = gaussian_rate_distortion([s.variance], t)[()]
            excess.append(exact - rate_distortion(s, t).value)
        assert excess[0] > excess[1] > excess[2] > 0
        assert excess[2] < 1e-3


def test_gaussian_closed_form_is_reverse_water_filling() -> None:
    lam, t = np.array([3.0, 1.0, 0.2]), np.array([4.0, 2.0, 0.5])
    exact = [np.sum(np.minimum(lam, x)) + x * np.sum(np.log(np.maximum(lam / x, 1))) for x in t]
    np.testing.assert_allclose(gaussian_rate_distortion(lam, t), exact, rtol=1e-15)


@pytest.mark.parametrize("t", [2.9, 1.0, 0.2, 0.02])
def test_kuhn_tucker_holds_on_an_independent_fine_grid(t: float) -> None:
    s = skewed()
    found = rate_distortion(s, t)
    assert found.status == "certified"
    m = np.exp(-squares(s.points, found.atoms) / (2 * t)) @ found.reproduction
    y = np.linspace(s.points.min() - 1, s.points.max() + 1, 20_001)[:, None]
    c = (s.weights / m) @ np.exp(-squares(s.points, y) / (2 * t))
    assert found.value - 2 * t * np.log(c.max()) >= found.lower - 1e-12
    assert c.max() <= np.exp(TOLERANCE * s.variance / (2 * t)) * (1 + 1e-12)


def test_zero_rate_exactly_above_the_subgaussian_proxy() -> None:
    """sup_D (V − D)/(2R(D)) = σ²_sG, approached from below as R → 0 (Kuhn–Tucker)."""
    for s in (PointSet.of([0.0, 1.0], [0.9, 0.1]), skewed()):
        proxy = subgaussian_proxy(s)
        v = s.variance
        above = rate_distortion(s, proxy.upper * 1.0001)
        assert above.rate == 0
        assert above.value == pytest.approx(v, rel=1e-14)
        for below in (0.1, 0.01, 0.003):
            t = proxy.lower * (1 - below)
            point = rate_distortion(s, t, tolerance=1e-10)
            secant = (v - point.distortion) / (2 * point.rate)
            # Achieved pairs (D, R) lie above the curve, so the secant cannot exceed the supremum.
            assert t <= secant <= proxy.upper * (1 + 1e-9)


@FEW
@given(weighted_points(max_rows=8, max_columns=2), st.floats(0.02, 1.5))
def test_bound_lies_below_full_collapse_and_every_linear_vae(case: tuple[Array, Array], share: float) -> None:
    s = PointSet.of(*case)
    if s.variance == 0:
        assert rate_distortion(s, share).value == 0
        return
    t = share * s.largest_eigenvalue
    found = rate_distortion(s, t, throw=False)
    assert found.lower is not None
    spectrum = Spectrum.from_covariance(s.covariance)
    linear = Cascade(spectrum).free_energy(t)[0]
    assert found.lower <= linear * (1 + 1e-12) <= s.variance * (1 + 2e-12)
    assert found.lower <= found.value
    assert found.value == pytest.approx(found.distortion + 2 * t * found.rate, rel=1e-9)
    assert found.reproduction.sum() == pytest.approx(1, abs=1e-12)
    assert found.residual <= 1e-6 * s.variance  # the plane may stop at its limit of boxes, never far from the goal


def test_free_energy_is_concave_with_slope_twice_the_rate() -> None:
    s = skewed()
    t = np.linspace(0.3, 3.2, 12)
    points = [rate_distortion(s, x) for x in t]
    f = np.array([p.value for p in points])
    assert (np.diff(f, 2) < 1e-7).all()
    for a, b in pairwise(points):  # the tangent at either end lies above a concave function
        step = b.temperature - a.temperature
        assert 2 * b.rate * step - 1e-7 <= b.value - a.value <= 2 * a.rate * step + 1e-7


def test_independent_coordinates_add() -> None:
    a, b = np.array([0.0, 1.0, 3.0]), np.array([-1.0, 0.5])
    grid = np.array([[x, y] for x in a for y in b])
    for t in (0.1, 0.4):
        parts = rate_distortion(a, t), rate_distortion(b, t)
        whole = rate_distortion(grid, t)
        assert whole.status == "certified"
        assert whole.value == pytest.approx(sum(p.value for p in parts), abs=3e-8 * PointSet.of(grid).variance)


def test_warm_start_reaches_the_same_value() -> None:
    s = skewed()
    first = rate_distortion(s, 1.0)
    warm, cold = rate_distortion(s, 0.95, start=first), rate_distortion(s, 0.95)
    assert warm.value == pytest.approx(cold.value, abs=TOLERANCE * s.variance)


def test_space_is_not_certified_and_its_bound_is_that_of_the_leading_plane() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3)) * [2.0, 1.0, 0.1]
    found = rate_distortion(x, 0.5)
    assert found.status == "not available"
    assert found.lower is None
    bound = rate_distortion_bound(x, None, 0.5)
    assert bound <= found.value
    assert bound == pytest.approx(rate_distortion(PointSet.of(x).leading_plane(), 0.5).value, rel=1e-6)


def test_weights_far_below_rounding_are_accounted_for() -> None:
    x, p = np.linspace(0, 1, 20) ** 2, 10.0 ** -np.arange(20)
    s = PointSet.of(x, p)
    for share in (1.2, 0.1, 1e-3):
        found = rate_distortion(s, share * s.variance)
        assert found.status == "certified"
        core = rate_distortion(PointSet.of(x[:8], p[:8]), share * s.variance)
        # What was left out weighs 1e-8, in weight and in rate.
        assert found.value == pytest.approx(core.value, rel=1e-4)


def test_identical_rows_are_one_weighted_point() -> None:
    a = rate_distortion([0.0, 0.0, 0.0, 2.0], 0.3)
    b = rate_distortion([0.0, 2.0], 0.3, weights=[3.0, 1.0])
    assert a.value == pytest.approx(b.value, rel=1e-14)


def test_refuses() -> None:
    with pytest.raises(InputError, match="temperature must be positive and finite"):
        rate_distortion([0.0, 1.0], 0.0)
    with pytest.raises(InputError, match="tolerance must lie between 0 and 1"):
        rate_distortion([0.0, 1.0], 1.0, tolerance=2.0)
    with pytest.raises(InputError, match="distortions must be"):
        blahut_arimoto([1.0], [[np.inf]], 1.0)
    with pytest.raises(InputError, match="weights must be 2 real numbers"):
        blahut_arimoto([1.0], [[0.0], [1.0]], 1.0)
