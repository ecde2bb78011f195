"""What to do with the columns and rows of a source, whole or block by block: choose, weigh, mark, drop, transform.

===============  ==========================================  ==========  =======
symbol           meaning                                     shape       unit
===============  ==========================================  ==========  =======
``values``       cells as read, NaN where one is missing     (N, D0)     data
``x``            complete rows of the features               (n, D)      data
``w``            their weights                               (n,)        1
===============  ==========================================  ==========  =======

A recipe is a value: it can be sent to another process and compared with the one a checkpoint was made by.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from .checked import checked_weights, listing, require_finite
from .sheet import Sheet

__all__ = ["Recipe"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the rows of a source become data.

    Parameters
    ----------
    columns, drop_columns, log1p : sequence of str
        Columns to use in this order (None: all), to leave out, and to replace by ``ln(1 + x)``.
    weights : str, optional
        Column of row weights.
    coordinates : (str, str), optional
        Columns of longitude and latitude in degrees.
    missing_value : float, optional
        A number that stands for "missing".
    drop_missing : bool
        Drop rows with a missing or infinite cell.
    header : bool
        For text: whether a first line that is not all numbers holds names.
    area_weights : bool
        Weight each raster cell by cos(latitude).
    labels : sequence of str
        Column names for a source that has none.

    Raises
    ------
    InputError
        For coordinates that are not two names, two kinds of weights, or a missing value that is no number.

    Examples
    --------
    >>> recipe = Recipe(log1p=("v",), weights="w", drop_missing=True)
    >>> names = recipe.choose(("v", "w"), "array")
    >>> sheet, w = recipe.apply(Sheet(np.array([[0.0, 1.0], [np.nan, 1.0], [1.0, 3.0]]), names), "array")
    >>> sheet.columns, sheet.values.ravel().round(6), w
    (('v',), array([0.      , 0.693147]), array([1., 3.]))
    """

    columns: Sequence[str] | None = None
    drop_columns: Sequence[str] = ()
    log1p: Sequence[str] = ()
    weights: str | None = None
    coordinates: Sequence[str] | None = None
    missing_value: float | None = None
    drop_missing: bool = False
    header: bool = True
    area_weights: bool = False
    labels: Sequence[str] = ()

    def __post_init__(self) -> None:
        # One name given as a plain string would otherwise be taken for its letters.
        for name in ("columns", "drop_columns", "log1p", "labels"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        if self.coordinates is not None:
            if isinstance(self.coordinates, str) or len(self.coordinates) != 2:
                raise InputError(
                    f"coordinates must name two columns, longitude and latitude, got {self.coordinates!r}; give both"
                )
            object.__setattr__(self, "coordinates", tuple(self.coordinates))
        code = self.missing_value
        if code is not None and not isinstance(code, int | float | np.integer | np.floating):
            raise InputError(
                f"missing_value must be one real number, got {code!r}; give the number that marks a missing cell"
            )

    @property
    def _extra(self) -> Mapping[str, tuple[str, ...]]:
        return {
            "weights": () if self.weights is None else (self.weights,),
            "coordinates": tuple(self.coordinates or ()),
        }

    def choose(self, names: tuple[str, ...], label: str) -> tuple[str, ...]:
        """Columns to read, of those a source offers: features in the order asked for, then weights and coordinates.

        Raises
        ------
        InputError
            If a name is asked for twice or is no column, or if no feature is left.
        """
        columns = None if self.columns is None else tuple(self.columns)
        extra = self._extra
        asked_for = {"columns": columns or (), "drop_columns": self.drop_columns, "log1p": self.log1p, **extra}
        for argument, asked in asked_for.items():
            if len(set(asked)) < len(asked):
                twice = next(name for k, name in enumerate(asked) if name in asked[:k])
                raise InputError(f"{label}: {argument} must name each column once, got {twice!r} twice; omit one")
            for name in asked:
                if name not in names:
                    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or names[:8]
                    raise InputError(
                        f"{label}: {argument} names {name!r}, which is no column; choose for example {listing(close)}"
                    )
        aside = [name for asked in extra.values() for name in asked]
        kept = names if columns is None else columns
        features = tuple(n for n in kept if n not in self.drop_columns and (columns is not None or n not in aside))
        if not features:
            raise InputError(f"{label}: no column is left of {len(names)}; choose or keep at least one")
        for name in self.log1p:
            if name not in features:
                raise InputError(f"{label}: log1p names {name!r}, which is not among the columns used; add or omit it")
        return (*features, *(name for name in aside if name not in features))

    def apply(
        self, sheet: Sheet, label: str, weights: ArrayLike | None = None, *, check: bool = True
    ) -> tuple[Sheet, Array | None]:
        """Features and weights of the chosen columns of a sheet, or of a block of its rows.

        Parameters
        ----------
        sheet : Sheet
            The columns that :meth:`choose` named.
        label : str
            What errors call it.
        weights : array_like, shape (N,), optional
            Numbers, when the weights are no column.
        check : bool
            False leaves non-finite cells that are not to be dropped for the caller to find.

        Returns
        -------
        sheet : Sheet
            Finite values of the features, perhaps without any row left.
        weights : ndarray, shape (n,), or None

        Raises
        ------
        InputError
            For missing cells that are not to be dropped, unusable weights, or logarithms of x ≤ −1.
        """
        w: Array | None
        if self.weights is not None:
            w = sheet.values[:, sheet.columns.index(self.weights)].astype(np.float64)
        elif weights is not None:
            w = checked_weights(weights, len(sheet.values), label, least=0)
        else:
            w = None
        if self.coordinates is not None:
            place = sheet.values[:, [sheet.columns.index(name) for name in self.coordinates]].astype(np.float64)
            sheet = Sheet(sheet.values, sheet.columns, place, sheet.notes)
        if aside := {name for names in self._extra.values() for name in names} - set(self.columns or ()):
            kept = [k for k, name in enumerate(sheet.columns) if name not in aside]
            names = tuple(sheet.columns[k] for k in kept)
            sheet = Sheet(sheet.values[:, kept], names, sheet.coordinates, sheet.notes)
        if self.area_weights:
            if w is not None:
                raise InputError(
                    f"{label}: rows can have one weight, got weights and area_weights; leave one of them out"
                )
            w = _area_weights(sheet, label)
        sheet = sheet if self.missing_value is None else _mark_missing(sheet, self.missing_value)
        if not (check or self.drop_missing or self.log1p):
            return sheet, w
        # One sum tells that nothing is missing without a temporary of the size of the data.
        with np.errstate(over="ignore", invalid="ignore"):
            suspect = not np.isfinite(np.add.reduce(sheet.values, axis=None, dtype=np.float64))
        if suspect and self.drop_missing:
            complete = np.asarray(np.isfinite(sheet.values).all(axis=1))
            if not complete.all():
                note = f"dropped {np.count_nonzero(~complete)} of {len(complete)} rows with missing values"
                at = None if sheet.coordinates is None else sheet.coordinates[complete]
                sheet = Sheet(sheet.values[complete], sheet.columns, at, (*sheet.notes, note))
                w = None if w is None else w[complete]
        elif suspect:
            require_finite(sheet.values, sheet.columns, label)
        return _logarithms(sheet, tuple(self.log1p), label), w


def _area_weights(sheet: Sheet, label: str) -> Array:
    if sheet.coordinates is None:
        raise InputError(f"{label}: area_weights need the coordinates of a folder of rasters; leave --area-weights out")
    w: Array = np.cos(np.radians(sheet.coordinates[:, 1]))
    return w


def _mark_missing(sheet: Sheet, code: float) -> Sheet:
    # −3.4e38 written to a float32 file comes back as −3.3999999521443642e38 and means the same.
    with np.errstate(over="ignore"):
        hit = np.isin(sheet.values, [float(code), float(np.float32(code))])
    note = f"{np.count_nonzero(hit)} cells hold the missing value {code:g}"
    return Sheet(np.where(hit, np.nan, sheet.values), sheet.columns, sheet.coordinates, (*sheet.notes, note))


def _logarithms(sheet: Sheet, log1p: tuple[str, ...], label: str) -> Sheet:
    if not log1p or not len(sheet.values):
        return sheet
    values = sheet.values.astype(np.float64)
    for k in map(sheet.columns.index, log1p):
        if (lowest := values[:, k].min()) <= -1:
            raise InputError(
                f"{label}: log1p needs values above -1, but column {sheet.columns[k]!r} goes down to {lowest:g}; "
                "omit it from --log1p"
            )
        values[:, k] = np.log1p(values[:, k])
    return Sheet(values, sheet.columns, sheet.coordinates, (*sheet.notes, f"ln(1 + x) of {', '.join(log1p)}"))
