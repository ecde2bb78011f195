"""Checks that turn unusable numbers into one-line errors which name where they are.

===============  ==========================================  ==========  =======
symbol           meaning                                     shape       unit
===============  ==========================================  ==========  =======
``x``            values, one observation per row             (N, D)      data
``w``            row weights                                 (N,)        1
===============  ==========================================  ==========  =======
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

__all__ = [
    "checked_rows",
    "checked_weights",
    "constant",
    "listing",
    "require_degrees",
    "require_finite",
    "require_squares",
]

Array = NDArray[np.float64]

# A standard deviation below this many units in the last place of the largest value is rounding, not variation.
_ROUNDING = 8 * np.finfo(np.float64).eps


def listing(names: Sequence[str], most: int = 8) -> str:
    """Names for a message: the first few, quoted, and how many more there are.

    Examples
    --------
    >>> listing(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def constant(values: Array, weights: Array | None) -> NDArray[np.bool_]:
    """Which columns do not vary, up to rounding, over the rows of positive weight; shape (D,)."""
    x = values if weights is None or weights.all() else values[weights > 0]
    # Shifted by a row first: the mean of N equal numbers is off by up to N units in the last place, their difference
    # from one of them is exactly zero. Overflow gives inf or NaN, which compare as varying.
    with np.errstate(over="ignore", invalid="ignore"):
        flat: NDArray[np.bool_] = (x - x[0]).std(axis=0) <= _ROUNDING * np.abs(x).max(axis=0)
    return flat


def require_finite(values: Array, columns: Sequence[str], where: str) -> None:
    """Raise InputError with the number of missing and infinite cells per column if there are any."""
    bad = np.count_nonzero(~np.isfinite(values), axis=0)
    if bad.any():
        infinite = int(np.isinf(values).sum())
        counts = [f"{name!r}: {count}" for name, count in zip(columns, bad.tolist(), strict=True) if count]
        more = f" and {len(counts) - 8} more columns" if len(counts) > 8 else ""
        raise InputError(
            f"{where}: values must be finite, found {int(bad.sum()) - infinite} missing and {infinite} infinite in "
            f"columns {', '.join(counts[:8])}{more}; drop those rows with --drop-missing"
        )


def require_squares(values: Array, columns: Sequence[str], where: str) -> None:
    """Raise InputError if a covariance would overflow, or if a column varies by so little that its square vanishes."""
    info = np.finfo(np.float64)
    low, high = values.min(axis=0), values.max(axis=0)
    largest = np.maximum(-low, high)
    # Centring can double a value, and N squares are summed.
    too_large = largest > np.sqrt(info.max / len(values)) / 2
    # Compared by halves: the difference of two large values of opposite sign overflows.
    spread = high / 2 - low / 2
    too_small = (spread > 0) & (spread < np.sqrt(info.tiny / info.eps))
    for bad, size, verdict in ((too_large, largest, "overflows"), (too_small, 2 * spread, "vanishes")):
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            what = "reaches" if verdict == "overflows" else "spans only"
            raise InputError(
                f"{where}: column {columns[k]!r} {what} {size[k]:.3g} and its variance {verdict} in double precision; "
                "change its unit or drop it with --drop-columns"
            )


def checked_rows(values: ArrayLike, name: str, *, least: int = 2, columns: int | None = None, like: str = "x") -> Array:
    """Rows of an argument as float64, shape (N, D).

    Parameters
    ----------
    values : array_like
        What was given.
    name : str
        The argument that errors name.
    least : int
        Rows there must be.
    columns : int, optional
        D, where it is known from ``like``.
    like : str
        What has so many columns.

    Raises
    ------
    InputError
        Unless it is a matrix of finite real numbers of that shape.

    Examples
    --------
    >>> checked_rows([[1, 2], [3, np.nan]], "x")
    Traceback (most recent call last):
    theory.errors.InputError: x must be finite, but 1 value is not (first in row 2, column 2); drop or fill those rows
    """
    try:
        x = np.asarray(values)
    except ValueError as error:
        raise InputError(
            f"{name} must be a matrix, got rows of different lengths; give one row per observation"
        ) from error
    if x.ndim != 2 or len(x) < least or x.shape[1] == 0 or x.dtype.kind not in "fiub":
        raise InputError(
            f"{name} must be a matrix of real numbers with at least {least} row{'s' * (least > 1)}, got shape "
            f"{x.shape} and dtype {x.dtype}; give one row per observation"
        )
    if columns is not None and x.shape[1] != columns:
        raise InputError(f"{name} must have {columns} columns like {like}, got shape {x.shape}; give the same columns")
    x = np.asarray(x, dtype=np.float64)
    if not np.isfinite(x).all():
        bad = np.argwhere(~np.isfinite(x))
        row, column = bad[0] + 1
        count = "1 value is" if len(bad) == 1 else f"{len(bad)} values are"
        raise InputError(
            f"{name} must be finite, but {count} not (first in row {row}, column {column}); drop or fill those rows"
        )
    return x


def checked_weights(weights: ArrayLike, count: int, where: str, *, least: int = 2) -> Array:
    """Weights as float64, shape (count,); InputError unless finite, not negative, ``least`` of them positive."""
    w = np.asarray(weights)
    if w.shape != (count,) or w.dtype.kind not in "fiub":
        raise InputError(
            f"{where}: weights must be {count} real numbers, one per row, got shape {w.shape} and dtype {w.dtype}; "
            "give one per row"
        )
    w = w.astype(np.float64)
    for bad, kind in ((~np.isfinite(w), "missing or infinite"), (w < 0, "negative")):
        if bad.any():
            raise InputError(
                f"{where}: weights must be finite and not negative, but {np.count_nonzero(bad)} are {kind} (first in "
                f"row {int(np.argmax(bad)) + 1}); mend them or drop those rows"
            )
    if np.count_nonzero(w) < least:
        raise InputError(
            f"{where}: at least {('one weight', 'two weights')[least - 1]} must be positive, got "
            f"{np.count_nonzero(w)}; a row of weight zero does not count"
        )
    return w


def require_degrees(coordinates: Array, count: int, where: str) -> None:
    """Raise InputError unless the array is (count, 2) longitudes (−180 to 360) and latitudes (−90 to 90)."""
    if coordinates.shape != (count, 2):
        raise InputError(
            f"{where}: coordinates must have shape ({count}, 2), got {coordinates.shape}; give longitude and latitude "
            "of each row"
        )
    for k, (axis, low, high) in enumerate((("longitude", -180.0, 360.0), ("latitude", -90.0, 90.0))):
        column = coordinates[:, k]
        if not ((column >= low) & (column <= high)).all():
            raise InputError(
                f"{where}: {axis} must lie between {low:g} and {high:g} degrees, found {column.min():g} to "
                f"{column.max():g}; give degrees (EPSG:4326), longitude first"
            )
