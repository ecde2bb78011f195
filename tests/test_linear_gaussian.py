"""The closed forms against independent minimisation, exact arithmetic and brute force."""

from fractions import Fraction
from functools import cache

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from theory.decoupling import matrix_free_energy
from theory.errors import InputError
from theory.kl_identity import M
from theory.linear_gaussian import derive_linear, landau_series
from theory.linear_landau import elimination_steps
from theory.linear_mode import ACTIVE, COLLAPSED, LAMBDA, LEVEL, S, V, W, mode_free_energy
from theory.loss import T

EXACT = settings(derandomize=True, deadline=None, max_examples=25)
rationals = st.fractions(min_value=Fraction(1, 100), max_value=100, max_denominator=100)
linear = cache(derive_linear)

# λ, T on both sides of the threshold, near it and decades away; none on it, where the minimum is degenerate.
POINTS = [("2", "1"), ("1", "0.9"), ("1", "1.1"), ("0.37", "1e-4"), ("12.5", "40"), ("1e-3", "0.7e-3")]


def equilibrium(name, lam, t):
    """Exact value of a derived observable at rational λ, T."""
    lam, t = (sp.Rational(value.numerator, value.denominator) for value in (lam, t))
    return linear()[name].rhs.subs({LAMBDA: lam, T: t, LEVEL: sp.Max(lam, t)}, simultaneous=True)


def numerical_minimum(lam, t):
    """Minimise F(w, v, ln s), typed here by hand: floats from random starts, then Newton at 60 digits."""

    def free(p, lam=float(lam), t=float(t)):
        w, v, r = p
        return lam * (1 - w * v) ** 2 + w * w * np.exp(r) + t * (lam * v * v + np.exp(r) - r - 1)

    rng, scale = np.random.default_rng(1), np.sqrt(float(lam))
    starts = rng.normal(size=(6, 3)) * [scale, 1 / scale, 1]
    best = min((minimize(free, start, tol=1e-12) for start in starts), key=lambda result: result.fun)

    def gradient(w, v, r):
        s = mpmath.exp(r)
        return [
            -2 * lam * v * (1 - w * v) + 2 * w * s,
            -2 * lam * w * (1 - w * v) + 2 * t * lam * v,
            w * w * s + t * (s - 1),
        ]

    w, v, r = mpmath.findroot(gradient, [mpmath.mpf(float(y)) for y in best.x], tol=mpmath.mpf(10) ** -100)
    return w, v, mpmath.exp(r)


@pytest.mark.parametrize(("lam", "t"), POINTS)
def test_closed_forms_against_minimisation_at_fifty_digits(lam, t):
    with mpmath.workdps(60):
        lam_, t_ = mpmath.mpf(lam), mpmath.mpf(t)
        w, v, s = numerical_minimum(lam_, t_)
        kl = (lam_ * v**2 + s - 1 - mpmath.log(s)) / 2
        distortion = lam_ * (1 - w * v) ** 2 + w**2 * s
        measured = {
            "decoder-weight-squared": w**2,
            "encoder-weight-squared": v**2,
            "posterior-variance": s,
            "posterior-scale": lam_ * v**2 + s,
            "signal-fraction": lam_ * v**2 / (lam_ * v**2 + s),
            "rate": kl,
            "distortion": distortion,
            "distortion-posterior-mean": lam_ * (1 - w * v) ** 2,
            "free-energy": distortion + 2 * t_ * kl,
        }
        for name, value in measured.items():
            closed = mpmath.mpf(sp.N(equilibrium(name, Fraction(lam), Fraction(t)), 60))
            assert abs(closed - value) < mpmath.mpf(10) ** -50, name


