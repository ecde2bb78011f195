"""Minima of a class from those of its subclasses: a search from many starts that climbs from narrow classes to wide.

Every encoder of a subclass is one of the class, and the class has at least as good a decoder for it. So a descent from
a minimum of the subclass ends at least as low, and a search that starts there can never report a class as worse than
its subclass: linear ⊂ nonlinear-decoder ⊂ nonlinear-mean ⊂ flexible. A kind of start is tried where it first is itself
and not the projection of itself (`numerics.functional_starts`), and each class also starts from what the one below it
found; so no kind is descended in more classes than needed.

======  ==============================================  =====
symbol  meaning                                         unit
======  ==============================================  =====
``y``   coordinates of an encoder in a class            1
``T``   temperature                                     data²
======  ==============================================  =====
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .function_space import EncoderSpace
from .functional_starts import needs, seed_functions

if TYPE_CHECKING:
    from .functional import FunctionalEquilibrium

__all__ = ["climb", "same_state"]

Array = NDArray[np.float64]
Solve = Callable[[EncoderSpace, Array], "FunctionalEquilibrium | None"]


def climb(
    space: EncoderSpace, temperature: float, kinds: Sequence[str], rng: np.random.Generator, solve: Solve
) -> tuple[list[FunctionalEquilibrium], float]:
    """Minima of a class at one temperature, from named seeds and from the minima of every subclass.

    Parameters
    ----------
    space : EncoderSpace
        The problem.
    temperature : float
        T.
    kinds : sequence of str
        Names of seeds.
    rng : numpy.random.Generator
        For the random seed.
    solve : callable
        ``solve(space, y)`` descends to a minimum, or returns None where it does not converge.

    Returns
    -------
    minima : list of FunctionalEquilibrium
        Different ones, lowest first, full collapse among them if it is one.
    ceiling : float
        The lowest free energy of a minimum of a subclass, infinite without one: what the class can reach at least,
        whether or not a descent from there converged.
    """
    below: list[FunctionalEquilibrium] = []
    ceiling = np.inf
    seeds = {kind: seed_functions(space, kind, temperature, rng) for kind in kinds}
    ladder = [space.narrowed(model) for model in space.model.subclasses]
    for k, step in enumerate((*ladder, space)):
        ceiling = min([ceiling, *(state.F for state in below)])
        starts = [np.zeros(sum(step.sizes))]
        starts += [step.coordinates(state.mu, np.log(state.sigma)) for state in below if state.active]
        own = [kind for kind in kinds if step is space or needs(kind, step.model)]
        earlier = ladder[:k]
        starts += [step.coordinates(*seeds[kind]) for kind in own if not any(needs(kind, s.model) for s in earlier)]
        found = [state for y in starts if (state := solve(step, y)) is not None]
        below = _distinct(found)
    return below, float(ceiling)


def _distinct(states: list[FunctionalEquilibrium]) -> list[FunctionalEquilibrium]:
    kept: list[FunctionalEquilibrium] = []
    for state in sorted(states, key=lambda e: e.F):
        if not any(same_state(state, other) for other in kept):
            kept.append(state)
    return kept


def same_state(a: FunctionalEquilibrium, b: FunctionalEquilibrium) -> bool:
    """Whether two minima at one temperature are one up to symmetry: equal F and order parameters."""
    # Tight: at a weak jump both states are close to collapse, and F differs in the tenth digit only.
    if abs(a.F - b.F) > 1e-9 * a.state.space.variance:
        return False
    pairs = ((np.array([a.kl]), np.array([b.kl])), (np.sort(a.signal_fraction), np.sort(b.signal_fraction)))
    return all(bool(np.all(np.abs(p - q) <= 2e-6 + 1e-3 * np.maximum(p, q))) for p, q in pairs)
