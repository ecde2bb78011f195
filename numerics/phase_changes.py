"""Where the ground state of a sweep changes: exchanges between branches, and the ends of activity.

Between two neighbouring temperatures the ground state is followed both ways. If each way leads to the other's state
the change is continuous, however fast. If not, two minima exist side by side, or one ends inside: both are followed
into the interval, and the difference of their free energies, whose slope in T is ``2(KL_1 − KL_2)`` exactly, is brought
to zero by Newton steps guarded by bisection.

=======  ===============================================  ======
symbol   meaning                                          unit
=======  ===============================================  ======
``a,b``  the colder and the hotter ground state
``Δ``    ``F_a − F_b``, negative below the exchange       data²
=======  ===============================================  ======
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from theory.errors import NonConvergenceError

from .functional import FunctionalEquilibrium, equilibrium_at
from .functional_ladder import same_state
from .functional_sweep import PhaseSweep

__all__ = ["PhaseChange", "highest_active", "transitions"]

_RESOLUTION = 1e-9
"""Relative width of an interval of temperature below which it is not divided."""
_FINITE = 1e-5
"""Nats: a rate that is larger at the stability limit of collapse has not vanished continuously."""
_LOST = 1e-6
"""Of the variance: F of the ground state is continuous in T, so a larger step in it is a state that was not found."""


@dataclass(frozen=True, slots=True)
class PhaseChange:
    """An exchange of the ground state on heating.

    Attributes
    ----------
    temperature : float
        In data variance.
    cold_phase, hot_phase : str
        Phases below and above.
    kl_jump, signal_jump : float
        Rate and (summed) signal fraction below minus those above; zero if continuous.
    jensen_jump : float
        The same for the Jensen gap.
    continuous : bool
        Whether the two states merge at the temperature.
    gap : float
        F of the cold state minus that of the hot one, in data variance: zero up to rounding, as F is continuous.
    cold, hot : FunctionalEquilibrium
        The states on both sides, at the temperature itself for a jump.
    """

    temperature: float
    cold_phase: str
    hot_phase: str
    kl_jump: float
    signal_jump: float
    jensen_jump: float
    continuous: bool
    gap: float
    cold: FunctionalEquilibrium
    hot: FunctionalEquilibrium

    @property
    def resolved(self) -> bool:
        """Whether the two are equally low, so that the exchange is here and not where a state was lost."""
        return abs(self.gap) <= _LOST * self.hot.state.space.variance

    @property
    def loss(self) -> str:
        """What is known if it is not resolved."""
        return (
            f"where F steps by {abs(self.gap):.2g}: a lower state was not found {'above' if self.gap < 0 else 'below'}"
        )


def transitions(sweep: PhaseSweep) -> tuple[PhaseChange, ...]:
    """Every exchange of the ground state between the temperatures of a sweep, hottest first.

    Jumps between branches count, whether or not their phases have the same name; of continuous changes those at which a
    latent collapses.

    Returns
    -------
    tuple of PhaseChange

    Notes
    -----
    An exchange that happens and is undone within one step of the grid, or whose hysteresis lies within one, is seen
    only next to the stability limit of collapse: refine the grid where that matters.
    """
    found: list[PhaseChange] = []
    # Where both chains agree on two neighbours, each has been reached from the other already.
    slack = 1e-10 * sweep.space.variance
    agreed = [
        up is not None and down is not None and same_state(up, down) and min(up.F, down.F) <= candidates[0].F + slack
        for up, down, candidates in zip(sweep.up, sweep.down, sweep.candidates, strict=True)
    ]
    lo, ends = sweep.space.collapse_threshold, sweep.temperatures[[0, -1]]
    # At the limit itself collapse is marginal, and a descent ends anywhere near it: its neighbours decide.
    solved = [
        (s, both)
        for s, both in zip(sweep.ground, agreed, strict=True)
        if s is not None and (abs(s.temperature - lo) > 1e-6 * lo or s.temperature in ends)
    ]
    for (cold, here), (hot, there) in itertools.pairwise(solved):
        if cold.active or hot.active:
            found += _between(sweep, cold, hot, known=here and there)
    return tuple(sorted(found, key=lambda c: -c.temperature))


def highest_active(sweep: PhaseSweep) -> float:
    """The highest T at which an active local minimum was found, by bisection from the last one of the sweep.

    Not below the stability limit of collapse, under which every minimum is active. Beyond the last temperature of the
    sweep the branch is followed upwards in steps of a fiftieth.
    """
    lo = sweep.space.collapse_threshold
    best = lo
    last = len(sweep.temperatures) - 1
    candidates = sweep.candidates
    for i, states in enumerate(candidates):
        for state in states:
            if not state.active or (i < last and _continues(state, candidates[i + 1])):
                continue
            cold, hot = state, float(sweep.temperatures[min(i + 1, last)])
            if hot <= best:
                continue
            if i == last:
                while (further := _follow(sweep, cold, 1.02 * cold.temperature)) is not None and further.active:
                    cold = further
                hot = 1.02 * cold.temperature
            best = max(best, _bisect(sweep, cold, hot))
    return lo if best - lo < 1e-6 * lo else best


def _continues(state: FunctionalEquilibrium, hotter: tuple[FunctionalEquilibrium, ...]) -> bool:
    """Whether a state at the next temperature may be the same branch: F lies between the two tangents."""
    for other in hotter:
        step = other.temperature - state.temperature
        slack = 1e-9 * state.state.space.variance
        if other.active and state.F + 2 * other.kl * step - slack <= other.F <= state.F + 2 * state.kl * step + slack:
            return True
    return False


def _bisect(sweep: PhaseSweep, cold: FunctionalEquilibrium, hot: float) -> float:
    low = cold.temperature
    while hot - low > 1e-8 * hot:
        middle = 0.5 * (low + hot)
        state = _follow(sweep, cold, middle)
        if state is not None and state.active:
            low, cold = middle, state
        else:
            hot = middle
    return low


def _follow(sweep: PhaseSweep, state: FunctionalEquilibrium, temperature: float) -> FunctionalEquilibrium | None:
    try:
        return equilibrium_at(sweep.space, state.state.y, temperature, accuracy=sweep.accuracy)
    except NonConvergenceError:
        return None


def _between(
    sweep: PhaseSweep, cold: FunctionalEquilibrium, hot: FunctionalEquilibrium, known: bool
) -> list[PhaseChange]:
    """The exchange between two neighbouring ground states, if there is one; `known` to be reversible or not yet."""
    if not (reversible := known):
        heated, cooled = _follow(sweep, cold, hot.temperature), _follow(sweep, hot, cold.temperature)
        reversible = heated is not None and cooled is not None and same_state(heated, hot) and same_state(cooled, cold)
    if not reversible:
        return _exchange(sweep, cold, hot)
    return _losses(sweep, cold, hot) if cold.active_latents > hot.active_latents else []


def _losses(sweep: PhaseSweep, cold: FunctionalEquilibrium, hot: FunctionalEquilibrium) -> list[PhaseChange]:
    """Where one latent after another collapses on a reversible way from cold to hot."""
    near = hot
    while cold.active_latents - hot.active_latents > 1 or hot.active:
        # The next one to go has to be found; a last one goes at the limit that is known.
        if near.temperature - cold.temperature <= 1e-4 * near.temperature:
            break
        middle = _follow(sweep, cold, 0.5 * (cold.temperature + near.temperature))
        if middle is None:
            break
        if middle.active_latents == cold.active_latents:
            cold = middle
        else:
            near = middle
    limit = _residual_limit(sweep, cold, near) if near.active else sweep.space.collapse_threshold
    # A small hysteresis may hide between two temperatures: at the limit itself a jump has a finite rate.
    above = limit * (1 + 1e-9)
    at_limit = _follow(sweep, cold, above) if cold.temperature < limit else cold
    rest = _follow(sweep, near, above) if near.active else near
    if at_limit is None or rest is None or at_limit.kl - rest.kl < _FINITE:
        found = [_change(limit, cold, near, continuous=True)]
    else:
        found = _exchange(sweep, at_limit, near)
        if not near.active and not all(change.resolved for change in found):
            found = _by_way_of_a_weak_state(sweep, cold, near) or found
    return found + (_losses(sweep, near, hot) if near.active_latents > hot.active_latents else [])


def _residual_limit(sweep: PhaseSweep, cold: FunctionalEquilibrium, near: FunctionalEquilibrium) -> float:
    """The root of ``T − Λ*(A)`` for the active latents of `near`, by a secant from above.

    Below the root a descent leaves the state, so that it cannot be bracketed.
    """
    further = _follow(sweep, near, near.temperature * (1 + 1e-3))
    if further is not None and further.active_latents == near.active_latents:
        here, there = (s.temperature - s.residual_edge for s in (near, further))
        if here < there:
            root = near.temperature - here * (further.temperature - near.temperature) / (there - here)
            if cold.temperature <= root <= near.temperature:
                return root
    return 0.5 * (cold.temperature + near.temperature)


def _exchange(sweep: PhaseSweep, a: FunctionalEquilibrium, b: FunctionalEquilibrium) -> list[PhaseChange]:
    """Close in on Δ = 0 between the cold state a and the hot state b."""
    variance = sweep.space.variance
    into_collapse = a.active and not b.active
    low, high = a.temperature, b.temperature
    at_low, at_high = a, b
    for _ in range(80):
        if high - low <= _RESOLUTION * high:
            break
        t = 0.5 * (low + high)
        here_a, here_b = _follow(sweep, at_low, t), _follow(sweep, at_high, t)
        if here_a is None and here_b is None:
            break
        # A descent that fails near the end of its branch counts as lost: the other state stands for this T.
        if here_a is None or here_b is None:
            if here_b is not None:
                high, at_high = t, here_b
            elif here_a is not None:
                low, at_low = t, here_a
        elif not same_state(here_a, here_b):
            slope = 2 * (here_a.kl - here_b.kl)
            gap = here_a.F - here_b.F
            newton = t - gap / slope if slope > 0 else t
            if slope > 0 and low < newton < high:
                new_a, new_b = _follow(sweep, here_a, newton), _follow(sweep, here_b, newton)
                if new_a is not None and new_b is not None and not same_state(new_a, new_b):
                    here_a, here_b, t, gap = new_a, new_b, newton, new_a.F - new_b.F
            # F itself is good to 1e-13: at a weak jump the gap is resolved against the slope.
            if abs(gap) <= min(1e-11 * variance, 1e-7 * abs(slope) * t) or abs(gap) <= 1e-13 * variance:
                return [_change(t, here_a, here_b, continuous=False)]
            if gap < 0:
                low, at_low = t, here_a
            else:
                high, at_high = t, here_b
        # One of the two has slid into the other: the survivor is the ground state here.
        elif here_a.active if into_collapse else abs(here_a.kl - at_low.kl) < abs(here_a.kl - at_high.kl):
            low, at_low = t, here_a
        else:
            high, at_high = t, here_b
    if abs(at_low.kl - at_high.kl) < _FINITE:
        return [_change(0.5 * (low + high), at_low, at_high, continuous=True)] if into_collapse else []
    change = _change(0.5 * (low + high), at_low, at_high, continuous=False)
    return [change] if change.resolved or not into_collapse else _by_way_of_a_weak_state(sweep, a, b) or [change]


def _by_way_of_a_weak_state(sweep: PhaseSweep, a: FunctionalEquilibrium, b: FunctionalEquilibrium) -> list[PhaseChange]:
    """The two exchanges where a branch that grows out of collapse is the ground state in between, or nothing.

    Just below its stability limit collapse gives way to that branch, whose F is as close to that of collapse as one
    likes, so that it is below the cold state.
    """
    lo = sweep.space.collapse_threshold
    for depth in (1e-3, 1e-4, 1e-5):
        t = lo * (1 - depth)
        if not a.temperature < t < b.temperature:
            continue
        weak, strong = _follow(sweep, b, t), _follow(sweep, a, t)
        if weak is None or strong is None or not weak.active or same_state(weak, strong):
            continue
        if weak.F < strong.F:
            first = _exchange(sweep, a, weak)
            return first + _losses(sweep, weak, b) if all(change.resolved for change in first) else []
    return []


def _change(t: float, cold: FunctionalEquilibrium, hot: FunctionalEquilibrium, *, continuous: bool) -> PhaseChange:
    jump = 0.0 if continuous else 1.0
    return PhaseChange(
        temperature=t,
        cold_phase=cold.phase,
        hot_phase=hot.phase,
        kl_jump=jump * (cold.kl - hot.kl),
        signal_jump=jump * float(np.sum(cold.signal_fraction - hot.signal_fraction)),
        jensen_jump=jump * float(np.sum(cold.jensen - hot.jensen)),
        continuous=continuous,
        gap=jump * (cold.F - hot.F),
        cold=cold,
        hot=hot,
    )
