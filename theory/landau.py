"""The Landau engine: declare a model class and data cumulants, get the reduced Landau polynomial and its derivation.

`reduce` finds the marginal point and the critical amplitudes from the quadratic form, eliminates everything else order
by order and returns the polynomial in the critical amplitudes; `theory.landau_steps.expand` is the free energy before
the elimination. The published theory stops at quadratic order (Hirn, arXiv:2605.22691; Li et al., arXiv:2510.01621).

Normal form: temperatures in units of the variance λ of the top mode, x̂ = x/√λ its standardised coordinate,
a = E[x̂ μ(x)], r = E[x̂ ln σ(x)], and F/λ without its value at collapse; so the quadratic part is (T − 1)(a² + 2r²). All
else is eliminated at fixed a and r. Coefficients of the cubic and higher terms are those at the marginal point T = 1,
unless the exact temperature is asked for. Classes with one amplitude are given in the signal fraction m = M² too: there
F/λ = D(m)/λ − T ln(1 − m) holds at every T.

Symbol table
------------
symbol          meaning                                                unit
a, r            amplitudes of the two channels (a1, a2 … for K ≥ 2)    1
m               signal fraction M², E μ² at posterior scale A² = 1     1
T               temperature over λ                                     1
κ_n             cumulants of the top mode                              λ^{n/2}
mu_α, rho_α     slaved amplitudes of μ and ln σ on the polynomial e_α  data unit^−|α|
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from .cumulants import Cumulants
from .derivation import Derivation
from .errors import InputError
from .expansion import Expansion
from .model import ModelClass, model_class
from .readout import TEMPERATURE, Readout, amplitude_symbol
from .reduction import Setting, critical_names, reduce_at_signal, solve

__all__ = ["Channel", "Landau", "channels", "reduce"]

SIGNAL = sp.Symbol("m", nonnegative=True)
Monomial = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """One direction of the quadratic form at the collapsed state.

    Parameters
    ----------
    name : str
        ``"mean"`` or ``"width"``.
    coordinate : int
        Which coordinate of x it follows.
    coefficient : sympy.Expr
        Of the squared amplitude in F/λ.
    threshold : sympy.Expr or None
        T at which it vanishes; ``None`` if it never does.
    """

    name: str
    coordinate: int
    coefficient: sp.Expr
    threshold: sp.Expr | None


@dataclass(frozen=True, slots=True)
class Landau:
    """A reduced Landau polynomial with everything it rests on.

    Parameters
    ----------
    model, data, order
        What was declared.
    exact : bool
        Whether the coefficients are exact in T; else cubic and higher ones are those at T = 1.
    amplitudes : tuple of sympy.Symbol
        The critical amplitudes: a, r for one latent; a1, a2, …, r1, r2, … for several.
    channels : tuple of Channel
        The quadratic form.
    reduced : mapping of tuple of int to sympy.Expr
        Exponents of the amplitudes to the coefficient of F/λ.
    signal : tuple of sympy.Expr, or None
        Coefficients of m, m², … in F/λ, exact in T, for one latent of constant width; else ``None``.
    solution : Expansion
        Everything that was eliminated, as ring elements.
    """

    model: ModelClass
    data: Cumulants
    order: int
    exact: bool
    amplitudes: tuple[sp.Symbol, ...]
    channels: tuple[Channel, ...]
    reduced: Mapping[Monomial, sp.Expr] = field(hash=False)
    signal: tuple[sp.Expr, ...] | None
    solution: Expansion = field(repr=False, compare=False)
    readout: Readout = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        critical = [c.name[0] for c in self.channels if c.coordinate == 0 and c.threshold == 1]
        # The elimination divides by every channel that is not critical: both must have found the same ones.
        if critical != [{"a": "m", "r": "w"}[str(s)[0]] for s in self.amplitudes[:: self.model.latents]]:
            raise RuntimeError(f"critical channels {critical} do not match the amplitudes {self.amplitudes}")
        if self.data.symbolic:
            return
        used = {str(s) for c in (*self.reduced.values(), *(self.signal or ())) for s in c.free_symbols}
        missing = sorted(used & set(self.readout.kappas))
        if missing:
            raise InputError(
                f"order {self.order} of {self.model.name!r} needs {', '.join(missing)}, not declared in "
                f"{self.data.name}; declare {', '.join(f'{name}=…' for name in missing)} or lower the order"
            )

    @property
    def polynomial(self) -> sp.Expr:
        """F/λ in the critical amplitudes."""
        return sp.Add(*(c * _monomial(self.amplitudes, powers) for powers, c in self.reduced.items()))

    @property
    def signal_polynomial(self) -> sp.Expr | None:
        """F/λ in the signal fraction m, exact in T; ``None`` if there is more than one amplitude."""
        if self.signal is None:
            return None
        return sp.Add(*(c * SIGNAL**j for j, c in enumerate(self.signal, start=1)))

    @property
    def critical_temperature(self) -> sp.Expr:
        """Where the collapsed state loses stability, over λ: the threshold of both channels of the top mode."""
        return next(c.threshold for c in self.channels if c.coordinate == 0)

    @property
    def slaved(self) -> dict[str, sp.Expr]:
        """What follows the amplitudes, through half the order: ``mu``, ``ln_sigma`` and ``f`` of x1, x2, … and z.

        Coordinates and the decoder's output are in units of √λ.
        """
        return _slaved(self.solution, self.readout)

    def derivation(self) -> Derivation:
        """Return the derivation with its machine checks."""
        from .landau_steps import derive

        return derive(self)

    @property
    def gauge(self) -> str:
        """What is held fixed while everything else is eliminated."""
        held = " and ".join(f"{s} = E[x1 {'mu' if str(s)[0] == 'a' else 'ln sigma'}]" for s in self.amplitudes)
        return f"fixed {held}, x1 standardised; unit of F and T: the variance of x1; F = 0 at collapse"

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the polynomial takes for granted."""
        held = [
            "x is centred and coordinate 1 is its top principal mode, a simple eigenvalue of the covariance",
            f"the moments of x exist through order {self.order}",
            "the encoder's functions and the decoder are smooth near collapse and reach their families' optimum",
            "an asymptotic series in the amplitudes: it proves local statements, never global continuity",
        ]
        if self.model.width_degree != 0:
            held.append("ln σ(x) may grow with |x|: unbounded data need exponential moments")
        if len(self.model.seen) < self.model.dimensions:
            held.append("hidden coordinates stand for their conditional means given what the encoder sees")
        return tuple(held)

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON-able dict; expressions are strings in ASCII symbols."""
        from .landau_steps import expand

        out: dict[str, Any] = {
            "model": self.model.name,
            "order": self.order,
            "data": self.data.name,
            "amplitudes": [str(s) for s in self.amplitudes],
            "gauge": self.gauge,
            "expansion": expand(self.model, self.order, self.data).to_json(),
            "reduced": _strings(self.amplitudes, self.reduced),
            "critical": {
                "temperature": str(self.critical_temperature),
                "amplitudes": [str(s) for s in self.amplitudes],
                "channels": [
                    {
                        "channel": c.name,
                        "coordinate": c.coordinate,
                        "coefficient": sp.sstr(c.coefficient),
                        "threshold": None if c.threshold is None else sp.sstr(c.threshold),
                    }
                    for c in self.channels
                ],
            },
            "slaved": {name: sp.sstr(value) for name, value in self.slaved.items()},
            "assumptions": list(self.assumptions),
        }
        if self.signal is not None:
            out["signal"] = _strings((SIGNAL,), {(j,): c for j, c in enumerate(self.signal, start=1)})
        return out


def _monomial(symbols: tuple[sp.Symbol, ...], powers: Monomial) -> sp.Expr:
    return sp.Mul(*(s**p for s, p in zip(symbols, powers, strict=True)))


def _strings(symbols: tuple[sp.Symbol, ...], terms: Mapping[Monomial, sp.Expr]) -> dict[str, str]:
    return {sp.sstr(_monomial(symbols, powers)): sp.sstr(c) for powers, c in terms.items()}


def declared(model: ModelClass | str, data: Cumulants | None) -> tuple[ModelClass, Cumulants]:
    """Look a class up by name; data default to symbolic cumulants in as many dimensions."""
    model = model_class(model) if isinstance(model, str) else model
    return model, Cumulants.unknown(model.dimensions) if data is None else data


def channels(model: ModelClass | str, data: Cumulants | None = None) -> tuple[Channel, ...]:
    """Quadratic form at the collapsed state, channel by channel, derived from the expansion.

    Functions of x that are orthogonal to all coordinates see only the divergence: their coefficient is positive at
    every T > 0, so the linear ones listed here decide stability.

    Examples
    --------
    >>> [(c.name, c.coefficient, c.threshold) for c in channels("flexible")]
    [('mean', T - 1, 1), ('width', 2*T - 2, 1)]
    """
    model, data = declared(model, data)
    directions = [("mean", j) for j in model.seen]
    directions += [("width", j) for j in model.seen if model.width_degree != 0]
    names = tuple(f"{name}{j}" for name, j in directions)
    setting = Setting(model, data, 2, exact=True, extra=names)
    ring, x = setting.moments.ring, setting.moments.coordinates
    generator = setting.moments.generators
    heads = {"mean": ring.zero, "width": ring.zero}
    for name, j in directions:
        heads[name] += generator[f"{name}{j}"] * x[j]
    silent = [[ring.zero] * 3 for _ in range(model.latents - 1)]
    expansion = Expansion(
        model,
        setting.moments,
        setting.theta,
        2,
        [[ring.zero, heads["mean"], ring.zero], *silent],
        [[ring.zero, heads["width"], ring.zero], *[list(s) for s in silent]],
    )
    for weight in (1, 2):
        expansion.advance(weight)
    readout = Readout(setting)
    form = readout.coefficients(expansion.free_energy(2), names, TEMPERATURE)
    found = []
    for i, (name, j) in enumerate(directions):
        variance = readout.expression(setting.moments.moment(tuple(2 * int(k == j) for k in range(data.dimensions))))
        # Amplitudes on standardised coordinates, temperatures over λ.
        coefficient = sp.expand(sp.cancel(form[tuple(2 * int(k == i) for k in range(len(names)))] / variance))
        slope, offset = (coefficient.coeff(TEMPERATURE, power) for power in (1, 0))
        found.append(Channel(name, j, coefficient, -offset / slope if offset else None))
    return tuple(found)


def reduce(model: ModelClass | str, order: int = 4, data: Cumulants | None = None, *, exact: bool = False) -> Landau:
    """Derive the Landau polynomial in the critical amplitudes.

    Parameters
    ----------
    model : ModelClass or str
        A declared class, or the name of one of `theory.model.MODEL_CLASSES`.
    order : int
        Highest power of the amplitudes, at least 2.
    data : Cumulants, optional
        Symbolic cumulants by default.
    exact : bool
        Keep every coefficient exact in T.

    Returns
    -------
    Landau

    Raises
    ------
    InputError
        If the order is below 2; the class is unknown or its likelihood is not Gaussian; a cumulant that the result
        needs is not declared (it is named); the critical space is degenerate beyond several latents on one mode.

    Notes
    -----
    The slaved quantities are found through weight ⌊n/2⌋; by stationarity F then holds through order n.

    Examples
    --------
    >>> flexible = reduce("flexible", 3)
    >>> flexible.polynomial
    -2*a**2*kappa3*r + a**2*(T - 1) - 8*kappa3*r**3/3 + r**2*(2*T - 2)
    >>> reduce("nonlinear-decoder", 4).signal_polynomial
    m**2*(T/2 - kappa3**2/2) + m*(T - 1)
    """
    model, data = declared(model, data)
    setting = Setting(model, data, order, exact=exact)
    expansion = solve(setting)
    readout = Readout(setting)
    names = critical_names(model)
    modes = channels(model, data)
    reduced: dict[Monomial, sp.Expr] = {}
    for weight in range(2, order + 1):
        terms = readout.coefficients(expansion.free_energy(weight), names, TEMPERATURE if exact else sp.Integer(1))
        reduced.update(terms)
    if not exact:
        # The quadratic part is cheap to keep exact: it is the quadratic form of the channels.
        top = {c.name[0]: c.coefficient for c in modes if c.coordinate == 0}
        for i, name in enumerate(names):
            powers = tuple(2 * int(k == i) for k in range(len(names)))
            reduced[powers] = top["m" if name[0] == "a" else "w"]
        reduced = dict(sorted(reduced.items(), key=lambda item: (sum(item[0]), [-e for e in item[0]])))
    signal = None
    if model.width_degree == 0 and model.latents == 1:
        fixed = Setting(model, data, order)
        reader = Readout(fixed)
        parts = reduce_at_signal(fixed)
        signal = tuple(
            sp.expand(reader.expression(part) / reader.top + TEMPERATURE / j) for j, part in enumerate(parts) if j
        )
    symbols = tuple(amplitude_symbol(n) for n in names)
    return Landau(model, data, order, exact, symbols, modes, reduced, signal, expansion, readout)


def _slaved(expansion: Expansion, readout: Readout) -> dict[str, sp.Expr]:
    """Posterior heads and decoder through the weight that the elimination used."""
    moments, model = expansion.moments, expansion.model
    coordinates = [f"x{j + 1}" for j in range(moments.dimensions)]
    names = [*coordinates, *critical_names(model)]
    symbols = tuple(amplitude_symbol(n) for n in names)

    def function(parts: list[Any], extra: sp.Expr) -> sp.Expr:
        element = sum(parts[: expansion.half + 1], moments.ring.zero)
        terms = readout.coefficients(element, names)
        return sp.Add(*(c * _monomial(symbols, powers) * extra for powers, c in terms.items()))

    out: dict[str, sp.Expr] = {}
    for k in expansion.latents:
        suffix = "" if model.latents == 1 else str(k + 1)
        out[f"mu{suffix}"] = function(expansion.mean[k], sp.Integer(1))
        out[f"ln_sigma{suffix}"] = function(expansion.log_width[k], sp.Integer(1))
    latents = [amplitude_symbol("z" if model.latents == 1 else f"z{k + 1}") for k in expansion.latents]
    for j in range(moments.dimensions):
        terms = []
        for n, components in expansion.c.items():
            basis = sp.Mul(*(_hermite(degree, z) for degree, z in zip(n, latents, strict=True)))
            terms.append(function(components[j], basis / sp.sqrt(readout.top)))
        out["f" if moments.dimensions == 1 else f"f{j + 1}"] = sp.Add(*terms)
    return out


def _hermite(degree: int, z: sp.Symbol) -> sp.Expr:
    """He_n(z), from the recursion He_{n+1} = z He_n − n He_{n−1}."""
    lower, current = sp.Integer(0), sp.Integer(1)
    for n in range(degree):
        lower, current = current, sp.expand(z * current - n * lower)
    return current
