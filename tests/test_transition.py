"""Classification of Landau polynomials, against brute minimisation of the polynomials and of a real free energy."""

from __future__ import annotations

import json
import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.errors import InputError
from theory.landau import reduce
from theory.normal_form import SIGNAL, TEMPERATURE, WIDTH, LandauPolynomial
from theory.transition import classify, critical_exponents, jump_condition, tricritical_manifold
from theory.transition_laws import derive_transition_laws
from theory.truncated import bounded_below, coexistence, has_flat_direction, stationary_points

a, r, m, T, k3, k4 = sp.symbols("a r m T kappa3 kappa4")
rational = st.fractions(min_value=-3, max_value=3, max_denominator=8)
exactly = settings(derandomize=True, deadline=None, max_examples=15)

FLEXIBLE = LandauPolynomial.of(
    (T - 1) * (a**2 + 2 * r**2)
    - k3 * r * (2 * a**2 + sp.Rational(8, 3) * r**2)
    + (1 - k3**2) * a**4 / 2
    + (8 - 4 * k4 - 4 * k3**2) * a**2 * r**2
    + (8 - 4 * k4 - 6 * k3**2) * r**4,
    ("a", "r"),
    4,
)
"""The flexible class in one dimension; `test_flexible_polynomial_is_the_free_energy` shows that it is."""
CURVED = LandauPolynomial.of((T - 1) * m + (T - k3**2) * m**2 / 2, ("m",), 4)


def sextic(b: object, d: object) -> LandauPolynomial:
    return LandauPolynomial.of((T - 1) * m + sp.sympify(b) * m**2 + sp.sympify(d) * m**3, ("m",), 6)


def quartic(c21: object, c03: object, q40: object, q22: object, q04: object) -> LandauPolynomial:
    form = sp.sympify(q40) * a**4 + sp.sympify(q22) * a**2 * r**2 + sp.sympify(q04) * r**4
    cubic = sp.sympify(c21) * a**2 * r + sp.sympify(c03) * r**3
    return LandauPolynomial.of((T - 1) * (a**2 + 2 * r**2) + cubic + form, ("a", "r"), 4)


def plain(polynomial: LandauPolynomial) -> sp.Expr:
    return polynomial.expression.subs({SIGNAL: a**2, WIDTH: r, TEMPERATURE: T}, simultaneous=True)


