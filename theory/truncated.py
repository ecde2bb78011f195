"""Solve a truncated Landau polynomial: stationary points, phases, spinodals, coexistence and the jump there.

Everything below is about the polynomial, not about the model: it is the model's answer where the amplitudes are small.
A polynomial that is not bounded below has no equilibrium, and says so. The polynomials have rational coefficients at
rational T, so that roots are isolated exactly (square-free parts, Sturm counts) before they are rounded.

A width-coded state has an exactly flat direction δμ ∝ 1 − σ²(x): its curvature in a is not an eigenvalue but zero, and
the quartic term in a decides. A polynomial of the flexible class shows this by c_21 = ¾ c_03 and, where these
vanish, q_22 = q_04 (`theory.transition_laws`); the zero is then imposed instead of the truncation error counted.

Symbol table
------------
Those of `theory.normal_form`, and
T*    coexistence: the highest T at which a state has F ≤ 0
T_s   spinodal: the highest T at which an active state is locally stable
KL    rate of the state, ½ ∂F/∂T at fixed amplitudes [nats]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import sympy as sp

from .errors import InputError
from .normal_form import SIGNAL, TEMPERATURE, WIDTH, LandauPolynomial, exact, sign

__all__ = ["Coexistence", "Point", "bounded_below", "coexistence", "has_flat_direction", "stationary_points"]

_DIGITS = 40
_FLAT = mpmath.mpf(10) ** -25  # at 40 digits a curvature below this is zero
_HIGHEST = 64  # temperatures are sought in [1, 64]: a truncated polynomial is no guide that far out


@dataclass(frozen=True, slots=True)
class Point:
    """A stationary point at one temperature.

    Parameters
    ----------
    phase : str
        ``collapsed``, ``mean-coded`` (m > 0) or ``width-coded`` (m = 0, r ≠ 0: KL > 0 although M² = 0).
    m, r : mpmath.mpf
        Amplitudes; r = 0 for one amplitude.
    free_energy, kl : mpmath.mpf
        F over the top eigenvalue, and the rate in nats, both of the polynomial.
    index, flat : int
        Negative and zero eigenvalues of the Hessian in the critical amplitudes.
    stable : bool or None
        Whether the point is a local minimum; ``None`` if the polynomial does not decide along a flat direction.
    """

    phase: str
    m: Any
    r: Any
    free_energy: Any
    kl: Any
    index: int
    flat: int
    stable: bool | None


@dataclass(frozen=True, slots=True)
class Coexistence:
    """How the truncated polynomial leaves full collapse.

    Parameters
    ----------
    status : str
        ``continuous`` (T* = 1), ``jump`` (T* > 1) or ``unbounded`` (the truncation has no equilibrium).
    temperature : mpmath.mpf or None
        T* over the threshold.
    spinodals : tuple
        (1, T_s): metastable collapse above 1, metastable activity below T_s; ``None`` where unbounded.
    state : Point or None
        The active state at T*, whose `m` and `kl` are the jumps; ``None`` unless ``status`` is ``jump``.
    """

    status: str
    temperature: Any
    spinodals: tuple[Any, Any]
    state: Point | None


def stationary_points(
    polynomial: LandauPolynomial, temperature: Any, values: Mapping[str, Any] | None = None
) -> tuple[Point, ...]:
    """All stationary points of the polynomial, lowest free energy first.

    Parameters
    ----------
    polynomial : LandauPolynomial
        In rational numbers, or with symbols that `values` gives.
    temperature : number
        T over the threshold, exact or a float taken as the decimal it prints.
    values : mapping of str to number, optional
        Cumulants that are still symbols.

    Returns
    -------
    tuple of Point

    Raises
    ------
    InputError
        If a symbol is left, a coefficient is irrational, T ≤ 0, or stationary points form a curve.

    Examples
    --------
    >>> m, T = sp.symbols("m T")
    >>> F = LandauPolynomial.of((T - 1) * m + m**2 / 2, ("m",), 4)
    >>> [(p.phase, p.m, p.index) for p in stationary_points(F, 0.75)]
    [('mean-coded', mpf('0.25'), 0), ('collapsed', mpf('0.0'), 1)]
    """
    T = exact("temperature", temperature)
    if sign(T) <= 0:
        raise InputError(f"temperature must be positive, got {temperature}; T = 1 is the threshold")
    return _points(_numeric(polynomial, values), T)


def bounded_below(polynomial: LandauPolynomial, temperature: Any = 1, values: Mapping[str, Any] | None = None) -> bool:
    """Return whether the highest weight is positive everywhere on m ≥ 0, so that the truncation has a minimum.

    Examples
    --------
    >>> m, T = sp.symbols("m T")
    >>> bounded_below(LandauPolynomial.of((T - 1) * m - m**2 + m**3, ("m",), 6))
    True
    >>> bounded_below(LandauPolynomial.of((T - 1) * m - m**2, ("m",), 4))
    False
    """
    return _bounded(_numeric(polynomial, values), exact("temperature", temperature))


def coexistence(polynomial: LandauPolynomial, values: Mapping[str, Any] | None = None) -> Coexistence:
    """Coexistence (Maxwell) temperature, spinodals and jump of the truncated polynomial.

    Parameters
    ----------
    polynomial, values
        As for `stationary_points`.

    Returns
    -------
    Coexistence

    Raises
    ------
    InputError
        As `stationary_points`.

    Examples
    --------
    >>> m, T = sp.symbols("m T")
    >>> found = coexistence(LandauPolynomial.of((T - 1) * m - m**2 / 5 + m**3 / 3, ("m",), 6))
    >>> mpmath.nprint([found.temperature, found.spinodals[1], found.state.m], 12)
    [1.03, 1.04, 0.3]
    """
    numeric = _numeric(polynomial, values)
    one = mpmath.mpf(1)
    with mpmath.workdps(_DIGITS):
        if not _bounded(numeric, sp.S.One):
            return Coexistence("unbounded", None, (one, None), None)
        # F* decreases with falling T wherever KL > 0, and so does the set of T with an active stable state.
        highest = _last(lambda T: any(p.free_energy < -_FLAT for p in _points(numeric, T)))
        if highest is None:
            return Coexistence("continuous", one, (one, _spinodal(numeric) or one), None)
        (state,) = [p for p in _points(numeric, highest) if p.phase != "collapsed"][:1]
        T, state = _polish(numeric, highest, state)
        return Coexistence("jump", T, (one, _spinodal(numeric)), state)


def _numeric(polynomial: LandauPolynomial, values: Mapping[str, Any] | None) -> LandauPolynomial:
    numeric = polynomial.at(values or {})
    if numeric.parameters:
        names = ", ".join(map(str, numeric.parameters))
        raise InputError(f"values must give a number for {names}; add them to values")
    for powers, coefficient in numeric.terms.items():
        if not sp.Poly(coefficient, TEMPERATURE).domain.is_QQ and not sp.Poly(coefficient, TEMPERATURE).domain.is_ZZ:
            raise InputError(f"the coefficient of m**{powers[0]} r**{powers[1]} must be rational, got {coefficient}")
    return numeric


def _bounded(polynomial: LandauPolynomial, T: sp.Expr) -> bool:
    top = max(2 * i + j for i, j in polynomial.terms)
    if top % 2:
        return False
    powers = {i: c.subs(TEMPERATURE, T) for (i, j), c in polynomial.terms.items() if 2 * i + j == top}
    if not polynomial.two:
        return bool(powers[top // 2] > 0)
    # On the ray m = x r² the top form is r^top P(x), x ≥ 0; x → ∞ is the ray r = 0.
    ray = sp.Poly({(i,): c for i, c in powers.items()}, sp.Symbol("x"))
    return bool(powers.get(top // 2, 0) > 0 and powers.get(0, 0) > 0 and ray.count_roots(0, None) == 0)


def _points(polynomial: LandauPolynomial, T: sp.Rational) -> tuple[Point, ...]:
    free = sp.Poly(polynomial.expression.subs(TEMPERATURE, T), SIGNAL, WIDTH)
    slope_m, slope_r = free.diff(SIGNAL), free.diff(WIDTH)
    with mpmath.workdps(_DIGITS):
        states = [(mpmath.mpf(0), mpmath.mpf(0))]
        if polynomial.two:
            states += [(mpmath.mpf(0), r) for r in _real_roots(slope_r.eval(SIGNAL, 0)) if r != 0]
            states += _mixed(polynomial, T, slope_m, slope_r)
        else:
            states += [(m, mpmath.mpf(0)) for m in _real_roots(slope_m.eval(WIDTH, 0)) if m > 0]
        found = [_point(polynomial, T, m, r) for m, r in states]
    return tuple(sorted(found, key=lambda p: (p.free_energy, p.m, p.r)))


def _real_roots(polynomial: sp.Poly) -> list[Any]:
    """Distinct real roots of a rational polynomial in one variable."""
    if polynomial.is_zero:
        raise InputError("the stationary points form a curve at this temperature; shift the temperature")
    if polynomial.degree() < 1:
        return []
    part = polynomial.sqf_part()
    wanted = part.count_roots()
    roots = sorted(part.nroots(n=_DIGITS, maxsteps=500), key=lambda z: abs(sp.im(z)))[:wanted]
    return sorted(mpmath.mpf(sp.re(z)) if z != 0 else mpmath.mpf(0) for z in roots)


def _mixed(polynomial: LandauPolynomial, T: sp.Rational, slope_m: sp.Poly, slope_r: sp.Poly) -> list[tuple[Any, Any]]:
    """Common roots with m > 0: eliminate m exactly, then take the m that solves both equations."""
    # Where F is affine in m, F_m = 0 fixes r and F_r = 0 then fixes m.
    solved = slope_m if slope_m.degree(SIGNAL) else slope_r
    if not solved.degree(SIGNAL):
        return []
    column = [sp.lambdify(WIDTH, c, "mpmath") for c in sp.Poly(solved.as_expr(), SIGNAL).all_coeffs()]
    slopes = _values(polynomial.expression)
    found = []
    for r in _real_roots(sp.Poly(slope_m.resultant(slope_r), WIDTH)):
        numbers = [mpmath.mpf(c(r)) for c in column]
        while numbers and abs(numbers[0]) < _FLAT:
            numbers = numbers[1:]
        for m in mpmath.polyroots(numbers, maxsteps=200, extraprec=200) if len(numbers) > 1 else []:
            if abs(mpmath.im(m)) < _FLAT and mpmath.re(m) > _FLAT:
                slope = slopes(_float(T), mpmath.re(m), r)[3]
                if abs(slope) < mpmath.mpf(10) ** -15:  # a double root costs half the digits
                    found.append((mpmath.re(m), r))
    return found


@lru_cache(maxsize=8)
def _values(free: sp.Expr) -> Callable[..., list[Any]]:
    """F, 2KL, F_m, F_r, F_mm, F_mr, F_rr as functions of (T, m, r), at the working precision."""
    orders = ((TEMPERATURE,), (SIGNAL,), (WIDTH,), (SIGNAL, SIGNAL), (SIGNAL, WIDTH), (WIDTH, WIDTH))
    found: Callable[..., list[Any]] = sp.lambdify(
        (TEMPERATURE, SIGNAL, WIDTH), [free, *(sp.diff(free, *y) for y in orders)], "mpmath"
    )
    return found


def _point(polynomial: LandauPolynomial, T: sp.Rational, m: Any, r: Any) -> Point:
    free, double_rate, in_m, _, mm, mr, rr = _values(polynomial.expression)(_float(T), m, r)
    phase = "mean-coded" if m > 0 else "width-coded" if r != 0 else "collapsed"
    if phase == "width-coded" and has_flat_direction(polynomial):
        in_m = mpmath.mpf(0)
    # Hessian in (a, r) at m = a²: F_aa = 2F_m + 4m F_mm, F_ar = 2a F_mr.
    matrix = mpmath.matrix([[2 * in_m + 4 * m * mm, 2 * mpmath.sqrt(m) * mr], [2 * mpmath.sqrt(m) * mr, rr]])
    eigenvalues = list(mpmath.eigsy(matrix, eigvals_only=True)) if polynomial.two else [matrix[0, 0]]
    index = sum(e < -_FLAT for e in eigenvalues)
    flat = sum(abs(e) <= _FLAT for e in eigenvalues)
    stable: bool | None = index == 0
    if stable and flat:
        # Only the direction a at m = 0 is resolved: F = ½(F_mm − F_mr²/F_rr) a⁴ once r has followed.
        quartic = mm - mr**2 / rr if phase == "width-coded" and rr > _FLAT else mpmath.mpf(0)
        # The orders dropped change it by a relative O(r); what is smaller than that is not decided.
        stable = bool(quartic > 0) if abs(quartic) > max(_FLAT, abs(r)) else None
    return Point(phase, m, r, free, double_rate / 2, index, flat, stable)


def has_flat_direction(polynomial: LandauPolynomial) -> bool:
    """Whether the lowest orders show the flat direction δμ ∝ 1 − σ² of width-coded states.

    Examples
    --------
    >>> a, r, T = sp.symbols("a r T")
    >>> F = (T - 1) * (a**2 + 2 * r**2) + a**4 / 2 + 8 * (a**2 * r**2 + r**4)
    >>> has_flat_direction(LandauPolynomial.of(F, ("a", "r"), 4))
    True
    """
    if not polynomial.two:
        return False
    p = polynomial.coefficient
    cubic = sign(4 * p(1, 1) - 3 * p(0, 3)) == 0
    return cubic and (sign(p(0, 3)) != 0 or sign(p(1, 2) - p(0, 4)) == 0)


def _last(holds: Callable[[sp.Rational], bool]) -> sp.Rational | None:
    """Highest T ≥ 1 at which a property holds that is lost for good on heating, to 2⁻³⁰; ``None`` if lost at 1."""
    low, high = sp.Integer(1), sp.Integer(2)
    if not holds(low):
        return None
    while holds(high):
        low, high = high, 2 * high
        if high > _HIGHEST:
            raise InputError(f"the truncated polynomial has no coexistence below T = {_HIGHEST}; its jump is not small")
    while high - low > sp.Rational(1, 2**30):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _spinodal(polynomial: LandauPolynomial) -> Any:
    """Where the last metastable active state is lost: a fold, polished as such unless it is lost in another way."""

    def metastable(T: sp.Rational) -> Point | None:
        # The lowest state is a minimum of a bounded polynomial, whatever a flat direction leaves open.
        points = _points(polynomial, T)
        return next((p for p in points if p.phase != "collapsed" and (p is points[0] or p.stable is not False)), None)

    highest = _last(lambda T: metastable(T) is not None)
    state = None if highest is None else metastable(highest)
    if highest is None or state is None:
        return None
    free, active = polynomial.expression, _active(state)
    hessian = sp.hessian(free, active).det()
    return _newton(polynomial, [*(sp.diff(free, y) for y in active), hessian], highest, state)[TEMPERATURE]


def _polish(polynomial: LandauPolynomial, T: sp.Rational, state: Point) -> tuple[Any, Point]:
    """Newton on F = 0 together with stationarity."""
    free = polynomial.expression
    root = _newton(polynomial, [free, *(sp.diff(free, y) for y in _active(state))], T, state)
    rational = sp.Rational(mpmath.nstr(root[TEMPERATURE], _DIGITS))
    return root[TEMPERATURE], _point(polynomial, rational, root[SIGNAL], root[WIDTH])


def _float(T: sp.Rational) -> Any:
    return mpmath.mpf(T.p) / T.q


def _active(state: Point) -> list[sp.Symbol]:
    """The amplitudes of a state that are not zero."""
    return [y for y, value in ((SIGNAL, state.m), (WIDTH, state.r)) if value != 0]


def _newton(
    polynomial: LandauPolynomial, equations: list[sp.Expr], T: sp.Rational, state: Point
) -> dict[sp.Symbol, Any]:
    """Solve for T and the amplitudes of a state, starting from the bisection; outside its bracket keep the start."""
    start = {TEMPERATURE: _float(T), SIGNAL: state.m, WIDTH: state.r}
    unknowns = [TEMPERATURE, *_active(state)]
    absent = {y: 0 for y in (SIGNAL, WIDTH) if y not in unknowns}
    function = sp.lambdify(unknowns, [e.subs(absent) for e in equations], "mpmath")
    try:
        root = mpmath.findroot(function, [start[y] for y in unknowns], maxsteps=60, verify=False)
    except ZeroDivisionError:  # singular Jacobian: no simple root here
        return start
    near = abs(root[0] - start[TEMPERATURE]) < mpmath.mpf(2) ** -24
    return {**start, **dict(zip(unknowns, root, strict=True))} if near else start
