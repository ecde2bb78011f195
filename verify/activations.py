"""Activations of hidden layers and their derivatives, in place.

======  ===========================================================  =========
symbol  meaning                                                      shape
======  ===========================================================  =========
a       pre-activation, overwritten by φ(a), then by scratch         (M, h, B)
s       what the derivative needs beside φ(a); unused by tanh, relu  (M, h, B)
δ       gradient with respect to φ(a), overwritten by that of a      (M, h, B)
======  ===========================================================  =========

Each function is written so that nothing overflows and nothing is allocated. The derivative is a function of the
*value* where that is possible, which saves keeping the pre-activation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["ACTIVATIONS", "Activation"]

Array = npt.NDArray[Any]


class Activation(Protocol):
    """A scalar function φ, applied to every entry."""

    needs_scratch: bool
    """Whether s is used."""
    gain: float
    """Factor of He initialisation that keeps the variance of a signal through a layer."""

    def apply(self, a: Array, s: Array) -> None:
        """Replace a by φ(a); keep in s what :meth:`pull_back` needs."""

    def pull_back(self, a: Array, s: Array, delta: Array) -> None:
        """Multiply δ by φ′; destroys the value in a, and s."""


class _Tanh:
    needs_scratch = False
    gain = 5 / 3

    def apply(self, a: Array, s: Array) -> None:
        np.tanh(a, out=a)

    def pull_back(self, a: Array, s: Array, delta: Array) -> None:
        np.square(a, out=a)
        np.subtract(1, a, out=a)
        delta *= a


class _Relu:
    needs_scratch = False
    gain = 2**0.5

    def apply(self, a: Array, s: Array) -> None:
        np.maximum(a, 0, out=a)

    def pull_back(self, a: Array, s: Array, delta: Array) -> None:
        np.sign(a, out=a)  # the value is not negative, so its sign is the step function
        delta *= a


class _Silu:
    """``a/(1 + e^{−a})``, by way of tanh, which cannot overflow and is vectorised in both precisions."""

    needs_scratch = True
    gain = 2**0.5  # what is in use; no gain is exact for it

    def apply(self, a: Array, s: Array) -> None:
        a *= 0.5
        np.tanh(a, out=s)
        s += 1  # twice the logistic function
        a *= s

    def pull_back(self, a: Array, s: Array, delta: Array) -> None:
        # φ′ = g + φ(1 − g) = 1 + (1 − φ)(g − 1) with the logistic function g = s/2.
        s *= 0.5
        s -= 1
        np.subtract(1, a, out=a)
        s *= a
        s += 1
        delta *= s


ACTIVATIONS: Final[Mapping[str, Activation]] = MappingProxyType({"tanh": _Tanh(), "silu": _Silu(), "relu": _Relu()})
"""Activations by name."""
