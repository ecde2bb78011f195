"""Whether trained networks reach phases whose signal fraction is small: weakly coded, and coded by the width.

======  ==============================================================  =====
symbol  meaning                                                         unit
======  ==============================================================  =====
M²      signal fraction                                                 1
KL      rate                                                            nats
J       Jensen gap: its half is the share of the width in the rate      nats
======  ==============================================================  =====

A phase is one of :data:`PHASES`. The exact ground state says at which temperatures to look for it; networks are
looked at by the same definition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from numerics.functional_sweep import PhaseSweep

from .hysteresis_findings import Trained, averaged
from .result import Finding

__all__ = ["PHASES", "ground_temperatures", "width_findings"]

Array = npt.NDArray[np.float64]
Phase = Callable[[Array, Array, Array], npt.NDArray[np.bool_]]


def _weak(signal: Array, rate: Array, jensen: Array) -> npt.NDArray[np.bool_]:
    return np.asarray((signal < 0.1) & (rate > 0.01))


def _wide(signal: Array, rate: Array, jensen: Array) -> npt.NDArray[np.bool_]:
    return np.asarray((signal < 0.01) & (rate > 0.003) & (jensen > rate))


PHASES: Final[Mapping[str, Phase]] = MappingProxyType({"width-coded": _weak, "width-pure": _wide})
"""By the name of their findings, of (M², KL, J): weakly coded, M² < 0.1 and KL > 0.01; and coded by the width,
M² < 0.01 and KL > 0.003, more than half of it J/2."""


def ground_temperatures(exact: PhaseSweep, phase: str) -> list[float]:
    """Temperatures at which the exact ground state is in a phase, ascending."""
    test = PHASES[phase]
    return [
        float(t)
        for t, g in zip(exact.temperatures, exact.ground, strict=True)
        if g is not None and test(g.signal_fraction, np.array([g.kl]), g.jensen).all()
    ]


def width_findings(phase: str, trained: Trained, exact: PhaseSweep) -> dict[str, Finding]:
    """Share of networks that end in a phase where the exact ground state is in it: heated, and cooled from collapse.

    Parameters
    ----------
    phase : str
        One of :data:`PHASES`.
    trained : Trained
        Networks.
    exact : PhaseSweep
        Of the same data.

    Returns
    -------
    dict of str to Finding
        ``<phase>/heated`` and ``<phase>/cooled``; ``<phase>/rate/<way>``, the mean KL beside the exact one; and
        ``<phase>/share/<way>``, J/2KL of the networks that are in the phase, if any is.
    """
    inside = ground_temperatures(exact, phase)
    ground = [g for t, g in zip(exact.temperatures, exact.ground, strict=True) if t in inside and g is not None]
    found: dict[str, Finding] = {}
    for name, chain in trained.chains.items():
        # Ends included: the outermost temperatures are among those that were trained.
        at = np.flatnonzero(np.abs(chain.T - (inside[0] + inside[-1]) / 2) <= (inside[-1] - inside[0]) / 2 + 1e-9)
        rate, jensen = chain.rate[at], chain.jensen[at]
        reached = PHASES[phase](chain.signal[at], rate, jensen)
        words = {"up": "heated", "down": "cooled from collapse"}[name]
        way = words.split()[0]
        where = f"{words}, {trained.case.where}, T from {inside[0]:.4g} to {inside[-1]:.4g} λ"
        kl = float(np.interp(chain.T[at], inside, [g.kl for g in ground]).mean())
        found[f"{phase}/{way}"] = averaged(reached.mean(axis=0), predicted=1.0, exact=1.0, where=where)
        found[f"{phase}/rate/{way}"] = averaged(rate.mean(axis=0), exact=kl, where=f"KL, nats; {where}")
        if reached.any():
            share = jensen[reached] / (2 * rate[reached])
            found[f"{phase}/share/{way}"] = Finding(
                float(share.mean()), where=f"share of the width, J/2KL, in the rate of those networks; {where}"
            )
    return found
