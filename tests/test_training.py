"""The loop of stages: warm starts, annealing, early stopping, divergence, executors."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from theory.errors import InputError
from verify.linear_vae import ExactKernel
from verify.one_thread import one_blas_thread
from verify.plan import Stage, SweepPlan
from verify.sweep import Sweep, run_sweep, run_sweep_covariance
from verify.training import train

ARRAYS = ("decoder", "decoder_bias", "encoder", "encoder_bias", "log_variance", "log_variance_slope", "loss")
COVARIANCE = np.diag([4.0, 1.0, 0.25])


def _rows(n: int = 80) -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((n, 3)) * [2.0, 1.0, 0.5]
    return x - x.mean(0)


def _same(a: Sweep, b: Sweep) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ARRAYS)


# Plans


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"direction": "sideways"}, "direction"),
        ({"first_steps": 10}, "first_steps is for warm"),
        ({"first_steps": 0, "direction": "up"}, "first_steps"),
        ({"annealing_steps": 10_001}, "annealing_steps"),
        ({"annealing_steps": -1}, "annealing_steps"),
        ({"annealing_start": -0.5}, "annealing_start"),
        ({"patience": 0}, "patience"),
        ({"check_every": 0}, "check_every"),
        ({"tolerance": 1.0}, "tolerance"),
        ({"tolerance": float("nan")}, "tolerance"),
    ],
)
def test_plan_refuses(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        SweepPlan(**{"temperatures": (1.0,), **change})


@pytest.mark.parametrize(("direction", "order"), [("up", [1, 3, 0, 2]), ("down", [2, 0, 3, 1])])
def test_a_warm_started_sweep_visits_its_temperatures_in_order(direction: Any, order: list[int]) -> None:
    plan = SweepPlan((3.0, 0.5, 7.0, 1.0), seeds=2, direction=direction, first_steps=99, steps=10, annealing_steps=7)
    (chunk,) = plan.chunks
    assert [int(v[0]) for v in chunk.visited] == order
    assert [s.steps for s in chunk.stages] == [99, 10, 10, 10]
    assert [s.ramp_steps for s in chunk.stages] == [7, 0, 0, 0]
    assert chunk.steps == 129


def test_a_ramp_is_linear_and_ends_at_the_temperature() -> None:
    stage = Stage(np.array([2.0, 4.0]), steps=100, ramp_steps=50, ramp_start=3.0)
    assert (stage.temperatures_at(0) == [6.0, 12.0]).all()
    assert (stage.temperatures_at(25) == [4.0, 8.0]).all()
    assert (stage.temperatures_at(50) == stage.temperatures).all() and (stage.temperatures_at(99) == [2.0, 4.0]).all()


# Warm starts


@pytest.mark.parametrize("mode", ["exact", "sampled"])
def test_the_first_temperature_of_a_warm_sweep_is_a_fresh_one(mode: Any) -> None:
    """Streams are named by seed and temperature: nothing but the order of the work differs."""
    shared = {"seeds": 1, "latents": 2, "steps": 230, "dtype": "float64"}
    fresh = run_sweep(_rows(), SweepPlan.default(mode, [1.0], **shared))
    warm = run_sweep(_rows(), SweepPlan.default(mode, [1.0, 2.0], direction="up", **shared))
    for name in ("decoder", "encoder", "log_variance", "loss"):
        assert np.array_equal(getattr(warm, name)[0], getattr(fresh, name)[0])


def test_sweeps_up_and_down_reach_the_equilibrium_where_there_is_one() -> None:
    t = np.array([5.0, 0.1, 2.0, 0.5])
    # F* = Σ_k [λ, or T(1 + ln λ/T) below threshold]
    lam = np.diag(COVARIANCE)
    best = np.where(t[:, None] < lam, t[:, None] * (1 + np.log(lam / t[:, None])), lam).sum(1)
    for direction in ("up", "down"):
        plan = SweepPlan.default("exact", t, seeds=2, latents=4, steps=4000, direction=direction)
        sweep = run_sweep_covariance(COVARIANCE, plan)
        # Latents that the sweep down wakes start from noise that Adam has damped: convergence, not roundoff.
        np.testing.assert_allclose(sweep.loss, best[:, None] * np.ones(2), rtol=1e-5)


def test_one_step_per_temperature_carries_the_parameters_on() -> None:
    plan = SweepPlan.default(
        "exact", np.linspace(1, 1.001, 20), seeds=1, latents=1, direction="up", first_steps=300, steps=1,
        schedule="constant", learning_rate=1e-3,
    )  # fmt: skip
    moved = np.abs(np.diff(run_sweep_covariance(COVARIANCE, plan).encoder, axis=0)).max((1, 2, 3))
    # A fresh start would move by order one; Adam moves an entry by about the rate, in units of √(V/D) = 1.3.
    assert 0 < moved.max() < 2e-3


# KL annealing


def test_annealing_changes_the_way_and_not_the_end() -> None:
    covariance, t = np.diag([4.0]), [1.0]
    plans = [
        SweepPlan.default("exact", t, seeds=1, latents=1, steps=4000, annealing_steps=a, annealing_start=s)
        for a, s in ((0, 0.0), (1000, 0.0), (1000, 10.0))
    ]
    runs = [run_sweep_covariance(covariance, plan) for plan in plans]
    assert len({run.encoder.tobytes() for run in runs}) == 3
    for run in runs:
        np.testing.assert_allclose(run.loss, 1 + np.log(4), rtol=1e-6)  # T(1 + ln λ/T), by convergence


def test_every_step_is_taken_at_the_temperature_of_the_ramp() -> None:
    steps: list[list[float]] = []

    @dataclass(eq=False)
    class Problem(_Watched):
        def kernel(self, temperatures: np.ndarray, rows: np.random.Generator) -> ExactKernel:
            class Kernel(ExactKernel):
                def differentiate(self) -> None:
                    super().differentiate()
                    steps.append(self._t[:, 0].tolist())

            return Kernel(COVARIANCE, temperatures, 1)

    plan = SweepPlan.default(
        "exact", [2.0, 4.0], seeds=1, direction="down", steps=150, first_steps=250, annealing_steps=200,
        annealing_start=0.5,
    )  # fmt: skip
    train(Problem([]), plan)
    ramp = [[4.0 * (0.5 + 0.5 * step / 200)] for step in range(200)]
    assert steps == ramp + [[4.0]] * 50 + [[2.0]] * 150


# Early stopping


@dataclass(eq=False)
class _Watched:
    """Exact linear models whose validation losses a test dictates: one list per model, one entry per look."""

    losses: Sequence[Sequence[float]]
    latents: int = 1
    seen: list[np.ndarray] = field(default_factory=list)
    temperature_unit: float = 1.0

    def kernel(self, temperatures: np.ndarray, rows: np.random.Generator) -> ExactKernel:
        watched, looks = self, iter(zip(*self.losses, strict=True))

        class Kernel(ExactKernel):
            def validation_loss(self) -> np.ndarray:
                watched.seen.append(self.theta.copy())
                return np.array(next(looks), dtype=float)

        return Kernel(COVARIANCE, temperatures, self.latents)

    def record(self, kernel: ExactKernel, *_: Any) -> dict[str, np.ndarray]:
        theta, owners = kernel.theta, kernel.owners()
        return {"theta": np.stack([theta[owners == m] for m in range(owners.max() + 1)])}

    def identity(self) -> dict[str, Any]:
        return {}


def _stopping(losses: Sequence[Sequence[float]], **changes: Any) -> tuple[_Watched, Any]:
    settings: dict[str, Any] = {"seeds": len(losses), "steps": 60, "check_every": 10, "patience": 2, "tolerance": 0.1}
    plan = SweepPlan.default("exact", [1.0], latents=1, **{**settings, **changes})
    problem = _Watched(losses)
    return problem, train(problem, plan)


def test_a_model_stops_after_its_patience_at_its_best_and_the_others_do_not_notice() -> None:
    # Model 0 improves by less than the tolerance from its second look on, model 1 always by more.
    slow, steady = [10.0, 9.5, 9.4, 9.9, 9.9, 9.9], [64.0, 32.0, 16.0, 8.0, 4.0, 2.0]
    problem, trained = _stopping([slow, steady])
    assert trained.steps.tolist() == [[30, 60]]
    owners = ExactKernel(COVARIANCE, np.ones(2), 1).owners()
    best = problem.seen[2][owners == 0]  # its third look had the lowest loss before it stopped
    assert np.array_equal(trained.arrays["theta"][0, 0], best)
    assert all(np.array_equal(theta[owners == 0], best) for theta in problem.seen[3:])
    _, alone = _stopping([steady, steady])
    assert np.array_equal(trained.arrays["theta"][0, 1], alone.arrays["theta"][0, 1])


def test_the_best_parameters_are_returned_although_the_end_is_worse() -> None:
    problem, trained = _stopping([[10.0, 1.0, 5.0, 5.0]], steps=40, patience=9)
    assert trained.steps.tolist() == [[40]]
    assert np.array_equal(trained.arrays["theta"][0, 0], problem.seen[1])


def test_a_stage_ends_when_all_have_stopped_and_the_next_one_moves_them_again() -> None:
    problem, trained = _stopping([[5.0, 5.0, 5.0, 4.0, 4.0, 4.0]], steps=1000, check_every=20)
    assert trained.steps.tolist() == [[60]] and len(problem.seen) == 3
    plan = SweepPlan.default(
        "exact", [1.0, 2.0], latents=1, seeds=1, direction="up", steps=1000, check_every=20, patience=2, tolerance=0.1
    )
    problem = _Watched([[5.0, 5.0, 5.0, 4.0, 3.9, 3.8, 3.7]])
    trained = train(problem, plan)
    assert trained.steps.tolist() == [[60], [60]]
    assert not np.array_equal(trained.arrays["theta"][0], trained.arrays["theta"][1])


def test_no_look_is_taken_before_the_annealing_ends() -> None:
    problem, trained = _stopping([[3.0, 2.0, 1.0]], annealing_steps=30)
    assert len(problem.seen) == 3 and trained.steps.tolist() == [[60]]


def test_early_stopping_saves_steps_and_keeps_the_loss() -> None:
    plan = SweepPlan.default("exact", [5.0, 1.0], seeds=2, latents=2, steps=20_000, schedule="constant")
    full = run_sweep_covariance(COVARIANCE, plan)
    seen: list[tuple[int, int]] = []
    early = run_sweep_covariance(
        COVARIANCE,
        SweepPlan(**{**{f: getattr(plan, f) for f in plan.__slots__}, "patience": 4, "check_every": 50}),
        progress=lambda done, total: seen.append((done, total)),
    )
    np.testing.assert_allclose(early.loss, full.loss, rtol=1e-3)  # ten times the tolerance
    # One report per 50 steps taken, and one that counts the others as done.
    assert len(seen) < 100 and seen[-1] == (20_000, 20_000)


def test_a_validation_split_is_what_early_stopping_sees() -> None:
    x = _rows()
    plan = SweepPlan.default("sampled", [0.5], seeds=1, latents=2, steps=400, patience=1, check_every=50)
    a = run_sweep(x, plan)
    b = run_sweep(x, plan, validation=1e-3 * x)  # of which nothing is worth coding: F rises, and the first look wins
    assert not _same(a, b)
    assert np.abs(b.encoder).max() < np.abs(a.encoder).max()
    with pytest.raises(InputError, match="validation must have 3 columns"):
        run_sweep(x, plan, validation=x[:, :2])


# Divergence


def test_divergence_names_temperature_seed_and_rate() -> None:
    plan = SweepPlan.default("exact", [1.0, 0.5], seeds=2, steps=500, learning_rate=1e200, chunk=1)
    with pytest.raises(InputError, match=r"temperature 1, seed 0, with learning_rate 1e\+200; lower it"):
        run_sweep_covariance(COVARIANCE, plan, workers=1)


def test_a_late_chunk_that_fails_ends_the_run_at_once() -> None:
    @dataclass(eq=False)
    class Problem(_Watched):
        def kernel(self, temperatures: np.ndarray, rows: np.random.Generator) -> ExactKernel:
            kernel = ExactKernel(COVARIANCE, temperatures, 1)
            if temperatures[0] == 0.5:
                raise InputError("the second chunk cannot")
            return kernel

    plan = SweepPlan.default("exact", [1.0, 0.5], latents=1, seeds=1, steps=10**9, chunk=1)
    with pytest.raises(InputError, match="the second chunk cannot"):
        train(Problem([]), plan)


def test_a_lost_model_leaves_the_others_alone() -> None:
    good, bad = [9.0, 5.0, 3.0, 2.0, 1.0, 0.5], [9.0, np.nan, 3.0, 2.0, 1.0, 0.5]
    plan = SweepPlan.default("exact", [1.0], latents=1, seeds=2, steps=60, check_every=10, patience=3)
    with pytest.raises(InputError, match=r"temperature 1, seed 1"):
        train(_Watched([good, bad]), plan)
    both, lost = train(_Watched([good, good]), plan), train(_Watched([good, bad]), plan, throw=False)
    assert lost.diverged.tolist() == [[False, True]] and lost.steps.tolist() == [[60, 20]]
    assert np.array_equal(lost.arrays["theta"][0, 0], both.arrays["theta"][0, 0])


# Executors


@pytest.mark.parametrize("direction", ["fresh", "down"])
def test_processes_and_threads_give_the_same_bits(direction: Any) -> None:
    shared: dict[str, Any] = {"seeds": 2, "latents": 2, "steps": 120, "direction": direction, "chunk": 1}
    plans = [SweepPlan.default(mode, [2.0, 0.5], **shared) for mode in ("exact", "sampled")]
    here = [run_sweep(_rows(), plan, workers=1) for plan in plans]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for plan, expected in zip(plans, here, strict=True):
            seen: list[tuple[int, int]] = []
            found = run_sweep(_rows(), plan, executor=pool, progress=lambda *step: seen.append(step))  # noqa: B023
            assert _same(found, expected)
            assert seen[-1][0] == seen[-1][1]
    with ThreadPoolExecutor(3) as threads:
        assert _same(run_sweep(_rows(), plans[0], executor=threads), here[0])


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Deadly(_Watched):
    def kernel(self, temperatures: np.ndarray, rows: np.random.Generator) -> ExactKernel:
        _die()
        raise AssertionError


def test_the_death_of_a_worker_is_told_in_one_line() -> None:
    plan = SweepPlan.default("exact", [1.0], seeds=2, steps=10)
    said = "the workers were lost .* start again, with a checkpoint folder"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool, pytest.raises(InputError, match=said):
        train(_Deadly([]), plan, executor=pool)


def test_an_interrupt_while_threads_start_ends_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool does not know a thread whose start was interrupted; its training must stop all the same."""
    started = []

    class Interrupted(threading.Thread):
        def start(self) -> None:
            super().start()
            started.append(self)
            raise KeyboardInterrupt

    plan = SweepPlan.default("exact", [1.0, 0.5], seeds=1, steps=10**9, chunk=1)
    monkeypatch.setattr(threading, "Thread", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(_rows(), plan)
    (thread,) = started
    thread.join(30)
    assert not thread.is_alive()


def test_blas_has_one_thread_until_the_last_user_leaves() -> None:
    def threads() -> set[int]:
        return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    before = threads()
    with one_blas_thread():
        with one_blas_thread():
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == before