def free_energy(points: np.ndarray, weights: np.ndarray, mu: np.ndarray, rho: np.ndarray, temperature: float) -> float:
    """F − F(0) of the flexible class on a finite point set: quadrature over z, decoder E[x|z]."""
    z, dz = np.linspace(-12, 12, 4001, retstep=True)  # trapezium on analytic, decaying integrands: machine precision
    sigma = np.exp(rho)
    joint = weights * np.exp(-((z[:, None] - mu) ** 2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    explained = float(np.sum((joint @ points) ** 2 / joint.sum(1)) * dz)
    return temperature * float(weights @ (mu**2 + sigma**2 - 1 - 2 * rho)) - explained


def test_flexible_polynomial_is_the_free_energy() -> None:
    """Slaved amplitudes of the expansion inserted: F on points minus the polynomial is of fifth order."""
    points, weights = np.array([-1.0, 0.25, 2.0]), np.array([0.5, 0.3, 0.2])
    points = points - weights @ points
    points = points / math.sqrt(weights @ points**2)
    third, fourth = weights @ points**3, weights @ points**4 - 3
    second = points**2 - third * points - 1
    expression = sp.lambdify((a, r, k3, k4, T), plain(FLEXIBLE), "math")
    errors = []
    for size in (0.04, 0.02, 0.01):
        x, y = 0.8 * size, 0.6 * size
        mu = x * points + 2 * x * y * second
        rho = y * points + (-(x**2) / 2 - y**2) + y**2 * second
        value = expression(x, y, third, fourth, 1.0)
        errors.append(abs(free_energy(points, weights, mu, rho, 1.0) - value))
    # Halving the amplitudes divides a fifth-order error by 32; 16 would be fourth order.
    assert errors[0] / errors[1] > 25
    assert errors[1] / errors[2] > 25


def test_conditions() -> None:
    assert sp.sstr(jump_condition(CURVED)) == "kappa3**2 > 1"
    assert tricritical_manifold(CURVED) == sp.Eq(k3**2 - 1, 0)
    assert jump_condition(FLEXIBLE) == sp.Or(sp.Ne(k3, 0), k4 > 2)
    assert tricritical_manifold(FLEXIBLE) == sp.And(sp.Eq(k3, 0), sp.Eq(k4, 2))
    assert jump_condition(sextic("1/2", "1/3")) is sp.false
    assert classify(CURVED).kind == "conditional"


@pytest.mark.parametrize(
    ("polynomial", "values", "kind", "globally"),
    [
        (CURVED, {"kappa3": 0}, "continuous", "undecided"),
        (CURVED, {"kappa3": 0.5}, "continuous", "undecided"),
        (CURVED, {"kappa3": 1}, "tricritical", "undecided"),
        (CURVED, {"kappa3": -1.25}, "jump", "jump"),
        (sextic(0, 1), {}, "tricritical", "undecided"),
        (sextic(0, -1), {}, "jump", "jump"),
        (FLEXIBLE, {"kappa3": 0, "kappa4": 0}, "continuous", "undecided"),
        (FLEXIBLE, {"kappa3": 0, "kappa4": 2}, "tricritical", "undecided"),
        (FLEXIBLE, {"kappa3": 0, "kappa4": 2.5}, "jump", "jump"),
        (FLEXIBLE, {"kappa3": sp.Rational(1, 1000), "kappa4": 0}, "jump", "jump"),
        (quartic(0, 0, 1, -2, 1), {}, "tricritical", "undecided"),
        (quartic(0, 0, 1, "-201/100", 1), {}, "jump", "jump"),
        (quartic(0, 0, 1, "-199/100", 1), {}, "continuous", "undecided"),
        (quartic(0, 0, 0, -1, 1), {}, "jump", "jump"),
    ],
)
def test_kinds(polynomial: LandauPolynomial, values: dict[str, object], kind: str, globally: str) -> None:
    verdict = classify(polynomial, values)
    assert (verdict.kind, verdict.globally) == (kind, globally)
    assert set(json.loads(json.dumps(verdict.to_json()))) == {"kind", "global", "condition", "evidence", "assumptions"}


@pytest.mark.parametrize(
    ("name", "condition", "kind"),
    [
        ("linear", "False", "continuous"),
        ("nonlinear-decoder", "kappa3**2 > 1", "conditional"),
        ("nonlinear-mean", "kappa3**2 > 1", "conditional"),
        ("flexible", "(kappa4 > 2) | Ne(kappa3, 0)", "conditional"),
    ],
)
def test_who_jumps(name: str, condition: str, kind: str) -> None:
    """The engine's polynomials through order 6, classified."""
    landau = reduce(name, 6)
    polynomial = LandauPolynomial.of(landau.polynomial, ("a", "r") if name == "flexible" else ("a",), 6)
    verdict = classify(polynomial)
    assert (verdict.to_json()["condition"], verdict.kind) == (condition, kind)
    gaussian = dict.fromkeys(("kappa3", "kappa4", "kappa5", "kappa6"), 0)
    assert classify(polynomial, gaussian).kind == "continuous"
    if name == "flexible":
        assert has_flat_direction(polynomial.at({"kappa3": 0.3, "kappa4": 1, "kappa5": 0, "kappa6": 0}))
        for weight in (2, 3, 4):
            form = polynomial.form(weight)
            named = {s: {"kappa3": k3, "kappa4": k4}[str(s)] for s in form.free_symbols - {SIGNAL, WIDTH}}
            assert sp.expand(form.subs(named) - FLEXIBLE.form(weight)) == 0
        # On its tricritical manifold the sextic is negative for every feasible κ6 ≥ −20: a jump there too.
        edge = {"kappa3": 0, "kappa4": 2, "kappa5": 0}
        assert classify(polynomial, {**edge, "kappa6": -20}).kind == "jump"
        assert classify(polynomial, {**edge, "kappa6": -28}).kind == "tricritical"


def test_numbers_of_numpy_are_numbers() -> None:
    for value in (np.float64(1.25), np.float32(1.25), np.int64(2), 1.25):
        assert classify(CURVED, {"kappa3": value}).kind == "jump"


def test_sub_gaussian_data_decide_the_global_question() -> None:
    assert classify(FLEXIBLE, {"kappa3": 0, "kappa4": 0}, strictly_sub_gaussian=True).globally == "continuous"
    with pytest.raises(InputError, match="contradicts"):
        classify(FLEXIBLE, {"kappa3": 1, "kappa4": 0}, strictly_sub_gaussian=True)


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        ("0", "tricritical"),  # the order does not decide: positive along the null ray is not shown
        ("r**5", "jump"),
        ("r**6", "tricritical"),
        ("-r**6", "jump"),
        ("3*a**2*r**3 + 2*r**6", "jump"),  # m ~ −r³ gains 9/4 > 2
        ("3*a**2*r**3 + 3*r**6", "tricritical"),
    ],
)
def test_null_ray_of_the_width(extra: str, kind: str) -> None:
    terms = {"0": 0, "r**5": r**5, "r**6": r**6, "-r**6": -(r**6)}
    terms |= {f"3*a**2*r**3 + {n}*r**6": 3 * a**2 * r**3 + n * r**6 for n in (2, 3)}
    form = LandauPolynomial.of((T - 1) * (a**2 + 2 * r**2) + a**4 + terms[extra], ("a", "r"), 6)
    assert classify(form).kind == kind
    # Independent: the lowest value on a small arc, both amplitudes scaled as their weights in the null direction.
    value = sp.lambdify((a, r), plain(form).subs(T, 1))
    y = np.linspace(-0.05, 0.05, 401)
    lowest = min(np.min(value(scale * np.sqrt(np.abs(y) ** 3), y)) for scale in np.linspace(0, 3, 61))
    assert (lowest < -1e-14) == (kind == "jump")


