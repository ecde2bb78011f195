"""``landau-vae claims``: every claim of the field beside its evidence, with the verdict that follows."""

from __future__ import annotations

import argparse
from pathlib import Path

from theory.errors import InputError, did_you_mean
from verify.experiments import EXPERIMENTS, ExperimentResult, Running, load_result, run_experiment
from verify.ledger import CLAIMS, Judged, Results, differences, judge, to_markdown

from .output import coloured, dumps, meta, progress_bar, table, thread_count


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 1 if a claim is refuted where it should hold, or a page is not current."""
    known = {claim.id: claim for claim in CLAIMS}
    unknown = [name for name in args.claim if name not in known]
    if unknown:
        near = did_you_mean(unknown[0], known)
        raise InputError(f"unknown claim {unknown[0]!r}{near}; choose one of {', '.join(known)}")
    page = None if args.check is None else _read(args.check)
    claims = [known[name] for name in args.claim] or list(CLAIMS)
    needed = {name for claim in claims for name in claim.experiments}
    judged = judge(claims, Results([_result(args, name) for name in EXPERIMENTS if name in needed]))
    status = 1 if any(j.kind == "fails" for j in judged) else 0
    if args.json:
        print(dumps({"meta": meta(args, None), "claims": [j.to_json() for j in judged]}))
    elif args.markdown:
        print(to_markdown(judged), end="")
    elif page is not None:
        wrong = differences(page, to_markdown(judged))
        print("\n".join(wrong) if wrong else f"{args.check} is current: {len(judged)} claims")
        status = 1 if wrong else status
    else:
        print(_text(judged, details=bool(args.claim)))
    return status


def _result(args: argparse.Namespace, name: str) -> ExperimentResult:
    if args.results:
        return load_result(name, args.results)
    with progress_bar(args, name) as progress:
        running = Running(workers=thread_count(args), progress=progress)
        return run_experiment(name, "quick" if args.quick else "full", seed=args.seed, running=running)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise InputError(f"--check cannot read {path}: {reason}; give the page that --markdown wrote") from error


def _text(judged: tuple[Judged, ...], *, details: bool) -> str:
    import sys

    lines = []
    for j in judged:
        good = j.kind not in ("fails", "undecided")
        lines += [f"{j.claim.id}: {j.claim.statement}", f"    {coloured(j.verdict, good, sys.stdout)}"]
        if details:
            rows = [
                [e.role, e.quantity, f"{e.relation} {e.predicted:.4g}", *map(_number, (e.exact, e.measured, e.stderr)),
                 e.where]
                for e in j.evidence
            ]  # fmt: skip
            lines += ["", table(rows, ["case", "quantity", "claim says", "exact", "measured", "±", "where"]), ""]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
