"""The β that is printed, checked by training in the very loss that a user wrote: just below it a mode lives, above not.

A trainer of its own: the user's line of code as it stands, minibatches, sampled latents, autograd, Adam.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

from landau_vae.practice import beta_scale

ETA2 = 0.5
BATCH = 64
ROWS = 512
LATENTS = 3
# A tenth below its threshold a mode of the linear model has M² = 0.1; a quarter of that tells life from death.
MARGIN, ALIVE = 0.1, 0.025


def elbo(x: Any, f: Any, kl: Any, beta: float, logvar: Any) -> Any:
    return anp.mean(anp.sum((x - f) ** 2 / (2 * ETA2) + anp.log(2 * anp.pi * ETA2) / 2, axis=1) + beta * kl.sum(1))


def half_sse(x: Any, f: Any, kl: Any, beta: float, logvar: Any) -> Any:
    return (0.5 * anp.sum((x - f) ** 2) + beta * anp.sum(kl)) / x.shape[0]


def sse(x: Any, f: Any, kl: Any, beta: float, logvar: Any) -> Any:
    return (anp.sum((x - f) ** 2) + beta * anp.sum(kl)) / x.shape[0]


def mse(x: Any, f: Any, kl: Any, beta: float, logvar: Any) -> Any:
    return anp.mean((x - f) ** 2) + beta * anp.mean(anp.sum(kl, axis=1))


def mse_mean_kl(x: Any, f: Any, kl: Any, beta: float, logvar: Any) -> Any:
    return anp.mean((x - f) ** 2) + beta * anp.mean(kl)


def mse_sum_kl(x: Any, f: Any, kl: Any, beta: float, logvar: Any) -> Any:
    return anp.mean((x - f) ** 2) + beta * anp.sum(kl)


def bce(x: Any, f: Any, kl: Any, beta: float, logvar: Any) -> Any:
    p = 1 / (1 + anp.exp(-f))
    return -anp.mean(anp.sum(x * anp.log(p) + (1 - x) * anp.log(1 - p), axis=1)) + beta * anp.mean(anp.sum(kl, axis=1))


def poisson(x: Any, f: Any, kl: Any, beta: float, logvar: Any) -> Any:
    return anp.mean(anp.sum(anp.exp(f) - x * f, axis=1)) + beta * anp.mean(anp.sum(kl, axis=1))


def learned(x: Any, f: Any, kl: Any, beta: float, logvar: Any) -> Any:
    return anp.mean(
        anp.sum((x - f) ** 2 / (2 * anp.exp(logvar)) + (logvar + np.log(2 * np.pi)) / 2, axis=1) + beta * kl.sum(1)
    )


def train(
    x: np.ndarray, loss: Callable[..., Any], betas: list[float], *, bias: np.ndarray, steps: int = 1000, seed: int = 0
) -> np.ndarray:
    """M² of every latent of a linear encoder and a linear (for bce and poisson: linear-in-logit) decoder, per β."""
    rng = np.random.default_rng(seed)
    n, d = x.shape
    runs = len(betas)
    centre = x.mean(axis=0)
    # One vector per run: encoder, log σ², decoder, bias, log η².
    shapes = [(d, LATENTS), (LATENTS,), (LATENTS, d), (d,), ()]
    cuts = np.cumsum([0, *(int(np.prod(s)) for s in shapes)])

    def unpack(flat: Any, run: int) -> list[Any]:
        return [anp.reshape(flat[run, a:b], s) for a, b, s in zip(cuts[:-1], cuts[1:], shapes, strict=True)]

    def total(flat: Any, rows: np.ndarray, noise: np.ndarray) -> Any:
        value = 0.0
        for run, beta in enumerate(betas):
            encode, logs, decode, shift, logvar = unpack(flat, run)
            mu = (rows - centre) @ encode
            z = mu + anp.exp(logs / 2) * noise
            kl = (mu**2 + anp.exp(logs) - 1 - logs) / 2
            value = value + loss(rows, z @ decode + shift, kl, beta, logvar)
        return value

    start = rng.normal(scale=0.3, size=cuts[-1])
    start[cuts[1] : cuts[2]] = 0.0
    start[cuts[3] : cuts[4]] = bias
    start[cuts[4]] = 0.0
    flat = np.tile(start, (runs, 1))
    first, second = np.zeros_like(flat), np.zeros_like(flat)
    slope = grad(total)
    order = np.arange(n)
    for step in range(steps):
        if step % (n // BATCH) == 0:
            rng.shuffle(order)
        batch = order[(step % (n // BATCH)) * BATCH :][:BATCH]
        g = slope(flat, x[batch], rng.normal(size=(BATCH, LATENTS)))
        first, second = 0.9 * first + 0.1 * g, 0.99 * second + 0.01 * g * g
        # Fast enough to leave the start, slow enough at the end for the noise of the batches to average out.
        rate = 0.03 * (1 - step / steps) ** 2 + 2e-4
        flat = flat - rate * (first / (1 - 0.9 ** (step + 1))) / np.sqrt(second / (1 - 0.99 ** (step + 1)) + 1e-16)
    signals = []
    for run in range(runs):
        encode, logs, *_ = unpack(flat, run)
        v = np.asarray((x - centre) @ encode).var(axis=0)
        signals.append(np.sort(v / (v + np.exp(logs)))[::-1])
    return np.array(signals)


def gaussian() -> np.ndarray:
    """Rows with covariance exactly O diag(3, 1.5, 0.4, 0.1) Oᵀ."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=(ROWS, 4))
    z -= z.mean(axis=0)
    u = np.linalg.svd(z, full_matrices=False)[0] * np.sqrt(ROWS)
    o = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    return np.asarray(u * np.sqrt([3.0, 1.5, 0.4, 0.1]) @ o.T)


