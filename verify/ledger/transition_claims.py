"""Claims on the threshold: where collapse loses stability, what training follows, whether the rate jumps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .cases import solved, solved_curve
from .claim import Claim, Evidence, Results
from .gather import SWEEP, from_findings, jump

__all__ = ["TRANSITION_CLAIMS"]


def _discontinuous(results: Results) -> Sequence[Evidence]:
    skewed, heavy = solved(0.8, 1.0), solved(0.0, 5.0)
    trained = "KL of a trained VAE above λ_max, nats"
    return [
        *from_findings("hysteresis", "skewed/kl-up-above", trained, relation=">=", predicted=0.01)(results),
        jump(skewed, True),
        jump(heavy, True),
        jump(solved_curve(0.8), True),
        *from_findings(
            "hysteresis", "skewed-linear/kl-up-above", trained, relation=">=", predicted=0.01, role="counter-example"
        )(results),
        jump(solved(0.8, 1.0, "linear"), True, role="counter-example"),
        jump(solved(0.0, -1.0), True, role="counter-example"),
        Evidence(
            "T*/λ_max", "=", 1.0, exact=skewed.coexistence, tolerance=1e-3, where=skewed.where, role="counter-example"
        ),
    ]


def _threshold_anywhere(results: Results) -> Sequence[Evidence]:
    quantity = "T/λ_max where a small seed stops growing"
    return [
        *from_findings("threshold", "local/", quantity, predicted=1.0, tolerance=0.03)(results),
        *[
            Evidence(
                "lower spinodal of full collapse over λ_max",
                "=",
                1.0,
                exact=case.sweep.spinodals[0],
                tolerance=1e-9,
                where=case.where,
            )
            for case in (solved(0.8, 1.0), solved(1.3, 1.69, "nonlinear-mean"))
        ],
        *from_findings("threshold", "tangent/", f"{quantity}: top eigenvalue within the tangent space", tolerance=0.02)(
            results
        ),
        *from_findings("threshold", "tangent/", quantity, predicted=1.0, tolerance=0.03, role="counter-example")(
            results
        ),
    ]


def _trajectories(results: Results) -> Sequence[Evidence]:
    above = "KL on heating above λ_max, nats"
    return [
        *from_findings(
            "hysteresis",
            "skewed/kl-down-above",
            "KL on cooling between λ_max and T*, nats",
            predicted=0.0,
            tolerance=0.01,
        )(results),
        *from_findings(
            "hysteresis",
            "skewed/down-wake",
            "T/λ_max where a collapsed VAE wakes on cooling",
            predicted=1.0,
            tolerance=0.06,
        )(results),
        *from_findings("hysteresis", "skewed-linear/kl-up-above", above, predicted=0.0, tolerance=0.01)(results),
        *from_findings(
            "hysteresis", "skewed/kl-up-above", above, predicted=0.0, tolerance=0.01, role="counter-example"
        )(results),
        *from_findings(
            "annealing",
            "trap/relu-3-mean@breast-cancer/constant",
            "share of deep networks that end collapsed far below λ_max",
            relation="<=",
            predicted=0.0,
            role="counter-example",
        )(results),
        *_dead_networks(results),
    ]


_DEEP = "relu-3"
"""Architectures on a saddle of their parameters at collapse: ReLU, three hidden layers."""


def _dead_networks(results: Results) -> list[Evidence]:
    """Trainings from scratch clearly below the threshold, by architecture and real data set."""
    temperatures = np.asarray(results.settings("threshold").get("temperatures", ()), dtype=np.float64)
    found = []
    for name, rates in results.curves("threshold", "sweep/").items():
        case, _, quantity = name.rpartition("/")
        if quantity != "KL" or case.endswith("@gaussian"):
            continue
        total = rates[temperatures < 0.9].sum(axis=2)
        dead = int((total < _DEAD).sum())
        found.append(
            Evidence(
                "share of networks that end collapsed below 0.9 λ_max",
                "=",
                0.0,
                measured=dead / total.size,
                where=f"{case}, trained from scratch: {dead} of {total.size}",
                role="counter-example" if case.startswith(_DEEP) else "support",
            )
        )
    return found


_DEAD = 0.01
"""Nats below which a network counts as collapsed."""


def _upper_spinodal(results: Results) -> Sequence[Evidence]:
    quantity = "T/λ where the heated VAE collapses: upper spinodal"
    case = solved(0.8, 1.0)
    return [
        *from_findings("hysteresis", "skewed/up-collapse", quantity, tolerance=0.06)(results),
        *from_findings("hysteresis", "parabola-u/up", quantity, tolerance=0.04)(results),
        Evidence(
            "upper spinodal over T*",
            ">=",
            1.0,
            exact=case.sweep.spinodals[1] / (case.coexistence or float("inf")),
            where=case.where,
        ),
    ]


def _coexistence(results: Results) -> Sequence[Evidence]:
    return from_findings(
        "hysteresis", "skewed/coexistence", "T/λ where F of heated and of cooled networks cross", relative=0.01
    )(results)


TRANSITION_CLAIMS = (
    Claim(
        "kl-discontinuous",
        "KL is discontinuous at the threshold λ_max.",
        ("li2025",),
        "abstract",
        "free encoder and decoder, and a mode that is skewed (κ3 ≠ 0), heavy-tailed (κ4 > 2) or co-skewed with others "
        "(Σ κ²_11j/(1 − λ_j/λ_1) > 1; see `co-skewness`, and the class table for narrower classes); the jump then lies "
        "at T* > λ_max, not at λ_max",
        "the VAE is linear, or the data are Gaussian or strictly sub-Gaussian: KL vanishes continuously; and where it "
        "jumps, the jump is not at λ_max",
        "flexible",
        SWEEP,
        ("hysteresis",),
        _discontinuous,
    ),
    Claim(
        "local-threshold",
        "Every VAE, of any architecture, loses local stability of full collapse at exactly λ_max.",
        ("li2025", "dai2020"),
        "abstract of the first",
        "the architecture represents small linear maps in encoder and decoder",
        "it does not: the threshold is then the top eigenvalue within its tangent space",
        "residual-stability",
        SWEEP,
        ("threshold",),
        _threshold_anywhere,
    ),
    Claim(
        "trajectory-follows-threshold",
        "A trained VAE collapses, and wakes, at the local threshold λ_max.",
        ("li2025", "hirn2026pruning"),
        "",
        "cooled from the collapsed state, or continuous transitions; networks that are not on a saddle of their "
        "parameters",
        "heated from an active state on skewed data: it stays active above λ_max up to the upper spinodal; or deep: "
        "most ReLU networks with three hidden layers, trained from scratch at T = 0.35 λ_max, never leave collapse, a "
        "flat saddle of their parameters",
        "flexible",
        SWEEP,
        ("hysteresis", "annealing", "threshold"),
        _trajectories,
    ),
    Claim(
        "upper-spinodal",
        "Where collapse is a jump, a heated VAE stays active beyond T*, up to the exact upper spinodal.",
        ("landau-vae",),
        "",
        "",
        "",
        "transition-laws",
        SWEEP,
        ("hysteresis",),
        _upper_spinodal,
    ),
    Claim(
        "coexistence",
        "On skewed data heated and cooled networks change places in F at the exact coexistence temperature T*.",
        ("landau-vae",),
        "",
        "",
        "",
        "transition-laws",
        SWEEP,
        ("hysteresis",),
        _coexistence,
    ),
)
"""In the order of the ledger."""
