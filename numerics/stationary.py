"""All stationary points of the linear VAE: which latents read which directions, at what free energy, how stable.

=======  =========================================================================  =============
symbol   meaning                                                                    unit
=======  =========================================================================  =============
``λ``    eigenvalues of the covariance                                              data²
``m, p`` latents and directions of a group, 1 ≤ p ≤ m                               1
``R``    sum of √λ over the directions of a group                                   data
``h``    level of a group: ``T + |w_k|²`` of each of its latents                    data²
``a_i``  eigenvalue of WWᵀ on direction i, ``√(λ_i h) − T > 0``                     data²
=======  =========================================================================  =============

At a stationary point WWᵀ commutes with the covariance, and latents that overlap have columns of one length: they form
groups, each on its own eigenvectors (Lucas et al. 2019, arXiv:1911.02469, treat groups of one; `theory.matrix_form`
derives all). Inside a degenerate eigenspace only the number of directions of a group is fixed, not which ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

from . import _matrix_formulas
from .linear_landscape import LinearVAE
from .newton import StationaryPoint, as_float, refine

__all__ = ["Family", "Group", "families", "stationary_points"]

Array = NDArray[np.float64]
MOST = 2000
"""Families that are listed; their number grows exponentially with K and D."""


@dataclass(frozen=True, slots=True)
class Group:
    """Latents that share eigenvectors.

    Parameters
    ----------
    latents : int
        m, how many latents.
    directions : tuple of int
        Which eigenvectors, from 0, ascending; at most m.
    """

    latents: int
    directions: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.directions) <= self.latents or list(self.directions) != sorted(set(self.directions)):
            raise InputError(
                f"a group needs 1 to {self.latents} ascending directions for {self.latents} latents, got "
                f"{self.directions}; list each direction once"
            )


@dataclass(frozen=True)
class Family:
    """A kind of stationary point: disjoint groups, all other latents and directions unused.

    Parameters
    ----------
    model : LinearVAE
    groups : tuple of Group
        Empty for full collapse.

    Examples
    --------
    >>> mixed = Family(LinearVAE([2.0, 1.0], 2), (Group(2, (0, 1)),))
    >>> mixed.label, round(mixed.limit, 6)
    ('1+2 on 2 latents', 1.207107)
    """

    model: LinearVAE
    groups: tuple[Group, ...]

    def __post_init__(self) -> None:
        used = [i for group in self.groups for i in group.directions]
        latents = sum(group.latents for group in self.groups)
        if len(set(used)) < len(used) or any(not 0 <= i < self.model.features for i in used):
            raise InputError(f"groups must be on different directions 0 to {self.model.features - 1}, got {used}")
        if latents > self.model.latents:
            raise InputError(f"groups need {latents} latents but the model has {self.model.latents}; ask for more")

    @property
    def label(self) -> str:
        """Modes from 1: ``collapsed``, ``1, 3`` (one latent each), ``1+2 on 3 latents`` (shared)."""
        parts = [
            "+".join(str(i + 1) for i in g.directions) + (f" on {g.latents} latents" if g.latents > 1 else "")
            for g in self.groups
        ]
        return ", ".join(parts) or "collapsed"

    @property
    def limit(self) -> float:
        """T below which the family exists; infinite for full collapse."""
        lam = self.model.eigenvalues
        return min(
            (
                float(
                    _matrix_formulas.shared_limit(
                        lam[list(g.directions)].min(), self._roots(g), g.latents, len(g.directions)
                    )
                )
                for g in self.groups
            ),
            default=np.inf,
        )

    def levels(self, temperature: float) -> Array:
        """h of each group at T, shape (number of groups,)."""
        return np.array(
            [
                float(_matrix_formulas.shared_level(self._roots(g), g.latents, len(g.directions), temperature))
                for g in self.groups
            ]
        )

    def free_energy(self, temperature: float) -> float:
        """F at T in closed form; meaningful below `limit`."""
        lam = self.model.eigenvalues
        unused = np.ones(len(lam), dtype=bool)
        total = 0.0
        for group, level in zip(self.groups, self.levels(temperature), strict=True):
            unused[list(group.directions)] = False
            total += float(_matrix_formulas.shared_free_energy(self._roots(group), group.latents, level, temperature))
        return total + float(lam[unused].sum())

    def state(self, temperature: float) -> Array:
        """One member at T: W from the closed form, encoder and widths optimal, shape (n,).

        Raises
        ------
        InputError
            If the family does not exist at T.
        """
        T = self.model.landscape.temperature(temperature)
        if self.limit <= T:
            raise InputError(f"temperature must be below {self.limit:.6g}, where {self.label!r} ends, got {T:.6g}")
        decoder = np.zeros((self.model.features, self.model.latents))
        first = 0
        for group, level in zip(self.groups, self.levels(T), strict=True):
            rows = list(group.directions)
            squares = np.sqrt(self.model.eigenvalues[rows] * level) - T
            decoder[rows, first : first + group.latents] = _equal_columns(squares, group.latents)
            first += group.latents
        return self.model.complete(decoder, T)

    def _roots(self, group: Group) -> float:
        return float(np.sqrt(self.model.eigenvalues[list(group.directions)]).sum())


def families(model: LinearVAE) -> tuple[Family, ...]:
    """Every kind of stationary point of a linear VAE, once up to symmetry.

    Symmetries are permutations and signs of latents and rotations inside a degenerate eigenspace. A group of m latents
    on m directions of one eigenspace is m single latents and is listed as these.

    Parameters
    ----------
    model : LinearVAE
        The spectrum and the number of latents.

    Returns
    -------
    tuple of Family
        Full collapse first.

    Raises
    ------
    InputError
        If there are more than 2000.

    Examples
    --------
    >>> [family.label for family in families(LinearVAE([2.0, 1.0], 2))]
    ['collapsed', '1', '1, 2', '2', '1+2 on 2 latents', '1 on 2 latents', '2 on 2 latents']
    """
    spaces = [space for space in model.eigenspaces if model.eigenvalues[space[0]] > 0]
    sizes = tuple(len(space) for space in spaces)
    kinds = []
    for m in range(1, model.latents + 1):
        for counts in _counts(sizes, m):
            # As many latents as directions, all in one eigenspace: reducible.
            if m > 1 and sum(counts) == m and max(counts) == m:
                continue
            kinds.append((m, counts))
            if len(kinds) > MOST:
                raise _too_many(model)
    kinds.sort(key=lambda kind: (kind[0], [-count for count in kind[1]]))
    found: list[Family] = []
    for chosen in _multisets(kinds, model.latents, sizes):
        if len(found) == MOST:
            raise _too_many(model)
        free = [list(space) for space in spaces]
        groups = []
        for m, counts in chosen:
            taken = [free[e].pop(0) for e, count in enumerate(counts) for _ in range(count)]
            groups.append(Group(m, tuple(sorted(int(i) for i in taken))))
        found.append(Family(model, tuple(groups)))
    return tuple(found)


def stationary_points(model: LinearVAE, temperature: Any, *, dps: int | None = None) -> tuple[StationaryPoint, ...]:
    """One member of every family that exists at T, refined and with its Morse index, lowest free energy first.

    Parameters
    ----------
    model : LinearVAE
        The spectrum and the number of latents.
    temperature : float, str, or mpmath.mpf
        T > 0, in data variance, as :func:`numerics.newton.refine` takes it.
    dps : int, optional
        Digits in which every point is refined and its eigenvalues are told from zero; double precision by default.

    Returns
    -------
    tuple of StationaryPoint
        A point that could not be verified has a status other than ``converged`` and does not lose the others.

    Examples
    --------
    >>> points = stationary_points(LinearVAE([2.0, 1.0], 2), 1.1)
    >>> [(p.label, p.modes.index) for p in points]
    [('1', 0), ('1+2 on 2 latents', 1), ('1 on 2 latents', 2), ('collapsed', 2)]
    """
    landscape = model.landscape
    T = landscape.temperature(as_float(temperature))
    points = [
        replace(refine(landscape, family.state(T), temperature, dps=dps, throw=False), label=family.label)
        for family in families(model)
        # Closer to its end than rounding a family cannot be told from the one it ends on.
        if family.limit > T * (1 + 1e-12)
    ]
    return tuple(sorted(points, key=lambda point: (not point.converged, point.free_energy)))


def _too_many(model: LinearVAE) -> InputError:
    return InputError(
        f"eigenvalues and latents must have at most {MOST} kinds of stationary points, got D = {model.features}, "
        f"K = {model.latents}; keep fewer modes or latents"
    )


def _counts(sizes: tuple[int, ...], most: int) -> Iterator[tuple[int, ...]]:
    """How many directions of each eigenspace a group of at most `most` takes; at least one in all."""
    if not sizes:
        return
    for first in range(min(sizes[0], most) + 1):
        if first:
            yield (first,) + (0,) * (len(sizes) - 1)
        for rest in _counts(sizes[1:], most - first):
            yield (first, *rest)


def _multisets(
    kinds: list[tuple[int, tuple[int, ...]]], latents: int, left: tuple[int, ...], start: int = 0
) -> Iterator[list[tuple[int, tuple[int, ...]]]]:
    """Choices of kinds, repetition allowed, that fit into the latents and directions that are left."""
    yield []
    for at in range(start, len(kinds)):
        m, counts = kinds[at]
        rest = tuple(a - b for a, b in zip(left, counts, strict=True))
        if m <= latents and min(rest) >= 0:
            for more in _multisets(kinds, latents - m, rest, at):
                yield [kinds[at], *more]


def _equal_columns(squares: Array, latents: int) -> Array:
    """A matrix (p, m) with WWᵀ = diag(squares) and columns of equal length.

    Rotations of two columns keep WWᵀ; each sets one column to the mean length (Schur–Horn; Chan and Li 1983).
    """
    p = len(squares)
    w = np.zeros((p, latents))
    w[np.arange(p), np.arange(p)] = np.sqrt(squares)
    goal = squares.sum() / latents
    open_columns = list(range(latents))
    while len(open_columns) > 1:
        norms = (w[:, open_columns] ** 2).sum(axis=0)
        j, k = open_columns[int(norms.argmin())], open_columns[int(norms.argmax())]
        if norms.max() - norms.min() <= 1e-15 * goal:
            break
        low, high, dot = norms.min() - goal, norms.max() - goal, float(w[:, j] @ w[:, k])
        # |w_j cosθ − w_k sinθ|² = goal: a quadratic in tan θ whose ends have opposite signs.
        tangent = (dot + np.sqrt(dot * dot - low * high)) / high
        c = 1 / np.hypot(1.0, tangent)
        w[:, [j, k]] = w[:, [j, k]] @ np.array([[c, c * tangent], [-c * tangent, c]])
        open_columns.remove(j)
    return w
