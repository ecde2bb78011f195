"""Measured order parameters, against slow twins and under the symmetries of a latent."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from theory.errors import InputError
from verify.latents import Latents, measure, measure_covariance
from verify.sweep import Sweep, SweepPlan, run_sweep

N_T, S, K, D, N = 2, 2, 3, 4, 30


def _data(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((N, D)) @ rng.standard_normal((D, D)) + 0.3


def _models(width_head: float = 0.3, seed: int = 1) -> Sweep:
    """Random, untrained parameters: the identities hold for any encoder."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return 0.6 * rng.standard_normal((N_T, S, *shape))

    zero = np.zeros((N_T, S))
    return Sweep(
        plan=SweepPlan((1.5, 0.5), seeds=S, latents=K),
        total_variance=1.0,
        temperatures=np.array([1.5, 0.5]),
        decoder=draw(D, K),
        decoder_bias=draw(D),
        encoder=draw(K, D),
        encoder_bias=draw(K),
        log_variance=draw(K),
        log_variance_slope=width_head * draw(K, D),
        loss=zero,
        gradient_norm=zero,
        seconds=0.0,
    )


def _encode(sweep: Sweep, x: np.ndarray, i: int, s: int) -> tuple[np.ndarray, np.ndarray]:
    mu = x @ sweep.encoder[i, s].T + sweep.encoder_bias[i, s]
    return mu, x @ sweep.log_variance_slope[i, s].T + sweep.log_variance[i, s]


@pytest.mark.parametrize("weighted", [False, True])
def test_order_parameters_are_averages_over_the_rows(weighted: bool) -> None:
    x, sweep = _data(), _models()
    weights = np.random.default_rng(2).uniform(0.2, 2, N) if weighted else None
    p = np.full(N, 1 / N) if weights is None else weights / weights.sum()
    found = measure(sweep, x, weights)
    for i in range(N_T):
        for s in range(S):
            mu, rho = _encode(sweep, x, i, s)
            m, v, width = p @ mu, p @ (mu - p @ mu) ** 2, p @ np.exp(rho)
            close = {"rtol": 1e-10}  # the same sums in another order
            np.testing.assert_allclose(found.statistics.mean[i, s], m, **close)
            np.testing.assert_allclose(found.statistics.variance[i, s], v, **close)
            np.testing.assert_allclose(found.statistics.second_moment[i, s], p @ mu**2, **close)
            np.testing.assert_allclose(found.statistics.width[i, s], width, **close)
            np.testing.assert_allclose(found.statistics.log_width[i, s], p @ rho, **close)
            np.testing.assert_allclose(found.signal_fraction[i, s], v / (v + width), **close)
            np.testing.assert_allclose(found.statistics.jensen[i, s], np.log(width) - p @ rho, rtol=1e-8)
            direct = 0.5 * p @ (mu**2 + np.exp(rho) - rho - 1)
            np.testing.assert_allclose(found.rate[i, s], direct, **close)


def test_truncated_distortions_are_those_of_pruned_models() -> None:
    x, sweep = _data(), _models()
    found = measure(sweep, x)
    for i in range(N_T):
        for s in range(S):
            mu, rho = _encode(sweep, x, i, s)
            w, d = sweep.decoder[i, s], sweep.decoder_bias[i, s]
            for r in range(K + 1):
                keep = found.statistics.ranking[i, s, :r]
                mean = np.square(x - d - mu[:, keep] @ w[:, keep].T).sum(1).mean()
                noise = (np.square(w[:, keep]) * np.exp(rho[:, keep]).mean(0)).sum()
                assert found.distortion_mean[i, s, r] == pytest.approx(mean, rel=1e-10)
                assert found.distortion[i, s, r] == pytest.approx(mean + noise, rel=1e-10)
    drop = -np.diff(found.distortion, axis=-1) / found.ranked(found.signal_fraction)
    assert np.allclose(found.utility, np.where(found.ranked(found.active.astype(float)) > 0, drop, 0), rtol=1e-10)


def test_ranking_is_by_signal_fraction() -> None:
    found = measure(_models(), _data())
    assert (np.diff(found.ranked(found.signal_fraction), axis=-1) <= 0).all()
    assert (np.sort(found.statistics.ranking, axis=-1) == np.arange(K)).all()


def test_free_energy_is_the_trained_loss() -> None:
    x = _data() - _data().mean(0)
    for mode in ("exact", "sampled"):
        plan = SweepPlan.default(mode, [4.0, 0.5], latents=2, seeds=2, steps=60, dtype="float64")  # type: ignore[arg-type]
        sweep = run_sweep(x, plan)
        np.testing.assert_allclose(measure(sweep, x).free_energy, sweep.loss, rtol=1e-10)


def _rescaled(sweep: Sweep, c: np.ndarray) -> Sweep:
    """z_k → c_k z_k with the decoder undoing it: another name for the same model."""
    return dataclasses.replace(
        sweep,
        encoder=sweep.encoder * c[:, None],
        encoder_bias=sweep.encoder_bias * c,
        log_variance=sweep.log_variance + 2 * np.log(np.abs(c)),
        decoder=sweep.decoder / c,
    )


