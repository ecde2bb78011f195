"""The loss as users write it, and the temperature it stands for: T from β and β from T, without SymPy.

The conversions are derived in :mod:`theory.loss` and :mod:`theory.exponential_family` and emitted; here they get their
names, the sizes that they need, and checks.

=========  =====================================================================  ==============
symbol     meaning                                                                unit
=========  =====================================================================  ==============
``β``      weight of the divergence, as the code writes it                        by convention
``T``      temperature                                                            data variance
``η²``     decoder variance                                                       data variance
``D, K``   features, latents                                                      1
``B``      rows in a batch                                                        1
``G``      Fisher information of a feature at collapse (``bce``, ``poisson``)     data variance
=========  =====================================================================  ==============

For ``bce`` and ``poisson`` the unit of T is the variance of the features divided by √G (:mod:`numerics.fisher`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError, did_you_mean

from . import _formulas

__all__ = ["CONVENTIONS", "LOSSES", "LossConvention", "beta_of", "loss_convention", "temperature_of"]

Family = Literal["gaussian", "bernoulli", "poisson"]


@dataclass(frozen=True, slots=True)
class LossConvention:
    """One way to write the loss.

    Parameters
    ----------
    name : str
        As in `LOSSES`.
    meaning : str
        The loss in words, for people who look for theirs.
    sizes : tuple of str
        Which of ``features``, ``latents``, ``batch``, ``decoder_variance`` the conversion needs, in call order.
    family : {"gaussian", "bernoulli", "poisson"}
        What the decoder's output stands for.
    """

    name: str
    meaning: str
    sizes: tuple[str, ...] = ()
    family: Family = "gaussian"

    @property
    def function(self) -> str:
        """Name of the emitted functions behind ``temperature_`` and ``beta_``."""
        return self.name.replace("-", "_")


CONVENTIONS: Mapping[str, LossConvention] = MappingProxyType(
    {
        convention.name: convention
        for convention in (
            LossConvention("elbo", "-log N(x; f, η²) + β KL, per row", ("decoder_variance",)),
            LossConvention("half-sse", "½‖x − f‖² + β KL, per row"),
            LossConvention("sse", "‖x − f‖² + β KL, per row"),
            LossConvention("mse", "squared error averaged over rows and features + β KL per row", ("features",)),
            LossConvention(
                "mse-mean-kl",
                "squared error averaged over rows and features + β KL averaged over rows and latents",
                ("features", "latents"),
            ),
            LossConvention(
                "mse-sum-kl",
                "squared error averaged over rows and features + β KL summed over the batch",
                ("features", "batch"),
            ),
            LossConvention("bce", "binary cross-entropy summed over features + β KL, per row", family="bernoulli"),
            LossConvention("poisson", "Poisson log-likelihood summed over features + β KL, per row", family="poisson"),
        )
    }
)
"""The ways to write the loss, by name."""

LOSSES = tuple(CONVENTIONS)
"""Their names."""

_ARGUMENT = {"batch": "batch_size"}
_WHAT = {"features": "the number of columns", "latents": "the number of latents", "batch": "the rows in a batch"}


def loss_convention(loss: str) -> LossConvention:
    """Look a loss up by name.

    Raises
    ------
    InputError
        If the name is unknown.

    Examples
    --------
    >>> loss_convention("mse-sum-kl").sizes
    ('features', 'batch')
    """
    if not isinstance(loss, str) or loss not in CONVENTIONS:
        meant = did_you_mean(loss, LOSSES)
        raise InputError(
            f"loss must be one of {', '.join(LOSSES)}, got {loss!r}{meant}; choose the one your code minimises"
        )
    return CONVENTIONS[loss]


def temperature_of(
    loss: str,
    beta: ArrayLike,
    *,
    features: int | None = None,
    latents: int | None = None,
    batch_size: int | None = None,
    decoder_variance: float | None = None,
) -> NDArray[np.float64]:
    """Temperature at which a loss trains.

    Parameters
    ----------
    loss : str
        One of `LOSSES`.
    beta : array_like
        β > 0, as the code writes it.
    features, latents, batch_size : int, optional
        D, K and B; needed by the losses whose `LossConvention.sizes` name them, otherwise unused.
    decoder_variance : float, optional
        η² of ``elbo``; 1 by default, otherwise unused.

    Returns
    -------
    ndarray of float64
        T, shape of `beta`.

    Raises
    ------
    InputError
        For an unknown loss, β that is not positive and finite, or a size that is missing or out of range.

    Notes
    -----
    Alemi et al., arXiv:1711.00464; Hirn, arXiv:2605.22691; derived in ``theory.loss``.

    Examples
    --------
    >>> float(temperature_of("mse", 0.5, features=8))  # β D / 2
    2.0
    >>> float(beta_of("mse", temperature_of("mse", 0.5, features=8), features=8))
    0.5
    """
    convention = loss_convention(loss)
    b = _numbers("beta", beta)
    if not (np.isfinite(b) & (b > 0)).all():
        raise InputError(f"beta must be positive and finite, got {beta!r:.60}; it is the weight of the divergence")
    return _convert("temperature", convention, b, features, latents, batch_size, decoder_variance)


def beta_of(
    loss: str,
    temperature: ArrayLike,
    *,
    features: int | None = None,
    latents: int | None = None,
    batch_size: int | None = None,
    decoder_variance: float | None = None,
) -> NDArray[np.float64]:
    """Weight of the divergence that puts a loss at a temperature; the inverse of `temperature_of`.

    Parameters
    ----------
    loss, features, latents, batch_size, decoder_variance
        As in `temperature_of`.
    temperature : array_like
        T, not negative; a threshold may be 0 and the end of an interval infinite.

    Returns
    -------
    ndarray of float64
        β, shape of `temperature`.

    Raises
    ------
    InputError
        As `temperature_of`.

    Examples
    --------
    >>> beta_of("mse-mean-kl", [4.0, 1.0], features=8, latents=2)  # 2 K T / D
    array([2. , 0.5])
    """
    convention = loss_convention(loss)
    t = _numbers("temperature", temperature)
    if not (t >= 0).all():
        raise InputError(f"temperature must not be negative, got {temperature!r:.60}; it is a variance")
    return _convert("beta", convention, t, features, latents, batch_size, decoder_variance)


def _convert(
    direction: str,
    convention: LossConvention,
    value: NDArray[np.float64],
    features: int | None,
    latents: int | None,
    batch: int | None,
    variance: float | None,
) -> NDArray[np.float64]:
    given = {"features": features, "latents": latents, "batch": batch}
    sizes = [
        _variance(variance) if size == "decoder_variance" else _count(convention.name, size, given[size])
        for size in convention.sizes
    ]
    converted: NDArray[np.float64] = getattr(_formulas, f"{direction}_{convention.function}")(value, *sizes)
    return converted


def _numbers(name: str, value: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise InputError(f"{name} must be a real number or an array of them, got {value!r:.60}; give numbers")
    return array.astype(np.float64)


def _variance(value: float | None) -> float:
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < np.inf:
        raise InputError(
            f"decoder_variance must be positive and finite, got {value!r}; give η², 1 if your code has none"
        )
    return float(value)


def _count(loss: str, size: str, value: int | None) -> float:
    name = _ARGUMENT.get(size, size)
    if value is None:
        raise InputError(f"loss {loss!r} needs {name}, {_WHAT[size]}; give it")
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} must be an integer of at least 1, got {value!r}; count {_WHAT[size]}")
    return float(value)
