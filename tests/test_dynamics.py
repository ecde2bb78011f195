"""Gradient flow: its force, its limits, its rates against the derived ones, annealing and rounded thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numerics import _formulas
from numerics.dynamics import (
    Rates,
    Schedule,
    _flow,
    _log_width,
    equilibrium_state,
    gradient_flow,
    relaxation_spectrum,
    small_start,
)
from numerics.linear_equilibrium import cascade
from numerics.linear_landscape import LinearVAE
from numerics.slowing_down import apparent_threshold, measure_relaxation
from numerics.spectrum import Spectrum
from tests.strategies import CLOSED
from theory.errors import InputError, NonConvergenceError

Array = NDArray[np.float64]
METRICS = [Rates(), Rates(0.2, 3.0, 0.7), Rates(5.0, 0.1, 2.0)]


@pytest.mark.parametrize("rates", METRICS)
def test_jacobian_is_the_derivative_of_the_force(rates: Rates) -> None:
    model = LinearVAE([2.0, 1.0, 0.3], 2)
    force, jacobian = _flow(model, Schedule.constant(0.7), rates)
    rng = np.random.default_rng(0)
    theta = _log_width(model, small_start(model, 0.5, seed=1)) + 0.1 * rng.normal(size=model.landscape.size)
    for _ in range(5):
        direction = rng.normal(size=theta.size)
        h = 1e-5  # the central difference is off by h² and by rounding/h, both 1e-10
        difference = (force(0.0, theta + h * direction) - force(0.0, theta - h * direction)) / (2 * h)
        np.testing.assert_allclose(jacobian(0.0, theta) @ direction, difference, rtol=1e-7, atol=1e-7)


def test_one_mode_is_gradient_descent_in_the_limit_of_small_steps() -> None:
    """The obvious twin: Euler steps on (w, v, ln s) with the emitted gradient of one mode."""
    lam, t, rates = 2.0, 0.6, Rates(1.0, 0.5, 2.0)
    w, v, s = 0.3, 0.2, 1.0
    steps = 20_000
    for _ in range(steps):
        gw, gv, gs = _formulas.mode_gradient(w, v, s, lam, t)
        h = 1.0 / steps
        w, v = w - h * rates.decoder * gw, v - h * rates.encoder * gv
        s = s * np.exp(-h * rates.width * s * gs)
    model = LinearVAE([lam], 1)
    start = model.pack([0.3], [0.2 * np.sqrt(lam)], [1.0])
    flow = gradient_flow(model, t, 1.0, start=start, rates=rates, samples=3)
    # Euler is off by the step times a second derivative of order 10.
    np.testing.assert_allclose(flow.final, [w, v * np.sqrt(lam), s], atol=5e-4)
    assert flow.time.tolist() == [0.0, 0.5, 1.0]
    np.testing.assert_array_equal(flow.state[0], start)


def test_flow_descends_to_the_cascade() -> None:
    model = LinearVAE([3.0, 2.0, 1.0], 2)
    # The slowest deviation, latents that share two modes, decays at a rate of 0.018.
    flow = gradient_flow(model, 0.5, 1500.0, start=small_start(model, 0.1, seed=3), samples=400)
    assert flow.status == "complete"
    # Never uphill at constant T, beyond rounding of F.
    assert np.diff(flow.free_energy).max() <= 1e-13
    exact = cascade(Spectrum.from_covariance(np.diag(model.eigenvalues)), latents=2)
    assert flow.free_energy[-1] == pytest.approx(exact.free_energy(0.5)[0], rel=1e-12)
    assert flow.rate[-1] == pytest.approx(exact.rate(0.5)[0], rel=1e-7)
    assert flow.residual < 1e-8
    # Latents have taken one mode each: with a diagonal posterior a rotation of latents costs.
    np.testing.assert_allclose(
        np.sort(flow.signal_fraction[-1])[::-1], exact.signal_fraction(0.5)[0], rtol=0, atol=1e-7
    )


def test_equilibrium_state_is_stationary_and_stable() -> None:
    model = LinearVAE([3.0, 2.0, 1.0, 0.0], 3)
    for t in (0.3, 1.5, 2.5, 4.0):
        y = equilibrium_state(model, t)
        assert np.abs(model.landscape.gradient(y, t)).max() < 1e-14
        spectrum = relaxation_spectrum(model, t)
        assert spectrum[0] > -1e-12  # nothing grows; zeros belong to the direction without variance
    unstable = relaxation_spectrum(model, 1.5, state=model.collapsed)
    # Full collapse at λ_3 < T < λ_2 < λ_1 is unstable towards two modes, from each of three latents.
    assert np.count_nonzero(unstable < -1e-12) == 6


@pytest.mark.parametrize("rates", METRICS)
@pytest.mark.parametrize("eigenvalue", [0.5, 1.0, 4.0])
def test_ratio_two_and_the_derived_prefactor_for_any_metric(rates: Rates, eigenvalue: float) -> None:
    model = LinearVAE([eigenvalue], 1)
    for distance in (1e-3, 1e-4, 1e-5):
        delta = distance * eigenvalue
        above = relaxation_spectrum(model, eigenvalue + delta, rates=rates)[0]
        below = relaxation_spectrum(model, eigenvalue - delta, rates=rates)[0]
        law = _formulas.slow_rate_collapsed(eigenvalue, delta, rates.decoder, rates.encoder)
        # The law drops a relative error of order |T − λ|/λ, with a metric-dependent factor below 100 here.
        assert below / above == pytest.approx(2, rel=100 * distance)
        assert above == pytest.approx(float(law), rel=100 * distance)
        assert _formulas.slow_rate_active(eigenvalue, delta, rates.decoder, rates.encoder) == 2 * law


def test_superfluous_latent_relaxes_at_the_rate_of_the_collapsed_side() -> None:
    spectrum = relaxation_spectrum(LinearVAE([1.0, 0.2], 2), 1 - 1e-4)
    law = float(_formulas.slow_rate_collapsed(1.0, 1e-4, 1.0, 1.0))
    np.testing.assert_allclose(spectrum[:2], [law, 2 * law], rtol=1e-2)


@pytest.mark.parametrize("temperature", [1.05, 1.01, 0.99, 0.95])
def test_measured_relaxation_equals_the_linearised_rate(temperature: float) -> None:
    slow = measure_relaxation(1.0, temperature, rates=Rates(1.0, 2.0, 1.0))
    assert slow.measured == pytest.approx(slow.exact, rel=2e-3)  # the kick of 1e-5 is nonlinear at 1e-5/|T/λ − 1|
    assert slow.leading == pytest.approx(slow.exact, rel=4 * abs(temperature - 1))
    assert slow.residual < 1e-2


def test_at_the_threshold_decay_is_algebraic() -> None:
    """ẋ = −kx³: the amplitude falls like τ^{−1/2}, which no exponential does."""
    model = LinearVAE([1.0], 1)
    flow = gradient_flow(model, 1.0, 4e4, start=model.pack([0.3], [0.3], [1.0]), samples=5, rtol=1e-10)
    amplitude = np.abs(flow.state[:, 0])
    # From τ/4 to τ the amplitude halves; the start shifts τ by about 1/x_0² = 10.
    assert amplitude[1] / amplitude[4] == pytest.approx(2, rel=1e-3)


def test_thresholds_read_after_a_finite_time_are_rounded_like_one_over_time() -> None:
    short, long = (apparent_threshold(1.0, tau, amplitude=1e-4) for tau in (200.0, 800.0))
    assert short.shift < long.shift < 0  # late to grow
    assert (short.equilibrium, short.rounding, long.rounding) == (0.9, 1 / 200, 1 / 800)
    # With a cutoff near zero nothing but growth counts, and distance × τ tends to ln(√c/a).
    found = apparent_threshold(1.0, 400.0, amplitude=1e-5, cutoff=1e-6)
    assert (1 - found.value) / found.rounding == pytest.approx(np.log(1e-3 / 1e-5), rel=0.05)
    large = apparent_threshold(1.0, 10.0, amplitude=2.0)
    assert large.shift > 0  # late to decay
    assert apparent_threshold(1.0, 1e-3, amplitude=1e-4).status == "outside"


def test_annealing_up_and_down() -> None:
    model = LinearVAE([1.0, 0.4], 2)
    start = small_start(model, 0.01, seed=0)
    # KL annealing: from a cold start up to T = 0.6; the second mode lives on the way and dies.
    plan = Schedule.annealed(0.05, 0.6, 150.0)
    up = gradient_flow(model, plan, 500.0, start=start, samples=201)
    assert up.temperature[0] == 0.05
    assert (up.temperature[up.time >= 150] == 0.6).all()
    assert np.sort(up.signal_fraction[15])[0] > 0.3
    assert up.temperature[40] > 0.4
    assert np.sort(up.signal_fraction[40])[0] > 0.05  # above its threshold and not dead yet
    np.testing.assert_allclose(np.sort(up.signal_fraction[-1]), [0, 0.4], atol=1e-6)
    # Cooling through T = 1: the mode appears late, and later in units of T the faster the ramp; at rest it is at 0.9.
    onset = []
    for duration in (200.0, 800.0, 3200.0):
        plan = Schedule.annealed(1.05, 0.5, duration)
        down = gradient_flow(model, plan, duration, start=start, samples=1001, rtol=1e-7)
        onset.append(down.temperature[np.argmax(down.signal_fraction.max(axis=1) > 0.1)])
    assert 0.5 < onset[0] < onset[1] < onset[2] < 0.9


@settings(CLOSED, max_examples=30)
@given(st.floats(0.1, 2.0), st.integers(0, 50))
def test_no_flow_goes_below_the_cascade(temperature: float, seed: int) -> None:
    model = LinearVAE([1.0, 0.5], 2)
    flow = gradient_flow(model, temperature, 5.0, start=small_start(model, 0.5, seed=seed), samples=5, rtol=1e-7)
    exact = cascade(Spectrum.from_covariance(np.diag([1.0, 0.5]))).free_energy(temperature)[0]
    assert (flow.free_energy >= exact * (1 - 1e-13)).all()
    assert (np.diff(flow.free_energy) <= 1e-9).all()


def test_a_flow_that_stops_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    from numerics import dynamics

    def failing(fun, span, y0, **options):  # type: ignore[no-untyped-def]
        from types import SimpleNamespace

        return SimpleNamespace(t=np.array([0.5]), y=np.asarray(y0)[:, None], nfev=1, status=-1)

    monkeypatch.setattr(dynamics, "solve_ivp", failing)
    model = LinearVAE([1.0], 1)
    with pytest.raises(NonConvergenceError, match=r"stopped at τ = 0\.5 of 1") as caught:
        gradient_flow(model, 0.5, 1.0, start=small_start(model, 0.1), samples=3)
    assert caught.value.state.status == "stopped"
    assert len(caught.value.state.time) == 2


def test_refuses() -> None:
    model = LinearVAE([1.0], 1)
    start = small_start(model, 0.1)
    with pytest.raises(InputError, match="duration must be positive"):
        gradient_flow(model, 1.0, 0.0, start=start)
    with pytest.raises(InputError, match="samples must be an integer of at least 2"):
        gradient_flow(model, 1.0, 1.0, start=start, samples=1)
    with pytest.raises(InputError, match="start must hold 3 finite numbers"):
        gradient_flow(model, 1.0, 1.0, start=[1.0])
    with pytest.raises(InputError, match="temperatures must be positive"):
        Schedule.annealed(0.0, 1.0, 5.0)
    with pytest.raises(InputError, match="times must be ascending"):
        Schedule((0.0, 0.0), (1.0, 2.0))
    with pytest.raises(InputError, match="learning rate encoder must be positive"):
        Rates(encoder=0.0)
    with pytest.raises(InputError, match="size must be positive"):
        small_start(model, 0.0)
    with pytest.raises(InputError, match="temperature must differ"):
        measure_relaxation(1.0, 1.0)
    with pytest.raises(InputError, match="cutoff must lie between 0 and 1"):
        apparent_threshold(1.0, 10.0, cutoff=1.0)
