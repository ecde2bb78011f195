"""Options of ``landau-vae verify``."""

from __future__ import annotations

from .common import data_options, output_options, page_option, training_options
from .parser import Parser


def add(parser: Parser) -> None:
    """Add the options."""
    data_options(parser)
    parser.add_argument("--latents", type=int, metavar="K", help="latents per model (default: 8)")
    parser.add_argument("--temperatures", type=int, metavar="N", help="temperatures in the sweep (default: 48)")
    parser.add_argument(
        "--seeds", type=int, metavar="S", help="independent trainings per temperature (default: 3, sampled: 6)"
    )
    parser.add_argument("--steps", type=int, metavar="M", help="Adam steps (default: chosen by the mode of training)")
    parser.add_argument(
        "--sampled",
        action="store_true",
        help="minibatches and reparametrisation noise instead of the expected loss",
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer temperatures and seeds: a look, not a verdict to quote"
    )
    training_options(parser)
    page_option(parser)
    output_options(parser)
