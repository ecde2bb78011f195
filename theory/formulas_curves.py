"""Which results on the parabola become functions: free energy, equation of state, spinodal, stability against a tilt.

Temperatures are in units of the variance of u, where collapse loses stability at T = 1 for an encoder that sees u only.

Symbol table
------------
symbol   meaning                                              unit
m        signal fraction M²                                   1
c        curvature of the parabola x = (u, c(u² − 1))         1
T        temperature over the variance of u                   1
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from .curve_derivation import A, c, derive_curve, m
from .formulas import Argument, Formula
from .loss import T

__all__ = ["curve_formulas"]

_SIGNAL = Argument(m, "signal_fraction", "M², in [0, 1)")
_CURVATURE = Argument(c, "curvature", "c of the parabola (u, c(u² − 1)), >= 0")
_TEMPERATURE = Argument(T, "temperature", "T over the variance of the mode, > 0")
_HALF = {m: sp.Rational(1, 2), c: sp.Integer(1), T: sp.Integer(1)}


@lru_cache(maxsize=1)
def curve_formulas() -> tuple[Formula, ...]:
    """Return the formulas of the parabola.

    Examples
    --------
    >>> {formula.name: formula.result for formula in curve_formulas()}["parabola_temperature"]
    (1 - m)*(4*c**2*m + 1)
    """
    curve = derive_curve(2)
    first, second = sp.symbols("c_1 c_2", positive=True)
    rows = (
        (
            "parabola_free_energy",
            "Free energy of a latent that encodes the parameter of a parabola.",
            (_SIGNAL, _CURVATURE, _TEMPERATURE),
            "free-energy",
            curve["free-energy"].rhs.subs({first: 1, second: sp.sqrt(2) * c}),
            "F over the variance of u",
        ),
        (
            "parabola_temperature",
            "Equation of state of the parabola: the temperature at which a signal fraction is stationary.",
            (_SIGNAL, _CURVATURE),
            "parabola",
            curve["parabola"].rhs,
            "T over the variance of u; the state is locally stable where it falls with M²",
        ),
        (
            "signal_rate",
            "Divergence of a latent of constant width at posterior scale 1.",
            (_SIGNAL,),
            "rate",
            curve["rate"].rhs.subs(A, 1),
            "KL, in nats",
        ),
        (
            "parabola_spinodal",
            "Signal fraction at which the active branch of a parabola ends on heating.",
            (_CURVATURE,),
            "parabola-spinodal",
            curve["parabola-spinodal"].rhs,
            "M²; not positive for c <= ½, where the branch reaches collapse",
        ),
        (
            "parabola_tilt_stiffness",
            "Second variation of F on the parabola's branch when an encoder that sees all tilts towards x_2.",
            (_SIGNAL, _CURVATURE),
            "tilt-branch",
            curve["tilt-branch"].rhs,
            "over the variance of u; the branch is stable where it is positive",
        ),
    )
    return tuple(
        Formula(
            name, summary, arguments, result, returns, curve.name, step, {a.symbol: _HALF[a.symbol] for a in arguments}
        )
        for name, summary, arguments, step, result, returns in rows
    )
