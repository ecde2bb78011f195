"""Functional equilibria against closed forms, brute force, and the statements of the theory."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss
from scipy.integrate import quad

from numerics.function_space import EncoderSpace
from numerics.functional import FunctionalEquilibrium, QuadratureError, equilibrium_at, solve_functional
from numerics.functional_starts import KINDS, start_names
from numerics.functional_sweep import sweep_functional
from numerics.newton_descent import descend
from numerics.pointset import PointSet
from numerics.posterior_grid import GridTooLargeError, PosteriorGrid
from numerics.residual_edge import residual_edge
from numerics.subgaussian import subgaussian_proxy
from theory.curve_derivation import derive_curve
from theory.curves import Curve
from theory.errors import InputError, NonConvergenceError
from theory.model import MODEL_CLASSES, ModelClass
from verify.phase_figure import plot_phases, save_phases

from .strategies import CLOSED

RNG = np.random.default_rng(20)
SKEWED = np.array([-1.0, -1.0, 2.0])
SEES_U = ModelClass("sees u", decoder="free", mean="linear", width="constant", visible=(0,), dimensions=2)


def normal(nodes: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Gauss–Hermite nodes and weights of a standard normal."""
    x, w = hermegauss(nodes)
    return x, w / w.sum()


def parabola(c: float, nodes: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """The parabola (u, c(u² − 1)), u normal."""
    u, w = normal(nodes)
    return np.stack([u, c * (u * u - 1)], axis=1), w


def linear_free_energy(eigenvalues: np.ndarray, temperature: float) -> float:
    """Σ of λ, or T + T ln(λ/T) for an active mode (Lucas et al. 2019, eq. of the optimum)."""
    active = np.maximum(eigenvalues, temperature)
    return float(np.sum(np.minimum(eigenvalues, temperature) + temperature * np.log(active / temperature)))


# Derivatives and quadrature ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "latents", "dimension"),
    [
        ("flexible", 1, 1),
        ("flexible", 2, 2),
        ("nonlinear-mean", 1, 2),
        ("linear", 2, 2),
        (ModelClass("mixed", decoder="hermite:3", mean="polynomial:2", width="polynomial:1"), 1, 2),
    ],
)
def test_gradient_and_hessian_are_directional_derivatives(
    model: str | ModelClass, latents: int, dimension: int
) -> None:
    rng = np.random.default_rng(3)
    space = EncoderSpace.of(rng.standard_normal((7, dimension)), rng.random(7) + 0.1, model, latents)
    y = 0.2 * rng.standard_normal(sum(space.sizes))
    direction = rng.standard_normal(len(y))
    direction /= np.linalg.norm(direction)
    h = 1e-3
    f = {k: space.state(y + k * h * direction, 0.7, 0.3) for k in (-2, -1, 1, 2)}
    gradient, hessian = space.state(y, 0.7, 0.3).derivatives()

    def slope(value: object) -> object:
        return (8 * (value(f[1]) - value(f[-1])) - (value(f[2]) - value(f[-2]))) / (12 * h)  # type: ignore[operator]

    # Five-point differences: error h⁴ × fifth derivative, about 1e-12 × 1e2.
    assert slope(lambda s: s.free_energy) == pytest.approx(gradient @ direction, abs=1e-8)
    np.testing.assert_allclose(slope(lambda s: s.derivatives()[0]), hessian @ direction, atol=1e-7)


def test_free_energy_is_the_integral_it_claims_to_be() -> None:
    """The slow twin: adaptive quadrature of E‖x‖² − ∫ (Σ p x q)²/q plus the divergence."""
    x, p = np.array([-1.5, 0.2, 1.0]), np.array([0.2, 0.5, 0.3])
    x = x - p @ x
    mu, sigma, t = np.array([-1.1, 0.3, 0.9]), np.array([0.4, 0.9, 0.6]), 0.6
    space = EncoderSpace.of(x, p, "flexible", 1)
    coarse, fine = (space.state(space.coordinates(mu[:, None], np.log(sigma)[:, None]), t, h) for h in (0.5, 0.25))

    def integrand(z: float) -> float:
        q = p * np.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
        return float((x @ q) ** 2 / q.sum())

    kept = quad(integrand, -9, 9, epsabs=1e-13, epsrel=1e-13, limit=500)[0]
    slow = p @ x**2 - kept + t * p @ (mu**2 + sigma**2 - 1 - 2 * np.log(sigma))
    assert fine.free_energy == pytest.approx(slow, abs=1e-12)
    # Halving the spacing estimates the error of the coarse grid.
    error = abs(coarse.free_energy - fine.free_energy)
    assert 0 < error < 1e-9
    assert abs(coarse.free_energy - slow) == pytest.approx(error, rel=1e-2)


def test_the_grid_refuses_what_it_cannot_resolve() -> None:
    with pytest.raises(GridTooLargeError, match="narrowest"):
        PosteriorGrid.of(np.zeros((2, 1)), np.array([[0.0], [-12.0]]), 0.5, 7.5)


