"""``landau-vae explore``: a page for the browser in which a data set goes through its cascade under a slider."""

from __future__ import annotations

import argparse
from pathlib import Path

from numerics.files import require_writable, write_text
from theory.errors import InputError

from ..explorer import explorer_page
from .options import load_data
from .output import dumps, limit_threads, meta, note


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    path = Path(args.file)
    if path.is_dir() or path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out must be a file that ends in .html, got {args.file!r}; try --out explorer.html")
    require_writable(path.parent)
    data, _ = load_data(args)
    note(args, data.notes)
    facts = meta(args, data.sha256)
    with limit_threads(args):
        page = explorer_page(
            data, latents=args.latents, standardize=not args.no_standardize, seed=args.seed, meta=facts
        )
    write_text(path, page)
    if args.json:
        rows, columns = data.values.shape
        print(dumps({"meta": facts, "file": str(path), "bytes": len(page.encode()), "rows": rows, "columns": columns}))
    else:
        print(f"{path}: open it in a browser; it needs no network.")
    return 0
