"""The functions of many VAEs of one architecture: parameters in one flat buffer, encode, decode.

======  ==============================================================  ===========================
symbol  meaning                                                         shape
======  ==============================================================  ===========================
M       models; D features, K latents, N rows
θ       parameters of all models, one tensor after the other            (P,)
W_l     weights of a layer, the bias as last column                     (M, h_{l+1}, h_l + 1)
c       constant ln σ², if the class has no width head                  (M, K)
ω       ln η² of the decoder, if it is learned                          (M,)
μ, ρ    posterior mean, ρ = ln σ² (within the clamp)                    (M, N, K)
======  ==============================================================  ===========================
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import InputError

from .activations import ACTIVATIONS
from .architecture import Architecture
from .likelihoods import LIKELIHOODS
from .perceptron import Perceptron

__all__ = ["NetworkParameters", "StackedNetwork"]

Array = npt.NDArray[Any]

_BLOCK = 1024  # rows at a time: the buffers of a model stay in cache


class NetworkParameters:
    """Views of a flat buffer as the tensors of M models.

    Parameters
    ----------
    architecture : Architecture
        What the tensors are.
    features, latents, models : int
        D, K and M.
    flat : ndarray (P,)
        The buffer; :meth:`size` says how long it must be.

    Attributes
    ----------
    encoder, decoder : list of ndarray (M, out, in + 1)
        W_l.
    log_variance : ndarray (M, K) or None
        c.
    omega : ndarray (M,) or None
        ω.
    """

    __slots__ = ("architecture", "decoder", "encoder", "latents", "log_variance", "omega")

    def __init__(self, architecture: Architecture, features: int, latents: int, models: int, flat: Array) -> None:
        self.architecture, self.latents = architecture, latents
        start = 0
        blocks = []
        for shape in _shapes(architecture, features, latents):
            size = models * math.prod(shape)
            blocks.append(flat[start : start + size].reshape(models, *shape))
            start += size
        encoder, decoder = architecture.layers(features, latents)
        self.encoder: list[Array] = blocks[: len(encoder) - 1]
        self.decoder: list[Array] = blocks[len(encoder) - 1 : len(encoder) + len(decoder) - 2]
        rest = iter(blocks[len(encoder) + len(decoder) - 2 :])
        self.log_variance: Array | None = next(rest) if architecture.constant_width else None
        self.omega: Array | None = next(rest) if LIKELIHOODS[architecture.likelihood].learns_variance else None

    @staticmethod
    def size(architecture: Architecture, features: int, latents: int) -> int:
        """Parameters of one model."""
        return sum(math.prod(shape) for shape in _shapes(architecture, features, latents))

    def tensors(self) -> Iterator[Array]:
        """All views, each (M, …), in the order of the buffer."""
        yield from self.encoder
        yield from self.decoder
        yield from (view for view in (self.log_variance, self.omega) if view is not None)

    def part(self, models: slice) -> NetworkParameters:
        """Views of some of the models."""
        part = copy.copy(self)
        part.encoder, part.decoder = [w[models] for w in self.encoder], [w[models] for w in self.decoder]
        part.log_variance = None if self.log_variance is None else self.log_variance[models]
        part.omega = None if self.omega is None else self.omega[models]
        return part

    def initialize(self, generators: Sequence[np.random.Generator]) -> None:
        """Draw all weights of a model from its generator, layer after layer; constants start at their first value."""
        for which in (self.encoder, self.decoder):
            for layer, tensor in enumerate(which):
                gain = 1.0 if layer == len(which) - 1 else ACTIVATIONS[self.architecture.activation].gain
                for weights, generator in zip(tensor, generators, strict=True):
                    _draw(self.architecture.initial, weights, gain, generator)
        bias = self.architecture.log_variance_bias
        if self.log_variance is None:
            self.encoder[-1][:, self.latents :, -1] = bias
        else:
            self.log_variance[:] = bias
        if self.omega is not None:
            self.omega[:] = 0

    def export(self) -> dict[str, Array]:
        """Copies in float64 under the names of :meth:`named`, each (M, …)."""
        return {name: view.astype(np.float64) for name, view in self.named().items()}

    def load(self, parameters: Mapping[str, Array]) -> None:
        """Copy tensors of the names and shapes of :meth:`named` into the buffer.

        Raises
        ------
        InputError
            If a name is missing or unknown, or a shape differs.
        """
        views = self.named()
        wrong = sorted(views.keys() ^ parameters.keys())
        if wrong:
            state = "is missing" if wrong[0] in views else "is unknown"
            raise InputError(f"parameters: {wrong[0]!r} {state}; give those of this architecture: {', '.join(views)}")
        for name, view in views.items():
            given = np.asarray(parameters[name])
            if given.shape != view.shape:
                raise InputError(
                    f"parameters: {name!r} must have shape {view.shape}, got {given.shape}; see its layers"
                )
            view[...] = given

    def named(self) -> dict[str, Array]:
        """Views by name: ``encoder.0.weight``, ``mean.bias``, ``decoder.1.weight``, … as PyTorch would name layers.

        The two heads are ``mean`` and ``log_variance``; without a width head the latter is the constant itself.
        """
        k, named = self.latents, dict[str, Array]()
        for layer, w in enumerate(self.encoder[:-1]):
            named |= _split(f"encoder.{layer}", w)
        named |= _split("mean", self.encoder[-1][:, :k])
        if self.log_variance is None:
            named |= _split("log_variance", self.encoder[-1][:, k:])
        else:
            named["log_variance"] = self.log_variance
        for layer, w in enumerate(self.decoder):
            named |= _split(f"decoder.{layer}", w)
        if self.omega is not None:
            named["decoder_log_variance"] = self.omega
        return named


class StackedNetwork:
    """Encoders and decoders of M models, evaluated on any rows.

    Parameters
    ----------
    parameters : NetworkParameters
        Read at each call, so that training shows.

    Examples
    --------
    >>> linear = Architecture(model_class="linear", initial="glorot")
    >>> flat = np.zeros(2 * NetworkParameters.size(linear, 3, 1))                         # two models, D = 3, K = 1
    >>> network = StackedNetwork(NetworkParameters(linear, 3, 1, 2, flat))
    >>> network.parameters.initialize([np.random.default_rng(0), np.random.default_rng(1)])
    >>> mu, log_variance = network.encode(np.eye(3))
    >>> network.decode(mu).shape, bool((log_variance == 0).all())
    ((2, 3, 3), True)
    """

    def __init__(self, parameters: NetworkParameters) -> None:
        self.parameters = parameters

    @property
    def features(self) -> int:
        """D."""
        return len(self.parameters.decoder[-1][0])

    def encode(self, x: Array) -> tuple[Array, Array]:
        """Return ``(mu, log_variance)``, each (M, N, K) float64, of rows (N, D).

        Raises
        ------
        InputError
            If the rows do not have D columns.
        """
        p, k = self.parameters, self.parameters.latents
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.features:
            raise InputError(f"x must have {self.features} columns like the network, got shape {x.shape}; check them")
        seen = x if p.architecture.visible == "all" else x[:, p.architecture.visible]
        heads = self._run(p.encoder, np.broadcast_to(seen, (len(p.encoder[0]), *seen.shape)))
        if p.log_variance is None:
            return heads[..., :k].copy(), clamp(heads[..., k:], p.architecture)
        constant = clamp(p.log_variance.astype(np.float64), p.architecture)
        return heads, np.broadcast_to(constant[:, None], heads.shape).copy()

    def decode(self, z: Array) -> Array:
        """Return ``E[x|z]`` (M, N, D) float64 of latents (M, N, K): the mean, or for Bernoulli the probability."""
        p = self.parameters
        z = np.asarray(z)
        if z.ndim != 3 or z.shape[0] != len(p.decoder[0]) or z.shape[2] != p.latents:
            raise InputError(f"z must have shape ({len(p.decoder[0])}, N, {p.latents}), got {z.shape}; one N of rows")
        natural = self._run(p.decoder, z)
        LIKELIHOODS[p.architecture.likelihood].mean(natural)
        return natural

    def _run(self, weights: Sequence[Array], rows: Array) -> Array:
        """Outputs (M, N, out) of inputs (M, N, in), model by model and block by block."""
        dtype = weights[0].dtype
        layers = (weights[0].shape[2] - 1, *(w.shape[1] for w in weights))
        models, n = rows.shape[:2]
        block = min(_BLOCK, max(n, 1))
        workspace = Perceptron(layers, self.parameters.architecture.activation, 1, block, dtype)
        inputs = np.ones((1, layers[0] + 1, block), dtype)
        outputs = np.empty((models, n, layers[-1]))
        for model in range(models):
            own = [w[model : model + 1] for w in weights]
            for start in range(0, n, block):
                piece = rows[model, start : start + block]
                a = inputs[:, :, : len(piece)]
                a[0, :-1] = piece.T
                outputs[model, start : start + block] = workspace.forward(own, a)[0].T
        return outputs


def clamp(log_variance: Array, architecture: Architecture) -> Array:
    """ln σ² within the bounds of the architecture."""
    return log_variance if architecture.clamp is None else np.clip(log_variance, *architecture.clamp)


def _shapes(architecture: Architecture, features: int, latents: int) -> list[tuple[int, ...]]:
    """Shapes of the tensors of one model, in the order of the buffer."""
    shapes: list[tuple[int, ...]] = [
        (out, units + 1) for layers in architecture.layers(features, latents) for units, out in pairwise(layers)
    ]
    if architecture.constant_width:
        shapes.append((latents,))
    if LIKELIHOODS[architecture.likelihood].learns_variance:
        shapes.append(())
    return shapes


def _split(name: str, weights: Array) -> dict[str, Array]:
    return {f"{name}.weight": weights[:, :, :-1], f"{name}.bias": weights[:, :, -1]}


def _draw(initial: str, weights: Array, gain: float, generator: np.random.Generator) -> None:
    """Fill the weights (out, in + 1) of one layer."""
    out, inputs = weights.shape[0], weights.shape[1] - 1
    weights[:, -1] = 0
    if initial == "kaiming":
        weights[:, :-1] = gain / math.sqrt(inputs) * generator.standard_normal((out, inputs))
    elif initial == "glorot":
        bound = gain * math.sqrt(6 / (inputs + out))
        weights[:, :-1] = generator.uniform(-bound, bound, (out, inputs))
    else:
        bound = 1 / math.sqrt(inputs)
        weights[:] = generator.uniform(-bound, bound, (out, inputs + 1))
