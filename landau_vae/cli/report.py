"""``landau-vae report``: a saved verification shown again, without training."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from numerics.files import write_text
from theory.errors import InputError
from verify.compare import Report
from verify.results import load_report, save_report

from .output import coloured, dumps, meta


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0 if every check of the saved report holds, else 1."""
    require_folder_for_page(args)
    return deliver(args, load_report(args.directory), None)


def require_folder_for_page(args: argparse.Namespace) -> None:
    """Refuse ``--html`` without a folder before the work, not after it."""
    if args.html and not args.out:
        raise InputError("--html needs a folder for report.html, got no --out; add --out DIR")


def deliver(args: argparse.Namespace, report: Report, data_sha256: str | None) -> int:
    """Print a report, write it where ``--out`` says, and return the exit status it deserves.

    A fresh report gets its ``meta`` from this run; one that was loaded keeps what made it.
    """
    if data_sha256 is not None:
        report = report.with_meta(meta(args, data_sha256))
    if args.out:
        from verify.figures import save_figures

        save_report(report, args.out)
        figures = save_figures(report, args.out)
        if args.html:
            from ..explorer.report_page import report_page

            drawn = {path.stem: path.read_bytes() for path in figures if path.suffix == ".svg"}
            write_text(Path(args.out) / "report.html", report_page(report, drawn))
    if args.json:
        print(dumps(report.to_json()))
    else:
        print(report.to_text())
        verdict = "all checks hold" if report.passed else "SOME CHECKS FAILED"
        print(coloured(f"Verdict: {verdict}", report.passed, sys.stdout))
        if args.out:
            print(f"Report and figures: {Path(args.out)}")
    return 0 if report.passed else 1
