"""``landau-vae experiment``: run an experiment, show what it found, keep it with its figures."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import Executor
from pathlib import Path

from verify.experiments import EXPERIMENTS, ExperimentResult, Running, draw, run_experiment, save_result, takes_data

from .output import dumps, meta, note, progress_bar, table, thread_count
from .streaming import require_checkpoint, training_executor


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    require_checkpoint(args, "DIR")
    names = tuple(EXPERIMENTS) if args.name == "all" else (args.name,)
    if args.out:
        from numerics.files import require_writable

        require_writable(args.out)
    results = []
    with training_executor(args) as executor:
        for name in names:
            results.append(_one(args, name, executor))
            if not args.json:
                print(_text(results[-1]), flush=True)
    if args.json:
        print(dumps({"meta": meta(args, None), "experiments": [result.to_json() for result in results]}))
    return 0


def _one(args: argparse.Namespace, name: str, executor: Executor | None) -> ExperimentResult:
    # All of them: the table is for those that take one.
    data = args.data if args.name != "all" or takes_data(name) else None

    def announce(size: int) -> None:
        note(args, [f"{name} will take about {size / 1e6:.0f} MB beside Python and its libraries"])

    with progress_bar(args, name) as progress:
        running = Running(
            workers=thread_count(args),
            progress=progress,
            executor=executor,
            checkpoint=Path(args.checkpoint) / name if args.checkpoint else None,
            resume=args.resume,
            announce=announce,
        )
        preset = "quick" if args.quick else args.preset or "full"
        result = run_experiment(name, preset, data=data, seed=args.seed, running=running)
    if args.out:
        path = save_result(result, args.out)
        figures = draw(result, args.out)
        note(args, [f"wrote {path} and {len(figures)} figures"])
        sys.stderr.flush()
    return result


def _text(result: ExperimentResult) -> str:
    rows = [
        [name, _number(f.predicted), _number(f.exact), _number(f.measured), _number(f.stderr), f.where]
        for name, f in result.findings.items()
    ]
    head = f"{result.name} ({result.preset}, seed {result.seed}, {result.seconds:.1f} s): {EXPERIMENTS[result.name]}"
    return f"{head}\n\n{table(rows, ['finding', 'predicted', 'exact', 'measured', '±', 'where'])}\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
