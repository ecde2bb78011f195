"""Parquet to numbers, whole or by row groups.

===========  ===========================================  ==========
symbol       meaning                                      shape
===========  ===========================================  ==========
``wanted``   names of the chosen columns                  (D,)
``values``   rows of some row groups                      (n, D)
===========  ===========================================  ==========
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from theory.errors import InputError, MissingExtraError

from .sheet import Choose, Sheet, chosen_indices, column_names

__all__ = ["parquet_blocks", "parquet_groups", "read_parquet"]


def read_parquet(path: Path, choose: Choose, labels: Sequence[str] = ()) -> Sheet:
    """The whole file; errors as in :func:`parquet_blocks`."""
    (sheet,) = parquet_blocks(path, choose, labels, rows=None)
    return sheet


def parquet_groups(path: Path) -> int:
    """How many row groups there are, the units in which a Parquet file is stored."""
    with _opened(path) as (_, file):
        return int(file.num_row_groups)


def parquet_blocks(
    path: Path,
    choose: Choose,
    labels: Sequence[str] = (),
    *,
    groups: Sequence[int] | None = None,
    rows: int | None = 2**16,
) -> Iterator[Sheet]:
    """Chosen columns of some row groups, in blocks.

    Parameters
    ----------
    path : Path
        The file.
    choose : callable
        From the names of all columns to those wanted.
    labels : sequence of str
        Must be empty: the file has names.
    groups : sequence of int, optional
        Row groups; all by default.
    rows : int, optional
        Most rows per block; None gives one block.

    Yields
    ------
    Sheet

    Raises
    ------
    InputError
        For a damaged file or a chosen column without numbers.
    MissingExtraError
        Without pyarrow.
    """
    with _opened(path) as (pa, file):
        schema = file.schema_arrow
        # pandas writes an index that is not 0, 1, 2, … as a column of this name; it is no measurement.
        index = {name for name in schema.names if re.fullmatch(r"__index_level_\d+__", name)}
        names = tuple(name for name in schema.names if name not in index)
        names = column_names(len(names), names, labels, str(path))
        wanted = tuple(names[k] for k in chosen_indices(names, choose, str(path)))
        for name in wanted:
            kind = schema.field(name).type
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
                raise InputError(
                    f"{path}: column {name!r} must hold numbers, found {kind}; drop it with --drop-columns {name!r}"
                )
        notes = (f"left out the stored index {', '.join(sorted(index))}",) if index else ()
        groups = range(file.num_row_groups) if groups is None else groups
        stored: Any
        if rows is None:
            stored = [file.read(columns=list(wanted))]
        else:
            stored = file.iter_batches(batch_size=rows, row_groups=list(groups), columns=list(wanted))
        for batch in stored:
            values = np.empty((batch.num_rows, len(wanted)))
            for k, name in enumerate(wanted):
                # safe=False: integers beyond 2⁵³ are rounded to the nearest double as everywhere else.
                values[:, k] = batch.column(name).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            yield Sheet(values, wanted, notes=notes)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The module pyarrow and the open file."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(f"reading {path}", "pyarrow", "parquet") from None
    try:
        with pq.ParquetFile(path) as file:
            yield pa, file
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not a complete Parquet file ({reason}); write or download it again") from error