# Closed forms -----------------------------------------------------------------------------------------------------


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
    x = RNG.standard_normal((12, 3)) * [1.5, 1.0, 0.5]
    x = x - x.mean(axis=0)
    lam = np.linalg.eigvalsh(x.T @ x / len(x))[::-1]
    t = 0.6 * lam[1]
    found = solve_functional(x, t, model="linear", latents=latents)
    kept = linear_free_energy(lam[:latents], t) + lam[latents:].sum()
    assert pytest.approx(kept, abs=1e-9) == found.F
    # The next eigenvalue, or what sampling leaves of an active mode: E[r x]²/λ = λ(1 − M²)² = T²/λ, below T.
    assert found.residual_edge == pytest.approx(max(lam[latents], t**2 / lam[latents - 1]), abs=1e-7)
    assert found.verdict == ("unstable" if lam[latents] > t else "stable")


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


# Statements of the theory -----------------------------------------------------------------------------------------


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


@given(
    st.lists(st.tuples(st.floats(-2, 2), st.floats(0.05, 1)), min_size=2, max_size=5),
    st.floats(0.3, 1.6),
)
@settings(CLOSED, max_examples=12)
def test_sandwich_and_identities(rows: list[tuple[float, float]], relative: float) -> None:
    points, weights = (np.array(column) for column in zip(*rows, strict=True))
    spread = np.average((points - np.average(points, weights=weights)) ** 2, weights=weights)
    if spread < 1e-2:
        return
    temperature = relative * spread
    # The default bound is that of rate–distortion theory: F below it raises.
    found = solve_functional(points, temperature, weights=weights)
    assert spread * (1 + 1e-12) >= found.F
    assert found.residual < 1e-6
    # Stationary along z → cz + b: A² = 1 and E μ = 0, to the residual.
    np.testing.assert_allclose(found.scale, 1, atol=1e-5)
    np.testing.assert_allclose(found.offset, 0, atol=1e-5)
    assert 2 * temperature * found.kl + found.distortion == pytest.approx(found.F, abs=1e-9)
    proxy = subgaussian_proxy(points, weights)
    if temperature > proxy.value * (1 + 1e-6):
        assert spread * (1 - 1e-9) <= found.F
    if temperature < spread * (1 - 1e-6):
        assert found.active


def test_wider_classes_are_never_worse() -> None:
    x = np.array([-1.0, -0.8, -0.3, 0.1, 0.4, 2.2])
    values = [solve_functional(x, 0.5, model=name).F for name in MODEL_CLASSES]
    assert all(wide <= narrow + 1e-10 for narrow, wide in itertools.pairwise(values))
    assert values[-1] < values[0] - 1e-3


def test_width_coded_states_are_dead_by_signal_and_left_when_quartic_terms_decide() -> None:
    x, w = normal(16)
    space = EncoderSpace.of(x, w, "flexible", 1)
    start = space.coordinates(np.zeros((len(space.points), 1)), -0.3 * space.points)
    held = equilibrium_at(space, start, 0.9)
    # Width coding is stationary for normal data, flat along δμ ∝ 1 − σ², and loses to mean coding there.
    assert held.phase == "mean-coded"
    assert pytest.approx(0.9 + 0.9 * math.log(1 / 0.9), abs=1e-10) == held.F


def test_residual_edge_is_where_a_second_latent_wakes() -> None:
    x = np.random.default_rng(4).standard_normal((8, 2)) * [1.5, 1.0]
    temperature = 1.1
    one = solve_functional(x, temperature)
    edge = one.residual_edge
    space = EncoderSpace.of(x, None, "flexible", 2)
    collapsed = np.concatenate([one.mu, np.zeros_like(one.mu)], axis=1)
    y = space.coordinates(collapsed, np.log(np.concatenate([one.sigma, np.ones_like(one.sigma)], axis=1)))
    _, hessian = space.state(y, temperature).derivatives()
    second = slice(len(x), 2 * len(x))
    # Degree 1 of the collapsed coordinate couples only to δμ_2: Hessian 2T − 2 RᵀR there.
    lowest = np.linalg.eigvalsh(hessian[second, second])[0]
    assert lowest == pytest.approx(2 * (temperature - edge), abs=1e-8)
    assert one.verdict == ("stable" if temperature > edge else "unstable")


def test_residual_edge_of_collapse_is_the_class_threshold() -> None:
    x = RNG.standard_normal((9, 3))
    for name in MODEL_CLASSES:
        space = EncoderSpace.of(x, None, name, 1)
        collapsed = space.state(np.zeros(sum(space.sizes)), 1.0)
        assert residual_edge(collapsed) == pytest.approx(space.collapse_threshold, abs=1e-10)


# Searching, failing, refusing -------------------------------------------------------------------------------------


