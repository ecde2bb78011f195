"""``landau-vae derive``: a derivation, step by step."""

from __future__ import annotations

import argparse
import sys

from theory.linear_gaussian import derive_linear

from .output import dumps


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    derivation = derive_linear(order=args.order)
    if args.json:
        print(dumps(derivation.to_json()))
    elif args.latex:
        print(derivation.to_latex())
    else:
        unicode = (sys.stdout.encoding or "ascii").lower().replace("-", "").startswith("utf")
        print(derivation.to_text(width=80, unicode=unicode))
    return 0
