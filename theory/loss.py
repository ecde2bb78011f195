"""From the loss as it is written in code to the free energy: one temperature T for every convention.

The road starts at two densities, the decoder N(x; f, η²) and the posterior N(z; μ, σ²) against the prior N(0, 1),
and ends at ``F = 2 η² L + const = E‖x − f‖² + 2 T E KL`` with ``T = β η²`` (Hirn, arXiv:2605.22691; Alemi et al.,
arXiv:1711.00464). Whatever a code minimises, if it is affine in the squared error and the divergence then it is F up
to a positive factor and a constant: `temperature_of` finds both.

Symbol table
------------
symbol    meaning                                                       unit
x, f      data and decoder mean, entries [b, d]                         data
kl        divergence of a row and a latent, entries [b, k]              nats
B, D, K   rows in the batch, features, latents                          1
eta       decoder standard deviation                                    data
beta      weight of the divergence as the user writes it                by convention
e2        squared error of a row, summed over features, batch mean      data variance
KL        divergence of a row, summed over latents, batch mean          nats
T         temperature                                                   data variance
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sympy as sp

from .derivation import Derivation, Quantity, Step, vanishes
from .errors import InputError

__all__ = [
    "CONVENTIONS",
    "Convention",
    "Conversion",
    "derive_conversions",
    "derive_loss",
    "gaussian_expectation",
    "gaussian_kl",
    "temperature_of",
]

BETA, ETA, T = sp.symbols("beta eta T", positive=True)
E2, KL = sp.symbols("e2 KL", nonnegative=True)
B, D, K = sp.symbols("B D K", positive=True, integer=True)
MU = sp.Symbol("mu", real=True)
SIGMA = sp.Symbol("sigma", positive=True)

_b, _d, _k = sp.symbols("b d k", positive=True, integer=True)
_x, _f, _kl = sp.IndexedBase("x"), sp.IndexedBase("f"), sp.IndexedBase("kl")
SQUARES = sp.Sum((_x[_b, _d] - _f[_b, _d]) ** 2, (_d, 1, D), (_b, 1, B))
"""Σ (x − f)² over the batch and the features; equals B·e2."""
DIVERGENCES = sp.Sum(_kl[_b, _k], (_k, 1, K), (_b, 1, B))
"""Σ kl over the batch and the latents; equals B·KL."""


def gaussian_expectation(
    expression: sp.Expr, variable: sp.Symbol, mean: sp.Expr = sp.S.Zero, deviation: sp.Expr = sp.S.One
) -> sp.Expr:
    """Expectation of a polynomial in a normal variable, exactly.

    Parameters
    ----------
    expression : sympy.Expr
        Polynomial in `variable`; its coefficients may hold anything else.
    variable : sympy.Symbol
        The normal variable.
    mean, deviation : sympy.Expr
        Its mean and standard deviation.

    Returns
    -------
    sympy.Expr

    Raises
    ------
    InputError
        If the expression is not polynomial in `variable`.

    Notes
    -----
    ``variable = mean + deviation·ε`` and ``E εⁿ = (n−1)!!`` for even n, 0 for odd n; the step ``moments`` of
    `derive_loss` checks these against the integral.

    Examples
    --------
    >>> z, m, s = sp.symbols("z m s")
    >>> gaussian_expectation(z**2, z, m, s)
    m**2 + s**2
    """
    noise = sp.Dummy("epsilon", real=True)
    shifted = sp.expand(expression.subs(variable, mean + deviation * noise))
    if not shifted.is_polynomial(noise):
        raise InputError(f"expression must be polynomial in {variable}, got {expression}; expand it in powers first")
    terms = sp.Poly(shifted, noise).terms()
    return sp.expand(sum(coefficient * _normal_moment(power) for (power,), coefficient in terms))


def _normal_moment(power: int) -> sp.Integer:
    return sp.Integer(0) if power % 2 else sp.factorial2(power - 1)


def gaussian_kl(mean: sp.Expr, deviation: sp.Expr) -> sp.Expr:
    """KL(N(mean, deviation²) ‖ N(0, 1)) in nats, by averaging ``ln q(z) − ln p(z)`` over q.

    Examples
    --------
    >>> sp.expand_log(gaussian_kl(MU, SIGMA))
    mu**2/2 + sigma**2/2 - log(sigma) - 1/2
    """
    z = sp.Dummy("z", real=True)
    return gaussian_expectation(_log_normal(z, mean, deviation) - _log_normal(z, 0, 1), z, mean, deviation)


def _log_normal(z: sp.Expr, mean: sp.Expr, deviation: sp.Expr) -> sp.Expr:
    return -((z - mean) ** 2) / (2 * deviation**2) - sp.log(deviation) - sp.log(2 * sp.pi) / 2


@dataclass(frozen=True, slots=True)
class Conversion:
    """``scale·loss + offset = e2 + 2·temperature·KL``, exactly.

    Parameters
    ----------
    temperature, scale, offset : sympy.Expr
        T in data variance; a positive factor; a constant that no trained parameter enters.
    """

    temperature: sp.Expr
    scale: sp.Expr
    offset: sp.Expr


def temperature_of(loss: sp.Expr, squared_error: sp.Symbol = E2, divergence: sp.Symbol = KL) -> Conversion:
    """Bring a loss to the form of the free energy and read off its temperature.

    Parameters
    ----------
    loss : sympy.Expr
        What is minimised, affine in `squared_error` and `divergence` with positive slopes.
    squared_error, divergence : sympy.Symbol
        Squared error per row (summed over features) and divergence per row (summed over latents), batch means.

    Returns
    -------
    Conversion

    Raises
    ------
    InputError
        If the loss is not affine in the two, or a slope is not positive.

    Notes
    -----
    Dividing by the slope of the squared error leaves ``T = (∂loss/∂KL) / (2 ∂loss/∂e2)``.

    Examples
    --------
    >>> temperature_of(E2 / D + BETA * KL).temperature
    D*beta/2
    """
    slope_error, slope_divergence = sp.diff(loss, squared_error), sp.diff(loss, divergence)
    offset = loss.subs({squared_error: 0, divergence: 0})
    if not vanishes(loss - slope_error * squared_error - slope_divergence * divergence - offset) or (
        {squared_error, divergence} & (slope_error.free_symbols | slope_divergence.free_symbols)
    ):
        raise InputError(
            f"loss must be affine in {squared_error} and {divergence}, got {loss}; write it as a sum of both"
        )
    if slope_error.is_positive is not True or slope_divergence.is_positive is not True:
        raise InputError(
            f"loss must increase with {squared_error} and {divergence}, got {loss}; declare its weights positive"
        )
    scale = 1 / slope_error
    return Conversion(sp.cancel(slope_divergence * scale / 2), scale, sp.expand(-offset * scale))


@dataclass(frozen=True, slots=True)
class Convention:
    """One way people write the loss.

    Parameters
    ----------
    name : str
        Identifier used for function names and options.
    code : str
        The loss in NumPy, of arrays ``x, f`` (B, D), ``kl`` (B, K) and numbers ``beta, eta``.
    loss : sympy.Expr
        The same in the sums `SQUARES` and `DIVERGENCES`.
    """

    name: str
    code: str
    loss: sp.Expr

    @property
    def per_row(self) -> sp.Expr:
        """The loss in the batch means e2 and KL."""
        return self.loss.xreplace({SQUARES: B * E2, DIVERGENCES: B * KL})

    @property
    def conversion(self) -> Conversion:
        """How this loss becomes the free energy."""
        return temperature_of(self.per_row)


_KL_PER_ROW = BETA * DIVERGENCES / B

CONVENTIONS: Mapping[str, Convention] = MappingProxyType(
    {
        convention.name: convention
        for convention in (
            Convention(
                "elbo",
                "(((x - f) / eta)**2 / 2 + np.log(2 * np.pi * eta**2) / 2).sum(1).mean() + beta * kl.sum(1).mean()",
                SQUARES / (2 * ETA**2 * B) + D * sp.log(2 * sp.pi * ETA**2) / 2 + _KL_PER_ROW,
            ),
            Convention(
                "half_sse", "((x - f)**2).sum(1).mean() / 2 + beta * kl.sum(1).mean()", SQUARES / (2 * B) + _KL_PER_ROW
            ),
            Convention("sse", "((x - f)**2).sum(1).mean() + beta * kl.sum(1).mean()", SQUARES / B + _KL_PER_ROW),
            Convention("mse", "((x - f)**2).mean() + beta * kl.sum(1).mean()", SQUARES / (B * D) + _KL_PER_ROW),
            Convention(
                "mse_mean_kl",
                "((x - f)**2).mean() + beta * kl.mean()",
                SQUARES / (B * D) + BETA * DIVERGENCES / (B * K),
            ),
            Convention("mse_sum_kl", "((x - f)**2).mean() + beta * kl.sum()", SQUARES / (B * D) + BETA * DIVERGENCES),
        )
    }
)
"""The ways people write the loss, by name."""

_SHARED = (
    Quantity(BETA, "weight of the divergence, as the code writes it", "by convention"),
    Quantity(ETA, "decoder standard deviation", "data"),
    Quantity(T, "temperature β η²", "data variance"),
    Quantity(E2, "squared error of a row, summed over features, averaged over the batch", "data variance"),
    Quantity(KL, "divergence of a row, summed over latents, averaged over the batch", "nats"),
    Quantity(B, "rows in the batch"),
    Quantity(D, "features"),
    Quantity(K, "latents"),
)


def derive_loss() -> Derivation:
    """Derive the free energy from the two Gaussian densities.

    Returns
    -------
    Derivation
        Steps ``density``, ``log-likelihood``, ``moments``, ``kl``, ``loss``, ``free-energy``, ``one-temperature``,
        ``envelope``.

    Examples
    --------
    >>> derive_loss()["free-energy"].expression
    Eq(F, 2*KL*T + e2)
    """
    x, f, eps = sp.symbols("x f epsilon", real=True)
    loss, free, power = sp.symbols("L F n", real=True)
    everywhere = (-sp.oo, sp.oo)
    density = sp.exp(_log_normal(x, f, ETA))
    standard = sp.exp(_log_normal(eps, 0, 1))
    row_squares = sp.Sum((_x[_d] - _f[_d]) ** 2, (_d, 1, D))
    one_feature = (_x[_d] - _f[_d]) ** 2 / (2 * ETA**2) + sp.log(2 * sp.pi * ETA**2) / 2
    log_likelihood = row_squares / (2 * ETA**2) + D * sp.log(2 * sp.pi * ETA**2) / 2
    divergence = gaussian_kl(MU, SIGMA)
    posterior_noise = MU + SIGMA * eps
    log_ratio = _log_normal(posterior_noise, MU, SIGMA) - _log_normal(posterior_noise, 0, 1)
    constant = D * sp.log(2 * sp.pi * ETA**2) / 2
    elbo = E2 / (2 * ETA**2) + BETA * KL + constant
    free_energy = E2 + 2 * T * KL
    in_user_terms = free_energy.subs(T, BETA * ETA**2)
    steps = (
        Step(
            "density",
            sp.Eq(sp.Symbol("p"), sp.simplify(density), evaluate=False),
            "Decoder: each feature is normal around f with standard deviation η.",
            "integrates to 1 with variance η² (two integrals)",
            (
                sp.integrate(density.subs(x, f + ETA * eps) * ETA, (eps, *everywhere)) - 1,
                sp.integrate(density.subs(x, f + ETA * eps) * ETA * (ETA * eps) ** 2, (eps, *everywhere)) - ETA**2,
            ),
        ),
        Step(
            "log-likelihood",
            log_likelihood,
            "−ln p of a row: the features are independent given z, so their logarithms add.",
            "term by term for a symbolic index; the constant summed D times",
            (
                -_log_normal(_x[_d], _f[_d], ETA) - one_feature,
                sp.Sum(one_feature.subs(_x[_d], _f[_d]), (_d, 1, D)).doit() - log_likelihood.coeff(row_squares, 0),
            ),
        ),
        Step(
            "moments",
            sp.Eq(sp.Symbol("m_n"), sp.factorial2(power - 1), evaluate=False),
            "Moments E εⁿ of a standard normal variable for even n; the odd ones are zero.",
            "against the integral for n = 0, …, 4, all that is used below",
            tuple(sp.integrate(eps**n * standard, (eps, *everywhere)) - _normal_moment(n) for n in range(5)),
        ),
        Step(
            "kl",
            sp.Eq(sp.Symbol("kl"), (MU**2 + SIGMA**2 - 1 - sp.log(SIGMA**2)) / 2, evaluate=False),
            "Divergence of N(μ, σ²) from N(0, 1): the average of ln q − ln p over z = μ + σε.",
            "against the average by moments and against the integral over ε; zero at μ = 0, σ = 1",
            (
                divergence - (MU**2 + SIGMA**2 - 1 - sp.log(SIGMA**2)) / 2,
                sp.integrate(sp.expand(sp.expand_log(log_ratio)) * standard, (eps, *everywhere)) - divergence,
                divergence.subs({MU: 0, SIGMA: 1}),
            ),
        ),
        Step(
            "loss",
            sp.Eq(loss, elbo, evaluate=False),
            "The β-weighted negative evidence bound, averaged over rows.",
            "B rows of the log-likelihood and of the divergence, summed and divided by B",
            (CONVENTIONS["elbo"].per_row - elbo,),
        ),
        Step(
            "free-energy",
            sp.Eq(free, free_energy, evaluate=False),
            "F = 2η²L − D η² ln(2πη²) with T = β η²: a positive factor and a constant move no minimum.",
            "2η²L minus the constant minus F at T = β η² is zero; the constant holds neither e2 nor KL",
            (
                2 * ETA**2 * (elbo - constant) - in_user_terms,
                sp.diff(constant, E2) + sp.diff(constant, KL),
            ),
        ),
        Step(
            "one-temperature",
            sp.Eq(T, BETA * ETA**2, evaluate=False),
            "β and η² enter only through their product: any pair with the same T has the same minimisers.",
            "F is constant along (β, η) → (cβ, η/√c): the derivative η ∂F/∂η − 2β ∂F/∂β is zero",
            (ETA * sp.diff(in_user_terms, ETA) - 2 * BETA * sp.diff(in_user_terms, BETA),),
        ),
        Step(
            "envelope",
            sp.Eq(sp.Derivative(free, T), 2 * KL, evaluate=False),
            "For fixed parameters F is affine in T with slope 2 KL; the minimum F*(T) over them is therefore concave.",
            "∂F/∂T − 2 KL and ∂²F/∂T² are zero",
            (sp.diff(free_energy, T) - 2 * KL, sp.diff(free_energy, T, 2)),
        ),
    )
    return Derivation(
        "loss",
        "The free energy of a Gaussian variational autoencoder",
        ("kingma2014", "alemi2018", "hirn2026pruning"),
        (
            "The decoder variance η² is fixed and shared by all features.",
            "The posterior is a diagonal Gaussian, the prior standard normal.",
        ),
        (
            *_SHARED,
            Quantity(x, "one feature of a row", "data"),
            Quantity(f, "its decoder mean", "data"),
            Quantity(sp.Symbol("p"), "decoder density", "1/data"),
            Quantity(_x.label, "row of the data, entries [d]", "data"),
            Quantity(_f.label, "decoder mean of the row, entries [d]", "data"),
            Quantity(power, "order of a moment"),
            Quantity(sp.Symbol("m_n"), "moment E εⁿ of a standard normal variable"),
            Quantity(sp.Symbol("kl"), "divergence of one latent", "nats"),
            Quantity(MU, "posterior mean of one latent"),
            Quantity(SIGMA, "posterior standard deviation of one latent"),
            Quantity(loss, "loss", "nats"),
            Quantity(free, "free energy", "data variance"),
        ),
        steps,
    )


def derive_conversions() -> Derivation:
    """Derive the temperature of every convention in `CONVENTIONS`, and the user's weight from the temperature.

    Returns
    -------
    Derivation
        For each convention ``c`` (with ``-`` for ``_``) the steps ``loss-c``, ``temperature-c`` and ``beta-c``.

    Examples
    --------
    >>> derive_conversions()["temperature-mse"].expression, derive_conversions()["beta-mse"].expression
    (Eq(T, D*beta/2), Eq(beta, 2*T/D))
    """
    written = sp.Symbol("ell", real=True)
    steps: list[Step] = []
    for convention in CONVENTIONS.values():
        label = convention.name.replace("_", "-")
        per_row, found = convention.per_row, convention.conversion
        (weight,) = sp.solve(sp.Eq(T, found.temperature), BETA)
        steps += [
            Step(
                f"loss-{label}",
                sp.Eq(written, convention.loss, evaluate=False),
                f"The code says {convention.code}.",
                "in e2 = Σ(x−f)²/B and KL = Σkl/B it is affine with positive slopes",
                (sp.diff(per_row, E2, 2), sp.diff(per_row, KL, 2), sp.diff(per_row, E2, KL)),
                (sp.diff(per_row, E2), sp.diff(per_row, KL)),
            ),
            Step(
                f"temperature-{label}",
                sp.Eq(T, found.temperature, evaluate=False),
                f"Multiply by {sp.sstr(found.scale)}, add {sp.sstr(found.offset)}: the loss becomes e2 + 2 T KL.",
                "substituted: factor × loss + constant − (e2 + 2 T KL) is zero, and the factor is positive",
                (found.scale * per_row + found.offset - (E2 + 2 * found.temperature * KL),),
                (found.scale,),
            ),
            Step(
                f"beta-{label}",
                sp.Eq(BETA, weight, evaluate=False),
                "The weight that puts this code at temperature T.",
                "its temperature is T again",
                (found.temperature.subs(BETA, weight) - T,),
            ),
        ]
    return Derivation(
        "conversions",
        "One temperature for every way to write the loss",
        ("kingma2014", "alemi2018", "hirn2026pruning"),
        ("The loss is affine in the squared error and the divergence, with positive weights.",),
        (
            *_SHARED,
            Quantity(written, "the loss as the code writes it", "by convention"),
            Quantity(_x.label, "data, entries [b, d]", "data"),
            Quantity(_f.label, "decoder mean, entries [b, d]", "data"),
            Quantity(_kl.label, "divergence, entries [b, k]", "nats"),
        ),
        tuple(steps),
    )