def test_identical_rows_are_one_weighted_point() -> None:
    doubled = solve_functional([0.0, 0.0, 1.0], 0.1)
    weighted = solve_functional([0.0, 1.0], 0.1, weights=[2, 1])
    assert doubled.mu.shape == (2, 1)
    assert doubled.F == weighted.F


def test_starts_can_be_named_given_or_continued() -> None:
    named = solve_functional(SKEWED, 1.5, start="mean")
    again = solve_functional(SKEWED, 1.5, start=named)
    given_ = solve_functional(SKEWED, 1.5, start=(named.mu[:, 0], named.sigma[:, 0]))
    assert again.iterations <= 3
    assert pytest.approx(again.F, abs=1e-12) == named.F
    assert pytest.approx(again.F, abs=1e-12) == given_.F
    names = start_names(EncoderSpace.of(SKEWED, None, "flexible", 1))
    assert set(names) < set(KINDS)
    assert "tilt+" not in names


def test_a_result_below_the_bound_raises() -> None:
    with pytest.raises(QuadratureError, match="below the bound"):
        solve_functional(SKEWED, 1.5, bound=lambda points, weights, T: 1.99)
    with pytest.raises(QuadratureError, match="below the bound"):
        sweep_functional(SKEWED, [1.5, 1.6], bound=lambda points, weights, T: 1.99)


def test_non_convergence_carries_the_last_good_state() -> None:
    space = EncoderSpace.of(np.linspace(-1, 1, 6), None, "flexible", 1)
    y = 0.3 * np.ones(sum(space.sizes))
    end = descend(space, y, 0.1, limit=1, escapes=0)
    assert end.status == "stalled"
    assert end.residual > 1e-3
    spike = space.coordinates(np.zeros((6, 1)), np.array([[-9.0], [0], [0], [0], [0], [0]]))
    with pytest.raises(NonConvergenceError, match="too large") as caught:
        equilibrium_at(space, spike, 0.1)
    assert np.isfinite(caught.value.state.free_energy)


def test_a_failed_start_does_not_lose_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    import numerics.functional_sweep as module

    original = module.equilibrium_at

    def fails_in_the_middle(space: EncoderSpace, y: np.ndarray, t: float, **kw: object) -> FunctionalEquilibrium:
        if 0.9 < t < 1.0 and np.any(y):
            raise NonConvergenceError("planted", space.state(y, t), 1.0)
        return original(space, y, t, **kw)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "equilibrium_at", fails_in_the_middle)
    sweep = sweep_functional([-1.0, 1.0], [0.7, 0.8, 0.95, 1.1], anchors=4)
    assert [s is None for s in sweep.up] == [False, False, True, True]
    assert sweep.ground[-1] is not None
    assert "planted" in sweep.failures


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"T": 0.0}, "T must be positive"),
        ({"T": "warm"}, "T must be a positive number"),
        ({"latents": 3}, "latents must be 1 or 2"),
        ({"model": "flexble"}, "did you mean 'flexible'"),
        ({"model": ModelClass("b", "free", "free", "free", likelihood="bernoulli")}, "Gaussian likelihood"),
        ({"start": "sideways"}, "start must name"),
        ({"start": (np.zeros(3), np.zeros(3))}, "positive sigma"),
        ({"points": [1.0, 1.0]}, "must not all be equal"),
    ],
)
def test_wrong_arguments_are_refused_by_name(arguments: dict[str, object], message: str) -> None:
    call: dict[str, object] = {"points": SKEWED, "T": 1.0, **arguments}
    with pytest.raises(InputError, match=message):
        solve_functional(call.pop("points"), call.pop("T"), **call)  # type: ignore[arg-type]


def test_coexistence_outside_the_sweep_is_not_invented() -> None:
    assert sweep_functional(SKEWED, [1.0, 1.2, 1.4], anchors=1).coexistence is None


def test_sweeps_refuse_too_few_temperatures() -> None:
    with pytest.raises(InputError, match="at least two"):
        sweep_functional(SKEWED, [1.0])


def test_figure_is_drawn_and_reproducible(tmp_path: object) -> None:
    sweep = sweep_functional(SKEWED, np.linspace(1.8, 2.2, 9), anchors=2)
    figure = plot_phases(sweep)
    assert len(figure.axes) == 4
    save_phases(sweep, tmp_path, "a")  # type: ignore[arg-type]
    save_phases(sweep, tmp_path, "b")  # type: ignore[arg-type]
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()  # type: ignore[operator]


def product(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> PointSet:
    """Two independent coordinates, each given by points and weights."""
    (a, p), (b, q) = first, second
    return PointSet.of([[x, y] for x in a for y in b], np.outer(p, q).ravel())


def scaled(nodes: int, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Gauss–Hermite nodes of a normal distribution of a given variance."""
    x, w = normal(nodes)
    return math.sqrt(variance) * x, w


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