@EXACT
@given(rationals, rationals)
def test_equilibrium_exactly(lam, t):
    """What the theory promises of every observable, in fractions, on both sides of the threshold."""
    signal = equilibrium("signal-fraction", lam, t)
    assert signal == max(Fraction(0), 1 - t / lam)
    assert equilibrium("distortion", lam, t) == min(lam, t)
    assert equilibrium("distortion-posterior-mean", lam, t) == equilibrium("distortion", lam, lam) * (1 - signal) ** 2
    assert equilibrium("posterior-variance", lam, t) == 1 - signal
    assert equilibrium("posterior-scale", lam, t) == 1
    assert equilibrium("utility", lam, t) == lam
    assert equilibrium("utility-posterior-mean", lam, t) == sp.Rational(lam.numerator, lam.denominator) * (2 - signal)
    assert sp.exp(2 * equilibrium("rate", lam, t)) == max(Fraction(1), lam / t)
    free = equilibrium("distortion", lam, t) + 2 * sp.Rational(t.numerator, t.denominator) * equilibrium("rate", lam, t)
    assert sp.expand(equilibrium("free-energy", lam, t) - free) == 0


@settings(EXACT, max_examples=12)
@given(rationals, rationals)
def test_only_two_branches(lam, t):
    """All stationary points with s > 0 of the polynomial system, found by elimination from scratch."""
    lam, t = (sp.Rational(value.numerator, value.denominator) for value in (lam, t))
    free = mode_free_energy().subs({LAMBDA: lam, T: t})
    width = sp.solve(sp.diff(free, S), S)
    assert len(width) == 1
    resultant = sp.resultant(*(sp.numer(sp.together(sp.diff(free, y).subs(S, width[0]))) for y in (W, V)), V)
    roots = {root for root in sp.Poly(resultant, W).real_roots() if root != 0}
    expected = {sp.sqrt(lam - t), -sp.sqrt(lam - t)} if t < lam else set()
    assert {sp.nsimplify(root**2) for root in roots} == {root**2 for root in expected}


@pytest.mark.parametrize(("lam", "t"), [(2, Fraction(1, 3)), (1, Fraction(99, 100)), (1, Fraction(101, 100)), (1, 5)])
def test_hessian_signs_and_eigenvalues(lam, t):
    """Eigenvalues of the derived Hessians, by LAPACK, against the derived closed forms and signs."""
    derivation = linear()
    t = sp.Rational(t.numerator, t.denominator)
    for branch, values in (("collapsed", COLLAPSED), ("active", ACTIVE)):
        if branch == "active" and t >= lam:
            continue
        point = {LAMBDA: lam, T: t}
        raw = derivation["hessian"].rhs.subs(values, simultaneous=True).subs(point)
        assert raw == derivation[f"hessian-{branch}"].rhs.subs(point)
        width = values[S].subs(point) if values[S].free_symbols else values[S]
        to_natural = np.diag([float(sp.sqrt(lam)), 1 / float(sp.sqrt(lam)), float(width * sp.sqrt(2 * lam / t))])
        numeric = np.linalg.eigvalsh(to_natural @ np.array(raw, dtype=float) @ to_natural / lam)
        closed = derivation[f"eigenvalues-{branch}"].rhs.subs(sp.Symbol("t", positive=True), t / lam)
        # LAPACK on a 3 × 3 matrix of order one.
        np.testing.assert_allclose(numeric, np.sort(np.array(closed, dtype=float).ravel()), atol=1e-13)
        negative = int(np.sum(np.linalg.eigvalsh(np.array(raw, dtype=float)) < 0))
        assert negative == (1 if branch == "collapsed" and t < lam else 0)


def test_series_against_sympy_series():
    m = sp.Symbol("m")
    expected = sp.series(LAMBDA * (1 - m) - T * sp.log(1 - m), m, 0, 7).removeO()
    assert sp.expand(landau_series(12).polynomial.subs(M, sp.sqrt(m)) - expected) == 0


