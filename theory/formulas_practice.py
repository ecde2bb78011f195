"""Which results on other decoders become functions: Fisher information and temperature of a family, learned variance.

Symbol table
------------
Those of `theory.exponential_family` and `theory.learned_variance`.
"""

from __future__ import annotations

import sympy as sp

from .exponential_family import derive_exponential_family, p
from .formulas import Argument, Formula
from .learned_variance import COUNT, DIST, R, derive_learned_variance
from .loss import BETA, D, T

__all__ = ["practice_formulas"]

_FAMILIES = {
    "bernoulli": ("bce", "binary cross-entropy summed over features", "in (0, 1)"),
    "poisson": ("poisson", "Poisson log-likelihood summed over features", "> 0"),
}
_BETA = Argument(BETA, "beta", "weight of the divergence as the code writes it, > 0")
_FEATURES = Argument(D, "features", "D, number of features")
_AT_HALF = sp.Rational(1, 2)


def practice_formulas() -> tuple[Formula, ...]:
    """Return the formulas on exponential families and on a learned decoder variance.

    Examples
    --------
    >>> [formula.name for formula in practice_formulas()][:3]
    ['temperature_bce', 'beta_bce', 'fisher_bernoulli']
    """
    return (*_families(), *_learned())


def _families() -> list[Formula]:
    formulas = []
    temperature = Argument(T, "temperature", "T, in variance of the features over √G, > 0")
    for family, (loss, words, support) in _FAMILIES.items():
        derivation = derive_exponential_family(family)
        relation, information = derivation["temperature"], derivation["fisher-information"]
        (weight,) = sp.solve(relation.expression, BETA)
        formulas += [
            Formula(
                f"temperature_{loss}",
                f"Temperature of the {words}, with features over the root of their Fisher information.",
                (_BETA,),
                relation.rhs,
                "T, in variance of the features over √G",
                derivation.name,
                relation.name,
                {BETA: _AT_HALF},
            ),
            Formula(
                f"beta_{loss}",
                f"Weight that puts the {words} at a temperature.",
                (temperature,),
                weight,
                "beta, as the code writes it",
                derivation.name,
                relation.name,
                {T: _AT_HALF},
            ),
            Formula(
                f"fisher_{family}",
                f"Fisher information of one feature of a {family} decoder at collapse.",
                (Argument(p, "mean", f"mean of the feature, {support}"),),
                information.rhs,
                "G, in data variance",
                derivation.name,
                information.name,
                {p: sp.Rational(1, 4)},
            ),
        ]
    return formulas


def _learned() -> list[Formula]:
    derivation = derive_learned_variance()
    balance, root = derivation["self-consistency"], derivation["root"]
    (weight,) = sp.solve(balance.expression, BETA)
    return [
        Formula(
            "beta_learned_variance",
            "Weight at which a learned decoder variance settles at a temperature.",
            (
                Argument(T, "temperature", "T, in data variance, > 0"),
                _FEATURES,
                Argument(DIST, "distortion", "squared error per row at T, in data variance, > 0"),
            ),
            weight,
            "beta, as the code writes it",
            derivation.name,
            balance.name,
            {T: sp.Integer(1), D: sp.Integer(4), DIST: sp.Integer(3)},
        ),
        Formula(
            "temperature_learned_variance",
            "Temperature that a learned decoder variance settles at with a number of active modes.",
            (
                _BETA,
                _FEATURES,
                Argument(COUNT, "active", "n, number of active modes, < D/beta"),
                Argument(R, "rest", "R, variance of all other modes, in data variance"),
            ),
            root.rhs,
            "T, in data variance",
            derivation.name,
            root.name,
            {BETA: sp.Integer(1), D: sp.Integer(4), COUNT: sp.Integer(2), R: sp.Integer(2)},
        ),
    ]