@pytest.mark.parametrize(
    ("last", "kind"), [(0, "jump"), (sp.Rational(1, 5), "jump"), (sp.Rational(1, 3), "tricritical")]
)
def test_null_ray_of_the_mean(last: sp.Rational, kind: str) -> None:
    """Q = a²r² + r⁴ vanishes on r = 0; there a⁴r − with its answer r = −a²/2 − gains ¼a⁶."""
    form = LandauPolynomial.of((T - 1) * (a**2 + 2 * r**2) + a**2 * r**2 + r**4 + a**4 * r + last * a**6, ("a", "r"), 6)
    assert classify(form).kind == kind


def test_null_ray_of_both() -> None:
    form = (T - 1) * (a**2 + 2 * r**2) + (a**2 - r**2) ** 2
    along = LandauPolynomial.of(form + a**2 * r**3, ("a", "r"), 6)
    assert classify(along).kind == "jump"
    # Quintic (m − r²) r³ vanishes on the ray and gains ¼r⁶ off it.
    for last, kind in ((sp.Rational(1, 5), "jump"), (sp.Rational(1, 3), "tricritical")):
        bent = LandauPolynomial.of(form + (a**2 - r**2) * r**3 + last * r**6, ("a", "r"), 6)
        assert classify(bent).kind == kind


@exactly
@given(q40=rational, q22=rational, q04=rational)
def test_quartic_form_is_classified_by_its_lowest_value(q40: object, q22: object, q04: object) -> None:
    form = quartic(0, 0, q40, q22, q04)
    kind = classify(form).kind
    angle = np.linspace(0, np.pi / 2, 20001)
    s, y = np.cos(angle), np.sin(angle)
    lowest = np.min(float(q40) * s**2 + float(q22) * s * y + float(q04) * y**2)
    # The grid misses the minimum by at most (π/4·10⁻⁴)²·|curvature| < 1e-6.
    assert (kind == "jump") <= (lowest < 1e-6)
    assert (kind == "continuous") <= (lowest > -1e-6)
    if abs(lowest) > 1e-6:
        assert (kind == "jump") == (lowest < 0)
    assert bounded_below(form) == (kind == "continuous")


@settings(derandomize=True, deadline=None, max_examples=3)
@given(b=st.fractions(min_value=-2, max_value=-1, max_denominator=9), d=st.fractions(1, 4, max_denominator=9))
def test_small_jump_follows_the_laws(b: object, d: object) -> None:
    b, d = sp.Rational(str(b)) / 10, sp.Rational(str(d))
    found = coexistence(sextic(b, d))
    laws = derive()
    at = {laws[name].expression.lhs: laws[name].rhs for name in ("coexistence", "spinodal", "rate-jump")}
    symbols = {str(s): s for e in at.values() for s in e.free_symbols}
    t_star, t_spinodal, jump = (float(e.subs({symbols["b"]: b, symbols["d"]: d})) for e in at.values())
    # The laws are exact for this polynomial: only rounding to doubles is left.
    assert float(found.temperature) == pytest.approx(1 + t_star, rel=1e-13)
    assert float(found.spinodals[1]) == pytest.approx(1 + t_spinodal, rel=1e-13)
    assert float(found.state.kl) == pytest.approx(jump, rel=1e-13)


def derive() -> object:
    if not hasattr(derive, "kept"):
        derive.kept = derive_transition_laws()
    return derive.kept


def test_laws_check_themselves() -> None:
    assert derive().check() >= 40
    assert derive()["flat-direction"].rhs == 0


@pytest.mark.parametrize("kurtosis", [-2, 1])
def test_skew_data_jump_by_the_asymptotic_law(kurtosis: int) -> None:
    """T* − 1 → κ3² max over rays, width-coded for κ4 > 0 and with a ≠ 0 for κ4 < 0."""
    skewness = sp.Rational(1, 200)
    found = coexistence(FLEXIBLE, {"kappa3": skewness, "kappa4": kurtosis})
    y = np.linspace(0, 40, 400001)
    gain = (2 * y + 8 / 3) ** 2 / (4 * (y + 2) * (y**2 / 2 + (8 - 4 * kurtosis) * (y + 1)))
    # Corrections are of relative order κ3² = 2.5e-5.
    assert float((found.temperature - 1) / skewness**2) == pytest.approx(gain.max(), rel=2e-4)
    assert found.state.phase == ("width-coded" if kurtosis > 0 else "mean-coded")
    assert found.spinodals[1] > found.temperature


