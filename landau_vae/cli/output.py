"""What every verb prints alike: strict JSON with its metadata, tables in 80 columns, streams that never choke."""

from __future__ import annotations

import argparse
import codecs
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import monotonic
from typing import IO, Any

from .. import __version__

__all__ = [
    "SCHEMA",
    "coloured",
    "dumps",
    "limit_threads",
    "meta",
    "note",
    "prepare_streams",
    "progress_bar",
    "shortened",
    "table",
    "thread_count",
]

SCHEMA = 1
"""Version of the JSON layout; it grows when a key changes its meaning or goes."""

_ASCII = {
    "λ": "lambda", "β": "beta", "η": "eta", "σ": "sigma", "μ": "mu", "κ": "kappa", "γ": "gamma", "ε": "eps", "Σ": "Sum",
    "Λ": "Lambda", "²": "^2", "³": "^3", "½": "1/2", "−": "-", "–": "-", "×": "x", "·": "*", "≤": "<=", "≥": ">=",
    "≈": "~", "±": "+-", "→": "->", "⇒": "=>", "∞": "inf", "…": "...", "‖": "|", "√": "sqrt", "∂": "d", "Δ": "Delta",
    "ρ": "rho", "ö": "oe", "ä": "ae", "ü": "ue", "é": "e", "✓": "ok", "✗": "FAIL", "“": '"', "”": '"', "’": "'",
}  # fmt: skip


def _transliterate(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_ASCII.get(c, "?") for c in error.object[error.start : error.end]), error.end


def prepare_streams() -> None:
    """Let a terminal that cannot show λ get ``lambda`` instead of a traceback."""
    codecs.register_error("landau-vae", _transliterate)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="landau-vae")


def dumps(value: Mapping[str, Any]) -> str:
    """Strict JSON: NaN or infinity in it is a bug and raises."""
    return json.dumps(value, allow_nan=False, indent=2, ensure_ascii=True)


def meta(args: argparse.Namespace, data_sha256: str | None) -> dict[str, Any]:
    """What produced a result, so that it can be produced again."""
    import numpy as np
    from threadpoolctl import threadpool_info

    blas = [f"{lib['internal_api']} {lib.get('version') or ''}".strip() for lib in threadpool_info()
            if lib["user_api"] == "blas"]  # fmt: skip
    return {
        "version": __version__,
        "schema": SCHEMA,
        "command": " ".join(["landau-vae", *args.command_line]),
        "seed": getattr(args, "seed", None),
        "data_sha256": data_sha256,
        "numpy": np.__version__,
        "blas": ", ".join(sorted(set(blas))) or "unknown",
        "threads": thread_count(args),
    }


def thread_count(args: argparse.Namespace) -> int:
    """Worker threads asked for, or the cores of this machine."""
    from theory.errors import InputError

    threads: int | None = getattr(args, "threads", None)
    if threads is not None and threads < 1:
        raise InputError(f"--threads must be at least 1, got {threads}; leave it out to use all cores")
    return threads or os.cpu_count() or 1


def limit_threads(args: argparse.Namespace) -> AbstractContextManager[Any]:
    """Keep BLAS within ``--threads`` while the context is open; without that option leave it alone."""
    if getattr(args, "threads", None) is None:
        return nullcontext()
    import numpy as np  # noqa: F401  (its BLAS must be loaded before it can be limited)
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(thread_count(args))
    return limits


def table(rows: Iterable[Sequence[Any]], headers: Sequence[str]) -> str:
    """A plain table; numbers arrive as text, so that every column decides on its own digits."""
    from tabulate import tabulate

    return tabulate(list(rows), headers=headers, tablefmt="simple", disable_numparse=True, stralign="right")


def shortened(name: str, width: int = 16) -> str:
    """A name cut to a width, with an ellipsis where something is missing."""
    return name if len(name) <= width else name[: width - 1] + "…"


def note(args: argparse.Namespace, lines: Iterable[str], label: str = "note") -> None:
    """Remarks for people, on stderr so that stdout stays clean."""
    if not args.quiet:
        for line in lines:
            print(f"{label}: {line}", file=sys.stderr)


def coloured(text: str, good: bool, stream: IO[str]) -> str:
    """Text in bold blue (good) or orange (bad), which colour-blind readers tell apart; plain off a terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\033[1;{'38;5;33' if good else '38;5;208'}m{text}\033[0m"


_MINUTE = 60.0  # between two lines of progress where there is no terminal, seconds


@contextmanager
def progress_bar(args: argparse.Namespace, what: str) -> Iterator[Callable[[int, int], None]]:
    """Progress with the remaining time on stderr, as a function of (done, total); silent with ``--quiet``.

    A bar on a terminal; where stderr goes to a file, a line a minute.
    """
    from tqdm import tqdm

    if not args.quiet and not sys.stderr.isatty():
        yield _lines(what, tqdm.format_meter)
        return
    with tqdm(desc=what, disable=args.quiet, leave=False, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _lines(what: str, meter: Callable[..., str]) -> Callable[[int, int], None]:
    began = told = monotonic()

    def show(done: int, total: int) -> None:
        nonlocal told
        now = monotonic()
        if now - told >= _MINUTE:
            told = now
            print(meter(done, total, now - began, prefix=what, ncols=72), file=sys.stderr, flush=True)

    return show
