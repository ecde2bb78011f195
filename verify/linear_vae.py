"""Many linear VAEs at once: losses and hand-written gradients.

Encoder ``q(z|x) = N(Vx + b, diag exp(Ux + c))``, decoder mean ``Wz + d``, free energy
``F = E‖x − Wz − d‖² + 2T E KL`` (Lucas et al. 2019; F = 2η²·(−ELBO) with T = βη²).

======  =============================================================================  ===========
symbol  meaning                                                                        shape
======  =============================================================================  ===========
M       models of a chunk; D features, K latents, B rows of a minibatch, N rows
T       temperature of each model, units of x²                                         (M,)
S       covariance of the data                                                         (D, D)
W       decoder, kept transposed so that all heads are rows of one matrix              (M, K, D)
V, U    encoder heads of the mean and of ln σ²                                         (M, K, D)
s       σ² of the exact kernel, which has no width head: ln s is the parameter         (M, K)
Y       stacked heads: [Wᵀ; V] (exact) or [Wᵀ; V; U] (sampled)                         (M, ·K, D)
======  =============================================================================  ===========

All parameters of a chunk live in one flat buffer, heads first, so that Adam makes its passes over one array and
one matrix product over all models does the heavy part. Both kernels differentiate **½F**, which saves a pass.
``differentiate`` allocates nothing larger than (M, K).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from .aligned import aligned
from .kernel import Array
from .minibatches import Minibatches

__all__ = ["ExactKernel", "SampledKernel", "expected_loss"]


def _initialize_heads(y: Array, latents: int, generators: Sequence[np.random.Generator]) -> None:
    """Decoder and mean head of variance 1/max(D, K): every mode starts off its saddle and nothing overshoots."""
    features = y.shape[2]
    deviation = 1 / np.sqrt(max(features, latents))
    for model, generator in zip(y, generators, strict=True):
        model[: 2 * latents] = deviation * generator.standard_normal((2 * latents, features))


def _owners(views: Callable[[Array], tuple[Array, ...]], size: int) -> npt.NDArray[np.intp]:
    """Fill the views of a flat buffer, each (M, …), with the numbers of the models."""
    flat = np.empty(size, np.intp)
    for view in views(flat):
        view[:] = np.arange(len(view)).reshape(-1, *(1,) * (view.ndim - 1))
    return flat


class ExactKernel:
    """Expected free energy of linear VAEs from the covariance: no data, no noise.

    ``F = tr S − 2 tr(WVS) + tr(W(VSVᵀ + diag s)Wᵀ) + T Σ_k (v_k S v_kᵀ + s_k − ln s_k − 1)`` (Lucas et al. 2019).
    Centred data need no biases, and a linear decoder no width head: for both the optimum is 0.

    Parameters
    ----------
    covariance : ndarray (D, D)
        Symmetric, positive semi-definite; may be singular.
    temperatures : ndarray (M,)
        One T > 0 per model, units of the covariance.
    latents : int
        K; more than D is allowed.
    dtype : dtype
        float64 or float32.

    Examples
    --------
    >>> kernel = ExactKernel(np.eye(3), np.array([2.0]), latents=1)
    >>> kernel.theta[:] = 0.0                               # fully collapsed: F = tr S
    >>> kernel.evaluate()
    {'loss': array([3.]), 'gradient_norm': array([0.])}
    """

    def __init__(self, covariance: Array, temperatures: Array, latents: int, dtype: npt.DTypeLike = np.float64) -> None:
        m, k, d = len(temperatures), latents, len(covariance)
        self._s = np.ascontiguousarray(covariance, dtype)
        self._t = np.array(temperatures, dtype)[:, None]
        self._k = k
        self.theta = aligned(m * k * (2 * d + 1), dtype, 0)
        self.gradient = aligned(self.theta.size, dtype, 0)
        self._y, self._log_s = self._views(self.theta)
        self._g_y, self._g_log_s = self._views(self.gradient)
        self._p = aligned(self._y.shape, dtype)
        self._gram_v = aligned((m, k, k), dtype)
        self._gram_w = aligned((m, k, k), dtype)
        self._width = aligned((m, k), dtype)

    def _views(self, flat: Array) -> tuple[Array, Array]:
        m, k, d = len(self._t), self._k, len(self._s)
        heads = m * 2 * k * d
        return flat[:heads].reshape(m, 2 * k, d), flat[heads:].reshape(m, k)

    def initialize(self, generators: Sequence[np.random.Generator]) -> None:
        """Draw the heads; every posterior starts as wide as the prior."""
        _initialize_heads(self._y, self._k, generators)
        self._log_s[:] = 0

    def differentiate(self) -> None:
        """Write ∇½F: ``(G + s)Wᵀ − VS``, ``(H + T)VS − WᵀS`` and ``½(s(‖w‖² + T) − T)`` for W, V and ln s.

        G = VSVᵀ and H = WᵀW are (K, K), so that no (D, D) matrix is formed per model.
        """
        k, y, p, g = self._k, self._y, self._p, self._g_y
        wt, v, vs = y[:, :k], y[:, k:], p[:, k:]
        m, _, d = y.shape
        np.matmul(y.reshape(-1, d), self._s, out=p.reshape(-1, d))  # [WᵀS; VS], one product for all models
        np.matmul(vs, v.swapaxes(1, 2), out=self._gram_v)
        np.matmul(wt, wt.swapaxes(1, 2), out=self._gram_w)
        np.exp(self._log_s, out=self._width)
        diagonal_v = self._gram_v.reshape(m, -1)[:, :: k + 1]
        diagonal_w = self._gram_w.reshape(m, -1)[:, :: k + 1]
        diagonal_v += self._width
        diagonal_w += self._t
        np.matmul(self._gram_v, wt, out=g[:, :k])
        np.matmul(self._gram_w, vs, out=g[:, k:])
        halves = g.reshape(m, 2, k * d)
        halves -= p.reshape(m, 2, k * d)[:, ::-1]
        np.multiply(self._width, diagonal_w, out=self._g_log_s)
        self._g_log_s -= self._t
        self._g_log_s *= 0.5

    def evaluate(self) -> dict[str, Array]:
        """Return ``loss`` F and ``gradient_norm`` ‖∇F‖, each (M,), in float64 whatever the training type."""
        twin = self._in_double()
        twin.differentiate()
        k, s, t = self._k, twin._width, twin._t
        ws, vs, v = twin._p[:, :k], twin._p[:, k:], twin._y[:, k:]
        gram_w = twin._gram_w - t[:, :, None] * np.eye(k)
        loss = np.trace(twin._s) - 2 * np.einsum("mkd,mkd->m", ws, v)
        loss = loss + np.einsum("mkl,mkl->m", twin._gram_v, gram_w)
        loss += t[:, 0] * (np.einsum("mkd,mkd->m", vs, v) + (s - twin._log_s - 1).sum(1))
        squares = np.square(twin._g_y).sum((1, 2)) + np.square(twin._g_log_s).sum(1)
        return {"loss": loss, "gradient_norm": 2 * np.sqrt(squares)}

    def validation_loss(self) -> Array:
        """Return F, (M,): the covariance is all there is to validate on."""
        return self.evaluate()["loss"]

    def owners(self) -> npt.NDArray[np.intp]:
        """Return the model of each entry of ``theta``, (P,)."""
        return _owners(self._views, self.theta.size)

    def set_temperatures(self, temperatures: Array) -> None:
        """Set T of every model, (M,)."""
        self._t[:, 0] = temperatures

    def state(self) -> dict[str, Array]:
        """Nothing: an exact step depends on θ and T alone."""
        return {}

    def restore(self, state: dict[str, Array]) -> None:
        """Nothing to take back."""

    def _in_double(self) -> ExactKernel:
        twin = ExactKernel(self._s, self._t[:, 0], self._k)
        twin.theta[:] = self.theta
        return twin

    def export(self) -> dict[str, Array]:
        """Return ``decoder (M, D, K)``, ``encoder (M, K, D)`` and ``log_variance (M, K)``."""
        y = self._y.astype(np.float64)
        decoder = np.ascontiguousarray(y[:, : self._k].swapaxes(1, 2))
        return {"decoder": decoder, "encoder": y[:, self._k :].copy(), "log_variance": self._log_s.astype(np.float64)}


class SampledKernel:
    """Minibatch free energy with reparametrisation noise, as people train.

    All models of the chunk share each minibatch, which makes the heads one matrix product; the noise is fresh for
    every model, from a generator of its own, so that a model does not depend on its neighbours.

    Parameters
    ----------
    x : ndarray (N, D)
        Centred rows.
    temperatures : ndarray (M,)
        One T > 0 per model.
    latents : int
        K.
    batch_size : int
        B rows: every row once per epoch, or, with weights, drawn in proportion to them.
    rows : numpy.random.Generator
        Draws the minibatches.
    weights : ndarray (N,) or None
        Non-negative weights of the rows.
    validation : ndarray (N', D) or None
        Rows of ``validation_loss``; the training rows if None.
    dtype : dtype
        float64 or float32.
    """

    def __init__(
        self,
        x: Array,
        temperatures: Array,
        latents: int,
        *,
        batch_size: int,
        rows: np.random.Generator,
        weights: Array | None = None,
        validation: Array | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        m, k, b, d = len(temperatures), latents, batch_size, x.shape[1]
        self._x = np.ascontiguousarray(x, dtype)
        self._validation = None if validation is None else np.ascontiguousarray(validation, dtype)
        self._weights = None if weights is None else weights / weights.sum()
        # Adam moves every entry of U alike, so one step moves ln σ² of a row by up to rate·‖x‖₁, and exp overflows on
        # outlying rows. U is trained in units where the longest row has norm one.
        self._slope_unit = self._x.dtype.type(1 / np.sqrt(np.square(x).sum(1).max()))
        self._minibatches = Minibatches(len(x), b, rows, weights)
        self._noise_generators: Sequence[np.random.Generator] = ()
        self._t = np.array(temperatures, dtype)[:, None, None]
        self._k = k
        self.theta = aligned(m * (k * (3 * d + 2) + d), dtype, 0)
        self.gradient = aligned(self.theta.size, dtype, 0)
        self._parameters = self._views(self.theta)
        self._gradients = self._views(self.gradient)
        self._batch = aligned((b, d), dtype)
        self._noise = aligned((m, k, b), dtype)
        self._heads = aligned((m, 3 * k, b), dtype)
        self._q = aligned((m, 3 * k, b), dtype)
        self._sigma, self._pull, self._z = (aligned((m, k, b), dtype) for _ in range(3))
        self._gram = aligned((m, k, k), dtype)
        self._wd = aligned((m, k, d), dtype)

    def _views(self, flat: Array) -> tuple[Array, Array, Array, Array]:
        """Heads [Wᵀ; V; U] (M, 3K, D) and the biases d (M, D), b and c (M, K)."""
        m, k, d = len(self._t), self._k, self._x.shape[1]
        heads, biases = m * 3 * k * d, m * d
        b, c = flat[heads + biases :].reshape(2, m, k)
        return flat[:heads].reshape(m, 3 * k, d), flat[heads : heads + biases].reshape(m, d), b, c

    def initialize(self, generators: Sequence[np.random.Generator]) -> None:
        """Draw decoder and mean head; biases and width head start at zero. The generators then make the noise."""
        self.theta[:] = 0
        _initialize_heads(self._parameters[0], self._k, generators)
        self._noise_generators = generators

    def differentiate(self) -> None:
        """Draw a minibatch and noise, then write ∇½F."""
        np.take(self._x, self._minibatches.draw(), axis=0, out=self._batch, mode="clip")
        for generator, noise in zip(self._noise_generators, self._noise, strict=True):
            generator.standard_normal(dtype=noise.dtype, out=noise)
        self.differentiate_at(self._batch, self._noise)

    def differentiate_at(self, batch: Array, noise: Array) -> None:
        """Write ∇½F for given rows (B, D) and noise (M, K, B).

        With a linear decoder ‖x − Wz − d‖² needs only WᵀW, Wᵀx and Wᵀd: the (D, B) residual is never formed.
        """
        k, (y, d, b, c), (g_y, g_d, g_b, g_c) = self._k, self._parameters, self._gradients
        features = y.shape[2]
        h, q, t, z, pull, sigma = self._heads, self._q, self._t, self._z, self._pull, self._sigma
        wt, count = y[:, :k], len(batch)
        np.matmul(y.reshape(-1, features), batch.T, out=h.reshape(-1, count))  # [Wᵀx; Vx; Ux]
        mu, log_variance, g_mu, g_rho = h[:, k : 2 * k], h[:, 2 * k :], q[:, k : 2 * k], q[:, 2 * k :]
        mu += b[:, :, None]
        log_variance *= self._slope_unit
        log_variance += c[:, :, None]
        log_variance *= 0.5
        np.exp(log_variance, out=sigma)
        np.multiply(sigma, noise, out=g_rho)
        np.add(mu, g_rho, out=z)
        np.matmul(wt, wt.swapaxes(1, 2), out=self._gram)
        np.matmul(self._gram, z, out=pull)  # ½ ∂‖x − Wz − d‖²/∂z = WᵀWz + Wᵀd − Wᵀx
        pull -= h[:, :k]
        pull += np.matmul(wt, d[:, :, None])
        np.multiply(t, mu, out=g_mu)
        g_mu += pull
        g_rho *= pull  # ∂z/∂ln σ² = ½ σε
        np.multiply(sigma, sigma, out=sigma)
        sigma -= 1
        sigma *= t
        g_rho += sigma
        g_rho *= 0.5
        np.negative(z, out=q[:, :k])
        np.matmul(q.reshape(-1, count), batch, out=g_y.reshape(-1, features))
        g_y[:, 2 * k :] *= self._slope_unit
        np.matmul(z, z.swapaxes(1, 2), out=self._gram)
        np.matmul(self._gram, wt, out=self._wd)
        total_z = z.sum(2)
        g_y[:, :k] += self._wd
        g_y[:, :k] += total_z[:, :, None] * d[:, None, :]
        np.matmul(total_z[:, None, :], wt, out=g_d[:, None, :])
        g_d += count * d
        g_d -= batch.sum(0)
        g_mu.sum(2, out=g_b)
        g_rho.sum(2, out=g_c)
        self.gradient *= 1 / count

    def evaluate(self) -> dict[str, Array]:
        """Return ``loss`` F and ``gradient_norm`` ‖∇F‖ over all rows, each (M,), noise integrated in closed form."""
        loss, gradient_norm = self._expected(self._x, self._weights)
        return {"loss": loss, "gradient_norm": gradient_norm}

    def validation_loss(self) -> Array:
        """Return F on the validation rows, (M,), the noise integrated in closed form."""
        if self._validation is None:
            return self._expected(self._x, self._weights)[0]
        return self._expected(self._validation, None)[0]

    def _expected(self, x: Array, weights: Array | None) -> tuple[Array, Array]:
        parameters = self.export()
        results = [
            expected_loss(x, t, **{name: p[i] for name, p in parameters.items()}, weights=weights)
            for i, t in enumerate(self._t.ravel().astype(np.float64))
        ]
        return np.array([r[0] for r in results]), np.array([r[1] for r in results])

    def owners(self) -> npt.NDArray[np.intp]:
        """Return the model of each entry of ``theta``, (P,)."""
        return _owners(self._views, self.theta.size)

    def set_temperatures(self, temperatures: Array) -> None:
        """Set T of every model, (M,)."""
        self._t[:, 0, 0] = temperatures

    def state(self) -> dict[str, Array]:
        """Return the rows that are left of the epochs drawn, in their order."""
        return self._minibatches.state()

    def restore(self, state: dict[str, Array]) -> None:
        """Take back what :meth:`state` returned."""
        self._minibatches.restore(state)

    def export(self) -> dict[str, Array]:
        """Return the parameters by the names of :func:`expected_loss`, each (M, …), in float64."""
        k = self._k
        y, d, b, c = (value.astype(np.float64) for value in self._parameters)
        return {
            "decoder": np.ascontiguousarray(y[:, :k].swapaxes(1, 2)),
            "encoder": y[:, k : 2 * k].copy(),
            "log_variance": c,
            "encoder_bias": b,
            "log_variance_slope": float(self._slope_unit) * y[:, 2 * k :],
            "decoder_bias": d,
        }


def expected_loss(
    x: Array,
    temperature: float,
    *,
    decoder: Array,
    encoder: Array,
    log_variance: Array,
    encoder_bias: Array,
    log_variance_slope: Array,
    decoder_bias: Array,
    weights: Array | None = None,
) -> tuple[float, float]:
    """Free energy of one linear VAE over all rows, and the norm of its gradient.

    Parameters
    ----------
    x : ndarray (N, D)
        Rows.
    temperature : float
        T.
    decoder, decoder_bias : ndarray (D, K), (D,)
        W and d.
    encoder, encoder_bias : ndarray (K, D), (K,)
        V and b.
    log_variance_slope, log_variance : ndarray (K, D), (K,)
        U and c.
    weights : ndarray (N,) or None
        Weights of the rows, of sum 1; equal if None.

    Returns
    -------
    loss, gradient_norm : float
        ``F = E‖x − Wμ − d‖² + Σ_k ‖w_k‖² Eσ_k² + T E Σ_k(μ_k² + σ_k² − ln σ_k² − 1)`` and ``‖∇F‖``.
    """
    x = x.astype(np.float64)
    p = np.full((len(x), 1), 1 / len(x)) if weights is None else weights[:, None]
    mu = x @ encoder.T + encoder_bias
    rho = x @ log_variance_slope.T + log_variance
    variance = np.exp(rho)
    error = mu @ decoder.T + decoder_bias - x
    norms = np.square(decoder).sum(0)
    kl_terms = np.square(mu) + variance - rho - 1
    loss = np.sum(p * np.square(error)) + np.sum(p * (norms * variance + temperature * kl_terms))
    # Gradient of ½F.
    g_mu = p * (error @ decoder + temperature * mu)
    g_rho = 0.5 * p * (variance * (norms + temperature) - temperature)
    g_decoder = (p * error).T @ mu + decoder * (p * variance).sum(0)
    parts = (g_decoder, (p * error).sum(0), g_mu.T @ x, g_mu.sum(0), g_rho.T @ x, g_rho.sum(0))
    return float(loss), 2 * float(np.sqrt(sum(np.square(part).sum() for part in parts)))
