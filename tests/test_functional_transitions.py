"""Where and how functional equilibria collapse: what cumulants decide, and what they cannot."""

from __future__ import annotations

import math

import numpy as np
import pytest

from numerics.function_space import EncoderSpace
from numerics.functional import equilibrium_at
from numerics.functional_sweep import sweep_functional
from numerics.subgaussian import subgaussian_proxy

from .functional_data import SKEWED, normal


def test_skewed_data_jump_above_the_threshold() -> None:
    sweep = sweep_functional(SKEWED, np.linspace(1.7, 2.2, 26))
    lo, hi = sweep.spinodals
    assert lo == pytest.approx(2, abs=1e-12)
    assert lo < sweep.coexistence < hi < 2 * 1.04
    (change,) = sweep.changes
    assert not change.continuous
    assert change.kl_jump > 1e-3
    assert change.hot_phase == "collapsed"
    assert abs(change.cold.F - change.hot.F) < 1e-10
    # A small cubic form: the fold is 9/8 as far as coexistence, up to the size of the jump (theory.transition_laws).
    assert (hi - lo) / (sweep.coexistence - lo) == pytest.approx(9 / 8, rel=0.02)


@pytest.mark.parametrize("points", [np.array([-1.0, 1.0]), np.arange(9.0)], ids=["coin", "uniform"])
def test_strictly_subgaussian_data_do_not_jump_at_collapse(points: np.ndarray) -> None:
    variance = points.var()
    sweep = sweep_functional(points, variance * np.linspace(0.8, 1.2, 9), anchors=2)
    assert sweep.coexistence == pytest.approx(variance, rel=1e-9)
    assert sweep.spinodals[1] == pytest.approx(variance, rel=1e-5)
    assert all(change.continuous for change in sweep.changes if change.hot_phase == "collapsed")
    assert sweep.hysteresis < 1e-9


def test_width_coded_states_are_dead_by_signal_and_left_when_quartic_terms_decide() -> None:
    x, w = normal(16)
    space = EncoderSpace.of(x, w, "flexible", 1)
    start = space.coordinates(np.zeros((len(space.points), 1)), -0.3 * space.points)
    held = equilibrium_at(space, start, 0.9)
    # Width coding is stationary for normal data, flat along δμ ∝ 1 − σ², and loses to mean coding there.
    assert held.phase == "mean-coded"
    assert pytest.approx(0.9 + 0.9 * math.log(1 / 0.9), abs=1e-10) == held.F


def test_a_distant_minimum_pre_empts_a_continuous_threshold() -> None:
    """Rare symmetric outliers: κ3 = 0, so the local expansion of `nonlinear-decoder` is continuous, and yet a jump."""
    points, weights = [-1.0, 0.0, 1.0], [0.05, 0.9, 0.05]
    sweep = sweep_functional(points, np.linspace(0.08, 0.14, 31), weights=weights, model="nonlinear-decoder", anchors=3)
    lo, hi = sweep.spinodals
    assert lo == pytest.approx(0.1, abs=1e-12)
    assert hi > sweep.coexistence > 1.05 * lo
    assert sweep.changes[0].kl_jump > 0.05
    # The slow twin: the class has one parameter, M², once A² = 1; scan it on both sides of coexistence.
    space = sweep.space
    for side, wins in ((1 - 1e-3, True), (1 + 1e-3, False)):
        t = side * sweep.coexistence
        values = []
        for m in np.linspace(0.01, 0.9, 300):
            mean = math.sqrt(m / lo) * space.points
            values.append(space.state(space.coordinates(mean, np.full((3, 1), 0.5 * math.log1p(-m))), t).free_energy)
        assert (min(values) < space.variance) is wins


