"""Diagrams of general Landau polynomials against all their stationary points, found exactly at fixed temperature."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from numerics.continuation import follow
from numerics.diagram import Diagram, diagram
from numerics.landscape import Landscape, polynomial_landscape
from numerics.linear_landscape import LinearVAE
from numerics.multistart import stationary_starts
from numerics.switching import kernel, switch
from theory.errors import InputError
from theory.landau import reduce
from theory.normal_form import LandauPolynomial
from theory.truncated import stationary_points as truncated_points

A, R, T = sp.symbols("a r T", real=True)
M = sp.Symbol("m")
ORIGIN = ([0.0, 0.0], 0.5)


def flexible(order: int, kappa3: object, kappa4: object) -> sp.Expr:
    """The engine's polynomial in (A, R, T); cumulants above the fourth vanish."""
    landau = reduce("flexible", order)
    values = {"kappa3": sp.nsimplify(kappa3), "kappa4": sp.nsimplify(kappa4), "kappa5": 0, "kappa6": 0, "T": T}
    names = {s: values[s.name] for s in landau.polynomial.free_symbols if s.name in values}
    return sp.expand(landau.polynomial.subs(names).subs(dict(zip(landau.amplitudes, (A, R), strict=True))))


def all_stationary_points(expression: sp.Expr, at: sp.Rational) -> set[tuple[float, float]]:
    """(a², r) of every stationary point: a = 0 and r a root of F_r, or a common root of F_m and F_r by resultants."""
    free = sp.expand(sp.expand(expression.subs(T, at)).subs(A, sp.sqrt(M)))
    slopes = [sp.Poly(free.diff(x), M, R) for x in (M, R)]

    def real(polynomial: sp.Poly) -> list[sp.Float]:
        roots = [] if polynomial.degree() < 1 else polynomial.nroots(n=40, maxsteps=1000)
        return [sp.re(z) for z in roots if abs(sp.im(z)) < 1e-18]

    found = {(0.0, float(r)) for r in real(sp.Poly(slopes[1].as_expr().subs(M, 0), R))}
    for r in real(sp.Poly(sp.resultant(*(s.as_expr() for s in slopes), M), R)):
        columns = [sp.Poly(s.as_expr().subs(R, r), M) for s in slopes]
        solvable = next(c for c, s in zip(columns, slopes, strict=True) if s.degree(M) > 0)
        for m in real(solvable):
            if m > 1e-10 and all(abs(c.eval(m)) < 1e-12 for c in columns):
                found.add((float(m), float(r)))
    return found


def on_branches(found: Diagram, landscape: Landscape, at: float) -> list[tuple[float, float]]:
    return [(float(y[0] ** 2), float(y[1])) for branch in found.branches for y in branch.at(landscape, at)]


def assert_same(seen: list[tuple[float, float]], exact: set[tuple[float, float]]) -> None:
    # Both sides converge to 1e-11 or better away from folds; distinct points differ by more than 1e-5.
    far = [p for p in exact if not any(np.hypot(p[0] - q[0], p[1] - q[1]) < 1e-7 for q in seen)]
    wrong = [q for q in seen if not any(np.hypot(p[0] - q[0], p[1] - q[1]) < 1e-7 for p in exact)]
    assert not far and not wrong


FAST = [(4, "1/5", -1), (4, "1/2", 0), (4, "1/2", 1), (6, "1/5", -1), (6, "1/2", 0)]
ALL = [(order, k3, k4) for order in (4, 6) for k3 in ("1/5", "-1/5", "1/2", "1") for k4 in (0, -1, 1)]


@pytest.mark.parametrize(
    ("order", "kappa3", "kappa4"), [*FAST, *(pytest.param(*c, marks=pytest.mark.slow) for c in ALL if c not in FAST)]
)
def test_diagram_holds_every_stationary_point(order: int, kappa3: str, kappa4: int) -> None:
    expression = flexible(order, kappa3, kappa4)
    landscape = polynomial_landscape(expression, (A, R), T)
    seeds = stationary_starts(landscape, (0.35, 0.6, 0.97, 1.15), (1.5, 1.0))
    found = diagram(landscape, [ORIGIN, *seeds], (0.3, 1.6))
    # Without skewness of 1 the quartic in a is positive and every branch stays finite.
    assert found.status == "complete" and (kappa3 == "1" or not found.failed)
    for at in ("2/5", "19/20", "101/100") if order == 6 else ("2/5", "7/10", "19/20", "101/100", "6/5"):
        exact = all_stationary_points(expression, sp.Rational(at))
        assert_same(on_branches(found, landscape, float(sp.Rational(at))), exact)
    # Nothing is listed twice.
    for at in (0.7, 0.95):
        states = [(round(m, 6), round(r, 6) + 0.0) for m, r in on_branches(found, landscape, at)]
        assert len(set(states)) == len(states)


