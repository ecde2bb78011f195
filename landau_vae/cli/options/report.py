"""Options of ``landau-vae report``."""

from __future__ import annotations

import argparse

from .common import output_options


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("directory", metavar="DIR", help="folder that `landau-vae verify --out DIR` wrote")
    output_options(parser, seed=False)
