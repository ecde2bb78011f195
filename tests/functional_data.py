"""Points and weights that the tests of functional equilibria share, and the closed form they are held against."""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from numerics.pointset import PointSet
from theory.model import ModelClass

SKEWED = np.array([-1.0, -1.0, 2.0])

SEES_U = ModelClass("sees u", decoder="free", mean="linear", width="constant", visible=(0,), dimensions=2)


def normal(nodes: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Gauss–Hermite nodes and weights of a standard normal."""
    x, w = hermegauss(nodes)
    return x, w / w.sum()


def scaled(nodes: int, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Gauss–Hermite nodes of a normal distribution of a given variance."""
    x, w = normal(nodes)
    return math.sqrt(variance) * x, w


def parabola(c: float, nodes: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """The parabola (u, c(u² − 1)), u normal."""
    u, w = normal(nodes)
    return np.stack([u, c * (u * u - 1)], axis=1), w


def product(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> PointSet:
    """Two independent coordinates, each given by points and weights."""
    (a, p), (b, q) = first, second
    return PointSet.of([[x, y] for x in a for y in b], np.outer(p, q).ravel())


def linear_free_energy(eigenvalues: np.ndarray, temperature: float) -> float:
    """Σ of λ, or T + T ln(λ/T) for an active mode (Lucas et al. 2019, eq. of the optimum)."""
    active = np.maximum(eigenvalues, temperature)
    return float(np.sum(np.minimum(eigenvalues, temperature) + temperature * np.log(active / temperature)))
