"""Train, validation and test rows: by whole blocks of equal area for data on the globe, by rows otherwise.

Neighbouring cells are nearly copies of each other, so a random split of a map would test on what was trained on.

===========  ==================================================  ==========  =======
symbol       meaning                                             shape       unit
===========  ==================================================  ==========  =======
``λ, φ``     longitude, latitude                                 (N,)        degree
``x, y``     Lambert cylindrical equal-area projection           (N,)        km
``R``        mean Earth radius                                   scalar      km
``blocks``   label of the block of each row                      (N,)        1
===========  ==================================================  ==========  =======
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

from .checked import require_degrees

__all__ = ["Split", "equal_area_blocks", "random_split", "spatial_split"]

Indices = NDArray[np.int64]

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG), km."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Row indices of the three parts.

    Parameters
    ----------
    train, validation, test : ndarray of int
        Ascending, disjoint, together every row once.
    blocks : ndarray of int, shape (N,), or None
        Label of the block that each row lies in; no block is in two parts. None for a split by rows.

    Raises
    ------
    ValueError
        If the parts overlap or leave rows out, or share a block.
    """

    train: Indices
    validation: Indices
    test: Indices
    blocks: Indices | None = None

    def __post_init__(self) -> None:
        parts = (self.train, self.validation, self.test)
        joined = np.concatenate(parts)
        if not np.array_equal(np.sort(joined), np.arange(len(joined))):
            raise ValueError("the parts of a split must hold every row exactly once")
        if self.blocks is not None:
            if self.blocks.shape != joined.shape:
                raise ValueError(f"blocks of shape {self.blocks.shape} do not fit {len(joined)} rows")
            held = [np.unique(self.blocks[part]) for part in parts]
            if sum(map(len, held)) != len(np.unique(self.blocks)):
                raise ValueError("a block lies in two parts of the split")

    @property
    def shares(self) -> tuple[float, float, float]:
        """Share of the rows in each part."""
        n = len(self.train) + len(self.validation) + len(self.test)
        return len(self.train) / n, len(self.validation) / n, len(self.test) / n


def spatial_split(
    coordinates: NDArray[np.float64],
    *,
    block_km: float = 500.0,
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    seed: int | np.random.Generator,
) -> Split:
    """Split rows by whole blocks of equal area.

    Parameters
    ----------
    coordinates : ndarray, shape (N, 2)
        Longitude and latitude, degrees.
    block_km : float
        Side of a square block in the projected plane, km.
    fractions : tuple of float
        Shares of train, validation and test: not negative, sum 1, train positive.
    seed : int or numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Split
        No block is in two parts; shares of rows differ from the fractions by about a small block.

    Raises
    ------
    InputError
        For unusable arguments, or if the blocks are too few or too uneven for every part to get one.

    Examples
    --------
    >>> lon, lat = np.meshgrid(np.arange(-179.5, 180), np.arange(-59.5, 80))
    >>> split = spatial_split(np.column_stack([lon.ravel(), lat.ravel()]), seed=0)
    >>> [round(share, 2) for share in split.shares]
    [0.7, 0.15, 0.15]
    """
    wanted = _checked_fractions(fractions)
    blocks = equal_area_blocks(coordinates, block_km)
    labels, block_of, sizes = np.unique(blocks, return_inverse=True, return_counts=True)
    draws = np.random.default_rng(seed).random(len(labels))
    part = np.empty(len(labels), dtype=np.int64)
    missing = wanted * len(blocks)
    # Large blocks first, each to a part it fits into, drawn in proportion to the rows that part still lacks; the small
    # ones at the end even the shares out. Cutting a random order at 70 and 85 % would, with one block that holds half
    # of the rows, often leave validation empty.
    for block, draw in zip(np.argsort(-sizes, kind="stable"), draws, strict=True):
        chance = np.where(2 * missing >= sizes[block], missing, 0.0).clip(min=0.0).cumsum()
        part[block] = np.searchsorted(chance, draw * chance[-1], "right") if chance[-1] > 0 else missing.argmax()
        missing[part[block]] -= sizes[block]
    rows = part[block_of.ravel()]
    train, validation, test = (np.flatnonzero(rows == k).astype(np.int64) for k in range(3))
    split = Split(train, validation, test, blocks)
    if any(share == 0 for share, fraction in zip(split.shares, wanted, strict=True) if fraction > 0):
        raise InputError(
            f"block_km={block_km:g} makes {len(labels)} blocks, too few or too uneven for fractions {fractions}; "
            "make the blocks smaller"
        )
    return split


def random_split(
    count: int,
    *,
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    seed: int | np.random.Generator,
) -> Split:
    """Split ``count`` rows at random; parameters as in :func:`spatial_split`.

    Raises
    ------
    InputError
        For unusable fractions, or too few rows for every part to get one.

    Examples
    --------
    >>> random_split(20, seed=0).shares
    (0.7, 0.15, 0.15)
    """
    wanted = _checked_fractions(fractions)
    ends = np.round(np.cumsum(wanted) * count).astype(int)
    order = np.random.default_rng(seed).permutation(count)
    train, validation, test = (np.sort(part).astype(np.int64) for part in np.split(order, ends[:2]))
    split = Split(train, validation, test)
    if count < 1 or any(share == 0 for share, fraction in zip(split.shares, wanted, strict=True) if fraction > 0):
        shares = ", ".join(f"{100 * fraction:.4g} %" for fraction in wanted)
        raise InputError(f"{count} rows are too few to split into parts of {shares}; give more rows")
    return split


def equal_area_blocks(coordinates: NDArray[np.float64], block_km: float) -> Indices:
    """Label of the equal-area block that each point lies in.

    Blocks are squares of side ``block_km`` in the Lambert cylindrical equal-area projection ``x = R λ``,
    ``y = R sin φ`` (Snyder 1987, eqs. 10-1, 10-2), counted from (180° W, 90° S). All have the same area on the globe;
    far from the equator they are narrow from west to east and long from south to north.

    Parameters
    ----------
    coordinates : ndarray, shape (N, 2)
        Longitude and latitude, degrees; longitudes that differ by 360 are the same place.
    block_km : float
        Side of a block, km.

    Returns
    -------
    ndarray of int, shape (N,)

    Raises
    ------
    InputError
        If the side is not positive or the coordinates are no degrees.
    """
    if not (math.isfinite(block_km) and block_km > 0):
        raise InputError(f"block_km must be a positive number of kilometres, got {block_km!r}; 500 is usual")
    points = np.asarray(coordinates, dtype=np.float64)
    require_degrees(points, len(points), "coordinates")
    longitude = np.mod(points[:, 0] + 180, 360)
    x = EARTH_RADIUS_KM * np.radians(longitude)
    y = EARTH_RADIUS_KM * (1 + np.sin(np.radians(points[:, 1])))
    per_column = int(2 * EARTH_RADIUS_KM // block_km) + 1
    labels: Indices = (x // block_km).astype(np.int64) * per_column + (y // block_km).astype(np.int64)
    return labels


def _checked_fractions(fractions: tuple[float, float, float]) -> NDArray[np.float64]:
    wanted = np.asarray(fractions, dtype=np.float64)
    usable = wanted.shape == (3,) and np.isfinite(wanted).all() and (wanted >= 0).all() and wanted[0] > 0
    if not usable or abs(wanted.sum() - 1) > 1e-9:
        raise InputError(
            f"fractions must be three shares (train, validation, test), not negative, with sum 1 and train > 0, got "
            f"{fractions}; use for example (0.7, 0.15, 0.15)"
        )
    return wanted
