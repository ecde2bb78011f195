"""``landau-vae cite``: BibTeX."""

from __future__ import annotations

import argparse

from theory.references import cite


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    print(cite(args.claim))
    return 0
