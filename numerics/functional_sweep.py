"""Sweeps of functional equilibria in T: hysteresis, metastable branches, and every exchange of the ground state.

Two chains run over all temperatures, one heated from the lowest minimum found in the cold, one cooled from collapse;
each takes the minimum that a descent reaches from its last one. At anchor temperatures all kinds of start and the
minima of all subclasses are tried, and a minimum that is not known yet is followed both ways until it merges or is
lost. With two latents the ground state of one, beside a collapsed latent, is a start at every temperature. The lowest
of all is the ground state. Where it cannot be followed reversibly from one temperature to the next, the two candidates
are followed into the interval until their free energies cross: `numerics.phase_changes`.

======  ==================================================  ======
symbol  meaning                                             unit
======  ==================================================  ======
``lo``  full collapse loses local stability below           data²
``hi``  no active local minimum was found above             data²
``T*``  full collapse is the ground state above             data²
======  ==================================================  ======
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError, NonConvergenceError
from theory.model import ModelClass

from .function_space import EncoderSpace
from .functional import Bound, FunctionalEquilibrium, checked_latents, equilibrium_at, guard, positive_temperature
from .functional_ladder import climb, same_state
from .functional_starts import beside_collapsed, start_names
from .pointset import PointSet
from .rate_distortion import rate_distortion_bound

if TYPE_CHECKING:
    from .phase_changes import PhaseChange

__all__ = ["PhaseSweep", "sweep_functional"]

Array = NDArray[np.float64]

_GUARDS = (9, 3)
"""Temperatures at which a sweep computes the bound: on a line, and in more dimensions, where it takes seconds."""


@dataclass(frozen=True)
class PhaseSweep:
    """Equilibria over temperature.

    Attributes
    ----------
    temperatures : ndarray (n,)
        Ascending, in data variance.
    up, down : tuple of n equilibria or None
        Heated from the coldest minimum, cooled from collapse; None from where a chain failed.
    branches : tuple of dict
        Further minima, by index of temperature.
    failures : tuple of str
        What did not converge, and where.
    space : EncoderSpace
        The problem.
    accuracy : float
        Of F, relative to the total variance.
    ceilings : dict
        By index of temperature, the lowest F of a minimum of a subclass, where one was looked for.
    """

    temperatures: Array
    up: tuple[FunctionalEquilibrium | None, ...]
    down: tuple[FunctionalEquilibrium | None, ...]
    branches: tuple[dict[int, FunctionalEquilibrium], ...]
    failures: tuple[str, ...]
    space: EncoderSpace
    accuracy: float = field(default=1e-10)
    ceilings: dict[int, float] = field(default_factory=dict)

    @property
    def candidates(self) -> tuple[tuple[FunctionalEquilibrium, ...], ...]:
        """All minima found at each temperature, lowest first."""
        found = []
        for i in range(len(self.temperatures)):
            here = [s for s in (self.up[i], self.down[i]) if s is not None]
            here += [branch[i] for branch in self.branches if i in branch]
            found.append(tuple(sorted(here, key=lambda e: e.F)))
        return tuple(found)

    @property
    def ground(self) -> tuple[FunctionalEquilibrium | None, ...]:
        """The lowest minimum at each temperature."""
        return tuple(c[0] if c else None for c in self.candidates)

    @property
    def hysteresis(self) -> float:
        """Largest ``F_up − F_down`` in absolute value, in data variance."""
        pairs = zip(self.up, self.down, strict=True)
        return max((abs(a.F - b.F) for a, b in pairs if a is not None and b is not None), default=0.0)

    @cached_property
    def changes(self) -> tuple[PhaseChange, ...]:
        """Exchanges of the ground state, hottest first; see :func:`numerics.phase_changes.transitions`."""
        from .phase_changes import transitions

        return transitions(self)

    @cached_property
    def spinodals(self) -> tuple[float, float]:
        """``(lo, hi)`` in data variance."""
        from .phase_changes import highest_active

        return self.space.collapse_threshold, highest_active(self)

    @property
    def coexistence(self) -> float | None:
        """The temperature above which full collapse is the ground state; None if unresolved, see `unresolved`."""
        into = self._into_collapse
        return into.temperature if into is not None and self.unresolved is None else None

    @property
    def unresolved(self) -> str | None:
        """Why there is no `coexistence`, in one line; None where there is one."""
        into, ground, t = self._into_collapse, self.ground, self.temperatures
        slack = self.accuracy * self.space.variance
        for i, least in self.ceilings.items():
            state = ground[i]
            if state is not None and not state.active and state.F - least > slack:
                return f"a subclass is lower than full collapse at T = {t[i]:.6g}, and no descent from it converged"
        if into is not None:
            return None if into.resolved else f"the ground state was lost at T = {into.temperature:.6g}, {into.loss}"
        if ground[-1] is None:
            return f"nothing converged at the highest temperature, T = {t[-1]:.6g}"
        if ground[-1].active:
            return f"an active state is still the lowest at the highest temperature, T = {t[-1]:.6g}; sweep further up"
        return (
            f"full collapse is the lowest state already at T = {t[0]:.6g}, the lowest temperature; sweep further down"
        )

    @property
    def _into_collapse(self) -> PhaseChange | None:
        return next((c for c in self.changes if not c.hot.active), None)

    def readings(self, which: str) -> dict[str, Array]:
        """``F``, ``KL`` (n,) and ``M2``, ``J`` (n, K); NaN where a chain failed.

        Parameters
        ----------
        which : str
            ``"up"``, ``"down"`` or ``"ground"``.
        """
        if which not in ("up", "down", "ground"):
            raise InputError(f"which must be 'up', 'down' or 'ground', got {which!r}; choose one")
        chain: tuple[FunctionalEquilibrium | None, ...] = getattr(self, which)
        gap = np.full(self.space.latents, np.nan)
        return {
            "F": np.array([np.nan if s is None else s.F for s in chain]),
            "KL": np.array([np.nan if s is None else s.kl for s in chain]),
            "M2": np.array([gap if s is None else s.signal_fraction for s in chain]),
            "J": np.array([gap if s is None else s.jensen for s in chain]),
        }


def sweep_functional(
    points: ArrayLike | PointSet,
    temperatures: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    model: str | ModelClass = "flexible",
    latents: int = 1,
    starts: Sequence[str] | None = None,
    anchors: int = 5,
    accuracy: float = 1e-10,
    bound: Bound | None = rate_distortion_bound,
    seed: int = 0,
) -> PhaseSweep:
    """Follow the equilibria up and down in T.

    Parameters
    ----------
    points, weights, model, latents, accuracy, bound, seed
        As for :func:`numerics.functional.solve_functional`.
    temperatures : array_like (n,)
        At least two different values, in data variance.
    starts : sequence of str, optional
        Kinds of start tried at the anchors; all by default.
    anchors : int
        Number of temperatures, evenly spread, at which all starts are tried; the coldest is always one. Besides, they
        are tried at the first temperature above the stability limit of collapse: F − F(collapse) of a state rises with
        T, so what is ever lower than collapse above the limit is so there.

    Returns
    -------
    PhaseSweep
        A branch that fails is listed in ``failures`` and does not end the others.

    Examples
    --------
    >>> sweep = sweep_functional([-1.0, 1.0], np.linspace(0.8, 1.1, 7))
    >>> [s.phase for s in sweep.down][::3]
    ['mean-coded', 'mean-coded', 'collapsed']
    >>> bool(sweep.hysteresis < 1e-9)
    True
    """
    space = EncoderSpace.of(points, weights, model, checked_latents(latents))
    grid = np.unique(np.asarray(temperatures, dtype=float))
    if grid.ndim != 1 or len(grid) < 2:
        raise InputError(f"temperatures must hold at least two different values, got {grid.size}; add some")
    for t in grid[[0, -1]]:
        positive_temperature(float(t))
    if isinstance(anchors, bool) or not isinstance(anchors, int) or anchors < 1:
        raise InputError(f"anchors must be an integer of at least 1, got {anchors!r}; use 1 or more")
    runner = _Runner(space, grid, accuracy)
    one: tuple[FunctionalEquilibrium | None, ...] = ()
    if space.latents > 1:
        alone = sweep_functional(
            points, grid, weights=weights, model=model, anchors=anchors, accuracy=accuracy, bound=None, seed=seed
        )
        one = alone.ground
        runner.failures.extend(alone.failures)
    embedded = {i: beside_collapsed(space, s.mu, s.sigma) for i, s in enumerate(one) if s is not None}
    kinds = start_names(space) if starts is None else tuple(starts)
    rng = np.random.default_rng(seed)
    collapsed = np.zeros(sum(space.sizes))
    down = runner.chain(collapsed, range(len(grid) - 1, -1, -1))
    cold: list[FunctionalEquilibrium | None] = [*runner.climb(0, kinds, rng)]
    if 0 in embedded:
        cold.append(runner.solve(embedded[0], 0))
    best = min((s for s in (*cold, down.get(0)) if s is not None), key=lambda e: e.F, default=None)
    up = {} if best is None else {0: best} | runner.chain(best.state.y, range(1, len(grid)))
    branches: list[dict[int, FunctionalEquilibrium]] = []
    known = [down, up]
    tried = [(0, state) for state in cold]
    hot = int(np.searchsorted(grid, space.collapse_threshold * (1 + 1e-6)))
    even = np.unique(np.linspace(0, len(grid) - 1, anchors + 1).astype(int)[1:-1]).tolist()
    for i in even:
        tried += [(i, state) for state in runner.climb(i, kinds, rng)]
    if 0 < hot < len(grid) and hot not in even:
        # Looked for here is what is lower than collapse, not every metastable state.
        tried += [(hot, state) for state in runner.climb(hot, kinds, rng) if space.variance > state.F]
    tried += [(i, runner.solve(y, i)) for i, y in embedded.items() if i > 0]
    for i, state in tried:
        if state is not None and not any(i in chain and same_state(chain[i], state) for chain in known):
            branch = {i: state}
            for way in (range(i + 1, len(grid)), range(i - 1, -1, -1)):
                branch |= runner.chain(state.state.y, way, known)
            branches.append(branch)
            known.append(branch)
    sweep = PhaseSweep(
        temperatures=grid,
        up=tuple(up.get(i) for i in range(len(grid))),
        down=tuple(down.get(i) for i in range(len(grid))),
        branches=tuple(branches),
        failures=tuple(runner.failures),
        space=space,
        accuracy=accuracy,
        ceilings=runner.ceilings,
    )
    if bound is not None:
        _guard_all(sweep, bound)
    return sweep


def _guard_all(sweep: PhaseSweep, bound: Bound) -> None:
    """Hold every ground state against the bound at some temperatures and its chords between them.

    F_RD is a minimum of functions that are affine in T, hence concave: a chord of lower bounds is a lower bound.
    """
    count = _GUARDS[sweep.space.points.shape[1] > 1]
    nodes = np.linspace(sweep.temperatures[0], sweep.temperatures[-1], min(count, len(sweep.temperatures)))
    state = next((s for s in sweep.ground if s is not None), None)
    if state is None:
        return
    least = [bound(state.points, state.weights, float(t)) for t in nodes]
    for state in sweep.ground:
        if state is not None:
            guard(state, float(np.interp(state.temperature, nodes, least)))


@dataclass(frozen=True, slots=True)
class _Runner:
    """Solves at grid temperatures; collects failures instead of raising them."""

    space: EncoderSpace
    grid: Array
    accuracy: float
    failures: list[str] = field(default_factory=list)
    ceilings: dict[int, float] = field(default_factory=dict)

    def solve(self, y: Array, i: int, space: EncoderSpace | None = None) -> FunctionalEquilibrium | None:
        try:
            return equilibrium_at(space or self.space, y, float(self.grid[i]), accuracy=self.accuracy)
        except NonConvergenceError as error:
            if space is None or space is self.space:
                self.failures.append(str(error))
            return None

    def climb(self, i: int, kinds: Sequence[str], rng: np.random.Generator) -> list[FunctionalEquilibrium]:
        """Minima at one temperature from all kinds of start, through the subclasses."""
        found, ceiling = climb(self.space, float(self.grid[i]), kinds, rng, lambda space, y: self.solve(y, i, space))
        self.ceilings[i] = ceiling
        return found

    def chain(
        self, y: Array, indices: range, known: Sequence[dict[int, FunctionalEquilibrium]] = ()
    ) -> dict[int, FunctionalEquilibrium]:
        """Minima along a range of temperatures, each started from the last, until one is known or a descent fails."""
        found: dict[int, FunctionalEquilibrium] = {}
        for i in indices:
            state = self.solve(y, i)
            if state is None or any(i in chain and same_state(chain[i], state) for chain in known):
                break
            found[i] = state
            y = state.state.y
        return found
