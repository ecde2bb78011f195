"""The order parameters of one latent and the exact split of its divergence.

From the averages of a posterior N(μ(x), σ²(x)) over the data follow the posterior scale A², the signal fraction M²
and the Jensen gap J, and ``KL = ½ [−ln(1−M²) + (A² − 1 − ln A²) + J + m²]``, every term ≥ 0. Where an affine change
of the latent can be absorbed by the decoder, stationarity makes ``m = 0`` and ``A² = 1`` exact (Hirn,
arXiv:2605.22691).

Symbol table
------------
symbol   meaning                                   unit
mu       posterior mean μ(x)                       1
sigma    posterior standard deviation σ(x)         1
m        E μ over the data                         1
v        Var μ over the data                       1
s        E σ² over the data                        1
ell      E ln σ² over the data                     1
A**2     posterior scale v + s                     1
M**2     signal fraction v/(v + s)                 1
J        Jensen gap ln s − ell                     1
c, b     scale and shift of the change z → c z + b 1
"""

from __future__ import annotations

import sympy as sp

from .derivation import Derivation, Quantity, Step
from .loss import MU, SIGMA, gaussian_expectation, gaussian_kl

__all__ = ["derive_kl_identity"]

A, M, J = sp.symbols("A M J", positive=True)
MEAN, LOG_WIDTH, SHIFT = sp.symbols("m ell b", real=True)
SPREAD, WIDTH, SCALE = sp.symbols("v s c", positive=True)


def _averaged(per_row: sp.Expr) -> sp.Expr:
    """Average over the data an expression linear in μ, μ², σ² and ln σ."""
    terms = sp.Poly(sp.expand(sp.expand_log(per_row)), MU, SIGMA, sp.log(SIGMA)).terms()
    rules = {
        (0, 0, 0): sp.S.One,
        (1, 0, 0): MEAN,
        (2, 0, 0): SPREAD + MEAN**2,
        (0, 2, 0): WIDTH,
        (0, 0, 1): LOG_WIDTH / 2,
    }
    return sum(coefficient * rules[powers] for powers, coefficient in terms)


def _three_rows() -> dict[sp.Symbol, sp.Expr]:
    """The averages of three explicit rows: what the symbols stand for, spelled out."""
    means, widths = sp.symbols("mu_1:4", real=True), sp.symbols("sigma_1:4", positive=True)
    mean = sum(means) / 3
    return {
        MEAN: mean,
        SPREAD: sum((mu - mean) ** 2 for mu in means) / 3,
        WIDTH: sum(sigma**2 for sigma in widths) / 3,
        LOG_WIDTH: sum(sp.log(sigma**2) for sigma in widths) / 3,
    }


def _three_row_average(per_row: sp.Expr) -> sp.Expr:
    means, widths = sp.symbols("mu_1:4", real=True), sp.symbols("sigma_1:4", positive=True)
    return sum(per_row.subs({MU: mu, SIGMA: sigma}) for mu, sigma in zip(means, widths, strict=True)) / 3