@exactly
@given(
    skew=st.fractions(-1, 1, max_denominator=5),
    q40=st.fractions(1, 3, max_denominator=4),
    q22=rational,
    q04=st.fractions(1, 3, max_denominator=4),
    temperature=st.fractions(min_value=sp.Rational(1, 2), max_value=sp.Rational(3, 2), max_denominator=16),
)
def test_stationary_points_are_all(skew, q40, q22, q04, temperature) -> None:  # type: ignore[no-untyped-def]
    """Gradient zero, Morse count (Σ(−1)^index = 1 for a bounded polynomial), global minimum found."""
    polynomial = quartic(-2 * skew, -3 * skew, q40, q22, q04)
    if not bounded_below(polynomial):
        return
    points = stationary_points(polynomial, temperature)
    free = plain(polynomial).subs(T, sp.Rational(temperature))
    value = sp.lambdify((a, r), free)
    slopes = sp.lambdify((a, r), [sp.diff(free, a), sp.diff(free, r)], "mpmath")
    for p in points:
        with mpmath.workdps(30):
            assert max(map(abs, slopes(mpmath.sqrt(p.m), p.r))) < 1e-12
    grid = np.linspace(-6, 6, 481)
    assert float(points[0].free_energy) <= np.min(value(grid[None, :], grid[:, None])) + 1e-12
    if all(p.flat == 0 for p in points):
        assert sum((-1) ** p.index * (2 if p.m > 0 else 1) for p in points) == 1


def test_phases_of_symmetric_data() -> None:
    """Light tails: mean-coded. 3/2 < κ4 < 2: width-coded, although the transition is continuous."""
    for kurtosis, phase in ((0, "mean-coded"), (sp.Rational(7, 4), "width-coded")):
        lowest, *others = stationary_points(FLEXIBLE, 0.95, {"kappa3": 0, "kappa4": kurtosis})
        assert lowest.phase == phase
        assert lowest.stable
        assert lowest.kl > 0
        for p in others:
            if p.phase not in ("collapsed", phase):
                assert p.stable is False
            if p.phase == "width-coded":
                assert p.flat == 1
    assert critical_exponents(FLEXIBLE, {"kappa3": 0, "kappa4": 0})["kl_slope"] == sp.Rational(1, 2)
    assert critical_exponents(FLEXIBLE, {"kappa3": 0, "kappa4": sp.Rational(7, 4)})["kl_slope"] == 1


def test_exponents() -> None:
    assert critical_exponents(sextic(0, 1)) == {
        "signal": sp.S.Half,
        "amplitude": sp.S.Half / 2,
        "heat": sp.S.Half,
        "kl": sp.S.Half,
    }
    found = [stationary_points(sextic(0, 1), 1 - sp.Rational(1, 10**n))[0].m for n in (4, 6)]
    assert float(found[0] / found[1]) == pytest.approx(10, rel=1e-12)  # exponent ½ over two decades, exact here


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LandauPolynomial.of((T - 1) * a**2 + a**3, ("a",), 4), "even in a"),
        (lambda: LandauPolynomial.of(T * m, ("m",), 4), "quadratic part"),
        (lambda: LandauPolynomial.of((T - 1) * a**2 + (T - 1) * r**2, ("a", "r"), 4), "quadratic part"),
        (lambda: LandauPolynomial.of((T - 1) * m, ("x",), 4), "amplitudes"),
        (lambda: LandauPolynomial.of((T - 1) * m + m**3, ("m",), 4), "raise order"),
        (lambda: LandauPolynomial.of((T - 1) * m + sp.log(1 - m), ("m",), 4), "expand"),
        (lambda: LandauPolynomial.of((T - 1) * m, ("m",), 1), "order"),
        (lambda: CURVED.at({"kappa3": "1"}), "kappa3"),
        (lambda: CURVED.at({"kappa3": math.nan}), "kappa3"),
        (lambda: stationary_points(CURVED, 1), "kappa3"),
        (lambda: stationary_points(sextic(1, 1), 0), "positive"),
        (lambda: critical_exponents(CURVED, {"kappa3": 2}), "jump"),
        (lambda: classify(LandauPolynomial.of((T - 1) * m, ("m",), 2)), "raise order"),
    ],
)
def test_bad_requests(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        make()


def test_unbounded_truncation_says_so() -> None:
    found = coexistence(sextic(-1, -1))
    assert (found.status, found.temperature, found.state) == ("unbounded", None, None)
