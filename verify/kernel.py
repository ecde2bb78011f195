"""What the training loop needs of a family of models, and nothing more.

======  ==================================================  =====
symbol  meaning                                             shape
======  ==================================================  =====
M       models of a chunk                                   ()
P       parameters of all M models                          ()
T       temperature of each model (β, where η² is learned)  (M,)
F       free energy E‖x − f(z)‖² + 2T E KL, units of x²     (M,)
======  ==================================================  =====

One protocol serves linear models with exact expectations, linear models with minibatches and noise, and networks: the
loop of :mod:`verify.training` knows temperatures, flat buffers and generators, and never looks inside a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Kernel"]

Array = npt.NDArray[Any]


class Kernel(Protocol):
    """A chunk of M models with all their parameters in one flat buffer.

    The life of a kernel: ``initialize``; then, any number of times, ``set_temperatures``, many ``differentiate``, each
    with an optimiser step on ``theta``, and ``evaluate`` and ``export``. What the next ``differentiate`` depends on is
    ``theta``, T, the states of the generators (the loop owns them) and ``state()``; restoring these four continues to
    the last bit.
    """

    theta: Array
    """Parameters of all models, (P,); written by the optimiser and by ``initialize`` only."""
    gradient: Array
    """Gradient of ½F in the same order, (P,); the optimiser may overwrite it."""

    def owners(self) -> npt.NDArray[np.intp]:
        """Return for each entry of ``theta`` the number of the model it belongs to, (P,).

        A model that has stopped early is frozen through this map. No entry may be shared between models.
        """

    def set_temperatures(self, temperatures: Array) -> None:
        """Set T of every model, (M,); allowed between any two steps. T = 0 is an autoencoder with noise."""

    def initialize(self, generators: Sequence[np.random.Generator]) -> None:
        """Draw fresh parameters, one generator per model; a noisy kernel keeps them for its noise."""

    def differentiate(self) -> None:
        """Write the gradient of ½F at ``theta`` to ``gradient``."""

    def validation_loss(self) -> Array:
        """Return F on the validation rows (the training rows if there are none) at the present T, (M,) in float64.

        Noise in it, if any, is the same at every call, so that two values differ by the parameters alone.
        """

    def evaluate(self) -> dict[str, Array]:
        """Return the numbers to record at the end of a stage, each (M, …); linear: ``loss`` and ``gradient_norm``."""

    def export(self) -> dict[str, Array]:
        """Return copies of the parameters by name, each (M, …)."""

    def state(self) -> dict[str, Array]:
        """Return what the next step depends on beside ``theta``, T and the generators, e.g. the rest of an epoch."""

    def restore(self, state: dict[str, Array]) -> None:
        """Take back what :meth:`state` returned."""
