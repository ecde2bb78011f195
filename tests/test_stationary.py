"""Stationary points of the linear VAE: all of them, with free energy and index, against closed forms and slow twins."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics import _formulas, _matrix_formulas
from numerics.landscape import Landscape, curve_landscape, polynomial_landscape
from numerics.linear_equilibrium import Cascade
from numerics.linear_landscape import LinearVAE
from numerics.newton import modes, refine
from numerics.stationary import Family, Group, families, stationary_points
from tests.strategies import spectrum_of
from theory import emit_matrix
from theory.errors import InputError, NonConvergenceError

EXACT = settings(derandomize=True, deadline=None, max_examples=20, database=None)
# Up to four eigenvalues on a grid, so that equal ones and zeros are frequent.
grids = st.lists(st.integers(0, 4), min_size=1, max_size=4).filter(any).map(lambda v: [x / 2 for x in v])
temperatures = st.floats(0.05, 2.5)


def random_state(model: LinearVAE, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    d, k = model.features, model.latents
    return model.pack(rng.normal(size=(d, k)), rng.normal(size=(k, d)), rng.uniform(0.2, 2, size=k))


def test_emitted_matrix_form_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert emit_matrix.main(["--check"]) == 0, capsys.readouterr().err


def test_stale_matrix_form_is_found(tmp_path, monkeypatch, capsys) -> None:
    copy = tmp_path / "_matrix_formulas.py"
    copy.write_text(emit_matrix.emit_matrix_module().replace("2*T", "3*T"), encoding="utf-8")
    monkeypatch.setattr(emit_matrix, "PATH", copy)
    assert emit_matrix.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().err
    assert emit_matrix.main(["--write"]) == 0 and emit_matrix.main(["--check"]) == 0


@EXACT
@given(grids, st.integers(1, 3), temperatures, st.integers(0, 99))
def test_derivatives_by_direction(eigenvalues, latents, T, seed) -> None:
    model = LinearVAE(eigenvalues, latents)
    landscape, y = model.landscape, random_state(model, seed)
    u = np.random.default_rng(seed + 1).normal(size=landscape.size)
    u *= 0.1 / np.abs(u).max()  # s stays positive within the stencil
    h = 1e-4

    def five(function):  # five-point rule: error h⁴ ~ 1e-16, rounding 1e-16/h
        return (8 * (function(h) - function(-h)) - function(2 * h) + function(-2 * h)) / (12 * h)

    slope = five(lambda e: landscape.free_energy(y + e * u, T))
    assert slope == pytest.approx(landscape.gradient(y, T) @ u, rel=1e-8, abs=1e-9)
    change = five(lambda e: landscape.gradient(y + e * u, T))
    hessian = landscape.hessian(y, T)
    np.testing.assert_allclose(change, hessian @ u, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(hessian, hessian.T, rtol=0, atol=1e-13)


def test_one_mode_is_the_derived_one() -> None:
    # V = Q/√λ: the chain rule from the emitted mode formulas.
    lam, T, w, v, s = 2.0, 0.7, 0.9, 0.4, 0.6
    model = LinearVAE([lam], 1)
    y = model.pack([w], [v * np.sqrt(lam)], [s])
    scale = np.array([1.0, 1 / np.sqrt(lam), 1.0])
    assert float(model.encoder(y)[0, 0]) == pytest.approx(v, rel=1e-15)
    # A few roundings.
    assert model.landscape.free_energy(y, T) == pytest.approx(_formulas.mode_free_energy(w, v, s, lam, T), rel=1e-14)
    np.testing.assert_allclose(model.landscape.gradient(y, T), scale * _formulas.mode_gradient(w, v, s, lam, T), 1e-13)
    hessian = scale[:, None] * _formulas.mode_hessian(w, v, s, lam, T) * scale
    np.testing.assert_allclose(model.landscape.hessian(y, T), hessian, rtol=1e-13, atol=1e-14)


@EXACT
@given(grids, st.integers(1, 3), temperatures, st.integers(0, 99))
def test_encoder_and_widths_can_be_eliminated(eigenvalues, latents, T, seed) -> None:
    model = LinearVAE(eigenvalues, latents)
    w = np.random.default_rng(seed).normal(size=(model.features, latents))
    y = model.complete(w, T)
    gradient = model.unpack(model.landscape.gradient(y, T))
    # Backward stable solves of systems with condition below 1e3.
    assert max(np.abs(gradient[1]).max(), np.abs(gradient[2]).max()) < 1e-11
    resolvent = np.linalg.inv(w @ w.T + T * np.eye(model.features))
    reduced = T * np.trace(np.diag(model.eigenvalues) @ resolvent) + T * np.log1p((w**2).sum(0) / T).sum()
    assert model.landscape.free_energy(y, T) == pytest.approx(reduced, rel=1e-11)


@EXACT
@given(grids, st.integers(1, 3), temperatures)
def test_every_family_is_stationary(eigenvalues, latents, T) -> None:
    model = LinearVAE(eigenvalues, latents)
    for family in families(model):
        if family.limit <= T * (1 + 1e-9):
            continue
        y = family.state(T)
        # Closed forms of square roots: √ of a difference loses half the digits only within 1e-9 of the limit.
        assert np.abs(model.landscape.gradient(y, T)).max() < 1e-12
        assert model.landscape.free_energy(y, T) == pytest.approx(family.free_energy(T), rel=1e-13)


@EXACT
@given(grids, st.integers(1, 3), temperatures)
def test_the_lowest_point_is_the_cascade_and_the_only_minimum(eigenvalues, latents, T) -> None:
    model = LinearVAE(eigenvalues, latents)
    if np.abs(model.eigenvalues - T).min() < 1e-3:
        T += 2e-3  # marginal there
    points = stationary_points(model, T)
    assert all(point.converged for point in points)
    cascade = Cascade(spectrum_of(np.array(model.eigenvalues)), latents)
    assert points[0].free_energy == pytest.approx(float(cascade.free_energy(T)[0]), rel=1e-12)
    assert points[0].modes.index == 0 and not points[0].modes.soft
    # No other kind of stationary point is a local minimum (Lucas et al. 2019).
    assert all(point.modes.index > 0 for point in points[1:])


@EXACT
@given(grids, st.integers(1, 3), temperatures)
def test_index_of_full_collapse(eigenvalues, latents, T) -> None:
    model = LinearVAE(eigenvalues, latents)
    if np.abs(model.eigenvalues - T).min() < 1e-6:
        T += 1e-3
    found = modes(model.landscape, model.collapsed, T)
    # One soft direction for each latent and each eigenvalue above T.
    assert found.index == latents * int((model.eigenvalues > T).sum())
    assert (found.symmetry, found.flat, found.soft) == (0, 0, 0)


def test_mixed_branch_outlives_the_second_threshold() -> None:
    model = LinearVAE([2.0, 1.0], 2)
    mixed = Family(model, (Group(2, (0, 1)),))
    # T = √λ₂ (√λ₁ + √λ₂)/2; one rounding each.
    assert mixed.limit == pytest.approx((np.sqrt(2) + 1) / 2, rel=1e-15)
    point = refine(model.landscape, mixed.state(1.2), 1.2)
    assert point.converged and point.modes.index == 1
    with pytest.raises(InputError, match=r"below 1\.20711"):
        mixed.state(1.21)
    # F over that of separate latents is 2 m T ln(AM/GM of √λ).
    separate = Family(model, (Group(1, (0,)), Group(1, (1,))))
    roots = np.sqrt([2.0, 1.0])
    excess = 2 * 2 * 0.5 * np.log(roots.mean() / np.sqrt(roots.prod()))
    assert mixed.free_energy(0.5) - separate.free_energy(0.5) == pytest.approx(excess, rel=1e-13)


def test_level_solves_the_balance() -> None:
    for m, p in ((1, 1), (2, 1), (3, 2), (4, 4)):
        lam = np.array([3.0, 2.0, 1.5, 1.0])[:p]
        roots, T = np.sqrt(lam).sum(), 0.3
        h = float(_matrix_formulas.shared_level(roots, m, p, T))
        assert m * h - np.sqrt(h) * roots == pytest.approx((m - p) * T, abs=1e-14)


@pytest.mark.parametrize(
    ("eigenvalues", "latents", "groups", "expected"),
    [
        # (symmetry, flat): generators of the rotations that move the state; m latents on p < m directions that can turn
        # without changing their lengths.
        ([2.0, 2.0], 1, (Group(1, (0,)),), (1, 0)),
        ([2.0, 2.0, 2.0], 2, (Group(1, (0,)), Group(1, (1,))), (3, 0)),
        ([2.0, 2.0, 2.0], 1, (Group(1, (2,)),), (2, 0)),
        ([3.0, 2.0, 2.0, 1.0], 2, (Group(1, (0,)), Group(1, (3,))), (0, 0)),
        ([2.0, 1.0], 3, (Group(3, (0, 1)),), (0, 1)),
        ([3.0, 2.0, 1.0], 3, (Group(3, (0, 1, 2)),), (0, 1)),
        ([2.0, 1.0, 0.0], 2, (Group(2, (0, 1)),), (0, 0)),
    ],
)
def test_zero_modes(eigenvalues, latents, groups, expected) -> None:
    model = LinearVAE(eigenvalues, latents)
    point = refine(model.landscape, Family(model, groups).state(0.4), 0.4)
    assert (point.modes.symmetry, point.modes.flat) == expected
    assert point.modes.soft == 0


def test_soft_modes_at_a_threshold() -> None:
    found = modes(LinearVAE([2.0, 1.0], 3).landscape, LinearVAE([2.0, 1.0], 3).collapsed, 2.0)
    # All collapsed latents are critical together.
    assert (found.index, found.symmetry, found.flat, found.soft) == (0, 0, 0, 3)
    assert found.stable is None


def test_width_coded_states_are_flat_not_soft() -> None:
    a, r, T = sp.symbols("a r T", real=True)
    landscape = polynomial_landscape((T - 1) * (a**2 + 2 * r**2) + a**4 / 2 + 8 * (a**2 * r**2 + r**4), (a, r), T)
    for temperature in (0.5, 0.9):
        point = refine(landscape, [0.0, np.sqrt((1 - temperature) / 8)], temperature)
        # δμ ∝ 1 − σ²(x): zero curvature at every T.
        assert (point.modes.index, point.modes.flat, point.modes.soft) == (0, 1, 0)
        assert point.modes.stable is None


@EXACT
@given(grids, st.integers(1, 3), st.floats(0.2, 1.8), st.integers(0, 99))
def test_descent_from_any_start_finds_the_cascade(eigenvalues, latents, T, seed) -> None:
    model = LinearVAE(eigenvalues, latents)
    point = refine(model.landscape, random_state(model, seed), T, minimum=True, throw=False)
    expected = float(Cascade(spectrum_of(np.array(model.eigenvalues)), latents).free_energy(T)[0])
    assert point.residual < 1e-9
    # The loss has no bad local minima; at a threshold F is flat to fourth order, hence 1e-9.
    assert point.free_energy == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_any_start_reaches_a_stationary_point(seed) -> None:
    model = LinearVAE([3.0, 2.0, 1.0], 2)
    point = refine(model.landscape, random_state(model, seed), 0.8)
    known = [family.free_energy(0.8) for family in families(model) if family.limit > 0.8]
    # Every stationary point belongs to a family: rounding of F.
    assert np.abs(np.array(known) - point.free_energy).min() < 1e-12
    assert point.residual <= 1e-11 and point.iterations > 0


def test_failure_is_reported() -> None:
    slope = Landscape(1, lambda y, T: y[0] + y[0] ** 3 / 3, lambda y, T: 1 + y**2, lambda y, T: 2 * y[:, None])
    with pytest.raises(NonConvergenceError, match="no stationary point at T = 1: stalled") as caught:
        refine(slope, [1.0], 1.0)
    assert caught.value.state.modes is None and caught.value.state.residual > 1e-11
    kept = refine(slope, [1.0], 1.0, throw=False)
    assert kept.status == "stalled" and not kept.converged


def test_extended_precision_resolves_a_near_degeneracy() -> None:
    upper, lower = 2.0, 2.0 - 1e-14
    model = LinearVAE([upper, lower], 1)
    between = (Fraction(upper) + Fraction(lower)) / 2
    double = refine(model.landscape, model.collapsed, float(between))
    assert double.modes.soft == 2  # not guessed
    exact = refine(model.landscape, model.collapsed, str(between), dps=50)
    assert (exact.modes.index, exact.modes.soft) == (1, 0)
    # Smallest eigenvalues of each 2 × 2 block [[2, −2√λ], [−2√λ, 2T]]: T − λ over the trace, to relative 1e-14.
    with mpmath.workdps(50):
        gap = mpmath.mpf(between.numerator) / between.denominator - mpmath.mpf(upper)
        assert abs(exact.modes.eigenvalues[0] - 4 * gap / (2 + 4)) < 1e-12 * abs(gap)


def test_extended_precision_is_reachable_for_all_points() -> None:
    model = LinearVAE([2.0, 2.0 - 1e-10], 1)
    double = {p.label: p.modes for p in stationary_points(model, 1.0)}
    exact = {p.label: p.modes for p in stationary_points(model, "1", dps=50)}
    # Rotating from the second direction into the first gains 1e-10: in double precision that is no saddle.
    assert double["2"].index == 0
    assert (exact["2"].index, exact["2"].soft, exact["2"].flat) == (1, 0, 0)
    assert (exact["1"].index, exact["1"].soft) == (0, 0)
    assert exact["1"].stable


def test_extended_precision_of_free_energy() -> None:
    model = LinearVAE([2.0, 1.0], 1)
    point = refine(model.landscape, Family(model, (Group(1, (0,)),)).state(1 / 3), "1/3", dps=40)
    with mpmath.workdps(45):
        third = mpmath.mpf(1) / 3
        assert abs(point.free_energy - (1 + third + third * mpmath.log(6))) < mpmath.mpf(10) ** -39
    assert point.residual < mpmath.mpf(10) ** -40 and point.modes.index == 0
    parabola = curve_landscape((1.0, 0.5))
    point = refine(parabola, [0.5], "15/16", dps=40)  # T(m) = (1 − m)(1 + m), m = 1/4
    assert abs(point.state[0] - mpmath.mpf("0.5")) < mpmath.mpf(10) ** -39


def test_degenerate_families_are_listed_once() -> None:
    labels = [family.label for family in families(LinearVAE([2.0, 2.0, 1.0, 0.0], 2))]
    assert len(set(labels)) == len(labels)
    # Two latents on the two equal directions are two single ones; a direction without variance carries none.
    assert "1, 2" in labels and "1+2 on 2 latents" not in labels
    assert not any("4" in label for label in labels)


def test_free_energies_are_ordered() -> None:
    points = stationary_points(LinearVAE([3.0, 2.0, 2.0, 1.0], 4), 0.8)
    assert len(points) == 88 and all(p.converged for p in points)
    assert all(a.free_energy <= b.free_energy for a, b in pairwise(points))
    assert json.dumps([float(p.free_energy) for p in points])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: LinearVAE([1.0, -1.0], 1), "eigenvalues must be"),
        (lambda: LinearVAE([0.0], 1), "eigenvalues must be"),
        (lambda: LinearVAE([1.0], 0), "latents must be"),
        (lambda: Group(1, (0, 1)), "group needs"),
        (lambda: Family(LinearVAE([1.0], 1), (Group(1, (3,)),)), "groups must be"),
        (lambda: Family(LinearVAE([1.0, 0.5], 1), (Group(1, (0,)), Group(1, (1,)))), "groups need 2 latents"),
        (lambda: families(LinearVAE(np.arange(1, 30), 20)), "at most 2000"),
        (lambda: refine(curve_landscape((1.0,)), [0.1, 0.2], 1.0), "start must hold 1"),
        (lambda: refine(LinearVAE([1.0], 1).landscape, [0.0, 0.0, -1.0], 1.0), "positive at indices"),
        (lambda: refine(curve_landscape((1.0,)), [0.1], -1.0), "temperature must be positive"),
        (lambda: refine(curve_landscape((1.0,)), [0.1], "x"), "a fraction such as"),
        (lambda: refine(curve_landscape((1.0,)), [0.1], 1.0, dps=3), "dps must be"),
        (lambda: curve_landscape((0.0, 1.0)), "variances must be"),
        (lambda: Landscape(0, None, None, None), "size must be"),
        (lambda: polynomial_landscape(sp.Symbol("a") * sp.Symbol("k"), (sp.Symbol("a"),), sp.Symbol("T")), "found k"),
    ],
)
def test_wrong_input(call, match) -> None:
    with pytest.raises(InputError, match=match) as caught:
        call()
    assert "\n" not in str(caught.value)
