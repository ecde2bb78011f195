"""Checkpoints: what is taken up again is what was left, to the last bit, and damage is refused."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from theory.errors import InputError
from verify.architecture import Architecture
from verify.checkpoint import CheckpointFolder, digest
from verify.linear_vae import SampledKernel
from verify.network_sweep import NetworkSweep, run_network_sweep
from verify.plan import SweepPlan
from verify.posterior import PosteriorStatistics
from verify.sweep import Sweep, run_sweep
from verify.training import train

LINEAR = ("decoder", "decoder_bias", "encoder", "encoder_bias", "log_variance", "log_variance_slope", "loss")
TINY = Architecture(encoder=(6,), decoder=(6,), activation="silu")


def _rows(n: int = 60) -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((n, 3)) * [2.0, 1.0, 0.5]
    return x - x.mean(0)


def _linear(**changes: Any) -> SweepPlan:
    return SweepPlan.default("sampled", [2.0, 0.5], **{"seeds": 2, "latents": 2, "steps": 300, "chunk": 2, **changes})


def _network(**changes: Any) -> SweepPlan:
    return SweepPlan.default(
        "network", [2.0, 0.5], **{"seeds": 2, "latents": 2, "steps": 300, "batch_size": 16, "chunk": 2, **changes}
    )


def _bits(sweep: Sweep | NetworkSweep) -> dict[str, bytes]:
    """All arrays of a sweep but its wall time."""
    found: dict[str, bytes] = {}
    for field in dataclasses.fields(sweep):
        value = getattr(sweep, field.name)
        if isinstance(value, PosteriorStatistics):
            found |= {f.name: getattr(value, f.name).tobytes() for f in dataclasses.fields(value)}
        elif isinstance(value, dict):
            found |= {name: array.tobytes() for name, array in value.items()}
        elif isinstance(value, np.ndarray):
            found[field.name] = value.tobytes()
    return found


# Killed and resumed

_CHILD = """
import os, signal, sys, threading
import numpy as np
from tests.test_checkpoint import killable_run
threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGKILL)).start()
np.savez(sys.argv[3], **killable_run(sys.argv[1], sys.argv[4]))
os._exit(0)  # not waiting for the timer
"""


def killable_run(folder: str | None, kind: str) -> dict[str, np.ndarray]:
    """A run that writes its state every 100 steps at most; from the folder if there is one."""
    options: dict[str, Any] = {"checkpoint": folder, "resume": folder is not None, "checkpoint_seconds": 0.0}
    shared: dict[str, Any] = {"steps": 6000, "patience": 50, "check_every": 70, "annealing_steps": 500, "seeds": 2}
    found: Sweep | NetworkSweep
    if kind == "linear":
        found = run_sweep(_rows(), _linear(**shared), **options)
    else:
        shared |= {"direction": "down", "steps": 2000, "first_steps": 3000}
        found = run_network_sweep(_rows(), _network(**shared), TINY, test=_rows()[:20], keep_parameters=True, **options)
    return {name: np.frombuffer(value, np.uint8) for name, value in _bits(found).items()}


@pytest.mark.parametrize("kind", ["linear", "network"])
def test_killed_at_random_moments_and_resumed_the_result_is_the_same(kind: str, tmp_path: Path) -> None:
    delays = np.random.default_rng(5).uniform(0.0, 0.1, 6)  # six moments for each of the two kinds of models
    folder, result = tmp_path / "run", tmp_path / "result.npz"
    killed = 0
    for delay in [*delays, 1000.0]:
        command = [sys.executable, "-c", _CHILD, str(folder), str(delay), str(result), kind]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        killed += done.returncode == -signal.SIGKILL
    # Ten in all. A run takes some 0.7 s on an idle machine; what is left of it after five may be shorter.
    assert killed >= 5
    expected = killable_run(None, kind)
    with np.load(result) as found:
        assert set(found.files) == set(expected)
        assert all(np.array_equal(found[name], value) for name, value in expected.items())
    assert not list(folder.glob(".*.part"))


class _Interrupt(Exception):
    pass


@pytest.mark.parametrize("after", [100, 700, 1300, 2300])
@pytest.mark.parametrize("direction", ["fresh", "up"])
def test_stopped_after_so_many_steps_and_resumed_the_result_is_the_same(
    direction: Any, after: int, tmp_path: Path
) -> None:
    plan = _network(direction=direction, steps=600, patience=4, check_every=130, chunk=1)

    def stop(done: int, total: int) -> None:
        if done >= after:
            raise _Interrupt

    expected = _bits(run_network_sweep(_rows(), plan, TINY))
    with pytest.raises(_Interrupt):
        run_network_sweep(_rows(), plan, TINY, checkpoint=tmp_path, checkpoint_seconds=0.0, progress=stop)
    seen: list[tuple[int, int]] = []
    again = run_network_sweep(
        _rows(), plan, TINY, checkpoint=tmp_path, resume=True, progress=lambda *step: seen.append(step)
    )
    assert _bits(again) == expected
    assert seen[-1][0] == seen[-1][1] == 4 * 600


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_how_often_the_state_is_written_changes_nothing(seconds: float, tmp_path: Path) -> None:
    for direction in ("fresh", "down"):
        plan = _linear(direction=direction)
        kept = run_sweep(_rows(), plan, checkpoint=tmp_path / direction, checkpoint_seconds=seconds)
        assert _bits(kept) == _bits(run_sweep(_rows(), plan))


def test_a_finished_run_is_read_back_without_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_sweep(_rows(), _linear(), checkpoint=tmp_path)

    def never(self: SampledKernel) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(SampledKernel, "differentiate", never)
    assert _bits(run_sweep(_rows(), _linear(), checkpoint=tmp_path, resume=True)) == _bits(first)


def test_a_run_begun_on_threads_is_finished_by_processes(tmp_path: Path) -> None:
    plan = _linear(steps=600)

    def stop(done: int, total: int) -> None:
        if done >= 700:
            raise _Interrupt

    with pytest.raises(_Interrupt):
        run_sweep(_rows(), plan, checkpoint=tmp_path, checkpoint_seconds=0.0, progress=stop)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = run_sweep(_rows(), plan, checkpoint=tmp_path, resume=True, executor=pool)
    assert _bits(found) == _bits(run_sweep(_rows(), plan))


@dataclasses.dataclass(eq=False)
class Mortal:
    """Sampled linear models whose worker dies at a step, as long as a file exists."""

    armed: str
    temperature_unit: float = 1.0

    def kernel(self, temperatures: np.ndarray, rows: np.random.Generator) -> SampledKernel:
        armed = Path(self.armed)

        class Kernel(SampledKernel):
            steps = 0

            def differentiate(self) -> None:
                self.steps += 1
                if self.steps == 250 and armed.exists():
                    os.kill(os.getpid(), signal.SIGKILL)
                super().differentiate()

        return Kernel(_rows(), temperatures, 2, batch_size=16, rows=rows)

    def record(self, kernel: SampledKernel, *_: Any) -> dict[str, np.ndarray]:
        return kernel.export()

    def identity(self) -> dict[str, Any]:
        return {"models": "mortal"}


def test_a_worker_dies_and_its_checkpoint_lives(tmp_path: Path) -> None:
    armed, folder = tmp_path / "armed", tmp_path / "run"
    armed.touch()
    plan = _linear(seeds=1, steps=400)
    spawn = multiprocessing.get_context("spawn")
    options: dict[str, Any] = {"checkpoint": folder, "checkpoint_seconds": 0.0}
    said = "the workers were lost .* resume from the checkpoints"
    with ProcessPoolExecutor(1, mp_context=spawn) as pool, pytest.raises(InputError, match=said):
        train(Mortal(str(armed)), plan, executor=pool, **options)
    armed.unlink()
    state, meta = CheckpointFolder.open(folder, _identity(plan), resume=True).read(folder / "chunk-0000.npz")
    assert meta["step"] == 200 and state["theta"].size  # the last multiple of 100 before step 250
    found = train(Mortal(str(armed)), plan, resume=True, **options)
    expected = train(Mortal(str(armed)), plan)
    assert all(np.array_equal(found.arrays[name], value) for name, value in expected.arrays.items())


def _identity(plan: SweepPlan) -> dict[str, Any]:
    return {"plan": dataclasses.asdict(plan), "models": "mortal"}


# Refused


def test_a_folder_in_use_is_not_overwritten(tmp_path: Path) -> None:
    run_sweep(_rows(), _linear(), checkpoint=tmp_path)
    with pytest.raises(InputError, match=r"holds the checkpoints of a run; resume it, or choose an empty folder"):
        run_sweep(_rows(), _linear(), checkpoint=tmp_path)


def test_resume_needs_a_folder_but_not_a_run_in_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="resume needs the checkpoint folder"):
        run_sweep(_rows(), _linear(), resume=True)
    fresh = run_sweep(_rows(), _linear(), checkpoint=tmp_path / "new", resume=True)
    assert _bits(fresh) == _bits(run_sweep(_rows(), _linear()))


def test_another_plan_or_other_data_are_told_apart(tmp_path: Path) -> None:
    x, plan = _rows(), _network(steps=20)
    run_network_sweep(x, plan, TINY, checkpoint=tmp_path, validation=x[:9], test=x[9:])

    def resume(x: np.ndarray = x, plan: SweepPlan = plan, tiny: Architecture = TINY, **changes: Any) -> None:
        splits: dict[str, Any] = {"validation": _rows()[:9], "test": _rows()[9:], **changes}
        run_network_sweep(x, plan, tiny, checkpoint=tmp_path, resume=True, **splits)

    resume()
    with pytest.raises(InputError, match="its plan has steps 20, asked for is 30"):
        resume(plan=dataclasses.replace(plan, steps=30))
    with pytest.raises(InputError, match=r"its plan has temperatures \[2.0, 0.5\], asked for is \[2.0, 0.25\]"):
        resume(plan=dataclasses.replace(plan, temperatures=(2.0, 0.25)))
    with pytest.raises(InputError, match='its architecture has activation "silu", asked for is "tanh"'):
        resume(tiny=dataclasses.replace(TINY, activation="tanh"))
    with pytest.raises(InputError, match="its training data is"):
        resume(x=2 * x)
    with pytest.raises(InputError, match="its training data is"):
        resume(weights=np.arange(60.0))
    with pytest.raises(InputError, match="its validation data is"):
        resume(validation=None)
    with pytest.raises(InputError, match="its test data is"):
        resume(test=x[8:])
    with pytest.raises(InputError, match="its keep_parameters is false"):
        resume(keep_parameters=True)
    with pytest.raises(InputError, match='its models is "networks", asked for is "linear"'):
        run_sweep(x, dataclasses.replace(plan), checkpoint=tmp_path, resume=True)


def test_damage_is_refused_or_harmless(tmp_path: Path) -> None:
    """Every seventh byte of a file flipped in turn, and the file cut there."""
    folder = CheckpointFolder.open(tmp_path, {"plan": 1}, resume=False)
    path = folder.state_path(3)
    arrays = {"theta": np.arange(5.0), "order": np.array([2, 1])}
    folder.write(path, arrays, {"step": 7})
    whole = path.read_bytes()
    refused = 0
    positions = range(0, len(whole), 7)
    for i in positions:
        for damaged in (whole[:i], whole[:i] + bytes([whole[i] ^ 0x5A]) + whole[i + 1 :]):
            path.write_bytes(damaged)
            try:
                found, meta = folder.read(path)
            except InputError as error:
                refused += 1
                assert str(path) in str(error) and "chunk-0003*" in str(error) and "\n" not in str(error)
            else:  # a byte that a zip holds twice or nobody reads, such as a date
                assert meta == {"step": 7} and found.keys() == arrays.keys()
                assert all(np.array_equal(found[name], value) for name, value in arrays.items())
    assert refused > 1.5 * len(positions)  # every cut, and most flips


def test_damaged_and_foreign_folders_are_refused(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    run_sweep(_rows(), _linear(), checkpoint=a)
    run_sweep(_rows(), _linear(seed=1), checkpoint=b)
    state = a / "chunk-0001.npz"
    good = state.read_bytes()
    state.write_bytes((b / state.name).read_bytes())
    with pytest.raises(InputError, match=f"{state.name} belongs to another run"):
        run_sweep(_rows(), _linear(), checkpoint=a, resume=True)
    state.write_bytes(good)
    (a / "chunk-0001-stage-0000.npz").unlink()
    with pytest.raises(InputError, match="chunk-0001-stage-0000.npz is damaged"):
        run_sweep(_rows(), _linear(), checkpoint=a, resume=True)
    for stale in a.glob("chunk-0001*"):  # the remedy that the message names
        stale.unlink()
    assert _bits(run_sweep(_rows(), _linear(), checkpoint=a, resume=True)) == _bits(run_sweep(_rows(), _linear()))
    (a / "sweep.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"sweep.json is damaged"):
        run_sweep(_rows(), _linear(), checkpoint=a, resume=True)
    (a / "sweep.json").unlink()
    with pytest.raises(InputError, match=r"checkpoints without their sweep.json"):
        run_sweep(_rows(), _linear(), checkpoint=a, resume=True)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"):
        run_sweep(_rows(), _linear(), checkpoint=tmp_path / "file")
    with pytest.raises(InputError, match="checkpoint_seconds"):
        run_sweep(_rows(), _linear(), checkpoint=tmp_path / "c", checkpoint_seconds=-1.0)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    folder = CheckpointFolder.open(tmp_path, {}, resume=False)
    path = folder.state_path(0)
    np.savez(path, meta=np.array([{"run": folder.run}], dtype=object))
    with pytest.raises(InputError, match="is damaged"):
        folder.read(path)


def test_digests_tell_type_shape_and_value_apart() -> None:
    a = np.arange(6.0)
    assert (
        len({digest(a), digest(a.reshape(2, 3)), digest(a.astype("f4")), digest(a + 1e-16 * a), digest(None, a)}) == 5
    )
    assert digest(a[::2]) == digest(a[::2].copy())
