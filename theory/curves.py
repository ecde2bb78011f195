"""The exactly solvable curve family: data on a curve, an encoder that sees the curve's parameter only.

``x_n = c_n He_n(u)/√n!`` with u ~ N(0, 1); the encoder is linear in u with constant width, the decoder is free. Then
``F(m) = Σ c_n² (1 − mⁿ) − T ln(1 − m)`` with m = M² exactly (`theory.curve_derivation`), and spinodals, coexistence,
jumps and hysteresis are roots of polynomials or of one monotone function. Use it as a test of everything else.

Symbol table
------------
symbol    meaning                                                         unit
c_n       amplitude of the n-th coordinate, n from 1; variance c_n²       data
m         signal fraction M² in [0, 1)                                    1
T(m)      temperature at which m is stationary                            data variance
F         free energy                                                     data variance
KL        rate −½ ln(1 − m)                                               nats
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import sympy as sp

from .errors import InputError
from .normal_form import SIGNAL, TEMPERATURE, LandauPolynomial, exact

__all__ = ["Branch", "Curve", "Jump", "Spinodal"]

m, T = SIGNAL, TEMPERATURE


@dataclass(frozen=True, slots=True)
class Spinodal:
    """An extremum of T(m): where an active state appears or disappears.

    Parameters
    ----------
    m, temperature : mpmath.mpf
        Where; temperature in data variance.
    highest : bool
        Whether it is a maximum of T(m): the end of an active branch on heating.
    """

    m: Any
    temperature: Any
    highest: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """Locally stable states m in (low, high), on which T(m) falls.

    Parameters
    ----------
    low, high : mpmath.mpf
        Ends in m.
    coldest, hottest : mpmath.mpf
        T at `high` and at `low`.
    """

    low: Any
    high: Any
    coldest: Any
    hottest: Any


@dataclass(frozen=True, slots=True)
class Jump:
    """A discontinuity: at one temperature m goes from one value to another.

    Parameters
    ----------
    temperature : mpmath.mpf
        In data variance.
    start, end : mpmath.mpf
        m before and after.
    """

    temperature: Any
    start: Any
    end: Any

    @property
    def signal(self) -> Any:
        """Jump of the signal fraction, positive if it grows."""
        return self.end - self.start

    @property
    def kl(self) -> Any:
        """Jump of the rate in nats, positive if it grows."""
        return (mpmath.log1p(-self.start) - mpmath.log1p(-self.end)) / 2


@dataclass(frozen=True, slots=True)
class Curve:
    """Data on a curve and a latent that encodes its parameter.

    Parameters
    ----------
    c : tuple of numbers
        c_1, c_2, …; integers, fractions, floats (taken as the decimals they print) or exact SymPy numbers whose
        squares are rational, c_1 ≠ 0.

    Raises
    ------
    InputError
        If `c` is empty, c_1 = 0, or a square is not rational.

    Examples
    --------
    >>> Curve((1, 1)).equation_of_state
    (1 - m)*(2*m + 1)
    >>> spinodal, = Curve((1, 1)).spinodals()
    >>> spinodal.m, spinodal.temperature
    (mpf('0.25'), mpf('1.125'))
    """

    c: tuple[sp.Expr, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.c, Iterable) or isinstance(self.c, str) or not (numbers := tuple(self.c)):
            raise InputError(f"c must be a sequence c_1, c_2, … of numbers, got {self.c!r}; give at least c_1")
        found = tuple(exact(f"c_{n}", value) for n, value in enumerate(numbers, start=1))
        for n, value in enumerate(found, start=1):
            if not (value**2).is_Rational:
                raise InputError(f"c_{n} must have a rational square, got {value}; use a fraction or its square root")
        if found[0] == 0:
            raise InputError("c_1 must not be 0: collapse would be stable at every T; use a curve with a linear part")
        object.__setattr__(self, "c", found)

    @classmethod
    def parabola(cls, c: Any) -> Curve:
        """The parabola (u, c(u² − 1)): c_1 = 1, c_2 = √2 c.

        Examples
        --------
        >>> Curve.parabola(0.5).equation_of_state
        (1 - m)*(m + 1)
        """
        return cls((sp.S.One, sp.sqrt(2) * exact("c", c)))

    @property
    def variances(self) -> tuple[sp.Rational, ...]:
        """c_n², the variances of the coordinates, which are uncorrelated."""
        return tuple(value**2 for value in self.c)

    @property
    def threshold(self) -> sp.Rational:
        """T above which full collapse is locally stable in this model: c_1²."""
        return self.variances[0]

    @property
    def top_is_linear(self) -> bool:
        """Whether c_1² is the top eigenvalue; else an encoder that sees all coordinates starts at another one."""
        return bool(self.threshold == max(self.variances))

    @property
    def odd_coordinates(self) -> tuple[int, ...]:
        """Odd n ≥ 3 with c_n ≠ 0: an encoder that sees them is not stationary at any m in (0, 1)."""
        return tuple(n for n in range(3, len(self.c) + 1, 2) if self.c[n - 1] != 0)

    @property
    def tilt_stable(self) -> bool | None:
        """Whether the whole curve T(m) is stable against an encoder that also sees x_2; ``None`` beyond parabolas.

        Examples
        --------
        >>> Curve.parabola(0.4395).tilt_stable, Curve.parabola(0.4396).tilt_stable
        (True, False)
        """
        if any(self.c[2:]):
            return None
        from .curve_derivation import tilt_limit

        return bool(self.variances[1] / (2 * self.threshold) < tilt_limit()) if len(self.c) > 1 else True

    @property
    def free_energy(self) -> sp.Expr:
        """F(m) in the symbols m and T."""
        return sp.Add(*(v * (1 - m**n) for n, v in enumerate(self.variances, start=1))) - T * sp.log(1 - m)

    @property
    def equation_of_state(self) -> sp.Expr:
        """T(m), the temperature at which m is stationary; locally stable where it falls."""
        return (1 - m) * sp.Add(*(n * v * m ** (n - 1) for n, v in enumerate(self.variances, start=1)))

    @property
    def kl(self) -> sp.Expr:
        """Rate as a function of m, in nats."""
        return -sp.log(1 - m) / 2

    def landau(self, order: int) -> LandauPolynomial:
        """F over c_1² through weight `order`, in the normal form: (T − 1)m + Σ (T/k − c_k²/c_1²) mᵏ.

        Examples
        --------
        >>> Curve.parabola(1).landau(4).coefficient(2)
        -3/2
        """
        v = (*self.variances, *[sp.S.Zero] * order)
        terms = {(k, 0): T / k - v[k - 1] / v[0] for k in range(1, order // 2 + 1)}
        return LandauPolynomial(("m",), order, terms)

    def temperature_at(self, signal: Any) -> Any:
        """T(m) as an mpmath number, for m in [0, 1)."""
        return (1 - signal) * mpmath.polyval(_slopes(self, mpmath.mp.prec), signal)

    def excess(self, signal: Any, temperature: Any) -> Any:
        """F(m) − F(0) as an mpmath number."""
        powers = [mpmath.mpf(v.p) / v.q for v in reversed(self.variances)]
        return -signal * mpmath.polyval(powers, signal) - temperature * mpmath.log1p(-signal)

    def spinodals(self, dps: int = 30) -> tuple[Spinodal, ...]:
        """Extrema of T(m) in (0, 1), by rising m.

        Parameters
        ----------
        dps : int
            Digits.
        """
        return _spinodals(self, dps)

    def branches(self, dps: int = 30) -> tuple[Branch, ...]:
        """Stable active branches by rising m; the last one ends at m = 1, T = 0."""
        with mpmath.workdps(dps):
            ends = [mpmath.mpf(0), *(s.m for s in self.spinodals(dps)), mpmath.mpf(1)]
            pieces = [Branch(a, b, self.temperature_at(b), self.temperature_at(a)) for a, b in itertools.pairwise(ends)]
        return tuple(piece for piece in pieces if piece.hottest > piece.coldest)

    def equilibrium(self, temperature: Any, dps: int = 30) -> Any:
        """The m of lowest free energy at one temperature in data variance.

        Examples
        --------
        >>> mpmath.nprint(Curve((1,)).equilibrium(0.75))
        0.25
        """
        T = self._temperature(temperature, dps)
        with mpmath.workdps(dps):
            states = [mpmath.mpf(0), *(self._on(b, T) for b in self.branches(dps) if b.coldest <= T < b.hottest)]
            return min(states, key=lambda state: self.excess(state, T))

    def jumps(self, dps: int = 30) -> tuple[Jump, ...]:
        """Discontinuities of the equilibrium on cooling, hottest first; the first may start from collapse.

        Two branches trade places where their free energies are equal. The difference is monotone in T, as its slope is
        twice the difference of the rates; a coexistence counts if no third state is lower.
        """
        with mpmath.workdps(dps):
            c1 = mpmath.mpf(self.threshold.p) / self.threshold.q
            branches = self.branches(dps)
            collapsed = Branch(mpmath.mpf(0), mpmath.mpf(0), c1, mpmath.inf)
            found = []
            for lower, upper in itertools.combinations((collapsed, *branches), 2):
                if jump := self._coexistence(lower, upper):
                    T, lowest = jump.temperature, self.excess(jump.start, jump.temperature)
                    rivals = [mpmath.mpf(0), *(self._on(b, T) for b in branches if b.coldest <= T < b.hottest)]
                    slack = mpmath.mpf(10) ** (5 - dps)
                    if all(self.excess(rival, T) >= lowest - slack for rival in rivals):
                        found.append(jump)
            return tuple(sorted(found, key=lambda jump: -jump.temperature))

    def heating(self, dps: int = 30) -> tuple[Jump, ...]:
        """Jumps of the metastable state when T rises slowly from 0: down at each highest point it runs into."""
        with mpmath.workdps(dps):
            found: list[Jump] = []
            at = mpmath.mpf(1)
            while tops := [s for s in self.spinodals(dps) if s.highest and s.m < at]:
                top = max(tops, key=lambda s: s.m)
                below = [b for b in self.branches(dps) if b.high < top.m and b.coldest <= top.temperature < b.hottest]
                at = max((self._on(b, top.temperature) for b in below), default=mpmath.mpf(0))
                found.append(Jump(top.temperature, top.m, at))
            return tuple(found)

    def cooling(self, dps: int = 30) -> tuple[Jump, ...]:
        """Jumps of the metastable state when T falls slowly from above: up from collapse or from a lowest point."""
        with mpmath.workdps(dps):
            found: list[Jump] = []
            branches = self.branches(dps)
            losses = [(mpmath.mpf(0), mpmath.mpf(self.threshold.p) / self.threshold.q)] if branches[0].low > 0 else []
            losses += [(b.high, b.coldest) for b in branches[:-1]]
            at = mpmath.mpf(0)
            for start, temperature in losses:
                if start >= at:
                    above = [b for b in branches if b.low > start and b.coldest <= temperature < b.hottest]
                    at = min(self._on(b, temperature) for b in above)
                    found.append(Jump(temperature, start, at))
            return tuple(found)

    def _temperature(self, temperature: Any, dps: int) -> Any:
        with mpmath.workdps(dps):
            found = mpmath.mpf(temperature)
        if not (mpmath.isfinite(found) and found > 0):
            raise InputError(f"temperature must be positive and finite, got {temperature}; it is in data variance")
        return found

    def _on(self, branch: Branch, temperature: Any) -> Any:
        """The m of a branch at a temperature inside it: T(m) falls from one end to the other."""
        if branch.low == branch.high:
            return branch.low
        return _root(lambda signal: temperature - self.temperature_at(signal), branch.low, branch.high)

    def _coexistence(self, lower: Branch, upper: Branch) -> Jump | None:
        cold, hot = max(lower.coldest, upper.coldest), min(lower.hottest, upper.hottest)

        def gain(T: Any) -> Any:
            return self.excess(self._on(upper, T), T) - self.excess(self._on(lower, T), T)

        if cold >= hot or gain(hot) <= 0 or gain(cold) >= 0:
            return None
        T = _root(gain, cold, hot)
        return Jump(T, self._on(lower, T), self._on(upper, T))


@lru_cache(maxsize=64)
def _spinodals(curve: Curve, dps: int) -> tuple[Spinodal, ...]:
    slope = sp.Poly(sp.diff(curve.equation_of_state, m), m)
    roots: list[Any] = []
    with mpmath.workdps(dps):
        for part, multiplicity in slope.sqf_list()[1]:
            if multiplicity % 2 == 0:  # T(m) goes on in the same direction
                continue
            for (low, high), _ in part.intervals(inf=0, sup=1):
                root = part.refine_root(low, high, eps=sp.Rational(1, 10 ** (dps + 5)))[0] if low < high else low
                if 0 < root < 1:
                    roots.append(mpmath.mpf(root.p) / root.q)
        # Extrema alternate, and T falls to 0 at m = 1: the last one is a maximum.
        ordered = enumerate(sorted(roots, reverse=True))
        return tuple(Spinodal(at, curve.temperature_at(at), k % 2 == 0) for k, at in ordered)[::-1]


@lru_cache(maxsize=64)
def _slopes(curve: Curve, prec: int) -> list[Any]:
    """n c_n² at a working precision, highest power of m first."""
    with mpmath.workprec(prec):
        return [n * mpmath.mpf(v.p) / v.q for n, v in enumerate(curve.variances, start=1)][::-1]


def _root(rising: Any, low: Any, high: Any) -> Any:
    """Root of a rising function in a bracket that it never leaves, to the working precision."""
    with mpmath.extradps(10):
        if rising(low) >= 0 or rising(high) <= 0:
            return low if rising(low) >= 0 else high
        return mpmath.findroot(rising, (low, high), solver="anderson", maxsteps=500, tol=16 * mpmath.eps, verify=False)
