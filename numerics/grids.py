"""One raster layer at a time: GeoTIFF through rasterio, .bil + .hdr and ESRI .asc in plain NumPy.

================  ===========================================  =================  =======
symbol            meaning                                      shape              unit
================  ===========================================  =================  =======
``west, north``   outer edges of the upper left cell           scalar             degree
``dx, dy``        cell size, both positive                     scalar             degree
``values``        the layer, first row in the north            (rows, columns)    layer
``valid``         cells that hold a value                      (rows, columns)    bool
================  ===========================================  =================  =======

Cell values are left as stored: WorldClim 1.4 keeps °C × 10 in 16-bit integers, and so do the numbers read here.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError, MissingExtraError

__all__ = ["RASTER_ENDINGS", "Grid", "read_layer"]

RASTER_ENDINGS = (".tif", ".tiff", ".bil", ".asc")


@dataclass(frozen=True, slots=True)
class Grid:
    """A regular longitude–latitude grid.

    Parameters
    ----------
    rows, columns : int
        Size, at least 1 × 1.
    west, north : float
        Outer edges of the upper left cell, degrees.
    dx, dy : float
        Cell size, degrees.

    Examples
    --------
    >>> Grid(2, 2, west=-180.0, north=90.0, dx=180.0, dy=90.0).centres(np.array([True, False, False, True]))
    array([[-90.,  45.],
           [ 90., -45.]])
    """

    rows: int
    columns: int
    west: float
    north: float
    dx: float
    dy: float

    def __post_init__(self) -> None:
        numbers = (self.west, self.north, self.dx, self.dy)
        if not (self.rows > 0 and self.columns > 0 and self.dx > 0 and self.dy > 0 and np.isfinite(numbers).all()):
            raise InputError(
                f"a raster grid must have positive size and cell size, got {self}; check the raster's header"
            )
        east, south = self.west + self.columns * self.dx, self.north - self.rows * self.dy
        # WorldClim headers round: their outer edges miss ±180 and ±90 by up to a cell.
        if max(-self.west - 180, east - 360, self.north - 90) > self.dx or -south - 90 > self.dy:
            raise InputError(
                f"a raster must be in degrees of longitude and latitude, but this one spans {self.west:g} to {east:g} "
                f"and {south:g} to {self.north:g}; reproject it to EPSG:4326"
            )

    def agrees(self, other: Grid) -> bool:
        """Whether the two grids have the same cells, up to a thousandth of one (headers round)."""
        return (self.rows, self.columns) == (other.rows, other.columns) and all(
            abs(a - b) <= 1e-3 * cell / span
            for a, b, cell, span in (
                (self.west, other.west, self.dx, 1),
                (self.north, other.north, self.dy, 1),
                # A difference in cell size adds up over the grid.
                (self.dx, other.dx, self.dx, self.columns),
                (self.dy, other.dy, self.dy, self.rows),
            )
        )

    def window(self, start: int, stop: int) -> Grid:
        """The grid of the rows ``start`` to ``stop − 1``."""
        return replace(self, rows=stop - start, north=self.north - start * self.dy)

    def centres(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Longitude and latitude of the centres of the cells in the flattened mask, shape (count, 2)."""
        row, column = np.divmod(np.flatnonzero(mask), self.columns)
        latitude = self.north - (row + 0.5) * self.dy
        # Rounded headers may put a pole just beyond 90°.
        return np.column_stack([self.west + (column + 0.5) * self.dx, np.clip(latitude, -90.0, 90.0)])