@pytest.mark.parametrize("kappa4", ["-3/5", pytest.param("-7/10", marks=pytest.mark.slow)])
def test_branches_with_a_flat_direction_are_listed_once(kappa4: str) -> None:
    expression = flexible(4, 0, kappa4)
    landscape = polynomial_landscape(expression, (A, R), T)
    seeds = stationary_starts(landscape, (0.35, 0.6, 0.97), (1.5, 1.0))
    found = diagram(landscape, [ORIGIN, *seeds], (0.3, 1.6))
    # Collapsed, mean-coded, and one width-coded branch for r and −r whose curvature along a vanishes at every T.
    assert len(found.branches) == 3 and not found.failed
    assert sorted(branch.flat for branch in found.branches) == [0, 0, 1]
    for at in ("2/5", "19/20"):
        exact = {(m, abs(r)) for m, r in all_stationary_points(expression, sp.Rational(at))}
        assert_same([(m, abs(r)) for m, r in on_branches(found, landscape, float(sp.Rational(at)))], exact)


@pytest.mark.parametrize("kappa3", ["1/2", "1"])
def test_exact_roots_agree_with_those_of_the_theory(kappa3: str) -> None:
    # At κ₃ = 1 the quartic has no a⁴: it is affine in a², and its mean-coded states are saddles.
    expression = flexible(4, kappa3, 1)
    polynomial = LandauPolynomial.of(expression, ("a", "r"), 4)
    for at in (sp.Rational(2, 5), sp.Rational(19, 20), sp.Rational(6, 5)):
        assert_same(
            [(float(p.m), float(p.r)) for p in truncated_points(polynomial, at)], all_stationary_points(expression, at)
        )


def test_branches_that_leave_almost_tangent_are_told_apart() -> None:
    expression = flexible(4, "1/2", 1)
    landscape = polynomial_landscape(expression, (A, R), T)
    event = follow(landscape, [0.0, 0.0], 0.5, (0.3, 1.6)).events[0]
    assert kernel(landscape, event).shape == (2, 2)
    departures = switch(landscape, event)
    coded = sorted((abs(d.state[0]) > 1e-6, d.state[1] > 0) for d in departures)
    # Width-coded on both sides of the threshold, mean-coded on one only.
    assert coded == [(False, False), (False, True), (True, False)]
    (mean,) = (d.state for d in departures if abs(d.state[0]) > 1e-6)
    # a² ∝ |r|³, as c₂₁ = ¾ c₀₃ demands: the factor is that of the exact roots at about the same T.
    exact = all_stationary_points(expression, sp.Rational(998, 1000))
    (near,) = (p for p in exact if p[0] > 0 and p[1] < 0)
    assert abs(mean[0] ** 2 / mean[1] ** 3) == pytest.approx(abs(near[0] / near[1] ** 3), rel=0.1)


def test_transcritical_amplitude_is_predicted() -> None:
    landscape = polynomial_landscape(flexible(4, "1/2", -1), (A, R), T)
    event = follow(landscape, [0.0, 0.0], 0.5, (0.3, 1.6)).events[0]
    for departure in switch(landscape, event):
        # The cubic terms shift T linearly, three times the quartic ones' share or more at this amplitude.
        assert abs(departure.temperature - 1) > 0.2 * departure.amplitude
        # No slaved modes and no order above four: the expansion is exact, its finite differences err by rounding/h³.
        assert departure.temperature == pytest.approx(departure.predicted, abs=1e-9)


def test_closed_loop_is_found_and_closed() -> None:
    # F = a quadratic well in r whose signal a lives on the circle (T − 1)² + r² = 1/16 only.
    expression = R * ((T - 1) ** 2 + R**2 / 3 - sp.Rational(1, 16)) + A**2 * (1 + R**2)
    landscape = polynomial_landscape(sp.expand(expression), (A, R), T)
    found = diagram(landscape, [([0.0, 0.25], 1.0)], (0.5, 1.5))
    (loop,) = found.branches
    assert loop.status == "closed" and not found.failed
    np.testing.assert_allclose((loop.temperatures - 1) ** 2 + loop.states[:, 1] ** 2, 1 / 16, rtol=0, atol=1e-11)
    assert [(e.kind, round(e.temperature, 9)) for e in sorted(loop.events, key=lambda e: e.temperature)] == [
        ("fold", 0.75),
        ("fold", 1.25),
    ]
    np.testing.assert_allclose(loop.states[0], loop.states[-1], rtol=0, atol=1e-12)


