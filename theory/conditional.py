"""Linear conditional VAE: the condition takes its share, collapse happens in the residual covariance.

Encoder and decoder both see a condition c. In the linear model the decoder's bias in c becomes the regression of x on
c, the encoder ignores c, and what is left is the linear VAE of ``S_{x|c} = S_xx − S_xc S_cc⁻¹ S_cx``: thresholds are
the eigenvalues of that matrix (compare Dang et al. 2024, arXiv:2306.05023). Free networks see a separate VAE for every
value of c: then collapse of all is stable iff T exceeds the largest λ_max Cov(x|c).

Symbol table
------------
symbol     meaning                                             unit
x, k       data along one mode, condition; both centred        data, condition
S_xx …     their (co)variances                                 products of these
w, v, s    decoder weight, encoder weight on x, width²         data, 1/data, 1
g, h       encoder and decoder weights on the condition        1/condition, data/condition
lambda     residual variance S_xx − S_xk²/S_kk                 data²
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from .derivation import Derivation, Quantity, Step
from .errors import InputError
from .exact_matrix import exact_matrix, exact_symmetric
from .linear_mode import LAMBDA, S, V, W, mode_free_energy
from .loss import D, T, gaussian_expectation, gaussian_kl

__all__ = ["derive_conditional", "residual_covariance"]

X, CONDITION, NOISE = sp.symbols("x k epsilon", real=True)
ENCODE, DECODE, CROSS = sp.symbols("g h S_xk", real=True)
S_XX, S_KK, RESIDUAL = sp.symbols("S_xx S_kk lambda", positive=True)
FREE = sp.Symbol("F", real=True)
COLLAPSE = sp.Symbol("T_c", positive=True)
VALUES = sp.symbols("lambda_1 lambda_2", positive=True)
"""Top eigenvalues of Cov(x|c) for two values of the condition."""
C = sp.Symbol("C", positive=True, integer=True)
RESIDUALS, JOINT = sp.MatrixSymbol("S_xgc", D, D), sp.MatrixSymbol("S_xx", D, D)
CROSSES, CONDITIONS = sp.MatrixSymbol("S_xc", D, C), sp.MatrixSymbol("S_cc", C, C)


def residual_covariance(
    data: Sequence[Sequence[Any]], cross: Sequence[Sequence[Any]], condition: Sequence[Sequence[Any]]
) -> sp.Matrix:
    """Covariance of x given a condition, for linear regression: ``S_xx − S_xc S_cc⁺ S_cx``, exactly.

    Parameters
    ----------
    data : D × D numbers
        Covariance of x.
    cross : D × C numbers
        Covariance of x with the condition.
    condition : C × C numbers
        Covariance of the condition; may be singular (the pseudo-inverse is used).

    Returns
    -------
    sympy.Matrix
        D × D; its eigenvalues are the thresholds of the linear conditional VAE.

    Raises
    ------
    InputError
        If shapes do not fit or a covariance is not symmetric (beyond rounding).

    Examples
    --------
    >>> residual_covariance([[2, 0], [0, 1]], [[1], [0]], [[1]])
    Matrix([
    [1, 0],
    [0, 1]])
    """
    S_x, S_c = exact_symmetric("data", data), exact_symmetric("condition", condition)
    S_xc = exact_matrix("cross", cross)
    if S_xc.shape != (S_x.shape[0], S_c.shape[0]):
        raise InputError(f"cross must have shape {(S_x.shape[0], S_c.shape[0])}, got {S_xc.shape}")
    return S_x - S_xc * S_c.pinv() * S_xc.T


def _average(expression: sp.Expr) -> sp.Expr:
    """Average over data and condition of an expression quadratic in both."""
    moments = {(2, 0): S_XX, (1, 1): CROSS, (0, 2): S_KK, (0, 0): sp.S.One}
    terms = sp.Poly(sp.expand(expression), X, CONDITION).terms()
    return sp.expand(sp.Add(*(c * moments.get(powers, 0) for powers, c in terms)))


def derive_conditional() -> Derivation:
    """Derive the reduction of the linear conditional VAE to the linear VAE of the residual.

    Returns
    -------
    Derivation

    Examples
    --------
    >>> derive_conditional()["threshold"].rhs
    S_xx - S_xk**2/S_kk
    """
    mean = V * X + ENCODE * CONDITION
    latent = mean + sp.sqrt(S) * NOISE
    error = (X - W * latent - DECODE * CONDITION) ** 2
    free = _average(gaussian_expectation(error, NOISE)) + 2 * T * _average(sp.expand_log(gaussian_kl(mean, sp.sqrt(S))))
    regression = CROSS / S_KK
    residual = S_XX - CROSS**2 / S_KK
    # In the residual y = x − (S_xk/S_kk) k the encoder is v y + g' k and the decoder sees h' k beyond the regression.
    shifted = {ENCODE: ENCODE - V * regression, DECODE: DECODE + regression}
    moved = sp.expand(free.subs(shifted, simultaneous=True))
    split = S_KK * ((W * ENCODE + DECODE) ** 2 + T * ENCODE**2)
    mode = mode_free_energy().subs(LAMBDA, residual)
    return Derivation(
        "conditional",
        "Linear conditional VAE: collapse in the residual covariance",
        ("dang2024", "lucas2019"),
        (
            "Encoder mean and decoder are linear in data, latent and condition; the prior does not depend on it.",
            "Written for one mode and one condition; in more dimensions the same completion holds with matrices.",
        ),
        (
            Quantity(X, "data along a mode", "data"),
            Quantity(CONDITION, "condition", "condition"),
            Quantity(NOISE, "standard normal noise"),
            Quantity(sp.Symbol("z"), "latent"),
            Quantity(S_XX, "variance of the data", "data²"),
            Quantity(S_KK, "variance of the condition", "condition²"),
            Quantity(CROSS, "covariance of data and condition", "data·condition"),
            Quantity(RESIDUAL, "residual variance", "data²"),
            Quantity(W, "decoder weight", "data"),
            Quantity(V, "encoder weight on the data", "1/data"),
            Quantity(S, "posterior variance"),
            Quantity(ENCODE, "encoder weight on the condition", "1/condition"),
            Quantity(DECODE, "decoder weight on the condition", "data/condition"),
            Quantity(T, "temperature", "data²"),
            Quantity(FREE, "free energy", "data²"),
            Quantity(D, "features"),
            Quantity(C, "conditions"),
            Quantity(RESIDUALS, "residual covariance, (D, D)", "data²"),
            Quantity(JOINT, "covariance of x, (D, D)", "data²"),
            Quantity(CROSSES, "covariance of x and the condition, (D, C)", "data·condition"),
            Quantity(CONDITIONS, "covariance of the condition, (C, C)", "condition²"),
            Quantity(COLLAPSE, "threshold of full collapse with free networks", "data²"),
            *(Quantity(s, "top eigenvalue of Cov(x|c) for one value of c", "data²") for s in VALUES),
        ),
        (
            Step(
                "free-energy",
                sp.Eq(FREE, free, evaluate=False),
                "Average over noise, data and condition.",
                "at zero weights on the condition it is the free energy of the mode plus h²S_kk − 2hS_xk",
                (
                    free.subs(ENCODE, 0)
                    - mode_free_energy().subs(LAMBDA, S_XX)
                    - (S_KK * DECODE**2 - 2 * DECODE * CROSS * (1 - W * V)),
                ),
            ),
            Step(
                "split",
                sp.Eq(FREE, mode + split, evaluate=False),
                "Measured from the regression of x on the condition, data and condition decouple exactly.",
                "the free energy in the shifted weights minus this is zero",
                (moved - mode - split,),
            ),
            Step(
                "condition-ignored",
                sp.Eq(sp.Matrix([ENCODE, DECODE]), sp.zeros(2, 1), evaluate=False),
                "The second part is a positive form: its minimum: the encoder does not repeat the condition.",
                "slopes vanish there; determinant of the form is 4T S_kk²",
                (
                    *(sp.diff(split, y).subs({ENCODE: 0, DECODE: 0}) for y in (ENCODE, DECODE)),
                    sp.hessian(split, (ENCODE, DECODE)).det() - 4 * T * S_KK**2,
                ),
                (4 * T * S_KK**2, sp.diff(split, DECODE, 2)),
            ),
            Step(
                "threshold",
                sp.Eq(RESIDUAL, residual, evaluate=False),
                "What is left is the linear VAE of the residual: threshold T = λ, and every other law with it.",
                "the variance of x − (S_xk/S_kk) k",
                (_average((X - regression * CONDITION) ** 2) - residual,),
            ),
            Step(
                "matrix",
                sp.Eq(RESIDUALS, JOINT - CROSSES * CONDITIONS.I * CROSSES.T, evaluate=False),
                "In D dimensions: S_{x|c} = S_xx − S_xc S_cc⁻¹ S_cx, whose eigenvalues are the thresholds.",
                "for D = 2 and one condition, the covariance of x minus its regression",
                _schur_residuals(),
            ),
            Step(
                "free-networks",
                sp.Eq(COLLAPSE, sp.Max(*VALUES), evaluate=False),
                "Free networks: F averages separate free energies over c; collapse needs T > sup λ_max Cov(x|c).",
                "two equally likely values: the Hessian is block diagonal, its determinant Π ½λ_cT(T − λ_c)",
                _separate(),
            ),
        ),
    )


def _schur_residuals() -> tuple[sp.Expr, ...]:
    """Covariance of two features minus their regression on one condition, entry by entry, against the complement."""
    first, second = sp.symbols("x_1:3", real=True)
    names = sp.symbols("S_11 S_12 S_22 c_1 c_2", real=True)
    pairs = ((2, 0, 0), (1, 1, 0), (0, 2, 0), (1, 0, 1), (0, 1, 1), (0, 0, 2))
    moments = dict(zip(pairs, (*names, S_KK), strict=True))
    joint = sp.Matrix([[names[0], names[1]], [names[1], names[2]]])
    cross = sp.Matrix(names[3:])
    complement = joint - cross * cross.T / S_KK
    left = [x - c / S_KK * CONDITION for x, c in zip((first, second), cross, strict=True)]
    found = []
    for a in range(2):
        for b in range(2):
            terms = sp.Poly(sp.expand(left[a] * left[b]), first, second, CONDITION).terms()
            found.append(sp.Add(*(coefficient * moments[powers] for powers, coefficient in terms)) - complement[a, b])
    return tuple(found)


def _separate() -> tuple[sp.Expr, ...]:
    """Two equally likely conditions: Hessian of the averaged free energy at collapse, block by block."""
    blocks, weights = [], []
    for value, tag in zip(VALUES, "12", strict=True):
        names = {y: sp.Symbol(f"{y}_{tag}", positive=y is S, real=True) for y in (W, V, S)}
        blocks.append(mode_free_energy().subs({LAMBDA: value, **names}, simultaneous=True) / 2)
        weights.append(names)
    together = sp.Add(*blocks)
    collapsed = {name: (1 if y is S else 0) for names in weights for y, name in names.items()}
    variables = [name for names in weights for name in names.values()]
    hessian = sp.hessian(together, variables).subs(collapsed)
    # Per condition: ½ of the Hessian of one mode, whose determinant 4λT(T − λ) changes sign at T = λ.
    product = sp.Mul(*(value * T * (T - value) / 2 for value in VALUES))
    return hessian.det() - product, *hessian[:3, 3:]
