"""Options of ``landau-vae phase``."""

from __future__ import annotations

from .common import data_options, output_options
from .parser import Parser


def add(parser: Parser) -> None:
    """Add the options."""
    data_options(parser)
    parser.add_argument(
        "--class", dest="model_class", default="flexible", metavar="CLASS", help="model class (default: flexible)"
    )
    kept = parser.add_mutually_exclusive_group()
    # No default: argparse takes an option that has the value of its default for one that was not given.
    kept.add_argument("--mode", type=int, metavar="k", help="project on PCA mode k (default: 1)")
    kept.add_argument("--full", action="store_true", help="keep all columns instead of one mode")
    parser.add_argument("--latents", type=int, default=1, metavar="K", help="1, or 2 for small sets (default: 1)")
    parser.add_argument(
        "--points",
        type=int,
        metavar="N",
        help="quantise more distinct rows than this (default: 256; 24 with two latents)",
    )
    output_options(parser)
