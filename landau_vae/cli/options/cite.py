"""Options of ``landau-vae cite``."""

from __future__ import annotations

from .parser import Parser


def add(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument(
        "claim", nargs="?", default="landau-vae", metavar="CLAIM", help="a claim, derivation or reference key"
    )
