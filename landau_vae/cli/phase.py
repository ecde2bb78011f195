"""``landau-vae phase``: is the collapse of this data set continuous or a jump?"""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from ..phases import Phase, phase
from .options import load_data
from .output import dumps, limit_threads, meta, note, table

_UNITS = {
    "T": "variance of the mode",
    "F": "variance of the mode",
    "KL": "nat",
    "J": "nat",
    "eigenvalue": "data variance",
    "quantization_error": "variance of the mode",
    "rate_distortion": "variance of the mode",
}


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    data, _ = load_data(args)
    note(args, data.notes)
    with limit_threads(args):
        found = phase(
            data,
            model=args.model_class,
            mode=1 if args.mode is None else args.mode,
            full=args.full,
            latents=args.latents,
            points=args.points,
            standardize=not args.no_standardize,
            seed=args.seed,
        )
    document = dumps({"meta": meta(args, data.sha256), "units": _UNITS, **found.to_json()})
    if args.out:
        from numerics.files import write_text
        from verify.phase_figure import save_phases

        write_text(f"{args.out}/phase.json", document + "\n")
        save_phases(found.sweep, args.out, title=None if found.scope == "all columns" else f"mode {found.mode} alone")
    print(document if args.json else _text(found))
    return 0


def _text(found: Phase) -> str:
    alone = found.scope != "all columns"
    where = "all columns" if found.mode is None else f"mode {found.mode}"
    on = f" on mode {found.mode} alone" if alone else ""
    kappa = ", ".join(f"{name} = {value:.4g}" for name, value in list(found.cumulants.items())[:2])
    optimal = "unresolved" if found.coexistence is None else f"{found.coexistence:.6g}"
    others = f"; co-skewness {found.cumulants['co_skewness']:.4g}" if "co_skewness" in found.cumulants else ""
    lines = [
        f"{found.data}, {where}: {found.points} points; {kappa}",
        f"class {found.model.name!r}, {found.model.latents} latent{'s' * (found.model.latents > 1)}{others}",
        f"T and F in units of λ = {found.eigenvalue:.6g}; quantising lowers F by at most {found.quantization:.2g}",
        "",
        f"at the threshold: {found.verdict['kind']}; globally{on}: {found.verdict['global']}",
        f"collapse is locally stable above {found.spinodals[0]:.6g}, optimal above T* = {optimal}",
        f"active states exist up to {found.spinodals[1]:.6g}",
        f"any architecture{on}: T* ≤ {found.proxy.upper:.6g}",
    ]
    if alone:
        lines += textwrap.wrap(f"All of this is about {found.scope}.", 80)
    if found.sweep.unresolved:
        lines.append(f"T* is unresolved: {found.sweep.unresolved}")
    rows: list[list[Any]] = [
        [
            f"{c.temperature:.6g}",
            c.cold_phase,
            c.hot_phase,
            "continuous" if c.continuous else "jump",
            f"{c.kl_jump:.4g}",
            f"{c.signal_jump:.4g}",
        ]
        for c in found.sweep.changes
    ]
    if rows:
        lines += ["", table(rows, ["T", "from", "to", "kind", "KL jump", "M² jump"])]
    readings = {name: found.sweep.readings(name) for name in ("up", "down")}
    step = max(1, len(found.sweep.temperatures) // 12)
    body = [
        [f"{t:.3f}", *(f"{readings[way][key][i].sum():.4f}" for way in readings for key in ("F", "KL", "M2"))]
        for i, t in enumerate(found.sweep.temperatures)
        if i % step == 0
    ]
    lines += ["", table(body, ["T", "F up", "KL up", "M² up", "F down", "KL down", "M² down"])]
    lines += [f"not converged: {failure}" for failure in found.sweep.failures]
    return "\n".join(lines)
