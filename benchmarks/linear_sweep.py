"""A sweep of linear VAEs, per model and Adam step, on one core, against a PyTorch loop and jax.vmap.

48 temperatures × 4 seeds, 19 features, 8 latents, float64. The peers do the same mathematics in their usual form:
PyTorch trains one model at a time on minibatches with autograd and ``torch.optim.Adam``; JAX maps one model's expected
loss over all models, compiled with its steps in one loop. Compilation is not timed. Peers that are not installed are
named and left out.

Run: ``python -m benchmarks.linear_sweep``
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

# Before anything loads a BLAS or XLA: one core for every side.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import numpy as np
from tabulate import tabulate

from benchmarks.timing import medians
from verify.sweep import SweepPlan, default_temperatures, run_sweep, run_sweep_covariance

TEMPERATURES, SEEDS, FEATURES, LATENTS, BATCH = 48, 4, 19, 8, 64
MODELS = TEMPERATURES * SEEDS
RATE = 0.02


def torch_loop(x: np.ndarray, temperature: float, steps: int) -> Callable[[], Any]:
    """The usual loop: one model, minibatches, autograd."""
    import torch

    torch.set_num_threads(1)
    data = torch.from_numpy(x)

    def run() -> None:
        mean = torch.nn.Linear(FEATURES, LATENTS, dtype=torch.float64)
        log_variance = torch.nn.Linear(FEATURES, LATENTS, dtype=torch.float64)
        decoder = torch.nn.Linear(LATENTS, FEATURES, dtype=torch.float64)
        parameters = [p for layer in (mean, log_variance, decoder) for p in layer.parameters()]
        adam = torch.optim.Adam(parameters, lr=RATE)
        for _ in range(steps):
            batch = data[torch.randint(len(data), (BATCH,))]
            mu, rho = mean(batch), log_variance(batch)
            z = mu + torch.exp(0.5 * rho) * torch.randn_like(mu)
            error = (batch - decoder(z)).square().sum(1)
            loss = (error + temperature * (mu.square() + rho.exp() - rho - 1).sum(1)).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()

    return run


def jax_vmap(covariance: np.ndarray, temperatures: np.ndarray, steps: int) -> Callable[[], Any]:
    """One model's expected loss, differentiated and mapped over all models, all steps in one compiled loop."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    s = jnp.asarray(covariance)

    def loss(p: dict[str, Any], t: Any) -> Any:
        w, v, log_s = p["w"], p["v"], p["log_s"]
        vs = v @ s
        width = jnp.exp(log_s)
        second = vs @ v.T + jnp.diag(width)
        return (
            jnp.trace(s)
            - 2 * jnp.sum(w * vs)
            + jnp.sum((w @ w.T) * second)
            + t * (jnp.sum(vs * v) + jnp.sum(width - log_s - 1))
        )

    gradient = jax.vmap(jax.grad(loss))
    t = jnp.asarray(np.repeat(temperatures, SEEDS))
    rng = np.random.default_rng(0)
    shape = (MODELS, LATENTS, FEATURES)
    start = {
        "w": jnp.asarray(rng.standard_normal(shape) / FEATURES**0.5),
        "v": jnp.asarray(rng.standard_normal(shape) / FEATURES**0.5),
        "log_s": jnp.zeros(shape[:2]),
    }

    @jax.jit
    def train(p: Any) -> Any:
        zeros = jax.tree.map(jnp.zeros_like, p)

        def step(i: Any, state: Any) -> Any:
            p, m, v = state
            g = gradient(p, t)
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
            a, c = 1 / (1 - 0.9 ** (i + 1)), 1 / (1 - 0.999 ** (i + 1))
            p = jax.tree.map(lambda p, m, v: p - RATE * a * m / (jnp.sqrt(c * v) + 1e-8), p, m, v)
            return p, m, v

        return jax.lax.fori_loop(0, steps, step, (p, zeros, zeros))[0]

    train(start)["w"].block_until_ready()
    return lambda: train(start)["w"].block_until_ready()


def main() -> None:
    """Print medians per model-step and ratios, all from one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    steps, sampled_steps = options.steps, max(options.steps // 5, 1)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, FEATURES)) @ rng.standard_normal((FEATURES, FEATURES)) / FEATURES**0.5
    x -= x.mean(0)
    covariance = x.T @ x / len(x)
    t = default_temperatures(float(np.trace(covariance)), TEMPERATURES)
    common: dict[str, Any] = {"seeds": SEEDS, "latents": LATENTS, "learning_rate": RATE}
    exact = SweepPlan.default("exact", t, steps=steps, **common)
    single = SweepPlan.default("exact", t, steps=steps, dtype="float32", **common)
    sampled = SweepPlan.default("sampled", t, steps=sampled_steps, dtype="float64", **common)

    sides: dict[str, Callable[[], Any]] = {
        "ours, exact": lambda: run_sweep_covariance(covariance, exact, workers=1),
        "ours, exact, float32": lambda: run_sweep_covariance(covariance, single, workers=1),
        "ours, sampled": lambda: run_sweep(x, sampled, workers=1),
    }
    work = {
        "ours, exact": MODELS * steps,
        "ours, exact, float32": MODELS * steps,
        "ours, sampled": MODELS * sampled_steps,
    }
    versus = {}
    for name, package, count, twin, make in (
        ("PyTorch loop, sampled", "torch", steps, "ours, sampled", lambda: torch_loop(x, float(t[20]), steps)),
        ("jax.vmap, exact", "jax", MODELS * steps, "ours, exact", lambda: jax_vmap(covariance, t, steps)),
    ):
        try:
            sides[name] = make()
        except ModuleNotFoundError:
            print(f"{package} is not installed: {name} is left out (pip install {package})")
            continue
        work[name], versus[name] = count, twin
    seconds = medians(sides, options.repeats)
    cost = {name: 1e6 * seconds[name] / work[name] for name in sides}
    rows = [
        [
            name,
            f"{cost[name]:.2f}",
            f"{cost[name] / cost[versus[name]]:.1f} × {versus[name]}" if name in versus else "",
            f"{cost[name] / cost['ours, exact']:.1f}",
        ]
        for name in sides
    ]
    print(tabulate(rows, ["side", "µs per model-step", "like for like", "/ ours, exact"], disable_numparse=True))


if __name__ == "__main__":
    main()
