"""The free energy before the elimination, and the derivation of a Landau polynomial as checked steps.

`expand` writes F with a finite set of slaved amplitudes kept: μ = α x + Σ mu_α e_α(x), ln σ = ϱ x + Σ rho_α e_α(x) on
polynomials e_α that are orthogonal to 1 and to the top coordinate. That is another road than the elimination in
function space (`theory.reduction`), so substituting the slaved solution into it, and into its gradient, checks both.

Symbol table
------------
symbol          meaning                                                  weight
mu_n, rho_n     amplitudes of μ and ln σ on e_n, n ≥ 2, or on 1 (n = 0)  max(n, 2)
e_n             x^n − E[x^n] − x E[x^{n+1}]/λ                            0
F_k             part of weight k of F/λ                                  k
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp
from sympy.polys.rings import PolyElement

from .cumulants import Cumulants, Exponents
from .derivation import Derivation, Quantity, Step
from .expansion import Expansion
from .graded import Graded
from .landau import Landau, declared
from .model import ModelClass
from .readout import TEMPERATURE, Readout, amplitude_symbol
from .reduction import Setting, critical_names, solve, width_is_critical

__all__ = ["Expanded", "derive", "expand"]


@dataclass(frozen=True, slots=True)
class _Slaved:
    """One slaved amplitude: its generator, head, latent, polynomial exponents and weight."""

    name: str
    head: str
    latent: int
    alpha: Exponents
    weight: int


@dataclass(frozen=True, slots=True)
class Expanded:
    """The free energy in critical and slaved amplitudes, exact in T, decoder eliminated.

    Parameters
    ----------
    amplitudes : tuple of sympy.Symbol
        Critical ones first.
    weights : mapping of str to int
        Bookkeeping weight of each amplitude.
    terms : mapping of tuple of int to sympy.Expr
        Exponents to the coefficient of F/λ, all terms of weight at most the order.
    """

    amplitudes: tuple[sp.Symbol, ...]
    weights: Mapping[str, int] = field(hash=False)
    terms: Mapping[Exponents, sp.Expr] = field(hash=False)
    setting: Setting = field(repr=False, compare=False)
    parts: Graded = field(repr=False, compare=False)

    @property
    def polynomial(self) -> sp.Expr:
        """F/λ without its value at collapse."""
        return sp.Add(
            *(
                coefficient * sp.Mul(*(s**p for s, p in zip(self.amplitudes, powers, strict=True)))
                for powers, coefficient in self.terms.items()
            )
        )

    def to_json(self) -> dict[str, str]:
        """Return monomial to coefficient, as strings."""
        return {
            sp.sstr(sp.Mul(*(s**p for s, p in zip(self.amplitudes, powers, strict=True)))): sp.sstr(coefficient)
            for powers, coefficient in self.terms.items()
        }


def expand(model: ModelClass | str, order: int = 4, data: Cumulants | None = None) -> Expanded:
    """Expand the free energy in the critical and all slaved amplitudes that matter at an order.

    Parameters
    ----------
    model, order, data
        As for `theory.landau.reduce`.

    Raises
    ------
    InputError
        As `theory.landau.reduce`.

    Examples
    --------
    >>> expand("nonlinear-decoder", 4).to_json()["a**2*rho_0"]
    '2'
    """
    model, data = declared(model, data)
    chosen = _slaved_amplitudes(model, Setting(model, data, order))
    setting = Setting(model, data, order, exact=True, extra=tuple(s.name for s in chosen))
    start = setting.start()
    for slaved in chosen:
        head = (start.mean if slaved.head == "mu" else start.log_width)[slaved.latent]
        head[slaved.weight] += setting.moments.generators[slaved.name] * _element(setting, slaved.alpha)
    for weight in range(1, order + 1):
        start.advance(weight)
    parts = [start.free_energy(weight) for weight in range(order + 1)]
    names = [*critical_names(model), *(s.name for s in chosen)]
    readout = Readout(setting)
    terms: dict[Exponents, sp.Expr] = {}
    for part in parts:
        terms.update(readout.coefficients(part, names, TEMPERATURE))
    weights = dict.fromkeys(critical_names(model), 1) | {s.name: s.weight for s in chosen}
    return Expanded(tuple(map(amplitude_symbol, names)), weights, terms, setting, parts)


def _slaved_amplitudes(model: ModelClass, setting: Setting) -> list[_Slaved]:
    half = setting.order // 2
    found = []
    for head, degree in (("mu", model.mean_degree), ("rho", model.width_degree)):
        for latent in range(model.latents):
            for alpha in setting.monomials(half if degree is None else min(degree, half)):
                weight = max(sum(alpha), 2)
                top = alpha[0] == sum(alpha) == 1
                if weight > half or (top and (head == "mu" or width_is_critical(model))):
                    continue
                name = f"{head}{latent + 1 if model.latents > 1 else ''}_{'_'.join(map(str, alpha))}"
                found.append(_Slaved(name, head, latent, alpha, weight))
    return found


def _element(setting: Setting, alpha: Exponents) -> PolyElement:
    """e_α: the monomial, made orthogonal to 1 and to the top coordinate if its degree is at least 2."""
    moments = setting.moments
    ring = moments.ring
    monomial = ring.from_dict({alpha + (0,) * (ring.ngens - len(alpha)): ring.domain.one})
    if sum(alpha) < 2:
        return monomial
    x = moments.coordinates[0]
    slope = moments.expect(monomial * x) * moments.number(1 / setting.data.variance)
    return monomial - moments.expect(monomial) - x * slope


def _solution(setting: Setting, expansion: Expansion, chosen: list[_Slaved]) -> dict[str, Graded]:
    """Slaved amplitudes of a solution, read off its functions from the highest degree down."""
    values = {s.name: expansion.algebra.zero() for s in chosen}
    for weight in range(2, expansion.half + 1):
        for head, functions in (("mu", expansion.mean), ("rho", expansion.log_width)):
            for latent, function in enumerate(functions):
                rest = function[weight]
                own = [s for s in chosen if (s.head, s.latent) == (head, latent)]
                for slaved in sorted(own, key=lambda s: -sum(s.alpha)):
                    value = setting.moments.split(rest).get(slaved.alpha, setting.moments.ring.zero)
                    values[slaved.name][weight] = value
                    rest = rest - value * _element(setting, slaved.alpha)
                if rest:
                    raise RuntimeError(f"weight {weight} of {head} leaves {rest} outside the declared amplitudes")
    return values


def derive(landau: Landau) -> Derivation:
    """Derive a Landau polynomial step by step, each step checked by substitution.

    The elimination is made once in function space and checked in the space of amplitudes: the slaved solution is
    substituted into the gradient of the expanded free energy, which must vanish, and into the free energy itself, which
    must give the reduced polynomial.

    Raises
    ------
    DerivationError
        If a step does not follow.
    """
    model, order = landau.model, landau.order
    expanded = expand(model, order, landau.data)
    setting = expanded.setting
    chosen = _slaved_amplitudes(model, setting)
    solution = solve(setting)
    readout = Readout(setting)
    ring, algebra = setting.moments.ring, solution.algebra
    values = _solution(setting, solution, chosen)
    generators = setting.moments.generators
    critical = critical_names(model)
    graded = {name: algebra.series({1: generators[name]}) for name in critical} | values
    replaced = [graded.get(str(s)) for s in ring.symbols]
    total = sum(expanded.parts, ring.zero)
    parts = [solution.free_energy(weight) for weight in range(order + 1)]

    def shown(element: PolyElement) -> sp.Expr:
        return readout.expression(element)

    gradient = [
        algebra.compose(total.diff(generators[slaved.name]), replaced)[weight]
        for slaved in chosen
        for weight in range(solution.half + 1)
    ]
    substituted = algebra.compose(total, replaced)
    excess = [_scale_excess(setting, solution, k) for k in solution.latents]
    scale = [
        part - generators[name] * parts[weight].diff(generators[name]) / 2
        for k, name in enumerate(critical[: model.latents])
        for weight, part in enumerate(excess[k])
    ]
    free, top = sp.Symbol("F"), landau.critical_temperature
    quadratic = {powers: c for powers, c in landau.reduced.items() if sum(powers) == 2}
    second = sp.Add(*(c * _monomial(landau, powers) for powers, c in quadratic.items()))
    from_parts = readout.coefficients(parts[2], critical, TEMPERATURE)
    steps = [
        Step(
            "quadratic-form",
            sp.Eq(free, second, evaluate=False),
            "The posterior mean couples to He_1 of the decoder, ln σ to He_2; no other degree answers linearly.",
            "the part of weight 2 of the expanded free energy",
            tuple(from_parts[powers] - c for powers, c in quadratic.items()),
        ),
        Step(
            "marginal-point",
            sp.Eq(TEMPERATURE, top, evaluate=False),
            "Every critical channel softens at the variance of the top mode; everything else stays stiff.",
            "the coefficients of all critical amplitudes vanish there",
            tuple(c.subs(TEMPERATURE, top) for c in quadratic.values()),
        ),
    ]
    if chosen:
        pairs = [sp.Eq(amplitude_symbol(s.name), shown(sum(values[s.name], ring.zero)), evaluate=False) for s in chosen]
        steps.append(
            Step(
                "slaved",
                sp.Tuple(*pairs),
                f"Stationarity in each slaved amplitude, solved weight by weight through weight {solution.half}.",
                "the gradient of the expanded free energy, with the solution substituted, vanishes through that weight",
                tuple(map(shown, gradient)),
            )
        )
    if solution.half >= 2:
        steps.append(
            Step(
                "scale-identity",
                sp.Eq(sp.Symbol("A2"), 1 + shown(sum(excess[0], ring.zero)), evaluate=False),
                "z → cz moves a and costs only divergence, so A² = E[μ² + σ²] = 1 + a ∂F/∂a / 2T at fixed amplitudes.",
                "both sides, from the solution and from the reduced polynomial, agree weight by weight",
                tuple(map(shown, scale)),
            )
        )
    steps.append(
        Step(
            "reduced",
            sp.Eq(free, landau.polynomial + sp.O(sp.Symbol("epsilon") ** (order + 1)), evaluate=False),
            f"All slaved amplitudes substituted; exact through order {order} because F is stationary in them.",
            "the expanded free energy with the solution substituted minus this polynomial",
            tuple(shown(substituted[weight] - parts[weight]) for weight in range(order + 1))
            + _against_polynomial(landau, readout, parts),
        )
    )
    if landau.signal is not None and landau.signal_polynomial is not None:
        m = landau.signal_polynomial
        one = {TEMPERATURE: sp.Integer(1)}
        # m = a²(1 + O(a⁴)) at the marginal point, where the quadratic part vanishes: the first two coefficients agree.
        same = [
            (landau.reduced.get((2 * j,), sp.Integer(0)), landau.signal[j - 1]) for j in (1, 2, 3) if 2 * j <= order
        ]
        steps.append(
            Step(
                "signal-fraction",
                sp.Eq(free, m, evaluate=False),
                "At fixed signal fraction m and A² = 1, 2 KL = −ln(1 − m) exactly; only the distortion is expanded.",
                "coefficients through m³ agree with those of a², a⁴ and a⁶ at the marginal point",
                tuple(sp.expand((left - right).subs(one)) for left, right in same),
            )
        )
    return Derivation(
        model.name,
        f"Landau expansion of the class {model.name!r} through order {order}",
        ("hirn2026pruning", "li2025", *(("guo2011",) if landau.signal is not None else ())),
        landau.assumptions,
        _quantities(landau, steps),
        tuple(steps),
    )


def _scale_excess(setting: Setting, solution: Expansion, latent: int) -> Graded:
    """E[μ² + σ²] − 1 of one latent, through the weight that the elimination used."""
    mean, square = solution.mean[latent], solution.square_width[latent]
    parts = [
        setting.moments.expect(solution.algebra.product_part(mean, mean, k) + square[k])
        for k in range(1, solution.half + 1)
    ]
    return [setting.moments.ring.zero, *parts]


def _monomial(landau: Landau, powers: Exponents) -> sp.Expr:
    return sp.Mul(*(s**p for s, p in zip(landau.amplitudes, powers, strict=True)))


def _against_polynomial(landau: Landau, readout: Readout, parts: Graded) -> tuple[sp.Expr, ...]:
    """Differences between the stated coefficients and those of the exact-temperature parts, at the stated T."""
    names = [str(s) for s in landau.amplitudes]
    found: dict[Exponents, sp.Expr] = {}
    for part in parts:
        found.update(readout.coefficients(part, names, TEMPERATURE))
    residuals = []
    for powers in {*found, *landau.reduced}:
        difference = found.get(powers, sp.Integer(0)) - landau.reduced.get(powers, sp.Integer(0))
        if not landau.exact and sum(powers) > 2:
            difference = difference.subs(TEMPERATURE, 1)
        residuals.append(sp.cancel(difference))
    return tuple(residuals)


def _quantities(landau: Landau, steps: list[Step]) -> tuple[Quantity, ...]:
    meanings = {
        "F": ("free energy over λ, without its value at collapse", "1"),
        "T": ("temperature over the variance λ of the top mode", "1"),
        "A2": ("posterior scale A² = E[μ² + σ²]", "1"),
        "m": ("signal fraction M²", "1"),
        "epsilon": ("bookkeeping parameter: an amplitude of weight k carries ε^k", "1"),
    }
    kinds = {
        "a": "E[x μ], critical amplitude of the posterior mean",
        "r": "E[x ln σ], critical amplitude of the posterior width",
        "mu": "slaved amplitude of μ(x) on the polynomial of that degree",
        "rho": "slaved amplitude of ln σ(x) on the polynomial of that degree",
        "kappa": "cumulant of the data",
        "lambda": "variance of another mode, over λ",
    }
    symbols = {s for step in steps for s in step.expression.free_symbols if isinstance(s, sp.Symbol)}
    listed = []
    for symbol in sorted(symbols, key=str):
        name = str(symbol)
        stem = "rho" if name.startswith("rho") else next((k for k in kinds if name.startswith(k)), "")
        meaning, unit = meanings.get(name, (kinds.get(stem, ""), "1"))
        listed.append(Quantity(symbol, meaning, unit))
    return tuple(listed)
