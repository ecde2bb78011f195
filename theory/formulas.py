"""Which derived expressions become functions, and what their arguments are called.

A `Formula` takes its expression from a step of a derivation; no formula is typed here. `theory.emit` prints the
catalogue as NumPy (``numerics/_formulas.py``), dependency-free Python or JavaScript.

Symbol table
------------
Those of `theory.loss`, `theory.kl_identity` and `theory.linear_mode`; ``M2``, ``A2`` and ``eta2`` stand for M², A² and
η². At equilibrium ``Lambda = max(lambda, T)`` and ``s = T/Lambda`` are computed first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import sympy as sp

from .derivation import Derivation, DerivationError
from .kl_identity import MEAN, A, J, M, derive_kl_identity
from .linear_gaussian import derive_linear
from .linear_mode import LAMBDA, LEVEL, S, V, W
from .loss import BETA, CONVENTIONS, ETA, B, D, K, T, derive_conversions

__all__ = ["Argument", "Formula", "catalogue"]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of an emitted function.

    Parameters
    ----------
    symbol : sympy.Symbol
        The symbol it stands for.
    name : str
        Its name in words.
    meaning : str
        For the docstring, with unit and range.
    """

    symbol: sp.Symbol
    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Formula:
    """A derived expression as a function.

    Parameters
    ----------
    name : str
        Function name in snake case.
    summary : str
        First line of the docstring.
    arguments : tuple of Argument
        In call order.
    result : sympy.Expr, tuple of sympy.Expr, or sympy.Matrix
        A number; several numbers; a vector (n, 1) or a square matrix.
    returns : str
        Meaning, unit and range of the result.
    derivation, step : str
        Where the result was derived.
    example : mapping
        Exact argument values for the docstring's example.

    Raises
    ------
    DerivationError
        If the result holds a symbol that is neither an argument nor Λ, or the example misses an argument.
    """

    name: str
    summary: str
    arguments: tuple[Argument, ...]
    result: sp.Basic | tuple[sp.Expr, ...]
    returns: str
    derivation: str
    step: str
    example: Mapping[sp.Symbol, sp.Rational] = field(hash=False)

    def __post_init__(self) -> None:
        known = {argument.symbol for argument in self.arguments}
        unknown = _symbols(self.result) - known - {symbol for symbol, _ in self.definitions}
        if unknown:
            raise DerivationError(f"formula {self.name!r} holds symbols that are not arguments: {unknown}")
        if known != set(self.example):
            raise DerivationError(f"formula {self.name!r} needs an example value for each argument")

    @property
    def kind(self) -> str:
        """``"number"``, ``"tuple"``, ``"vector"`` or ``"matrix"``."""
        if isinstance(self.result, tuple):
            return "tuple"
        if isinstance(self.result, sp.MatrixBase):
            return "matrix" if self.result.shape[1] > 1 else "vector"
        return "number"

    @property
    def definitions(self) -> tuple[tuple[sp.Symbol, sp.Expr], ...]:
        """Symbols to compute before the result, in order, with their expressions."""
        needed = _symbols(self.result) - {argument.symbol for argument in self.arguments}
        width = ((S, T / LEVEL),) if S in needed else ()
        level = ((LEVEL, sp.Max(LAMBDA, T)),) if needed & {S, LEVEL} else ()
        return (*level, *width)

    def evaluate(self, values: Mapping[sp.Symbol, sp.Expr]) -> sp.Basic:
        """Return the exact result at exact arguments.

        Examples
        --------
        >>> formula = next(f for f in catalogue() if f.name == "rate")
        >>> formula.evaluate({LAMBDA: sp.Integer(2), T: sp.Integer(1)})
        log(2)/2
        """
        result = sp.sympify(self.result)
        for symbol, expression in reversed(self.definitions):
            result = result.subs(symbol, expression)
        return result.subs(values, simultaneous=True)


def _symbols(result: sp.Basic | tuple[sp.Expr, ...]) -> set[sp.Symbol]:
    return set(sp.Tuple(sp.sympify(result)).free_symbols)


