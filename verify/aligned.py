"""Arrays that begin at a line of the cache, for the buffers that training passes over at every step.

======  =========================  =====
symbol  meaning                    unit
======  =========================  =====
L       length of a line, 64       byte
======  =========================  =====

NumPy aligns an array to 16 bytes. Vector instructions load 64 bytes at a time, and each load of an array that begins
inside a line touches two: a step of stacked networks takes 9 % longer so (``benchmarks/README.md``). No bit of any
result depends on it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["aligned"]

_LINE = 64


def aligned(shape: int | tuple[int, ...], dtype: npt.DTypeLike, fill: float | None = None) -> npt.NDArray[Any]:
    """A contiguous array that begins at a line of the cache.

    Parameters
    ----------
    shape : int or tuple of int
        As for ``numpy.empty``.
    dtype : dtype
        Of numbers.
    fill : float or None
        Value of all entries; they are not initialised if None.

    Examples
    --------
    >>> buffer = aligned((3, 5), np.float32, 1)
    >>> buffer.ctypes.data % 64, buffer.flags.c_contiguous, float(buffer.sum())
    (0, True, 15.0)
    """
    size = math.prod(shape) if isinstance(shape, tuple) else shape
    nbytes = size * np.dtype(dtype).itemsize
    raw = np.empty(nbytes + _LINE, np.uint8)
    start = -raw.ctypes.data % _LINE
    array: npt.NDArray[Any] = raw[start : start + nbytes].view(dtype).reshape(shape)
    if fill is not None:
        array.fill(fill)
    return array
