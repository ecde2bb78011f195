"""Options of ``landau-vae report``."""

from __future__ import annotations

import argparse

from .common import output_options, page_option


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("directory", metavar="DIR", help="folder that `landau-vae verify --out DIR` wrote")
    page_option(parser)
    output_options(parser, seed=False)