_M2, _A2, _ETA2 = sp.symbols("M2 A2 eta2", positive=True)

_EIGENVALUE = Argument(LAMBDA, "eigenvalue", "λ, variance of the data along the mode, in data variance, >= 0")
_TEMPERATURE = Argument(T, "temperature", "T, in data variance, > 0")
_BETA = Argument(BETA, "beta", "weight of the divergence as the code writes it, > 0")
_SIZES = {
    ETA: Argument(_ETA2, "decoder_variance", "η², in data variance, > 0"),
    D: Argument(D, "features", "D, number of features"),
    K: Argument(K, "latents", "K, number of latents"),
    B: Argument(B, "batch", "B, rows in a batch"),
}
_WEIGHTS = (
    Argument(W, "decoder_weight", "w, in data units"),
    Argument(V, "encoder_weight", "v, in inverse data units"),
    Argument(S, "posterior_variance", "s, > 0"),
    _EIGENVALUE,
    _TEMPERATURE,
)
_AT_HALF = {LAMBDA: sp.Integer(2), T: sp.Integer(1)}
_OFF_EQUILIBRIUM = {
    W: sp.Integer(1),
    V: sp.Rational(1, 4),
    S: sp.Rational(1, 2),
    LAMBDA: sp.Integer(2),
    T: sp.Integer(1),
}

# name, step, summary, what is returned; the arguments are (λ, T) unless the expression does without T
_EQUILIBRIUM = (
    ("signal_fraction", "signal-fraction", "Signal fraction M² of a mode at equilibrium.", "M², in [0, 1)"),
    ("rate", "rate", "Divergence of a mode at equilibrium.", "KL, in nats, >= 0"),
    ("distortion", "distortion", "Sampled distortion of a mode at equilibrium: min(λ, T).", "D, in data variance"),
    (
        "distortion_posterior_mean",
        "distortion-posterior-mean",
        "Distortion of a mode at equilibrium when the posterior mean is decoded.",
        "D, in data variance",
    ),
    ("free_energy", "free-energy", "Free energy of a mode at equilibrium.", "F* = D + 2T KL, in data variance"),
    (
        "decoder_weight_squared",
        "decoder-weight-squared",
        "Squared decoder weight at equilibrium.",
        "w², in data variance",
    ),
    (
        "encoder_weight_squared",
        "encoder-weight-squared",
        "Squared encoder weight at equilibrium.",
        "v², in inverse data variance",
    ),
    ("posterior_variance", "posterior-variance", "Posterior variance at equilibrium.", "s, in (0, 1]"),
    (
        "utility_sampled",
        "utility",
        "Sampled distortion that removing the mode costs, per unit signal fraction; the same at every T.",
        "U, in data variance",
    ),
    (
        "utility_posterior_mean",
        "utility-posterior-mean",
        "Distortion that removing the mode costs per unit signal fraction, posterior means decoded.",
        "U, in data variance; its limit where the mode is collapsed",
    ),
)


def _conversions(derivation: Derivation) -> list[Formula]:
    formulas = []
    for convention in CONVENTIONS.values():
        label = convention.name.replace("_", "-")
        forward, back = derivation[f"temperature-{label}"], derivation[f"beta-{label}"]
        sizes = [size for size in (ETA, D, K, B) if size in forward.rhs.free_symbols]
        extra = tuple(_SIZES[size] for size in sizes)
        numbers = {argument.symbol: sp.Integer(3 + index) for index, argument in enumerate(extra)}
        formulas += [
            Formula(
                f"temperature_{convention.name}",
                f"Temperature of the loss ``{convention.code}``.",
                (_BETA, *extra),
                forward.rhs.subs(ETA, sp.sqrt(_ETA2)),
                "T, in data variance",
                derivation.name,
                forward.name,
                {BETA: sp.Rational(1, 2), **numbers},
            ),
            Formula(
                f"beta_{convention.name}",
                f"Weight that puts the loss ``{convention.code}`` at a temperature.",
                (_TEMPERATURE, *extra),
                back.rhs.subs(ETA, sp.sqrt(_ETA2)),
                "beta, as the code writes it",
                derivation.name,
                back.name,
                {T: sp.Rational(1, 2), **numbers},
            ),
        ]
    return formulas


