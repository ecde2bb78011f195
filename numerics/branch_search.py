"""Search for all branches that hang together: trace, switch at every branch point, keep what is new up to symmetry.

=========  ============================================================================
symbol     meaning
=========  ============================================================================
origin     (branch, event) at which a branch leaves another one
mark       signature of a state: T, F and the spectrum of the Hessian
=========  ============================================================================

Next to a branch point the states of all branches that meet there are alike. Whether a branch is new is therefore asked
twice: of its first state, strictly, and of the traced branch at places where it is far from its origin.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .branch import Branch, Event, joined, rate
from .continuation import follow
from .landscape import Landscape
from .newton import TOLERANCE, polish
from .signature import Signature
from .switching import Departure, switch

__all__ = ["BranchSearch"]

Array = NDArray[np.float64]


class BranchSearch:
    """Branches that are found, and branch points that are still to be left.

    Parameters
    ----------
    landscape : Landscape
        The model.
    window : tuple of float
        Lowest and highest T.
    max_step : float
        Longest step in (y, T/scale).
    most : int
        Number of branches at which to stop; ``status`` is then ``limit``.
    """

    def __init__(self, landscape: Landscape, window: tuple[float, float], max_step: float, most: int) -> None:
        self.landscape, self.window, self.max_step, self.most = landscape, window, max_step, most
        self.branches: list[Branch] = []
        self.origins: list[tuple[int, int] | None] = []
        self.queue: list[tuple[int, int]] = []
        self.left: list[Signature] = []
        self.status = "complete"

    def start(self, state: Array, temperature: float) -> None:
        """Follow the branch through a start both ways, unless it is known, and all that leave it."""
        refined, residual, _ = polish(self.landscape, state, temperature)
        if residual <= TOLERANCE and self.known(refined, temperature):
            return
        if len(self.branches) >= self.most:
            self.status = "limit"
            return
        backward = follow(self.landscape, state, temperature, self.window, direction=-1, max_step=self.max_step)
        if backward.status != "closed":
            forward = follow(self.landscape, state, temperature, self.window, direction=1, max_step=self.max_step)
            backward = joined(backward, forward)
        self.add(backward, None)
        self.run()

    def add(self, branch: Branch, origin: tuple[int, int] | None) -> None:
        """Keep a branch and queue the events on it."""
        number = len(self.branches)
        self.branches.append(branch)
        self.origins.append(origin)
        self.queue += [(number, i) for i, e in enumerate(branch.events) if e.kind != "end"]

    def known(self, state: Array, temperature: float, *, strict: bool = False) -> bool:
        """Whether a state lies on a branch, up to symmetry; `strict` as for `Signature.agrees`."""
        mark = Signature.of(self.landscape, state, temperature)
        return any(
            mark.agrees(Signature.of(self.landscape, y, temperature), strict=strict)
            for branch in self.branches
            if self._passes(branch, mark)
            for y in branch.at(self.landscape, temperature)
        )

    def _passes(self, branch: Branch, mark: Signature) -> bool:
        """Whether a branch comes near a state in (T, F); its chords are that good, and refining all is slow."""
        T, free = branch.temperatures / self.landscape.scale, branch.free_energies / self.landscape.scale
        here = np.flatnonzero(np.diff(np.sign(T - mark.temperature)) != 0)
        part = (mark.temperature - T[here]) / (T[here + 1] - T[here])
        chord = free[here] + part * (free[here + 1] - free[here])
        return bool((np.abs(chord - mark.free_energy) <= 0.5 * self.max_step).any())

    def repeats(self, branch: Branch) -> bool:
        """Whether a branch is known at three places apart, away from its ends, where others are near."""
        away = np.linalg.norm(np.diff(branch.states, axis=0), axis=1)
        length = np.cumsum(np.hypot(away, np.diff(branch.temperatures) / self.landscape.scale))
        places = np.searchsorted(length, np.array([0.35, 0.6, 0.85]) * length[-1])
        return all(self.known(branch.states[i], float(branch.temperatures[i])) for i in set(places.tolist()))

    def run(self) -> None:
        """Leave every branch point that was not left yet, until nothing new is found."""
        while self.queue:
            number, place = self.queue.pop(0)
            event = self.branches[number].events[place]
            if event.kind == "fold" and event.multiplicity == 1:
                continue
            mark = Signature.of(self.landscape, event.state, event.temperature)
            if any(mark.agrees(other) for other in self.left):
                continue
            self.left.append(mark)
            for departure in switch(self.landscape, event):
                if not self.window[0] <= departure.temperature <= self.window[1]:
                    continue
                if self.known(departure.state, departure.temperature, strict=True):
                    continue
                if len(self.branches) >= self.most:
                    self.status = "limit"
                    return
                branch = self._leave(event, departure)
                if not self.repeats(branch):
                    self.add(branch, (number, place))

    def _leave(self, event: Event, new: Departure) -> Branch:
        branch = follow(
            self.landscape,
            new.state,
            new.temperature,
            self.window,
            direction=new.direction,
            max_step=self.max_step,
            first_step=new.amplitude / 4,
        )
        # The branch point itself is where the branch begins.
        free = float(self.landscape.free_energy(event.state, event.temperature))
        return replace(
            branch,
            temperatures=np.concatenate([[event.temperature], branch.temperatures]),
            states=np.vstack([event.state, branch.states]),
            free_energies=np.concatenate([[free], branch.free_energies]),
            rates=np.concatenate([[rate(self.landscape, event.state, event.temperature)], branch.rates]),
            indices=np.concatenate([branch.indices[:1], branch.indices]),
        )
