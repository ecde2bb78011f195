"""A real scheduler and two worker processes on loopback: same numbers, whoever dies; clear errors, never a hang."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dask import array as da
from dask import dataframe as dd

from landau_vae.__main__ import main
from numerics.distributed import connect
from numerics.spectrum import Spectrum
from numerics.streaming import accumulate, accumulate_cumulants
from theory.errors import InputError, MissingExtraError
from verify.sweep import SweepPlan, run_sweep

ROOT = Path(__file__).parents[1]
X = np.random.default_rng(3).normal(size=(4000, 5)) @ np.random.default_rng(4).normal(size=(5, 5)) + 50.0


class Processes:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.running = folder, {}
        self.scheduler = self._start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        where = folder / "scheduler.json"
        _until(where.exists)
        self.address = next(p for p in where.read_text().split('"') if p.startswith("tcp://"))

    def _start(self, name: str, verb: str, *options: str, before: str = "") -> subprocess.Popen[bytes]:
        program = f"import sys; {before}sys.argv[0] = 'dask'; from dask.__main__ import main; main()"
        file = ["--scheduler-file", str(self.folder / "scheduler.json")]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", program, verb, *options, *file],
                cwd=self.folder, stdout=subprocess.DEVNULL, stderr=log,
                env={**os.environ, "PYTHONPATH": "" if before else str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
        self.running[name] = process
        return process

    def worker(self, name: str, *, before: str = "") -> None:
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--memory-limit", "0")
        self._start(name, "worker", "--name", name, "--death-timeout", "20", *options, before=before)

    def kill(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGKILL)
        self.running[name].wait(10)

    def stop(self) -> None:
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            process.wait(10)


def _until(true: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "the processes did not start"
        time.sleep(0.05)


@contextmanager
def _cluster(folder: Path, *workers: str) -> Iterator[Processes]:
    processes = Processes(folder)
    try:
        for name in workers:
            processes.worker(name)
        yield processes
    finally:
        processes.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with _cluster(tmp_path_factory.mktemp("cluster"), "one", "two") as processes:
        yield processes


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"part-{k}.npy" for k in range(16)]
    for path, rows in zip(paths, np.array_split(X, len(paths)), strict=True):
        np.save(path, rows)
    return paths


def test_same_result_as_in_memory(cluster: Processes, files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    here = accumulate(files)
    there = accumulate(files, scheduler=cluster.address)
    # Every part is measured and merged in the same order: not a bit differs.
    assert (there.scatter == here.scatter).all() and (there.mean == here.mean).all()
    np.testing.assert_allclose(there.covariance(), np.cov(X.T, bias=True), rtol=0, atol=1e-12 * here.covariance().max())
    # The workers run in another folder than this process.
    monkeypatch.chdir(files[0].parent)
    assert (accumulate("part-*.npy", scheduler=cluster.address).mean == here.mean).all()
    spectrum = Spectrum.from_moments(here)
    second = accumulate_cumulants(files, spectrum, modes=2, scheduler=cluster.address)
    assert (second.third == accumulate_cumulants(files, spectrum, modes=2).third).all()


def test_collections_and_chunks_are_measured_by_the_workers(cluster: Processes) -> None:
    expected = np.cov(X.T, bias=True)
    chunks = (X[k : k + 500] for k in range(0, len(X), 500))
    frame = dd.from_pandas(pd.DataFrame(X, columns=list("abcde")), npartitions=4)
    for source in (chunks, da.from_array(X, chunks=(900, 3)), frame):
        found = accumulate(source, scheduler=cluster.address)
        np.testing.assert_allclose(found.covariance(), expected, rtol=0, atol=1e-12 * expected.max())


def test_an_executor_for_training(cluster: Processes) -> None:
    plan = SweepPlan.default("exact", np.geomspace(30.0, 0.1, 6), latents=2, steps=60, seeds=2, chunk=3)
    x = X[:200] - X[:200].mean(axis=0)
    with connect(cluster.address) as connection, connection.executor() as executor:
        assert list(executor.map(np.square, [1.0, 2.0, 3.0])) == [1.0, 4.0, 9.0]
        there = run_sweep(x, plan, executor=executor)
        # What goes wrong in a call comes back as itself.
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 1, 0).result()
    here = run_sweep(x, plan)
    assert (there.encoder == here.encoder).all() and (there.decoder == here.decoder).all()


def test_a_missing_extra_on_a_worker_comes_home(cluster: Processes) -> None:
    with connect(cluster.address) as connection, connection.executor() as executor:
        future = executor.submit(MissingExtraError, "reading x", "pyarrow", "parquet")
        assert str(future.result()) == str(MissingExtraError("reading x", "pyarrow", "parquet"))


def test_an_error_on_a_worker_names_the_file(cluster: Processes, files: list[Path]) -> None:
    rows = np.load(files[9])
    rows[2, 1] = np.nan
    np.save(files[9], rows)
    with pytest.raises(InputError, match=r"part-9.npy .*found 1 missing .* 'x2': 1"):
        accumulate(files, scheduler=cluster.address)


def test_losing_a_worker_changes_nothing_but_time(cluster: Processes, files: list[Path]) -> None:
    here = accumulate(files)
    cluster.worker("three")
    with connect(cluster.address) as connection:
        connection.client.wait_for_workers(3, timeout=20)

    def kill(done: int) -> None:
        if done == 3:
            cluster.kill("three")

    there = accumulate(files, scheduler=cluster.address, progress=kill)
    assert (there.scatter == here.scatter).all() and there.n == len(X)


def test_losing_the_scheduler_keeps_the_checkpoint(files: list[Path], tmp_path: Path) -> None:
    book = tmp_path / "book.npz"
    folder = tmp_path / "own"
    folder.mkdir()
    with _cluster(folder, "one") as processes:
        seen = []

        def kill(done: int) -> None:
            seen.append(done)
            if done == 4:
                processes.kill("scheduler")

        with connect(processes.address, timeout=20):
            pass  # the worker has come
        start = time.monotonic()
        with pytest.raises(InputError, match="(connection is lost; what is merged is in the checkpoint)"):
            accumulate(files, scheduler=processes.address, timeout=5, checkpoint=book, progress=kill)
        assert time.monotonic() - start < 20
    resumed: list[int] = []
    there = accumulate(files, checkpoint=book, resume=True, progress=resumed.append)
    assert resumed[0] == seen[-1] + 1
    assert (there.scatter == accumulate(files).scatter).all()


def test_a_sweep_that_lost_its_scheduler_resumes_from_its_checkpoints(tmp_path: Path) -> None:
    plan = SweepPlan.default("exact", np.geomspace(30.0, 0.1, 4), latents=2, steps=400, seeds=2, chunk=2)
    x = X[:200] - X[:200].mean(axis=0)
    folder = tmp_path / "own"
    folder.mkdir()
    with (
        _cluster(folder, "one") as processes,
        connect(processes.address) as connection,
        replace(connection, timeout=5.0).executor() as executor,
    ):

        def kill(done: int, total: int) -> None:
            if done < total:
                processes.kill("scheduler")

        start = time.monotonic()
        with pytest.raises(InputError, match="connection is lost; .* in the checkpoint.*repeat with --resume"):
            run_sweep(x, plan, executor=executor, progress=kill, checkpoint=tmp_path / "run")
        assert time.monotonic() - start < 20
    assert list((tmp_path / "run").glob("chunk-*.npz"))
    seen: list[int] = []
    there = run_sweep(x, plan, checkpoint=tmp_path / "run", resume=True, progress=lambda done, _: seen.append(done))
    assert seen[0] >= plan.chunks[0].steps  # what the first chunk did is not done again
    assert (there.encoder == run_sweep(x, plan).encoder).all()


def test_losing_all_workers_is_an_error(files: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    with _cluster(folder, "one") as processes:

        def kill(done: int) -> None:
            if done == 2:
                processes.kill("one")

        with connect(processes.address, timeout=20):
            pass  # the worker has come
        with pytest.raises(InputError, match="all workers are gone for 1 s"):
            accumulate(files, scheduler=processes.address, timeout=1, progress=kill)
        processes.worker("two")
        with connect(processes.address) as connection:
            short = replace(connection, timeout=1.0)
            with short.executor() as executor:
                future = executor.submit(time.sleep, 60)
                _until(lambda: any(connection.client.processing().values()))
                processes.kill("two")
                with pytest.raises(InputError, match="all workers are gone for 1 s"):
                    future.result(timeout=20)
        # A scheduler that has no workers says so, too.
        with pytest.raises(InputError, match="no worker within 0.5 s; start some with `dask worker"):
            accumulate(files, scheduler=processes.address, timeout=0.5)
        processes.worker("bare", before="sys.modules['numerics'] = None; ")
        with pytest.raises(
            InputError, match="cannot import landau-vae .*install it in the environment of every worker"
        ):
            accumulate(files, scheduler=processes.address, timeout=20)


def test_nobody_answers(files: list[Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # A port that accepts and says nothing, and one that is closed.
        ports = [silent.getsockname()[1]]
        with socket.create_server(("127.0.0.1", 0)) as closed:
            ports.append(closed.getsockname()[1])
        for port in ports:
            start = time.monotonic()
            with pytest.raises(InputError, match=rf"scheduler tcp://127.0.0.1:{port}: no answer within 1 s"):
                accumulate(files, scheduler=f"tcp://127.0.0.1:{port}", timeout=1)
            assert time.monotonic() - start < 10


def test_refuses(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for scheduler, timeout, match in (
        ("no address", 1.0, "scheduler no address: no answer"),
        (3, 1.0, "must be an address"),
        ("tcp://127.0.0.1:1", 0.0, "timeout must be positive"),
    ):
        with pytest.raises(InputError, match=match):
            accumulate(files, scheduler=scheduler, timeout=timeout)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'landau-vae\[distributed\]'"):
        accumulate(files, scheduler="tcp://127.0.0.1:1")


def test_verify_trains_on_the_cluster(cluster: Processes, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = ["verify", "wine", "--quick", "--temperatures", "8", "--seeds", "2", "--steps", "60", "--json", "--quiet"]
    documents = []
    kept = ["--checkpoint", str(tmp_path / "run")]
    for more in ([], ["--scheduler", cluster.address, *kept], [*kept, "--resume"]):
        # So short a training fails its claims; what matters is that it fails them alike.
        assert main([*command, *more]) == 1
        documents.append(json.loads(capsys.readouterr().out))
    here, there, again = documents
    assert here["checks"] == there["checks"] == again["checks"]
    # A checkpoint is not run over, and another sweep is not continued from it.
    assert main([*command, *kept]) == 2
    assert "holds the checkpoints of a run" in capsys.readouterr().err
    assert main([*command, "--latents", "2", *kept, "--resume"]) == 2
    assert "holds another run" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 2
    assert "add --checkpoint DIR" in capsys.readouterr().err
    assert main(["verify", "wine", "--scheduler", "nonsense", "--quiet"]) == 2
    assert "scheduler nonsense: no answer" in capsys.readouterr().err
