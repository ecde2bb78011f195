"""Options of ``landau-vae explore``."""

from __future__ import annotations

from .common import data_options
from .parser import Parser


def add(parser: Parser) -> None:
    """Add the options."""
    data_options(parser)
    parser.add_argument("--latents", type=int, metavar="K", help="latents of the VAE (default: as many as columns)")
    g = parser.add_argument_group("output")
    # Not "out": that is a folder in every other verb.
    g.add_argument(
        "--out", dest="file", default="explorer.html", metavar="FILE.html", help="the page (default: explorer.html)"
    )
    g.add_argument("--json", action="store_true", help="strict JSON alone on stdout: what was written, and its data")
    g.add_argument("--quiet", action="store_true", help="no notes on stderr")
    g.add_argument("--seed", type=int, default=0, metavar="N", help="which rows are drawn as dots (default: 0)")
    g.add_argument("--threads", type=int, metavar="N", help="BLAS threads (default: all cores)")
