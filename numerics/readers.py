"""Files of numbers to sheets: one entry for delimited text, NumPy's own files and Parquet.

===========  ===========================================  ==========
symbol       meaning                                      shape
===========  ===========================================  ==========
``x``        the array of an NPZ file that holds the data (N, D0)
``columns``  its column names, text                       (D0,)
===========  ===========================================  ==========
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from theory.errors import InputError, did_you_mean

from .delimited import read_delimited
from .parquet import read_parquet
from .sheet import Choose, Sheet, chosen_indices, column_names, real_matrix
from .shipped import SHIPPED

__all__ = [
    "expanded",
    "kind_of",
    "located",
    "npz_matrix",
    "npz_names",
    "numpy_file",
    "read_array",
    "read_file",
    "reading",
]

_TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat")
_NUMPY = (".npy", ".npz")
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
    with reading(path):
        if kind_of(path) == "text":
            return read_delimited(path, choose, header=header, labels=labels)
        if kind_of(path) == "numpy":
            return _read_numpy(path, choose, labels)
        return read_parquet(path, choose, labels)


def located(source: str | Path) -> Path:
    """The path of a file or folder that is there.

    Raises
    ------
    InputError
        Saying what was most likely meant if nothing is there: a shipped table, or an address.
    """
    text = str(source)
    if not text.strip():
        raise InputError(f"the name of the data is empty; give a path or one of {', '.join(SHIPPED)}")
    if "://" in text:
        raise InputError(f"{text}: is an address, and nothing is downloaded; save the file and give its path")
    path = expanded(source)
    with reading(path):
        if not path.exists():
            meant, known = did_you_mean(text, SHIPPED), ", ".join(SHIPPED)
            raise InputError(
                f"{text}: no such file or folder, nor a shipped table{meant}; give a path or one of {known}"
            )
    return path


def expanded(source: str | Path) -> Path:
    """The path with the home directory for ``~``; as it is where nobody has that name."""
    try:
        return Path(source).expanduser()
    except RuntimeError:
        return Path(source)


def kind_of(path: Path) -> str:
    """``text``, ``numpy`` or ``parquet`` by the ending of the name; InputError for any other."""
    ending = path.name.lower().removesuffix(".gz")
    if ending.endswith(_TEXT):
        return "text"
    if ending.endswith(_NUMPY) and not path.name.lower().endswith(".gz"):
        return "numpy"
    if ending.endswith(_PARQUET):
        return "parquet"
    raise InputError(
        f"{path}: the ending {path.suffix!r} is not one that is read; give .csv, .tsv, .txt (or .gz of these), .npy, "
        ".npz, .parquet, or a folder of rasters"
    )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into an InputError that names the path."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); check the file and its permissions"
        ) from error


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
    try:
        matrix = real_matrix(np.asanyarray(source), where)
    except InputError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"{where}: rows must have equal lengths and hold real numbers ({error}); mend them") from error
    all_names = column_names(matrix.shape[1], names, labels, where)
    wanted = chosen_indices(all_names, choose, where)
    values = np.array(matrix[:, wanted], dtype=np.float64, order="C")
    return Sheet(values, tuple(all_names[k] for k in wanted))


@contextmanager
def numpy_file(path: Path, *, mapped: bool = False) -> Iterator[Any]:
    """What ``numpy.load`` finds in a file, an array or an open archive, without ever unpickling.

    Parameters
    ----------
    path : Path
        The file.
    mapped : bool
        Map an array into memory instead of reading it.

    Raises
    ------
    InputError
        For a file that cannot be read, is damaged or holds Python objects, also where that shows inside the block.
    """
    try:
        with reading(path), path.open("rb") as file:
            yield np.load(path, mmap_mode="r", allow_pickle=False) if mapped else np.load(file, allow_pickle=False)
    except InputError:
        raise
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if "pickle" in str(error).lower() or "Python objects" in str(error):
            _require_numpy(path)
            raise InputError(
                f"{path}: holds pickled Python objects, which are never loaded (a pickle can run code); save a plain "
                "float array with numpy.save"
            ) from error
        raise InputError(f"{path}: not a complete NumPy file ({error}); save it again with numpy.save") from error


def _require_numpy(path: Path) -> None:
    """NumPy takes for a pickle whatever is no file of its own; most often it is a file of another kind by that name."""
    with reading(path), path.open("rb") as file:
        start = file.read(2)
    # Of NPY, of ZIP, and of every pickle since protocol 2.
    if not start.startswith((b"\x93N", b"PK", b"\x80")):
        raise InputError(
            f"{path}: not a NumPy file, whatever its name says; save the array with numpy.save, or name a text table "
            "*.csv"
        )


def _read_numpy(path: Path, choose: Choose, labels: Sequence[str]) -> Sheet:
    with numpy_file(path) as loaded:
        if not isinstance(loaded, NpzFile):
            return read_array(loaded, choose, labels=labels, where=str(path))
        with loaded:
            key, names = npz_matrix(path, loaded, {name: loaded[name].shape for name in loaded.files})
            return read_array(loaded[key], choose, labels=labels, where=f"{path}[{key!r}]", names=names)


def npz_matrix(path: Path, arrays: NpzFile, shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, tuple[str, ...]]:
    """Which array of an archive holds the data, and the column names beside it.

    Raises
    ------
    InputError
        If no array is called ``x`` and not exactly one is two-dimensional, or if the names are no text.
    """
    matrices = ["x"] if "x" in shapes else [name for name, shape in shapes.items() if len(shape) == 2]
    if len(matrices) != 1:
        listing = ", ".join(f"{name} {shape}" for name, shape in list(shapes.items())[:8]) or "nothing"
        raise InputError(
            f"{path}: must hold one two-dimensional array or one named x, found {listing}; save the data under the "
            "name x"
        )
    key = matrices[0]
    return key, npz_names(path, arrays["columns"]) if "columns" in shapes and key != "columns" else ()


def npz_names(path: Path, names: NDArray[Any]) -> tuple[str, ...]:
    """The column names that an archive holds; InputError unless they are a one-dimensional array of text."""
    if names.ndim != 1 or names.dtype.kind != "U":
        raise InputError(
            f"{path}['columns']: must be a one-dimensional array of text, got {names.dtype} of shape {names.shape}; "
            "save the names with numpy.array(names)"
        )
    return tuple(map(str, names))