@pytest.mark.parametrize(("p", "continuous"), [(0.35, True), (0.2, False)])
def test_co_skewness_decides_for_a_nonlinear_decoder(p: float, continuous: bool) -> None:
    """Locally tricritical at |κ3| = 1: two points have κ3 = (1 − 2p)/√(p(1 − p)), 0.63 and 1.5 here."""
    sweep = sweep_functional(
        [0.0, 1.0], p * (1 - p) * np.linspace(0.8, 1.3, 21), weights=[1 - p, p], model="nonlinear-decoder", anchors=2
    )
    change = sweep.changes[0]
    assert change.continuous is continuous
    assert (sweep.spinodals[1] > 1.01 * sweep.spinodals[0]) is not continuous


@pytest.mark.parametrize(
    ("kappa4", "phase", "continuous"),
    [(1.2, "mean-coded", True), (1.8, "width-coded", True), (2.4, "width-coded", False)],
)
def test_kurtosis_decides_for_flexible_encoders(kappa4: float, phase: str, continuous: bool) -> None:
    """Without skewness p = ½ and g = 8 − 4κ4: width coding wins iff 4p > g (κ4 > 3/2), and jumps for g < 0 (κ4 > 2)."""
    rare = 1 / (2 * (kappa4 + 3))
    temperatures = 2 * rare * np.array([0.995, 0.998, 1.002, 1.01, 1.03])
    sweep = sweep_functional([-1.0, 0.0, 1.0], temperatures, weights=[rare, 1 - 2 * rare, rare], anchors=2)
    change = sweep.changes[0]
    assert change.cold_phase == phase
    assert change.continuous is continuous
    assert (sweep.spinodals[1] > sweep.spinodals[0] * (1 + 1e-4)) is not continuous
    if phase == "width-coded":
        # Dead by the signal fraction alone, and yet it carries a rate.
        assert change.cold.signal_fraction[0] < 1e-6 < change.cold.kl


@pytest.mark.parametrize("skew", [0.02, 0.01])
def test_small_skewness_makes_a_small_jump_by_the_asymptotic_law(skew: float) -> None:
    """t* = c²/8g with c = 8κ3/3, and the fold at 9/8 of it (theory.transition_laws); corrections are of order κ3."""
    points, weights = np.array([-1.0, 0.0, 1.0]), np.array([0.14 - skew, 0.72, 0.14 + skew])
    x = points - weights @ points
    variance = weights @ x**2
    kappa3, kappa4 = weights @ x**3 / variance**1.5, weights @ x**4 / variance**2 - 3
    expected = (8 * kappa3 / 3) ** 2 / (8 * (8 - 4 * kappa4 - 6 * kappa3**2))
    temperatures = variance * (1 + expected * np.array([-5, -2, -0.5, 0.3, 0.8, 1.05, 1.3, 3]))
    sweep = sweep_functional(points, temperatures, weights=weights, anchors=2)
    change = sweep.changes[0]
    assert change.cold_phase == "width-coded"
    assert change.temperature / variance - 1 == pytest.approx(expected, rel=kappa3)
    assert sweep.spinodals[1] / variance - 1 == pytest.approx(9 / 8 * expected, rel=kappa3)


@pytest.mark.slow
def test_two_latents_on_small_sets() -> None:
    x = np.random.default_rng(1).standard_normal((10, 2)) * [1.4, 1.0]
    x -= x.mean(axis=0)
    lam = np.linalg.eigvalsh(x.T @ x / len(x))[::-1]
    grid = lam[0] * np.linspace(0.4, 1.2, 17)
    one = sweep_functional(x, grid, bound=None, anchors=3)
    two = sweep_functional(x, grid, latents=2, anchors=3)
    assert max(b.F - a.F for a, b in zip(one.ground, two.ground, strict=True)) < 1e-9
    assert lam[0] * (1 - 1e-9) <= two.coexistence <= subgaussian_proxy(x).upper * (1 + 1e-9)
    assert two.coexistence >= one.coexistence * (1 - 1e-9)
    for state in two.ground:
        np.testing.assert_allclose(state.scale, 1, atol=1e-6)
        np.testing.assert_allclose(state.offset, 0, atol=1e-6)
