"""Losses and hand-written gradients of the stacked linear VAEs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from verify.adam import Adam, cosine_rate, inverse_rate
from verify.linear_vae import ExactKernel, SampledKernel, expected_loss
from verify.minibatches import Minibatches

D, K, M, N = 5, 3, 4, 40


def _data(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, D)) @ rng.standard_normal((D, D))
    return x - x.mean(0)


def _generators(count: int, seed: int = 1) -> list[np.random.Generator]:
    return [np.random.default_rng((seed, i)) for i in range(count)]


def _exact(temperatures: np.ndarray, latents: int = K) -> tuple[ExactKernel, np.ndarray]:
    x = _data()
    kernel = ExactKernel(x.T @ x / N, temperatures, latents)
    kernel.theta[:] = 0.5 * np.random.default_rng(2).standard_normal(kernel.theta.size)
    return kernel, x


def _sampled(temperatures: np.ndarray, batch: int = N, scale: float = 0.3) -> tuple[SampledKernel, np.ndarray]:
    x = _data()
    kernel = SampledKernel(x, temperatures, K, batch_size=batch, rows=np.random.default_rng(3))
    kernel.initialize(_generators(len(temperatures)))
    kernel.theta[:] = scale * np.random.default_rng(4).standard_normal(kernel.theta.size)
    return kernel, x


def _slow_loss(p: dict[str, np.ndarray], t: float, x: np.ndarray, noise: np.ndarray) -> float:
    """Loss of one model by its definition: encode, sample, decode, row by row."""
    total = 0.0
    for row, epsilon in zip(x, noise.T, strict=True):
        mu = p["encoder"] @ row + p["encoder_bias"]
        rho = p["log_variance_slope"] @ row + p["log_variance"]
        f = p["decoder"] @ (mu + np.exp(rho / 2) * epsilon) + p["decoder_bias"]
        total += np.sum((row - f) ** 2) + t * np.sum(mu**2 + np.exp(rho) - rho - 1)
    return total / len(x)


def _sampled_loss(kernel: SampledKernel, t: np.ndarray, x: np.ndarray, noise: np.ndarray) -> float:
    parameters = kernel.export()
    return sum(_slow_loss({n: v[i] for n, v in parameters.items()}, t[i], x, noise[i]) for i in range(len(t)))


T = np.array([0.3, 1.0, 2.5, 40.0])


@pytest.mark.parametrize("latents", [1, K, D + 2])
def test_exact_gradient_by_directional_derivatives(latents: int) -> None:
    kernel, _ = _exact(T, latents)
    start = kernel.theta.copy()
    kernel.differentiate()
    gradient = kernel.gradient.copy()
    rng = np.random.default_rng(5)
    for _ in range(5):
        direction = rng.standard_normal(start.size)
        losses = []
        for h in (1e-5, -1e-5):
            kernel.theta[:] = start + h * direction
            losses.append(kernel.evaluate()["loss"].sum())
        # Central differences at h = 1e-5: error h² ~ 1e-10 and roundoff ε/h ~ 1e-11 of the loss.
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(2 * gradient @ direction, rel=1e-6)


def test_sampled_gradient_by_directional_derivatives() -> None:
    kernel, x = _sampled(T)
    noise = np.random.default_rng(6).standard_normal((M, K, N))
    start = kernel.theta.copy()
    kernel.differentiate_at(x, noise)
    gradient = kernel.gradient.copy()
    rng = np.random.default_rng(7)
    for _ in range(5):
        direction = rng.standard_normal(start.size)
        losses = []
        for h in (1e-5, -1e-5):
            kernel.theta[:] = start + h * direction
            losses.append(_sampled_loss(kernel, T, x, noise))
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(2 * gradient @ direction, rel=1e-6)


def test_exact_loss_is_the_expectation_over_rows_and_noise() -> None:
    kernel, x = _exact(T)
    p = kernel.export()
    for i, t in enumerate(T):
        slow, norm = expected_loss(
            x,
            t,
            decoder=p["decoder"][i],
            encoder=p["encoder"][i],
            log_variance=p["log_variance"][i],
            encoder_bias=np.zeros(K),
            log_variance_slope=np.zeros((K, D)),
            decoder_bias=np.zeros(D),
        )
        fast, fast_norm = (value[i] for value in kernel.evaluate().values())
        assert fast == pytest.approx(slow, rel=1e-12)
        # The row form also differentiates U and the biases; on centred data only U's derivative survives besides.
        assert norm >= fast_norm * (1 - 1e-12)


def test_sampled_gradient_averages_to_the_exact_one() -> None:
    """With biases and width head at zero the mean over noise of the sampled gradient is the exact gradient."""
    t = np.array([0.7])
    exact, x = _exact(t)
    sampled, _ = _sampled(t)
    p = exact.export()
    heads = np.concatenate([p["decoder"].swapaxes(1, 2), p["encoder"], np.zeros((1, K, D))], axis=1).ravel()
    sampled.theta[:] = np.concatenate([heads, np.zeros(D), np.zeros(K), p["log_variance"].ravel()])
    exact.differentiate()
    rng = np.random.default_rng(8)
    draws = []
    for _ in range(400):
        sampled.differentiate_at(x, rng.standard_normal((1, K, N)))
        draws.append(sampled.gradient.copy())
    mean, stderr = np.mean(draws, 0), np.std(draws, 0, ddof=1) / 20
    heads_of_exact = exact.gradient[: 2 * K * D]
    # 2KD + K normal deviates: the largest of 33 exceeds 4.5 with probability 2e-4, and the draws are fixed.
    assert np.abs((mean[: 2 * K * D] - heads_of_exact) / stderr[: 2 * K * D]).max() < 4.5
    assert np.abs((mean[-K:] - exact.gradient[-K:]) / stderr[-K:]).max() < 4.5


def test_sampled_evaluate_is_the_mean_over_noise() -> None:
    kernel, x = _sampled(np.array([0.7]))
    rng = np.random.default_rng(9)
    p = {name: value[0] for name, value in kernel.export().items()}
    losses = [_slow_loss(p, 0.7, x, rng.standard_normal((K, N))) for _ in range(300)]
    stderr = np.std(losses, ddof=1) / np.sqrt(300)
    assert abs(np.mean(losses) - kernel.evaluate()["loss"][0]) < 4 * stderr  # fixed draws


def test_evaluate_gradient_norm_is_the_norm_of_the_gradient() -> None:
    kernel, _ = _sampled(np.array([0.7]))
    start, step = kernel.theta.copy(), 1e-6
    partial = np.empty_like(start)
    for j in range(start.size):
        kernel.theta[:] = start
        kernel.theta[j] += step
        up = kernel.evaluate()["loss"][0]
        kernel.theta[j] -= 2 * step
        partial[j] = (up - kernel.evaluate()["loss"][0]) / (2 * step)
    kernel.theta[:] = start
    partial[2 * K * D : 3 * K * D] /= kernel._slope_unit  # θ holds U in other units than the model
    assert kernel.evaluate()["gradient_norm"][0] == pytest.approx(
        np.linalg.norm(partial), rel=1e-6
    )  # roundoff ε/h ~ 1e-9


def test_an_outlying_row_does_not_overflow_the_width() -> None:
    """One feature that is constant but for a single row, as in the corners of the digits."""
    x = 0.1 * np.random.default_rng(0).standard_normal((2000, 30))
    x[0] = 40.0
    x -= x.mean(0)
    kernel = SampledKernel(x, np.array([1e-3]), 8, batch_size=64, rows=np.random.default_rng(0), dtype=np.float32)
    kernel.initialize(_generators(1))
    adam = Adam(kernel.theta, betas=(0.9, 0.999))
    for _ in range(300):
        kernel.differentiate()
        adam.step(kernel.gradient, 0.02)
    assert np.isfinite(kernel.theta).all()


def test_weighted_rows_are_drawn_in_proportion() -> None:
    batches = Minibatches(3, 8000, np.random.default_rng(0), np.array([1.0, 0.0, 3.0]))
    share = np.bincount(batches.draw(), minlength=3) / 8000
    assert share[1] == 0
    assert share[2] == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 8000))


def test_unweighted_rows_come_once_per_epoch() -> None:
    batches = Minibatches(N, 16, np.random.default_rng(0))
    rows = np.concatenate([batches.draw() for _ in range(5)])  # 80 rows are two epochs of 40
    assert sorted(rows[:N]) == list(range(N)) and sorted(rows[N:]) == list(range(N))


def test_adam_matches_its_definition() -> None:
    theta = np.array([1.0, -2.0, 3.0])
    adam = Adam(theta, betas=(0.9, 0.99), epsilon=1e-8)
    slow, m, v = theta.copy(), np.zeros(3), np.zeros(3)
    rng = np.random.default_rng(0)
    for t in range(1, 30):
        g = rng.standard_normal(3)
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        slow -= 0.05 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
        adam.step(g.copy(), 0.05)
    np.testing.assert_allclose(theta, slow, rtol=1e-12)  # the same sums in another order


def test_flush_removes_denormals_and_nothing_else() -> None:
    theta = np.array([1e-30, -1e-25, 1e-3, 1.0], dtype=np.float32)
    Adam(theta, betas=(0.9, 0.99)).flush()
    assert theta.tolist() == [0.0, 0.0, np.float32(1e-3), 1.0]


@pytest.mark.parametrize("schedule", [cosine_rate, inverse_rate])
def test_rates_never_rise(schedule: object) -> None:
    rates = [schedule(i, 50, 0.1) for i in range(50)]  # type: ignore[operator]
    assert rates[0] == 0.1 and all(a >= b > 0 for a, b in pairwise(rates))
