"""The curve family against quadrature of the actual free energy, brute minimisation and its own closed forms."""

from __future__ import annotations

import math
from functools import lru_cache

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.curve_derivation import derive_curve, hermite, tilt_limit
from theory.curves import Curve
from theory.derivation import Derivation
from theory.errors import InputError
from theory.normal_form import SIGNAL, TEMPERATURE
from theory.transition import classify

PARABOLAS = (0.3, 0.5, 0.8, 1)
amplitude = st.fractions(0, 2, max_denominator=6)


@lru_cache(maxsize=1)
def derivation() -> Derivation:
    return derive_curve(4)


def quadrature(order: int = 80) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    return nodes, weights / weights.sum()


def explained(x: np.ndarray, mu: np.ndarray, width: float, weights: np.ndarray) -> float:
    """E‖E[x|z]‖² for points x (n, D), posterior N(mu, width²): trapezium over z, accurate to rounding."""
    z, dz = np.linspace(-14, 14, 3001, retstep=True)
    joint = weights * np.exp(-((z[:, None] - mu) ** 2) / (2 * width**2)) / (width * math.sqrt(2 * math.pi))
    density = joint.sum(1)
    inside = density > 1e-280  # beyond, numerator and denominator underflow
    return float(np.sum(((joint @ x)[inside] ** 2).sum(1) / density[inside]) * dz)


def free_energy(x: np.ndarray, mu: np.ndarray, width: float, weights: np.ndarray, T: float) -> float:
    """F of any encoder of constant width, the decoder being E[x|z]."""
    kl = float(weights @ mu**2 + width**2 - 1 - 2 * math.log(width)) / 2
    return float(weights @ (x**2).sum(1)) - explained(x, mu, width, weights) + 2 * T * kl


@pytest.mark.parametrize("c", [(1,), (1, 1), (1, 0.5, 0.75)])
@pytest.mark.parametrize("m", [0.1, 0.5, 0.8])
def test_free_energy_by_quadrature(c: tuple[float, ...], m: float) -> None:
    """A Gauss–Hermite mixture stands for u; the quadrature error at 80 nodes is below 1e-9 at these m."""
    u, weights = quadrature()
    evaluate = [sp.lambdify(sp.Symbol("x"), hermite(n, sp.Symbol("x"))) for n in range(1, len(c) + 1)]
    x = np.stack([a * np.broadcast_to(h(u), u.shape) for a, h in zip(c, evaluate, strict=True)], 1)
    T = 0.7
    found = free_energy(x, math.sqrt(m) * u, math.sqrt(1 - m), weights, T)
    predicted = float(Curve(c).free_energy.subs({SIGNAL: m, TEMPERATURE: T}))
    assert found == pytest.approx(predicted, abs=1e-8)


def test_derivation_checks_itself() -> None:
    assert sum(len(step.residuals) + len(step.positives) for step in derivation()) > 60
    assert [step.name for step in derivation()][:3] == ["channel", "rate", "conditional-mean"]


@settings(derandomize=True, deadline=None, max_examples=8)
@given(c=st.lists(amplitude, min_size=1, max_size=5).filter(lambda c: c[0] > 0))
def test_equilibria_and_jumps_are_those_of_a_grid(c: list[object]) -> None:
    curve = Curve(tuple(c))
    m = np.concatenate([[0.0], np.linspace(1e-6, 1 - 1e-6, 200001)])
    variances = [float(v) for v in curve.variances]
    distortion = sum(v * (1 - m**n) for n, v in enumerate(variances, start=1))
    jumps = curve.jumps(20)
    for jump in jumps:
        T = float(jump.temperature)
        F = distortion - T * np.log1p(-m)
        ends = [float(curve.excess(end, jump.temperature)) + sum(variances) for end in (jump.start, jump.end)]
        # Two states tie for the lowest value on the grid; grid error (5e-6)²·F″ < 1e-8 for these amplitudes.
        assert ends[0] == pytest.approx(ends[1], abs=1e-12)
        assert ends[0] == pytest.approx(F.min(), abs=1e-8)
        assert jump.kl > 0
    for T in (0.2, 0.5, 0.9, 1.1, 1.7):
        F = distortion - T * np.log1p(-m)
        best = curve.equilibrium(T, 20)
        assert float(curve.excess(best, T)) + sum(variances) <= F.min() + 1e-10
    temperatures = [float(j.temperature) for j in jumps]
    assert temperatures == sorted(temperatures, reverse=True)
    # Metastability: heating overshoots every coexistence, cooling undershoots.
    if jumps:
        assert max(j.temperature for j in curve.heating(20)) >= jumps[0].temperature
        assert min(j.temperature for j in curve.cooling(20)) <= jumps[-1].temperature


