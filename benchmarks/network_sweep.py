"""Training of stacked networks, per model and Adam step, on one core, against PyTorch and JAX.

24 VAEs 19-64-(4+4)/4-64-19 with tanh, batches of 256 rows, fresh noise, Adam, float32. The peers do the same
mathematics in three forms: the usual PyTorch loop, one model at a time with ``torch.nn``, autograd and
``torch.optim.Adam``; PyTorch with all models stacked in ``torch.baddbmm``; and JAX, one model's loss mapped over all
models by ``jax.vmap``, all steps with their batches and noise in one compiled loop. Compilation is not timed. Peers
that are not installed are named and left out. Times are those of the processor, with all sides bound to one core.

Run: ``python -m benchmarks.network_sweep``
"""

from __future__ import annotations

import argparse
import os
import time
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
from verify.adam import Adam
from verify.architecture import Architecture
from verify.network import NetworkKernel

MODELS, FEATURES, LATENTS, HIDDEN, BATCH, RATE = 24, 19, 4, 64, 256, 1e-3


def ours(x: np.ndarray, temperatures: np.ndarray, steps: int, dtype: str = "float32") -> Callable[[], Any]:
    """The kernel of a network sweep and its optimiser."""
    kernel = NetworkKernel(
        x,
        temperatures,
        LATENTS,
        Architecture(encoder=(HIDDEN,), decoder=(HIDDEN,), activation="tanh"),
        batch_size=BATCH,
        rows=np.random.default_rng(0),
        dtype=dtype,
    )
    kernel.initialize([np.random.default_rng((1, model)) for model in range(len(temperatures))])
    adam = Adam(kernel.theta, betas=(0.9, 0.999))

    def run() -> None:
        for _ in range(steps):
            kernel.differentiate()
            adam.step(kernel.gradient, RATE)

    return run


