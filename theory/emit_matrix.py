"""Print the matrix form of the linear model as NumPy: free energy, gradient, Hessian products, shared directions.

``python -m theory.emit_matrix --write`` writes ``numerics/_matrix_formulas.py`` and ``--check`` fails when it is stale.
All but the shared directions run on arrays of mpmath numbers too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import sympy as sp
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from .decoupling import matrix_free_energy
from .emit import emit_function, write_or_check
from .formulas import Argument, Formula
from .loss import T
from .matrix_form import BLOCKS, HEIGHT, LATENTS, ROOT, ROOTS, SHARED, SMALLEST, derive_matrix_form

__all__ = ["emit_matrix_module", "main"]

PATH = Path(__file__).resolve().parents[1] / "numerics" / "_matrix_formulas.py"


class _Printer(StrPrinter):  # type: ignore[misc]
    """Matrix expressions with NumPy's operators."""

    def _print_MatMul(self, expr: sp.MatMul) -> str:
        scalar, matrices = expr.as_coeff_matrices()
        product = " @ ".join(self.parenthesize(m, PRECEDENCE["Mul"], strict=True) for m in matrices)
        if scalar == 1:
            return product
        factor = self.parenthesize(scalar, PRECEDENCE["Mul"])
        return f"{factor}*{product}" if len(matrices) == 1 else f"{factor}*({product})"

    def _print_MatAdd(self, expr: sp.MatAdd) -> str:
        return " + ".join(self.parenthesize(term, PRECEDENCE["Add"]) for term in expr.args)

    def _print_Transpose(self, expr: sp.Transpose) -> str:
        # Sigma and U are diagonal.
        return str(expr.arg) if str(expr.arg) in ("Sigma", "U") else f"_t({self._print(expr.arg)})"

    def _print_Inverse(self, expr: sp.Inverse) -> str:
        return "inverse"

    def _print_MatPow(self, expr: sp.MatPow) -> str:
        return " @ ".join(["inverse"] * -int(expr.exp))

    def _print_Identity(self, expr: sp.Identity) -> str:
        return "one"

    def _print_Trace(self, expr: sp.Trace) -> str:
        return f"np.trace({self._print(expr.arg)})"

    def _print_log(self, expr: sp.Expr) -> str:
        return "_log(s).sum()"


_HEADER = '''\
# ruff: noqa: E501
# fmt: off
# mypy: disable-error-code="no-any-return"
"""The linear model with every entry of its weights, as NumPy functions.

Generated from the derivations by ``python -m theory.emit_matrix --write``; do not edit. The first three
take arrays of mpmath numbers (dtype object) as well.

Symbol table
------------
B        a root of the covariance, S = B Bᵀ; shape (D, D), in data units
W, Q, s  decoder (D, K); encoder times B (K, D); posterior variances (K,)
X, Y, u  directions in W, Q and s; leading axes are a batch
T        temperature, in data variance
m, p, h  latents, directions and level of a group; R the sum of √λ over its directions
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["free_energy", "gradient", "hessian_product", "shared_free_energy", "shared_level", "shared_limit"]

Array = NDArray[Any]
FloatArray = NDArray[np.float64]


def _t(matrix: Array) -> Array:
    return np.swapaxes(matrix, -1, -2)


def _log(values: Array) -> Array:
    if values.dtype != object:
        return np.log(values)
    import mpmath

    return np.array([mpmath.log(value) for value in values], dtype=object)


def _diagonal(values: Array) -> Array:
    return values[..., :, None] * np.eye(values.shape[-1], dtype=np.int64)
'''

_ARGUMENTS = """\
    W, Q, s : ndarray, shapes (D, K), (K, D), (K,)
        Decoder, encoder times B, posterior variances > 0.
"""


