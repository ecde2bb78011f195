"""Branches, folds, branch points and diagrams against closed forms; the cases on which existing tools fail."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
import sympy as sp
from matplotlib.figure import Figure
from matplotlib.image import imread

from numerics.continuation import follow
from numerics.diagram import diagram, linear_diagram
from numerics.ground_state import exchanges
from numerics.landscape import Landscape, curve_landscape, polynomial_landscape
from numerics.linear_landscape import LinearVAE
from numerics.stationary import families
from numerics.switching import kernel, switch
from theory.curves import Curve
from theory.errors import InputError
from theory.landau import reduce
from theory.normal_form import LandauPolynomial
from theory.truncated import stationary_points
from verify.branch_figure import plot_diagram, save_diagram

A, R, T = sp.symbols("a r T", real=True)


@pytest.mark.parametrize("c", [0.3, 0.5, 0.6, 1.0])
def test_parabola_on_both_sides_of_the_tricritical_point(c: float) -> None:
    curve = Curve.parabola(sp.nsimplify(c))
    found = diagram(curve_landscape(tuple(float(v) for v in curve.variances)), [([0.0], 0.5)], (0.1, 2.5))
    collapsed, active = found.branches
    (threshold,) = collapsed.events
    assert (threshold.kind, threshold.multiplicity, threshold.indices) == ("branch point", 1, (1, 0))
    assert threshold.temperature == pytest.approx(1.0, abs=1e-12)
    m = active.states[:, 0] ** 2
    # The equation of state of the exactly solvable family, on stable and unstable stretches alike.
    np.testing.assert_allclose(active.temperatures, (1 - m) * (1 + 4 * c * c * m), rtol=0, atol=1e-10)
    np.testing.assert_allclose(active.rates, -0.5 * np.log1p(-m), rtol=1e-8, atol=1e-12)
    spinodals = curve.spinodals()
    folds = [event for event in active.events if event.kind == "fold"]
    assert len(folds) == len(spinodals) == (1 if c > 0.5 else 0)
    for fold, spinodal in zip(folds, spinodals, strict=True):
        assert fold.temperature == pytest.approx(float(spinodal.temperature), abs=1e-10)
        assert fold.state[0] ** 2 == pytest.approx(float(spinodal.m), abs=1e-8)
        # Unstable from the threshold up to the fold, stable from there down.
        unstable = m < float(spinodal.m) - 1e-9
        assert (active.indices[unstable] == 1).all() and (active.indices[~unstable] == 0).all()
        assert unstable.sum() > 5
    if not folds:
        assert active.stable[1:].all()


@pytest.mark.parametrize("c", [Curve.parabola(0.55).c, Curve.parabola(0.6).c, Curve.parabola(1).c, (1, 0, 0, 0, 0, 1)])
def test_coexistence_and_jump_from_continuation(c: tuple[sp.Expr, ...]) -> None:
    curve = Curve(c)
    landscape = curve_landscape(tuple(float(v) for v in curve.variances))
    found = exchanges(diagram(landscape, [([0.0], 0.5)], (0.1, 2.5)), landscape)
    jumps = curve.jumps()
    # The last one is a jump between two active states on one branch.
    assert len(found) == len(jumps) == 1
    for exchange, jump in zip(found, jumps, strict=True):
        assert exchange.temperature == pytest.approx(float(jump.temperature), abs=1e-8)
        (cold,), (hot,) = exchange.states
        assert cold**2 - hot**2 == pytest.approx(float(jump.signal), abs=1e-8)
        assert exchange.kl_jump == pytest.approx(float(jump.kl), abs=1e-8)
        assert abs(exchange.gap) < 1e-12
        assert (exchange.cold == exchange.hot) is (jump.start > 0)


@pytest.mark.parametrize("c", [0.3, 0.5])
def test_continuous_transitions_are_no_exchanges(c: float) -> None:
    landscape = curve_landscape(tuple(float(v) for v in Curve.parabola(sp.nsimplify(c)).variances))
    assert exchanges(diagram(landscape, [([0.0], 0.5)], (0.1, 2.5)), landscape) == ()
    model = LinearVAE([2.0, 1.0], 2)
    assert exchanges(linear_diagram(model), model.landscape) == ()
    # Two branches that cross change places without a jump.
    crossing = polynomial_landscape((T - 1) * R**2 - R**3 / 3 + R**4, (R,), T)
    assert all(e.kl_jump > 1e-6 for e in exchanges(diagram(crossing, [([0.0], 0.5)], (0.4, 1.5)), crossing))


def test_the_small_jump_beside_the_tricritical_point_follows_its_laws() -> None:
    """b = (1 − 4c²)/2 → 0, d = 1/3 (theory.transition_laws): t* → b²/4d, KL → −b/4d, and the fold at 4/3 of t*."""
    errors = []
    for over in (0.1, 0.05, 0.025):
        b = -over / 2
        landscape = curve_landscape((1.0, (1 + over) / 2))
        found = diagram(landscape, [([0.0], 0.9)], (0.8, 1.1), max_step=0.01)
        (exchange,) = exchanges(found, landscape)
        (fold,) = (e for e in found.events if e.kind == "fold")
        t = exchange.temperature - 1
        errors.append([t / (3 * b**2 / 4), exchange.kl_jump / (-3 * b / 4), (fold.temperature - 1) / (4 * t / 3)])
    off = np.abs(np.array(errors) - 1)
    # Corrections are of first order in b: halving it halves them.
    np.testing.assert_allclose(off[1:] / off[:-1], 0.5, atol=0.05)
    assert off[-1].max() < 0.03


def test_curve_with_three_spinodals() -> None:
    curve = Curve((1, 0, 0, 0, sp.Rational(3, 2)))
    landscape = curve_landscape(tuple(float(v) for v in curve.variances))
    _, active = diagram(landscape, [([0.0], 0.5)], (0.05, 6.0)).branches
    folds = sorted(e.temperature for e in active.events if e.kind == "fold")
    expected = sorted(float(s.temperature) for s in curve.spinodals())
    assert len(expected) >= 2
    np.testing.assert_allclose(folds, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("eigenvalues", "latents"),
    [([2.0, 1.0], 1), ([2.0, 1.0], 2), ([2.0, 2.0], 1), ([2.0, 2.0], 2), ([3.0, 2.0, 2.0, 1.0], 2)],
)
def test_linear_diagrams_are_complete(eigenvalues: list[float], latents: int) -> None:
    model = LinearVAE(eigenvalues, latents)
    found = linear_diagram(model)
    known = {family.label: family for family in families(model)}
    # Every kind of stationary point once, and nothing else.
    assert Counter(branch.label for branch in found.branches) == Counter(list(known))
    assert found.status == "complete" and not found.failed
    for branch in found.branches:
        family = known[branch.label]
        inside = branch.temperatures < family.limit - 1e-6
        exact = [family.free_energy(t) for t in branch.temperatures[inside]]
        np.testing.assert_allclose(branch.free_energies[inside], exact, rtol=1e-12)
        assert branch.status == "complete" and branch.residual < 1e-11
        if np.isfinite(family.limit):
            # It begins where the closed form ends.
            assert branch.temperatures.max() == pytest.approx(family.limit, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("eigenvalues", [[2.0, 1.0], [3.0, 2.0, 1.0]])
def test_three_latents(eigenvalues: list[float]) -> None:
    model = LinearVAE(eigenvalues, 3)
    found = linear_diagram(model)
    assert Counter(b.label for b in found.branches) == Counter(family.label for family in families(model))


@pytest.mark.slow
def test_three_latents_and_equal_eigenvalues() -> None:
    # Kernels of up to six dimensions, families along flat directions: every kind once, none twice.
    model = LinearVAE([3.0, 2.0, 2.0, 1.0], 3)
    found = linear_diagram(model)
    assert Counter(b.label for b in found.branches) == Counter(family.label for family in families(model))
    assert len(found.branches) == 39


def test_stable_branches_are_the_cascade() -> None:
    found = linear_diagram(LinearVAE([2.0, 1.0], 2))
    stable = {}
    for branch in found.branches:
        inner = branch.temperatures[branch.stable]
        if len(inner) > 1:
            stable[branch.label] = (round(inner.min(), 6), round(inner.max(), 6))
    assert stable == {"collapsed": (2.0, 2.4), "1": (1.0, 2.0), "1, 2": (0.2, 1.0)}


def test_eigenvalues_that_cross_together_are_all_counted() -> None:
    model = LinearVAE([3.0, 2.0, 2.0, 1.0], 4)
    branch = follow(model.landscape, model.collapsed, 0.5, (0.4, 4.0))
    found = [(round(e.temperature, 9), e.multiplicity, e.indices) for e in branch.events]
    # K latents for each of the eigenvalues 1, 2 (twice) and 3.
    assert found == [(1.0, 4, (16, 12)), (2.0, 8, (12, 4)), (3.0, 4, (4, 0))]


def test_two_crossings_in_one_step_are_two_events() -> None:
    model = LinearVAE([1.001, 1.0], 1)
    branch = follow(model.landscape, model.collapsed, 0.9, (0.8, 1.2), max_step=0.3)
    assert [(round(e.temperature, 9), e.multiplicity) for e in branch.events] == [(1.0, 1), (1.001, 1)]


def test_equal_eigenvalues_give_a_circle_of_branches() -> None:
    found = linear_diagram(LinearVAE([2.0, 2.0], 1))
    collapsed, active = found.branches
    assert [(e.temperature, e.multiplicity) for e in collapsed.events] == [(pytest.approx(2.0, abs=1e-10), 2)]
    assert (active.symmetry, active.flat) == (1, 0)
    assert active.stable[1:].all()


def test_undeclared_symmetry_is_a_flat_direction() -> None:
    hat = polynomial_landscape((T - 1) * (A**2 + R**2) + (A**2 + R**2) ** 2, (A, R), T)
    collapsed, circle = diagram(hat, [([0.0, 0.0], 0.5)], (0.2, 1.5)).branches
    assert collapsed.events[0].multiplicity == 2
    assert (circle.symmetry, circle.flat) == (0, 1)
    np.testing.assert_allclose((circle.states**2).sum(axis=1), (1 - circle.temperatures) / 2, atol=1e-10)


def test_switching_uses_the_predicted_amplitude() -> None:
    # F = (T−1)a² + a⁴/2: a² = 1 − T exactly, so the prediction has no error of higher order.
    landscape = polynomial_landscape((T - 1) * A**2 + A**4 / 2, (A,), T)
    (event,) = follow(landscape, [0.0], 0.5, (0.4, 1.5)).events
    assert kernel(landscape, event).shape == (1, 1)
    (new,) = switch(landscape, event)  # ±a are one class
    assert new.amplitude == pytest.approx(np.sqrt(2e-3), rel=1e-3)
    assert new.temperature == pytest.approx(new.predicted, abs=1e-9)
    assert abs(new.state[0]) == pytest.approx(new.amplitude, rel=1e-10)


def test_transcritical_branch_leaves_on_both_sides() -> None:
    landscape = polynomial_landscape((T - 1) * R**2 - R**3 / 3 + R**4, (R,), T)
    (event,) = follow(landscape, [0.0], 0.5, (0.4, 1.5)).events
    ends = sorted(new.temperature for new in switch(landscape, event))
    # r = 2(T − 1) + …: one branch, on either side of the threshold.
    assert ends[0] < 1 < ends[1]


@pytest.mark.parametrize("kappa4", [0, -1])
def test_landau_polynomials_from_the_engine(kappa4: int) -> None:
    landau = reduce("flexible", 4)
    values = {"kappa3": sp.Integer(0), "kappa4": sp.Integer(kappa4)}
    expression = landau.polynomial.subs({s: values[str(s)] for s in landau.polynomial.free_symbols if str(s) in values})
    amplitudes = landau.amplitudes
    (temperature,) = expression.free_symbols - set(amplitudes)
    landscape = polynomial_landscape(sp.expand(expression), amplitudes, temperature)
    found = diagram(landscape, [([0.0, 0.0], 0.5)], (0.3, 1.6))
    polynomial = LandauPolynomial.of(expression, tuple(map(str, amplitudes)), 4)
    for at in (sp.Rational(1, 2), sp.Rational(9, 10), sp.Rational(101, 100)):
        # Branches that a symmetry connects are kept once, and r → −r is one without κ₃.
        exact = {(round(float(p.m), 8), round(abs(float(p.r)), 8)) for p in stationary_points(polynomial, at)}
        seen = {
            (round(float(y[0] ** 2), 8), round(abs(float(y[1])), 8))
            for branch in found.branches
            for y in branch.at(landscape, float(at))
        }
        assert seen == exact


def test_a_failed_branch_does_not_lose_the_others() -> None:
    plain = polynomial_landscape((T - 1) * A**2 + A**4 / 2 + (T - sp.Rational(1, 2)) * R**2 + R**4, (A, R), T)

    def wall(y: np.ndarray, temperature: float) -> np.ndarray:
        return np.full(2, np.nan) if abs(y[0]) > 0.5 else plain.gradient(y, temperature)

    landscape = Landscape(2, plain.free_energy, wall, plain.hessian, plain.tilt)
    found = diagram(landscape, [([0.0, 0.0], 0.8)], (0.2, 1.2))
    (failed,) = (found.branches[i] for i in found.failed if abs(found.branches[i].states[-1][1]) < 1e-9)
    # The last good state is at the wall, and still a stationary point.
    assert failed.status == "stalled" and failed.residual < 1e-11
    assert abs(failed.states[-1][0]) == pytest.approx(0.5, abs=1e-6)
    assert any(b.status == "complete" and abs(b.states[-1][1]) > 0.1 and b.states[-1][0] == 0 for b in found.branches)


def test_number_of_points_is_limited() -> None:
    branch = follow(curve_landscape((1.0,)), [0.0], 0.5, (0.1, 2.0), max_points=5)
    assert branch.status == "limit" and len(branch.temperatures) == 5


def test_branch_ends_where_its_mirror_image_begins() -> None:
    branch = follow(curve_landscape((1.0, 0.32)), [np.sqrt(0.5)], 0.5 * 1.32, (0.1, 2.0))
    assert branch.status == "end"
    assert branch.temperatures[-1] == pytest.approx(1.0, abs=1e-12)
    assert abs(branch.states[-1, 0]) < 1e-9


def test_diagram_as_data_and_figure(tmp_path) -> None:
    found = diagram(curve_landscape((1.0, 2.0)), [([0.0], 0.5)], (0.2, 2.0))
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["branches"][1]["origin"] == {"branch": 0, "event": 0}
    assert document["branches"][1]["events"][0]["kind"] == "fold"
    figure = plot_diagram(found)
    left, right = figure.axes
    active = found.branches[1]
    lines = [line for line in right.lines if line.get_marker() == "None"]
    stable = {tuple(p) for line in lines if line.get_linestyle() == "-" for p in line.get_xydata() if np.isfinite(p[1])}
    assert stable >= {tuple(p) for p in np.column_stack([active.temperatures, active.rates])[active.stable]}
    (fold,) = (line for line in left.lines if line.get_marker() == "s")
    assert float(np.asarray(fold.get_xdata())[0]) == pytest.approx(1.5625, abs=1e-9)
    assert plot_diagram(found, Figure().subplots(1, 2)) is not figure
    png, svg = save_diagram(found, tmp_path)
    assert imread(png).shape[1] == 800 and svg.read_text(encoding="utf-8").rstrip().endswith("</svg>")
    with pytest.raises(InputError, match="2 axes"):
        plot_diagram(found, [left])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda f: follow(f, [0.0], 3.0, (0.1, 2.0)), "must lie in the window"),
        (lambda f: follow(f, [0.5], 1.9, (0.1, 2.0)), "near a stationary point"),
        (lambda f: follow(f, [0.0], 0.5, (0.1, 2.0), max_step=0), "must be positive"),
        (lambda f: follow(f, [0.0], 0.5, (-1.0, 2.0)), "temperature must be positive"),
        (lambda f: diagram(f, [], (0.1, 2.0)), "at least one"),
    ],
)
def test_wrong_input(call, match) -> None:
    # c₂ makes a = 0.5 no stationary point and Newton leave the domain |a| < 1 from it.
    with pytest.raises(InputError, match=match) as caught:
        call(Landscape(1, lambda y, T: y[0], lambda y, T: 1 + y**2 if y[0] else 0 * y, lambda y, T: 2 * y[:, None]))
    assert "\n" not in str(caught.value)
