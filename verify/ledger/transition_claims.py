"""Claims on the order of the transition: continuous or a jump, local or global, bounds on the collapse temperature."""

from __future__ import annotations

from collections.abc import Sequence

from .cases import Case, solved
from .claim import Claim, Evidence, Results
from .linear_claims import from_findings

__all__ = ["TRANSITION_CLAIMS"]

_SOLVER = "numerics.functional_sweep.sweep_functional"
_JUMP = 1e-3
"""Nats: a rate below this just under the collapse counts as continuous; jumps of the cases are ten times larger."""


def _jump(case: Case, expected: bool, *, counter: bool = False) -> Evidence:
    """Does the rate jump where the theory says so? 1 is a jump."""
    return Evidence(
        "a jump at collapse (1) or none (0)",
        "=",
        float(expected),
        exact=float(case.kl_jump > _JUMP),
        where=f"{case.where}: KL jumps by {case.kl_jump:.3g}",
        role="counter-example" if counter else "support",
    )


def _discontinuous(results: Results) -> Sequence[Evidence]:
    skewed, heavy = solved(0.8, 1.0), solved(0.0, 5.0)
    return [
        *from_findings(
            "hysteresis", "skewed/kl-up-above", "KL of a trained VAE above λ_max, nats", relation=">=", predicted=0.01
        )(results),
        _jump(skewed, True),
        _jump(heavy, True),
        _jump(solved(0.8, 1.0, "linear"), True, counter=True),
        _jump(solved(0.0, -1.0), True, counter=True),
        Evidence(
            "T*/λ_max", "=", 1.0, exact=skewed.coexistence, tolerance=1e-3, where=skewed.where, role="counter-example"
        ),
    ]


def _class_linear(_: Results) -> Sequence[Evidence]:
    return [_jump(solved(k3, k4, "linear"), False) for k3, k4 in ((0.8, 1.0), (1.3, 1.69), (0.0, 12.0))]


def _class_decoder(_: Results) -> Sequence[Evidence]:
    return [
        _jump(solved(0.5, 0.25, "nonlinear-decoder"), False),
        _jump(solved(1.3, 1.69, "nonlinear-decoder"), True),
        _jump(solved(0.0, 12.0, "nonlinear-decoder"), False, counter=True),
    ]


def _class_mean(_: Results) -> Sequence[Evidence]:
    return [
        _jump(solved(0.5, 0.25, "nonlinear-mean"), False),
        _jump(solved(1.3, 1.69, "nonlinear-mean"), True),
        _jump(solved(0.0, 12.0, "nonlinear-mean"), False, counter=True),
    ]


def _class_flexible(_: Results) -> Sequence[Evidence]:
    return [
        _jump(solved(0.0, -1.0), False),
        _jump(solved(0.0, 1.5), False),
        _jump(solved(0.8, 1.0), True),
        _jump(solved(0.0, 3.0), True),
    ]


def _local_is_global(_: Results) -> Sequence[Evidence]:
    case = solved(0.0, 12.0, "nonlinear-decoder")
    linear = solved(0.0, 12.0, "linear")
    return [
        Evidence("T*/λ_max", "=", 1.0, exact=linear.coexistence, tolerance=1e-6, where=linear.where),
        Evidence(
            "T*/λ_max", "=", 1.0, exact=case.coexistence, tolerance=1e-3, where=case.where, role="counter-example"
        ),
    ]


def _threshold_anywhere(results: Results) -> Sequence[Evidence]:
    return [
        *from_findings("threshold", "local/", "T/λ_max where a small seed stops growing", tolerance=0.03)(results),
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
        *[
            Evidence.of(
                "T/λ_max where a small seed stops growing",
                "=",
                f,
                predicted=1.0,
                tolerance=0.03,
                role="counter-example",
            )
            for f in results.findings("threshold", "tangent/").values()
        ],
    ]