def _permuted(sweep: Sweep, order: np.ndarray) -> Sweep:
    return dataclasses.replace(
        sweep,
        encoder=sweep.encoder[:, :, order],
        encoder_bias=sweep.encoder_bias[:, :, order],
        log_variance=sweep.log_variance[:, :, order],
        log_variance_slope=sweep.log_variance_slope[:, :, order],
        decoder=sweep.decoder[..., order],
    )


def _assert_same_physics(a: Latents, b: Latents) -> None:
    for name in ("signal_fraction", "jensen"):
        one, two = (of.ranked(getattr(of.statistics, name)) for of in (a, b))
        np.testing.assert_allclose(two, one, rtol=1e-9, atol=1e-14)
    for name in ("distortion", "distortion_mean", "utility"):
        np.testing.assert_allclose(getattr(b, name), getattr(a, name), rtol=1e-9)


@pytest.mark.parametrize("scale", [[2.0, -0.5, 7.0], [1e-9, -1e9, 1.0]])
def test_rescaling_and_sign_change_nothing_but_the_rate(scale: list[float]) -> None:
    x, sweep = _data(), _models()
    _assert_same_physics(measure(sweep, x), measure(_rescaled(sweep, np.array(scale)), x))


def test_permutation_changes_nothing() -> None:
    x, sweep = _data(), _models()
    a, b = measure(sweep, x), measure(_permuted(sweep, np.array([2, 0, 1])), x)
    _assert_same_physics(a, b)
    np.testing.assert_allclose(b.total_rate, a.total_rate, rtol=1e-10)


def test_rotation_of_the_data_changes_nothing() -> None:
    x, sweep = _data(), _models()
    q, _ = np.linalg.qr(np.random.default_rng(5).standard_normal((D, D)))
    turned = dataclasses.replace(
        sweep,
        encoder=sweep.encoder @ q,
        log_variance_slope=sweep.log_variance_slope @ q,
        decoder=q.T @ sweep.decoder,
        decoder_bias=sweep.decoder_bias @ q,
    )
    _assert_same_physics(measure(sweep, x), measure(turned, x @ q))


def test_dead_and_rescaled_latents_give_finite_numbers() -> None:
    x, sweep = _data(), _models(width_head=0.0)
    sweep.encoder[:, :, 0] = 0
    sweep.encoder_bias[:, :, 0] = 0
    tiny = _rescaled(sweep, np.array([1e-200, 1e-170, 1.0]))  # σ² and Var μ underflow
    found = measure(tiny, x)
    numbers = {**dataclasses.asdict(found), **dataclasses.asdict(found.statistics)}
    del numbers["statistics"]
    for name, values in numbers.items():  # finite, not NaN from 0/0 or ∞ from a lost width
        assert np.isfinite(values).all(), name
    assert (found.signal_fraction[..., 0] == 0).all()
    np.testing.assert_allclose(found.distortion, measure(sweep, x).distortion, rtol=1e-9)


def test_constant_width_has_no_jensen_gap() -> None:
    assert (measure(_models(width_head=0.0), _data()).statistics.jensen == 0).all()


def test_covariance_suffices_without_a_width_head() -> None:
    x = _data() - _data().mean(0)
    sweep = _models(width_head=0.0)
    a, b = measure(sweep, x), measure_covariance(sweep, x.T @ x / N)
    np.testing.assert_allclose(b.rate, a.rate, rtol=1e-10)
    np.testing.assert_allclose(b.distortion, a.distortion, rtol=1e-10)
    with pytest.raises(InputError, match="depends on x"):
        measure_covariance(_models(), x.T @ x / N)
    with pytest.raises(InputError, match="covariance must be"):
        measure_covariance(sweep, np.eye(D + 1))


def test_stationarity_residuals_vanish_in_training_and_not_before() -> None:
    x = _data() - _data().mean(0)
    t = np.array([20.0, 2.0, 0.3])
    trained = measure(run_sweep(x, SweepPlan.default("exact", t, latents=2, steps=6000)), x)
    assert np.abs(trained.statistics.mean).max() < 1e-12  # no biases, centred data
    assert np.abs(trained.statistics.posterior_scale - 1).max() < 1e-3
    short = measure(run_sweep(x, SweepPlan.default("exact", t, latents=2, steps=20)), x)
    assert np.abs(short.statistics.posterior_scale - 1).max() > 0.1


def test_measure_refuses() -> None:
    x, sweep = _data(), _models()
    with pytest.raises(InputError, match="4 columns"):
        measure(sweep, x[:, :2])
    with pytest.raises(InputError, match="finite"):
        measure(sweep, np.where(x > 1, np.inf, x))
    with pytest.raises(InputError, match="weights"):
        measure(sweep, x, np.ones(N - 1))
    with pytest.raises(InputError, match="weights"):
        measure(sweep, x, -np.ones(N))
