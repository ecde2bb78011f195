"""From ring elements to SymPy expressions: moments become cumulants, inverses become fractions, T/λ becomes T.

Symbol table
------------
symbol   meaning                                                     unit
T        temperature over the variance λ of the top mode             1
a, r     E[x̂ μ], E[x̂ ln σ] with x̂ = x/√λ the top coordinate          1
κ_α      cumulants that the data leave open                          λ^{|α|/2}
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp
from sympy import QQ
from sympy.polys.rings import PolyElement, PolyRing

from .cumulants import Exponents, exponents, joint_moment
from .graded import fused
from .reduction import Setting, critical_names

__all__ = ["TEMPERATURE", "Readout", "amplitude_symbol"]

TEMPERATURE = sp.Symbol("T", positive=True)
_ONE = sp.Integer(1)


def amplitude_symbol(name: str) -> sp.Symbol:
    """Return the symbol of an amplitude, real."""
    return sp.Symbol(name, real=True)


class Readout:
    """Translate elements of the ring of a setting.

    Parameters
    ----------
    setting : Setting
        Ring, data and definitions of its inverses.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.top = sp.Rational(setting.data.variance.numerator, setting.data.variance.denominator)
        self.names = [str(s) for s in setting.moments.ring.symbols]
        data = setting.data
        self.kappas = {
            data.label(alpha): alpha
            for degree in range(2, max(setting.order, 2) + 1)
            for alpha in exponents(data.dimensions, degree)
            if data.cumulant(alpha) is None
        }
        amplitudes = [n for n in self.names if n not in setting.moments.open.values()]
        self.ring = PolyRing([*amplitudes, *self.kappas], QQ)
        images = dict(zip(map(str, self.ring.symbols), self.ring.gens, strict=True))
        by_exponents = {alpha: images[label] for label, alpha in self.kappas.items()}

        def cumulant(alpha: Exponents) -> Any:
            value = data.cumulant(alpha)
            return by_exponents[alpha] if value is None else QQ(value.numerator, value.denominator)

        moments = {name: self.ring(joint_moment(alpha, cumulant)) for alpha, name in setting.moments.open.items()}
        self._images = [moments.get(name, images.get(name)) for name in self.names]
        self._powers: dict[tuple[int, int], PolyElement] = {}
        self._symbols = [self._symbol(name) for name in map(str, self.ring.symbols)]
        self._inverses: dict[sp.Symbol, sp.Expr] = {}
        for name, element in setting.inverses.items():
            value = self.expression(element)
            shift = self.top * (TEMPERATURE if setting.exact else 1) - value
            self._inverses[sp.Symbol(name)] = 1 / (shift if name.startswith("gain") else value)

    def _symbol(self, name: str) -> sp.Symbol:
        if name.startswith("lambda"):
            return sp.Symbol(name, positive=True)
        if name in self.setting.inverses or name == "theta":
            return sp.Symbol(name)
        return amplitude_symbol(name)

    def _power(self, generator: int, exponent: int) -> PolyElement:
        if exponent == 1:
            return self._images[generator]
        key = generator, exponent
        if key not in self._powers:
            half = exponent // 2
            self._powers[key] = self._power(generator, half) * self._power(generator, exponent - half)
        return self._powers[key]

    def in_cumulants(self, element: PolyElement) -> PolyElement:
        """Replace moments by polynomials in the cumulants."""
        grouped: dict[tuple[int, ...], dict[Any, Any]] = {}
        count = len(self.ring.gens) - len(self.kappas)
        for monomial, coefficient in element.terms():
            grouped.setdefault(monomial[count:], {})[monomial[:count] + (0,) * len(self.kappas)] = coefficient
        terms = []
        for powers, plain in grouped.items():
            factor = self.ring.one
            for i, exponent in enumerate(powers):
                if exponent:
                    factor *= self._power(count + i, exponent)
            terms.append((QQ.one, self.ring.from_dict(plain), factor))
        return fused(self.ring, terms)

    def expression(self, element: PolyElement) -> sp.Expr:
        """Return an element as an expanded or, with inverses, cancelled expression in T and the cumulants."""
        return self._finish(self.in_cumulants(element).as_expr(*self._symbols))

    def _finish(self, expr: sp.Expr) -> sp.Expr:
        expr = expr.subs(sp.Symbol("theta"), 1 / (TEMPERATURE * self.top))
        for symbol in reversed(self._inverses):  # an inverse may be defined through earlier ones
            expr = expr.subs(symbol, self._inverses[symbol])
        return sp.cancel(expr) if self._inverses else sp.expand(expr)

    def coefficients(
        self, element: PolyElement, names: Iterable[str], factor: sp.Expr = _ONE
    ) -> dict[Exponents, sp.Expr]:
        """Return factor times the coefficients of an element, by exponents of the named generators.

        Critical amplitudes and coordinates are put in units of the top mode: a = √λ α for μ = α x + …, x = √λ x̂.
        """
        places = [self.names.index(name) for name in names]
        coordinates = range(self.setting.data.dimensions)
        critical = [i for i, name in enumerate(self.names) if name in critical_names(self.setting.model)]
        groups: dict[Exponents, dict[Any, Any]] = {}
        for monomial, coefficient in self.in_cumulants(element).terms():
            key = tuple(monomial[i] for i in places)
            rest = tuple(0 if i in places else e for i, e in enumerate(monomial))
            groups.setdefault(key, {})[rest] = coefficient
        out = {}
        for key in sorted(groups, key=lambda key: (sum(key), [-e for e in key])):
            powers = dict(zip(places, key, strict=True))
            unit = sum(powers.get(i, 0) for i in coordinates) - sum(powers.get(i, 0) for i in critical)
            expr = self.ring.from_dict(groups[key]).as_expr(*self._symbols)
            scale = factor * sp.sqrt(self.top) ** unit
            plain = scale == 1 and not self.setting.exact and not self._inverses  # already expanded
            value = expr if plain else self._finish(expr * scale)
            if value != 0:
                out[key] = value
        return out
