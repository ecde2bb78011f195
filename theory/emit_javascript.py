"""Print the formulas that the explorer draws as JavaScript: the cascade, the order of the transition, the conventions.

``python -m theory.emit_javascript --write`` writes ``landau_vae/explorer/formulas.js`` and ``--check`` fails when it is
stale, so that the page runs what was derived without SymPy and without a formula typed a second time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from .emit import camel, emit_module, write_or_check
from .formulas import Formula, catalogue
from .formulas_transition import transition_formulas
from .loss import CONVENTIONS

__all__ = ["emit_javascript_module", "explorer_formulas", "main"]

PATH = Path(__file__).resolve().parents[1] / "landau_vae" / "explorer" / "formulas.js"

_CASCADE = (
    "signal_fraction",
    "rate",
    "distortion",
    "distortion_posterior_mean",
    "free_energy",
    "encoder_weight_squared",
    "posterior_variance",
    "reduced_free_energy",
)


def explorer_formulas() -> tuple[Formula, ...]:
    """Return what the explorer computes with, in the order of the emitted file.

    Examples
    --------
    >>> [formula.name for formula in explorer_formulas()][-1]
    'flexible_rate'
    """
    derived = {formula.name: formula for formula in catalogue()}
    conversions = (f"{way}_{name}" for name in CONVENTIONS for way in ("temperature", "beta"))
    return (*(derived[name] for name in (*_CASCADE, *conversions)), *transition_formulas())


def emit_javascript_module() -> str:
    """Return the source of ``landau_vae/explorer/formulas.js``: the functions, then the table of the conventions.

    Examples
    --------
    >>> print(emit_javascript_module().splitlines()[-1])
    ];
    """
    formulas = explorer_formulas()
    arguments = {formula.name: formula.arguments for formula in formulas}
    rows = [
        "",
        "/** How people write the loss: its code, what its temperature needs besides beta, and the conversions. */",
        "export const conventions = [",
    ]
    for convention in CONVENTIONS.values():
        sizes = [camel(argument.name) for argument in arguments[f"temperature_{convention.name}"][1:]]
        functions = ", ".join(f"{way}: {camel(f'{way}_{convention.name}')}" for way in ("temperature", "beta"))
        rows += [
            f"  {{name: {json.dumps(convention.name.replace('_', '-'))}, sizes: {json.dumps(sizes)}, {functions},",
            f"   code: {json.dumps(convention.code)}}},",
        ]
    return emit_module("javascript", formulas) + "\n".join([*rows, "];"]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the emitted module; return the exit status (1 if ``--check`` finds it stale)."""
    return write_or_check("theory.emit_javascript", PATH, emit_javascript_module, arguments)


if __name__ == "__main__":
    sys.exit(main())
