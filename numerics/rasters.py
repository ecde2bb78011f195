"""A WorldClim folder to a sheet: 19 layers on one grid, one row per cell that is valid in all of them.

===============  ==========================================  ==========  =======
symbol           meaning                                     shape       unit
===============  ==========================================  ==========  =======
``mask``         cells valid in every chosen layer           (cells,)    bool
``values``       one column per layer, as stored             (N, D)      layer
``coordinates``  cell centres, longitude and latitude        (N, 2)      degree
===============  ==========================================  ==========  =======

Layers are read twice, first for the mask and then for the values, so that no more than one layer and the result are in
memory at a time; of a grid that does not fit, a window of its rows is read in the same way.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from theory.errors import InputError

from .grids import RASTER_ENDINGS, Grid, read_layer
from .sheet import Choose, Sheet, chosen_indices

__all__ = ["read_worldclim", "worldclim_rows", "worldclim_window"]

_LAYERS = 19
# Stems of the usual names, the more specific first: wc2.0_bio_10m_01, CHELSA_bio10_01, wc2.1_10m_bio_1 or bio1.
_STEMS = (
    re.compile(r"bio_\d+(?:\.\d+)?[ms]_(\d{1,2})$"),
    re.compile(r"^chelsa_bio10_(\d{1,2})$"),
    re.compile(r"(?<![a-z])bio_?(\d{1,2})(?!\d)"),
)


def read_worldclim(folder: Path, choose: Choose, *, partial: bool = False) -> Sheet:
    """Read the bioclimatic layers of a folder (Hijmans et al. 2005; Fick & Hijmans 2017).

    Parameters
    ----------
    folder : Path
        Holds one raster per variable, named as WorldClim 1.4, 2.0, 2.1 or CHELSA do (``wc2.1_10m_bio_1.tif``,
        ``bio1.bil`` with ``bio1.hdr``, ``bio_1.asc``, …), all on one grid in degrees.
    choose : callable
        From the names ``bio1 … bio19`` found to those wanted.
    partial : bool
        Accept a folder that lacks some of the 19 layers.

    Returns
    -------
    Sheet
        With coordinates; columns in the order wanted, ``bio1 … bio19`` by default.

    Raises
    ------
    InputError
        For a folder without rasters or with missing or doubled layers, layers on different grids, or no cell that is
        valid in all.
    """
    names, layers = _chosen_layers(folder, choose, partial)
    return _cells(folder, names, layers, None)


def worldclim_rows(folder: Path, choose: Choose, *, partial: bool = False) -> int:
    """Rows of the grid that the layers of a folder share; errors as in :func:`read_worldclim`."""
    _, layers = _chosen_layers(folder, choose, partial)
    # One row tells the size of the grid; whether the layers share it is found when they are read.
    return read_layer(layers[0], (0, 1))[0].rows


def worldclim_window(folder: Path, choose: Choose, window: tuple[int, int], *, partial: bool = False) -> Sheet:
    """Cells of some rows of the grid, perhaps none; parameters and errors as in :func:`read_worldclim`.

    Parameters
    ----------
    folder, choose, partial
        As there.
    window : (int, int)
        First row of the grid and the one after the last, counted from the north.
    """
    names, layers = _chosen_layers(folder, choose, partial)
    return _cells(folder, names, layers, window)


def _chosen_layers(folder: Path, choose: Choose, partial: bool) -> tuple[tuple[str, ...], list[Path]]:
    layers = _find_layers(folder)
    if missing := [k for k in range(1, _LAYERS + 1) if k not in layers]:
        if not layers:
            raise InputError(
                f"{folder}: holds no rasters of bio_1 … bio_{_LAYERS} ({', '.join(RASTER_ENDINGS)}); name the "
                "folder they are in"
            )
        if not partial:
            raise InputError(
                f"{folder}: layers {', '.join(f'bio{k}' for k in missing)} of 1 … {_LAYERS} are missing; add them or "
                "name those to use with --columns"
            )
    names = tuple(f"bio{k}" for k in sorted(layers))
    wanted = [sorted(layers)[k] for k in chosen_indices(names, choose, str(folder))]
    return tuple(f"bio{k}" for k in wanted), [layers[k] for k in wanted]


def _cells(folder: Path, names: tuple[str, ...], layers: list[Path], window: tuple[int, int] | None) -> Sheet:
    grid: Grid | None = None
    notes = []
    for name, path in zip(names, layers, strict=True):
        own, _, valid, said = read_layer(path, window)
        if grid is None:
            grid, mask = own, valid
        elif not grid.agrees(own):
            raise InputError(
                f"{folder}: layers must share one grid, but {path.name} has {own} and {layers[0].name} has {grid}; "
                "resample them to one"
            )
        else:
            mask &= valid
        notes += [f"{name}: {note}" for note in said]
    # A window may well lie in the sea; a whole folder without a cell is a mistake.
    if grid is None or (window is None and not mask.any()):
        raise InputError(f"{folder}: no cell is valid in all {len(layers)} layers; check their nodata values")
    values = np.empty((int(np.count_nonzero(mask)), len(layers)))
    for j, path in enumerate(layers):
        values[:, j] = read_layer(path, window)[1][mask]
    notes.append(f"{len(values)} of {mask.size} cells are valid in all {len(layers)} layers; values as stored")
    grid = grid if window is None else grid.window(*window)
    return Sheet(values, names, grid.centres(mask), tuple(notes))


def _find_layers(folder: Path) -> dict[int, Path]:
    layers: dict[int, Path] = {}
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    for file in files:
        if file.suffix.lower() not in RASTER_ENDINGS:
            continue
        stem = file.stem.lower()
        number = next((int(found[1]) for pattern in _STEMS if (found := pattern.search(stem))), 0)
        if not 1 <= number <= _LAYERS:
            continue
        if number in layers:
            raise InputError(
                f"{folder}: two rasters for bio{number}: {layers[number].name} and {file.name}; keep one of them"
            )
        layers[number] = file
    return layers
