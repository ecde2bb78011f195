"""``landau-vae verify``, the main job: derivation, exact equilibrium and training side by side."""

from __future__ import annotations

import argparse

from verify.compare import verify_cascade

from .options import load_data
from .output import limit_threads, note, progress_bar, thread_count
from .report import deliver, require_folder_for_page
from .streaming import require_checkpoint, training_executor


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0 if every check holds, else 1."""
    require_folder_for_page(args)
    require_checkpoint(args, "DIR")
    data, _ = load_data(args)
    note(args, data.notes)
    with limit_threads(args), progress_bar(args, "training") as progress, training_executor(args) as executor:
        report = verify_cascade(
            data,
            latents=args.latents,
            temperatures=args.temperatures,
            seeds=args.seeds,
            steps=args.steps,
            mode="sampled" if args.sampled else "exact",
            seed=args.seed,
            standardize=not args.no_standardize,
            quick=args.quick,
            workers=thread_count(args),
            executor=executor,
            checkpoint=args.checkpoint,
            resume=args.resume,
            progress=progress,
        )
    return deliver(args, report, data.sha256)
