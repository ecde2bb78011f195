"""Options of ``landau-vae experiment``."""

from __future__ import annotations

from .common import DATA_HELP, output_options, training_options
from .parser import Parser


def add(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("name", metavar="NAME", choices=(*NAMES, "all"), help=f"{', '.join(NAMES)}, or all")
    parser.add_argument("--data", metavar="DATA", help=f"for the experiments on real data: {DATA_HELP}")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="the small preset: minutes, less sharp")
    size.add_argument("--preset", metavar="PRESET", help="a named preset of the experiment (default: full)")
    training_options(parser)
    output_options(parser)


# The keys of verify.experiments.EXPERIMENTS, which would import NumPy; a test keeps the two equal.
NAMES = ("threshold", "residual-cascade", "scan", "hysteresis", "annealing", "superfluous")
