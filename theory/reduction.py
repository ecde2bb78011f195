"""Lyapunov–Schmidt reduction: everything but the critical amplitudes follows from stationarity, weight by weight.

At the collapsed state the second variation of F/2T is the identity on functions δμ(x) and twice the identity on
δ ln σ(x), minus the decoder's response, which acts on the coordinates of x alone: (1 − θ Σ_j |x_j⟩⟨x_j|) in both
channels. So a weight of the slaved functions is its source plus the same source projected on the other coordinates,
amplified by 1/(T − λ_j); no Gram matrix is inverted for free functions. A part of weight k is a polynomial of degree k,
so families of degree J ≥ N/2 count as free; lower ones use an orthogonal basis of polynomials.

Symbol table
------------
symbol   meaning                                                   unit
P        projection on the declared family of functions of x       1
C_ij     E[(P x_i)(P x_j)], the other coordinates                  data variance
gain     (T − C)^{-1}                                              1/data variance
s        source: part of −δF/2Tδμ, or of −δF/4Tδ ln σ              1
ν        multiplier of E μ² at given signal fraction               data variance
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from sympy import QQ
from sympy.polys.matrices import DomainMatrix
from sympy.polys.rings import PolyElement

from .cumulants import Cumulants, exponents
from .errors import InputError
from .expansion import Expansion, MomentRing
from .graded import Graded
from .model import ModelClass

__all__ = ["Family", "Setting", "critical_names", "reduce_at_signal", "solve"]


@dataclass(frozen=True, slots=True)
class Family:
    """The functions of x that an encoder head can be, as a projection P.

    Parameters
    ----------
    moments : MomentRing
        The expectation.
    basis : tuple of (PolyElement, PolyElement), or None
        Orthogonal functions with their inverse norms; ``None`` is the identity (free functions).
    """

    moments: MomentRing
    basis: tuple[tuple[PolyElement, PolyElement], ...] | None

    def project(self, function: PolyElement) -> PolyElement:
        """Return P f."""
        if self.basis is None:
            return function
        parts = (e * inverse * self.moments.expect(e * function) for e, inverse in self.basis)
        return sum(parts, self.moments.ring.zero)


@dataclass(slots=True)
class Setting:
    """A model on its data: ring, temperature, families and gains.

    Parameters
    ----------
    model, data, order
        What is declared.
    exact : bool
        Keep the temperature as a generator ``theta`` = 1/T; else T is at the marginal point λ of the top mode.
    extra : tuple of str
        Further generators.
    """

    model: ModelClass
    data: Cumulants
    order: int
    exact: bool = False
    extra: tuple[str, ...] = ()
    moments: MomentRing = field(init=False)
    theta: PolyElement = field(init=False)
    mean: Family = field(init=False)
    width: Family = field(init=False)
    gains: dict[tuple[int, int], PolyElement] = field(init=False)
    inverses: dict[str, PolyElement] = field(init=False, default_factory=dict)
    """Generators that stand for 1/(an element); those of the gains for 1/(T − element)."""

    def __post_init__(self) -> None:
        self._refuse()
        names = [*critical_names(self.model), *self.extra, *(["theta"] if self.exact else [])]
        degrees = [d for d in (self.effective(self.model.mean_degree), self.effective(self.model.width_degree)) if d]
        names += [f"inverse{i}" for i in range(len(self.monomials(max(degrees, default=0))))]
        names += [f"gain{j}" for j in range(1, self.data.dimensions)]
        self.moments = MomentRing(self.data, max(self.order, 2), names)
        self.theta = self.moments.generators["theta"] if self.exact else self.moments.number(1 / self.data.variance)
        self.mean = self._family(self.effective(self.model.mean_degree))
        self.width = self._family(self.effective(self.model.width_degree))
        self.gains = self._gains()

    def _refuse(self) -> None:
        if isinstance(self.order, bool) or not isinstance(self.order, int) or self.order < 2:
            raise InputError(f"order must be an integer of at least 2, got {self.order!r}; try 4")
        if self.model.dimensions != self.data.dimensions:
            raise InputError(
                f"the model has {self.model.dimensions} dimension(s) and the data {self.data.dimensions}; declare the "
                "same for both"
            )
        if 0 not in self.model.seen:
            raise InputError("the encoder must see coordinate 0, the top mode; add 0 to visible")
        finite = [d for d in (self.model.mean_degree, self.model.width_degree) if d is not None and d > 1]
        if finite and len(self.model.seen) < self.model.dimensions:
            raise InputError(
                "hidden coordinates are supported for linear and free functions, got polynomial:J with J >= 2; "
                "use 'free', or let the encoder see all coordinates"
            )
        if self.exact:
            pairs = [a for a in exponents(self.data.dimensions, 2) if max(a) == 1]
            if any(self.data.cumulant(pair) for pair in pairs):
                raise InputError("an exact temperature needs uncorrelated coordinates; ask for the marginal point")

    def effective(self, degree: int | None) -> int | None:
        """Degree of a family as far as this order can tell; ``None`` if it is as good as free."""
        return None if degree is None or degree >= max(self.order // 2, 2) else degree

    def monomials(self, degree: int) -> list[tuple[int, ...]]:
        """Return the exponents of the visible coordinates up to a total degree."""
        seen = self.model.seen
        every = (alpha for k in range(degree + 1) for alpha in exponents(self.model.dimensions, k))
        return [alpha for alpha in every if all(not power or j in seen for j, power in enumerate(alpha))]

    def _family(self, degree: int | None) -> Family:
        if degree is None:
            return Family(self.moments, None)
        ring, expect = self.moments.ring, self.moments.expect
        basis: list[tuple[PolyElement, PolyElement]] = []
        for i, alpha in enumerate(self.monomials(degree)):
            monomial = ring.from_dict({alpha + (0,) * (ring.ngens - len(alpha)): QQ.one})
            element = monomial - Family(self.moments, tuple(basis)).project(monomial)
            norm = expect(element * monomial)
            if not norm:
                continue  # the monomial is a combination of lower ones on these data
            if norm.is_ground:
                inverse = ring(1 / norm.LC)
            else:
                inverse = self.moments.generators[f"inverse{i}"]
                self.inverses[f"inverse{i}"] = norm
            basis.append((element, inverse))
        return Family(self.moments, tuple(basis))

    def _gains(self) -> dict[tuple[int, int], PolyElement]:
        """(T − C)^{-1} over the other coordinates that the encoder can represent."""
        free = None in (self.model.mean_degree, self.model.width_degree)
        others = [j for j in range(1, self.data.dimensions) if free or j in self.model.seen]
        size = self.data.dimensions

        def covariance(i: int, j: int) -> PolyElement:
            return self.moments.moment(tuple(int(k == i) + int(k == j) for k in range(size)))

        matrix = [[covariance(i, j) for j in others] for i in others]
        if self.exact or not all(entry.is_ground for row in matrix for entry in row):
            for position, j in enumerate(others):
                self._refuse_degenerate(self.data.cumulant(tuple(2 * int(k == j) for k in range(size))))
                self.inverses[f"gain{j}"] = matrix[position][position]
            return {(j, j): self.moments.generators[f"gain{j}"] for j in others}
        if not others:
            return {}
        top = self.data.variance
        numbers = [
            [
                QQ(top.numerator, top.denominator) * (i == j) - QQ(entry.LC if entry else 0)
                for j, entry in enumerate(row)
            ]
            for i, row in enumerate(matrix)
        ]
        shifted = DomainMatrix(numbers, (len(others), len(others)), QQ)
        # Positive definite, by its leading minors: else another mode is as soft as the top one, or softer.
        if any(shifted.extract(list(range(n)), list(range(n))).det() <= 0 for n in range(1, len(others) + 1)):
            self._refuse_degenerate(top)
        inverse = shifted.inv().to_list()
        ring = self.moments.ring
        return {(i, j): ring(inverse[a][b]) for a, i in enumerate(others) for b, j in enumerate(others)}

    def _refuse_degenerate(self, variance: Fraction | None) -> None:
        if variance is not None and variance >= self.data.variance:
            raise InputError(
                "the critical space is supported for a simple top mode only (any number of latents on it): coordinate "
                f"0 has variance {self.data.variance} and another mode reaches {variance}; declare the largest first, "
                "distinct from the next"
            )

    def slaved(self, source: PolyElement, family: Family, *, keep_top: bool, feedback: bool) -> PolyElement:
        """Return the response of slaved functions to a source.

        Parameters
        ----------
        source : PolyElement
            Function of x.
        family : Family
            Where the response lives.
        keep_top : bool
            Whether the response may contain the top coordinate (if its amplitude is not a critical one).
        feedback : bool
            Whether the decoder follows linearly.
        """
        moments = self.moments
        answer = family.project(source)
        if not keep_top:
            x = moments.coordinates[0]
            answer -= x * moments.expect(answer * x) * moments.number(1 / self.data.variance)
        if feedback and self.gains:
            pulled = {j: moments.expect(answer * moments.coordinates[j]) for j in {j for _, j in self.gains}}
            for (i, j), gain in self.gains.items():
                answer += moments.coordinates[i] * gain * pulled[j]
        return answer

    def start(self, mean: list[Graded] | None = None, log_width: list[Graded] | None = None) -> Expansion:
        """Return the expansion with critical amplitudes only, or with the given functions."""
        names = critical_names(self.model)
        generators = self.moments.generators
        x = self.moments.coordinates[0]
        empty = [self.moments.ring.zero] * (self.order + 1)

        def leading(names: list[str]) -> list[Graded]:
            if not names:
                return [list(empty) for _ in range(self.model.latents)]
            return [[empty[0], generators[name] * x, *empty[2:]] for name in names]

        return Expansion(
            self.model,
            self.moments,
            self.theta,
            self.order,
            mean or leading([n for n in names if n[0] == "a"]),
            log_width or leading([n for n in names if n[0] == "r"]),
        )


def width_is_critical(model: ModelClass) -> bool:
    """Whether ln σ(x) can follow the top coordinate and the decoder answers at second Hermite degree."""
    return model.width_degree != 0 and model.decoder_degree != 1


def critical_names(model: ModelClass) -> list[str]:
    """Names of the amplitudes of both channels: a, r for one latent; a1, a2, r1, r2 for two."""
    suffixes = [""] if model.latents == 1 else [str(k + 1) for k in range(model.latents)]
    return [letter + s for letter in ("a", "r")[: 1 + width_is_critical(model)] for s in suffixes]


def solve(setting: Setting) -> Expansion:
    """Eliminate all slaved functions and the decoder; the result holds every part that F needs through its order.

    The critical amplitudes multiply the top coordinate: μ = α x + …, ln σ = ϱ x + …, the rest orthogonal to it.
    """
    expansion = setting.start()
    critical = width_is_critical(setting.model)
    for weight in range(1, setting.order + 1):
        expansion.advance(weight)
        if not 1 < weight <= expansion.half:
            continue
        sources = list(expansion.residual(weight))
        for k, (mean, width) in enumerate(sources):
            expansion.respond(
                k,
                weight,
                setting.slaved(-mean, setting.mean, keep_top=False, feedback=True),
                setting.slaved(width * QQ(-1, 2), setting.width, keep_top=not critical, feedback=critical),
            )
    return expansion


def reduce_at_signal(setting: Setting) -> list[PolyElement]:
    """Distortion at given signal fraction m = E μ², for one latent of constant width, as parts in powers of m.

    The scale of z is fixed by E μ² + σ² = 1, so 2 KL = −ln(1 − m) exactly and F = D(m) − T ln(1 − m) at every T.

    Returns
    -------
    list of PolyElement
        D_j, j = 0 … ⌊N/2⌋, the coefficient of m^j without the constant E|x|² in D_0.
    """
    expansion = setting.start()
    ring, expect = setting.moments.ring, setting.moments.expect
    amplitude, top = setting.moments.generators["a"], setting.data.variance
    variance = setting.moments.number(top)
    x = setting.moments.coordinates[0]
    mean, square = expansion.mean[0], expansion.square_width[0]
    multiplier = expansion.algebra.series({0: variance})
    signal = expansion.algebra.zero()
    for weight in range(1, setting.order + 1):
        signal[weight] = expect(expansion.algebra.product_part(mean, mean, weight))
        # e^{2 ln σ} is what `advance` evaluates; set ln σ = ½ ln(1 − m) so that it gives 1 − m.
        expansion.advance(weight)
        expansion.respond(0, weight, ring.zero, (-signal[weight] - square[weight]) * QQ(1, 2))
        if 1 < weight <= expansion.half:
            pull = setting.mean.project(expansion.pull(0, 1, weight))
            multiplier[weight - 1] = (expect(pull * x) * setting.moments.number(1 / top)).exquo(amplitude)
            source = pull - expansion.algebra.product_part(multiplier, mean, weight)
            source *= setting.moments.number(1 / top)
            expansion.respond(0, weight, setting.slaved(source, setting.mean, keep_top=False, feedback=True), ring.zero)
    half = setting.order // 2
    remaining = [expansion.distortion(2 * j) for j in range(half + 1)] if half else []
    powers = [expansion.algebra.series({0: ring.one})]
    for _ in range(half):
        powers.append(expansion.algebra.product(powers[-1], signal))
    coefficients = [ring.zero]
    for j in range(1, half + 1):
        # m^j starts with (λ α²)^j: peel the powers of m off the series in α, lowest first.
        lead = remaining[j].exquo(powers[j][2 * j])
        coefficients.append(lead)
        remaining = [part - lead * powers[j][2 * i] for i, part in enumerate(remaining)]
    return coefficients
