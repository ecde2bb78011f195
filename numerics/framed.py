"""Data frames, Dask collections and xarray objects as they are: named columns over rows, in memory or in blocks.

===========  ==========================================================  ==========
symbol       meaning                                                     shape
===========  ==========================================================  ==========
``x``        rows: of a frame, of an array, of the cells of a dataset    (N, D0)
``names``    its column names; empty where the object has none           (D0,)
===========  ==========================================================  ==========

None of these libraries is imported here: an object tells by its class where it comes from, and whoever has the object
has the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

from .sheet import Choose, Sheet, chosen_indices, column_names, real_matrix

__all__ = ["block_values", "is_framed", "is_lazy", "lazy_blocks", "read_framed"]

_LIBRARIES = frozenset({"pandas", "dask", "xarray"})


def is_framed(source: object) -> bool:
    """Whether the object is a data frame, a Dask collection or an xarray object."""
    return _library(source) in _LIBRARIES and (_is_dataset(source) or hasattr(source, "shape"))


def is_lazy(source: object) -> bool:
    """Whether the object holds its rows as Dask blocks that are computed when they are asked for."""
    return is_framed(source) and getattr(source, "__dask_graph__", lambda: None)() is not None


def read_framed(source: Any, choose: Choose, *, labels: Sequence[str] = (), where: str = "array") -> Sheet:
    """The whole object in memory.

    Parameters
    ----------
    source : data frame, Dask array, xarray DataArray or Dataset
        A DataArray has rows along its first dimension and columns along its second, named by its coordinate if that is
        text. In a Dataset every variable is a column and every cell of the grid they share a row.
    choose : callable
        From the names of all columns to those wanted.
    labels : sequence of str
        Column names for an object that has none.
    where : str
        What errors name.

    Raises
    ------
    InputError
        If an array is not two-dimensional, the variables of a Dataset have different dimensions, or a chosen column
        holds no numbers.
    """
    matrix, names = _matrix(source, choose, labels, where)
    whole = matrix.compute() if hasattr(matrix, "__dask_graph__") else matrix
    return Sheet(block_values(whole, where), names)


def lazy_blocks(
    source: Any, choose: Choose, *, labels: Sequence[str] = (), where: str = "array"
) -> tuple[list[Any], tuple[str, ...]]:
    """Blocks of rows as ``dask.delayed`` objects, each the chosen columns of an array or a frame, and their names.

    Parameters and errors as in :func:`read_framed`; turn a computed block into numbers by :func:`block_values`.
    """
    matrix, names = _matrix(source, choose, labels, where)
    # A row must lie in one block.
    blocks = matrix.rechunk({1: -1}).to_delayed()[:, 0] if hasattr(matrix, "rechunk") else matrix.to_delayed()
    return list(blocks), names


def block_values(block: Any, where: str = "array") -> NDArray[np.float64]:
    """Numbers of an array or a frame in memory, shape (n, D); missing ones are NaN.

    Raises
    ------
    InputError
        If a column holds no real numbers.
    """
    if not hasattr(block, "to_numpy"):
        return real_matrix(np.asanyarray(block), where).astype(np.float64, copy=False)
    for name, kind in zip(block.columns, block.dtypes, strict=True):
        if getattr(kind, "kind", "O") not in "fiub":
            raise InputError(
                f"{where}: column {str(name)!r} must hold numbers, found {kind}; drop it with --drop-columns {name!r}"
            )
    # pandas' own missing value is no number.
    values: NDArray[np.float64] = block.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _matrix(source: Any, choose: Choose, labels: Sequence[str], where: str) -> tuple[Any, tuple[str, ...]]:
    """Chosen columns as a two-dimensional array or frame, still lazy if it was, and their names."""
    own: tuple[str, ...] = ()
    if _is_dataset(source):
        source, own = _dataset(source, where)
    elif _library(source) == "xarray":
        axis = source.coords.get(source.dims[-1]) if source.ndim else None
        if axis is not None and axis.dtype.kind in "UO":
            own = tuple(map(str, axis.values))
        source = source.data
    elif hasattr(source, "columns"):
        own = tuple(map(str, source.columns))
    if len(source.shape) != 2:
        raise InputError(
            f"{where}: data must have two dimensions, rows and columns, got {len(source.shape)}; stack the others into "
            "rows (xarray: .stack(row=[…]).transpose('row', …))"
        )
    names = column_names(source.shape[1], own, labels, where)
    wanted = chosen_indices(names, choose, where)
    if wanted != list(range(len(names))):
        source = source.iloc[:, wanted] if hasattr(source, "columns") else source[:, wanted]
    return source, tuple(names[k] for k in wanted)


def _dataset(source: Any, where: str) -> tuple[Any, tuple[str, ...]]:
    names = list(source.data_vars)
    dims = {name: source[name].dims for name in names}
    if len(set(map(frozenset, dims.values()))) != 1 or not dims[names[0]]:
        found = ", ".join(f"{name}{axes}" for name, axes in list(dims.items())[:8]) or "no variables"
        raise InputError(
            f"{where}: the variables of an xarray Dataset must share their dimensions (one row per cell), got {found}; "
            "select those that do"
        )
    flat = [source[name].transpose(*dims[names[0]]).data.reshape(-1) for name in names]
    if not any(hasattr(column, "__dask_graph__") for column in flat):
        return np.stack(flat, axis=1), tuple(map(str, names))
    import dask.array

    return dask.array.stack(flat, axis=1), tuple(map(str, names))


def _library(source: object) -> str:
    return type(source).__module__.partition(".")[0]


def _is_dataset(source: object) -> bool:
    return _library(source) == "xarray" and hasattr(source, "data_vars")