@pytest.mark.parametrize("loss", [elbo, half_sse, sse, mse, mse_mean_kl, mse_sum_kl], ids=lambda f: f.__name__)
def test_second_mode_lives_below_its_beta_and_dies_above(loss: Callable[..., Any]) -> None:
    x = gaussian()
    name = loss.__name__.replace("_", "-")
    scale = beta_scale(
        x,
        loss=name,
        latents=LATENTS,
        batch_size=BATCH,
        decoder_variance=ETA2 if name == "elbo" else None,
        standardize=False,
    )
    beta = scale.thresholds[1]
    below, above = train(x, loss, [beta * (1 - MARGIN), beta * (1 + MARGIN)], bias=x.mean(axis=0))
    assert below[0] > 0.4 and above[0] > 0.4  # the first mode lives at M² ≈ 1 − T/3 ≈ 0.5 on both sides
    assert below[1] > ALIVE, (below, above)
    assert above[1] < ALIVE, (below, above)
    assert below[2] < ALIVE and above[2] < ALIVE


def test_learned_variance_keeps_and_loses_the_second_mode() -> None:
    x = gaussian()
    scale = beta_scale(x, learned_variance=True, latents=LATENTS, standardize=False)
    beta = scale.thresholds[1]
    t = scale.temperature([beta * (1 - MARGIN), beta * (1 + MARGIN)])
    below, above = train(x, learned, [beta * (1 - MARGIN), beta * (1 + MARGIN)], bias=x.mean(axis=0))
    expected = 1 - t[0] / scale.cascade.eigenvalues[1]
    assert above[1] < ALIVE < below[1]
    # Noise of the batches and of the samples; the temperature is steeper in β than with a fixed variance.
    assert below[1] == pytest.approx(expected, abs=0.06)


def bits() -> np.ndarray:
    rng = np.random.default_rng(5)
    z = rng.normal(size=(ROWS, 1))
    shift = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    return np.asarray((rng.random((ROWS, 5)) < 1 / (1 + np.exp(-shift - 2.5 * z))).astype(float))


def grey() -> np.ndarray:
    rng = np.random.default_rng(6)
    z = rng.normal(size=(ROWS, 1))
    return np.asarray(1 / (1 + np.exp(-2 * z - rng.normal(size=(ROWS, 5)) - np.array([-1, 0.0, 0, 0.5, 1]))))


def counts() -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.poisson(np.exp(np.array([0.5, 1.0, 1.5, 0.8]) + 0.5 * rng.normal(size=(ROWS, 1)))).astype(float)


@pytest.mark.parametrize(
    ("loss", "rows"), [(bce, bits), (bce, grey), (poisson, counts)], ids=["bce-bits", "bce-grey", "poisson"]
)
def test_full_collapse_of_other_likelihoods_ends_at_the_printed_beta(
    loss: Callable[..., Any], rows: Callable[[], np.ndarray]
) -> None:
    x = rows()
    beta = beta_scale(x, loss=loss.__name__, latents=LATENTS).thresholds[0]
    mean = x.mean(axis=0)
    bias = np.log(mean / (1 - mean)) if loss is bce else np.log(mean)
    below, above = train(x, loss, [beta * (1 - MARGIN), beta * (1 + MARGIN)], bias=bias)
    assert below[0] > ALIVE, (below, above)
    assert above[0] < ALIVE, (below, above)
