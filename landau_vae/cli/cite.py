"""``landau-vae cite``: BibTeX."""

from __future__ import annotations

import argparse

from theory.errors import InputError, did_you_mean
from theory.references import CLAIM_SOURCES, REFERENCES, cite


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    print("\n\n".join(cite(name) for name in _sources(args.claim)))
    return 0


def _sources(name: str) -> tuple[str, ...]:
    """Names that `cite` knows: a claim of the ledger, which is slow to import, stands for its sources."""
    if name in REFERENCES or name in CLAIM_SOURCES:
        return (name,)
    from verify.ledger import CLAIMS

    sources = {claim.id: claim.source for claim in CLAIMS}
    if name not in sources:
        known = (*REFERENCES, *CLAIM_SOURCES, *sources)
        raise InputError(f"unknown claim or work {name!r}{did_you_mean(name, known)}; choose one of {', '.join(known)}")
    return sources[name]
