"""Options that several verbs share, and what they mean."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from theory.errors import InputError

if TYPE_CHECKING:
    from numerics.tables import Table

__all__ = [
    "DATA_HELP", "data_options", "load_data", "output_options", "page_option", "refuse_unused_sizes", "source_options",
    "training_options",
]  # fmt: skip

DATA_HELP = (
    "a shipped table (breast-cancer, wine, digits), a file (.csv, .tsv, also .gz; .npy, .npz, .parquet) or a folder "
    "with the 19 WorldClim layers"
)


def data_options(p: argparse.ArgumentParser, *, positional: bool = True) -> None:
    if positional:
        p.add_argument(
            "data", nargs="?", default="breast-cancer", metavar="DATA", help=f"{DATA_HELP}; default: breast-cancer"
        )
    g = p.add_argument_group("data")
    if not positional:
        g.add_argument("--data", metavar="DATA", help=f"take the cumulants of the top mode of {DATA_HELP}")
    g.add_argument("--columns", nargs="+", metavar="NAME", help="use only these columns")
    g.add_argument("--drop-columns", nargs="+", default=[], metavar="NAME", help="leave these columns out")
    g.add_argument("--log1p", nargs="+", default=[], metavar="NAME", help="replace these columns x by ln(1 + x)")
    g.add_argument("--weights", metavar="NAME", help="column of row weights")
    g.add_argument("--coordinates", nargs=2, metavar=("LON", "LAT"), help="columns of longitude and latitude")
    g.add_argument("--missing-value", type=float, metavar="CODE", help="number that stands for a missing value")
    g.add_argument("--drop-missing", action="store_true", help="drop rows with missing values")
    g.add_argument("--drop-constant", action="store_true", help="drop columns that do not vary")
    g.add_argument("--no-header", action="store_true", help="the first line holds data, not names")
    g.add_argument(
        "--no-standardize", action="store_true", help="keep the units: do not divide by the standard deviation"
    )
    g.add_argument("--area-weights", action="store_true", help="weight raster cells by the cosine of their latitude")
    g.add_argument(
        "--blocks",
        type=float,
        nargs="?",
        const=500.0,
        metavar="KM",
        help="use the training part of a train/validation/test split by equal-area blocks of KM (default 500)",
    )


def output_options(p: argparse.ArgumentParser, *, seed: bool = True) -> None:
    g = p.add_argument_group("output")
    g.add_argument("--json", action="store_true", help="strict JSON alone on stdout")
    g.add_argument("--out", metavar="DIR", help="also write report and figures (PNG and SVG) into this folder")
    g.add_argument("--quiet", action="store_true", help="no progress bars and no notes on stderr")
    if seed:
        g.add_argument("--seed", type=int, default=0, metavar="N", help="seed of everything random (default: 0)")
        g.add_argument("--threads", type=int, metavar="N", help="worker and BLAS threads (default: all cores)")


def page_option(p: argparse.ArgumentParser) -> None:
    p.add_argument("--html", action="store_true", help="also write the report as one standalone page, DIR/report.html")


def training_options(p: argparse.ArgumentParser) -> None:
    g = p.add_argument_group("long training")
    g.add_argument("--checkpoint", metavar="DIR", help="keep the states of the training in this folder")
    g.add_argument("--resume", action="store_true", help="go on from the checkpoints, bit for bit")
    g.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="train on the workers of this Dask scheduler (tcp://host:8786); they must see DIR under the same path",
    )


def source_options(args: argparse.Namespace) -> dict[str, Any]:
    """What the data options say, as arguments of everything that reads a source: loaded whole or in parts."""
    return {
        "columns": args.columns,
        "drop_columns": tuple(args.drop_columns),
        "log1p": tuple(args.log1p),
        "weights": args.weights,
        "missing_value": args.missing_value,
        "drop_missing": args.drop_missing,
        "header": not args.no_header,
        "area_weights": args.area_weights,
    }


def load_data(args: argparse.Namespace) -> tuple[Table, dict[str, Table]]:
    """The table that the data options name, and its held-out parts.

    With ``--blocks`` the table is the training part, and ``validation`` and ``test`` are held out; without, nothing is.
    """
    from numerics.tables import load_table

    if getattr(args, "out", None):
        from numerics.files import require_writable

        require_writable(args.out)
    table = load_table(
        args.data,
        coordinates=None if args.coordinates is None else tuple(args.coordinates),
        drop_constant=args.drop_constant,
        **source_options(args),
    )
    held_out: dict[str, Table] = {}
    if args.blocks is not None:
        from numerics.blocks import spatial_split

        if table.coordinates is None:
            raise InputError(
                f"--blocks needs the coordinates of the rows, and {table.name} has none; name them with "
                "--coordinates LON LAT"
            )
        split = spatial_split(table.coordinates, block_km=args.blocks, seed=getattr(args, "seed", 0))
        held_out = {"validation": table.take(split.validation), "test": table.take(split.test)}
        table = table.take(split.train)
    if not args.no_standardize:
        table.require_varying()
    return table, held_out


def refuse_unused_sizes(args: argparse.Namespace, loss: str) -> None:
    """Check that ``--batch-size`` and ``--decoder-variance`` stand with a loss that they belong to.

    Raises
    ------
    InputError
        Naming the loss that uses the option.
    """
    from numerics.conventions import loss_convention

    sizes = loss_convention(loss).sizes
    for option, size, losses in (
        ("batch_size", "batch", "mse-sum-kl"),
        ("decoder_variance", "decoder_variance", "elbo"),
    ):
        if getattr(args, option) is not None and size not in sizes:
            flag = "--" + option.replace("_", "-")
            raise InputError(f"{flag} must stand with loss {losses!r}, which alone uses it, got loss {loss!r}; omit it")
