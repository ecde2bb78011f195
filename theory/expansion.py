"""The free energy of a declared model as a polynomial in its amplitudes, weight by weight.

Against the prior density φ, the posterior of one x is q(z|x)/φ(z) = Σ_n w_n(x) He_n(z)/n! with w_n(x) = E_q[He_n(z)],
the coefficients of exp(μt + ht²/2) (h = σ² − 1): polynomials in μ(x) and h(x). So with p_n = E w_n and b_n = E[x w_n]
the optimal decoder solves f · Σ p_n He_n/n! = Σ b_n He_n/n!, whose products of Hermite polynomials linearise, and

    F/T = (1/T) (E|x|² − 2 Σ c_n·b_n + Σ d_n p_n) + E[μ² + h − 2 ln σ],    f = Σ c_n He_n,   |f|² = Σ d_n He_n.

Everything is evaluated one weight at a time, each product once ("online"). w_n starts at weight g(n) = Σ_k ⌈n_k/2⌉, and
c_n with it, so through order N only g(n) ≤ N/2 occurs. Stationarity in all slaved quantities makes their truncation at
weight ⌊N/2⌋ exact through order N (the 2n + 1 theorem of perturbation theory). Several latents: n is a multi-index.

Symbol table
------------
symbol        meaning                                             where
N             order of the expansion                              `Expansion.order`
θ = 1/T       inverse temperature; 1/λ at the marginal point      `Expansion.theta`
μ_k, ρ_k      posterior mean, ln σ of latent k                    polynomials in x, lists by weight
h_k           σ_k² − 1 = e^{2ρ_k} − 1                             polynomials in x
w_n, p_n, b_n as above                                            b_n has D components
c_n, d_n      Hermite coefficients of f (D components), |f|²      ring elements without x
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache
from typing import Any

from sympy import QQ
from sympy.polys.rings import PolyElement, PolyRing

from .cumulants import Cumulants, Exponents, exponents
from .errors import InputError
from .graded import Graded, GradedAlgebra, fused
from .model import ModelClass

__all__ = ["Expansion", "MomentRing", "hermite_product"]

Index = tuple[int, ...]
Product = tuple[Any, PolyElement, PolyElement]


@cache
def hermite_product(left: Index, right: Index) -> tuple[tuple[Index, int], ...]:
    """Linearise He_m He_n = Σ_s s! C(m,s) C(n,s) He_{m+n−2s}, latent by latent.

    Examples
    --------
    >>> hermite_product((2,), (2,))  # He_2² = He_4 + 4 He_2 + 2
    (((4,), 1), ((2,), 4), ((0,), 2))
    """
    terms = []
    for shared in itertools.product(*(range(min(m, n) + 1) for m, n in zip(left, right, strict=True))):
        count = math.prod(
            math.factorial(s) * math.comb(m, s) * math.comb(n, s) for m, n, s in zip(left, right, shared, strict=True)
        )
        terms.append((tuple(m + n - 2 * s for m, n, s in zip(left, right, shared, strict=True)), count))
    return tuple(terms)


@cache
def _indices(latents: int, highest: int) -> tuple[Index, ...]:
    """All multi-indices n ≠ 0 with first weight g(n) ≤ highest, by increasing g."""
    every = itertools.product(range(2 * highest + 1), repeat=latents)
    return tuple(sorted((n for n in every if 0 < first_weight(n) <= highest), key=lambda n: (first_weight(n), n)))


def first_weight(n: Index) -> int:
    """Weight at which w_n starts: w_1 = μ and w_2 = μ² + h are of first order."""
    return sum((i + 1) // 2 for i in n)


class MomentRing:
    """A polynomial ring whose first generators are the coordinates of x, and the expectation over the data in it.

    Parameters
    ----------
    data : Cumulants
        Moments that it knows become numbers; the others generators ``m_α``.
    order : int
        Highest degree of a moment that may be asked for.
    names : iterable of str
        Further generators (amplitudes, 1/T, inverses).

    Notes
    -----
    Moments, not cumulants, are the generators: the expectation then only renames monomials.
    """

    def __init__(self, data: Cumulants, order: int, names: Iterable[str]) -> None:
        self.data = data
        self.dimensions = data.dimensions
        self.numbers: dict[Exponents, Fraction] = {}
        self.open: dict[Exponents, str] = {}
        for degree in range(order + 1):
            for alpha in exponents(self.dimensions, degree):
                value = data.moment(alpha)
                if value is None:
                    self.open[alpha] = "m_" + "_".join(map(str, alpha))
                else:
                    self.numbers[alpha] = value
        coordinates = [f"x{j + 1}" for j in range(self.dimensions)]
        self.ring = PolyRing([*coordinates, *names, *self.open.values()], QQ)
        self.generators = dict(zip(map(str, self.ring.symbols), self.ring.gens, strict=True))
        self.coordinates: tuple[PolyElement, ...] = self.ring.gens[: self.dimensions]
        self._moments: dict[Exponents, PolyElement] = {}

    def number(self, value: Fraction | int) -> PolyElement:
        """Return a constant of the ring."""
        exact = Fraction(value)
        return self.ring(QQ(exact.numerator, exact.denominator))

    def moment(self, alpha: Exponents) -> PolyElement:
        """Return E[x^α]."""
        if alpha not in self._moments:
            name = self.open.get(alpha)
            self._moments[alpha] = self.generators[name] if name else self.number(self.numbers[alpha])
        return self._moments[alpha]

    def expect(self, function: PolyElement, shift: Exponents | None = None) -> PolyElement:
        """Return E[x^shift f(x)]."""
        return self._expect(self.split(function), shift)

    def split(self, function: PolyElement) -> dict[Exponents, PolyElement]:
        """Group a function by powers of x; the coefficients do not contain x."""
        d = self.dimensions
        blank = (0,) * d
        groups: dict[Exponents, PolyElement] = {}
        for monomial, coefficient in function.items():
            power = monomial[:d]
            if power not in groups:
                groups[power] = self.ring.zero
            groups[power][blank + monomial[d:]] = coefficient
        return groups

    def expect_with_coordinates(self, function: PolyElement) -> tuple[PolyElement, ...]:
        """Return (E f, E[x_1 f], …, E[x_D f])."""
        groups = self.split(function)
        units = [tuple(int(i == j) for i in range(self.dimensions)) for j in range(self.dimensions)]
        return (self._expect(groups, None), *(self._expect(groups, unit) for unit in units))

    def _expect(self, groups: dict[Exponents, PolyElement], shift: Exponents | None) -> PolyElement:
        def moment(power: Exponents) -> PolyElement:
            return self.moment(power if shift is None else tuple(map(sum, zip(power, shift, strict=True))))

        return fused(self.ring, ((1, part, moment(power)) for power, part in groups.items()))


class Expansion:
    """Online evaluation of the free energy of given μ(x) and ln σ(x), lists by weight.

    Parameters
    ----------
    model : ModelClass
        Its decoder family and number of latents are used here.
    moments : MomentRing
        The ring and the expectation.
    theta : PolyElement
        1/T.
    order : int
        N ≥ 2.
    mean, log_width : list of Graded
        One per latent, without part of weight 0. `solve` may set their higher parts while it goes.

    Raises
    ------
    InputError
        If the likelihood is not Gaussian with fixed variance.
    """

    def __init__(
        self,
        model: ModelClass,
        moments: MomentRing,
        theta: PolyElement,
        order: int,
        mean: list[Graded],
        log_width: list[Graded],
    ) -> None:
        if model.likelihood != "gaussian":
            raise InputError(
                f"the expansion needs likelihood 'gaussian', got {model.likelihood!r}; its critical temperature is "
                "derived in theory.relatives"
            )
        self.model, self.moments, self.theta, self.order = model, moments, theta, order
        self.half = order // 2
        self.algebra = GradedAlgebra(moments.ring, order)
        self.mean, self.log_width = mean, log_width
        zero, one = self.algebra.zero, self.algebra.series({0: moments.ring.one})
        self.latents = range(model.latents)
        self.units = tuple(tuple(int(i == k) for i in self.latents) for k in self.latents)
        self.origin = (0,) * model.latents
        self.indices = _indices(model.latents, self.half)
        degree = model.decoder_degree
        self.decoded = tuple(n for n in self.indices if degree is None or sum(n) <= degree)
        self.square_width = [list(one) for _ in self.latents]  # σ² = 1 + h
        self.w: dict[Index, Graded] = {self.origin: list(one), **{n: zero() for n in self.indices}}
        self.p: dict[Index, Graded] = {self.origin: list(one), **{n: zero() for n in self.indices}}
        self.b: dict[Index, list[Graded]] = {n: self._vector() for n in self.indices}
        self.c: dict[Index, list[Graded]] = {n: self._vector() for n in (self.origin, *self.decoded)}
        self.d: dict[Index, Graded] = {n: zero() for n in (self.origin, *self.indices)}
        self.u: dict[Index, Graded] = {n: zero() for n in self.indices}  # of x·f − |f|²/2: what rewards z at x

    def _vector(self) -> list[Graded]:
        return [self.algebra.zero() for _ in range(self.moments.dimensions)]

    def advance(self, weight: int) -> None:
        """Evaluate the parts of one weight of everything, from μ and ln σ through that weight."""
        self._widths(weight)
        self._posterior_hermite(weight)
        if weight <= self.half:
            self._decode(weight)
        self._square_decoder(weight)

    def _widths(self, weight: int) -> None:
        for square, rho in zip(self.square_width, self.log_width, strict=True):
            square[weight] = self.algebra.exp_part([2 * part for part in rho], square, weight)

    def _posterior_hermite(self, weight: int) -> None:
        """w_{n+1} = μ w_n + n h w_{n−1} for one latent; products over latents."""
        for n in self.indices:
            # Only weights that can meet a decoder coefficient of weight g(n) at or below the order.
            if not first_weight(n) <= weight <= self.order - first_weight(n):
                continue
            k = max(i for i in self.latents if n[i])
            below = _lower(n, k)
            if any(below[i] for i in self.latents if i != k) and n[k] > 1:
                # Several latents: split off the last one's own factor, which is already known at every weight.
                own = tuple(n[i] if i == k else 0 for i in self.latents)
                rest = tuple(0 if i == k else n[i] for i in self.latents)
                self.w[n][weight] = self.algebra.product_part(self.w[own], self.w[rest], weight)
            else:
                terms = [(1, self.mean[k][i], self.w[below][weight - i]) for i in range(1, weight + 1)]
                if n[k] > 1:
                    twice, h = _lower(below, k), self.square_width[k]
                    terms += [(n[k] - 1, h[i], self.w[twice][weight - i]) for i in range(1, weight + 1)]
                self.w[n][weight] = fused(self.moments.ring, terms)
            self._expectations(n, weight)

    def _expectations(self, n: Index, weight: int) -> None:
        plain, *with_coordinate = self.moments.expect_with_coordinates(self.w[n][weight])
        self.p[n][weight] = plain
        for series, value in zip(self.b[n], with_coordinate, strict=True):
            series[weight] = value

    def _decode(self, weight: int) -> None:
        """c_n = b_n/n! − Σ c_i p_j/j! over He_i He_j → He_n, j ≠ 0."""
        ring = self.moments.ring
        for output in range(self.moments.dimensions):
            terms: dict[Index, list[Product]] = {
                n: [(QQ(1, _factorial(n)), self.b[n][output][weight], ring.one)] if any(n) else [] for n in self.c
            }
            for i, j in itertools.product(self.c, self.indices):
                c, p = self.c[i][output], self.p[j]
                self._distribute(terms, i, j, -1 / QQ(_factorial(j)), [(c, p)], weight)
            for n, products in terms.items():
                self.c[n][output][weight] = fused(ring, products)

    def _square_decoder(self, weight: int) -> None:
        # d_n meets p_n, which starts at weight g(n); d_0 stands alone.
        terms: dict[Index, list[Product]] = {n: [] for n in self.d if weight <= self.order - first_weight(n)}
        for i, j in itertools.combinations_with_replacement(self.c, 2):
            pairs = list(zip(self.c[i], self.c[j], strict=True))
            self._distribute(terms, i, j, QQ(1 if i == j else 2), pairs, weight)
        for n, products in terms.items():
            self.d[n][weight] = fused(self.moments.ring, products)
        if weight <= self.half:
            for n in self.indices:
                self.u[n][weight] = self._times_x(self.c.get(n), weight) - self.d[n][weight] * QQ(1, 2)

    def _distribute(
        self,
        terms: dict[Index, list[Product]],
        i: Index,
        j: Index,
        factor: Any,
        pairs: list[tuple[Graded, Graded]],
        weight: int,
    ) -> None:
        """Add the part of one weight of factor · Σ (left · right) He_i He_j to the Hermite coefficients ``terms``."""
        targets = [(n, count) for n, count in hermite_product(i, j) if n in terms]
        if targets and first_weight(i) + first_weight(j) <= weight:
            ring = self.moments.ring
            value = fused(ring, ((1, a[k], b[weight - k]) for a, b in pairs for k in range(1, weight)))
            if value:
                for n, count in targets:
                    terms[n].append((factor * count, value, ring.one))

    def _times_x(self, vector: list[Graded] | None, weight: int) -> PolyElement:
        pairs = zip(self.moments.coordinates, vector or (), strict=False)
        return fused(self.moments.ring, ((1, x, component[weight]) for x, component in pairs))

    def pull(self, k: int, degree: int, weight: int) -> PolyElement:
        """Part of E_q[∂_z^degree (x·f − |f|²/2)] for latent k: what pulls at its mean (1) and its width (2)."""
        unit = self.units[k]
        terms = []
        for n in self.indices:
            if n[k] < degree:
                continue
            lower = tuple(i - degree * u for i, u in zip(n, unit, strict=True))
            count, weights = math.perm(n[k], degree), range(first_weight(lower), weight - first_weight(n) + 1)
            terms += [(count, self.w[lower][i], self.u[n][weight - i]) for i in weights]
        return fused(self.moments.ring, terms)

    def respond(self, k: int, weight: int, mean: PolyElement, log_width: PolyElement) -> None:
        """Set the part of one weight of μ_k and ln σ_k after `advance`: all that is linear in it follows."""
        unit = self.units[k]
        self.mean[k][weight] += mean
        self.log_width[k][weight] += log_width
        self.square_width[k][weight] += 2 * log_width
        for n, change, factor in ((unit, mean, 1), (tuple(2 * u for u in unit), log_width, 2)):
            if n not in self.w:
                continue
            before = [series[weight] for series in self.b[n]]
            self.w[n][weight] += factor * change
            self._expectations(n, weight)
            if n in self.c:
                self.u[n][weight] -= self._times_x(self.c[n], weight)
                for c, b, old in zip(self.c[n], self.b[n], before, strict=True):
                    c[weight] += (b[weight] - old) * QQ(1, _factorial(n))
                self.u[n][weight] += self._times_x(self.c[n], weight)

    def residual(self, weight: int) -> Iterator[tuple[PolyElement, PolyElement]]:
        """Yield, per latent, parts of (1/2T) δF/δμ_k(x) and (1/2T) δF/δ ln σ_k(x)."""
        for k in self.latents:
            pulls = [self.pull(k, 2, i) if i else self.moments.ring.zero for i in range(weight + 1)]
            width = self.algebra.product_part(self.square_width[k], pulls, weight)
            mean = self.mean[k][weight] - self.theta * self.pull(k, 1, weight)
            yield mean, self.square_width[k][weight] - self.theta * width

    def distortion(self, weight: int) -> PolyElement:
        """Part of E|x − f|², without the constant E|x|²."""
        ring = self.moments.ring
        terms = [(1, self.d[self.origin][weight], ring.one)]
        for n in self.indices:
            terms += [(1, self.d[n][i], self.p[n][weight - i]) for i in range(1, weight)]
        for n in self.decoded:
            for c, b in zip(self.c[n], self.b[n], strict=True):
                terms += [(-2, c[i], b[weight - i]) for i in range(1, weight)]
        return fused(ring, terms)

    def divergence(self, weight: int) -> PolyElement:
        """Part of 2 E KL = Σ_k E[μ_k² + h_k − 2 ln σ_k]."""
        total = self.moments.ring(-self.model.latents if weight == 0 else 0)  # h = σ² − 1
        for mean, square, rho in zip(self.mean, self.square_width, self.log_width, strict=True):
            density = self.algebra.product_part(mean, mean, weight) + square[weight] - 2 * rho[weight]
            total += self.moments.expect(density)
        return total

    def free_energy(self, weight: int) -> PolyElement:
        """Part of F/T, without the constant E|x|²/T."""
        return self.theta * self.distortion(weight) + self.divergence(weight)


def _lower(n: Index, k: int) -> Index:
    return tuple(i - (j == k) for j, i in enumerate(n))


@cache
def _factorial(n: Index) -> int:
    return math.prod(map(math.factorial, n))
