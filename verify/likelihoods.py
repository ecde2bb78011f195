"""How a reconstruction is scored: loss, gradient and mean of three likelihoods.

======  ====================================================================  ==========
symbol  meaning                                                               shape
======  ====================================================================  ==========
x       target rows, features first                                           (D, B)
f       natural output of the decoder: mean (Gaussian) or logits (Bernoulli)  (M, D, B)
ω       ln η² of the decoder, one per model; None where it is not learned     (M,)
ℓ       loss of a row: twice −ln p(x|z), up to what no parameter changes      (M, B)
δ       ½ ∂ℓ/∂f                                                               (M, D, B)
======  ====================================================================  ==========

The free energy of a model is ``F = E ℓ + 2T E KL`` in every case, so that one kernel trains all of them; what T means
follows from ℓ:

=============================  =============================  ====================================================
likelihood                     ℓ                              the kernel's temperature T
=============================  =============================  ====================================================
``gaussian``                   ‖x − f‖²                       βη² in units of x², η² fixed
``gaussian-learned-variance``  ‖x − f‖²/η² + D ln η²          β; the temperature of the data is β·η² with the η²
                                                              that the model has learned
``bernoulli``                  2 Σ_d [ln(1 + e^f) − x f]      β; twice the binary cross-entropy, x in [0, 1]
=============================  =============================  ====================================================

All three are exponential families with canonical link, hence ``δ = (E[x|f] − x)/η²`` with η² = 1 unless learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from theory.errors import InputError

__all__ = ["LIKELIHOODS", "Likelihood"]

Array = npt.NDArray[Any]


class Likelihood(Protocol):
    """Scores the output of stacked decoders."""

    learns_variance: bool
    """Whether ω is a parameter."""

    def check(self, x: Array, name: str) -> None:
        """Raise InputError, with the name of the rows, if the rows x (N, D) cannot be targets."""

    def loss(self, f: Array, x: Array, omega: Array | None) -> Array:
        """ℓ of every model and row, (M, B); overwrites f."""

    def pull(self, f: Array, x: Array, omega: Array | None, g_omega: Array | None) -> None:
        """Overwrite f by δ, and g_omega (M,) by ½ ∂ Σ_B ℓ/∂ω."""

    def mean(self, f: Array) -> None:
        """Overwrite f by E[x|f]."""


class _Gaussian:
    learns_variance = False

    def check(self, x: Array, name: str) -> None:
        """Any finite row will do."""

    def loss(self, f: Array, x: Array, omega: Array | None) -> Array:
        f -= x
        squares: Array = np.einsum("mdb,mdb->mb", f, f)
        return squares

    def pull(self, f: Array, x: Array, omega: Array | None, g_omega: Array | None) -> None:
        f -= x

    def mean(self, f: Array) -> None:
        """The natural output is the mean."""


class _LearnedVariance(_Gaussian):
    learns_variance = True

    def loss(self, f: Array, x: Array, omega: Array | None) -> Array:
        assert omega is not None
        w = omega.astype(f.dtype)[:, None]
        loss: Array = super().loss(f, x, None) * np.exp(-w) + f.shape[1] * w
        return loss

    def pull(self, f: Array, x: Array, omega: Array | None, g_omega: Array | None) -> None:
        assert omega is not None and g_omega is not None
        f -= x
        scale = np.exp(-omega)
        np.einsum("mdb,mdb->m", f, f, out=g_omega)
        g_omega *= -0.5 * scale
        g_omega += 0.5 * f.shape[1] * f.shape[2]
        f *= scale[:, None, None]


class _Bernoulli:
    learns_variance = False

    def check(self, x: Array, name: str) -> None:
        outside = np.argwhere((x < 0) | (x > 1))
        if outside.size:
            row, column = outside[0]
            raise InputError(
                f"{name} must lie in [0, 1] for the bernoulli likelihood, row {row} of column {column} has "
                f"{x[row, column]:.6g}; rescale the columns and do not centre them"
            )

    def loss(self, f: Array, x: Array, omega: Array | None) -> Array:
        loss: Array = 2 * (np.logaddexp(0, f) - f * x).sum(1)
        return loss

    def pull(self, f: Array, x: Array, omega: Array | None, g_omega: Array | None) -> None:
        self.mean(f)
        f -= x

    def mean(self, f: Array) -> None:
        # The logistic function by way of tanh: exp(−f) would overflow.
        f *= 0.5
        np.tanh(f, out=f)
        f += 1
        f *= 0.5


LIKELIHOODS: Final[Mapping[str, Likelihood]] = MappingProxyType(
    {"gaussian": _Gaussian(), "gaussian-learned-variance": _LearnedVariance(), "bernoulli": _Bernoulli()}
)
"""Likelihoods by name."""