@pytest.mark.parametrize("c", PARABOLAS)
def test_parabola_closed_forms(c: float) -> None:
    curve = Curve.parabola(c)
    laws = derivation()
    square = sp.Rational(str(c)) ** 2
    symbols = {str(s): s for s in laws["parabola-coexistence"].expression.free_symbols}
    if c <= 0.5:
        assert curve.spinodals() == curve.jumps() == curve.heating() == curve.cooling() == ()
        assert classify(curve.landau(6)).kind == ("tricritical" if c == 0.5 else "continuous")
        return
    (spinodal,), (jump,) = curve.spinodals(), curve.jumps(40)
    with mpmath.workdps(40):
        fold = laws["parabola-spinodal"].rhs.subs(symbols["c"], sp.sqrt(square))
        assert abs(spinodal.m - mpmath.mpf(str(sp.N(fold, 40)))) < mpmath.mpf(10) ** -25
        closed = sp.lambdify(symbols["m"], laws["parabola-coexistence"].rhs, "mpmath")
        # 40 digits were asked for; the logarithm's cancellation costs a few.
        assert abs(closed(jump.end) - mpmath.mpf(square.p) / square.q) < mpmath.mpf(10) ** -30
    assert jump.start == 0
    assert curve.heating()[0].end == 0
    assert curve.cooling()[0].temperature == curve.threshold
    assert classify(curve.landau(4)).kind == "jump"
    assert curve.threshold < jump.temperature < spinodal.temperature


def test_active_to_active_jump_and_full_loop() -> None:
    """Two hysteresis loops: one at collapse, one between two active states."""
    curve = Curve((1, sp.Rational(1, 2), 0, 0, 0, 0, 0, 1))
    (jump,) = curve.jumps()
    assert 0 < jump.start < jump.end < 1
    (down,), (up,) = curve.heating(), curve.cooling()
    assert up.temperature < jump.temperature < down.temperature < curve.threshold
    for event in (down, up):
        assert event.temperature == pytest.approx(curve.temperature_at(event.end), rel=1e-20)


def test_landau_of_curve_is_its_taylor_series() -> None:
    curve = Curve((sp.Rational(3, 2), 1, sp.Rational(1, 2)))
    v = curve.threshold
    free = ((curve.free_energy - sum(curve.variances)) / v).subs(TEMPERATURE, v * TEMPERATURE)
    series = sp.series(free, SIGNAL, 0, 5).removeO()
    assert sp.expand(curve.landau(8).expression - series) == 0


def tilted(c: float, m: float, tau: float) -> float:
    u, weights = quadrature()
    x = np.stack([u, c * (u**2 - 1)], 1)
    T = (1 - m) * (1 + 4 * c**2 * m)
    return free_energy(x, math.sqrt(m) * u + tau * (u**2 - 1) / math.sqrt(2), math.sqrt(1 - m), weights, T)


@pytest.mark.parametrize(("c", "m"), [(0.3, 0.3), (0.45, 0.2), (0.6, 0.2)])
def test_tilt_stiffness_by_quadrature(c: float, m: float) -> None:
    expression = derivation()["tilt-branch"].rhs
    symbols = {str(s): s for s in expression.free_symbols}
    predicted = float(expression.subs({symbols["c"]: c, symbols["m"]: m}))
    h = 0.02
    second = (tilted(c, m, h) - 2 * tilted(c, m, 0) + tilted(c, m, -h)) / (2 * h**2)
    half = (tilted(c, m, h / 2) - 2 * tilted(c, m, 0) + tilted(c, m, -h / 2)) / (h**2 / 2)
    # Richardson: the error of second order in h cancels, O(h⁴) is left.
    assert (4 * half - second) / 3 == pytest.approx(predicted, abs=2e-5)
    slope = (tilted(c, m, h) - tilted(c, m, -h)) / (2 * h)
    assert abs(slope) < 1e-9


def test_tilt_limit_is_where_stiffness_first_vanishes() -> None:
    c = math.sqrt(tilt_limit())
    assert c == pytest.approx(0.4395, abs=5e-5)
    expression = derivation()["tilt-branch"].rhs
    symbols = {str(s): s for s in expression.free_symbols}
    stiffness = sp.lambdify((symbols["m"], symbols["c"]), expression)
    m = np.linspace(1e-6, 1 - 1e-6, 200001)
    assert np.all(stiffness(m, c * 0.999) > 0)
    assert np.any(stiffness(m, c * 1.001) < 0)
    assert Curve.parabola(0.3).tilt_stable
    assert not Curve.parabola(1).tilt_stable
    assert Curve((1, 0, 1)).tilt_stable is None


def test_third_coordinate_pulls_the_encoder_off() -> None:
    """Slope along δμ = h_3(u) of a curve with c_3 ≠ 0, by central differences of the quadrature."""
    u, weights = quadrature()
    h3 = (u**3 - 3 * u) / math.sqrt(6)
    x = np.stack([u, 0.5 * h3], 1)
    m, h = 0.4, 1e-3
    value = [free_energy(x, math.sqrt(m) * u + s * h3, math.sqrt(1 - m), weights, 1.0) for s in (h, -h)]
    step = derivation()["tilt-odd"]
    predicted = float(step.rhs.subs({s: {"c_3": 0.5, "m": m}[str(s)] for s in step.rhs.free_symbols}))
    assert predicted < -0.01
    assert (value[0] - value[1]) / (2 * h) == pytest.approx(predicted, abs=1e-5)  # O(h²)
    assert Curve((1, 0, 0.5)).odd_coordinates == (3,)


def test_top_mode() -> None:
    assert Curve.parabola(0.7).top_is_linear
    assert not Curve.parabola(0.72).top_is_linear


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Curve(()), "c_1"),
        (lambda: Curve((0, 1)), "c_1 must not be 0"),
        (lambda: Curve((1, sp.pi)), "rational square"),
        (lambda: Curve((1, "2")), "c_2"),
        (lambda: Curve((1, math.inf)), "c_2"),
        (lambda: Curve((1,)).equilibrium(0), "positive"),
    ],
)
def test_bad_requests(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        make()
