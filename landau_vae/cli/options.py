"""Every option of the command line, without importing what the verbs need (``--help`` must be instant)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from theory.errors import InputError

from .. import __version__

if TYPE_CHECKING:
    from numerics.tables import Table

__all__ = ["build_parser", "load_data", "temperature_values"]

_DATA_HELP = (
    "a shipped table (breast-cancer, wine, digits), a file (.csv, .tsv, also .gz; .npy, .npz, .parquet) or a folder "
    "with the 19 WorldClim layers"
)
# The models of theory.explain, which would import SymPy; a test keeps the two lists equal.
_MODELS = (
    "linear", "nonlinear-decoder", "nonlinear-mean", "flexible", "curve", "bernoulli", "poisson", "learned-variance",
    "conditional", "bottleneck", "relaxation-rates", "residual-stability", "sandwich", "transition-laws",
)  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """The parser of ``landau-vae``; each verb sets ``run``, a function of the parsed arguments."""
    parser = argparse.ArgumentParser(
        prog="landau-vae",
        description="Posterior collapse in β-VAEs: derive the theory, solve it exactly, verify it by training.",
        epilog="Exit status: 0 all checks hold, 1 a check failed, 2 bad input, 130 interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"landau-vae {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_verify(verbs)
    _add_cascade(verbs)
    _add_derive(verbs)
    _add_phase(verbs)
    _add_phase_diagram(verbs)
    _add_report(verbs)
    _add_cite(verbs)
    return parser


_Verbs = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _add(verbs: _Verbs, name: str, run: str, summary: str, more: str = "") -> argparse.ArgumentParser:  # type: ignore[valid-type]
    parser: argparse.ArgumentParser = verbs.add_parser(  # type: ignore[attr-defined]
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}. {more}", allow_abbrev=False
    )
    parser.set_defaults(run=_handler(run), verb=name)
    return parser


def _handler(name: str) -> Callable[[argparse.Namespace], int]:
    """The function ``run`` of a verb's module, imported when the verb is called."""

    def run(args: argparse.Namespace) -> int:
        import importlib

        status: int = importlib.import_module(f".{name}", __package__).run(args)
        return status

    return run


def _add_verify(verbs: _Verbs) -> None:  # type: ignore[valid-type]
    p = _add(
        verbs,
        "verify",
        "verify",
        "train VAEs over a range of temperatures and compare them with the exact theory",
        "Derivation, exact equilibrium and training are set side by side, claim by claim.",
    )
    _data_options(p)
    p.add_argument("--latents", type=int, metavar="K", help="latents per model (default: 8)")
    p.add_argument("--temperatures", type=int, metavar="N", help="temperatures in the sweep (default: 48)")
    p.add_argument(
        "--seeds", type=int, metavar="S", help="independent trainings per temperature (default: 3, sampled: 6)"
    )
    p.add_argument("--steps", type=int, metavar="M", help="Adam steps (default: chosen by the mode of training)")
    p.add_argument(
        "--sampled",
        action="store_true",
        help="minibatches and reparametrisation noise instead of the expected loss",
    )
    p.add_argument("--quick", action="store_true", help="fewer temperatures and seeds: a look, not a verdict to quote")
    _output_options(p)


def _add_cascade(verbs: _Verbs) -> None:  # type: ignore[valid-type]
    p = _add(verbs, "cascade", "cascade", "the exact collapse cascade of a data set, without training")
    _data_options(p)
    p.add_argument("--latents", type=int, metavar="K", help="latents of the VAE (default: as many as columns)")
    p.add_argument(
        "--at",
        nargs="+",
        default=[],
        metavar="T=…|t=…",
        help="temperatures (T = βη² in units of variance, t = T/V) at which to report the equilibrium",
    )
    p.add_argument("--keep", type=int, metavar="k", help="which temperatures keep exactly k modes?")
    p.add_argument("--tolerance", type=float, metavar="ε", help="which temperature reaches the relative distortion ε?")
    p.add_argument("--loadings", action="store_true", help="name the columns that weigh most in each mode")
    _output_options(p)


def _add_derive(verbs: _Verbs) -> None:  # type: ignore[valid-type]
    p = _add(
        verbs,
        "derive",
        "derive",
        "derive the theory step by step, every step checked",
        "With cumulants or data the verdict on the transition becomes a numeric one.",
    )
    p.add_argument("model", metavar="MODEL", help=f"one of {', '.join(_MODELS)}")
    p.add_argument("--order", type=int, default=4, metavar="n", help="order of the Landau series (default: 4)")
    p.add_argument(
        "--cumulants", metavar="κ3=…,κ4=…", help="numbers for the top mode, also kappa3=…; for curve: c1=…,c2=…"
    )
    form = p.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="print LaTeX")
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument(
        "--python", action="store_true", help="print the result as a Python function that needs only math"
    )
    _data_options(p, positional=False)


