"""Data read in one pass, and training on other machines, for the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from numerics.files import require_writable
from numerics.fisher import loss_spectrum
from numerics.higher_moments import ModeCumulants
from numerics.moments import Moments
from numerics.spectrum import Spectrum
from numerics.streaming import accumulate, accumulate_cumulants
from theory.errors import InputError

from .options import source_options

__all__ = ["Streamed", "require_checkpoint", "stream_spectrum", "streams", "training_executor"]

# Modes whose order is told.
_MODES = 3
# Options that look at single rows, or at columns before there is a table.
_NEED_ROWS = {
    "bootstrap": "draws rows again",
    "blocks": "splits the rows",
    "coordinates": "places the rows",
}


@dataclass(frozen=True, slots=True)
class Streamed:
    """What is known of data that were never loaded: no rows, hence no hash, but they can be read once more."""

    name: str
    notes: tuple[str, ...]
    moments: Moments
    cumulants: Callable[[Spectrum], ModeCumulants]
    sha256: None = None


def require_checkpoint(args: argparse.Namespace, kind: str) -> None:
    """Check that there is something to resume from, and that a folder of checkpoints can be written.

    Raises
    ------
    InputError
        For ``--resume`` without a checkpoint, or a place that cannot be written.
    """
    if args.resume and args.checkpoint is None:
        raise InputError(f"--resume continues from a checkpoint, and none is named; add --checkpoint {kind}")
    if args.checkpoint is not None and kind == "DIR":
        require_writable(args.checkpoint)


def streams(args: argparse.Namespace) -> bool:
    """Whether the data are to be read in one pass.

    Raises
    ------
    InputError
        For ``--resume`` without a checkpoint.
    """
    require_checkpoint(args, "FILE")
    return bool(args.stream or args.scheduler or args.checkpoint)


def stream_spectrum(args: argparse.Namespace, loss: str, *, axes: bool) -> tuple[Streamed, Spectrum]:
    """Name and spectrum of the data that the options name.

    Raises
    ------
    InputError
        For options that need rows in memory, and as :func:`numerics.streaming.accumulate`.
    """
    for option, why in _NEED_ROWS.items():
        if getattr(args, option) not in (None, False):
            raise InputError(
                f"--{option.replace('_', '-')} {why} and cannot stand with --stream, --scheduler or --checkpoint; "
                "leave one of them out"
            )
    if args.out:
        require_writable(args.out)
    options = {**source_options(args), "scheduler": args.scheduler, "resume": args.resume}
    moments = accumulate(args.data, loss=loss, checkpoint=args.checkpoint, **options)
    notes = [f"streamed {moments.n} rows"]
    if args.drop_constant:
        moments, gone = _varying(moments)
        notes += [f"dropped {len(gone)} constant columns: {', '.join(gone)}"] if gone else []
        options["drop_columns"] += tuple(gone)
        options["log1p"] = tuple(name for name in options["log1p"] if name not in gone)

    def cumulants(spectrum: Spectrum) -> ModeCumulants:
        second = None if args.checkpoint is None else f"{args.checkpoint.removesuffix('.npz')}-cumulants.npz"
        modes = min(_MODES, spectrum.rank)
        return accumulate_cumulants(args.data, spectrum, modes=modes, checkpoint=second, **options)

    spectrum = loss_spectrum(moments, loss, standardize=not args.no_standardize, axes=axes)
    return Streamed(Path(args.data).name or args.data, tuple(notes), moments, cumulants), spectrum


@contextmanager
def training_executor(args: argparse.Namespace) -> Iterator[Executor | None]:
    """The workers that ``--scheduler`` names as an executor, or None to train here."""
    if args.scheduler is None:
        yield None
        return
    from numerics.distributed import connect

    with connect(args.scheduler) as cluster, cluster.executor() as executor:
        yield executor


def _varying(moments: Moments) -> tuple[Moments, list[str]]:
    """Moments of the columns that vary up to rounding, and the names of the others."""
    kept = np.flatnonzero(~moments.constant)
    if not kept.size:
        raise InputError("every column is constant, dropping them leaves none; give data that vary")
    gone = [name for k, name in enumerate(moments.columns) if k not in kept]
    rest = None if moments.mean_rest is None else moments.mean_rest[kept]
    columns = tuple(moments.columns[k] for k in kept)
    scatter = moments.scatter[np.ix_(kept, kept)]
    return replace(moments, mean=moments.mean[kept], scatter=scatter, columns=columns, mean_rest=rest), gone
