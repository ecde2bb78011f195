"""Options of ``landau-vae phase-diagram``."""

from __future__ import annotations

from .common import output_options
from .parser import Parser


def add(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("plane", choices=["curve", "flexible"], help="parabola, or free functions on three-point data")
    parser.add_argument(
        "--points", type=int, metavar="N", help="points along an axis (default: 25 for curve, 9 for flexible)"
    )
    output_options(parser)
