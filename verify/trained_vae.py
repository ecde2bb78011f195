"""One trained VAE by its parameters: encode rows, decode latents.

======  ================================  ==========
symbol  meaning                           shape
======  ================================  ==========
μ, ρ    posterior mean, ln σ²             (N, K)
z       latents                           (N, K)
f       decoder mean (or probabilities)   (N, D)
======  ================================  ==========
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import InputError

from .architecture import Architecture
from .stacked_network import NetworkParameters, StackedNetwork

__all__ = ["TrainedVAE", "network_from"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedVAE:
    """One trained VAE, in the units that it was trained in.

    Parameters
    ----------
    architecture : Architecture
        What the functions are.
    network : StackedNetwork
        Its functions, a stack of one.
    """

    architecture: Architecture
    network: StackedNetwork

    @property
    def features(self) -> int:
        """D."""
        return self.network.features

    @property
    def latents(self) -> int:
        """K."""
        return self.network.parameters.latents

    @property
    def decoder_variance(self) -> float | None:
        """η² of the decoder in units of x², if it was learned."""
        omega = self.network.parameters.omega
        return None if omega is None else float(np.exp(omega[0]))

    def encode(self, x: Array) -> tuple[Array, Array]:
        """Return ``(mu, log_variance)``, each (N, K), of rows (N, D)."""
        mu, log_variance = self.network.encode(x)
        return mu[0], log_variance[0]

    def decode(self, z: Array) -> Array:
        """Return ``E[x|z]`` (N, D) of latents (N, K)."""
        decoded: Array = self.network.decode(np.asarray(z)[None])[0]
        return decoded


def network_from(
    parameters: Mapping[str, Array], architecture: Architecture, *, dtype: npt.DTypeLike = np.float64
) -> TrainedVAE:
    """The VAE of one model's exported parameters.

    Parameters
    ----------
    parameters : mapping of str to ndarray
        As :meth:`NetworkKernel.export` names them, without the axis of models: ``encoder.0.weight (h, D)``,
        ``encoder.0.bias (h,)``, …, ``mean.weight (K, h)``, ``mean.bias (K,)``, ``log_variance.weight``,
        ``log_variance.bias`` (or ``log_variance (K,)``, the constant), ``decoder.0.weight``, … and, if η² is learned,
        ``decoder_log_variance ()``.
    architecture : Architecture
        What they are the parameters of.
    dtype : dtype
        Of the computation.

    Raises
    ------
    InputError
        If a name or shape does not fit the architecture.

    Examples
    --------
    >>> linear = Architecture(model_class="linear")
    >>> vae = network_from({"mean.weight": np.array([[0.5, 0.0]]), "mean.bias": np.zeros(1),
    ...                     "log_variance": np.log([0.25]),
    ...                     "decoder.0.weight": np.array([[2.0], [0.0]]), "decoder.0.bias": np.zeros(2)}, linear)
    >>> mu, log_variance = vae.encode(np.array([[2.0, 7.0]]))
    >>> mu, np.exp(log_variance), vae.decode(mu)
    (array([[1.]]), array([[0.25]]), array([[2., 0.]]))
    """
    depth = sum(name.startswith("decoder.") and name.endswith(".bias") for name in parameters)
    last = f"decoder.{max(depth - 1, 0)}.bias"
    for name in ("mean.bias", last):
        if name not in parameters or np.ndim(parameters[name]) != 1:
            raise InputError(f"parameters: {name!r} must be there, one number per unit; is the architecture another?")
    latents, features = len(parameters["mean.bias"]), len(parameters[last])
    flat = np.empty(NetworkParameters.size(architecture, features, latents), dtype)
    network = StackedNetwork(NetworkParameters(architecture, features, latents, 1, flat))
    network.parameters.load({name: np.asarray(value)[None] for name, value in parameters.items()})
    return TrainedVAE(architecture, network)