def _by_width(expression: sp.Expr) -> sp.Expr:
    """Write s for T/Λ outside logarithms: s is exactly 1 where collapsed, so what vanishes there does so exactly."""
    logarithm = sp.Dummy("log")
    kept = sp.log(LEVEL / T)
    return expression.subs(kept, logarithm).subs(T / LEVEL, S).subs(logarithm, kept)


def _equilibrium(linear: Derivation) -> list[Formula]:
    formulas = []
    for name, step, summary, returns in _EQUILIBRIUM:
        result = _by_width(linear[step].rhs)
        arguments = (_EIGENVALUE, _TEMPERATURE) if result.free_symbols & {S, T, LEVEL} else (_EIGENVALUE,)
        example = {argument.symbol: _AT_HALF[argument.symbol] for argument in arguments}
        formulas.append(Formula(name, summary, arguments, result, returns, linear.name, step, example))
    return formulas


def _off_equilibrium(linear: Derivation) -> list[Formula]:
    return [
        Formula(
            "reduced_free_energy",
            "Free energy of a mode with all but its signal fraction eliminated.",
            (Argument(_M2, "signal_fraction", "M², in [0, 1)"), _EIGENVALUE, _TEMPERATURE),
            linear["eliminated-free-energy"].rhs.subs(M**2, _M2),
            "F, in data variance",
            linear.name,
            "eliminated-free-energy",
            {_M2: sp.Rational(1, 2), **_AT_HALF},
        ),
        *(
            Formula(name, summary, _WEIGHTS, linear[step].rhs, returns, linear.name, step, _OFF_EQUILIBRIUM)
            for name, step, summary, returns in (
                (
                    "mode_free_energy",
                    "mode-free-energy",
                    "Free energy of a mode at any weights.",
                    "F, in data variance",
                ),
                (
                    "mode_gradient",
                    "gradient",
                    "Gradient of the free energy of a mode.",
                    "derivatives with respect to (w, v, s) along the last axis",
                ),
                (
                    "mode_hessian",
                    "hessian",
                    "Hessian of the free energy of a mode.",
                    "second derivatives with respect to (w, v, s) along the last two axes",
                ),
            )
        ),
    ]


def _split(identity: Derivation) -> Formula:
    return Formula(
        "kl_terms",
        "The four terms whose sum is the divergence of a latent; each is >= 0.",
        (
            Argument(_M2, "signal_fraction", "M², in [0, 1)"),
            Argument(_A2, "scale", "A², the posterior scale Var μ + E σ², > 0"),
            Argument(J, "jensen", "J, the Jensen gap ln E σ² - E ln σ², in nats, >= 0"),
            Argument(MEAN, "mean", "m, mean of the posterior mean over the data"),
        ),
        tuple(identity["terms"].rhs.subs({M**2: _M2, A**2: _A2})),
        "information, scale, Jensen gap and offset terms, in nats",
        identity.name,
        "terms",
        {_M2: sp.Rational(1, 2), _A2: sp.Integer(2), J: sp.Rational(1, 4), MEAN: sp.Integer(1)},
    )


@lru_cache(maxsize=1)
def catalogue() -> tuple[Formula, ...]:
    """Return every formula that is emitted, in the order of the emitted file.

    Examples
    --------
    >>> [formula.name for formula in catalogue()][:2]
    ['temperature_elbo', 'beta_elbo']
    """
    from .formulas_curves import curve_formulas  # these need `Formula` from here
    from .formulas_dynamics import dynamics_formulas
    from .formulas_practice import practice_formulas

    linear = derive_linear()
    return (
        *_conversions(derive_conversions()),
        *_equilibrium(linear),
        *_off_equilibrium(linear),
        _split(derive_kl_identity()),
        *dynamics_formulas(),
        *practice_formulas(),
        *curve_formulas(),
    )
