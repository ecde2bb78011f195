"""The collapsed state of a network in its parameters, and small linear signals beside it.

======  ==============================================================  ======
symbol  meaning                                                         shape
======  ==============================================================  ======
μ, σ    posterior mean and width: 0 and 1 at collapse                   (N, 1)
f       natural output of the decoder: that of the mean of x            (D,)
w       weights of a layer, the bias as last column
======  ==============================================================  ======

Collapse is a state of functions; of the many parameters that give it, hidden layers made of pairs of units w·x and
−w·x are those from which a linear signal can start: φ(a) − φ(−a) is linear for ReLU and SiLU, and nearly so for tanh.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from theory.errors import InputError

from .architecture import Architecture
from .stacked_network import NetworkParameters

__all__ = ["TRUNKS", "collapsed_network", "seen_columns"]

Array = npt.NDArray[Any]

TRUNKS: Final = ("linear", "drawn")
"""Hidden layers: mirrored units that pass linear functions on, or as the architecture draws them."""

_PREACTIVATION = 0.2  # standard deviation at which tanh is linear to some per mille


def collapsed_network(
    x: Array,
    architecture: Architecture,
    flat: Array,
    generators: Sequence[np.random.Generator],
    *,
    trunk: str = "linear",
    amplitude: float = 0.0,
) -> NetworkParameters:
    """Write collapsed states into a buffer, with a small linear signal in a random direction if wanted.

    Parameters
    ----------
    x : ndarray (N, D)
        Rows; centred for a Gaussian decoder.
    architecture : Architecture
        With one latent, μ = 0, ln σ² = 0 and a decoder that returns the mean of x.
    flat : ndarray (P,)
        Buffer of as many models as there are generators.
    generators : sequence of numpy.random.Generator
        One per model.
    trunk : {"linear", "drawn"}
        Hidden layers: units in pairs w·x, −w·x, whose differences are linear functions (exactly for ReLU and SiLU, to
        some per mille for tanh) and, in layers that are wide enough, all of them; or as the architecture draws them.
    amplitude : float
        Length, in the mean square, of the weights of each output of the heads.

    Returns
    -------
    NetworkParameters
        Views of the buffer.

    Raises
    ------
    InputError
        If the trunk is unknown.
    """
    if trunk not in TRUNKS:
        raise InputError(f"trunk must be one of {', '.join(TRUNKS)}, got {trunk!r}; choose one of them")
    p = NetworkParameters(architecture, x.shape[1], 1, len(generators), flat)
    p.initialize(generators)
    seen = seen_columns(x, architecture)
    for which, inputs in ((p.encoder, seen), (p.decoder, np.array([[1.0], [-1.0]]))):
        for m, generator in enumerate(generators):
            if trunk == "linear":
                _mirror([w[m] for w in which[:-1]], inputs, generator)
            head = which[-1][m]
            head[:] = 0
            if which is p.decoder:
                head[:, -1] = _natural(x, architecture)
                rows = head
            else:
                rows = head[:1]
            width = head.shape[1] - 1
            size = amplitude / math.sqrt(width)
            if len(which) == 1 or trunk == "drawn":
                rows[:, :-1] = size * generator.standard_normal((len(rows), width))
            else:
                half = width // 2
                rows[:, :half] = size * generator.standard_normal((len(rows), half))
                rows[:, half : 2 * half] = -rows[:, :half]
    if p.log_variance is not None:
        p.log_variance[:] = 0
    if p.omega is not None:
        p.omega[:] = np.log(np.mean(x.var(0)))
    return p


def seen_columns(x: Array, architecture: Architecture) -> Array:
    """Columns of x (N, D) that the encoder sees."""
    return x if architecture.visible == "all" else x[:, list(architecture.visible)]


def _mirror(layers: Sequence[Array], inputs: Array, generator: np.random.Generator) -> None:
    """Fill hidden layers with pairs of units that see the same linear function with both signs."""
    for depth, w in enumerate(layers):
        half = w.shape[0] // 2
        n = w.shape[1] - 1 if depth == 0 else (w.shape[1] - 1) // 2
        q = np.linalg.qr(generator.standard_normal((max(half, n), min(half, n))))[0]
        q = q if half >= n else q.T
        w[:] = 0
        if depth == 0:
            w[:half, :n] = q * min(1.0, _PREACTIVATION / math.sqrt(np.mean((inputs @ q.T).var(0))))
        else:
            w[:half, :n], w[:half, n : 2 * n] = q, -q
        w[half : 2 * half] = -w[:half]


def _natural(x: Array, architecture: Architecture) -> Array:
    """Output of the collapsed decoder: the mean, or the logits of it."""
    mean = x.mean(0)
    return np.asarray(np.log(mean / (1 - mean))) if architecture.likelihood == "bernoulli" else mean
