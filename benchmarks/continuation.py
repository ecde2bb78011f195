"""Time of complete bifurcation diagrams of linear VAEs, median of repeated runs on one core.

Run: ``python -m benchmarks.continuation``
"""

from __future__ import annotations

import argparse
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

from tabulate import tabulate

from benchmarks.timing import medians
from numerics.diagram import linear_diagram
from numerics.linear_landscape import LinearVAE
from numerics.stationary import families

CASES = (((2.0, 1.0), 2), ((2.0, 2.0), 2), ((3.0, 2.0, 2.0, 1.0), 2))


def main() -> None:
    """Print one row per spectrum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    models = {f"{case[0]}, K = {case[1]}": LinearVAE(list(case[0]), case[1]) for case in CASES}
    seconds = medians({name: lambda model=model: linear_diagram(model) for name, model in models.items()}, repeats)
    rows = []
    for name, model in models.items():
        found = linear_diagram(model)
        steps = sum(branch.iterations for branch in found.branches)
        rows.append([name, len(found.branches), len(families(model)), steps, f"{seconds[name]:.2f}"])
    print(tabulate(rows, ["spectrum", "branches", "known kinds", "corrector steps", "seconds"], disable_numparse=True))


if __name__ == "__main__":
    main()