def torch_loop(x: np.ndarray, temperature: float, steps: int) -> Callable[[], Any]:
    """The usual loop: one model, layers as modules, autograd."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    data = torch.from_numpy(x.astype(np.float32))
    encoder = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2 * LATENTS))
    decoder = nn.Sequential(nn.Linear(LATENTS, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, FEATURES))
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=RATE)

    def run() -> None:
        for _ in range(steps):
            batch = data[torch.randint(len(data), (BATCH,))]
            mu, rho = encoder(batch).chunk(2, dim=1)
            rho = rho.clamp(-12, 8)
            f = decoder(mu + torch.exp(0.5 * rho) * torch.randn_like(mu))
            error = (batch - f).square().sum(1)
            loss = (error + temperature * (mu.square() + rho.exp() - rho - 1).sum(1)).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()

    return run


def torch_bmm(x: np.ndarray, temperatures: np.ndarray, steps: int) -> Callable[[], Any]:
    """All models in one batched product per layer, autograd, one fused Adam."""
    import torch

    torch.set_num_threads(1)
    data = torch.from_numpy(x.astype(np.float32))
    t, m = torch.from_numpy(temperatures.astype(np.float32))[:, None], len(temperatures)

    def layer(inputs: int, outputs: int) -> tuple[Any, Any]:
        weights = torch.randn(m, inputs, outputs) / inputs**0.5
        return weights.requires_grad_(), torch.zeros(m, 1, outputs, requires_grad=True)

    sizes = ((FEATURES, HIDDEN), (HIDDEN, 2 * LATENTS), (LATENTS, HIDDEN), (HIDDEN, FEATURES))
    (w1, b1), (w2, b2), (w3, b3), (w4, b4) = (layer(*size) for size in sizes)
    adam = torch.optim.Adam([w1, b1, w2, b2, w3, b3, w4, b4], lr=RATE, fused=True)

    def run() -> None:
        for _ in range(steps):
            batch = data[torch.randint(len(data), (BATCH,))].expand(m, BATCH, FEATURES)
            heads = torch.baddbmm(b2, torch.tanh(torch.baddbmm(b1, batch, w1)), w2)
            mu, rho = heads[:, :, :LATENTS], heads[:, :, LATENTS:].clamp(-12, 8)
            z = mu + torch.exp(0.5 * rho) * torch.randn_like(mu)
            f = torch.baddbmm(b4, torch.tanh(torch.baddbmm(b3, z, w3)), w4)
            error = (batch - f).square().sum(2)
            loss = (error + t * (mu.square() + rho.exp() - rho - 1).sum(2)).mean(1).sum()
            adam.zero_grad()
            loss.backward()
            adam.step()

    return run


def jax_vmap(x: np.ndarray, temperatures: np.ndarray, steps: int) -> Callable[[], Any]:
    """One model's loss, differentiated and mapped over all models, all steps in one compiled loop."""
    import jax
    import jax.numpy as jnp

    data, t, m = jnp.asarray(x, jnp.float32), jnp.asarray(temperatures, jnp.float32), len(temperatures)

    def loss(p: Any, t: Any, batch: Any, noise: Any) -> Any:
        (w1, b1), (w2, b2), (w3, b3), (w4, b4) = p
        heads = jnp.tanh(batch @ w1 + b1) @ w2 + b2
        mu, rho = heads[:, :LATENTS], jnp.clip(heads[:, LATENTS:], -12, 8)
        f = jnp.tanh((mu + jnp.exp(0.5 * rho) * noise) @ w3 + b3) @ w4 + b4
        rate = mu**2 + jnp.exp(rho) - rho - 1
        return jnp.mean(jnp.sum((batch - f) ** 2, 1) + t * jnp.sum(rate, 1))

    gradient = jax.vmap(jax.grad(loss), in_axes=(0, 0, None, 0))
    rng = np.random.default_rng(0)
    sizes = ((FEATURES, HIDDEN), (HIDDEN, 2 * LATENTS), (LATENTS, HIDDEN), (HIDDEN, FEATURES))
    start = [
        (jnp.asarray(rng.standard_normal((m, *size)) / size[0] ** 0.5, jnp.float32), jnp.zeros((m, size[1])))
        for size in sizes
    ]

    @jax.jit
    def train(p: Any, key: Any) -> Any:
        zeros = jax.tree.map(jnp.zeros_like, p)

        def step(i: Any, state: Any) -> Any:
            p, first, second, key = state
            key, rows, own = jax.random.split(key, 3)
            batch = data[jax.random.randint(rows, (BATCH,), 0, len(data))]
            g = gradient(p, t, batch, jax.random.normal(own, (m, BATCH, LATENTS)))
            first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, g)
            second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, g)
            a, c = 1 / (1 - 0.9 ** (i + 1)), 1 / (1 - 0.999 ** (i + 1))
            p = jax.tree.map(lambda p, m, v: p - RATE * a * m / (jnp.sqrt(c * v) + 1e-8), p, first, second)
            return p, first, second, key

        return jax.lax.fori_loop(0, steps, step, (p, zeros, zeros, key))[0]

    key = jax.random.key(0)
    train(start, key)[0][0].block_until_ready()
    return lambda: train(start, key)[0][0].block_until_ready()


def main() -> None:
    """Print medians per model-step and ratios, all from one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    steps = options.steps
    x = np.random.default_rng(0).standard_normal((5000, FEATURES))
    t = np.geomspace(0.01, 1, MODELS)
    sides: dict[str, Callable[[], Any]] = {"ours": ours(x, t, steps), "ours, float64": ours(x, t, steps, "float64")}
    work = dict.fromkeys(sides, MODELS * steps)
    for name, package, count, make in (
        ("PyTorch loop", "torch", 5 * steps, lambda: torch_loop(x, float(t[12]), 5 * steps)),
        ("torch.baddbmm", "torch", MODELS * steps, lambda: torch_bmm(x, t, steps)),
        ("jax.vmap", "jax", MODELS * steps, lambda: jax_vmap(x, t, steps)),
    ):
        try:
            sides[name] = make()
        except ModuleNotFoundError:
            print(f"{package} is not installed: {name} is left out (pip install {package})")
            continue
        work[name] = count
    seconds = medians(sides, options.repeats, time.process_time)
    cost = {name: 1e6 * seconds[name] / work[name] for name in sides}
    rows = [[name, f"{cost[name]:.1f}", f"{cost[name] / cost['ours']:.2f}"] for name in sides]
    print(tabulate(rows, ["side", "µs per model-step", "/ ours"], disable_numparse=True))


if __name__ == "__main__":
    main()