def _add_phase(verbs: _Verbs) -> None:  # type: ignore[valid-type]
    p = _add(
        verbs,
        "phase",
        "phase",
        "continuous or a jump? exact equilibria of free encoders and decoders, up and down in temperature",
    )
    _data_options(p)
    p.add_argument(
        "--class", dest="model_class", default="flexible", metavar="CLASS", help="model class (default: flexible)"
    )
    p.add_argument("--mode", type=int, default=1, metavar="k", help="project on PCA mode k (default: 1)")
    p.add_argument("--full", action="store_true", help="keep all columns instead of one mode")
    p.add_argument("--latents", type=int, default=1, metavar="K", help="1, or 2 for small sets (default: 1)")
    p.add_argument(
        "--points", type=int, default=256, metavar="N", help="quantise more distinct rows than this (default: 256)"
    )
    _output_options(p)


def _add_phase_diagram(verbs: _Verbs) -> None:  # type: ignore[valid-type]
    p = _add(
        verbs,
        "phase-diagram",
        "phase_diagram",
        "where the collapse is continuous and where it jumps: (curvature, T) or (κ3, κ4), every point solved",
    )
    p.add_argument("plane", choices=["curve", "flexible"], help="parabola, or free functions on three-point data")
    p.add_argument(
        "--points", type=int, metavar="N", help="points along an axis (default: 25 for curve, 9 for flexible)"
    )
    _output_options(p)


def _add_report(verbs: _Verbs) -> None:  # type: ignore[valid-type]
    p = _add(verbs, "report", "report", "show a saved verification again, without training")
    p.add_argument("directory", metavar="DIR", help="folder that `landau-vae verify --out DIR` wrote")
    _output_options(p, seed=False)


def _add_cite(verbs: _Verbs) -> None:  # type: ignore[valid-type]
    p = _add(verbs, "cite", "cite", "print BibTeX for landau-vae, or for the sources of a claim")
    p.add_argument(
        "claim", nargs="?", default="landau-vae", metavar="CLAIM", help="a claim, derivation or reference key"
    )


def _data_options(p: argparse.ArgumentParser, *, positional: bool = True) -> None:
    if positional:
        p.add_argument(
            "data", nargs="?", default="breast-cancer", metavar="DATA", help=f"{_DATA_HELP}; default: breast-cancer"
        )
    g = p.add_argument_group("data")
    if not positional:
        g.add_argument("--data", metavar="DATA", help=f"take the cumulants of the top mode of {_DATA_HELP}")
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


def _output_options(p: argparse.ArgumentParser, *, seed: bool = True) -> None:
    g = p.add_argument_group("output")
    g.add_argument("--json", action="store_true", help="strict JSON alone on stdout")
    g.add_argument("--out", metavar="DIR", help="also write report and figures (PNG and SVG) into this folder")
    g.add_argument("--quiet", action="store_true", help="no progress bars and no notes on stderr")
    if seed:
        g.add_argument("--seed", type=int, default=0, metavar="N", help="seed of everything random (default: 0)")
        g.add_argument("--threads", type=int, metavar="N", help="worker and BLAS threads (default: all cores)")


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
        columns=args.columns,
        drop_columns=tuple(args.drop_columns),
        log1p=tuple(args.log1p),
        weights=args.weights,
        coordinates=None if args.coordinates is None else tuple(args.coordinates),
        missing_value=args.missing_value,
        drop_missing=args.drop_missing,
        drop_constant=args.drop_constant,
        header=not args.no_header,
        area_weights=args.area_weights,
    )
    held_out: dict[str, Table] = {}
    if args.blocks is not None:
        from numerics.blocks import spatial_split

        if table.coordinates is None:
            raise InputError(
                f"--blocks needs the coordinates of the rows, and {table.source} has none; name them with "
                "--coordinates LON LAT"
            )
        split = spatial_split(table.coordinates, block_km=args.blocks, seed=getattr(args, "seed", 0))
        held_out = {"validation": table.take(split.validation), "test": table.take(split.test)}
        table = table.take(split.train)
    if not args.no_standardize:
        table.require_varying()
    return table, held_out


def temperature_values(texts: list[str], total_variance: float) -> list[float]:
    """Temperatures T from strings ``T=…`` or ``t=…``.

    Raises
    ------
    InputError
        If a string is neither, or its number is not positive and finite.
    """
    values = []
    for text in texts:
        name, _, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if name not in ("T", "t") or not 0 < value < float("inf"):
            raise InputError(
                f"--at takes T=NUMBER or t=NUMBER with a positive, finite number, got {text!r}; e.g. t=0.1"
            )
        values.append(value if name == "T" else value * total_variance)
    return values
