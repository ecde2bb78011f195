"""Functional equilibria: derivatives and quadrature, identities and bounds, searching, failing, refusing."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from numerics.function_space import EncoderSpace
from numerics.functional import FunctionalEquilibrium, QuadratureError, equilibrium_at, solve_functional
from numerics.functional_starts import KINDS, start_names
from numerics.functional_sweep import sweep_functional
from numerics.newton_descent import descend
from numerics.posterior_grid import GridTooLargeError, PosteriorGrid
from numerics.residual_edge import residual_edge
from numerics.subgaussian import subgaussian_proxy
from theory.errors import InputError, NonConvergenceError
from theory.model import MODEL_CLASSES, ModelClass
from verify.phase_figure import plot_phases, save_phases

from .functional_data import SKEWED
from .strategies import CLOSED

# Derivatives and quadrature -----------------------------------------------------------------------------------------


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


# Identities and bounds ----------------------------------------------------------------------------------------------


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
    x = np.random.default_rng(20).standard_normal((9, 3))
    for name in MODEL_CLASSES:
        space = EncoderSpace.of(x, None, name, 1)
        collapsed = space.state(np.zeros(sum(space.sizes)), 1.0)
        assert residual_edge(collapsed) == pytest.approx(space.collapse_threshold, abs=1e-10)


# Searching, failing, refusing ---------------------------------------------------------------------------------------


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