def read_layer(
    path: Path, window: tuple[int, int] | None = None
) -> tuple[Grid, NDArray[Any], NDArray[np.bool_], tuple[str, ...]]:
    """Read the first band of a raster, whole or some of its rows.

    Parameters
    ----------
    path : Path
        ``.tif``/``.tiff``, ``.bil`` with its ``.hdr`` beside it, or ``.asc``.
    window : (int, int), optional
        First row and the one after the last, counted from the north.

    Returns
    -------
    grid : Grid
        Of the whole raster.
    values : ndarray, shape (rows, columns)
        As stored: no scale or offset applied.
    valid : ndarray of bool, shape (rows, columns)
        False where the layer has nodata, NaN or infinity.
    notes : tuple of str
        Scale and offset that the file declares and that were not applied.

    Raises
    ------
    InputError
        For a damaged, truncated, rotated or projected raster or an unusable header.
    MissingExtraError
        For GeoTIFF without rasterio.
    """
    reader = {".bil": _read_bil, ".asc": _read_asc}.get(path.suffix.lower(), _read_geotiff)
    try:
        grid, values, nodata_free, notes = reader(path, window)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check or download it again") from error
    return grid, values, nodata_free & np.isfinite(values), notes


_Layer = tuple[Grid, NDArray[Any], NDArray[np.bool_], tuple[str, ...]]
_Window = tuple[int, int] | None


def _read_geotiff(path: Path, window: _Window) -> _Layer:
    try:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning, RasterioError
    except ImportError:
        raise MissingExtraError(f"reading {path}", "rasterio", "raster") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as file:
                transform, crs = file.transform, file.crs
                scaling = (file.scales[0], file.offsets[0])
                rows, columns = file.shape
                start, stop = window or (0, rows)
                band = file.read(1, masked=True, window=((start, stop), (0, columns)))
    except RasterioError as error:
        raise InputError(f"{path}: not a readable GeoTIFF ({error}); check or download it again") from error
    if transform.is_identity or transform.b or transform.d or transform.e >= 0:
        raise InputError(
            f"{path}: the raster must be north-up and georeferenced, got {tuple(transform)[:6]}; use gdalwarp"
        )
    if crs is not None and not crs.is_geographic:
        raise InputError(
            f"{path}: a raster must be in degrees of longitude and latitude, found {crs.to_string()[:60]}; reproject "
            "it to EPSG:4326"
        )
    grid = _grid(path, rows, columns, transform.c, transform.f, transform.a, -transform.e)
    notes = (
        () if scaling == (1.0, 0.0) else (f"scale {scaling[0]:g} and offset {scaling[1]:g} are declared, not applied",)
    )
    return grid, band.data, ~np.ma.getmaskarray(band), notes


def _read_bil(path: Path, window: _Window) -> _Layer:
    beside = [path.with_suffix(ending) for ending in (".hdr", ".HDR")]
    header = next((file for file in beside if file.exists()), None)
    if header is None:
        raise InputError(f"{path}: its header {beside[0].name} is missing; put it beside the .bil file")
    lines = header.read_text(encoding="latin-1").splitlines()
    keys = {parts[0].upper(): parts[1] for line in lines if len(parts := line.split()) >= 2}

    def number(key: str, default: float | None = None) -> float:
        return _number(header, key, keys.get(key), default)

    rows, columns, bits = (_whole(header, key, keys.get(key)) for key in ("NROWS", "NCOLS", "NBITS"))
    if number("NBANDS", 1) != 1 or keys.get("LAYOUT", "BIL").upper() not in {"BIL", "BSQ", "BIP"}:
        raise InputError(f"{header}: must describe one band in layout BIL; split the bands with gdal_translate -b")
    nodata = number("NODATA") if "NODATA" in keys else None
    kind = keys.get("PIXELTYPE", "SIGNEDINT" if nodata is not None and nodata < 0 else "UNSIGNEDINT").upper()
    order = ">" if keys.get("BYTEORDER", "I").upper() in {"M", "MSBFIRST"} else "<"
    code = {"SIGNEDINT": "i", "UNSIGNEDINT": "u", "FLOAT": "f"}.get(kind)
    if code is None or bits not in ({32, 64} if code == "f" else {8, 16, 32}):
        raise InputError(f"{header}: PIXELTYPE {kind} with NBITS {bits} is not known; convert it with gdal_translate")
    dtype = np.dtype(f"{order}{code}{bits // 8}")
    dx, dy = number("XDIM"), number("YDIM")
    # ULXMAP and ULYMAP are the centre of the upper left cell.
    grid = _grid(header, rows, columns, number("ULXMAP") - dx / 2, number("ULYMAP") + dy / 2, dx, dy)
    skip, row_bytes = _whole(header, "SKIPBYTES", keys.get("SKIPBYTES", "0")), columns * dtype.itemsize
    if number("TOTALROWBYTES", row_bytes) != row_bytes:
        raise InputError(f"{header}: padded rows are not supported (TOTALROWBYTES); convert it with gdal_translate")
    size, due = path.stat().st_size, skip + rows * row_bytes
    if size < due:
        raise InputError(f"{path}: holds {size} bytes where its header promises {due}; copy or download it again")
    start, stop = window or (0, rows)
    offset, count = skip + start * row_bytes, (stop - start) * columns
    values = np.fromfile(path, dtype=dtype, count=count, offset=offset).reshape(stop - start, columns)
    return grid, values, _not_nodata(values, nodata), ()


