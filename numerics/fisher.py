"""The spectrum that a loss sees: features divided by the root of their Fisher information for ``bce`` and ``poisson``.

=========  =============================================================  ==========  ===========
symbol     meaning                                                        shape       unit
=========  =============================================================  ==========  ===========
``m``      means of the features                                          (D,)        data
``G``      Fisher information at full collapse, ``A''(θ_0)``              (D,)        data²
``S``      covariance of the features                                     (D, D)      data²
``λ``      eigenvalues of ``G^{-1/2} S G^{-1/2}``: critical β             (D,)        1
=========  =============================================================  ==========  ===========

Only E x = m enters G, so values between 0 and 1 are as good for ``bce`` as bits: their S is smaller than that of bits
with the same means, and with it every threshold. On bits the matrix is the correlation matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from . import _formulas
from .conventions import loss_convention
from .moments import Moments
from .sheet import default_names
from .spectrum import Spectrum
from .tables import Table

__all__ = ["fisher_information", "loss_spectrum", "require_support", "supported_moments"]

Array = NDArray[np.float64]

_SUPPORT = {
    "bernoulli": ("lie between 0 and 1", "scale the column to [0, 1]"),
    "poisson": ("be counts 0, 1, 2, …", "give the raw counts"),
}


def require_support(values: ArrayLike, columns: Sequence[str], where: str, loss: str) -> None:
    """Check that data are what the decoder's distribution can produce.

    Parameters
    ----------
    values : array_like, shape (N, D)
        Finite.
    columns : sequence of str
        Names.
    where : str
        Name of the source, for the message.
    loss : str
        One of :data:`numerics.conventions.LOSSES`.

    Raises
    ------
    InputError
        Naming the first column and row outside [0, 1] (``bce``), or that is no count (``poisson``).

    Examples
    --------
    >>> require_support([[0.0, 1.0], [0.5, 0.25]], ["a", "b"], "pixels", "bce")
    >>> require_support([[0.0], [1.5]], ["a"], "spikes", "poisson")
    Traceback (most recent call last):
    ...
    theory.errors.InputError: spikes: column 'a' must be counts 0, 1, 2, … for loss 'poisson', got 1.5 in row 2; give the raw counts, or choose a squared error such as mse
    """  # noqa: E501
    family = loss_convention(loss).family
    if family == "gaussian":
        return
    x = np.asarray(values, dtype=np.float64)
    good = (x >= 0) & (x <= 1) if family == "bernoulli" else (x >= 0) & (x == np.floor(x))
    if good.all():
        return
    column = int(np.argmin(good.all(axis=0)))
    row = int(np.argmin(good[:, column]))
    must, remedy = _SUPPORT[family]
    raise InputError(
        f"{where}: column {columns[column]!r} must {must} for loss {loss!r}, got {x[row, column]:g} in row {row + 1}; "
        f"{remedy}, or choose a squared error such as mse"
    )


def fisher_information(mean: ArrayLike, loss: str) -> Array:
    """G of every feature at full collapse, for ``bce`` or ``poisson``.

    Parameters
    ----------
    mean : array_like, shape (D,)
        Means of the features.
    loss : str
        One of :data:`numerics.conventions.LOSSES`.

    Returns
    -------
    ndarray, shape (D,)
        In data variance; 1 for a squared error, whose features keep their unit.

    Notes
    -----
    Derived in ``theory.exponential_family``; compare Lucas et al., arXiv:1911.02469.

    Examples
    --------
    >>> fisher_information([0.5, 0.25], "bce").tolist()
    [0.25, 0.1875]
    """
    family, m = loss_convention(loss).family, np.asarray(mean, dtype=np.float64)
    if family == "gaussian":
        return np.ones_like(m)
    information: Array = getattr(_formulas, f"fisher_{family}")(m)
    return information


def supported_moments(
    loss: str,
    rows: NDArray[Any],
    weights: Array | None = None,
    *,
    columns: Sequence[str] | None = None,
    where: str = "data",
) -> Moments:
    """Moments of rows that are looked at first: what a stream measures for ``bce`` and ``poisson``.

    Parameters
    ----------
    loss : str
        One of :data:`numerics.conventions.LOSSES`.
    rows, weights, columns, where
        As :meth:`numerics.moments.Moments.of`.

    Raises
    ------
    InputError
        As :func:`require_support` and :meth:`numerics.moments.Moments.of`.

    Examples
    --------
    >>> supported_moments("bce", np.array([[0.0], [1.0]])).mean
    array([0.5])
    """
    moments = Moments.of(rows, weights, columns=columns, where=where)  # which refuses what is not finite
    require_support(rows, columns or default_names(moments.mean.size, (), where), where, loss)
    return moments


def loss_spectrum(
    data: Table | Moments, loss: str = "elbo", *, standardize: bool = True, axes: bool = True
) -> Spectrum:
    """Spectrum whose eigenvalues are the thresholds of a loss in its own unit of T.

    Parameters
    ----------
    data : Table or Moments
        The data as the loss sees them, except for `standardize`; moments for ``bce`` and ``poisson`` must be those of
        :func:`supported_moments`, as :func:`numerics.streaming.accumulate` takes them with ``loss``.
    loss : str
        One of :data:`numerics.conventions.LOSSES`.
    standardize : bool
        For squared errors: divide every column by its standard deviation first. ``bce`` and ``poisson`` need raw
        values and ignore it.
    axes : bool
        Whether to compute eigenvectors.

    Returns
    -------
    Spectrum
        With ``scale = √G`` for ``bce`` and ``poisson``; a feature without any variance keeps scale 1 and threshold 0.

    Raises
    ------
    InputError
        For an unknown loss, values outside its support, or a constant column when standardising.

    Examples
    --------
    Bits: the eigenvalues of the correlation matrix.

    >>> from numerics.tables import load_table
    >>> bits = load_table([[0, 0], [1, 1], [1, 0], [0, 1], [1, 1], [0, 0]])
    >>> loss_spectrum(bits, "bce").eigenvalues.round(12).tolist()
    [1.333333333333, 0.666666666667]
    """
    if loss_convention(loss).family == "gaussian":
        if isinstance(data, Moments):
            return Spectrum.from_moments(data, standardize=standardize, axes=axes)
        return Spectrum.from_table(data, standardize=standardize, axes=axes)
    if isinstance(data, Table):
        where = data.name or data.source
        data = supported_moments(loss, data.values, data.weights, columns=data.columns, where=where)
    scale = np.sqrt(np.where(data.constant, 1.0, fisher_information(data.mean, loss)))
    spectrum = Spectrum.from_moments(data.scaled(scale), standardize=False, axes=axes)
    return replace(spectrum, mean=data.mean, scale=scale)
