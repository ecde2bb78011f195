"""The Landau engine against the numeric free energy of point sets, exact anchors, and identities it was not told."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from theory.cumulants import Cumulants, exponents, joint_cumulant
from theory.derivation import DerivationError
from theory.distributions import distribution, from_points
from theory.errors import InputError
from theory.landau import Landau, channels, reduce
from theory.landau_steps import derive, expand
from theory.model import MODEL_CLASSES, ModelClass, model_class

from .free_energy_reference import PointModel

SETTINGS = settings(derandomize=True, deadline=None, max_examples=12, database=None)
T = sp.Symbol("T", positive=True)
A, R = sp.symbols("a r", real=True)
K3, K4 = sp.symbols("kappa3 kappa4", real=True)
ONE = Fraction(1)
CLASSES = list(MODEL_CLASSES)
ROUNDING = 100 * float(np.finfo(np.longdouble).eps)


# --- the numeric free energy -----------------------------------------------------------------------------------------


def principal(points: list[tuple[Fraction, ...]], weights: list[int]) -> list[tuple[Fraction, ...]]:
    """Two-dimensional points, sheared so that the second coordinate is uncorrelated with the first."""
    total = sum(weights)

    def mean(values: list[Fraction]) -> Fraction:
        return sum((w * v for w, v in zip(weights, values, strict=True)), Fraction(0)) / total

    centre = [mean([p[j] for p in points]) for j in (0, 1)]
    rows = [(p[0] - centre[0], p[1] - centre[1]) for p in points]
    slope = mean([u * v for u, v in rows]) / mean([u * u for u, _ in rows])
    return [(u, v - slope * u) for u, v in rows]


def arrays(points: list[Any], weights: list[int]) -> tuple[np.ndarray, np.ndarray]:
    rows = np.array([[float(c) for c in (p if isinstance(p, tuple) else (p,))] for p in points])
    mass = np.array(weights, dtype=float) / sum(weights)
    return rows - mass @ rows, mass


def heads(model: ModelClass, x: np.ndarray) -> dict[str, Any]:
    """Functions that the reference may use, from the declaration alone."""

    def functions(degree: int | None) -> np.ndarray | None:
        seen = x[:, list(model.seen)]
        if degree is not None:
            monomials = [a for k in range(degree + 1) for a in exponents(seen.shape[1], k)]
            return np.stack([np.prod(seen ** np.array(a), axis=1) for a in monomials], axis=1)
        values, group = np.unique(seen.round(9), axis=0, return_inverse=True)
        return np.eye(len(values))[group.ravel()]

    return {
        "mean": functions(model.mean_degree),
        "width": functions(model.width_degree),
        "decoder": model.decoder_degree,
    }


def check_against_points(
    model: ModelClass,
    points: list[Any],
    weights: list[int],
    direction: tuple[float, ...],
    orders: tuple[int, ...] = (4, 6),
    temperature: Fraction = ONE,
) -> None:
    """Compare F, minimised numerically at fixed amplitudes, with every truncation of the polynomial."""
    highest = max(orders) + 2
    data = from_points(points, weights, order=highest, visible=model.seen)
    x, mass = arrays(points, weights)
    reference = PointModel(x, mass, temperature=float(temperature), latents=model.latents, **heads(model, x))
    results = [reduce(model, order, data, exact=temperature != 1) for order in (*orders, highest)]
    count = len(results[0].amplitudes)
    # Far points make the series converge late: amplitudes in units of the largest |x|.
    size = 0.006 * float(data.variance) ** 0.5 / np.abs(x[:, 0]).max()
    errors = []
    for scale in (size, size / 2):
        values = [scale * v for v in direction[:count]]
        levels = levels_of(results[-1], values, float(temperature))
        mean = np.array(values[: model.latents])
        width = np.array(values[model.latents :] or [0.0] * model.latents)
        exact = reference.minimise(mean, width)
        for order, result in zip(orders, results, strict=False):
            total = sum(sum(terms) for terms in levels_of(result, values, float(temperature)).values())
            # What the truncation drops: the next orders, without cancellation between terms; 3 for the rest of the
            # series. Rounding of F is some ulp of E x² in extended precision.
            dropped = sum(sum(map(abs, terms)) for k, terms in levels.items() if k > order)
            assert abs(exact - total) <= 3 * dropped + ROUNDING, (order, values, exact - total, dropped)
            errors.append(abs(exact - total))
    # Halving the amplitudes divides the error of order n by 2^(n+1) at least, up to cancellation between two orders.
    for n, order in enumerate(orders):
        coarse, fine = errors[n], errors[n + len(orders)]
        assert fine < ROUNDING or fine < coarse / 2 ** (order - 0.5), (order, coarse, fine)


def levels_of(result: Landau, values: list[float], temperature: float) -> dict[int, list[float]]:
    levels: dict[int, list[float]] = {}
    for powers, coefficient in result.reduced.items():
        number = float(coefficient.subs(T, temperature))
        levels.setdefault(sum(powers), []).append(
            number * float(np.prod([v**p for v, p in zip(values, powers, strict=True)]))
        )
    return levels


point_sets = st.lists(st.integers(-3, 3), min_size=3, max_size=5, unique=True)
weight_lists = st.lists(st.integers(1, 4), min_size=5, max_size=5)
directions = st.tuples(st.floats(0.5, 1), st.floats(-1, 1))


@pytest.mark.parametrize("name", CLASSES)
@SETTINGS
@given(point_sets, weight_lists, directions)
@example([-1, 0, 3], [1, 4, 1, 1, 1], (0.8, 0.6))
@example([-1, 1, 0], [1, 1, 1, 1, 1], (0.8, -0.6))
def test_every_class_on_random_points(
    name: str, points: list[int], weights: list[int], direction: tuple[float, float]
) -> None:
    check_against_points(model_class(name), points, weights[: len(points)], direction)


@pytest.mark.parametrize("temperature", [Fraction(9, 10), Fraction(11, 10)])
@pytest.mark.parametrize("name", CLASSES)
def test_exact_temperature(name: str, temperature: Fraction) -> None:
    check_against_points(model_class(name), [-2, 0, 1, 3], [1, 3, 2, 1], (0.8, 0.5), temperature=temperature)


@pytest.mark.parametrize(
    "model",
    [
        ModelClass("hermite decoder", "hermite:3", "free", "free"),
        ModelClass("quadratic decoder", "hermite:2", "polynomial:2", "polynomial:1"),
        ModelClass("quadratic heads", "free", "polynomial:2", "polynomial:2"),
        ModelClass("linear mean, free width", "free", "linear", "free"),
    ],
    ids=lambda model: model.name,
)
def test_other_families(model: ModelClass) -> None:
    check_against_points(model, [-1, 0, 1, 3], [3, 4, 2, 1], (0.8, 0.5))


PLANE = principal(
    [(Fraction(u), Fraction(v)) for u, v in [(2, 1), (-2, 1), (1, -1), (-1, -1), (0, 0), (3, 0), (-3, -1)]],
    [1, 1, 2, 2, 1, 1, 1],
)
GROUPED = principal(
    [(Fraction(u), Fraction(v)) for u, v in [(2, 1), (2, -1), (-2, 1), (-2, -1), (1, 1), (0, 0), (-1, 0)]],
    [1, 2, 1, 2, 1, 3, 1],
)


@pytest.mark.parametrize("name", CLASSES)
def test_two_dimensions(name: str) -> None:
    model = replace(model_class(name), dimensions=2)
    check_against_points(model, PLANE, [1, 1, 2, 2, 1, 1, 1], (0.8, 0.5))


@pytest.mark.parametrize("name", CLASSES)
def test_hidden_coordinate(name: str) -> None:
    model = replace(model_class(name), dimensions=2, visible=(0,))
    check_against_points(model, GROUPED, [1, 2, 1, 2, 1, 3, 1], (0.8, 0.5))


@pytest.mark.parametrize("name", ["nonlinear-decoder", "flexible"])
def test_two_latents(name: str) -> None:
    model = replace(model_class(name), latents=2)
    check_against_points(model, [-1, 0, 1, 3], [3, 4, 2, 1], (0.8, -0.6, 0.4, 0.5))


@pytest.mark.parametrize(
    "powers", [(2, 1), (0, 3), (4, 0), (2, 2), (0, 4), (4, 1), (2, 3), (0, 5), (4, 2), (2, 4), (0, 6)]
)
def test_the_check_sees_a_wrong_coefficient(powers: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    honest = reduce

    def faulty(*arguments: Any, **options: Any) -> Landau:
        result = honest(*arguments, **options)
        wrong = dict(result.reduced)
        if powers not in wrong:
            return result
        # Off by a quarter of the largest coefficient of that weight: an error in one term of it.
        wrong[powers] += max(c for k, c in wrong.items() if sum(k) == sum(powers)) / 4
        return replace(result, reduced=wrong)

    monkeypatch.setitem(globals(), "reduce", faulty)
    with pytest.raises(AssertionError):
        check_against_points(model_class("flexible"), [-1, 0, 1, 3], [3, 4, 2, 1], (0.8, 0.6))


# --- the table of classes --------------------------------------------------------------------------------------------

TABLE = {
    "linear": (T - 1) * A**2 + A**4 / 2,
    "nonlinear-decoder": (T - 1) * A**2 + (1 - K3**2) * A**4 / 2,
    "nonlinear-mean": (T - 1) * A**2 + (1 - K3**2) * A**4 / 2,
    "flexible": (T - 1) * (A**2 + 2 * R**2)
    - 2 * K3 * A**2 * R
    - sp.Rational(8, 3) * K3 * R**3
    + (1 - K3**2) * A**4 / 2
    + 4 * (2 - K4 - K3**2) * A**2 * R**2
    + 2 * (4 - 2 * K4 - 3 * K3**2) * R**4,
}


@pytest.mark.parametrize("name", CLASSES)
def test_table_through_fourth_order(name: str) -> None:
    assert sp.expand(reduce(name, 4).polynomial - TABLE[name]) == 0


def test_linear_is_the_taylor_series() -> None:
    signal = reduce("linear", 12).signal
    assert signal == (T - 1, *(T / j for j in range(2, 7)))


def test_nonlinear_decoder_is_the_mmse_series() -> None:
    # Guo, Wu, Shamai & Verdú 2011, eq. (18): mmse(γ) = 1 − γ + (2 − m3²) γ²/2 − (15 − 12 m3² − 6 m4 + m4²) γ³/6 + …
    gamma = sp.Symbol("gamma")
    signal = reduce("nonlinear-decoder", 6).signal
    assert signal is not None
    m = gamma / (1 + gamma)
    distortion = 1 + sum(c.subs(T, 0) * m**j for j, c in enumerate(signal, 1))
    m4 = K4 + 3
    expected = 1 - gamma + (2 - K3**2) * gamma**2 / 2 - (15 - 12 * K3**2 - 6 * m4 + m4**2) * gamma**3 / 6
    difference = sp.series(distortion - expected, gamma, 0, 4).removeO()
    assert sp.expand(difference) == 0


def test_co_skewness_vector_decides_in_several_dimensions() -> None:
    model = replace(model_class("nonlinear-decoder"), dimensions=3)
    k111, k112, k113 = sp.symbols("kappa_111 kappa_112 kappa_113", real=True)
    for visible in ("all", (0,)):
        signal = reduce(replace(model, visible=visible), 4).signal
        assert signal is not None
        assert sp.expand(signal[1] - (T - k111**2 - k112**2 - k113**2) / 2) == 0


def test_the_width_channel_feels_other_modes() -> None:
    k111, k112, k1111 = sp.symbols("kappa_111 kappa_112 kappa_1111", real=True)
    l2 = sp.Symbol("lambda2", positive=True)
    reduced = reduce(replace(model_class("flexible"), dimensions=2), 4).reduced
    softness = k112**2 / (1 - l2)
    quartic = 8 - 4 * k1111 - 2 * softness * (7 - 3 * l2)
    assert sp.cancel(reduced[4, 0] - (1 - k111**2 - softness) / 2) == 0
    assert sp.cancel(reduced[2, 2] - (quartic - 4 * k111**2)) == 0
    assert sp.cancel(reduced[0, 4] - (quartic - 6 * k111**2)) == 0


def test_latents_interact_through_their_second_order() -> None:
    reduced = reduce(replace(model_class("flexible"), latents=2), 4)
    a1, a2, r1, r2 = reduced.amplitudes
    single = TABLE["flexible"]
    alone = sum(single.subs({A: a, R: r}, simultaneous=True) for a, r in ((a1, r1), (a2, r2)))
    pair = (2 - K3**2) * (a1**2 + 2 * r1**2) * (a2**2 + 2 * r2**2)
    assert sp.expand(reduced.polynomial - alone - pair) == 0


# --- anchors and identities ------------------------------------------------------------------------------------------


def curve(coefficients: tuple[Fraction, ...], order: int) -> Cumulants:
    """Data on the curve x_n = c_n He_n(u), u standard normal: exact joint cumulants."""
    u = sp.Symbol("u")
    basis = [sp.Integer(1), u]
    for n in range(1, len(coefficients)):
        basis.append(sp.expand(u * basis[n] - n * basis[n - 1]))
    coordinates = [sp.Rational(c.numerator, c.denominator) * b for c, b in zip(coefficients, basis[1:], strict=True)]

    def moment(alpha: tuple[int, ...]) -> Fraction:
        polynomial = sp.Poly(sp.Mul(*(c**p for c, p in zip(coordinates, alpha, strict=True))), u)
        total = sum(c * sp.factorial2(n - 1) for (n,), c in polynomial.terms() if n % 2 == 0)
        return Fraction(int(sp.numer(total)), int(sp.denom(total)))

    size = len(coordinates)
    known = {a: joint_cumulant(a, moment) for k in range(2, order + 1) for a in exponents(size, k)}
    return Cumulants(known, size, name="curve")


@pytest.mark.parametrize("coefficients", [(ONE, Fraction(1, 3)), (ONE, Fraction(1, 4), Fraction(1, 5))])
def test_exactly_solvable_curves(coefficients: tuple[Fraction, ...]) -> None:
    # E|x|² − E|E[x|z]|² = Σ c_n² n! (1 − mⁿ) for x_n = c_n He_n(u): every other power of m must cancel.
    order = 8 if len(coefficients) == 2 else 6
    model = replace(model_class("nonlinear-decoder"), dimensions=len(coefficients), visible=(0,))
    signal = reduce(model, order, curve(coefficients, order)).signal
    assert signal is not None
    for n, found in enumerate(signal, 1):
        c = coefficients[n - 1] if n <= len(coefficients) else Fraction(0)
        assert found == T / n - sp.Rational(c.numerator, c.denominator) ** 2 * sp.factorial(n)


def test_gaussian_data_never_jump() -> None:
    gaussian = distribution("gaussian", order=8)
    for name in CLASSES[:3]:
        signal = reduce(name, 8, gaussian).signal
        assert signal == (T - 1, T / 2, T / 3, T / 4)
    quartic = sp.expand(reduce("flexible", 4, gaussian).polynomial.subs(T, 1))
    # Positive definite: a sum of squares with positive coefficients, no direction left out.
    assert quartic == sp.expand((A**2 + 8 * R**2) ** 2 / 2 - 24 * R**4)
    assert sp.Poly(quartic, A, R).as_dict() == {(4, 0): sp.Rational(1, 2), (2, 2): 8, (0, 4): 8}


@pytest.mark.parametrize("name", CLASSES[1:3])
def test_both_one_amplitude_forms_have_the_same_equilibria(name: str) -> None:
    # F*(T) through t³, t = 1 − T, from the form in a (eliminated at fixed a) and from the form in m (at fixed m).
    t = sp.Symbol("t", positive=True)
    result = reduce(name, 6, Cumulants.of(kappa3=Fraction(1, 2), kappa4=1), exact=True)
    forms = [
        [result.reduced[(2 * j,)] for j in (1, 2, 3)],
        list(result.signal or ()),
    ]
    lowest = []
    for form in forms:
        q2, q4, q6 = (sp.series(c.subs(T, 1 - t), t, 0, 3).removeO() for c in form)
        first, second = sp.symbols("first second")
        y = first * t + second * t**2
        slope = sp.series(q2 + 2 * q4 * y + 3 * q6 * y**2, t, 0, 3).removeO()
        one = sp.solve(slope.expand().coeff(t, 1), first)[0]
        two = sp.solve(slope.expand().coeff(t, 2).subs(first, one), second)[0]
        y = y.subs({first: one, second: two})
        lowest.append(sp.series(q2 * y + q4 * y**2 + q6 * y**3, t, 0, 4).removeO())
    assert sp.simplify(lowest[0] - lowest[1]) == 0


def test_width_coded_states_have_a_flat_direction() -> None:
    # Along δμ ∝ 1 − σ²(x) the Hessian of a stationary state with a = 0 vanishes exactly: at every T and order.
    result = reduce("flexible", 5, exact=True)
    along = sp.expand(sp.diff(result.polynomial, A, 2).subs(A, 0) / 2)
    slope = sp.expand(sp.diff(result.polynomial, R).subs(A, 0) / R)
    unknown = sp.symbols("u1:4")
    temperature = 1 + sum(u * R ** (i + 1) for i, u in enumerate(unknown))
    on_branch: dict[sp.Symbol, sp.Expr] = {}
    equation = sp.expand(sp.series(slope.subs(T, temperature), R, 0, 4).removeO())
    for power, u in enumerate(unknown, 1):
        on_branch[u] = sp.solve(sp.expand(equation.coeff(R, power).subs(on_branch)), u)[0]
    rest = sp.series(along.subs(T, temperature.subs(on_branch)), R, 0, 4).removeO()
    assert sp.simplify(rest) == 0


def test_cubic_terms_are_universal_and_odd_in_the_data() -> None:
    # x → −x is r → −r, κ_odd → −κ_odd.
    polynomial = reduce("flexible", 6).polynomial
    mirrored = polynomial.subs(
        {R: -R, **{sp.Symbol(f"kappa{n}", real=True): -sp.Symbol(f"kappa{n}", real=True) for n in (3, 5)}},
        simultaneous=True,
    )
    assert sp.expand(polynomial - mirrored) == 0


@SETTINGS
@given(point_sets, weight_lists, st.integers(2, 5))
def test_units_do_not_matter(points: list[int], weights: list[int], scale: int) -> None:
    weights = weights[: len(points)]
    small = reduce("flexible", 5, from_points(points, weights, order=5))
    large = reduce("flexible", 5, from_points([scale * x + 1 for x in points], weights, order=5))
    assert {k: sp.simplify(v - large.reduced[k]) for k, v in small.reduced.items()} == dict.fromkeys(small.reduced, 0)


@SETTINGS
@given(point_sets, weight_lists)
def test_numbers_agree_with_symbols(points: list[int], weights: list[int]) -> None:
    data = from_points(points, weights[: len(points)], order=5)
    lam = sp.Rational(data.variance.numerator, data.variance.denominator)
    values = {
        f"kappa{n}": sp.Rational(data.known[(n,)].numerator, data.known[(n,)].denominator) / lam ** sp.Rational(n, 2)
        for n in (3, 4, 5)
    }
    symbolic, numeric = reduce("flexible", 5), reduce("flexible", 5, data)
    for powers, coefficient in symbolic.reduced.items():
        inserted = coefficient.subs({s: values[str(s)] for s in coefficient.free_symbols if str(s) in values})
        assert sp.simplify(inserted - numeric.reduced.get(powers, 0)) == 0


def test_polynomial_families_are_nested() -> None:
    # Through order 4 a quadratic head is as good as a free one; at order 6 it is not.
    quadratic = ModelClass("quadratic", "free", "polynomial:2", "polynomial:2")
    cubic = ModelClass("cubic", "free", "polynomial:3", "polynomial:3")
    data = distribution("exponential")
    assert reduce(quadratic, 5, data).reduced == reduce("flexible", 5, data).reduced
    assert reduce(cubic, 7, data).reduced == reduce("flexible", 7, data).reduced
    assert reduce(quadratic, 6, data).reduced != reduce("flexible", 6, data).reduced


# --- channels, expansion, derivation ---------------------------------------------------------------------------------


def test_both_channels_are_marginal_at_the_same_temperature() -> None:
    found = channels(replace(model_class("flexible"), dimensions=2))
    l2 = sp.Symbol("lambda2", positive=True)
    assert [(c.name, c.coordinate, c.threshold) for c in found] == [
        ("mean", 0, 1),
        ("mean", 1, l2),
        ("width", 0, 1),
        ("width", 1, l2),
    ]
    stiff = channels(ModelClass("w", "linear", "linear", "free"))[1]
    assert (stiff.coefficient, stiff.threshold) == (2 * T, None)


@pytest.mark.parametrize(
    ("model", "order"),
    [
        (MODEL_CLASSES["linear"], 6),
        (MODEL_CLASSES["nonlinear-decoder"], 6),
        (MODEL_CLASSES["nonlinear-mean"], 6),
        (MODEL_CLASSES["flexible"], 2),
        (MODEL_CLASSES["flexible"], 3),
        (MODEL_CLASSES["flexible"], 5),
        (replace(MODEL_CLASSES["flexible"], latents=2), 4),
        (replace(MODEL_CLASSES["flexible"], dimensions=2), 4),
        (ModelClass("linear decoder", "linear", "free", "free"), 4),
    ],
    ids=str,
)
def test_derivations_hold(model: ModelClass, order: int) -> None:
    derivation = reduce(model, order).derivation()
    assert derivation.check() >= 4
    assert "quadratic-form" in [step.name for step in derivation]
    assert "Landau expansion" in derivation.to_text()


def test_a_wrong_coefficient_is_refused_by_the_derivation() -> None:
    honest = reduce("flexible", 4)
    wrong = dict(honest.reduced)
    wrong[(2, 1)] = -3 * K3
    with pytest.raises(DerivationError, match="'reduced'"):
        derive(replace(honest, reduced=wrong))


def test_expansion_keeps_the_slaved_amplitudes() -> None:
    expanded = expand("flexible", 4)
    assert list(map(str, expanded.amplitudes)) == ["a", "r", "mu_0", "mu_2", "rho_0", "rho_2"]
    terms = expanded.to_json()
    assert terms["a**2"] == "T - 1"
    # E e_2² = κ4 + 2 − κ3²: the Hankel determinant, positive on all but two-point data.
    assert sp.expand(sp.sympify(terms["mu_2**2"]) - sp.sympify("T*(kappa4 + 2 - kappa3**2)")) == 0
    assert (
        max(
            sum(expanded.weights[str(s)] * p for s, p in zip(expanded.amplitudes, k, strict=True))
            for k in expanded.terms
        )
        == 4
    )


def test_slaved_solution() -> None:
    x, z = sp.symbols("x1 z", real=True)
    slaved = reduce("flexible", 4).slaved
    assert sp.expand(slaved["mu"] - (A * x + 2 * A * R * (x**2 - K3 * x - 1))) == 0
    # The decoder answers the two channels with He_1 and He_2.
    first = slaved["f"].coeff(A, 1).coeff(R, 0)
    assert first == z
    assert sp.expand(slaved["f"].coeff(R, 1).coeff(A, 0) - (z**2 - 1)) == 0


def test_json_is_strict() -> None:
    out = reduce("nonlinear-decoder", 4).to_json()
    assert out["reduced"] == {"a**2": "T - 1", "a**4": "1/2 - kappa3**2/2"}
    assert out["signal"] == {"m": "T - 1", "m**2": "T/2 - kappa3**2/2"}
    assert out["critical"]["temperature"] == "1"
    assert out["expansion"]["a**2"] == "T - 1"
    assert json.loads(json.dumps(out, allow_nan=False)) == out
    assert all(isinstance(a, str) for a in out["assumptions"])


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 0, -3, True, 4.0])
def test_order_below_two(order: Any) -> None:
    with pytest.raises(InputError, match="order must be an integer of at least 2"):
        reduce("linear", order)


def test_missing_cumulants_are_named() -> None:
    declared = Cumulants.of(kappa3=Fraction(1, 2))
    assert reduce("nonlinear-decoder", 4, declared).reduced[(4,)] == sp.Rational(3, 8)
    with pytest.raises(InputError, match="order 4 of 'flexible' needs kappa4, not declared"):
        reduce("flexible", 4, declared)
    with pytest.raises(InputError, match="needs kappa4, kappa5, kappa6"):
        reduce("flexible", 6, declared)


def test_unsupported_requests() -> None:
    square = from_points([(1, 1), (1, -1), (-1, 1), (-1, -1)])
    plane = replace(model_class("flexible"), dimensions=2)
    with pytest.raises(InputError, match="simple top mode only"):
        reduce(plane, 4, square)
    with pytest.raises(InputError, match="simple top mode only"):
        reduce(replace(model_class("linear"), dimensions=2), 4, Cumulants({(0, 2): Fraction(2)}, 2, symbolic=True))
    with pytest.raises(InputError, match="must see coordinate 0"):
        reduce(replace(plane, visible=(1,)))
    with pytest.raises(InputError, match="2 dimension"):
        reduce(plane, 4, Cumulants.unknown())
    with pytest.raises(InputError, match="likelihood 'gaussian', got 'poisson'"):
        reduce(replace(model_class("flexible"), likelihood="poisson"))
    with pytest.raises(InputError, match="unknown model class"):
        reduce("quadratic")
    with pytest.raises(InputError, match="polynomial:J with J >= 2"):
        reduce(ModelClass("p", "free", "polynomial:2", "constant", visible=(0,), dimensions=2))
