"""The residual edge Λ*(A) of a trained VAE, from its encoder, its decoder and rows.

Beside the active latents A a collapsed one stays collapsed as long as ``T > Λ*(A) = ‖R‖²`` with
``(R h)(z_A) = E[(x − f(z_A)) h(x) | z_A]`` (Li, arXiv:2610.11257). :func:`numerics.residual_edge.residual_edge` takes
this norm where everything is known; here it is estimated from samples of the model.

======  ======================================================================  ==============
symbol  meaning                                                                 shape, unit
======  ======================================================================  ==============
L       rows x_i, equally likely                                                count
B       draws z_b of the active latents from the aggregate posterior            count
f_b     decoder at z_b, averaged over draws of the collapsed latents            (B, D), x
w_bi    ``q(z_b|x_i) / Σ_j q(z_b|x_j)``, self-normalised weights                (B, L)
R       ``√(L/B) w_bi (x_i − f_b)``, of functions ``h_i`` with Σ h² = 1         (B·D, L), x
Λ*      ``‖R‖²``                                                                units x²
======  ======================================================================  ==============

A norm is a maximum, and noise makes a maximum larger: by b/B + c/L to leading order, which is fitted away.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator, eigsh

from theory.errors import InputError
from theory.model import model_class as declared_class

from .minibatches import Minibatches

__all__ = ["TrainedEdge", "trained_edge"]

Array = npt.NDArray[np.float64]
Decode = Callable[[Array], npt.NDArray[Any]]

_BLOCK = 1 << 16  # latents that are decoded at once
_TOLERANCE = 1e-4  # of the norm, far below the scatter of the samples


@dataclass(frozen=True, slots=True)
class TrainedEdge:
    """Λ*(A) and what it was extrapolated from.

    Parameters
    ----------
    value : float
        Λ_∞, units of x².
    stderr : float
        Standard error over independent pools of rows and draws.
    draws_slope, rows_slope : float
        b and c of ``Λ_∞ + b/B + c/L``, units of x².
    largest : float
        Mean estimate at the largest sizes, before extrapolation, units of x².
    """

    value: float
    stderr: float
    draws_slope: float
    rows_slope: float
    largest: float


def trained_edge(
    decode: Decode,
    mu: npt.ArrayLike,
    log_variance: npt.ArrayLike,
    x: npt.ArrayLike,
    active: Sequence[int],
    *,
    generator: np.random.Generator,
    model_class: str = "flexible",
    collapsed_draws: int = 128,
    size: int = 1000,
    pools: int = 4,
) -> TrainedEdge:
    """Λ*(A) of a trained VAE.

    Parameters
    ----------
    decode : callable
        From z (n, K) to reconstructions (n, D).
    mu, log_variance : array_like (N, K)
        The posterior on the rows.
    x : array_like (N, D)
        Rows, centred.
    active : sequence of int
        A, numbers of latents; the others are drawn from the prior.
    generator : numpy.random.Generator
        Chooses rows and draws latents.
    model_class : str
        The functions h a new latent may use: all of the rows where the mean is free, affine ones where it is linear;
        where the decoder is linear, too, the new latent may not use those that are active.
    collapsed_draws : int
        Draws of the collapsed latents over which the decoder is averaged.
    size : int
        B and L, halved for the extrapolation; at least 8.
    pools : int
        Independent estimates, at least 2.

    Returns
    -------
    TrainedEdge

    Raises
    ------
    InputError
        If shapes, sizes or the numbers of latents do not fit.

    Examples
    --------
    With nothing encoded the edge is the top eigenvalue of the covariance, here 4.

    >>> x = np.tile([[2.0, 1.0], [-2.0, 1.0], [2.0, -1.0], [-2.0, -1.0]], (100, 1))
    >>> found = trained_edge(lambda z: np.zeros((len(z), 2)), np.zeros((400, 1)), np.zeros((400, 1)), x, (),
    ...                      generator=np.random.default_rng(0), size=400)
    >>> abs(found.value - 4) < 4 * found.stderr + 1e-9
    True
    """
    rows, means, spread, chosen = _checked(x, mu, log_variance, active, size, pools, collapsed_draws)
    declared = declared_class(model_class)
    affine, constant_decoder = declared.mean == "linear", declared.decoder == "linear"
    half = size // 2
    sizes = [(b, n) for b in (half, 2 * half) for n in (half, 2 * half)]
    design = np.array([[1.0, 1 / b, 1 / n] for b, n in sizes])
    found = np.empty((pools, len(sizes)))
    # Every row comes once before any comes again, so that enough pools use all of them: of seen rows and of those whose
    # posteriors are drawn from.
    seen, sources = (Minibatches(len(rows), 2 * half, generator) for _ in range(2))
    for pool in found:
        part = _Pool.draw(decode, means, spread, rows, chosen, generator, seen.draw(), sources.draw(), collapsed_draws)
        for i, (b, n) in enumerate(sizes):
            # The smaller sizes are averaged over the disjoint parts of the pool: as many numbers are used at each size.
            pieces = itertools.product(range(0, 2 * half, b), range(0, 2 * half, n))
            pool[i] = np.mean(
                [part.edge(slice(s, s + b), slice(t, t + n), affine, constant_decoder) for s, t in pieces]
            )
    fits = np.linalg.lstsq(design, found.T, rcond=None)[0]
    value, draws_slope, rows_slope = fits.mean(1)
    stderr = float(fits[0].std(ddof=1)) / math.sqrt(pools)
    return TrainedEdge(float(value), stderr, float(draws_slope), float(rows_slope), float(found[:, -1].mean()))


@dataclass(frozen=True, slots=True, eq=False)
class _Pool:
    """L rows, B draws and their log densities ln q(z_b|x_i) up to a constant."""

    rows: Array
    decoded: Array
    log_density: Array

    @classmethod
    def draw(
        cls,
        decode: Decode,
        mu: Array,
        log_variance: Array,
        x: Array,
        active: npt.NDArray[np.intp],
        generator: np.random.Generator,
        seen: npt.NDArray[np.intp],
        source: npt.NDArray[np.intp],
        collapsed_draws: int,
    ) -> _Pool:
        """Rows to sum over, and one draw of z_A from the posterior of each source."""
        size = len(source)
        deviation = np.exp(log_variance[source][:, active] / 2)
        z = mu[source][:, active] + deviation * generator.standard_normal((size, len(active)))
        decoded = np.zeros((size, x.shape[1]))
        step = max(1, _BLOCK // collapsed_draws)
        for start in range(0, size, step):
            few = z[start : start + step]
            full = generator.standard_normal((len(few), collapsed_draws, mu.shape[1]))
            full[:, :, active] = few[:, None]
            values = np.asarray(decode(full.reshape(-1, mu.shape[1])), dtype=np.float64)
            decoded[start : start + step] = values.reshape(len(few), collapsed_draws, -1).mean(1)
        m, precision = mu[seen][:, active], np.exp(-log_variance[seen][:, active])
        # −½ Σ_k [(z − μ)²/σ² + ln σ²], the square written out so that it is two products of matrices.
        log_density = -0.5 * np.square(z) @ precision.T + z @ (m * precision).T
        log_density -= 0.5 * (np.square(m) * precision - np.log(precision)).sum(1)
        return cls(x[seen], decoded, log_density)

    def edge(self, draws: slice, rows: slice, affine: bool, constant_decoder: bool) -> float:
        """‖R‖² of some of the draws and rows."""
        x, f = self.rows[rows], self.decoded[draws]
        log_density = self.log_density[draws, rows]
        w = np.exp(log_density - log_density.max(1, keepdims=True))
        w /= w.sum(1, keepdims=True)
        count, scale = len(x), len(x) / len(f)
        if affine:
            basis = np.linalg.qr(np.column_stack([np.ones(count), x]))[0]
            # (Σ_i w_bi x_i h_i) − f_b Σ_i w_bi h_i for every function of the basis: (B, D, p).
            image = np.stack([w @ (x * h[:, None]) - f * (w @ h)[:, None] for h in basis.T], axis=-1)
            if constant_decoder:
                mean = image.mean(0) * math.sqrt(count)
                return float(np.linalg.norm(mean, 2) ** 2)
            return float(np.linalg.norm(image.reshape(-1, basis.shape[1]), 2) ** 2 * scale)

        def apply(h: Array) -> Array:
            h = h.ravel()
            image = w @ (x * h[:, None]) - f * (w @ h)[:, None]
            back = w.T @ np.column_stack([image, np.einsum("bd,bd->b", f, image)])
            out: Array = np.einsum("id,id->i", x, back[:, :-1]) - back[:, -1]
            return out * scale

        operator = LinearOperator((count, count), matvec=apply, dtype=np.float64)
        # Lanczos: powers of R*R on one vector, as in power iteration, of which it makes the most. The start is no
        # random one: equal samples give equal estimates.
        start = x[:, int(np.argmax(x.var(0)))] + 1 / count
        return float(eigsh(operator, k=1, v0=start, tol=_TOLERANCE, return_eigenvectors=False)[0])


def _checked(
    x: npt.ArrayLike,
    mu: npt.ArrayLike,
    log_variance: npt.ArrayLike,
    active: Sequence[int],
    size: int,
    pools: int,
    collapsed_draws: int,
) -> tuple[Array, Array, Array, npt.NDArray[np.intp]]:
    rows, means, spread = (np.asarray(a, dtype=np.float64) for a in (x, mu, log_variance))
    if rows.ndim != 2 or means.ndim != 2 or means.shape != spread.shape or len(rows) != len(means):
        raise InputError(
            f"x, mu and log_variance must be (N, D), (N, K) and (N, K), got {rows.shape}, {means.shape} and "
            f"{spread.shape}; give the posterior of these rows"
        )
    for name, array in (("x", rows), ("mu", means), ("log_variance", spread)):
        if not np.isfinite(array).all():
            raise InputError(f"{name} must be finite, got NaN or inf; drop those rows")
    chosen = np.array(sorted(set(active)), dtype=np.intp)
    if len(chosen) != len(active) or (len(chosen) and not 0 <= chosen[0] <= chosen[-1] < means.shape[1]):
        raise InputError(f"active must be different latents from 0 to {means.shape[1] - 1}, got {list(active)}")
    for name, value, least in (("size", size, 8), ("pools", pools, 2), ("collapsed_draws", collapsed_draws, 1)):
        if value != int(value) or value < least:
            raise InputError(f"{name} must be a whole number of at least {least}, got {value}")
    return rows, means, spread, chosen