def _read_asc(path: Path, window: _Window) -> _Layer:
    with path.open(encoding="latin-1") as file:
        keys: dict[str, str] = {}
        start = 0
        # Keys come first and begin with a letter; a data line begins with a number (or nan).
        for line in islice(file, 12):
            parts = line.split()
            if len(parts) != 2 or not parts[0][0].isalpha() or parts[0].lower() in {"nan", "inf"}:
                break
            keys[parts[0].lower()] = parts[1]
            start += 1
        file.seek(0)
        rows, columns = (_whole(path, key, keys.get(key)) for key in ("nrows", "ncols"))
        size = _number(path, "cellsize", keys.get("cellsize"))
        corner = [
            _number(path, f"{axis}llcenter", keys[f"{axis}llcenter"]) - size / 2
            if f"{axis}llcenter" in keys
            else _number(path, f"{axis}llcorner", keys.get(f"{axis}llcorner"))
            for axis in "xy"
        ]
        grid = _grid(path, rows, columns, corner[0], corner[1] + rows * size, size, size)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # "input contained no data": the shape says so below
                first, last = window or (0, None)
                lines = islice(file, start + first, None if last is None else start + last)
                values = np.loadtxt(lines, ndmin=2, encoding="latin-1")
        except ValueError as error:
            raise InputError(f"{path}: not a grid of numbers ({error}); check or download it again") from error
    due = rows if last is None else last - first
    if values.shape != (due, columns):
        raise InputError(
            f"{path}: holds {values.shape[0]} × {values.shape[1]} cells where its header promises {due} × {columns}; "
            "copy or download it again"
        )
    # ESRI: −9999 unless the header says otherwise.
    return grid, values, _not_nodata(values, _number(path, "NODATA_value", keys.get("nodata_value"), -9999.0)), ()


def _grid(path: Path, rows: int, columns: int, west: float, north: float, dx: float, dy: float) -> Grid:
    try:
        return Grid(rows, columns, west, north, dx, dy)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _number(header: Path, key: str, text: str | None, default: float | None = None) -> float:
    if text is None and default is not None:
        return default
    try:
        return float("" if text is None else text)
    except ValueError:
        found = "nothing" if text is None else repr(text)
        raise InputError(f"{header}: {key} must be a number, found {found}; mend the header") from None


def _whole(header: Path, key: str, text: str | None) -> int:
    number = _number(header, key, text)
    if not (number >= 0 and number.is_integer()):
        raise InputError(f"{header}: {key} must be a whole number, found {text!r}; mend the header")
    return int(number)


def _not_nodata(values: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    if nodata is None:
        return np.ones(values.shape, dtype=np.bool_)
    # Compared in the layer's own precision: −3.4e38 is not a float32.
    with np.errstate(over="ignore"):
        code = np.float32(nodata) if values.dtype.itemsize == 4 and values.dtype.kind == "f" else nodata
    return np.asarray(values != code)
