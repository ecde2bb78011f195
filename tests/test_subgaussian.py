"""The sub-Gaussian proxy: closed forms, a brute-force twin, invariance, and bounds that contain what they must."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from scipy.special import ndtri

from numerics.pointset import PointSet
from numerics.subgaussian import subgaussian_proxy
from tests.strategies import CLOSED, weighted_points
from theory.errors import InputError

Array = NDArray[np.float64]

GAP = 1.01e-9
"""The default tolerance of 1e-9 and rounding."""


def two_point(p: float) -> float:
    """Kearns & Saul (1998): σ²_sG of a variable that is 1 with probability p and else 0."""
    return 0.25 if p == 0.5 else (1 - 2 * p) / (2 * np.log((1 - p) / p))


@pytest.mark.parametrize("p", [0.5, 0.4999, 0.3, 0.1, 1e-3, 1e-6, 0.999])
def test_two_points_equal_the_closed_form(p: float) -> None:
    found = subgaussian_proxy([0.0, 1.0], [1 - p, p])
    # The closed form itself loses about eps/(1 − 2p) digits near the fair coin.
    assert found.lower <= two_point(p) * (1 + 1e-12)
    assert two_point(p) * (1 - 1e-12) <= found.upper
    assert found.status == "certified"
    assert found.residual <= GAP
    assert found.variance == pytest.approx(p * (1 - p), rel=1e-12)


@pytest.mark.parametrize(
    "points",
    [
        np.array([-1.0, 1.0]),
        np.linspace(-1, 1, 101),
        ndtri((np.arange(64) + 0.5) / 64),
        np.array([-2.0, -1.0, 1.0, 2.0]),
    ],
)
def test_strictly_subgaussian_sets_have_the_variance(points: Array) -> None:
    found = subgaussian_proxy(points)
    assert found.lower == pytest.approx(found.variance, rel=1e-13)
    assert found.upper <= found.variance * (1 + GAP)


def test_a_rare_outlier_is_worth_a_latent() -> None:
    """The proxy of one outlier among N rows falls off like 1/ln N, its variance like 1/N."""
    for n in (10, 1000, 100_000):
        found = subgaussian_proxy(np.append(np.zeros(n - 1), 1.0))
        assert found.upper == pytest.approx(two_point(1 / n), rel=GAP)
        assert found.upper > 0.9 / (2 * np.log(n)) > found.variance or n == 10


def log_mgf_ratio(points: Array, weights: Array, t: Array) -> Array:
    """The obvious twin: 2 ln E e^{t·x}/‖t‖² at rows of t."""
    y = t @ points.T
    top = y.max(axis=1)
    k: Array = top + np.log(np.exp(y - top[:, None]) @ weights)
    return 2 * k / np.square(t).sum(axis=1)


@CLOSED
@given(weighted_points(max_columns=1))
def test_line_bounds_contain_a_fine_scan(case: tuple[Array, Array]) -> None:
    s = PointSet.of(*case)
    found = subgaussian_proxy(s)
    assert found.variance == pytest.approx(s.variance, rel=1e-12, abs=1e-300)
    assert found.variance * (1 - 1e-12) <= found.lower <= found.upper
    assert found.status == "certified"
    if len(s.points) == 1:
        assert found.upper == 0
        return
    scale = np.sqrt(s.variance)
    # From 0.01: below, the twin cancels; its error there is 1e-16/0.01².
    t = np.concatenate([-np.geomspace(60, 0.01, 1500), np.geomspace(0.01, 60, 1500)])[:, None] / scale
    scan = log_mgf_ratio(s.points, s.weights, t) / s.variance
    assert scan.max() <= found.upper / s.variance + 1e-11
    if np.any(found.argument):
        at = log_mgf_ratio(s.points, s.weights, found.argument[None])[0]
        if abs(found.argument[0]) * scale > 0.01:
            assert at == pytest.approx(found.lower, rel=1e-10)


@CLOSED
@given(weighted_points(max_columns=1))
def test_scales_as_a_variance(case: tuple[Array, Array]) -> None:
    x, p = case
    a, b = subgaussian_proxy(x, p), subgaussian_proxy(-3 * x + 8, p)
    assert 9 * a.lower <= b.upper * (1 + 1e-12)
    assert b.lower <= 9 * a.upper * (1 + 1e-12)


def test_plane_contains_a_polar_scan_and_is_certified() -> None:
    rng = np.random.default_rng(3)
    for points in (rng.exponential(size=(20, 2)), rng.normal(size=(20, 2)), rng.standard_t(3, size=(20, 2))):
        s = PointSet.of(points)
        found = subgaussian_proxy(s, tolerance=1e-5)
        angle, radius = (a.ravel() for a in np.meshgrid(np.linspace(0, 2 * np.pi, 181), np.geomspace(0.05, 20, 120)))
        t = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        best = log_mgf_ratio(s.points, s.weights, t).max()
        assert found.status == "certified"
        assert found.residual <= 2.1e-5
        assert best <= found.upper
        assert found.lower >= best * (1 - 1e-3)  # the scan's own spacing
        turn = np.array([[0.6, -0.8], [0.8, 0.6]])
        turned = subgaussian_proxy(points @ turn, tolerance=1e-5)
        assert turned.lower <= found.upper
        assert found.lower <= turned.upper


def unfair_cube(probabilities: tuple[float, ...]) -> tuple[Array, Array]:
    """Independent unfair coins: K adds, so σ²_sG is the largest of the coins'."""
    points = np.array(list(product((0.0, 1.0), repeat=len(probabilities))))
    q = np.array(probabilities)
    return points, np.prod(np.where(points == 1, q, 1 - q), axis=1)


@pytest.mark.parametrize("coins", [(0.3, 0.1), (0.1, 0.3, 0.05), (0.5, 0.5, 0.5, 0.2)])
def test_independent_coordinates_have_the_largest_proxy(coins: tuple[float, ...]) -> None:
    found = subgaussian_proxy(*unfair_cube(coins))
    exact = max(two_point(p) for p in coins)
    assert found.lower <= exact * (1 + 1e-12)
    assert exact * (1 - 1e-12) <= found.upper
    assert found.lower == pytest.approx(exact, rel=1e-5)  # local search does find it
    assert found.status == ("certified" if len(coins) == 2 else "bounded")


def test_space_bounds_contain_the_certified_value_of_a_flat_set() -> None:
    flat = np.random.default_rng(0).exponential(size=(30, 2))
    certified = subgaussian_proxy(flat)
    found = subgaussian_proxy(np.column_stack([flat, np.zeros(30)]))
    assert found.lower <= certified.upper
    assert certified.lower <= found.upper
    assert found.upper <= np.square(flat[:, None] - flat).sum(-1).max() / 4 * (1 + 1e-9)  # Hoeffding


def test_refuses() -> None:
    with pytest.raises(InputError, match="tolerance must lie between 0 and 1"):
        subgaussian_proxy([0.0, 1.0], tolerance=0.0)
    with pytest.raises(InputError, match="points must be a matrix of real numbers"):
        subgaussian_proxy(np.zeros((2, 2, 2)))
    with pytest.raises(InputError, match="points must be finite"):
        subgaussian_proxy([0.0, np.nan])
    with pytest.raises(InputError, match="weights"):
        subgaussian_proxy([0.0, 1.0], [1.0])
