"""The relatives of the plain VAE explained: which step is the threshold, what is known beyond it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import sympy as sp

from .derivation import Derivation
from .explanation import Explanation, formula_of
from .relatives import derive_relative
from .transition import Verdict

__all__ = ["EXPLAINED_RELATIVES", "explain_relative"]


@dataclass(frozen=True, slots=True)
class _Relative:
    """Which step of a relative's derivation is its threshold, which result becomes a function, what is known beyond."""

    derivation: Derivation
    critical: Mapping[str, str]
    step: str
    result: sp.Expr
    function: str
    summary: str
    kind: str
    globally: str
    evidence: tuple[str, ...]


def explain_relative(name: str, order: int) -> Explanation:
    found = EXPLAINED_RELATIVES[name]()
    derivation = found.derivation
    condition = sp.false if "undecided" not in (found.kind, found.globally) else sp.Symbol("undecided")
    verdict = Verdict(found.kind, found.globally, condition, found.evidence, derivation.assumptions)
    formula = formula_of(derivation, found.step, found.result, found.function, found.summary)
    return Explanation(name, order, (derivation,), verdict, found.critical, formula)


def _exponential_family(name: str) -> _Relative:
    derivation = derive_relative(name)
    variance = sp.Symbol("S_11", positive=True)
    one = variance / derivation["fisher-information"].rhs
    return _Relative(
        derivation,
        {"parameter": "beta", "value": "lambda_max(G**(-1/2) * S * G**(-1/2))", "one_feature": sp.sstr(one)},
        "critical-beta",
        one,
        f"critical_beta_{name}",
        f"Critical β of one feature with a {name} decoder; for several, the top eigenvalue of G^-1/2 S G^-1/2.",
        "undecided",
        "undecided",
        ("the quadratic form is derived: it fixes the threshold, not the order of the transition",),
    )


def _learned_variance() -> _Relative:
    derivation = derive_relative("learned-variance")
    quartic, jump = (sp.sstr(derivation[step].rhs) for step in ("linear-model", "jump-from-zero"))
    return _Relative(
        derivation,
        {"parameter": "beta", "value": sp.sstr(derivation["threshold"].rhs)},
        "root",
        derivation["root"].rhs,
        "learned_temperature",
        "Temperature at which a learned decoder variance settles.",
        "continuous",
        "undecided",
        (
            f"for the linear model the quartic coefficient is {quartic}: positive unless one mode holds all variance",
            f"with as many latents as the rank the temperature jumps from 0 at beta = {jump}",
        ),
    )


def _conditional() -> _Relative:
    derivation = derive_relative("conditional")
    threshold = derivation["threshold"].rhs
    return _Relative(
        derivation,
        {"parameter": "T", "value": sp.sstr(threshold)},
        "threshold",
        threshold,
        "conditional_threshold",
        "Threshold of a mode given the condition.",
        "continuous",
        "continuous",
        ("the free energy is that of the linear-Gaussian model with the residual covariance of x given the condition",),
    )


def _bottleneck() -> _Relative:
    derivation = derive_relative("bottleneck")
    critical = derivation["critical-beta"].rhs
    return _Relative(
        derivation,
        {"parameter": "beta", "value": sp.sstr(critical)},
        "critical-beta",
        critical,
        "bottleneck_critical_beta",
        "Critical β of a mode of the bottleneck.",
        "continuous",
        "continuous",
        ("the Lagrangian of a Gaussian channel has one active branch, and it meets collapse at the critical beta",),
    )


EXPLAINED_RELATIVES: Final[Mapping[str, Callable[[], _Relative]]] = {
    "bernoulli": lambda: _exponential_family("bernoulli"),
    "poisson": lambda: _exponential_family("poisson"),
    "learned-variance": _learned_variance,
    "conditional": _conditional,
    "bottleneck": _bottleneck,
}
