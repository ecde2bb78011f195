"""From a file, a folder of rasters, an array or a shipped name to a named, checked table: where the main road starts.

===============  =========================================================  ==========  =======
symbol           meaning                                                    shape       unit
===============  =========================================================  ==========  =======
``x``            values, one observation per row                            (N, D)      data
``w``            row weights, not all zero                                  (N,)        1
``coordinates``  longitude, latitude                                        (N, 2)      degree
===============  =========================================================  ==========  =======
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from .checked import checked_weights, constant, listing, require_degrees, require_finite, require_squares
from .framed import is_framed, read_framed
from .rasters import read_worldclim
from .readers import located, read_array, read_file
from .recipe import Recipe
from .sheet import Sheet
from .shipped import SHIPPED, read_shipped

__all__ = ["Table", "load_table"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A data set that can be trusted: finite, named, hashed.

    Parameters
    ----------
    values : ndarray, shape (N, D)
        Real finite numbers, N ≥ 2, D ≥ 1; kept as C-contiguous float64 that cannot be written to. An array that already
        is float64 and C-contiguous is not copied, so do not change it afterwards.
    columns : tuple of str
        D different names.
    name : str
        Short name, for reports.
    weights : ndarray, shape (N,), optional
        Finite, non-negative, at least two of them positive.
    coordinates : ndarray, shape (N, 2), optional
        Longitude (−180 to 360) and latitude (−90 to 90) of each row, in degrees.
    source : str
        Where the values come from: a path, or a citation for a shipped table.
    licence : str
        Licence of the data; empty if not known.
    notes : tuple of str
        What was done to the data on the way.

    Attributes
    ----------
    sha256 : str
        SHA-256 of shape, values and weights (little-endian), in hexadecimal: equal for equal numbers whatever file they
        came from.

    Raises
    ------
    InputError
        If any of this is violated, or if squares of the values overflow or vanish.

    Examples
    --------
    >>> table = Table(np.array([[1.0, 2.0], [3.0, 5.0]]), ("a", "b"), "pair")
    >>> table.shape, table.sha256 == load_table([[1, 2], [3, 5]]).sha256
    ((2, 2), True)
    """

    values: Array
    columns: tuple[str, ...]
    name: str
    weights: Array | None = None
    coordinates: Array | None = None
    source: str = ""
    licence: str = ""
    notes: tuple[str, ...] = ()
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        where = self.source or self.name
        values = _frozen(self.values)
        if values.ndim != 2 or values.shape[1] != len(self.columns) or not self.columns:
            raise InputError(
                f"{where}: values must have one column per name, got shape {values.shape} for {len(self.columns)} "
                "names; give at least one column and all names"
            )
        if len(set(self.columns)) < len(self.columns):
            raise InputError(f"{where}: column names must differ, got {', '.join(self.columns)}; rename the equal ones")
        if len(values) < 2:
            raise InputError(
                f"{where}: must have at least 2 rows, got {len(values)}; one row has no variance, give more"
            )
        require_finite(values, self.columns, where)
        require_squares(values, self.columns, where)
        weights = None if self.weights is None else checked_weights(self.weights, len(values), where)
        coordinates = None if self.coordinates is None else _frozen(self.coordinates)
        if coordinates is not None:
            require_degrees(coordinates, len(values), where)
        for attribute, value in (("values", values), ("weights", weights), ("coordinates", coordinates)):
            object.__setattr__(self, attribute, value)
        object.__setattr__(self, "sha256", _digest(values, weights))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows N and columns D."""
        return self.values.shape[0], self.values.shape[1]

    def constant_columns(self) -> tuple[str, ...]:
        """Names of the columns that do not vary (up to rounding) over rows of positive weight."""
        flat = constant(self.values, self.weights)
        return tuple(name for name, is_flat in zip(self.columns, flat, strict=True) if is_flat)

    def require_varying(self) -> None:
        """Check that every column can be standardised.

        Raises
        ------
        InputError
            Naming the constant columns.
        """
        if flat := self.constant_columns():
            raise InputError(
                f"{self.source or self.name}: data to standardise must vary in every column, but {listing(flat)} "
                f"{'is' if len(flat) == 1 else 'are'} constant; drop with --drop-constant or keep the units with "
                "--no-standardize"
            )

    def take(self, rows: NDArray[np.integer]) -> Table:
        """Table of some of the rows, for example one part of a :class:`~numerics.blocks.Split`.

        Parameters
        ----------
        rows : ndarray of int
            Row indices, in the order wanted.
        """
        weights = None if self.weights is None else self.weights[rows]
        coordinates = None if self.coordinates is None else self.coordinates[rows]
        note = f"{len(rows)} of {len(self.values)} rows"
        return Table(
            self.values[rows], self.columns, self.name, weights, coordinates, self.source, self.licence,
            (*self.notes, note),
        )  # fmt: skip


def load_table(
    source: str | Path | ArrayLike,
    *,
    columns: Sequence[str] | None = None,
    drop_columns: Sequence[str] = (),
    log1p: Sequence[str] = (),
    weights: str | ArrayLike | None = None,
    coordinates: tuple[str, str] | None = None,
    missing_value: float | None = None,
    drop_missing: bool = False,
    drop_constant: bool = False,
    header: bool = True,
    area_weights: bool = False,
    labels: Sequence[str] = (),
) -> Table:
    """Load a table and check it.

    Parameters
    ----------
    source : str, Path or array_like of shape (N, D)
        Name of a shipped table (``"breast-cancer"``, ``"wine"``, ``"digits"``), path of a file (delimited text, NPY,
        NPZ, Parquet) or of a folder with the 19 WorldClim layers, or an array. A file that is called like a shipped
        table is meant by ``./wine``. Data frames (pandas, Dask), Dask arrays and xarray objects are read into memory;
        :func:`~numerics.streaming.accumulate` takes them block by block.
    columns : sequence of str, optional
        Columns to use, in this order; all by default, except a weights column.
    drop_columns : sequence of str
        Columns to leave out, such as identifiers.
    log1p : sequence of str
        Columns x to replace by ``ln(1 + x)``.
    weights : str or array_like of shape (N,), optional
        Row weights: the name of a column, or numbers.
    coordinates : (str, str), optional
        Names of the columns that hold longitude and latitude in degrees; they are no features unless ``columns`` names
        them. Rasters bring their own.
    missing_value : float, optional
        A number that stands for "missing", such as −9999; a cell that holds it as a float32 is recognised.
    drop_missing : bool
        Drop rows with a missing or infinite cell instead of refusing them.
    drop_constant : bool
        Drop constant columns. A shipped table drops its own (three blank pixels of the digits) unasked.
    header : bool
        For text: take a first line that is not all numbers as names. False: the first line is data.
    area_weights : bool
        Weight each raster cell by its area, cos(latitude).
    labels : sequence of str
        Column names for a source that has none (arrays, NPY, text without header).

    Returns
    -------
    Table
        Whether its columns vary is left to :meth:`Table.require_varying`: only standardising needs it.

    Raises
    ------
    InputError
        For anything that cannot be used; one line with the file or argument, what was found, and the remedy.
    MissingExtraError
        For Parquet or GeoTIFF without their extras.

    Examples
    --------
    >>> table = load_table("digits")
    >>> table.shape, table.notes
    ((1797, 61), ('dropped 3 constant columns: pixel_0_0, pixel_4_0, pixel_4_7',))
    >>> load_table([[1, 2], [3, 4]], labels=["u", "v"], log1p=["v"]).columns
    ('u', 'v')
    """
    recipe = Recipe(
        columns=columns, drop_columns=drop_columns, log1p=log1p, weights=weights if isinstance(weights, str) else None,
        coordinates=coordinates, missing_value=missing_value, drop_missing=drop_missing, header=header,
        area_weights=area_weights, labels=labels,
    )  # fmt: skip

    def choose(names: tuple[str, ...]) -> tuple[str, ...]:
        return recipe.choose(names, label)

    licence = ""
    if isinstance(source, str) and source in SHIPPED:
        name, where, licence, drop_constant = source, SHIPPED[source].citation, SHIPPED[source].licence, True
        label = source
        sheet = read_shipped(source, choose)
    elif isinstance(source, str | Path):
        path = located(source)
        name, where = _stem(path), str(source)
        label = where
        if path.is_dir():
            sheet = read_worldclim(path, choose, partial=columns is not None)
        else:
            sheet = read_file(path, choose, header=header, labels=labels)
    else:
        name = where = label = "array"
        sheet = (read_framed if is_framed(source) else read_array)(source, choose, labels=labels)

    rows = len(sheet.values)
    sheet, w = recipe.apply(sheet, label, None if weights is None or isinstance(weights, str) else weights)
    if len(sheet.values) < min(rows, 2):
        raise InputError(
            f"{label}: {len(sheet.values)} of {rows} rows are complete and at least 2 are needed; drop the columns "
            "that lack most values with --drop-columns"
        )
    if drop_constant:
        flat = constant(sheet.values, None if w is None else checked_weights(w, len(sheet.values), label))
        if flat.all():
            raise InputError(f"{label}: every column is constant, dropping them leaves none; give data that vary")
        if flat.any():
            gone = [c for c, is_flat in zip(sheet.columns, flat, strict=True) if is_flat]
            plural = "s" if len(gone) > 1 else ""
            sheet = _keep(sheet, ~flat, f"dropped {len(gone)} constant column{plural}: {', '.join(gone)}")
    return Table(sheet.values, sheet.columns, name, w, sheet.coordinates, where, licence, sheet.notes)


def _stem(path: Path) -> str:
    name = path.resolve().name if path.is_dir() else path.name.removesuffix(".gz")
    return name if path.is_dir() else Path(name).stem


def _keep(sheet: Sheet, kept: NDArray[np.bool_], *notes: str) -> Sheet:
    names = tuple(name for name, is_kept in zip(sheet.columns, kept, strict=True) if is_kept)
    return Sheet(sheet.values[:, kept], names, sheet.coordinates, (*sheet.notes, *notes))


def _frozen(array: Array) -> Array:
    view = np.ascontiguousarray(array, dtype=np.float64).view()
    view.flags.writeable = False
    return view


def _digest(values: Array, weights: Array | None) -> str:
    digest = hashlib.sha256(np.array(values.shape, dtype="<i8").tobytes())
    for array in (values,) if weights is None else (values, weights):
        digest.update(np.ascontiguousarray(array, dtype="<f8").data)
    return digest.hexdigest()
