"""The Landau engine for ``flexible``: time by order, and against `sympy.series` and naive expansion of the same F.

The two references get the slaved solution for nothing and only expand F/T in ε for Gaussian data, at T = 1:
`sympy.series` of the integrand, and the integrand with every exponential replaced by its Taylor polynomial, multiplied
out and cut off afterwards. The engine's time includes finding the slaved solution, from the declaration to SymPy
expressions.

Run: ``python -m benchmarks.landau``
"""

from __future__ import annotations

import argparse
import math
import time
from typing import Any

import sympy as sp
from tabulate import tabulate

from benchmarks.timing import medians
from theory.cumulants import Cumulants
from theory.distributions import distribution
from theory.landau import reduce
from theory.model import model_class
from theory.reduction import Setting, solve

EPSILON, X, A, R = sp.symbols("epsilon x a r", real=True)


def _integrand(order: int, exponential: Any) -> sp.Expr:
    """F/T is E of this function of x: Σ_n w_n(x) (d_n − 2 x c_n) + μ² + e^{2ρ} − 1 − 2ρ, heads and decoder known."""
    solution = solve(Setting(model_class("flexible"), distribution("gaussian", order=order), order))
    names = {"x1": X, "a": A, "r": R}
    symbols = [names.get(str(s), s) for s in solution.moments.ring.symbols]

    def series(parts: list[Any]) -> sp.Expr:
        return sp.Add(*(part.as_expr(*symbols) * EPSILON**k for k, part in enumerate(parts)))

    mean, rho = series(solution.mean[0]), series(solution.log_width[0])
    square = exponential(2 * rho)
    total = mean**2 + square - 1 - 2 * rho
    for n in solution.d:
        (degree,) = n
        weight = sp.Add(
            *(
                sp.Rational(math.factorial(degree), math.factorial(k) * math.factorial(degree - 2 * k) * 2**k)
                * mean ** (degree - 2 * k)
                * (square - 1) ** k
                for k in range(degree // 2 + 1)
            )
        )
        total += weight * (series(solution.d[n]) - 2 * X * series(solution.c[n][0]))
    return total


def _average(expanded: sp.Expr, order: int) -> sp.Expr:
    """Gaussian expectation of the terms through ε^order."""
    polynomial = sp.Poly(expanded, EPSILON, X)
    kept = ((k, j, c) for (k, j), c in polynomial.terms() if k <= order and j % 2 == 0)
    return sp.expand(sp.Add(*(c * sp.factorial2(j - 1) * EPSILON**k for k, j, c in kept)))


def by_series(order: int) -> sp.Expr:
    """`sympy.series` of the integrand."""
    return _average(sp.series(_integrand(order, sp.exp), EPSILON, 0, order + 1).removeO(), order)


def naively(order: int) -> sp.Expr:
    """Multiply everything out, then drop what is beyond the order."""

    def taylor(argument: sp.Expr) -> sp.Expr:
        return sp.Add(*(argument**k / sp.factorial(k) for k in range(order + 1)))

    return _average(sp.expand(_integrand(order, taylor)), order)


def _checked(function: Any, order: int) -> float:
    start = time.perf_counter()
    found = function(order)
    seconds = time.perf_counter() - start
    expected = reduce("flexible", order, distribution("gaussian", order=order)).polynomial
    names = {s: {"a": A * EPSILON, "r": R * EPSILON, "T": 1}[str(s)] for s in expected.free_symbols}
    if sp.expand(found - expected.subs(names)) != 0:
        raise RuntimeError(f"{function.__name__} and the engine disagree at order {order}")
    return seconds


def main() -> None:
    """Print time by order, then ratios to the references."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--highest", type=int, default=12, help="highest order of the growth table")
    parser.add_argument("--reference", type=int, default=6, help="highest order of the references (8: minutes)")
    options = parser.parse_args()
    orders = range(4, options.highest + 1, 2)
    data = {
        "Gaussian": distribution("gaussian", order=options.highest),
        "exponential": distribution("exponential", order=options.highest),
        "symbolic": Cumulants.unknown(),
    }
    sides = {(name, n): lambda n=n, d=d: reduce("flexible", n, d) for name, d in data.items() for n in orders}
    seconds = medians(sides, options.repeats)
    rows = [[n, *(f"{1e3 * seconds[name, n]:.1f}" for name in data)] for n in orders]
    print(tabulate(rows, ["order", *(f"{name} ms" for name in data)], disable_numparse=True))
    rows = []
    for order in range(4, options.reference + 1, 2):
        ours = seconds["Gaussian", order]
        slow = [_checked(function, order) for function in (by_series, naively)]
        rows.append([order, f"{1e3 * ours:.1f}", *(cell for s in slow for cell in (f"{s:.2f}", f"{s / ours:.0f}"))])
    print()
    print(tabulate(rows, ["order", "ours ms", "series s", "ratio", "naive s", "ratio"], disable_numparse=True))


if __name__ == "__main__":
    main()