def _trajectories(results: Results) -> Sequence[Evidence]:
    found = [
        *from_findings(
            "hysteresis", "skewed/kl-down-above", "KL on cooling between λ_max and T*, nats", tolerance=0.01
        )(results),
        *from_findings(
            "hysteresis", "skewed/down-wake", "T/λ_max where a collapsed VAE wakes on cooling", tolerance=0.06
        )(results),
    ]
    bypass = results.finding("hysteresis", "skewed/kl-up-above")
    return [
        *found,
        Evidence.of(
            "KL on heating above λ_max, nats", "=", bypass, predicted=0.0, tolerance=_JUMP, role="counter-example"
        ),
    ]


def _sandwich(_: Results) -> Sequence[Evidence]:
    cases = (solved(0.8, 1.0), solved(0.0, 5.0), solved(0.0, 12.0, "nonlinear-decoder"), solved(0.0, -1.0))
    lower = [
        Evidence("T*/λ_max", ">=", 1.0, exact=case.coexistence, tolerance=1e-9, where=case.where) for case in cases
    ]
    upper = [
        Evidence("T*", "<=", case.upper, exact=case.coexistence, tolerance=1e-9, where=case.where) for case in cases
    ]
    return [*lower, *upper]


def _subgaussian(_: Results) -> Sequence[Evidence]:
    case = solved(0.0, -1.0)
    skewed = solved(0.8, 1.0)
    return [
        Evidence("σ²_sG/λ_max", "=", 1.0, exact=case.upper, tolerance=1e-6, where=case.where),
        Evidence("KL jump at collapse, nats", "=", 0.0, exact=case.kl_jump, tolerance=_JUMP, where=case.where),
        Evidence(
            "KL jump at collapse, nats",
            "=",
            0.0,
            exact=skewed.kl_jump,
            tolerance=_JUMP,
            where=skewed.where,
            role="counter-example",
        ),
    ]


def _bound(results: Results) -> Sequence[Evidence]:
    return from_findings(
        "hysteresis", "bound/", "least (F − F_RD)/V of the trained models", relation=">=", predicted=0.0
    )(results)


