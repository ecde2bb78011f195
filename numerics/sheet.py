"""What every reader returns: numbers with column names, not yet checked for missing values or scale.

===============  ==========================================  ==========  =======
symbol           meaning                                     shape       unit
===============  ==========================================  ==========  =======
``values``       cells as read, NaN where one is missing     (N, D)      data
``coordinates``  longitude and latitude of each row          (N, 2)      degree
===============  ==========================================  ==========  =======
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

__all__ = ["Choose", "Sheet", "chosen_indices", "column_names", "default_names", "real_matrix"]

Choose = Callable[[tuple[str, ...]], tuple[str, ...]]
"""From the names a source offers to those that are wanted, in the order wanted.

Readers call it before they touch a value, so that text in a column nobody asked for does no harm.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Numbers as a reader found them.

    Parameters
    ----------
    values : ndarray, shape (N, D)
        Float64 cells; NaN marks a missing one.
    columns : tuple of str
        Names of the D columns.
    coordinates : ndarray, shape (N, 2), optional
        Longitude and latitude in degrees.
    notes : tuple of str
        What the reader decided that the user may want to know.

    Raises
    ------
    ValueError
        If the shapes disagree (a bug in a reader, hence not an ``InputError``).
    """

    values: NDArray[np.float64]
    columns: tuple[str, ...]
    coordinates: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.columns):
            raise ValueError(f"{len(self.columns)} columns do not fit values of shape {self.values.shape}")
        if self.coordinates is not None and self.coordinates.shape != (len(self.values), 2):
            raise ValueError(f"coordinates of shape {self.coordinates.shape} do not fit {len(self.values)} rows")


def default_names(count: int, labels: Sequence[str], where: str) -> tuple[str, ...]:
    """Names for a source that has none: ``labels``, or ``x1 … xD``.

    Raises
    ------
    InputError
        If labels are given and their number is not ``count``.

    Examples
    --------
    >>> default_names(3, (), "array")
    ('x1', 'x2', 'x3')
    """
    if labels and len(labels) != count:
        raise InputError(f"{where}: labels must name all {count} columns, got {len(labels)} names; give one per column")
    return tuple(labels) or tuple(f"x{k + 1}" for k in range(count))


def column_names(count: int, own: Sequence[str], labels: Sequence[str], where: str) -> tuple[str, ...]:
    """Names that came with a source, or those of :func:`default_names` for one that has none.

    Raises
    ------
    InputError
        If labels are given to a source with names, or the names are not ``count``.

    Examples
    --------
    >>> column_names(2, (), ("a", "b"), "array"), column_names(2, ("u", "v"), (), "array")
    (('a', 'b'), ('u', 'v'))
    """
    if own and labels:
        raise InputError(f"{where}: labels are for sources without column names, but this one has them; omit them")
    if own and len(own) != count:
        raise InputError(f"{where}: must have one name per column, got {len(own)} names for {count} columns; mend them")
    return tuple(own) or default_names(count, labels, where)


def chosen_indices(names: tuple[str, ...], choose: Choose, where: str) -> list[int]:
    """Positions of the chosen columns among ``names``.

    Raises
    ------
    InputError
        If a name occurs twice: a choice by name would be ambiguous.
    """
    position = {name: k for k, name in enumerate(names)}
    if len(position) < len(names):
        twice = next(name for k, name in enumerate(names) if position[name] != k)
        first = names.index(twice)
        raise InputError(
            f"{where}: column names must differ, but columns {first + 1} and {position[twice] + 1} are both named "
            f"{twice!r}; rename one of them"
        )
    return [position[name] for name in choose(names)]


def real_matrix(array: NDArray[Any], where: str) -> NDArray[Any]:
    """The array itself if it is a two-dimensional array of real numbers with at least one cell.

    Parameters
    ----------
    array : ndarray
        Any array; a masked one comes back with NaN for its masked cells.
    where : str
        The file or argument that errors name.

    Returns
    -------
    ndarray, shape (N, D)
        Boolean, integer or floating, in the precision that came.

    Raises
    ------
    InputError
        For object, complex, structured, text or time arrays and for other than two dimensions.
    """
    if array.dtype.kind not in "fiub":
        kind = {"O": "Python objects", "c": "complex numbers", "V": "records", "U": "text", "S": "text"}
        found = kind.get(array.dtype.kind, f"dtype {array.dtype}")
        raise InputError(f"{where}: data must be real numbers, found {found}; convert the array to float64 first")
    if array.ndim != 2 or 0 in array.shape:
        hint = (
            "array.reshape(-1, 1) makes it one column" if array.ndim == 1 and array.size else "one observation per row"
        )
        raise InputError(
            f"{where}: data must be a two-dimensional array (rows, columns) with at least one of each, got shape "
            f"{array.shape}; {hint}"
        )
    if isinstance(array, np.ma.MaskedArray):
        return np.ma.filled(array.astype(np.float64), np.nan)
    return array
