"""Claims on model classes: which collapse in a jump, locally and globally, and which active phases they have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numerics.functional import solve_functional
from numerics.pointset import three_points

from .cases import parabola_of_u, solved, solved_curve
from .claim import Claim, Evidence, Results, Role
from .gather import SWEEP, from_findings, jump

__all__ = ["CLASS_CLAIMS"]

_PARABOLA = 0.6
"""Curvature c of the parabola (u, c(u² − 1)) that jumps without skewness or kurtosis of its top mode."""
_WEAK = 0.1
"""Share of runs that have to end in a weakly coded phase for training to count as reaching it."""


def _class_linear(_: Results) -> Sequence[Evidence]:
    return [jump(solved(k3, k4, "linear"), False) for k3, k4 in ((0.8, 1.0), (0.0, 12.0))]


def _class_decoder(_: Results) -> Sequence[Evidence]:
    return [
        jump(solved(0.5, 0.25, "nonlinear-decoder"), False),
        jump(solved(1.3, 1.69, "nonlinear-decoder"), True),
        # Two columns, κ3 = 0: ‖κ⃗‖ is the co-skewness, 0.95 and 1.23.
        jump(solved_curve(0.27, 1.5, "nonlinear-decoder"), False),
        jump(solved_curve(0.35, 1.5, "nonlinear-decoder"), True),
        jump(solved(0.0, 12.0, "nonlinear-decoder"), False, role="counter-example"),
    ]


def _class_mean(_: Results) -> Sequence[Evidence]:
    return [
        jump(solved(0.5, 0.25, "nonlinear-mean"), False),
        jump(solved(1.3, 1.69, "nonlinear-mean"), True),
        # Two columns, κ3 = 0: ‖κ⃗‖ is the co-skewness, 0.95 and 1.23.
        jump(solved_curve(0.27, 1.5, "nonlinear-mean"), False),
        jump(solved_curve(0.35, 1.5, "nonlinear-mean"), True),
        jump(solved(0.0, 12.0, "nonlinear-mean"), False, role="counter-example"),
    ]


def _class_flexible(_: Results) -> Sequence[Evidence]:
    return [
        jump(solved(0.0, -1.0), False),
        jump(solved(0.0, 1.7), False),
        jump(solved(0.8, 1.0), True),
        jump(solved(0.0, 3.0), True),
        _below_collapse(0.0, role="counter-example"),
        jump(solved_curve(0.8), False, role="counter-example"),
    ]


def _below_collapse(predicted: float, *, role: Role = "support") -> Evidence:
    """An active state of a narrower class below collapse at T = λ_max: the wider class has one, too, so it jumps."""
    state = parabola_of_u(_PARABOLA, 1.0)
    variance = float(state.weights @ (state.points**2).sum(axis=1))
    return Evidence(
        "gain of an active state over collapse at T = λ_max, (V − F)/λ",
        "=" if predicted == 0 else ">=",
        predicted,
        exact=variance - state.F,
        tolerance=1e-6 if predicted == 0 else 0.0,
        where=f"parabola (u, c(u² − 1)), c = {_PARABOLA:g}, u normal: κ3 = κ4 = 0; linear encoder of u, free decoder",
        role=role,
    )


def _co_skewness(_: Results) -> Sequence[Evidence]:
    return [
        jump(solved_curve(0.5), False),
        jump(solved_curve(0.8), True),
        jump(solved_curve(0.3, 1.9), True),
        # The sum is 0.32 and 0.18 here: κ4 decides, and the bound is 0.93 and 1.40 instead of 2.
        jump(solved_curve(0.15, 1.6), True),
        jump(solved_curve(0.15, 0.7), False),
        _below_collapse(1e-3),
        Evidence(
            "M² just below the threshold, over (T_c − T)/T_c",
            "=",
            1 / (1 - 0.25 / 0.75),
            exact=_first_slope(0.5),
            relative=0.01,
            where="three points on a parabola, c = 0.5, κ4 = −1, class flexible: 1/(1 − Σ κ²_11j/(1 − λ_j))",
        ),
    ]


def _first_slope(curvature: float, distance: float = 1e-4) -> float:
    """M²/(1 − T) of the active state that collapse goes over to."""
    u, weights = three_points(0.0, -1.0)
    x = np.stack([u, curvature * (u**2 - 1)], axis=1)
    found = solve_functional(x, 1 - distance, weights=weights, start="mean", bound=None, accuracy=1e-12)
    return float(found.signal_fraction[0]) / distance


def _local_is_global(_: Results) -> Sequence[Evidence]:
    case = solved(0.0, 12.0, "nonlinear-decoder")
    linear = solved(0.0, 12.0, "linear")
    return [
        Evidence("T*/λ_max", "=", 1.0, exact=linear.coexistence, tolerance=1e-6, where=linear.where),
        Evidence(
            "T*/λ_max", "=", 1.0, exact=case.coexistence, tolerance=1e-3, where=case.where, role="counter-example"
        ),
    ]


def _safe_test(results: Results) -> Sequence[Evidence]:
    case = solved(0.0, 5.0)
    state = min(
        (s for s in case.sweep.ground if s is not None and s.active), key=lambda s: float(s.signal_fraction.max())
    )
    return [
        *from_findings(
            "threshold",
            "active-test/",
            "latents on which M² > 0.1 and KL > 0.05 nats disagree",
            predicted=0.0,
            tolerance=0.5,
        )(results),
        Evidence(
            "largest M² of an active equilibrium",
            ">=",
            0.1,
            exact=float(state.signal_fraction.max()),
            where=f"{case.where}, T = {state.temperature:.3f} λ: KL = {state.kl:.3g} nats, {state.phase}",
            role="counter-example",
        ),
    ]


def _width(_: Results) -> Sequence[Evidence]:
    case = solved(0.0, 1.7)
    found = case.widths()
    if found is None:
        return [Evidence("KL of a width-coded ground state, nats", ">=", 1e-4, exact=0.0, where=case.where)]
    T, signal, rate = found
    where = f"{case.where}, T = {T:.3f} λ"
    return [
        Evidence("KL of the ground state, nats", ">=", 1e-4, exact=rate, where=where),
        Evidence("its M²", "=", 0.0, exact=signal, tolerance=1e-6, where=where),
        *[
            Evidence(
                "KL of the ground state, nats",
                ">=",
                1e-4,
                exact=(other.widths() or (0.0, 0.0, 0.0))[2],
                where=f"{other.where}: no width-coded ground state at any T",
                role="counter-example",
            )
            for other in (solved(0.0, 12.0, "nonlinear-mean"), solved(0.0, -1.0))
        ],
    ]


def _width_reached(results: Results) -> Sequence[Evidence]:
    return [
        _share_reached(results, "width-coded/heated", "support"),
        *[
            Evidence.of(
                "KL of the heated networks, nats, and of the ground state", "=", f, predicted=f.exact, relative=0.2
            )
            for f in results.findings("hysteresis", "width-coded/rate/heated").values()
        ],
        _share_reached(results, "width-coded/cooled", "counter-example"),
    ]


def _pure_reached(results: Results) -> Sequence[Evidence]:
    return [_share_reached(results, f"width-pure/{way}", "counter-example") for way in ("heated", "cooled")]


def _share_reached(results: Results, name: str, role: Role) -> Evidence:
    finding = results.finding("hysteresis", name)
    where = "" if finding else f"experiment hysteresis, {name}"
    return Evidence.of("share of trained VAEs that end there", ">=", finding, predicted=_WEAK, role=role, where=where)


CLASS_CLAIMS = (
    Claim(
        "class-linear",
        "In the class `linear` no collapse is a jump.",
        ("wang2022", "hirn2026pruning"),
        "",
        "",
        "",
        "linear",
        SWEEP,
        (),
        _class_linear,
    ),
    Claim(
        "class-nonlinear-decoder",
        "With a free decoder and a linear encoder, collapse is continuous if ‖κ⃗‖ < 1 and jumps if ‖κ⃗‖ > 1, "
        "κ⃗ = E x x_1²/λ_1^{3/2}.",
        ("landau-vae",),
        "",
        "locally: no distant minimum pre-empts the threshold",
        "heavy tails: a distant minimum takes over above λ_max although κ3 = 0",
        "nonlinear-decoder",
        SWEEP,
        (),
        _class_decoder,
    ),
    Claim(
        "class-nonlinear-mean",
        "With free decoder and free μ(x) at constant width, collapse is continuous if ‖κ⃗‖ < 1 and jumps if ‖κ⃗‖ > 1.",
        ("landau-vae",),
        "",
        "locally: no distant minimum pre-empts the threshold",
        "heavy tails: a distant minimum takes over above λ_max although κ3 = 0",
        "nonlinear-mean",
        SWEEP,
        (),
        _class_mean,
    ),
    Claim(
        "class-flexible",
        "With free encoder and decoder, collapse jumps if κ3 ≠ 0 or κ4 > 2 of the top mode, and is "
        "locally continuous else.",
        ("landau-vae",),
        "",
        "one column, or further modes that are not co-skewed with the top one (κ_11j = E x_1² x_j = 0)",
        "they are: on the parabola κ3 = κ4 = 0, and yet an active state lies below collapse at λ_max",
        "flexible",
        SWEEP,
        (),
        _class_flexible,
    ),
    Claim(
        "co-skewness",
        "With free encoder and decoder, and λ_1 = 1 simple, collapse jumps if κ3 ≠ 0, if Σ κ²_11j/(1 − λ_j) > 1, or if "
        "κ4 > 2 − (3/2) Σ κ²_11j − 2 Σ κ²_11j/(1 − λ_j), and is locally continuous else.",
        ("landau-vae",),
        "",
        "",
        "",
        "flexible",
        SWEEP,
        (),
        _co_skewness,
    ),
    Claim(
        "local-is-global",
        "A locally continuous threshold is where the latent is lost: T* = λ_max.",
        ("hirn2026effective",),
        "",
        "the class `linear`, or strictly sub-Gaussian data",
        "a distant minimum pre-empts it (heavy tails)",
        "transition-laws",
        SWEEP,
        (),
        _local_is_global,
    ),
    Claim(
        "active-test",
        "A latent is alive if and only if M² > 0.1.",
        ("hirn2026pruning",),
        "",
        "equilibria of the class `linear`, away from thresholds",
        "the rate is carried by the width of the posterior: a latent with M² < 0.1 can be the ground "
        "state's active one",
        "flexible",
        SWEEP,
        ("threshold",),
        _safe_test,
    ),
    Claim(
        "width-coded",
        "There are active phases without signal: M² = 0, J > 0, KL > 0.",
        ("landau-vae",),
        "",
        "free posterior width, symmetric data with 3/2 < κ4 < 2 just below T_c (locally), mixtures beyond",
        "the width is constant (class `nonlinear-mean`), or the tails are light",
        "flexible",
        SWEEP,
        (),
        _width,
    ),
    Claim(
        "weakly-coded-reached",
        "Training reaches the weakly coded phases (M² < 0.1, KL > 0.01 nats) where they are the ground state.",
        ("landau-vae",),
        "",
        "networks heated from an active state",
        "the network is cooled from collapse: it stays there",
        "flexible",
        SWEEP,
        ("hysteresis",),
        _width_reached,
    ),
    Claim(
        "width-coded-reached",
        "Training reaches phases coded by the width (M² < 0.01, most of the rate J/2) where they are the ground state.",
        ("landau-vae",),
        "",
        "",
        "they are a ground state by 10⁻⁴ λ and less, as wherever they were found: heated networks keep a signal or "
        "collapse, cooled ones stay collapsed",
        "flexible",
        SWEEP,
        ("hysteresis",),
        _pure_reached,
    ),
)
"""In the order of the ledger."""
