"""Data and architectures of the experiment ``threshold``.

======  ==================================================================  ==============
symbol  meaning                                                             shape, unit
======  ==================================================================  ==============
x       rows, centred; real data standardised first                         (N, D), √λ_max
λ       eigenvalues of the sample covariance, the largest is 1              (D,)
======  ==================================================================  ==============
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from numerics.spectrum import Spectrum
from numerics.tables import load_table

from ..architecture import Architecture

__all__ = ["RowData", "binary", "gaussian", "growth_width", "plain_architectures", "real", "restricted_architectures"]

Array = npt.NDArray[np.float64]

_EIGENVALUES = (1.0, 0.5, 0.25, 0.12)
"""Of the Gaussian data: far enough from each other for trained latents to part."""


@dataclass(frozen=True, slots=True, eq=False)
class RowData:
    """Rows in units in which the largest eigenvalue is 1.

    Parameters
    ----------
    name : str
        Short.
    rows : ndarray (N, D)
        x.
    eigenvalues : ndarray (D,)
        λ, descending.
    """

    name: str
    rows: Array
    eigenvalues: Array


def gaussian(rows: int, seed: int) -> RowData:
    """Normal rows whose sample covariance is exactly diagonal.

    Sample eigenvalues set the thresholds, so these are made what they are said to be.

    Examples
    --------
    >>> data = gaussian(100, 0)
    >>> bool(np.allclose(data.rows.T @ data.rows / 100, np.diag(data.eigenvalues)))
    True
    """
    eigenvalues = np.array(_EIGENVALUES)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5,)))
    x = rng.standard_normal((rows, len(eigenvalues)))
    x -= x.mean(axis=0)
    white = np.linalg.solve(np.linalg.cholesky(x.T @ x / rows), x.T).T
    return RowData("gaussian", white * np.sqrt(eigenvalues), eigenvalues)


def real(name: str) -> RowData:
    """A table, standardised, over the root of its largest eigenvalue.

    Raises
    ------
    InputError
        If the table cannot be read.
    """
    table = load_table(name)
    spectrum = Spectrum.from_table(table)
    largest = float(spectrum.eigenvalues[0])
    rows = spectrum.standardized(table.values) / math.sqrt(largest)
    return RowData(table.name, rows, spectrum.eigenvalues / largest)


def binary(name: str) -> RowData:
    """Whether each value of a table lies above the median of its column; λ of the correlations, not rescaled."""
    table = load_table(name)
    rows = (table.values > np.median(table.values, axis=0)).astype(np.float64)
    rows = rows[:, rows.std(axis=0) > 0]
    eigenvalues = np.asarray(np.linalg.eigvalsh(np.corrcoef(rows.T))[::-1], dtype=np.float64)
    return RowData(f"{table.name}, binary", rows, eigenvalues)


def plain_architectures(width: int) -> dict[str, Architecture]:
    """Architectures that contain the linear maps, by name: three activations, depths 1 to 3, all four classes."""
    one, two, three = (width,), (width,) * 2, (width,) * 3
    return {
        "linear": Architecture(model_class="linear"),
        "tanh-1": Architecture(encoder=one, decoder=one, activation="tanh"),
        "tanh-1-decoder": Architecture(encoder=(), decoder=one, activation="tanh", model_class="nonlinear-decoder"),
        "silu-2": Architecture(encoder=two, decoder=two, activation="silu"),
        "relu-3-mean": Architecture(encoder=three, decoder=three, activation="relu", model_class="nonlinear-mean"),
    }


def restricted_architectures(features: int, width: int) -> dict[str, tuple[Architecture, str]]:
    """Architectures without some linear maps, with how their hidden layers are made (`verify.collapsed.TRUNKS`).

    One sees few columns and not the first; of the other the hidden layers are few ReLU units as they are drawn, whose
    weights do not move to lowest order at collapse.
    """
    visible = tuple(range(1, max(2, features // 8 + 1)))
    return {
        "few-columns": (
            Architecture(encoder=(), decoder=(width,), model_class="nonlinear-decoder", visible=visible),
            "linear",
        ),
        "few-relus": (Architecture(encoder=(max(3, features // 4),), decoder=(), activation="relu"), "drawn"),
    }


def growth_width(features: int) -> int:
    """Units of a hidden layer of pairs that passes all linear functions on.

    Examples
    --------
    >>> growth_width(4), growth_width(30)
    (16, 64)
    """
    return max(16, 1 << math.ceil(math.log2(2 * features)))
