"""Functional equilibria against closed forms: normal data, curves, and products of independent coordinates."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import sympy as sp

from numerics.function_space import EncoderSpace
from numerics.functional import FunctionalEquilibrium, solve_functional
from numerics.functional_sweep import sweep_functional
from theory.curve_derivation import derive_curve
from theory.curves import Curve
from theory.model import ModelClass

from .functional_data import SEES_U, linear_free_energy, normal, parabola, product, scaled

# Normal data --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.3, 0.7, 0.99, 1.2])
def test_normal_data_reach_the_linear_closed_form(temperature: float) -> None:
    x, w = normal(24)
    found = solve_functional(x, temperature, weights=w)
    # 1e-7 is the claim; what is left is the discreteness of 24 nodes, below rounding at these T.
    assert pytest.approx(linear_free_energy(np.ones(1), temperature), abs=1e-10) == found.F
    assert found.signal_fraction[0] == pytest.approx(max(0.0, 1 - temperature), abs=1e-7)
    assert found.status == "converged"


def test_normal_data_have_no_hysteresis() -> None:
    x, w = normal(20)
    sweep = sweep_functional(x, np.linspace(0.6, 1.1, 9), weights=w, anchors=1)
    assert sweep.hysteresis < 1e-9
    (change,) = sweep.changes
    assert change.continuous
    assert change.kl_jump == 0
    assert sweep.spinodals[0] == pytest.approx(1, abs=1e-10)
    assert sweep.spinodals[1] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("latents", [1, 2])
def test_linear_class_is_the_closed_form_of_the_spectrum(latents: int) -> None:
    x = np.random.default_rng(20).standard_normal((12, 3)) * [1.5, 1.0, 0.5]
    x = x - x.mean(axis=0)
    lam = np.linalg.eigvalsh(x.T @ x / len(x))[::-1]
    t = 0.6 * lam[1]
    found = solve_functional(x, t, model="linear", latents=latents)
    kept = linear_free_energy(lam[:latents], t) + lam[latents:].sum()
    assert pytest.approx(kept, abs=1e-9) == found.F
    # The next eigenvalue, or what sampling leaves of an active mode: E[r x]²/λ = λ(1 − M²)² = T²/λ, below T.
    assert found.residual_edge == pytest.approx(max(lam[latents], t**2 / lam[latents - 1]), abs=1e-7)
    assert found.verdict == ("unstable" if lam[latents] > t else "stable")


# Curves -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", [0.6, 0.7])
def test_parabola_beyond_the_tricritical_point(c: float) -> None:
    points, w = parabola(c)
    closed = Curve.parabola(c)
    (jump,), (spinodal,) = closed.jumps(), closed.spinodals()
    sweep = sweep_functional(points, np.linspace(0.9, 1.2, 16), weights=w, model=SEES_U, anchors=2)
    lo, hi = sweep.spinodals
    assert lo == pytest.approx(1, abs=1e-10)
    assert hi == pytest.approx(float(spinodal.temperature), abs=1e-5)
    assert sweep.coexistence == pytest.approx(float(jump.temperature), abs=1e-6)
    (change,) = sweep.changes
    assert change.signal_jump == pytest.approx(float(jump.signal), abs=1e-4)
    assert change.kl_jump == pytest.approx(float(jump.kl), abs=1e-4)
    assert sweep.hysteresis > 1e-3


def test_parabola_before_the_tricritical_point_is_continuous() -> None:
    points, w = parabola(0.4)
    sweep = sweep_functional(points, np.linspace(0.6, 1.1, 11), weights=w, model=SEES_U, anchors=2)
    (change,) = sweep.changes
    assert change.continuous
    for state in sweep.up:
        assert state is not None
        m = float(Curve.parabola(0.4).equilibrium(state.temperature))
        assert state.signal_fraction[0] == pytest.approx(m, abs=1e-6)


def test_an_exchange_between_branches_of_one_label_is_reported() -> None:
    """A curve whose equilibrium jumps from one mean-coded state to another, in closed form."""
    amplitudes = (1, 0, 0, 0, 0, 1)
    (jump,) = Curve(amplitudes).jumps()
    u, w = normal(48)
    sixth = np.polynomial.hermite_e.hermeval(u, [0] * 6 + [1]) / math.sqrt(math.factorial(6))
    # Equal variances have no principal order: u is made the second mode by a hair.
    points = np.stack([u, (1 + 1e-9) * sixth], axis=1)
    sees = ModelClass("sees u", decoder="free", mean="linear", width="constant", visible=(1,), dimensions=2)
    # The bound in two dimensions costs more than the sweep.
    grid = float(jump.temperature) * np.linspace(0.9, 1.1, 11)
    change = sweep_functional(points, grid, weights=w, model=sees, anchors=2, bound=None).changes[-1]
    assert change.cold_phase == change.hot_phase == "mean-coded"
    assert change.temperature == pytest.approx(float(jump.temperature), abs=1e-4)
    assert change.signal_jump == pytest.approx(float(jump.signal), abs=1e-3)


SEES_ALL = ModelClass("sees all", decoder="free", mean="linear", width="constant")


def tilt(state: FunctionalEquilibrium) -> float:
    """|E μ x_2| of the parabola: zero for an encoder with its parity."""
    return abs(float(state.weights @ (state.mu[:, 0] * state.points[:, 1])))


@pytest.mark.parametrize("c", [0.42, 0.46, 0.6])
def test_where_the_closed_branch_loses_to_parity_breaking_encoders(c: float) -> None:
    """From the hotter zero of the tilt stiffness on for c = 0.46; before the colder one, by a jump, for c = 0.6."""
    points, w = parabola(c, 16)
    curve = Curve.parabola(sp.nsimplify(c))
    assert curve.tilt_stable is (c < 0.43)
    stiffness = derive_curve()["tilt-branch"].rhs
    symbols = {s.name: s for s in stiffness.free_symbols}
    cubic = sp.Poly(sp.cancel(stiffness.subs(symbols["c"], sp.nsimplify(c)) / (1 - symbols["m"])), symbols["m"])
    roots = [float(m) for m in cubic.real_roots() if 0 < m < 1]
    edges = sorted(float(curve.temperature_at(m)) for m in roots)
    # 16 nodes in place of a normal distribution: exact to 1e-7 in F above T = 0.7.
    sweep = sweep_functional(points, np.arange(0.805, 1.2, 0.03), weights=w, model=SEES_ALL, anchors=5, bound=None)
    broken = []
    for state in sweep.ground:
        m = float(curve.equilibrium(state.temperature))
        gain = float(curve.excess(m, state.temperature)) + sweep.space.variance - state.F
        assert gain > -1e-7
        # It wins by its tilt and by nothing else.
        assert (gain > 1e-6) is (tilt(state) > 1e-3)
        broken += [state.temperature] if gain > 1e-6 else []
    if c == 0.42:
        assert not edges and not broken
        assert sweep.coexistence == pytest.approx(1, abs=1e-9)
    elif c == 0.46:
        # Continuous at both ends: broken just where the stiffness is negative.
        cold, hot = edges
        assert broken == [t for t in sweep.temperatures if cold < t < hot]
        assert [change.continuous for change in sweep.changes] == [True]
    else:
        # A jump into the tilted state below the limit of stability, and a higher T* than with u alone.
        into = sweep.changes[-1]
        assert not into.continuous and into.cold_phase == into.hot_phase == "mean-coded"
        assert min(tilt(into.cold), tilt(into.hot)) < 1e-6 < 0.1 < max(tilt(into.cold), tilt(into.hot))
        assert into.temperature == pytest.approx(0.931, abs=1e-3)
        assert into.temperature < min(edges)
        assert sweep.coexistence == pytest.approx(1.0951, abs=1e-4)
        assert sweep.coexistence > float(curve.jumps()[0].temperature) + 0.05
        assert min(broken) > into.temperature and max(broken) < sweep.coexistence


def test_a_weak_state_between_two_exchanges_is_found_on_a_coarse_grid() -> None:
    """c = ½: tilted → the closed branch → collapse, both within one step of the grid below T = λ."""
    points, w = parabola(0.5, 16)
    sweep = sweep_functional(points, np.linspace(0.9, 1.05, 7), weights=w, model=SEES_ALL, anchors=3, bound=None)
    assert sweep.unresolved is None
    assert sweep.coexistence == pytest.approx(1, abs=1e-6)
    tilted = sweep.changes[-1]
    # The same from a grid of steps of 0.001.
    assert tilted.temperature == pytest.approx(0.994243, abs=1e-6)
    assert tilt(tilted.cold) > 0.05 and tilt(tilted.hot) < 1e-6


# Products of independent coordinates --------------------------------------------------------------------------------


def test_two_latents_on_a_product_set_are_two_problems_of_one_latent() -> None:
    """Independent coordinates, one latent each: encoder and decoder factorise, and F adds."""
    parts = [(np.array([-1.0, 2.0]), np.array([2.0, 1.0]) / 3), scaled(3, 0.9)]
    t = 0.7
    one = [solve_functional(x, t, weights=w) for x, w in parts]
    both = product(*parts)
    at = [np.abs(s.points[:, 0] - both.points[:, [k]]).argmin(axis=1) for k, s in enumerate(one)]
    mu, sigma = (
        np.stack([value(s)[i, 0] for s, i in zip(one, at, strict=True)], axis=1)
        for value in (lambda s: s.mu, lambda s: s.sigma)
    )
    space = EncoderSpace.of(both, None, "flexible", 2)
    y = space.coordinates(mu, np.log(sigma))
    held = space.state(y, t, 0.4)
    assert pytest.approx(one[0].F + one[1].F, abs=1e-9) == held.free_energy
    np.testing.assert_allclose(held.rates, [s.kl for s in one], atol=1e-8)
    assert min(held.rates) > 0.05
    # Stationary, to the residuals of the two; here a saddle: latents that share the coordinates do better.
    assert np.linalg.norm(held.derivatives()[0]) / (2 * t) < 1e-7
    shared = solve_functional(both, t, latents=2, start=(mu, sigma))
    assert held.free_energy - shared.F > 1e-3


def ground_states_agree(parts: list[tuple[np.ndarray, np.ndarray]], grid: np.ndarray, **options: object) -> None:
    """Two latents on the product of two sets like normal ones: hold them against one latent, and one per part."""
    both = product(*parts)
    one = sweep_functional(both, grid, bound=None, anchors=1)
    # The default bound is that of rate–distortion theory: a ground state below it raises.
    two = sweep_functional(both, grid, latents=2, **options)  # type: ignore[arg-type]
    apart = [sweep_functional(x, grid, weights=w, bound=None, anchors=1) for x, w in parts]
    excess = [b.F - a.F for a, b in zip(one.ground, two.ground, strict=True)]
    assert max(excess) < 1e-9
    assert min(excess) < -1e-3
    for state, *singles in zip(two.ground, *(s.ground for s in apart), strict=True):
        assert pytest.approx(sum(s.F for s in singles), abs=1e-9) == state.F
    assert two.hysteresis < 1e-9
    into, out = two.changes[0], two.changes[-1]
    assert into.continuous and out.continuous
    assert into.hot_phase == "collapsed,collapsed"
    assert two.coexistence == pytest.approx(apart[0].coexistence, abs=1e-9)
    # The second latent goes where its own coordinate would collapse alone; 1e-7 is the secant's.
    assert (out.cold_phase, out.hot_phase) == ("mean-coded,mean-coded", "mean-coded,collapsed")
    assert out.temperature == pytest.approx(apart[1].coexistence, abs=1e-7)
    # dF*/dT = 2 KL, and F* is concave: each chord has a slope between those of its ends.
    for cold, hot in itertools.pairwise(two.ground):
        slope = (hot.F - cold.F) / (hot.temperature - cold.temperature)
        assert 2 * hot.kl - 1e-8 <= slope <= 2 * cold.kl + 1e-8


def test_the_loss_of_each_latent_is_a_phase_change() -> None:
    parts = [scaled(3, 1.0), scaled(3, 0.9)]
    ground_states_agree(parts, np.array([0.76, 0.85, 0.95, 1.05]), anchors=1, starts=("mean,second",))


@pytest.mark.slow
def test_two_latents_on_a_product_set_from_every_start() -> None:
    ground_states_agree([scaled(4, 1.0), scaled(4, 0.8)], np.linspace(0.5, 1.05, 12), anchors=2)
