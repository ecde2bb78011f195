"""``landau-vae diagnose``: which latents of a trained VAE are dead, and why."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from verify.diagnosis import Diagnosis, diagnose_encoded
from verify.encoded_file import read_convention, read_encoded

from .options import refuse_unused_sizes
from .output import dumps, meta, note, shortened, table

_ROWS = 40
_REMARKS = 12
_UNITS = {
    "latent": "column of mu, counted from 0",
    "rank": "1 for the largest signal fraction",
    "signal_fraction": "1",
    "posterior_scale": "1",
    "jensen": "nat",
    "rate": "nat",
    "terms": "nat",
    "T": "data variance",
    "beta": "as the loss writes it",
    "collapse_factor": "present beta",
    "columns": "1 (correlation)",
    "explained": "1 (share of the total variance of x)",
    "thresholds": "data variance",
    "distortion": "data variance",
    "free_energy": "data variance",
}


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    if args.out:
        from numerics.files import require_writable

        require_writable(args.out)
    encoded = read_encoded(
        args.posterior,
        widths=args.widths,
        x=args.x,
        recon=args.recon,
        header=not args.no_header,
        drop_columns=tuple(args.drop_columns),
    )
    found = diagnose_encoded(
        encoded,
        **_convention(args),
        active_above=args.active_above,
        rate_above=args.rate_above,
    )
    note(args, encoded.warnings, "warning")
    if args.json or args.out:
        document = dumps({"meta": meta(args, encoded.sha256), "units": _UNITS, **found.to_json()})
    if args.out:
        from numerics.files import write_text
        from verify.diagnosis_figure import save_diagnosis

        write_text(f"{args.out}/diagnosis.json", document + "\n")
        save_diagnosis(found, args.out)
    print(document if args.json else _text(found))
    return 0


def _convention(args: argparse.Namespace) -> dict[str, Any]:
    """The loss of the options, and of the archive what they leave open; another loss leaves nothing of it."""
    names = ("loss", "beta", "decoder_variance", "batch_size")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if "loss" not in given and len(args.posterior) == 1:
        given = read_convention(args.posterior[0]) | given
    if "loss" in given:
        refuse_unused_sizes(args, given["loss"])
    return given


def _text(found: Diagnosis) -> str:
    s = found.statistics
    order = s.ranking[:_ROWS].tolist()
    rows: list[list[Any]] = [
        [
            place,
            k,
            f"{s.signal_fraction[k]:.4f}",
            f"{s.posterior_scale[k]:.4g}",
            f"{s.jensen[k]:.4f}",
            f"{s.mean[k]:+z.4f}",
            f"{s.rate[k]:.4f}",
            found.verdicts[k],
        ]
        for place, k in enumerate(order, start=1)
    ]
    lines = [f"{len(found.encoded.mu)} rows, {len(found.verdicts)} latents (columns of mu, counted from 0)", ""]
    lines.append(table(rows, ["rank", "latent", "M²", "A²", "J", "mean", "KL (nat)", "verdict"]))
    if len(found.verdicts) > _ROWS:
        lines.append(f"… and {len(found.verdicts) - _ROWS} more latents of smaller M² (--json lists all)")
    rows = [
        [k, *(f"{getattr(s, name)[k]:.4f}" for name in ("signal_term", "scale_term", "jensen_term", "offset_term")),
         f"{found.collapse_factor[k]:.4g}" if found.carries_signal[k] else "-"]
        for k in order
    ]  # fmt: skip
    lines += ["", table(rows, ["latent", "signal", "+ scale", "+ width", "+ offset", "dies at β ×"])]
    named = [[k, *(f"{r:+.2f} {shortened(name)}" for name, r in found.explains(k).items())] for k in order]
    named = [row for row in named if len(row) > 1]
    if named:
        heads = ["explains most (r)", "second", "third"][: max(map(len, named)) - 1]
        lines += ["", table(named, ["latent", *heads])]
    said = [f"latent {k}: {remark}" for k in order for remark in found.remarks[k]]
    if len(said) > _REMARKS:
        said = [*said[:_REMARKS], f"… and {len(said) - _REMARKS} more remarks (--json lists all)"]
    lines.append("")
    for line in (*found.findings, *said):
        lines += textwrap.wrap(line, 78, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)
