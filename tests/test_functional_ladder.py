"""The search that climbs from narrow classes to wide ones: no class is reported as worse than its subclass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss

from numerics.function_space import EncoderSpace
from numerics.functional import FunctionalEquilibrium, equilibrium_at, solve_functional
from numerics.functional_ladder import climb
from numerics.functional_starts import KINDS, needs, seed_functions, start_names
from numerics.functional_sweep import sweep_functional
from theory.curves import Curve
from theory.errors import NonConvergenceError
from theory.model import MODEL_CLASSES, ModelClass, model_class

from .strategies import CLOSED


def parabola(c: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """The parabola (u, c(u² − 1)), u normal, on Gauss–Hermite nodes."""
    u, w = hermegauss(nodes)
    return np.stack([u, c * (u * u - 1)], axis=1), w / w.sum()


def free_energies(points: np.ndarray, temperature: float, weights: np.ndarray | None = None) -> list[float]:
    return [solve_functional(points, temperature, weights=weights, model=m, bound=None).F for m in MODEL_CLASSES]


def test_classes_contain_each_other_in_their_order() -> None:
    names = list(MODEL_CLASSES)
    for i, wide in enumerate(names):
        assert [m.name for m in model_class(wide).subclasses] == names[:i]
        assert all(model_class(wide).contains(model_class(n)) == (j <= i) for j, n in enumerate(names))
    sees_u = ModelClass("sees u", decoder="free", mean="linear", width="constant", visible=(0,), dimensions=2)
    assert [(m.name, m.visible) for m in sees_u.subclasses] == [("linear", (0,))]
    assert not sees_u.contains(replace(model_class("linear"), dimensions=2))


# Values on a coarse grid: equal rows and symmetric sets are among them.
LINE = st.lists(st.integers(-6, 6), min_size=3, max_size=6).filter(lambda v: len(set(v)) > 1)
PLANE = st.lists(st.tuples(st.integers(-4, 4), st.integers(-3, 3)), min_size=3, max_size=6).filter(
    lambda rows: len(set(rows)) > 1
)


@settings(CLOSED, max_examples=8)
@given(rows=st.one_of(LINE, PLANE), relative=st.sampled_from((0.4, 0.8, 0.97, 1.03, 1.2)))
def test_a_class_is_never_above_its_subclass(rows: list[object], relative: float) -> None:
    points = np.array(rows, dtype=float)
    space = EncoderSpace.of(points, None, "linear", 1)
    linear, decoder, mean, flexible = free_energies(points, relative * space.collapse_threshold)
    slack = 1e-9 * space.variance  # the accuracy of F is 1e-10 of it
    assert flexible <= mean + slack
    assert mean <= decoder + slack
    assert decoder <= linear + slack


@pytest.mark.parametrize("nodes", [16, pytest.param(48, marks=pytest.mark.slow)])
def test_beyond_its_threshold_the_parabola_is_lower_in_every_wider_class(nodes: int) -> None:
    """Steep light points once stopped every active descent of the flexible class: collapse was reported."""
    linear, decoder, mean, flexible = free_energies(*_with_temperature(0.6, nodes))
    assert linear == pytest.approx(1.72, abs=1e-9)
    # E‖x‖² = 1 + 2c² = 1.72; the decoder's class is below it, and the others far below.
    assert decoder == pytest.approx(1.70101, abs=1e-4)
    assert flexible < mean < decoder - 0.05


def _with_temperature(c: float, nodes: int) -> tuple[np.ndarray, float, np.ndarray]:
    points, weights = parabola(c, nodes)
    return points, 1.005, weights


def test_the_flexible_class_keeps_the_parabola_active_beyond_the_closed_exchange() -> None:
    """An encoder that sees u only has its exchange in closed form; a wider class cannot collapse before it."""
    points, weights = parabola(0.6, 8)
    jump = next(j for j in Curve((1, np.sqrt(2) * 0.6)).jumps() if j.start == 0)
    grid = np.linspace(1.0, 1.2, 5)
    ends = {}
    for name in ("nonlinear-decoder", "flexible"):
        sweep = sweep_functional(points, grid, weights=weights, model=name, anchors=1, bound=None)
        ends[name] = float(grid[-1]) if sweep.coexistence is None else sweep.coexistence
    assert ends["flexible"] >= ends["nonlinear-decoder"] >= jump.temperature - 1e-6


def test_each_kind_is_descended_where_it_first_is_itself() -> None:
    first = {kind: next(n for n, m in MODEL_CLASSES.items() if needs(kind, m)) for kind in KINDS}
    assert first["mean"] == first["tilt+"] == "linear"
    assert first["rank"] == "nonlinear-decoder"
    assert first["even"] == first["outlier"] == first["random"] == "nonlinear-mean"
    assert first["width+"] == first["mixed-"] == "flexible"
    x = np.array([-1.3, -0.2, 0.4, 1.1])
    space = EncoderSpace.of(x, None, "flexible", 1)
    seen: list[tuple[str, bytes]] = []

    def solve(step: EncoderSpace, y: np.ndarray) -> FunctionalEquilibrium:
        seen.append((step.model.name, y.tobytes()))
        return equilibrium_at(step, y, 0.5)

    kinds = start_names(space)
    found, ceiling = climb(space, 0.5, kinds, np.random.default_rng(0), solve)
    assert found[0].F - ceiling <= 0
    assert [e.F for e in found] == sorted(e.F for e in found)
    seeds = {kind: seed_functions(space, kind, 0.5, np.random.default_rng(0)) for kind in kinds if kind != "random"}
    # A pure width code is collapse in a class of constant width, where every search starts too.
    seeds = {kind: functions for kind, functions in seeds.items() if np.any(functions[0])}
    for kind, functions in seeds.items():
        classes = [n for n, y in seen if y == space.narrowed(model_class(n)).coordinates(*functions).tobytes()]
        assert classes == [first[kind]], kind


def test_a_tilt_follows_the_coordinate_that_bends() -> None:
    """Among several other modes the tilt goes to the one that varies with the square of the first."""
    u = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    rows = np.array([[a, b, 0.3 * (a * a - 2)] for a in u for b in (-0.9, 0.9)])
    space = EncoderSpace.of(rows, None, "nonlinear-decoder", 1)
    mean, _ = seed_functions(space, "tilt+", 0.5, np.random.default_rng(0))
    weights = np.linalg.lstsq(space.points, mean[:, 0], rcond=None)[0]
    # Order of variances: u, then the independent coordinate, then the bend.
    assert abs(weights[1]) < 1e-12
    assert abs(weights[2]) > 0.1


def test_what_no_descent_reaches_is_not_replaced_by_something_higher(monkeypatch: pytest.MonkeyPatch) -> None:
    """If every active descent of the class fails, collapse must not be reported as its equilibrium."""
    x = np.array([-1.0] * 6 + [6.0])
    real = equilibrium_at

    def flaky(space: EncoderSpace, y: np.ndarray, temperature: float, **options: Any) -> FunctionalEquilibrium:
        found = real(space, y, temperature, **options)
        if space.model.name == "flexible" and found.active:
            raise NonConvergenceError("made to fail", found.state, 1.0)
        return found

    monkeypatch.setattr("numerics.functional.equilibrium_at", flaky)
    monkeypatch.setattr("numerics.functional_sweep.equilibrium_at", flaky)
    monkeypatch.setattr("numerics.phase_changes.equilibrium_at", flaky)
    with pytest.raises(NonConvergenceError, match="a subclass reaches") as caught:
        solve_functional(x, 6.3, bound=None)
    assert caught.value.state.free_energy < 6
    sweep = sweep_functional(x, np.linspace(6.3, 7.5, 4), anchors=1, bound=None)
    assert sweep.coexistence is None
    assert "a subclass is lower than full collapse at T = 6.3" in (sweep.unresolved or "")


@pytest.mark.parametrize("model", MODEL_CLASSES)
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("latents", [1, 2])
def test_every_seed_of_a_problem_can_be_made(model: str, columns: int, latents: int) -> None:
    x = np.random.default_rng(0).standard_normal((6, columns))
    space = EncoderSpace.of(x - x.mean(0), None, model, latents)
    for name in start_names(space):
        mean, log_width = seed_functions(space, name, 0.8, np.random.default_rng(1))
        assert mean.shape == log_width.shape == (6, latents)
        assert np.isfinite(mean).all() and np.isfinite(log_width).all()
