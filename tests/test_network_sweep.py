"""Sweeps of networks: what is measured, against closed forms, other code and the models themselves."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest

from theory.errors import InputError
from verify.architecture import Architecture
from verify.experiments.threshold_cases import real
from verify.network_sweep import NetworkSweep, run_network_sweep
from verify.plan import SweepPlan
from verify.posterior import posterior_statistics, truncated_distortion

SMALL = Architecture(encoder=(8,), decoder=(8,))
LINEAR = Architecture(model_class="linear")


def _rows(n: int = 400, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal((n, 3)) * [2.0, 1.0, 0.5]
    return x - x.mean(0)


def _plan(**changes: Any) -> SweepPlan:
    settings = {"seeds": 2, "latents": 2, "steps": 120, "batch_size": 32, **changes}
    return SweepPlan.default("network", settings.pop("temperatures", [6.0, 0.5]), **settings)


def _run(plan: SweepPlan | None = None, architecture: Architecture = SMALL, **options: Any) -> NetworkSweep:
    return run_network_sweep(_rows(), plan or _plan(), architecture, **options)


@pytest.mark.parametrize("direction", ["fresh", "up", "down"])
def test_linear_networks_follow_the_law(direction: Any) -> None:
    """M² = 1 − T/λ below threshold, 0 above; D = Σ min(T, λ) and F = D + 2T Σ ½ ln(λ/T) (Lucas et al. 2019)."""
    x = _rows()
    lam = np.linalg.eigvalsh(x.T @ x / len(x))[::-1]
    t = lam[0] * np.array([1.5, 0.1])
    plan = _plan(temperatures=t, steps=3000, learning_rate=0.01, schedule="inverse", direction=direction)
    sweep = run_network_sweep(x, plan, LINEAR)
    law = np.maximum(1 - t[:, None] / lam, 0)
    measured = sweep.ranked(sweep.signal_fraction)
    # Two seeds of a sampled training: noise of a few times 0.01, as for the linear kernel.
    np.testing.assert_allclose(measured, np.broadcast_to(law[:, None, :2], measured.shape), atol=0.06)
    distortion = np.minimum(t[:, None], lam)[:, :2].sum(1) + lam[2]
    np.testing.assert_allclose(sweep.distortion[..., -1], distortion[:, None] * np.ones(2), rtol=0.1)
    best = distortion + 2 * t * 0.5 * np.maximum(np.log(lam[:2] / t[:, None]), 0).sum(1)
    np.testing.assert_allclose(sweep.free_energy, best[:, None] * np.ones(2), rtol=0.05)
    assert sweep.total_variance == pytest.approx(lam.sum(), rel=1e-12)


def test_what_is_measured_is_what_the_kept_models_say() -> None:
    test = _rows(100, seed=1)
    sweep = _run(test=test, keep_parameters=True)
    for i in range(2):
        for s in range(2):
            vae = sweep.model(i, s)
            mu, log_variance = vae.encode(test)
            again = posterior_statistics(mu, log_variance)
            # Trained in float32, measured in float32; here in float64.
            np.testing.assert_allclose(sweep.signal_fraction[i, s], again.signal_fraction, atol=1e-5)
            np.testing.assert_allclose(sweep.rate[i, s], again.rate, atol=1e-5)
            generator = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(2, s, i)))
            sampled, mean = truncated_distortion(vae.decode, mu, log_variance, test, generator=generator)
            np.testing.assert_allclose(sweep.distortion[i, s], sampled, rtol=1e-4)
            np.testing.assert_allclose(sweep.distortion_mean[i, s], mean, rtol=1e-4)


def test_free_energy_is_distortion_and_rate_up_to_the_draw_of_noise() -> None:
    sweep = _run(_plan(steps=600, learning_rate=3e-3), test=_rows(4000, seed=1))
    parts = sweep.distortion[..., -1] + 2 * sweep.temperatures[:, None] * sweep.total_rate
    # Two draws of the noise of 4000 rows; the squared error of a row spreads by about its mean.
    np.testing.assert_allclose(sweep.free_energy, parts, rtol=4 * 2 / np.sqrt(4000))


def test_other_likelihoods_are_swept_too() -> None:
    plan = _plan(temperatures=[0.5], steps=1500, learning_rate=5e-3)
    learned = _run(plan, Architecture(encoder=(8,), decoder=(8,), likelihood="gaussian-learned-variance"))
    assert learned.decoder_variance is not None and learned.decoder_variance.shape == (1, 2)
    residual = learned.distortion[..., -1] / 3
    np.testing.assert_allclose(learned.decoder_variance, residual, rtol=0.1)  # η² = D_K/D where it is stationary
    x = (_rows() > 0).astype(float)
    plan = _plan(temperatures=[3.0, 0.3], steps=1500, learning_rate=5e-3)
    bits = run_network_sweep(x, plan, Architecture(encoder=(8,), decoder=(8,), likelihood="bernoulli"))
    assert bits.decoder_variance is None
    # Three fair bits that hardly depend on each other: the top eigenvalue of their correlation, β's threshold, is about
    # 1. Above it nothing is better known than p = ½, twice the entropy; below it F is lower.
    assert bits.free_energy[0] == pytest.approx(6 * np.log(2), rel=0.02)
    assert (bits.free_energy[1] < 0.8 * 6 * np.log(2)).all()


@pytest.mark.parametrize("direction", ["fresh", "up"])
def test_neither_workers_nor_executors_nor_memory_of_parameters_change_a_bit(direction: Any) -> None:
    plan = _plan(chunk=1, direction=direction)
    one = _run(plan, workers=1)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        others = [_run(plan, workers=3), _run(plan, keep_parameters=True), _run(plan, executor=pool)]
    for other in others:
        for name in ("distortion", "distortion_mean", "free_energy", "validation_loss", "rate", "signal_fraction"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_validation_and_test_rows_are_what_they_are_called() -> None:
    plan, x = _plan(), _rows()
    both = _run(plan, validation=x[:50], test=x[:50])
    plain = _run(plan)
    for sweep in (both, plain):  # the same rows and noise; equal weights and none differ by rounding
        np.testing.assert_allclose(sweep.validation_loss, sweep.free_energy, rtol=1e-12)
    assert not np.allclose(plain.validation_loss, both.validation_loss, rtol=1e-3)
    # Neither changes the training.
    assert np.array_equal(plain.training_loss, both.training_loss)


def test_a_ramp_to_the_very_end_is_measured_at_the_temperature_it_leads_to() -> None:
    plan = _plan(steps=2, annealing_steps=2, temperatures=[600.0, 60.0])
    sweep = _run(plan)
    wanted = sweep.distortion[..., -1] + 2 * sweep.temperatures[:, None] * sweep.total_rate
    for loss in (sweep.free_energy, sweep.validation_loss, sweep.training_loss):
        # Other draws of noise; the last step of the ramp has T/2, which would be half of F.
        np.testing.assert_allclose(loss, wanted, rtol=0.1)


def test_weights_count_as_repetition() -> None:
    x = _rows(60)
    weights = np.random.default_rng(3).integers(1, 4, 60).astype(float)
    weighted = run_network_sweep(x, _plan(steps=30), SMALL, weights=weights, keep_parameters=True)
    repeated = np.repeat(x, weights.astype(int), axis=0)
    for i in range(2):
        mu, log_variance = weighted.model(i, 0).encode(repeated)
        np.testing.assert_allclose(weighted.rate[i, 0], posterior_statistics(mu, log_variance).rate, atol=1e-5)
    spread = repeated - repeated.mean(0)
    assert weighted.total_variance == pytest.approx(np.square(spread).sum() / len(spread), rel=1e-12)


def test_early_stopping_is_told() -> None:
    plan = _plan(steps=5000, schedule="constant", learning_rate=5e-3, patience=2, check_every=50, tolerance=1e-2)
    sweep = _run(plan, validation=_rows(200, seed=1))
    assert (sweep.steps < 5000).all() and (sweep.steps % 50 == 0).all()
    full = _run(_plan(steps=int(sweep.steps[0, 0]), schedule="constant", learning_rate=5e-3))
    assert sweep.validation_loss[0, 0] < 1.05 * full.free_energy[0, 0]


def test_a_diverged_model_is_nan_and_the_others_are_not() -> None:
    """Unclamped widths at this rate overflow at the low temperature only."""
    wild = Architecture(encoder=(8,), decoder=(8,), activation="relu", clamp=None)
    x = _rows()
    x[0] = [4000.0, 0.0, 0.0]
    x -= x.mean(0)
    plan = _plan(temperatures=[1e6, 1e-2], steps=400, learning_rate=0.3, schedule="constant", seeds=3)
    sweep = run_network_sweep(x, plan, wild, throw=False)
    lost = sweep.diverged
    assert lost.any() and not lost.all()
    for name in ("free_energy", "validation_loss", "training_loss", "total_rate"):
        assert np.array_equal(np.isnan(getattr(sweep, name)), lost), name
    assert np.array_equal(np.isnan(sweep.distortion).all(-1), lost)
    assert (sweep.steps[lost] < 400).all() and (sweep.steps[~lost] == 400).all()
    with pytest.raises(InputError, match=r"diverged at temperature .*, seed \d.*, with learning_rate 0.3; lower it"):
        run_network_sweep(x, plan, wild)


def test_a_parabola_remembers_where_it_comes_from() -> None:
    """Data (u, c(u² − 1)) at c = 0.7, an encoder that sees u only: collapsed and active are both stable at T = λ_max.

    The equation of state T(m) = (1 − m)(1 + 4c²m) has its spinodal at T = 1.118 and m = M² = 0.49 at T = 1.
    """
    u = np.random.default_rng(0).standard_normal(2000)
    u = (u - u.mean()) / u.std()
    x = np.column_stack([u, 0.7 * (u * u - 1)])
    x -= x.mean(0)
    follows = Architecture(encoder=(), decoder=(32,), model_class="nonlinear-decoder", visible=(0,))
    shared = {"seeds": 1, "latents": 1, "steps": 500, "first_steps": 2500, "learning_rate": 3e-3, "batch_size": 128}
    found = {}
    for direction, t in (("up", [0.7, 0.85, 1.0]), ("down", [1.3, 1.15, 1.02])):
        plan = _plan(temperatures=t, direction=direction, schedule="constant", **shared)
        found[direction] = run_network_sweep(x, plan, follows).signal_fraction[-1, 0, 0]
    assert found["up"] == pytest.approx(0.49, abs=0.12)  # the noise of a constant rate lowers M² by some 0.05
    assert found["down"] < 0.05


def test_input_is_checked() -> None:
    x = _rows(20)
    with pytest.raises(InputError, match="mode 'sampled'"):
        run_network_sweep(x, SweepPlan.default("exact", [1.0]), SMALL)
    with pytest.raises(InputError, match="x must be finite"):
        run_network_sweep(np.where(x > 1, np.nan, x), _plan(), SMALL)
    with pytest.raises(InputError, match="x must be a matrix"):
        run_network_sweep(x[0], _plan(), SMALL)
    with pytest.raises(InputError, match="test must have 3 columns"):
        run_network_sweep(x, _plan(), SMALL, test=x[:, :2])
    with pytest.raises(InputError, match="validation must have 3 columns"):
        run_network_sweep(x, _plan(), SMALL, validation=x[:, :2])
    with pytest.raises(InputError, match="weights"):
        run_network_sweep(x, _plan(), SMALL, weights=np.ones(3))
    with pytest.raises(InputError, match="test must lie in"):  # before training, not after
        run_network_sweep(0 * x, _plan(steps=10**9), Architecture(likelihood="bernoulli"), test=x)
    with pytest.raises(InputError, match="visible"):
        run_network_sweep(x, _plan(), Architecture(visible=(0, 7)))
    with pytest.raises(InputError, match="not kept"):
        run_network_sweep(x, _plan(steps=2), SMALL).model(0, 0)


@pytest.mark.slow
def test_the_posterior_scale_tells_whether_training_has_converged() -> None:
    """A² = 1 holds at equilibrium; a deep network on Digits takes long to get there, and its free energy says so."""
    x = real("digits").rows
    architecture = Architecture(encoder=(16, 16), decoder=(16, 16), activation="silu")
    shared: dict[str, Any] = {"seeds": 1, "latents": 2, "batch_size": 128, "learning_rate": 5e-3, "schedule": "inverse"}

    def trained(steps: int) -> tuple[float, float]:
        sweep = run_network_sweep(x, SweepPlan.default("network", [0.15], steps=steps, **shared), architecture)
        assert sweep.signal_fraction.min() > 0.9
        return float(np.abs(sweep.statistics.posterior_scale - 1).max()), float(sweep.free_energy[0, 0])

    (early, before), (late, after) = trained(6000), trained(36_000)
    assert early > 0.04
    assert late < 0.6 * early
    assert after < before
