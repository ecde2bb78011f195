"""Which results on the order of the transition become functions: the parabola exactly, free functions to order 4.

Temperatures are in units of the variance λ of the mode, so that collapse loses stability at T = 1. The explorer in the
browser draws both; `theory.curves` and `theory.truncated` solve instead of draw.

Symbol table
------------
symbol   meaning                                              unit
m        signal fraction M²                                   1
c        curvature of the parabola x = (u, c(u² − 1))         1
T        temperature over the variance λ of the mode          1
r        width amplitude E[x̂ ln σ]                            1
κ3, κ4   skewness and excess kurtosis of the mode             1
"""

from __future__ import annotations

import sympy as sp

from .curve_derivation import m
from .formulas import Argument, Formula
from .formulas_curves import curve_formulas
from .landau import reduce
from .loss import T
from .readout import amplitude_symbol

__all__ = ["transition_formulas"]

_R, _K3, _K4 = (amplitude_symbol(name) for name in ("r", "kappa3", "kappa4"))
_TEMPERATURE = Argument(T, "temperature", "T over the variance of the mode, > 0")
_WIDTH = Argument(_R, "width", "r, width amplitude")
_SKEWNESS = Argument(_K3, "skewness", "κ3 of the mode")
_KURTOSIS = Argument(_K4, "kurtosis", "κ4 of the mode, excess")
_FLEXIBLE = (
    Argument(m, "signal", "squared mean amplitude a², the signal fraction to leading order, >= 0"),
    _WIDTH,
    _TEMPERATURE,
    _SKEWNESS,
    _KURTOSIS,
)
_NEAR = {m: sp.Rational(1, 4), _R: sp.Rational(1, 2), T: sp.Integer(2), _K3: sp.Integer(1), _K4: sp.Integer(-1)}


def transition_formulas() -> tuple[Formula, ...]:
    """Return the formulas on the order of the transition.

    Examples
    --------
    >>> {formula.name: formula.result for formula in transition_formulas()}["parabola_temperature"]
    (1 - m)*(4*c**2*m + 1)
    """
    drawn = ("parabola_free_energy", "parabola_temperature", "signal_rate")
    return (*(formula for formula in curve_formulas() if formula.name in drawn), *_flexible())


def _flexible() -> tuple[Formula, ...]:
    landau = reduce("flexible", 4)
    # a enters squared only: z → −z.
    free = sp.expand(landau.polynomial.subs(amplitude_symbol("a"), sp.sqrt(m)))
    rows = (
        ("flexible_free_energy", "Landau polynomial of free encoders and decoders through order 4.", free, "F/λ"),
        ("flexible_slope_signal", "Its slope in the squared mean amplitude.", sp.diff(free, m), "∂F/∂(a²) over λ"),
        ("flexible_slope_width", "Its slope in the width amplitude.", sp.diff(free, _R), "∂F/∂r over λ"),
        ("flexible_rate", "Rate of its states, half the slope in T.", sp.diff(free, T) / 2, "KL, in nats"),
    )
    formulas = []
    for name, summary, result, returns in rows:
        arguments = tuple(a for a in _FLEXIBLE if a.symbol in result.free_symbols)
        example = {a.symbol: _NEAR[a.symbol] for a in arguments}
        formulas.append(Formula(name, summary, arguments, result, returns, "flexible", "reduced", example))
    return tuple(formulas)
