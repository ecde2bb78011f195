"""Several modes: the matrix loss, its rotation to the PCA basis, and the split into independent modes.

With W (D, K), V (K, D), posterior variances s and covariance S the loss is
``F = tr S − 2 tr(WVS) + tr(W(VSVᵀ + diag s)Wᵀ) + T Σ_k (v_k S v_kᵀ + s_k − ln s_k − 1)``. A rotation of the data is
absorbed by W and V, and in the basis of the eigenvectors the aligned states separate into single modes and are
stationary for the full loss (Lucas et al. 2019, arXiv:1911.02469; Dai et al. 2020, arXiv:1912.10702). The steps are
checked for D = K = 2 with every entry symbolic; that the K largest modes are the global minimum is cited, not derived.

Symbol table
------------
S, W, V    covariance (D, D), decoder (D, K), encoder (K, D)
Sigma      diag(s), posterior variances (K, K)
lambda_k   eigenvalue of mode k; indices from 1
R          rate in nats
"""

from __future__ import annotations

from itertools import product

import sympy as sp

from .derivation import Quantity, Step
from .linear_mode import ACTIVE, COLLAPSED, FREE, LAMBDA, LEVEL, S, V, W, mode_free_energy
from .loss import D, K, T, gaussian_expectation

__all__ = ["QUANTITIES", "decoupling_steps", "matrix_free_energy"]

COVARIANCE, ROTATION = sp.MatrixSymbol("S", D, D), sp.MatrixSymbol("O", D, D)
DECODER, ENCODER = sp.MatrixSymbol("W", D, K), sp.MatrixSymbol("V", K, D)
WIDTHS = sp.MatrixSymbol("Sigma", K, K)
_EIGENVALUE, _INDEX = sp.IndexedBase("lambda"), sp.Symbol("k", positive=True, integer=True)
_RATE, _ERROR = sp.symbols("R D_k", positive=True)

QUANTITIES = (
    Quantity(COVARIANCE, "covariance of the data, (D, D)", "data variance"),
    Quantity(DECODER, "decoder, (D, K)", "data"),
    Quantity(ENCODER, "encoder, (K, D)", "1/data"),
    Quantity(WIDTHS, "diag of the posterior variances, (K, K)"),
    Quantity(ROTATION, "rotation of the data, (D, D)"),
    Quantity(_EIGENVALUE.label, "eigenvalues, entries [k], descending", "data variance"),
    Quantity(D, "features"),
    Quantity(K, "latents"),
    Quantity(_RATE, "rate of a mode", "nats"),
    Quantity(_ERROR, "distortion of a mode", "data variance"),
)


def matrix_free_energy(covariance: sp.Basic, decoder: sp.Basic, encoder: sp.Basic, widths: sp.Basic) -> sp.Expr:
    """Free energy of the linear model, of matrices or of matrix symbols.

    Parameters
    ----------
    covariance, decoder, encoder, widths : matrix or MatrixSymbol
        S (D, D), W (D, K), V (K, D) and diag(s) (K, K).

    Returns
    -------
    sympy.Expr
        In data variance.

    Examples
    --------
    >>> one = [sp.Matrix([[entry]]) for entry in (LAMBDA, W, V, S)]
    >>> sp.expand(matrix_free_energy(*one) - mode_free_energy())
    0
    """
    posterior = encoder * covariance * encoder.T + widths
    squared_error = (
        sp.Trace(covariance) - 2 * sp.Trace(decoder * encoder * covariance) + sp.Trace(decoder * posterior * decoder.T)
    )
    divergence = sp.Trace(posterior) - sp.log(sp.Determinant(widths)) - widths.shape[0]
    return (squared_error + T * divergence).doit()


def _average_over_rows(covariance: sp.Matrix, decoder: sp.Matrix, encoder: sp.Matrix, widths: sp.Matrix) -> sp.Expr:
    """Squared error of two features, averaged over noise and data row by row rather than by traces."""
    x = sp.Matrix(sp.symbols("x_1:3", real=True))
    noise = sp.symbols("epsilon_1:3", real=True)
    latent = encoder * x + sp.Matrix([sp.sqrt(widths[k, k]) * noise[k] for k in range(2)])
    error = ((x - decoder * latent).T * (x - decoder * latent))[0, 0]
    for epsilon in noise:
        error = gaussian_expectation(error, epsilon)
    terms = sp.Poly(error, *x).terms()
    moments = {(2, 0): covariance[0, 0], (1, 1): covariance[0, 1], (0, 2): covariance[1, 1], (0, 0): sp.S.One}
    return sp.Add(*(coefficient * moments[powers] for powers, coefficient in terms))


