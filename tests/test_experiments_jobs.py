"""How experiments run their trainings: side by side, on an executor, from checkpoints, with memory said beforehand."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Unpack

import numpy as np
import pytest

from landau_vae.cli import run
from theory.errors import InputError
from verify.architecture import Architecture
from verify.experiments import EXPERIMENTS, Running, run_experiment, scan, superfluous, takes_data
from verify.experiments.jobs import LinearTraining, NetworkTraining, Progress, run_jobs
from verify.network_sweep import NetworkSweep
from verify.plan import SweepPlan
from verify.sweep import Sweep
from verify.training import TrainingOptions

TINY = {
    scan: {**scan.PRESETS["quick"], "temperatures": 9, "seeds": 1, "latents": 3, "steps": 60},
    superfluous: {
        **superfluous.PRESETS["quick"],
        "linear_rows": 256,
        "data_sets": 2,
        "linear_steps": 60,
        "free_steps": 40,
        "seeds": 1,
    },
}
"""Experiments in a second: what they find is wrong, how they run is not."""


def _rows() -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((60, 3)) * [2.0, 1.0, 0.5]
    return x - x.mean(0)


def _jobs() -> dict[str, NetworkTraining | LinearTraining]:
    x = _rows()
    plan = SweepPlan.default("network", [0.5, 2.0], seeds=2, latents=2, steps=40, batch_size=16, chunk=1)
    linear = SweepPlan.default("sampled", [0.5, 2.0], seeds=1, latents=2, steps=40, batch_size=16)
    return {
        "net/T = 1": NetworkTraining(x, plan, Architecture(encoder=(8,), decoder=(8,)), keep_parameters=True),
        "linear": LinearTraining(x, linear),
    }


def _assert_equal(found: NetworkSweep | Sweep, expected: NetworkSweep | Sweep) -> None:
    """Trained to the same numbers, bit for bit."""
    if isinstance(found, Sweep):
        np.testing.assert_array_equal(found.encoder, expected.encoder)
        return
    for key, value in (expected.parameters or {}).items():
        np.testing.assert_array_equal((found.parameters or {})[key], value)


def test_the_way_it_runs_changes_nothing(tmp_path: Path) -> None:
    plain = run_jobs(_jobs(), Running(workers=1))
    steps, sizes = [], []
    told = Running(
        workers=2,
        checkpoint=tmp_path,
        progress=lambda *now: steps.append(now),
        announce=lambda size: sizes.append(size),
    )
    with ThreadPoolExecutor(2) as pool:
        ways = [
            run_jobs(_jobs(), told),
            run_jobs(_jobs(), Running(checkpoint=tmp_path, resume=True)),
            run_jobs(_jobs(), Running(workers=2), side_by_side=False),
            run_jobs(_jobs(), Running(executor=pool)),
        ]
    for found in ways:
        assert list(found) == list(plain)
        for name, sweep in found.items():
            _assert_equal(sweep, plain[name])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["linear", "net-T-1"]
    total = sum(job.steps for job in _jobs().values())
    assert steps[-1] == (total, total) and all(now <= total for now, _ in steps)
    assert len(sizes) == 1 and sizes[0] == sum(job.memory(1) for job in _jobs().values())


class _Call:
    """A job that calls a function with its progress."""

    steps = 2

    def __init__(self, call: Callable[[Progress], None]) -> None:
        self._call = call

    def memory(self, workers: int) -> int:
        return 0

    def run(self, **options: Unpack[TrainingOptions]) -> None:
        tell = options.get("progress")
        assert tell is not None
        self._call(tell)


def _endless(tell: Progress) -> None:
    while True:
        tell(1, 2)
        time.sleep(0.001)


def test_a_job_that_fails_ends_the_others() -> None:
    def broken(tell: Progress) -> None:
        raise ZeroDivisionError

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        run_jobs({"endless": _Call(_endless), "broken": _Call(broken)})
    _until_ended(before)


def test_an_interrupt_ends_all_jobs() -> None:
    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        run_jobs({"one": _Call(_endless), "two": _Call(_endless)}, Running(progress=interrupted))
    _until_ended(before)


def _until_ended(before: int) -> None:
    end = time.monotonic() + 20
    while threading.active_count() > before:
        assert time.monotonic() < end, "threads still run"
        time.sleep(0.01)


def test_folders_are_not_shared(tmp_path: Path) -> None:
    job = _jobs()["linear"]
    with pytest.raises(ValueError, match="share a checkpoint folder"):
        run_jobs({"a b": job, "a-b": job}, Running(checkpoint=tmp_path))


class _Enough(Exception):
    """Raised where the training would begin."""


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_memory_is_said_before_training(name: str) -> None:
    said: list[int] = []

    def announce(size: int) -> None:
        said.append(size)
        raise _Enough

    # Of hysteresis the exact equilibria, which say where to train, come first: seconds, and more in full.
    for preset in ("quick",) if name == "hysteresis" else ("quick", "full"):
        with pytest.raises(_Enough):
            run_experiment(name, preset, running=Running(announce=announce))
    quick, full = said[0], said[-1]
    # That it is said at all shows that the experiment hands on how it is to run.
    assert 1e5 < quick <= full < 4e9  # bytes


@pytest.mark.parametrize("module", TINY)
def test_an_experiment_resumes_and_takes_an_executor(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "PRESETS", {"tiny": TINY[module]})

    def found(running: Running) -> dict[str, object]:
        result = run_experiment(module.__name__.rpartition(".")[2], "tiny", running=running)
        return {key: value for key, value in result.to_json().items() if key != "seconds"}

    first = found(Running(checkpoint=tmp_path))
    # Killed before one of its trainings began: that one is trained, the others are read.
    folders = sorted(tmp_path.iterdir())
    shutil.rmtree(folders[0])
    assert found(Running(checkpoint=tmp_path, resume=True)) == first
    assert sorted(tmp_path.iterdir()) == folders
    with ThreadPoolExecutor(2) as pool:
        assert found(Running(executor=pool)) == first


def test_experiments_on_their_own_data_refuse_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    own = [name for name in EXPERIMENTS if not takes_data(name)]
    assert own == ["residual-cascade", "hysteresis", "superfluous"]
    for name in own:
        with pytest.raises(InputError, match=f"'{name}' makes its own data, got data 'wine'"):
            run_experiment(name, data="wine")
        assert run(["experiment", name, "--data", "wine", "--quick"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "makes its own data" in line and "threshold, scan, annealing" in line


def test_a_process_pool_trains_the_same() -> None:
    plain = run_jobs(_jobs(), Running(workers=1))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = run_jobs(_jobs(), Running(executor=pool))
    for name, sweep in found.items():
        _assert_equal(sweep, plain[name])
