"""The estimate of memory, against what tracemalloc sees."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from verify.architecture import Architecture
from verify.memory import memory_estimate
from verify.network_sweep import run_network_sweep
from verify.plan import SweepPlan
from verify.sweep import run_sweep


def _peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _rows(n: int, d: int) -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((n, d))
    return x - x.mean(0)


@pytest.mark.parametrize(
    ("models", "rows", "features", "hidden", "changes", "keep"),
    [
        (12, 4000, 5, (16,), {"latents": 4, "batch_size": 256}, False),
        (12, 500, 19, (64,) * 4, {"latents": 8, "batch_size": 256}, False),
        (12, 500, 19, (64,) * 4, {"latents": 8, "batch_size": 256}, True),
        (12, 1000, 19, (64,), {"latents": 4, "dtype": "float64", "patience": 2, "check_every": 1}, False),
        (4, 200, 64, (512, 512), {"latents": 4, "batch_size": 64, "chunk": 2}, False),
        (2, 50_000, 30, (8,), {"latents": 2}, False),
    ],
)
def test_networks(
    models: int, rows: int, features: int, hidden: tuple[int, ...], changes: dict[str, Any], keep: bool
) -> None:
    plan = SweepPlan.default("network", np.geomspace(8, 0.1, models), **{"seeds": 1, "steps": 2, **changes})
    architecture = Architecture(encoder=hidden, decoder=hidden)

    def work() -> object:
        return run_network_sweep(_rows(rows, features), plan, architecture, workers=1, keep_parameters=keep)

    estimate = memory_estimate(plan, architecture, rows, features, workers=1, keep_parameters=keep)
    # A worker starts its next chunk while little of the last one is left; the rows are copied once when centred here.
    assert 1 / 1.5 < estimate / _peak(work) < 1.5


@pytest.mark.parametrize("mode", ["exact", "sampled"])
def test_linear_models(mode: Any) -> None:
    plan = SweepPlan.default(mode, np.geomspace(8, 0.1, 24), latents=16, seeds=4, steps=2)
    estimate = memory_estimate(plan, None, 4000, 40, workers=1)
    assert 1 / 1.5 < estimate / _peak(lambda: run_sweep(_rows(4000, 40), plan, workers=1)) < 1.5


def test_steps_take_no_memory_and_workers_do() -> None:
    plan = SweepPlan.default("network", np.geomspace(8, 0.1, 48), steps=10)
    longer = SweepPlan.default("network", np.geomspace(8, 0.1, 48), steps=10**6)
    small = Architecture()
    assert memory_estimate(plan, small, 1000, 9) == memory_estimate(longer, small, 1000, 9)
    one, two = (memory_estimate(plan, small, 1000, 9, workers=w) for w in (1, 2))
    assert one < two < 2 * one