def decoupling_steps() -> tuple[Step, ...]:
    """From the matrix loss to independent modes and to reverse water-filling."""
    a, b, c = sp.symbols("S_11 S_12 S_22", real=True)
    covariance = sp.Matrix([[a, b], [b, c]])
    decoder, encoder = (sp.Matrix(2, 2, sp.symbols(f"{letter}_1:3_1:3", real=True)) for letter in "WV")
    s = sp.symbols("s_1:3", positive=True)
    widths = sp.diag(*s)
    full = matrix_free_energy(covariance, decoder, encoder, widths)
    divergence = T * ((encoder * covariance * encoder.T + widths).trace() - sp.log(s[0] * s[1]) - 2)
    # Infinitesimal rotation S → S + θ(GS − SG), W → W + θGW, V → V − θVG, everywhere at once: no finite angle needed.
    generator = sp.Matrix([[0, -1], [1, 0]])
    turn = generator * covariance - covariance * generator
    moves = {
        **dict(zip((a, b, c), (turn[0, 0], turn[0, 1], turn[1, 1]), strict=True)),
        **dict(zip(decoder, generator * decoder, strict=True)),
        **dict(zip(encoder, -encoder * generator, strict=True)),
    }
    turned = sp.Add(*(sp.diff(full, entry) * change for entry, change in moves.items()))
    lambdas = sp.symbols("lambda_1:3", positive=True)
    w, v = sp.symbols("w_1:3", real=True), sp.symbols("v_1:3", real=True)
    aligned = {
        **dict(zip((a, b, c), (lambdas[0], 0, lambdas[1]), strict=True)),
        **dict(zip(decoder, sp.diag(*w), strict=True)),
        **dict(zip(encoder, sp.diag(*v), strict=True)),
    }
    mode = mode_free_energy()
    rename = [{LAMBDA: lambdas[k], W: w[k], V: v[k], S: s[k]} for k in range(2)]
    modes = sum(mode.subs(names, simultaneous=True) for names in rename)
    gradient = [sp.diff(full, entry).subs(aligned, simultaneous=True) for entry in (*decoder, *encoder, *s)]
    residuals = []
    for branches in product((COLLAPSED, ACTIVE), repeat=2):
        state = {
            rename[k][y]: branch[y].subs(LAMBDA, lambdas[k]) for k, branch in enumerate(branches) for y in (W, V, S)
        }
        residuals += [slope.subs(state, simultaneous=True) for slope in gradient]
    whole = sp.Function("F")
    through = (decoder * encoder).subs(aligned, simultaneous=True)
    level = LAMBDA * T / LEVEL
    rate_distortion = LAMBDA * sp.exp(-2 * _RATE)
    return (
        Step(
            "matrix-loss",
            sp.Eq(FREE, matrix_free_energy(COVARIANCE, DECODER, ENCODER, WIDTHS), evaluate=False),
            "The same averages for D features and K latents depend on the data through the covariance alone.",
            "for D = K = 2, every entry symbolic, against averaging the rows and the noise one by one",
            (full - _average_over_rows(covariance, decoder, encoder, widths) - divergence,),
        ),
        Step(
            "rotation",
            sp.Eq(
                whole(ROTATION * COVARIANCE * ROTATION.T, ROTATION * DECODER, ENCODER * ROTATION.T, WIDTHS),
                whole(COVARIANCE, DECODER, ENCODER, WIDTHS),
                evaluate=False,
            ),
            "W → OW and V → VOᵀ absorb a rotation O of the data, so the basis may be that of the eigenvectors.",
            "for D = K = 2 its derivative along a rotation is zero at every S, W, V: the loss is constant on orbits",
            (turned,),
        ),
        Step(
            "separation",
            sp.Eq(FREE, sp.Sum(sp.Symbol("F_k"), (_INDEX, 1, D)), evaluate=False),
            "With latent k on eigenvector k the loss is a sum of single modes.",
            "for D = K = 2 the loss at diagonal S, W, V minus F_1 − F_2 is zero",
            (full.subs(aligned, simultaneous=True) - modes,),
        ),
        Step(
            "aligned-stationary",
            sp.Eq(DECODER * ENCODER * COVARIANCE, COVARIANCE * DECODER * ENCODER, evaluate=False),
            "Each mode on either of its branches is stationary for all entries of W and V, not only the aligned ones.",
            "for D = K = 2 all ten derivatives vanish in all four combinations of collapsed and active",
            (*residuals, *(through * sp.diag(*lambdas) - sp.diag(*lambdas) * through)),
        ),
        Step(
            "water-filling",
            sp.Eq(sp.Symbol("D_total"), sp.Sum(sp.Min(_EIGENVALUE[_INDEX], T), (_INDEX, 1, D)), evaluate=False),
            "Distortions add: every mode is filled to the level T (K at least the number of eigenvalues above T).",
            "the distortion of a mode is T at Λ = λ and λ at Λ = T",
            (level.subs(LEVEL, LAMBDA) - T, level.subs(LEVEL, T) - LAMBDA),
        ),
        Step(
            "equal-slope",
            sp.Eq(sp.Derivative(_ERROR, _RATE), -2 * T, evaluate=False),
            "All active modes trade distortion for rate at the one slope −2T, as reverse water-filling demands.",
            "D_k = λ exp(−2R) at R = ½ ln(λ/T) is T, and its slope there is −2T",
            (
                rate_distortion.subs(_RATE, sp.log(LAMBDA / T) / 2) - T,
                sp.diff(rate_distortion, _RATE).subs(_RATE, sp.log(LAMBDA / T) / 2) + 2 * T,
            ),
        ),
    )