def turned(expression: sp.Expr, angle: sp.Expr) -> Landscape:
    """The same polynomial in coordinates turned by an angle: eigenvectors are not axes."""
    c, s = sp.cos(angle), sp.sin(angle)
    new = expression.subs({A: c * A + s * R, R: -s * A + c * R}, simultaneous=True)
    return polynomial_landscape(sp.expand(new), (A, R), T)


@pytest.mark.parametrize("gap", [3, -3])
def test_opposite_crossings_within_one_step_are_seen(gap: int) -> None:
    # One eigenvalue rises through zero at T = 1, one falls through zero at 1 + gap/1000: the index is 1 on both sides.
    fall = 1 + sp.Rational(gap, 1000)
    landscape = turned((T - 1) * A**2 + (fall - T) * R**2 + A**4 + R**4, sp.Rational(1, 2))
    branch = follow(landscape, [0.0, 0.0], 0.9, (0.8, 1.2))
    between = 0 if gap > 0 else 2
    assert [(round(e.temperature, 10), e.multiplicity, e.indices) for e in branch.events] == [
        (min(1.0, float(fall)), 1, (1, between)),
        (max(1.0, float(fall)), 1, (between, 1)),
    ]


def test_opposite_crossings_at_one_temperature_are_one_event() -> None:
    landscape = turned((T - 1) * (A**2 - R**2) + A**4 + R**4, sp.Rational(1, 2))
    (event,) = follow(landscape, [0.0, 0.0], 0.9, (0.8, 1.2)).events
    assert (event.kind, event.multiplicity, event.indices) == ("branch point", 2, (1, 1))
    assert event.temperature == pytest.approx(1.0, abs=1e-10)
    # A branch leaves to either side: a² = (1 − T)/2 below, r² = (T − 1)/2 above.
    found = diagram(landscape, [([0.0, 0.0], 0.9)], (0.8, 1.2))
    spans = sorted((round(b.temperatures.min(), 6), round(b.temperatures.max(), 6)) for b in found.branches)
    assert spans == [(0.8, 1.0), (0.8, 1.2), (1.0, 1.2)]


def test_avoided_crossing_is_no_event() -> None:
    # Eigenvalues ±2√((T − 1)² + ε²) turn their vectors by 90° but never vanish.
    expression = (T - 1) * (A**2 - R**2) + sp.Rational(1, 500) * A * R + A**4 + R**4
    branch = follow(polynomial_landscape(expression, (A, R), T), [0.0, 0.0], 0.9, (0.8, 1.2))
    assert branch.events == () and branch.status == "complete" and (branch.indices == 1).all()


def test_pitchfork_that_ends_in_a_branch_beside_it() -> None:
    # a² = ε(T − 1) along r = 0 is narrow: a long step would land on a = 0 and go on there.
    epsilon = sp.Rational(1, 2000)
    expression = -epsilon * (T - 1) * A**2 + A**4 / 2 + R**2
    landscape = polynomial_landscape(expression, (A, R), T)
    branch = follow(landscape, [float(sp.sqrt(epsilon / 2)), 0.0], 1.5, (0.5, 2.0), direction=-1)
    assert branch.status == "end"
    assert branch.temperatures[-1] == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(branch.states[:, 0] ** 2, float(epsilon) * (branch.temperatures - 1), atol=1e-12)


def test_starts_are_stationary_and_distinct() -> None:
    expression = flexible(6, "1/2", 0)
    landscape = polynomial_landscape(expression, (A, R), T)
    starts = stationary_starts(landscape, (0.95,), (1.5, 1.0))
    assert all(np.abs(landscape.gradient(y, t)).max() < 1e-11 and t == 0.95 for y, t in starts)
    seen = {(round(float(y[0] ** 2), 8), round(float(y[1]), 8) + 0.0) for y, _ in starts}
    exact = {(round(m, 8), round(r, 8) + 0.0) for m, r in all_stationary_points(expression, sp.Rational(19, 20))}
    assert seen == exact
    # ±a are both listed, other points once.
    assert len(starts) == sum(2 if m > 0 else 1 for m, _ in exact)
    assert [y.tolist() for y, _ in starts] == [y.tolist() for y, _ in stationary_starts(landscape, (0.95,), (1.5, 1.0))]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda f: stationary_starts(f, [1.0], [1.0, -1.0]), "box must hold positive"),
        (lambda f: stationary_starts(f, [1.0], 1.0, tries=0), "tries must be at least 1"),
        (lambda f: stationary_starts(f, [-1.0], 1.0), "temperature must be positive"),
        (lambda f: stationary_starts(LinearVAE([1.0], 1).landscape, [1.0], 1.0), "no positive coordinates"),
    ],
)
def test_wrong_input(call, match) -> None:
    with pytest.raises(InputError, match=match) as caught:
        call(polynomial_landscape(T * A**2 + R**2, (A, R), T))
    assert "\n" not in str(caught.value)
