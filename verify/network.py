"""Training step of many fully connected VAEs at once, by hand-written backpropagation.

Encoder ``q(z|x) = N(μ(x), diag σ²(x))``, decoder output ``f(z)``, free energy ``F = E ℓ(x, f) + 2T E KL`` with ℓ of
:mod:`verify.likelihoods`: ``‖x − f‖²`` for the Gaussian decoder, where F = 2η²·(−ELBO) and T = βη² (Hirn
arXiv:2605.22691, Lucas et al. 2019).

======  ==========================================================  ===================
symbol  meaning                                                     shape
======  ==========================================================  ===================
M, m    models of a chunk, of a tile
D, K    features, latents
N, B    rows of the data, of a minibatch
T       temperature of each model (β where ℓ has its own variance)  (M,)
μ, ρ    posterior mean, ρ = ln σ² within the clamp                  (m, K, B)
ε, z    noise, z = μ + σε                                           (m, K, B)
f, δ    output of the decoder, δ = ½ ∂ℓ/∂f                          (m, D, B)
p       ½ ∂ℓ/∂z, the pull of the reconstruction                     (m, K, B)
======  ==========================================================  ===================

A minibatch is shared by the models of a chunk; noise is fresh for each model and step, from a generator of its own.
The models are treated in tiles whose buffers fit the cache. No sum runs over models, and so neither the cut into tiles
nor that into chunks changes a bit of any of them, given the same minibatches.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .aligned import aligned
from .architecture import Architecture
from .likelihoods import LIKELIHOODS
from .minibatches import Minibatches
from .noise import fill_normal
from .perceptron import Perceptron, Scratch
from .stacked_network import NetworkParameters, StackedNetwork

__all__ = ["TILE_BYTES", "NetworkKernel"]

Array = npt.NDArray[Any]

TILE_BYTES = 1 << 20
"""Buffers of a tile: half of the second-level cache of a current core; twice as much is no faster."""

# Root of the noise of losses on rows that are looked at, the same at every call: two losses then differ by the
# parameters alone. Training never draws from it, so nothing can fit it.
_VALIDATION_NOISE = np.random.SeedSequence(0, spawn_key=(2,))


class NetworkKernel:
    """Minibatch free energy of stacked VAEs with reparametrisation noise; a :class:`verify.kernel.Kernel`.

    Parameters
    ----------
    x : ndarray (N, D)
        Rows; centred for a Gaussian decoder, in [0, 1] for a Bernoulli one.
    temperatures : ndarray (M,)
        One T ≥ 0 per model, units of x² (β where the likelihood has its own variance).
    latents : int
        K.
    architecture : Architecture
        Shared by all models.
    batch_size : int
        B: every row once per epoch, or, with weights, drawn in proportion to them.
    rows : numpy.random.Generator
        Draws the minibatches.
    weights : ndarray (N,) or None
        Non-negative weights of the rows.
    validation : ndarray (N', D) or None
        Rows of ``validation_loss``; the training rows if None.
    dtype : dtype
        float64 or float32.

    Raises
    ------
    InputError
        If the architecture sees columns that x does not have, or the likelihood does not admit the values of x.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> small = Architecture(encoder=(8,), decoder=(8,))
    >>> kernel = NetworkKernel(rng.standard_normal((50, 3)), np.array([0.1]), 2, small, batch_size=50, rows=rng)
    >>> kernel.initialize([np.random.default_rng(1)])
    >>> before = kernel.validation_loss()
    >>> for _ in range(100):
    ...     kernel.differentiate()
    ...     kernel.theta -= 0.05 * kernel.gradient
    >>> bool(kernel.validation_loss()[0] < before[0])
    True
    """

    def __init__(
        self,
        x: Array,
        temperatures: Array,
        latents: int,
        architecture: Architecture,
        *,
        batch_size: int,
        rows: np.random.Generator,
        weights: Array | None = None,
        validation: Array | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        m, k, b, d = len(temperatures), latents, batch_size, x.shape[1]
        self._likelihood = LIKELIHOODS[architecture.likelihood]
        for name, given in (("x", x), ("validation", validation)):
            if given is not None:
                self._likelihood.check(given, name)
        self._architecture, self._k = architecture, k
        self._x = np.ascontiguousarray(x, dtype)
        self._validation = None if validation is None else np.ascontiguousarray(validation, dtype)
        self._weights = None if weights is None else np.asarray(weights, np.float64)
        self._minibatches = Minibatches(len(x), b, rows, weights)
        self._generators: Sequence[np.random.Generator] = ()
        self._t = np.array(temperatures, dtype)[:, None, None]
        self.theta = aligned(m * NetworkParameters.size(architecture, d, k), dtype, 0)
        self.gradient = aligned(self.theta.size, dtype, 0)
        self._parameters = NetworkParameters(architecture, d, k, m, self.theta)
        self._gradients = NetworkParameters(architecture, d, k, m, self.gradient)
        self._network = StackedNetwork(self._parameters)

        encoder, decoder = architecture.layers(d, k)
        self._batch = aligned((b, d), dtype)
        self._noise = aligned(m * k * b, dtype)
        self._uniform = aligned(m * (k * b + 1), dtype)
        self._target = aligned((d, b), dtype)
        self._inputs = aligned((encoder[0] + 1, b), dtype, 1)
        self._inputs_transposed = aligned((b, encoder[0] + 1), dtype, 1)
        self._cut(min(m, -(-m * _Workspace(encoder, decoder, architecture, 1, b, dtype).nbytes // TILE_BYTES)))

    def _cut(self, tiles: int) -> None:
        """Divide the models into so many tiles."""
        pieces = np.array_split(np.arange(len(self._t)), tiles)
        parts = [slice(int(piece[0]), int(piece[-1]) + 1) for piece in pieces]
        self._tiles = [_Tile(i, self._parameters.part(i), self._gradients.part(i), self._t[i]) for i in parts]
        layers = self._architecture.layers(self._x.shape[1], self._k)
        self._workspace = _Workspace(*layers, self._architecture, len(pieces[0]), len(self._batch), self._x.dtype)

    # Training

    def initialize(self, generators: Sequence[np.random.Generator]) -> None:
        """Draw all parameters, one generator per model. The generators then make the noise."""
        self._parameters.initialize(generators)
        self._generators = generators

    def set_temperatures(self, temperatures: Array) -> None:
        """Set T of every model, (M,)."""
        self._t[:, 0, 0] = temperatures

    def differentiate(self) -> None:
        """Draw a minibatch and noise, then write ∇½F."""
        np.take(self._x, self._minibatches.draw(), axis=0, out=self._batch, mode="clip")
        self.differentiate_at(self._batch, self._draw_noise(self._generators, len(self._batch)))

    def _draw_noise(self, generators: Sequence[np.random.Generator], rows: int) -> Array:
        """Fresh noise (M, K, B) for the models of the chunk."""
        flat = self._noise[: self._k * rows * len(generators)].reshape(len(generators), -1)
        fill_normal(generators, flat, self._uniform)
        return flat.reshape(len(generators), self._k, rows)

    def differentiate_at(self, batch: Array, noise: Array) -> None:
        """Write ∇½F for given rows (B, D) and noise (M, K, B), at most the batch size of rows."""
        count = len(batch)
        target, inputs = self._load(batch)
        for tile in self._tiles:
            self._differentiate_tile(tile, inputs, self._inputs_transposed[:count], target, noise[tile.models])
        self.gradient *= 1 / count

    def _load(self, batch: Array) -> tuple[Array, Array]:
        """Rows (B, D) as targets (D, B) and as inputs of the encoder with their row of ones, in both orders of axes."""
        count, visible = len(batch), self._architecture.visible
        target, inputs = self._target[:, :count], self._inputs[:, :count]
        np.copyto(target, batch.T)
        np.copyto(inputs[:-1], target if visible == "all" else target[visible, :])
        np.copyto(self._inputs_transposed[:count], inputs.T)
        return target, inputs

    def _differentiate_tile(
        self, tile: _Tile, inputs: Array, inputs_transposed: Array, target: Array, noise: Array
    ) -> None:
        """Write Σ_B ∇½ℓ + T∇KL of the models of one tile."""
        k, w, p, g, t = self._k, self._workspace, tile.parameters, tile.gradients, tile.temperatures
        m, rows = len(noise), noise.shape[2]
        pull, g_heads = w.pull[:m, :, :rows], w.g_heads[:m, :, :rows]
        mu, _, inside, sigma, jitter, z = self._sample(p, inputs, noise)
        f = w.decoder.forward(p.decoder, z)
        self._likelihood.pull(f, target, p.omega, g.omega)
        w.decoder.backward(p.decoder, g.decoder, z, f, into=pull)
        np.multiply(t, mu, out=g_heads[:, :k])
        g_heads[:, :k] += pull
        # ½F depends on ρ by z, as ∂z/∂ρ = ½σε, and by the rate: p·½σε + ½T(σ² − 1).
        pull *= jitter
        np.square(sigma, out=sigma)
        sigma -= 1
        sigma *= t
        if g.log_variance is None:
            g_rho = g_heads[:, k:]
            np.add(pull, sigma, out=g_rho)
            g_rho *= 0.5
            if inside is not None:
                g_rho *= inside
        else:
            g_c = g.log_variance
            pull.sum(2, out=g_c)
            g_c += rows * sigma[:, :, 0]
            g_c *= 0.5
            if inside is not None:
                g_c *= inside[:, :, 0]
        w.encoder.backward(p.encoder, g.encoder, inputs, g_heads, x_transposed=inputs_transposed)

    def _sample(
        self, parameters: NetworkParameters, inputs: Array, noise: Array
    ) -> tuple[Array, Array, Array | None, Array, Array, Array]:
        """Encode and draw: μ, ρ, where ρ is inside the clamp (None: everywhere), σ, σε and z with its row of ones.

        Of a constant width ρ, σ and the mask have one column instead of B.
        """
        k, w, c, bounds = self._k, self._workspace, parameters.log_variance, self._architecture.clamp
        m, _, rows = noise.shape
        heads = w.encoder.forward(parameters.encoder, inputs)
        rho = raw = heads[:, k:] if c is None else c[:, :, None]
        columns = raw.shape[2]
        sigma = w.sigma[:m, :, :columns]
        jitter, z = w.jitter[:m, :, :rows], w.z[:m, :, :rows]
        inside = None
        if bounds is not None and not (
            bounds[0] <= np.minimum.reduce(raw, None) and np.maximum.reduce(raw, None) <= bounds[1]
        ):
            rho, inside = w.rho[:m, :, :columns], w.inside[:m, :, :columns]
            np.maximum(raw, bounds[0], out=rho)
            np.minimum(rho, bounds[1], out=rho)
            np.equal(rho, raw, out=inside)
        np.multiply(rho, 0.5, out=sigma)
        np.exp(sigma, out=sigma)
        np.multiply(sigma, noise, out=jitter)
        np.add(heads[:, :k], jitter, out=z[:, :k])
        return heads[:, :k], rho, inside, sigma, jitter, z

    # Looking

    def evaluate(self) -> dict[str, Array]:
        """Return ``loss`` F, ``reconstruction`` E ℓ and ``rate`` E KL (nats, all latents) over all rows, each (M,).

        One draw of noise per row, from copies of the models' generators: it is independent of the parameters, which
        makes F unbiased, and looking does not change how training goes on.
        """
        reconstruction, rate = self._expected(self._x, self._weights, copy.deepcopy(self._generators))
        return {"loss": self._free_energy(reconstruction, rate), "reconstruction": reconstruction, "rate": rate}

    def validation_loss(self) -> Array:
        """Return F on the validation rows, (M,), with the same noise at each call and for each model."""
        x, weights = (self._x, self._weights) if self._validation is None else (self._validation, None)
        return self.loss_on(x, weights)

    def loss_on(self, x: Array, weights: Array | None = None) -> Array:
        """Return F on any rows (N', D) of weights (N',), (M,), with the noise of :meth:`validation_loss`."""
        generators = [np.random.default_rng(_VALIDATION_NOISE) for _ in range(len(self._t))]
        return self._free_energy(*self._expected(x, weights, generators))

    def _free_energy(self, reconstruction: Array, rate: Array) -> Array:
        return reconstruction + 2 * self._t.ravel().astype(np.float64) * rate

    def _expected(
        self, x: Array, weights: Array | None, generators: Sequence[np.random.Generator]
    ) -> tuple[Array, Array]:
        """E ℓ and E KL over rows, each (M,) in float64."""
        w, block = self._workspace, len(self._batch)
        share = np.full(len(x), 1 / len(x)) if weights is None else weights / np.sum(weights)
        totals = np.zeros((2, len(self._t)))
        for start in range(0, len(x), block):
            target, inputs = self._load(x[start : start + block])
            weight = share[start : start + block]
            noise = self._draw_noise(generators, len(weight))
            for tile in self._tiles:
                models, p = tile.models, tile.parameters
                mu, rho, _, sigma, _, z = self._sample(p, inputs, noise[models])
                rate = np.square(mu) + (np.square(sigma) - rho - 1)
                f = w.decoder.forward(p.decoder, z)
                # Not a product with a vector, whose sums would depend on the number of models.
                totals[0, models] += (self._likelihood.loss(f, target, p.omega) * weight).sum(1)
                totals[1, models] += 0.5 * (rate.sum(1) * weight).sum(1)
        return totals[0], totals[1]

    def encode(self, x: Array) -> tuple[Array, Array]:
        """Return ``(mu, log_variance)``, each (M, N, K) float64, of rows (N, D)."""
        return self._network.encode(x)

    def decode(self, z: Array) -> Array:
        """Return ``E[x|z]`` (M, N, D) float64 of latents (M, N, K)."""
        return self._network.decode(z)

    def export(self) -> dict[str, Array]:
        """Return copies of the parameters by name, each (M, …), in float64; see :func:`network_from`."""
        return self._parameters.export()

    # Going on

    def owners(self) -> npt.NDArray[np.intp]:
        """Return the model of each entry of ``theta``, (P,)."""
        models = np.arange(len(self._t))
        return np.concatenate([models.repeat(a[0].size) for a in self._parameters.tensors()])

    def state(self) -> dict[str, Array]:
        """Return the rows that are left of the epochs drawn, in their order."""
        return self._minibatches.state()

    def restore(self, state: dict[str, Array]) -> None:
        """Take back what :meth:`state` returned."""
        self._minibatches.restore(state)


@dataclass(frozen=True, slots=True, eq=False)
class _Tile:
    """Views of the models that are treated together."""

    models: slice
    parameters: NetworkParameters
    gradients: NetworkParameters
    temperatures: Array


class _Workspace:
    """Buffers of the models of one tile."""

    def __init__(
        self,
        encoder: tuple[int, ...],
        decoder: tuple[int, ...],
        architecture: Architecture,
        models: int,
        rows: int,
        dtype: npt.DTypeLike,
    ) -> None:
        k, activation = decoder[0], architecture.activation
        self.scratch = Scratch([encoder, decoder], models, rows, dtype)
        self.encoder = Perceptron(encoder, activation, models, rows, dtype, self.scratch)
        self.decoder = Perceptron(decoder, activation, models, rows, dtype, self.scratch)
        self.z = aligned((models, k + 1, rows), dtype, 1)
        self.g_heads = aligned((models, encoder[-1], rows), dtype)
        self.rho, self.sigma, self.jitter, self.pull = (aligned((models, k, rows), dtype) for _ in range(4))
        self.inside = np.empty((models, k, rows), np.bool_)

    @property
    def nbytes(self) -> int:
        """Bytes of all buffers."""
        own = (self.z, self.g_heads, self.rho, self.sigma, self.jitter, self.pull, self.inside)
        return self.encoder.nbytes + self.decoder.nbytes + self.scratch.nbytes + sum(a.nbytes for a in own)
