"""Options of ``landau-vae derive``."""

from __future__ import annotations

from .common import data_options
from .parser import Parser

# The models of theory.explain, which would import SymPy; a test keeps the two lists equal.
MODELS = (
    "linear", "nonlinear-decoder", "nonlinear-mean", "flexible", "curve", "bernoulli", "poisson", "learned-variance",
    "conditional", "bottleneck", "relaxation-rates", "residual-stability", "sandwich", "transition-laws",
)  # fmt: skip


def add(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("model", metavar="MODEL", help=f"one of {', '.join(MODELS)}")
    parser.add_argument(
        "--order",
        type=int,
        default=4,
        metavar="n",
        help="order of the Landau series (default: 4; from 10 on it takes minutes)",
    )
    parser.add_argument(
        "--cumulants", metavar="κ3=…,κ4=…", help="numbers for the top mode, also kappa3=…; for curve: c1=…,c2=…"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="print LaTeX")
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument(
        "--python", action="store_true", help="print the result as a Python function that needs only math"
    )
    data_options(parser, positional=False)