def _matrix_functions() -> str:
    derivation = derive_matrix_form()
    printer = _Printer()
    gradient, second = derivation["gradient"].rhs, derivation["hessian-product"].rhs
    free = sp.expand(matrix_free_energy(ROOT * ROOT.T, BLOCKS[0], BLOCKS[1] * ROOT.inv(), BLOCKS[2]).doit())
    free = free.subs(sp.Symbol("K", positive=True, integer=True), sp.Symbol("len(s)"))
    rest = "    B : ndarray, shape (D, D)\n        Root of the covariance.\n    T : float\n        Temperature.\n"

    def diagonal(block: sp.MatrixExpr) -> str:
        return f"np.diagonal({printer.doprint(block)}, axis1=-2, axis2=-1)"

    lines = [
        "",
        "",
        "def free_energy(W: Array, Q: Array, s: Array, B: Array, T: Any) -> Any:",
        '    """Free energy at any weights, in data variance.\n\n    Parameters\n    ----------',
        _ARGUMENTS + rest + '    """',
        "    Sigma = _diagonal(s)",
        f"    return {printer.doprint(free)}",
        "",
        "",
        "def gradient(W: Array, Q: Array, s: Array, B: Array, T: Any) -> tuple[Array, Array, Array]:",
        '    """Derivatives with respect to W, Q and s.\n\n    Parameters\n    ----------',
        _ARGUMENTS + rest,
        "    Notes\n    -----\n    Step ``gradient`` of the derivation ``linear-matrix``.",
        '    """',
        "    Sigma, inverse, one = _diagonal(s), _diagonal(1 / s), np.eye(len(s), dtype=np.int64)",
        "    return (",
        *(f"        {printer.doprint(block)}," for block in gradient[:2]),
        f"        {diagonal(gradient[2])},",
        "    )",
        "",
        "",
        "def hessian_product(",
        "    W: Array, Q: Array, s: Array, X: Array, Y: Array, u: Array, B: Array, T: Any",
        ") -> tuple[Array, Array, Array]:",
        '    """Hessian times directions: blocks of W, Q and s.\n\n    Parameters\n    ----------',
        _ARGUMENTS + "    X, Y, u : ndarray, shapes (..., D, K), (..., K, D), (..., K)\n        Directions.\n" + rest,
        "    Notes\n    -----\n    Step ``hessian-product`` of the derivation ``linear-matrix``.",
        '    """',
        "    Sigma, inverse, U = _diagonal(s), _diagonal(1 / s), _diagonal(u)",
        "    return (",
        *(f"        {printer.doprint(block)}," for block in second[:2]),
        f"        {diagonal(second[2])},",
        "    )",
    ]
    return "\n".join(lines) + "\n"


def _shared_functions() -> list[Formula]:
    derivation = derive_matrix_form()
    latents = Argument(LATENTS, "latents", "m, latents of the group, at least 1")
    roots = Argument(ROOTS, "root_sum", "R, sum of √λ over the directions, in data units")
    temperature = Argument(T, "temperature", "T, in data variance, > 0")
    numbers = {ROOTS: sp.Integer(1), LATENTS: sp.Integer(2), T: sp.Rational(1, 2)}
    return [
        Formula(
            "shared_level",
            "Level of a group of latents that share directions.",
            (roots, latents, Argument(SHARED, "directions", "p, directions of the group, 1 to m"), temperature),
            derivation["shared-level"].rhs,
            "h = T + squared norm of each decoder column, in data variance",
            derivation.name,
            "shared-level",
            {**numbers, SHARED: sp.Integer(1)},
        ),
        Formula(
            "shared_free_energy",
            "Free energy of a group of latents that share directions.",
            (roots, latents, Argument(HEIGHT, "level", "h, as `shared_level` gives it"), temperature),
            derivation["shared-free-energy"].rhs,
            "F of the group, in data variance",
            derivation.name,
            "shared-free-energy",
            {**numbers, HEIGHT: sp.Integer(1)},
        ),
        Formula(
            "shared_limit",
            "Temperature below which a group of latents that share directions exists.",
            (
                Argument(SMALLEST, "smallest", "smallest eigenvalue of the group, in data variance"),
                roots,
                latents,
                Argument(SHARED, "directions", "p, directions of the group, 1 to m"),
            ),
            derivation["shared-limit"].rhs,
            "T, in data variance",
            derivation.name,
            "shared-limit",
            {ROOTS: sp.Integer(3), LATENTS: sp.Integer(2), SHARED: sp.Integer(2), SMALLEST: sp.Integer(1)},
        ),
    ]


def emit_matrix_module() -> str:
    """Return the source of ``numerics/_matrix_formulas.py``.

    Examples
    --------
    >>> "def hessian_product(" in emit_matrix_module()
    True
    """
    return _HEADER + _matrix_functions() + "".join(f"\n\n{emit_function(f, 'numpy')}" for f in _shared_functions())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the emitted module; return the exit status (1 if ``--check`` finds it stale)."""
    return write_or_check("theory.emit_matrix", PATH, emit_matrix_module, arguments)


if __name__ == "__main__":
    sys.exit(main())
