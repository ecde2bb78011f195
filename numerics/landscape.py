"""A free energy landscape: F, its derivatives and its symmetries at every temperature, for any model.

=======  =====================================================  ==========  =============
symbol   meaning                                                shape       unit
=======  =====================================================  ==========  =============
``y``    state                                                  (n,)        the model's
``T``    temperature                                            scalar      data variance
``F``    free energy                                            scalar      data variance
``g``    gradient ∂F/∂y                                         (n,)
``H``    Hessian ∂²F/∂y²                                        (n, n)
``τ``    tangents of continuous symmetries at y, rows           (p, n)
=======  =====================================================  ==========  =============

Stationary points, branches and diagrams are written for this interface alone. Functions that compute with ``+ - * /``
and ``@`` only also accept arrays of mpmath numbers (dtype object), which extended precision needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

__all__ = ["Landscape", "curve_landscape", "polynomial_landscape"]

Array = NDArray[Any]


def _no_tangents(y: Array) -> Array:
    return np.empty((0, len(y)))


@dataclass(frozen=True, slots=True)
class Landscape:
    """Free energy, gradient and Hessian of a model.

    Parameters
    ----------
    size : int
        n ≥ 1, number of unknowns.
    free_energy, gradient, hessian : callable
        ``(y, T)`` to a number, (n,), (n, n).
    tilt : callable, optional
        ``(y, T)`` to ∂g/∂T, (n,); by default an exact difference, because F is affine in T in every model whose
        parameters are all kept; declare it when parameters were eliminated.
    tangents : callable, optional
        ``y`` to the tangents of the continuous symmetries of F, (p, n); they may be dependent.
    positive : tuple of int
        Coordinates that must stay positive (variances).
    scale : float
        A typical temperature; tolerances and steps are relative to it.

    Raises
    ------
    InputError
        If `size` is not a positive integer, `positive` is out of range or `scale` is not positive.
    """

    size: int
    free_energy: Callable[[Array, Any], Any]
    gradient: Callable[[Array, Any], Array]
    hessian: Callable[[Array, Any], Array]
    tilt: Callable[[Array, Any], Array] | None = None
    tangents: Callable[[Array], Array] = _no_tangents
    positive: tuple[int, ...] = ()
    scale: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.size, bool) or not isinstance(self.size, (int, np.integer)) or self.size < 1:
            raise InputError(f"size must be a positive integer, got {self.size!r}; count the unknowns")
        if any(not 0 <= i < self.size for i in self.positive):
            raise InputError(f"positive must hold indices from 0 to {self.size - 1}, got {self.positive}")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise InputError(f"scale must be positive and finite, got {self.scale!r}; give a typical temperature")

    def state(self, start: Any) -> Array:
        """A start as float64, checked: n finite numbers, the `positive` ones positive."""
        y = np.array(start, dtype=np.float64)
        if y.shape != (self.size,) or not np.isfinite(y).all():
            raise InputError(f"start must hold {self.size} finite numbers, got shape {y.shape}; give one per unknown")
        if self.positive and (y[list(self.positive)] <= 0).any():
            raise InputError(f"start must be positive at indices {self.positive}; these are variances")
        return y

    def temperature(self, value: Any) -> float:
        """A temperature as float, checked to be positive and finite."""
        T = float(value)
        if not (np.isfinite(T) and T > 0):
            raise InputError(f"temperature must be positive and finite, got {value!r}; T = β η² is a variance")
        return T

    def tilted(self, y: Array, T: float) -> Array:
        """∂g/∂T."""
        if self.tilt is not None:
            return np.asarray(self.tilt(y, T), dtype=np.float64)
        # F affine in T: one difference is exact whatever its length.
        return np.asarray(self.gradient(y, 2 * T) - self.gradient(y, T), dtype=np.float64) / T

    def symmetry(self, y: Array) -> Array:
        """Orthonormal rows that span the tangents at y, (p, n)."""
        raw = np.asarray(self.tangents(np.asarray(y, dtype=np.float64)), dtype=np.float64).reshape(-1, self.size)
        if not len(raw):
            return raw
        _, values, rows = np.linalg.svd(raw, full_matrices=False)
        # A tangent shorter than this moves the state by rounding: the state is invariant.
        return np.asarray(rows[values > 1e-8 * max(1.0, float(np.abs(y).max()))])


def polynomial_landscape(expression: Any, amplitudes: tuple[Any, ...], temperature: Any) -> Landscape:
    """A Landau polynomial as a landscape.

    Parameters
    ----------
    expression : sympy.Expr
        F in the amplitudes and the temperature, all other symbols inserted; any order and number of amplitudes.
    amplitudes : tuple of sympy.Symbol
        The unknowns, in this order.
    temperature : sympy.Symbol
        T.

    Returns
    -------
    Landscape

    Raises
    ------
    InputError
        If another symbol is left, or the expression is not a polynomial in the amplitudes.

    Notes
    -----
    SymPy does the differentiation through the methods of its own objects; it is the caller who has imported it.

    Examples
    --------
    >>> from sympy import symbols
    >>> a, r, T = symbols("a r T")
    >>> landscape = polynomial_landscape((T - 1) * (a**2 + 2 * r**2) + a**4 / 2, (a, r), T)
    >>> landscape.gradient(np.array([1.0, 0.5]), 0.5).tolist()
    [1.0, -1.0]
    """
    left = expression.free_symbols - {*amplitudes, temperature}
    if left:
        names = ", ".join(sorted(map(str, left)))
        raise InputError(f"expression must hold only the amplitudes and the temperature, found {names}; insert numbers")
    if not expression.is_polynomial(*amplitudes):
        raise InputError(f"expression must be a polynomial in {amplitudes}, got {expression!s:.60}; expand it first")
    slopes = [expression.diff(x) for x in amplitudes]
    curvatures = [[slope.diff(x) for x in amplitudes] for slope in slopes]
    value = _Terms(expression, amplitudes, temperature)
    first = [_Terms(slope, amplitudes, temperature) for slope in slopes]
    second = [[_Terms(c, amplitudes, temperature) for c in row] for row in curvatures]
    tilts = [_Terms(slope.diff(temperature), amplitudes, temperature) for slope in slopes]
    return Landscape(
        len(amplitudes),
        value,
        lambda y, T: np.array([f(y, T) for f in first]),
        lambda y, T: np.array([[f(y, T) for f in row] for row in second]),
        lambda y, T: np.array([f(y, T) for f in tilts]),
    )


class _Terms:
    """A polynomial in the state with coefficients polynomial in T, as a sum of products."""

    def __init__(self, expression: Any, amplitudes: tuple[Any, ...], temperature: Any) -> None:
        polynomial = expression.as_poly(*amplitudes, temperature)
        if polynomial is None:
            raise InputError(f"expression must be a polynomial in {temperature} too, got {expression!s:.60}")
        # Numerator and denominator apart: exact at every precision.
        self._terms = [
            (powers, c.as_numer_denom() if c.is_Rational else (float(c), 1)) for powers, c in polynomial.terms()
        ]
        self._terms = [(p, (_number(n), _number(d))) for p, (n, d) in self._terms if n != 0]

    def __call__(self, y: Array, T: Any) -> Any:
        variables = (*y, T)
        total = 0 * T
        for powers, (numerator, denominator) in self._terms:
            term = numerator + 0 * T
            for x, p in zip(variables, powers, strict=True):
                if p:
                    term = term * x**p
            total = total + term / denominator
        return total


def _number(value: Any) -> float | int:
    return value if isinstance(value, float) else int(value)


def curve_landscape(variances: tuple[float, ...]) -> Landscape:
    """Data on a curve, encoder linear in its parameter: one unknown a with M² = a².

    Parameters
    ----------
    variances : tuple of float
        c_n², n from 1, as `theory.curves.Curve.variances` gives them; c_1² > 0.

    Returns
    -------
    Landscape
        ``F = Σ c_n² (1 − a^{2n}) − T ln(1 − a²)``, |a| < 1.

    Notes
    -----
    The form in m = a² is derived in `theory.curves`; in a the collapsed state is an inner point, as in a network.

    Examples
    --------
    >>> landscape = curve_landscape((1.0, 0.5))
    >>> float(landscape.gradient(np.array([0.5]), 0.75 * (1 + 0.25))[0])
    0.0
    """
    c2 = np.asarray(variances, dtype=np.float64)
    if c2.ndim != 1 or not len(c2) or not (np.isfinite(c2) & (c2 >= 0)).all() or c2[0] == 0:
        raise InputError(f"variances must be c_1² > 0 and further numbers ≥ 0, got {variances!r}; see theory.curves")
    # dF/dm = T/(1 − m) − Σ n c_n² m^{n−1}, polynomials in m with ascending coefficients.
    force = np.arange(1, len(c2) + 1) * c2
    curvature = np.polynomial.polynomial.polyder(force)
    value = np.polynomial.polynomial.polyval

    def slope(m: Any, T: Any) -> Any:
        return T / (1 - m) - value(m, force)

    def free_energy(y: Array, T: Any) -> Any:
        m = y[0] ** 2
        if m >= 1:
            return np.inf
        return c2.sum() - value(m, np.concatenate([[0.0], c2])) - T * np.log1p(-m)

    def hessian(y: Array, T: Any) -> Array:
        m = y[0] ** 2
        return np.array([[2 * slope(m, T) + 4 * m * (T / (1 - m) ** 2 - value(m, curvature))]])

    return Landscape(
        1,
        free_energy,
        lambda y, T: np.array([2 * y[0] * slope(y[0] ** 2, T)]),
        hessian,
        lambda y, T: np.array([2 * y[0] / (1 - y[0] ** 2)]),
        scale=float(c2[0]),
    )
