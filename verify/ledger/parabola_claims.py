"""Claims on the parabola (u, c(u² − 1)), u normal, whose equilibria are closed for a linear encoder of u.

======  ==================================================  ======
symbol  meaning                                             unit
======  ==================================================  ======
``c``   curvature                                           1
``m``   signal fraction M²                                  1
``T*``  coexistence with full collapse                      Var u
======  ==================================================  ======
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from numerics import _formulas

from ..experiments.hysteresis_cases import Parabola
from .cases import parabola_of_u
from .claim import Claim, Evidence, Results
from .gather import from_findings

__all__ = ["PARABOLA_CLAIMS"]

_SOLVER = "numerics.functional.solve_functional"
_CURVATURE = 0.8


def _equation_of_state(results: Results) -> Sequence[Evidence]:
    closed, T = Parabola(_CURVATURE), 0.9
    return [
        *from_findings(
            "hysteresis",
            "parabola-u/branch",
            "largest deviation of M² from the equation of state",
            predicted=0.0,
            tolerance=0.05,
        )(results),
        *from_findings("hysteresis", "parabola-u/up", "T/λ where the heated VAE collapses", tolerance=0.04)(results),
        *from_findings(
            "hysteresis", "parabola-u/down", "T/λ where the cooled VAE wakes", predicted=1.0, tolerance=0.06
        )(results),
        Evidence(
            "M²",
            "=",
            float(closed.signal(np.array([T]))[0]),
            exact=float(parabola_of_u(_CURVATURE, T).signal_fraction[0]),
            # Of the table from which T(m) is inverted.
            tolerance=1e-6,
            where=f"parabola c = {_CURVATURE:g}, T = {T:g} λ, linear encoder of u, free decoder",
        ),
        *from_findings(
            "hysteresis",
            "parabola-all/gain",
            "(F of the closed branch − F)/V",
            predicted=0.0,
            tolerance=1e-3,
            role="counter-example",
        )(results),
    ]


def _closed_coexistence(_: Results) -> Sequence[Evidence]:
    found = []
    for c in (0.6, _CURVATURE):

        def away(m: float, c: float = c) -> float:
            log = (1 - m) * math.log1p(-m)
            return -(m + log) / (2 * m**2 + 4 * m * log) - c**2

        closed = Parabola(c)
        # The parametric form starts at c = ½, m = 0, and c² has a pole where its denominator vanishes, at m = 0.72.
        m = float(brentq(away, closed.end_signal, 0.71))
        T = float(_formulas.parabola_temperature(m, c))
        found.append(
            Evidence("T*/λ", "=", T, exact=closed.coexistence, tolerance=1e-9, where=f"closed branch, c = {c:g}")
        )
        state = parabola_of_u(c, T)
        variance = float(state.weights @ (state.points**2).sum(axis=1))
        found.append(
            Evidence(
                "(F − V)/λ at the closed T*",
                "=",
                0.0,
                exact=state.F - variance,
                tolerance=1e-7,
                where=f"functional equilibrium, c = {c:g}, M² = {state.signal_fraction[0]:.4g}",
            )
        )
    return found


_TILT = 0.4395
"""Curvature from which an encoder of all coordinates leaves the closed branch; four digits of 0.43950…"""


def _tilt(results: Results) -> Sequence[Evidence]:
    m = np.linspace(0.0, 1.0, 20_001)[1:-1]

    def least(c: float) -> float:
        return float((_formulas.parabola_tilt_stiffness(m, c) / (1 - m)).min())

    return [
        Evidence(
            "c at which the branch first loses stability to a tilt",
            "=",
            _TILT,
            exact=float(brentq(least, 0.3, 0.6)),
            tolerance=1e-4,
            where="least tilt stiffness over all M² in (0, 1)",
        ),
        *from_findings(
            "hysteresis", "parabola-all/tilt", "T/λ where the heated encoder leaves the branch", tolerance=0.04
        )(results),
        *from_findings(
            "hysteresis",
            "parabola-all/gain",
            "(F of the closed branch − F)/V beyond the instability",
            relation=">=",
            predicted=1e-3,
        )(results),
    ]


PARABOLA_CLAIMS = (
    Claim(
        "equation-of-state",
        "On the parabola a linear encoder follows T(m) = (1−m)(1+4c²m), with a hysteresis loop for c > ½.",
        ("landau-vae",),
        "",
        "the encoder sees u only",
        "it sees all coordinates, and c > 0.4395: it tilts towards x_2 and goes lower",
        "curve",
        _SOLVER,
        ("hysteresis",),
        _equation_of_state,
    ),
    Claim(
        "closed-coexistence",
        "For a linear encoder of u and c > ½ the parabola's coexistence temperature is closed: T* = T(m) where "
        "c² = −[m+(1−m)ln(1−m)]/[2m²+4m(1−m)ln(1−m)].",
        ("landau-vae",),
        "",
        "",
        "",
        "curve",
        _SOLVER,
        (),
        _closed_coexistence,
    ),
    Claim(
        "tilt-stability",
        "On the closed branch of the parabola a linear encoder that sees all coordinates keeps to u at every M² if and "
        "only if c < 0.4395; else it tilts towards x_2.",
        ("landau-vae",),
        "",
        "",
        "",
        "curve",
        "numerics._formulas.parabola_tilt_stiffness",
        ("hysteresis",),
        _tilt,
    ),
)
"""In the order of the ledger."""
