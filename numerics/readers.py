"""Files of numbers to sheets: one entry for delimited text, NumPy's own files and Parquet.

===========  ===========================================  ==========
symbol       meaning                                      shape
===========  ===========================================  ==========
``x``        the array of an NPZ file that holds the data (N, D0)
``columns``  its column names, text                       (D0,)
===========  ===========================================  ==========
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from theory.errors import InputError, MissingExtraError

from .delimited import read_delimited
from .sheet import Choose, Sheet, chosen_indices, default_names, real_matrix

__all__ = ["npz_names", "numpy_file", "read_array", "read_file"]

_TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat")
_PARQUET = (".parquet", ".pq")


def read_file(path: Path, choose: Choose, *, header: bool = True, labels: Sequence[str] = ()) -> Sheet:
    """Read a file by the ending of its name.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.tsv``, ``.tab``, ``.txt``, ``.dat`` (each also ``.gz``), ``.npy``, ``.npz``, ``.parquet``, ``.pq``.
    choose : callable
        From the names of all columns to those wanted.
    header : bool
        For text: take a first line that is not all numbers as names.
    labels : sequence of str, optional
        Column names for a source that has none.

    Raises
    ------
    InputError
        For an unknown ending, an unreadable file, or content that is not a real matrix. Pickles are never loaded.
    MissingExtraError
        For Parquet without pyarrow.
    """
    ending = path.name.lower().removesuffix(".gz")
    try:
        if ending.endswith(_TEXT):
            return read_delimited(path, choose, header=header, labels=labels)
        if ending.endswith((".npy", ".npz")) and not path.name.lower().endswith(".gz"):
            return _read_numpy(path, choose, labels)
        if ending.endswith(_PARQUET):
            return _read_parquet(path, choose, labels)
    except OSError as error:
        raise _unreadable(path, error) from error
    raise InputError(
        f"{path}: the ending {path.suffix!r} is not one that is read; give .csv, .tsv, .txt (or .gz of these), .npy, "
        ".npz, .parquet, or a folder of rasters"
    )


def read_array(
    source: object, choose: Choose, *, labels: Sequence[str] = (), where: str = "array", names: Sequence[str] = ()
) -> Sheet:
    """Sheet of an array in memory.

    Parameters
    ----------
    source : array_like, shape (N, D)
        Real numbers; copied.
    choose : callable
        From the names of all columns to those wanted.
    labels : sequence of str, optional
        Column names; ``x1 … xD`` by default.
    where : str
        What errors name.
    names : sequence of str, optional
        Names that came with the source; labels are then refused.

    Raises
    ------
    InputError
        If it is not a two-dimensional array of real numbers, or the names do not fit.
    """
    if names and labels:
        raise InputError(f"{where}: labels are for sources without column names, but this one has them; omit them")
    try:
        matrix = real_matrix(np.asanyarray(source), where)
    except InputError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"{where}: rows must have equal lengths and hold real numbers ({error}); mend them") from error
    all_names = default_names(matrix.shape[1], names or labels, where)
    wanted = chosen_indices(all_names, choose, where)
    values = np.array(matrix[:, wanted], dtype=np.float64, order="C")
    return Sheet(values, tuple(all_names[k] for k in wanted))


@contextmanager
def numpy_file(path: Path) -> Iterator[Any]:
    """What ``numpy.load`` finds in a file, an array or an open archive, without ever unpickling.

    Raises
    ------
    InputError
        For a file that cannot be read, is damaged or holds Python objects, also where that shows inside the block.
    """
    try:
        with path.open("rb") as file:
            yield np.load(file, allow_pickle=False)
    except InputError:
        raise
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        if "pickle" in str(error).lower():
            raise InputError(
                f"{path}: holds pickled Python objects, which are never loaded (a pickle can run code); save a plain "
                "float array with numpy.save"
            ) from error
        raise InputError(f"{path}: not a complete NumPy file ({error}); save it again with numpy.save") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be read ({error.strerror or error}); check the file and its permissions")


def _read_numpy(path: Path, choose: Choose, labels: Sequence[str]) -> Sheet:
    with numpy_file(path) as loaded:
        if not isinstance(loaded, NpzFile):
            return read_array(loaded, choose, labels=labels, where=str(path))
        with loaded:
            key = "x" if "x" in loaded else _only_matrix(path, loaded)
            names = npz_names(path, loaded["columns"]) if "columns" in loaded and key != "columns" else ()
            return read_array(loaded[key], choose, labels=labels, where=f"{path}[{key!r}]", names=names)


def _only_matrix(path: Path, arrays: NpzFile) -> str:
    shapes = {key: arrays[key].shape for key in arrays.files}
    matrices = [key for key, shape in shapes.items() if len(shape) == 2]
    if len(matrices) == 1:
        return matrices[0]
    listing = ", ".join(f"{key} {shape}" for key, shape in list(shapes.items())[:8]) or "nothing"
    raise InputError(
        f"{path}: must hold one two-dimensional array or one named x, found {listing}; save the data under the name x"
    )


def npz_names(path: Path, names: NDArray[Any]) -> tuple[str, ...]:
    """The column names that an archive holds; InputError unless they are a one-dimensional array of text."""
    if names.ndim != 1 or names.dtype.kind != "U":
        raise InputError(
            f"{path}['columns']: must be a one-dimensional array of text, got {names.dtype} of shape {names.shape}; "
            "save the names with numpy.array(names)"
        )
    return tuple(map(str, names))


def _read_parquet(path: Path, choose: Choose, labels: Sequence[str]) -> Sheet:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(f"reading {path}", "pyarrow", "parquet") from None
    if labels:
        raise InputError(f"{path}: labels are for sources without column names, but Parquet has them; omit them")
    try:
        schema = pq.read_schema(path)
        # pandas writes an index that is not 0, 1, 2, … as a column of this name; it is no measurement.
        index = {name for name in schema.names if re.fullmatch(r"__index_level_\d+__", name)}
        names = tuple(name for name in schema.names if name not in index)
        wanted = [names[k] for k in chosen_indices(names, choose, str(path))]
        for name in wanted:
            kind = schema.field(name).type
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
                raise InputError(
                    f"{path}: column {name!r} must hold numbers, found {kind}; drop it with --drop-columns {name!r}"
                )
        with pq.ParquetFile(path) as file:
            stored = file.read(columns=wanted)
        values = np.empty((stored.num_rows, len(wanted)))
        for k, name in enumerate(wanted):
            # safe=False: integers beyond 2⁵³ are rounded to the nearest double as everywhere else.
            values[:, k] = stored.column(name).cast(pa.float64(), safe=False).to_numpy()
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not a complete Parquet file ({reason}); write or download it again") from error
    notes = (f"left out the stored index {', '.join(sorted(index))}",) if index else ()
    return Sheet(values, tuple(wanted), notes=notes)
