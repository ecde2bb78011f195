"""Functional sweeps: 100 temperatures up and down for 64 points, and what one equilibrium costs by size.

Run: ``OPENBLAS_NUM_THREADS=1 python -m benchmarks.functional``
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from tabulate import tabulate

from benchmarks.timing import medians
from numerics.functional import solve_functional
from numerics.functional_sweep import sweep_functional

SETS = ("uniform", "normal", "exponential")


def standard(name: str, count: int) -> np.ndarray:
    """A sample of variance one."""
    rng = np.random.default_rng(0)
    x = {"uniform": rng.random, "normal": rng.standard_normal, "exponential": rng.standard_exponential}[name](count)
    return (x - x.mean()) / x.std()


def main() -> None:
    """Print one table of sweeps and one of single solutions from a named start."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    rows = []
    for name in SETS:
        start = time.perf_counter()
        sweep = sweep_functional(standard(name, 64), np.linspace(0.5, 2.2, 100))
        swept = time.perf_counter() - start
        changes, (lo, hi) = sweep.changes, sweep.spinodals
        located = time.perf_counter() - start - swept
        rows.append(
            [
                name,
                f"{swept:.1f}",
                f"{located:.1f}",
                len(changes),
                f"{lo:.4f}",
                "beyond" if sweep.coexistence is None else f"{sweep.coexistence:.4f}",
                f"{hi:.4f}",
            ]
        )
    print(tabulate(rows, ["64 points", "sweep s", "transitions s", "changes", "lo", "T*", "hi"], disable_numparse=True))
    seconds = medians(
        {
            n: lambda n=n: solve_functional(standard("exponential", n), 0.8, start="mean", bound=None)
            for n in (16, 64, 256)
        },
        repeats,
    )
    print(tabulate([[n, f"{1e3 * s:.1f}"] for n, s in seconds.items()], ["points", "one solution ms"]))


if __name__ == "__main__":
    main()
