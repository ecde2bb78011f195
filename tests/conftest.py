"""What tests share: the one run of the experiments."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from theory.errors import InputError
from verify.experiments import ExperimentResult, load_result, run_experiment, save_result

RESULTS = Path(__file__).parents[1] / "build" / "experiments"
"""Where ``make test`` keeps the quick presets; the ledger, the docs and the notebooks read the same files."""


@pytest.fixture(scope="session")
def experiment() -> Callable[[str], ExperimentResult]:
    """The quick result of an experiment by name: read if ``make test`` made it, else run once, whoever asks first."""

    def load(name: str) -> ExperimentResult:
        try:
            return load_result(name, RESULTS)
        except InputError:
            pass
        RESULTS.mkdir(parents=True, exist_ok=True)
        lock = RESULTS / f".{name}.lock"
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
        except FileExistsError:  # another worker runs it
            for _ in range(6000):
                if not lock.exists():
                    return load_result(name, RESULTS)
                time.sleep(0.1)
            pytest.fail(f"{lock} has been there for ten minutes; remove it if nothing runs")
        try:
            save_result(run_experiment(name), RESULTS)
        finally:
            lock.unlink()
        return load_result(name, RESULTS)

    return load
