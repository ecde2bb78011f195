"""Options of ``landau-vae cascade``."""

from __future__ import annotations

import argparse

from .common import data_options, output_options


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    data_options(parser)
    parser.add_argument("--latents", type=int, metavar="K", help="latents of the VAE (default: as many as columns)")
    parser.add_argument(
        "--at",
        nargs="+",
        default=[],
        metavar="T=…|t=…",
        help="temperatures (T = βη² in units of variance, t = T/V) at which to report the equilibrium",
    )
    parser.add_argument("--keep", type=int, metavar="k", help="which temperatures keep exactly k modes?")
    parser.add_argument(
        "--tolerance", type=float, metavar="ε", help="which temperature reaches the relative distortion ε?"
    )
    parser.add_argument("--loadings", action="store_true", help="name the columns that weigh most in each mode")
    output_options(parser)
