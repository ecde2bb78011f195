"""``landau-vae phase-diagram``: the plane of what governs the transition, every point solved."""

from __future__ import annotations

import argparse

from numerics.files import require_writable

from ..planes import curve_diagram, flexible_diagram
from .output import dumps, limit_threads, meta, table

_UNITS = {"coexistence": "variance of the mode", "kl_jump": "nat", "signal_jump": "1"}


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    if args.out:
        require_writable(args.out)
    solve = curve_diagram if args.plane == "curve" else flexible_diagram
    with limit_threads(args):
        found = solve() if args.points is None else solve(args.points)
    document = dumps({"meta": meta(args, None), "units": _UNITS, **found.to_json()})
    if args.out:
        found.save(args.out, document)
    if args.json:
        print(document)
    else:
        keys = [*dict.fromkeys((*found.axes, "kind", "coexistence", "kl_jump", "signal_jump"))]
        rows = [[row[k] if isinstance(row[k], str) else f"{row[k]:.5g}" for k in keys] for row in found.rows]
        print(table(rows, keys))
    return 0
