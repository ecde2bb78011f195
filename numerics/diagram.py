"""All branches that are connected to given states, as one data object: branches, events, and what led to what.

=========  ================================================  =============
symbol     meaning                                           unit
=========  ================================================  =============
``T``      temperature                                       data variance
index      Morse index, 0 on locally stable stretches        1
origin     event at which a branch leaves another one        (branch, event)
=========  ================================================  =============

Branches that a symmetry connects are kept once: they agree in T, F and the spectrum of the Hessian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from .branch import Branch, Event
from .branch_search import BranchSearch
from .landscape import Landscape
from .linear_landscape import LinearVAE
from .stationary import Family, families

__all__ = ["Diagram", "diagram", "linear_diagram"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Diagram:
    """Branches of stationary points over a window of temperatures.

    Parameters
    ----------
    window : tuple of float
        Lowest and highest T.
    branches : tuple of Branch
        In the order in which they were found; those of the starts first.
    origins : tuple of (int, int) or None
        For each branch the branch and the event on it that it leaves; ``None`` for the branches of the starts.
    status : str
        ``complete``, or ``limit`` if there were more branches than asked for.
    """

    window: tuple[float, float]
    branches: tuple[Branch, ...]
    origins: tuple[tuple[int, int] | None, ...]
    status: str

    @property
    def events(self) -> tuple[Event, ...]:
        """All events, by falling temperature."""
        return tuple(sorted((e for b in self.branches for e in b.events), key=lambda e: -e.temperature))

    @property
    def failed(self) -> tuple[int, ...]:
        """Branches that ended early; the others are not affected."""
        return tuple(i for i, b in enumerate(self.branches) if b.status in ("stalled", "limit"))

    def to_json(self) -> dict[str, Any]:
        """Return everything but the states as a strictly JSON-able dict."""
        return {
            "window": list(self.window),
            "status": self.status,
            "branches": [
                {
                    "label": b.label,
                    "origin": None if origin is None else {"branch": origin[0], "event": origin[1]},
                    "status": b.status,
                    "residual": b.residual,
                    "symmetry": b.symmetry,
                    "flat": b.flat,
                    "temperature": b.temperatures.tolist(),
                    "free_energy": b.free_energies.tolist(),
                    "kl": b.rates.tolist(),
                    "index": b.indices.tolist(),
                    "events": [
                        {
                            "kind": e.kind,
                            "temperature": e.temperature,
                            "multiplicity": e.multiplicity,
                            "index": list(e.indices),
                        }
                        for e in b.events
                    ],
                }
                for b, origin in zip(self.branches, self.origins, strict=True)
            ],
        }


def diagram(
    landscape: Landscape,
    starts: Sequence[tuple[ArrayLike, float]],
    window: tuple[float, float],
    *,
    max_step: float = 0.05,
    most: int = 100,
) -> Diagram:
    """Follow the branches of the starts, switch at every branch point, and go on until nothing new is found.

    Parameters
    ----------
    landscape : Landscape
        Any model.
    starts : sequence of (state, T)
        Near stationary points inside the window, one or more per component of the diagram: what hangs together is
        found from any of its points, an isola only from a point on it. Starts on branches that are known cost little,
        so those of `numerics.multistart.stationary_starts` may all be given.
    window : tuple of float
        Lowest and highest T, both positive.
    max_step : float
        Longest step in (y, T/scale).
    most : int
        Number of branches at which to stop.

    Returns
    -------
    Diagram

    Raises
    ------
    InputError
        If there is no start, or a start cannot be used.

    Examples
    --------
    >>> from numerics.landscape import curve_landscape
    >>> found = diagram(curve_landscape((1.0, 2.0)), [([0.0], 0.5)], (0.2, 2.0))
    >>> [(b.status, [e.kind for e in b.events]) for b in found.branches]
    [('complete', ['branch point']), ('complete', ['fold'])]
    """
    if not len(starts):
        raise InputError("starts must hold at least one (state, temperature); give the collapsed state, say")
    search = BranchSearch(landscape, window, max_step, most)
    for state, temperature in starts:
        search.start(landscape.state(state), landscape.temperature(temperature))
    return Diagram(window, tuple(search.branches), tuple(search.origins), search.status)


def linear_diagram(model: LinearVAE, window: tuple[float, float] | None = None, *, max_step: float = 0.1) -> Diagram:
    """All branches of a linear VAE that are connected to full collapse, labelled by what they encode.

    Parameters
    ----------
    model : LinearVAE
        The spectrum and the number of latents.
    window : tuple of float, optional
        Lowest and highest T; by default a fifth of the smallest positive eigenvalue to 1.2 times the largest.
    max_step : float
        As for `diagram`.

    Returns
    -------
    Diagram

    Examples
    --------
    >>> found = linear_diagram(LinearVAE([2.0, 1.0], 1))
    >>> [(b.label, b.symmetry, b.indices[0].item()) for b in found.branches]
    [('collapsed', 0, 2), ('2', 0, 1), ('1', 0, 0)]
    """
    lam = model.eigenvalues
    low, high = window or (0.2 * float(lam[lam > 0].min()), 1.2 * float(lam[0]))
    found = diagram(model.landscape, [(model.collapsed, low)], (low, high), max_step=max_step)
    kinds = families(model)
    labelled = []
    for branch in found.branches:

        def distance(kind: Family, branch: Branch = branch) -> float:
            """How far the closed form is from the branch, over all of it: families meet at branch points."""
            inside = branch.temperatures < kind.limit
            if branch.temperatures.max() > kind.limit + 1e-6 * lam[0]:
                return np.inf
            exact = np.array([kind.free_energy(float(T)) for T in branch.temperatures[inside]])
            return float(np.abs(exact - branch.free_energies[inside]).max(initial=0.0))

        kind = min(kinds, key=distance)
        labelled.append(replace(branch, label=kind.label if distance(kind) <= 1e-9 * lam[0] else ""))
    return replace(found, branches=tuple(labelled))