def _safe_test(results: Results) -> Sequence[Evidence]:
    case = solved(0.0, 5.0)
    state = min(
        (s for s in case.sweep.ground if s is not None and s.active), key=lambda s: float(s.signal_fraction.max())
    )
    return [
        *from_findings(
            "threshold", "active-test/", "latents on which M² > 0.1 and KL > 0.05 nats disagree", tolerance=0.5
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
    ]


_WEAK = 0.1
"""Share of runs that have to end in a weakly coded phase for training to count as reaching it."""


def _width_reached(results: Results) -> Sequence[Evidence]:
    quantity = "share of trained VAEs that end there"
    heated, cooled = (results.finding("hysteresis", f"width-coded/{way}") for way in ("heated", "cooled"))
    return [
        Evidence.of(quantity, ">=", heated, predicted=_WEAK, where="" if heated else "hysteresis, heated"),
        Evidence.of(
            quantity,
            ">=",
            cooled,
            predicted=_WEAK,
            role="counter-example",
            where="" if cooled else "hysteresis, cooled",
        ),
    ]


def _hysteresis(results: Results) -> Sequence[Evidence]:
    return [
        *from_findings(
            "hysteresis", "parabola-u/branch", "largest deviation of M² from the equation of state", tolerance=0.05
        )(results),
        *from_findings("hysteresis", "parabola-u/up", "T/λ where the heated VAE collapses", tolerance=0.04)(results),
        *from_findings("hysteresis", "parabola-u/down", "T/λ where the cooled VAE wakes", tolerance=0.06)(results),
    ]


TRANSITION_CLAIMS = (
    Claim(
        "kl-discontinuous",
        "KL is discontinuous at the threshold λ_max.",
        ("li2025",),
        "abstract",
        "free encoder and decoder, and a mode with κ3 ≠ 0 or κ4 > 2 (narrower classes: see the class "
        "table); the jump then "
        "lies at T* > λ_max, not at λ_max",
        "the VAE is linear, or the data are Gaussian or strictly sub-Gaussian: KL vanishes continuously; and where it "
        "jumps, the jump is not at λ_max",
        "flexible",
        _SOLVER,
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
        _SOLVER,
        ("threshold",),
        _threshold_anywhere,
    ),
    Claim(
        "trajectory-follows-threshold",
        "A trained VAE collapses, and wakes, at the local threshold λ_max.",
        ("li2025", "hirn2026pruning"),
        "",
        "cooled from the collapsed state, or continuous transitions",
        "heated from an active state on skewed data: it stays active above λ_max up to the upper spinodal",
        "flexible",
        _SOLVER,
        ("hysteresis",),
        _trajectories,
    ),
    Claim(
        "class-linear",
        "In the class `linear` no collapse is a jump.",
        ("wang2022", "hirn2026pruning"),
        "",
        "",
        "",
        "linear",
        _SOLVER,
        (),
        _class_linear,
    ),
    Claim(
        "class-nonlinear-decoder",
        "With a free decoder and a linear encoder, collapse is continuous if ‖κ⃗‖ < 1 and jumps if ‖κ⃗‖ > 1.",
        ("landau-vae",),
        "",
        "locally: no distant minimum pre-empts the threshold",
        "heavy tails: a distant minimum takes over above λ_max although κ3 = 0",
        "nonlinear-decoder",
        _SOLVER,
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
        _SOLVER,
        (),
        _class_mean,
    ),
    Claim(
        "class-flexible",
        "With free encoder and decoder, collapse jumps if κ3 ≠ 0 or κ4 > 2 of the top mode, and is "
        "locally continuous else.",
        ("landau-vae",),
        "",
        "",
        "",
        "flexible",
        _SOLVER,
        (),
        _class_flexible,
    ),
    Claim(
        "local-is-global",
        "A locally continuous threshold is where the latent is lost: T* = λ_max.",
        ("hirn2026effective",),
        "",
        "the class `linear`, or strictly sub-Gaussian data",
        "a distant minimum pre-empts it (heavy tails)",
        "transition-laws",
        _SOLVER,
        (),
        _local_is_global,
    ),
    Claim(
        "sandwich",
        "λ_max ≤ T* ≤ σ²_sG for every architecture that represents small linear maps, any depth and K.",
        ("landau-vae",),
        "",
        "",
        "",
        "sandwich",
        "numerics.subgaussian.subgaussian_proxy",
        (),
        _sandwich,
    ),
    Claim(
        "sub-gaussian-continuous",
        "Full collapse is lost without a jump.",
        ("landau-vae", "hirn2026pruning"),
        "",
        "strictly sub-Gaussian data (σ²_sG = λ_max) whose zero-rate optimum is unique: Gaussian, "
        "uniform, fair two-point",
        "σ²_sG > λ_max and the class is free",
        "sandwich",
        "numerics.subgaussian.subgaussian_proxy",
        (),
        _subgaussian,
    ),
    Claim(
        "rate-distortion-bound",
        "No VAE lies below the rate–distortion bound: F ≥ min_D [D + 2T R(D)].",
        ("cover2006", "alemi2018"),
        "",
        "noise is drawn afresh at every step (training on fixed quadrature noise overfits it)",
        "",
        "sandwich",
        "numerics.rate_distortion.rate_distortion",
        ("hysteresis",),
        _bound,
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
        _SOLVER,
        ("threshold",),
        _safe_test,
    ),
    Claim(
        "width-coded",
        "There are active phases without signal: M² = 0, J > 0, KL > 0.",
        ("landau-vae",),
        "",
        "free posterior width, symmetric data with 3/2 < κ4 < 2 just below T_c (locally), mixtures beyond",
        "",
        "flexible",
        _SOLVER,
        (),
        _width,
    ),
    Claim(
        "weakly-coded-reached",
        "Training reaches the weakly coded phases (M² < 0.1, KL > 0.01 nats) where they are the ground state.",
        ("landau-vae",),
        "",
        "networks heated from an active state; purely width-coded states (M² ≈ 0) were never seen in training",
        "the network is cooled from collapse: it stays there",
        "flexible",
        _SOLVER,
        ("hysteresis",),
        _width_reached,
    ),
    Claim(
        "equation-of-state",
        "On the parabola a linear encoder that sees u only follows T(m) = (1−m)(1+4c²m), with a "
        "hysteresis loop for c > ½.",
        ("landau-vae",),
        "",
        "the encoder sees u only",
        "",
        "curve",
        _SOLVER,
        ("hysteresis",),
        _hysteresis,
    ),
)
"""In the order of the ledger."""
