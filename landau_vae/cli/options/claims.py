"""Options of ``landau-vae claims``."""

from __future__ import annotations

from .parser import Parser


def add(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("claim", nargs="*", metavar="CLAIM", help="show only these claims, by id (default: all)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--quick", action="store_true", help="run the quick presets of the experiments (minutes)")
    source.add_argument("--results", metavar="DIR", help="read the experiments' results from here, run none")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="strict JSON alone on stdout")
    form.add_argument("--markdown", action="store_true", help="the page CLAIMS.md")
    form.add_argument("--check", metavar="FILE", help="is this page current? exit status 1 if not")
    parser.add_argument("--quiet", action="store_true", help="no progress bars and no notes on stderr")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the experiments (default: 0)")
    parser.add_argument("--threads", type=int, metavar="N", help="worker and BLAS threads (default: all cores)")
