"""Which results on gradient flow become functions: slow rates on both sides of a threshold, and its rounding.

Symbol table
------------
Those of `theory.dynamics_rates`.
"""

from __future__ import annotations

import sympy as sp

from .dynamics_rates import DELTA, P_V, P_W, TIME, derive_relaxation_rates
from .formulas import Argument, Formula
from .linear_mode import LAMBDA

__all__ = ["dynamics_formulas"]

_EIGENVALUE = Argument(LAMBDA, "eigenvalue", "λ, variance of the data along the mode, in data variance, > 0")
_DISTANCE = Argument(DELTA, "distance", "|T − λ|, in data variance, > 0")
_TIME = Argument(TIME, "time", "training time τ of the flow, > 0")
_RATES = (
    Argument(P_W, "decoder_rate", "learning rate of w, > 0"),
    Argument(P_V, "encoder_rate", "learning rate of v, > 0"),
)
_AT = {LAMBDA: sp.Integer(2), P_W: sp.Integer(1), P_V: sp.Integer(3)}


def dynamics_formulas() -> tuple[Formula, ...]:
    """Return the formulas on gradient flow.

    Examples
    --------
    >>> [formula.name for formula in dynamics_formulas()]
    ['slow_rate_collapsed', 'slow_rate_active', 'rounding_distance']
    """
    rates = derive_relaxation_rates()
    near = {**_AT, DELTA: sp.Rational(1, 10)}
    return (
        Formula(
            "slow_rate_collapsed",
            "Slowest decay rate of gradient flow of F above a threshold, to leading order in |T − λ|.",
            (_EIGENVALUE, _DISTANCE, *_RATES),
            rates["rate-above"].rhs,
            "rate, in inverse time",
            rates.name,
            "rate-above",
            near,
        ),
        Formula(
            "slow_rate_active",
            "Slowest decay rate of gradient flow of F below a threshold, to leading order in |T − λ|.",
            (_EIGENVALUE, _DISTANCE, *_RATES),
            rates["rate-below"].rhs,
            "rate, in inverse time",
            rates.name,
            "rate-below",
            near,
        ),
        Formula(
            "rounding_distance",
            "Distance from a threshold at which the slow rate times the training time is 1.",
            (_EIGENVALUE, _TIME, *_RATES),
            rates["rounding"].rhs,
            "|T − λ|, in data variance",
            rates.name,
            "rounding",
            {**_AT, TIME: sp.Integer(100)},
        ),
    )
