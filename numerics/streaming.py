"""Moments and cumulants of data larger than memory, or larger than a machine: one pass over a source in parts.

=========  ==============================================  ==========  =======
symbol     meaning                                         shape       unit
=========  ==============================================  ==========  =======
``x``      rows as they come, one block at a time          (n, D)      data
``w``      their weights                                   (n,)        1
=========  ==============================================  ==========  =======
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from .conventions import loss_convention
from .distributed import active_client, connect
from .fisher import supported_moments
from .fold import Measurement, S, fold
from .framed import is_lazy
from .higher_moments import ModeCumulants, ModeFrame
from .moments import Moments
from .parts import parts_of
from .recipe import Recipe

if TYPE_CHECKING:
    from .spectrum import Spectrum

__all__ = ["accumulate", "accumulate_cumulants"]

Progress = Callable[[int], None]


def accumulate(
    source: Any,
    *,
    columns: Sequence[str] | None = None,
    drop_columns: Sequence[str] = (),
    log1p: Sequence[str] = (),
    weights: str | ArrayLike | None = None,
    missing_value: float | None = None,
    drop_missing: bool = False,
    header: bool = True,
    area_weights: bool = False,
    labels: Sequence[str] = (),
    loss: str | None = None,
    scheduler: Any = None,
    timeout: float = 10.0,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Moments:
    """Weighted mean and covariance of a source of any size, in memory that does not grow with its rows.

    Parameters
    ----------
    source : path, array, data frame, or iterable of these
        A file (delimited text, also gzipped; NPY, read through a memory map; NPZ; Parquet, by row groups), a folder of
        such files or of the 19 WorldClim layers, a pattern like ``"data/*.parquet"``, a shipped table; an array, data
        frame, Dask collection, xarray object or Table; or an iterable of any of these, where ``(rows, weights)`` is a
        chunk with weights. A generator is consumed chunk by chunk.
    columns, drop_columns, log1p, missing_value, drop_missing, header, area_weights, labels
        As in :func:`numerics.tables.load_table`. With several files of different column order, name the columns.
    weights : str or array_like of shape (N,), optional
        Name of a column of row weights, or numbers for one array.
    loss : str, optional
        ``bce`` or ``poisson`` have every value looked at: in [0, 1], a count. Squared errors take all values.
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler (``tcp://host:8786``) whose workers measure the parts; files must be where
        the workers see them. A Dask collection goes to the client that is active, if there is one.
    timeout : float
        Seconds to wait for the scheduler and for its first worker.
    checkpoint : path, optional
        File (NPZ) that keeps what is merged: after an interruption of any kind, repeat the call with ``resume=True``.
    resume : bool
        Continue from the checkpoint, if there is one; files added after those it holds are merged too.
    progress : callable, optional
        Called with the number of parts merged.

    Returns
    -------
    Moments
        Of all complete rows; ``Spectrum.from_moments`` and :func:`~numerics.linear_equilibrium.cascade` take it.

    Raises
    ------
    InputError
        For data that cannot be used, a checkpoint of other data, a scheduler that does not answer or goes away.
    MissingExtraError
        For Parquet, rasters or Dask without their extras.

    Notes
    -----
    The order of merging is that of the source, so the number of workers, the loss of one, and an interruption change
    nothing in the result. Chan, Golub & LeVeque, Am. Stat. 37, 242 (1983).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(10_000, 3)) + 1e6
    >>> m = accumulate(x[k : k + 1000] for k in range(0, 10_000, 1000))
    >>> m.n, bool(np.allclose(m.covariance(), np.cov(x.T, bias=True), rtol=1e-9))
    (10000, True)
    >>> accumulate("wine", columns=["alcohol", "ash"]).columns
    ('alcohol', 'ash')
    """
    recipe = Recipe(
        columns=columns, drop_columns=drop_columns, log1p=log1p, weights=weights if isinstance(weights, str) else None,
        missing_value=missing_value, drop_missing=drop_missing, header=header, area_weights=area_weights, labels=labels,
    )  # fmt: skip
    measurement: Measurement[Moments] = Moments.of
    what = {"measurement": "mean and covariance"}
    if loss is not None and loss_convention(loss).family != "gaussian":
        measurement, what["loss"] = partial(supported_moments, loss), loss
    return _run(
        source, recipe, None if isinstance(weights, str) else weights, measurement, Moments.from_arrays, what,
        scheduler, timeout, checkpoint, resume, progress,
    )  # fmt: skip


def accumulate_cumulants(
    source: Any,
    spectrum: Spectrum,
    *,
    modes: int = 4,
    columns: Sequence[str] | None = None,
    drop_columns: Sequence[str] = (),
    log1p: Sequence[str] = (),
    weights: str | ArrayLike | None = None,
    missing_value: float | None = None,
    drop_missing: bool = False,
    header: bool = True,
    area_weights: bool = False,
    labels: Sequence[str] = (),
    scheduler: Any = None,
    timeout: float = 10.0,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> ModeCumulants:
    """Third and fourth cumulants of the leading modes: a second pass over the source, the spectrum being known.

    Parameters
    ----------
    source
        As in :func:`accumulate`, and once more from its beginning: a generator must be made anew.
    spectrum : Spectrum
        Of the same rows, with axes.
    modes : int
        r, how many leading modes.
    columns, drop_columns, log1p, weights, missing_value, drop_missing, header, area_weights, labels
        As they were in the first pass.
    scheduler, timeout, checkpoint, resume, progress
        As in :func:`accumulate`; the checkpoint is another file.

    Returns
    -------
    ModeCumulants

    Raises
    ------
    InputError
        As :func:`accumulate`, and if the rows are not those of the spectrum.

    Examples
    --------
    >>> from numerics.spectrum import Spectrum
    >>> s = Spectrum.from_moments(accumulate("wine"))
    >>> c = accumulate_cumulants("wine", s, modes=2)
    >>> c.skewness.shape, c.co_skewness.shape
    ((2,), (2, 13))
    """
    recipe = Recipe(
        columns=columns, drop_columns=drop_columns, log1p=log1p, weights=weights if isinstance(weights, str) else None,
        missing_value=missing_value, drop_missing=drop_missing, header=header, area_weights=area_weights,
        labels=labels or (),
    )  # fmt: skip
    frame = ModeFrame.of(spectrum, modes)
    cumulants = _run(
        source, recipe, None if isinstance(weights, str) else weights, frame.measurement(), ModeCumulants.from_arrays,
        {"measurement": "cumulants of modes", "spectrum": frame.fingerprint},
        scheduler, timeout, checkpoint, resume, progress,
    )  # fmt: skip
    cumulants.require_own_frame()
    return cumulants


def _run(
    source: Any,
    recipe: Recipe,
    weights: ArrayLike | None,
    measurement: Measurement[S],
    restore: Callable[[Mapping[str, NDArray[Any]]], S],
    what: Mapping[str, Any],
    scheduler: Any,
    timeout: float,
    checkpoint: str | Path | None,
    resume: bool,
    progress: Progress | None,
) -> S:
    parts = parts_of(source, recipe, weights)
    if scheduler is None and is_lazy(source):
        scheduler = active_client()
    with ExitStack() as stack:
        engine: Any = None
        if scheduler is not None:
            engine = stack.enter_context(connect(scheduler, timeout=timeout)).measure
        state: S = fold(
            parts, recipe, measurement, restore, what=what, engine=engine,
            checkpoint=checkpoint, resume=resume, progress=progress,
        )  # fmt: skip
        return state
