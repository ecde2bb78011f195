"""The linear model with every entry of its weights: gradient, Hessian, and latents that share directions.

The encoder is written as ``V = Q B⁻¹`` with ``S = B Bᵀ``, so that a rank-deficient covariance has no flat directions
and all blocks of the Hessian are of the size of T. Derivatives follow from the loss by matrix calculus; stationary
points are those of Lucas et al. (2019, arXiv:1911.02469), with the groups of latents that share directions in addition.

Symbol table
------------
symbol       meaning                                                        shape    unit
B            a root of the covariance, S = B Bᵀ; diag(√λ) in the PCA basis  (D, D)   data
W, Q, Sigma  decoder, whitened encoder, diag of posterior variances         (D, K)…  data, 1, 1
X, Y, U      a direction in W, Q and Sigma                                  (D, K)…
a_i          eigenvalue of W Wᵀ on direction i of a group                            data variance
h            level of a group: T + (squared norm of each of its columns)             data variance
R            sum of √λ over the directions of a group                                data
m, p         latents and directions of a group, p ≤ m
lambda_p     smallest eigenvalue of a group                                          data variance
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from .decoupling import matrix_free_energy
from .derivation import Derivation, Quantity, Step
from .loss import D, K, T

__all__ = ["BLOCKS", "DIRECTIONS", "HEIGHT", "LATENTS", "ROOT", "ROOTS", "SHARED", "SMALLEST", "derive_matrix_form"]

ROOT = sp.MatrixSymbol("B", D, D)
BLOCKS = (sp.MatrixSymbol("W", D, K), sp.MatrixSymbol("Q", K, D), sp.MatrixSymbol("Sigma", K, K))
DIRECTIONS = (sp.MatrixSymbol("X", D, K), sp.MatrixSymbol("Y", K, D), sp.MatrixSymbol("U", K, K))
HEIGHT, ROOTS, LATENTS, SHARED = sp.symbols("h R m p", positive=True)
SMALLEST = sp.Symbol("lambda_p", positive=True)
_FREE = sp.Symbol("F", real=True)


def _derivative(expression: sp.Expr, block: sp.MatrixSymbol) -> sp.MatrixExpr:
    """Derivative with respect to a matrix; SymPy differentiates traces one by one, and not determinants."""
    total = sp.ZeroMatrix(*block.shape)
    for term in sp.Add.make_args(sp.expand(expression)):
        logarithms = term.atoms(sp.log)
        if not logarithms:
            total += term.diff(block).doit()
        elif block == BLOCKS[2]:
            # Jacobi: ∂ ln det Σ / ∂Σ = Σ⁻ᵀ, and Σ is diagonal.
            (logarithm,) = logarithms
            total += term.coeff(logarithm) * block.inv()
    return total.doit()


def _along(blocks: tuple[sp.MatrixExpr, ...]) -> sp.Expr:
    return sp.Add(*(sp.Trace(x.T * g).doit() for x, g in zip(DIRECTIONS, blocks, strict=True)))


def _explicit(expression: sp.Basic, values: dict[sp.Basic, sp.Matrix]) -> sp.Matrix:
    """An expression in matrix symbols at matrices with symbols as entries."""
    shapes = expression.subs({D: 2, K: 2}).subs({s.subs({D: 2, K: 2}): m for s, m in values.items()})
    return shapes.doit()


@lru_cache(maxsize=1)
def derive_matrix_form() -> Derivation:
    """Derive gradient, Hessian and shared directions of the linear model in matrix form.

    Returns
    -------
    Derivation
        Steps ``gradient``, ``hessian-product`` (tuples of the W, Q and Sigma blocks; of the last only the diagonal
        counts), ``shared-level``, ``shared-free-energy``.

    Examples
    --------
    >>> derive_matrix_form()["shared-level"].rhs
    (R + sqrt(R**2 + 4*T*m*(m - p)))**2/(4*m**2)
    """
    loss = sp.expand(matrix_free_energy(ROOT * ROOT.T, BLOCKS[0], BLOCKS[1] * ROOT.inv(), BLOCKS[2]).doit())
    gradient = tuple(_derivative(loss, block) for block in BLOCKS)
    along = _along(gradient)
    second = tuple(_derivative(along, block) for block in BLOCKS)
    values, entries, directions = _two_by_two()
    explicit = sp.expand(_explicit(loss, values))
    slopes = [sp.diff(explicit, y) for y in entries]
    change = [sp.Add(*(sp.diff(slope, y) * x for y, x in zip(entries, directions, strict=True))) for slope in slopes]
    return Derivation(
        "linear-matrix",
        "Linear Gaussian variational autoencoder: all entries of the weights",
        ("lucas2019", "dai2020"),
        (
            "Decoder and encoder are linear, the posterior width is constant; data centred with covariance B Bᵀ.",
            "Derivatives are checked for D = K = 2; the matrix expressions hold for any D and K.",
        ),
        _quantities(),
        (
            Step(
                "gradient",
                sp.Tuple(*gradient),
                "Traces are differentiated by cyclic order; of the block of Sigma the diagonal counts.",
                "for D = K = 2 equal to the derivatives by each entry",
                tuple(a - b for a, b in zip(_flat(gradient, values), slopes, strict=True)),
            ),
            Step(
                "hessian-product",
                sp.Tuple(*second),
                "The derivative of the gradient's component along a direction, at a fixed direction.",
                "for D = K = 2 equal to the second derivatives by each pair of entries, summed over the direction",
                tuple(sp.together(a - b) for a, b in zip(_flat(second, values), change, strict=True)),
            ),
            *_sharing_steps(),
        ),
    )


def _two_by_two() -> tuple[dict[sp.Basic, sp.Matrix], list[sp.Symbol], list[sp.Symbol]]:
    """Matrices for D = K = 2, the parameters in them, and a direction in the same order."""
    decoder, encoder, x, y = (sp.Matrix(2, 2, sp.symbols(f"{letter}_1:3_1:3", real=True)) for letter in "WQXY")
    s, u = sp.symbols("s_1:3", positive=True), sp.symbols("u_1:3", real=True)
    root = sp.diag(*sp.symbols("b_1:3", positive=True))
    matrices = (decoder, encoder, sp.diag(*s), x, y, sp.diag(*u), root)
    values = dict(zip((*BLOCKS, *DIRECTIONS, ROOT), matrices, strict=True))
    return values, [*decoder, *encoder, *s], [*x, *y, *u]


def _flat(blocks: tuple[sp.MatrixExpr, ...], values: dict[sp.Basic, sp.Matrix]) -> list[sp.Expr]:
    w, q, sigma = (sp.Matrix(_explicit(block, values)) for block in blocks)
    return [*w, *q, sigma[0, 0], sigma[1, 1]]


def _sharing_steps() -> tuple[Step, ...]:
    """A group of m latents on p eigenvectors: its level and free energy, for every m ≥ p."""
    covariance = sp.diag(*sp.symbols("lambda_1:3", positive=True))
    decoder = sp.Matrix(2, 2, sp.symbols("W_1:3_1:3", real=True))
    gram, norms = decoder.T * decoder, [sum(decoder[i, k] ** 2 for i in range(2)) for k in range(2)]
    encoder = (gram + T * sp.eye(2)).inv() * decoder.T
    widths = [T / (T + norm) for norm in norms]
    full = sp.Add(
        covariance.trace(),
        -2 * (decoder * encoder * covariance).trace(),
        (decoder * (encoder * covariance * encoder.T + sp.diag(*widths)) * decoder.T).trace(),
        T * ((encoder * covariance * encoder.T).trace() + sum(s - sp.log(s) - 1 for s in widths)),
    )
    resolvent = T * (covariance * (decoder * decoder.T + T * sp.eye(2)).inv()).trace()
    reduced = resolvent + T * sum(sp.log((T + norm) / T) for norm in norms)
    # On a group the columns have equal norms h − T, so tr WWᵀ = Σ a_i = m (h − T), and F is a function of the a_i.
    a, variance = sp.symbols("a_1:3", positive=True), sp.symbols("lambda_1:3", positive=True)
    level = T + sum(a) / LATENTS
    group = sum(T * v / (x + T) for v, x in zip(variance, a, strict=True)) + LATENTS * T * sp.log(level / T)
    force = [sp.diff(group, x).subs(level, HEIGHT) for x in a]
    solved = {x: sp.sqrt(v * HEIGHT) - T for x, v in zip(a, variance, strict=True)}
    roots = sum(sp.sqrt(v) for v in variance)
    balance = LATENTS * HEIGHT - sp.sqrt(HEIGHT) * ROOTS - (LATENTS - SHARED) * T
    root = (ROOTS + sp.sqrt(ROOTS**2 + 4 * LATENTS * (LATENTS - SHARED) * T)) / (2 * LATENTS)
    energy = T * ROOTS / sp.sqrt(HEIGHT) + LATENTS * T * sp.log(HEIGHT / T)
    at_level = sp.Add(*(T * v / (solved[x] + T) for v, x in zip(variance, a, strict=True)))
    limit = (sp.sqrt(SMALLEST) * ROOTS + (LATENTS - SHARED) * SMALLEST) / LATENTS
    return (
        Step(
            "reduced",
            sp.Eq(_FREE, sp.Symbol("F_decoder", real=True), evaluate=False),
            "Encoder and widths enter quadratically: V = (WᵀW + T)⁻¹Wᵀ, s = T/(T + |w|²) leave a function of W alone.",
            "for D = K = 2 F at these equals T tr S(WWᵀ + T)⁻¹ + T Σ ln(1 + |w_k|²/T)",
            (sp.cancel(sp.together(sp.expand_log(full - reduced, force=True))),),
        ),
        Step(
            "shared-balance",
            sp.Eq(LATENTS * HEIGHT - sp.sqrt(HEIGHT) * ROOTS, (LATENTS - SHARED) * T, evaluate=False),
            "Stationarity gives a_i + T = √(λ_i h) > T on each direction; their sum is the sum of the column norms.",
            "for p = 2 and any m the forces vanish at these a_i and the trace condition is the balance",
            (
                *(f.subs(solved, simultaneous=True) for f in force),
                LATENTS * (HEIGHT - T) - sum(solved.values()) - balance.subs({ROOTS: roots, SHARED: 2}),
            ),
        ),
        Step(
            "shared-level",
            sp.Eq(HEIGHT, root**2, evaluate=False),
            "The positive root; for m = p = 1 it is λ, and √h = mean √λ for m = p.",
            "substituted back",
            (balance.subs(sp.sqrt(HEIGHT), root).subs(HEIGHT, root**2),),
        ),
        Step(
            "shared-free-energy",
            sp.Eq(_FREE, energy, evaluate=False),
            "What the group contributes; directions without a latent contribute their λ.",
            "for p = 2 the value at the stationary a_i",
            (at_level - T * roots / sp.sqrt(HEIGHT),),
        ),
        Step(
            "shared-limit",
            sp.Eq(T, limit, evaluate=False),
            "Below this T the smallest direction has a > 0: √h/T falls with T, so the group exists below only.",
            "the balance holds at √(λ_p h) = T",
            (balance.subs(sp.sqrt(HEIGHT), T / sp.sqrt(SMALLEST)).subs(HEIGHT, T**2 / SMALLEST).subs(T, limit),),
        ),
    )


def _quantities() -> tuple[Quantity, ...]:
    variance = "data variance"
    blocks = zip((*BLOCKS, *DIRECTIONS, ROOT), ("W", "Q", "Sigma", "X", "Y", "U", "B"), strict=True)
    return (
        *(Quantity(symbol, f"matrix {letter} of the symbol table") for symbol, letter in blocks),
        Quantity(D, "features"),
        Quantity(K, "latents"),
        Quantity(T, "temperature", variance),
        Quantity(_FREE, "free energy", variance),
        Quantity(sp.Symbol("F_decoder", real=True), "free energy as a function of the decoder alone", variance),
        Quantity(HEIGHT, "level of a group", variance),
        Quantity(ROOTS, "sum of the roots of the eigenvalues of a group", "data"),
        Quantity(LATENTS, "latents of a group"),
        Quantity(SMALLEST, "smallest eigenvalue of a group", variance),
        Quantity(SHARED, "directions of a group"),
    )
