"""Options for data larger than memory, or larger than a machine."""

from __future__ import annotations

import argparse

__all__ = ["streaming_options"]


def streaming_options(p: argparse.ArgumentParser) -> None:
    """Add the options; any of them has the data read in one pass, in memory that does not grow with their rows."""
    g = p.add_argument_group("data larger than memory", "any of these reads the data in one pass, part by part")
    g.add_argument(
        "--stream",
        action="store_true",
        help="do not load the data: DATA may also be a folder of files or a quoted pattern such as 'data/*.parquet'",
    )
    g.add_argument(
        "--scheduler", metavar="ADDRESS", help="let the workers of this Dask scheduler read (tcp://host:8786)"
    )
    g.add_argument("--checkpoint", metavar="FILE", help="keep what is merged in this file (.npz)")
    g.add_argument("--resume", action="store_true", help="continue from the checkpoint if there is one")
