"""Options of ``landau-vae report``."""

from __future__ import annotations

from .common import output_options, page_option
from .parser import Parser


def add(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("directory", metavar="DIR", help="folder that `landau-vae verify --out DIR` wrote")
    page_option(parser)
    output_options(parser, seed=False)
