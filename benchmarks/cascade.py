"""The cascade from data, 1,000 temperatures included, against scikit-learn's PCA fit alone and against its own floor.

The floor is what no implementation with this BLAS and LAPACK can avoid: one symmetric product of the data with
themselves, and the eigenvalues of the result.

Run: ``python -m benchmarks.cascade``
"""

from __future__ import annotations

import argparse

import numpy as np
import scipy.linalg
from sklearn.decomposition import PCA
from tabulate import tabulate

from benchmarks.timing import medians
from numerics import cascade

SHAPES = [(20_000, 19), (1_000_000, 50), (5_000, 2_000)]


def main() -> None:
    """Print one row per shape."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    rng = np.random.default_rng(0)
    rows = []
    for n, d in SHAPES:
        x = rng.standard_normal((n, d)) * np.linspace(1, 3, d) + rng.standard_normal(d)
        temperatures = np.geomspace(1e-3, 1, 1000) * d

        def floor(x: np.ndarray = x) -> np.ndarray:
            return scipy.linalg.eigvalsh(x.T @ x, check_finite=False)

        seconds = medians(
            {
                "ours": lambda x=x, t=temperatures: cascade(x).at(t),
                "PCA": lambda x=x: PCA().fit(x),
                "floor": floor,
            },
            repeats if n * d < 10**7 else max(3, repeats // 2),
        )
        rows.append(
            [
                f"{n:,} × {d:,}",
                *(f"{1e3 * seconds[k]:.2f}" for k in ("ours", "PCA", "floor")),
                f"{seconds['PCA'] / seconds['ours']:.2f}",
                f"{seconds['ours'] / seconds['floor']:.2f}",
            ]
        )
    print(
        tabulate(
            rows, ["data", "ours ms", "PCA fit ms", "floor ms", "PCA / ours", "ours / floor"], disable_numparse=True
        )
    )


if __name__ == "__main__":
    main()