@pytest.mark.parametrize("order", [2, 3, 4, 7, 40])
def test_series_of_any_order(order):
    """Coefficient law T/k, the dropped term, and the remainder's bounds at a point."""
    series = landau_series(order)
    terms = order // 2
    polynomial = sp.Poly(series.polynomial, M)
    assert polynomial.degree() == 2 * terms
    assert polynomial.coeff_monomial(M**2) == T - LAMBDA
    assert all(polynomial.coeff_monomial(M ** (2 * k)) == T / k for k in range(2, terms + 1))
    assert series.dropped == T * M ** (2 * terms + 2) / (terms + 1)
    at = {LAMBDA: 3, T: 2, M: sp.Rational(1, 2)}
    remainder = (LAMBDA * (1 - M**2) - T * sp.log(1 - M**2)).subs(at) - series.polynomial.subs(at)
    assert 0 < remainder < (series.dropped / (1 - M**2)).subs(at)
    (step,) = (step for step in elimination_steps(order) if step.name == "landau-series")
    assert sp.expand(step.rhs.removeO() - series.polynomial) == 0


@pytest.mark.parametrize("order", [1, 0, -4, True, 4.0, "4", None])
def test_order_below_two_is_refused(order):
    with pytest.raises(InputError, match="order must be an integer of at least 2"):
        derive_linear(order)


def test_what_the_issue_asks_for_is_derived():
    required = {
        *("mode-free-energy", "collapsed", "active", "completeness", "threshold", "signal-fraction", "rate"),
        *("distortion", "distortion-posterior-mean", "posterior-scale", "jensen-gap", "eliminated-free-energy"),
        *("landau-series", "landau-coefficients", "hessian-collapsed", "hessian-active", "eigenvalues-collapsed"),
        *("eigenvalues-active", "rate-slope-jump", "free-energy-slope", "concavity", "utility", "separation"),
        *("utility-posterior-mean", "aligned-stationary", "water-filling"),
    }
    assert required <= {step.name for step in linear()}
    assert linear()["threshold"].rhs == LAMBDA and linear()["rate-slope-jump"].rhs == -1 / (2 * LAMBDA)
    assert linear()["soft-mode"].rhs == 2


def test_aligned_state_minimises_the_matrix_loss():
    """D = 4, K = 2, a rotated random covariance: flat gradient, and no lower loss nearby or from random starts."""
    rng = np.random.default_rng(3)
    lam, t, kept = np.array([3.0, 1.5, 0.8, 0.2]), 1.0, 2
    axes = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    covariance = axes @ np.diag(lam) @ axes.T

    def free(p):
        w, v, r = p[:8].reshape(4, 2), p[8:16].reshape(2, 4), p[16:]
        posterior = v @ covariance @ v.T + np.diag(np.exp(r))
        error = np.trace(covariance) - 2 * np.trace(w @ v @ covariance) + np.trace(w @ posterior @ w.T)
        return error + t * (np.trace(posterior) - r.sum() - kept)

    heads = np.sqrt(lam[:kept] - t)
    optimum = np.concatenate(
        [(axes[:, :kept] * heads).ravel(), (axes[:, :kept] * heads / lam[:kept]).T.ravel(), np.log(t / lam[:kept])]
    )
    symbolic = matrix_free_energy(
        sp.Matrix(covariance),
        sp.Matrix(optimum[:8].reshape(4, 2)),
        sp.Matrix(optimum[8:16].reshape(2, 4)),
        sp.diag(*np.exp(optimum[16:]).tolist()),
    )
    best = kept * t + t * np.log(lam[:kept] / t).sum() + lam[kept:].sum()
    # Rounding of a few dozen operations of order one.
    assert float(symbolic.subs(T, t)) == pytest.approx(best, abs=1e-13)
    assert free(optimum) == pytest.approx(best, abs=1e-13)
    for _ in range(3):
        found = minimize(free, rng.normal(size=18), tol=1e-10)
        assert found.fun > best - 1e-9  # the optimiser's own tolerance
    assert found.fun == pytest.approx(best, abs=1e-6)
