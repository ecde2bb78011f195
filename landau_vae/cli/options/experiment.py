"""Options of ``landau-vae experiment``."""

from __future__ import annotations

import argparse

from .common import DATA_HELP, output_options


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("name", metavar="NAME", help=f"{', '.join(NAMES)}, or all")
    parser.add_argument("--data", metavar="DATA", help=f"for the experiments on real data: {DATA_HELP}")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="the small preset: minutes, less sharp")
    size.add_argument("--preset", metavar="PRESET", help="a named preset of the experiment (default: full)")
    parser.add_argument("--checkpoint", metavar="DIR", help="keep checkpoints of long trainings here")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoints, bit for bit")
    output_options(parser)


# The keys of verify.experiments.EXPERIMENTS, which would import NumPy; a test keeps the two equal.
NAMES = ("threshold", "residual-cascade", "scan", "hysteresis", "annealing", "superfluous")