def derive_kl_identity() -> Derivation:
    """Derive the split of the divergence, its invariances and the stationarity identities.

    Returns
    -------
    Derivation
        Steps ``average``, ``posterior-scale``, ``signal-fraction``, ``jensen-gap``, ``non-negative``, ``split``,
        ``terms``, ``invariance``, ``absorbed``, ``change``, ``mean-stationarity``, ``scale-stationarity``, ``minimum``
        and ``equilibrium``.

    Examples
    --------
    >>> derivation = derive_kl_identity()
    >>> derivation["scale-stationarity"].expression, derivation["mean-stationarity"].expression
    (Eq(A**2, 1), Eq(m, 0))
    """
    kl, snr, y = sp.Symbol("KL"), sp.Symbol("SNR", positive=True), sp.Symbol("y", positive=True)
    z, weight, offset = sp.symbols("z w d", real=True)
    per_row = gaussian_kl(MU, SIGMA)
    average = _averaged(per_row)
    second_moment = _averaged(gaussian_expectation(z**2, z, MU, SIGMA))
    scale, signal, jensen = SPREAD + WIDTH, SPREAD / (SPREAD + WIDTH), sp.log(WIDTH) - LOG_WIDTH
    terms = (-sp.log(1 - M**2) / 2, (A**2 - 1 - sp.log(A**2)) / 2, J / 2, MEAN**2 / 2)
    four_terms = sp.Add(*terms)
    in_averages = four_terms.subs({M**2: signal, A**2: scale, J: jensen})
    stretch = {SPREAD: SCALE**2 * SPREAD, WIDTH: SCALE**2 * WIDTH, LOG_WIDTH: LOG_WIDTH + 2 * sp.log(SCALE)}
    changed = _averaged(per_row.subs({MU: SCALE * MU + SHIFT, SIGMA: SCALE * SIGMA}, simultaneous=True))
    here = {SCALE: 1, SHIFT: 0}
    pull, stress = sp.diff(changed, SHIFT).subs(here), sp.diff(changed, SCALE).subs(here)
    (mean_solution,) = sp.solve(pull, MEAN)
    (scale_solution,) = sp.solve(stress.subs({MEAN: mean_solution, SPREAD: A**2 - WIDTH}), A**2)
    steps = (
        Step(
            "average",
            sp.Eq(kl, average, evaluate=False),
            "The divergence of a row, averaged over the data with E μ² = v + m².",
            "against the plain average of three rows with arbitrary μ and σ",
            (_three_row_average(per_row) - average.subs(_three_rows(), simultaneous=True),),
        ),
        Step(
            "posterior-scale",
            sp.Eq(A**2, scale, evaluate=False),
            "A² is the variance of z over data and noise (law of total variance).",
            "E z² − (E z)² with z = μ + σε minus v + s is zero",
            (second_moment - MEAN**2 - scale,),
        ),
        Step(
            "signal-fraction",
            sp.Eq(M**2, signal, evaluate=False),
            "M² is the share of that variance which carries data; with SNR = v/s it is SNR/(1 + SNR).",
            "the two forms agree; M² and 1 − M² = s/A² are positive",
            ((snr / (1 + snr)).subs(snr, SPREAD / WIDTH) - signal, 1 - signal - WIDTH / scale),
            (signal, WIDTH / scale),
        ),
        Step(
            "jensen-gap",
            sp.Eq(J, jensen, evaluate=False),
            "J measures how much the width varies from row to row; it is zero for a constant width.",
            "zero when the three rows have one width",
            (jensen.subs(_three_rows()).subs(dict.fromkeys(sp.symbols("sigma_1:4", positive=True), SIGMA)),),
        ),
        Step(
            "non-negative",
            y - 1 - sp.log(y),
            "Never negative: it bounds A² − 1 − ln A² (y = A²) and, averaged with y = σ²/s, the Jensen gap.",
            "value and slope vanish at y = 1 and the curvature is positive; its average at y = σ²/s is J",
            (
                (y - 1 - sp.log(y)).subs(y, 1),
                sp.diff(y - 1 - sp.log(y), y).subs(y, 1),
                _averaged(sp.expand_log((y - 1 - sp.log(y)).subs(y, SIGMA**2 / WIDTH))) - jensen,
            ),
            (sp.diff(y - 1 - sp.log(y), y, 2),),
        ),
        Step(
            "split",
            sp.Eq(kl, four_terms, evaluate=False),
            "Insert v = A² M², s = A² (1 − M²) and ell = ln s − J into the average.",
            "the four terms in v, s, ell, m minus the average are zero, for any encoder",
            (in_averages - average,),
        ),
        Step(
            "terms",
            sp.Matrix(terms),
            "The four terms one by one: information, scale, Jensen gap, offset; each is ≥ 0.",
            "none of the other order parameters enters a term; each vanishes at M = 0, A = 1, J = 0, m = 0",
            tuple(term.subs({M: 0, A: 1, J: 0, MEAN: 0}) for term in terms)
            + tuple(
                sp.diff(term, other)
                for term, own in zip(terms, (M, A, J, MEAN), strict=True)
                for other in (M, A, J, MEAN)
                if other != own
            ),
        ),
        Step(
            "invariance",
            sp.Eq(signal.subs(stretch, simultaneous=True), signal, evaluate=False),
            "Rescaling a latent, μ → cμ and σ → cσ, leaves M² and J alone; only A² and m move.",
            "M²(c²v, c²s) − M²(v, s) and the same for J are zero; A² picks up c²",
            (
                signal.subs(stretch, simultaneous=True) - signal,
                sp.expand_log(jensen.subs(stretch, simultaneous=True)) - jensen,
                scale.subs(stretch, simultaneous=True) - SCALE**2 * scale,
            ),
        ),
        Step(
            "absorbed",
            weight / SCALE * (SCALE * z + SHIFT) + offset - weight * SHIFT / SCALE,
            "A decoder whose input weights and biases are free absorbs z → cz + b: w → w/c, d → d − wb/c.",
            "the decoder's first layer sees w z + d as before, so the distortion is unchanged",
            (weight / SCALE * (SCALE * z + SHIFT) + offset - weight * SHIFT / SCALE - (weight * z + offset),),
        ),
        Step(
            "change",
            sp.Eq(kl, sp.collect(sp.expand(changed), SCALE), evaluate=False),
            "So along this change the free energy moves by 2T times the change of the divergence alone.",
            "at c = 1, b = 0 it is the average above; its mixed form agrees with averages of the changed rows",
            (
                changed.subs(here) - average,
                changed - average.subs({**stretch, MEAN: SCALE * MEAN + SHIFT}, simultaneous=True),
            ),
        ),
        Step(
            "mean-stationarity",
            sp.Eq(MEAN, mean_solution, evaluate=False),
            "Stationary along b: ∂KL/∂b = m = 0.",
            "the slope along b at c = 1, b = 0 vanishes there, and it is m itself",
            (pull.subs(MEAN, mean_solution), pull - MEAN),
        ),
        Step(
            "scale-stationarity",
            sp.Eq(A**2, scale_solution, evaluate=False),
            "Stationary along c, with m = 0: ∂KL/∂c = A² − 1 = 0.",
            "the slope along c at c = 1, b = 0 is v + s + m² − 1, zero at A² = 1",
            (stress - (scale + MEAN**2 - 1), stress.subs({MEAN: mean_solution, SPREAD: scale_solution - WIDTH})),
        ),
        Step(
            "minimum",
            sp.Matrix([[1, MEAN], [MEAN, scale + MEAN**2 + 1]]),
            "Along the change it is a minimum: second derivatives of KL in (b, c) at c = 1, b = 0.",
            "this is the matrix of second derivatives; its corner and its determinant A² + 1 are positive",
            (
                sp.diff(changed, SHIFT, 2).subs(here) - 1,
                sp.diff(changed, SHIFT, SCALE).subs(here) - MEAN,
                sp.diff(changed, SCALE, 2).subs(here) - (scale + MEAN**2 + 1),
                sp.Matrix([[1, MEAN], [MEAN, scale + MEAN**2 + 1]]).det() - (scale + 1),
            ),
            (sp.diff(changed, SHIFT, 2).subs(here), scale + 1),
        ),
        Step(
            "equilibrium",
            sp.Eq(kl, (-sp.log(1 - M**2) + J) / 2, evaluate=False),
            "At every such stationary point only the signal fraction and the Jensen gap remain.",
            "the four terms at m = 0, A² = 1 minus this are zero",
            (four_terms.subs({MEAN: mean_solution, A: 1}) - (-sp.log(1 - M**2) + J) / 2,),
        ),
    )
    return Derivation(
        "kl-identity",
        "Order parameters of a latent and the exact split of its divergence",
        ("hirn2026pruning", "hirn2026effective"),
        (
            "The posterior of the latent is Gaussian, the prior standard normal; any encoder, any data.",
            "For the stationarity identities: encoder biases and scales and the decoder's input layer are free.",
        ),
        (
            Quantity(kl, "divergence of one latent, averaged over the data", "nats"),
            Quantity(MEAN, "mean of the posterior mean over the data"),
            Quantity(SPREAD, "variance of the posterior mean over the data"),
            Quantity(WIDTH, "mean of the posterior variance over the data"),
            Quantity(LOG_WIDTH, "mean of the logarithm of the posterior variance"),
            Quantity(A, "A² is the posterior scale"),
            Quantity(M, "M² is the signal fraction"),
            Quantity(J, "Jensen gap", "nats"),
            Quantity(y, "any positive number"),
            Quantity(SCALE, "scale of the change z → cz + b"),
            Quantity(SHIFT, "shift of the change z → cz + b"),
            Quantity(z, "latent coordinate"),
            Quantity(weight, "a decoder input weight", "data"),
            Quantity(offset, "a decoder bias", "data"),
        ),
        steps,
    )
