"""The free energy of a finite point set by quadrature over z, minimised at fixed critical amplitudes.

Nothing here knows Hermite polynomials, cumulants or an expansion: posteriors are Gaussians on a grid of z, the decoder
is E[x|z] (or the best polynomial in z of a degree), and the encoder is a table of μ and ln σ per point. The trapezoidal
rule converges faster than any power for these integrands; at the spacing used its error is below rounding. Sums run in
extended precision, because the interesting part of F is many orders below F itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.longdouble]


@dataclass
class PointModel:
    """Points (N, D) with weights (N,); which functions of x (columns of N values) the two heads may add.

    The heads are μ_k = amplitude · x_0/λ + span(mean), ln σ_k likewise with ``width``; ``None`` means every function
    that is orthogonal to x_0. `decoder` is the highest power of z, ``None`` for free.
    """

    points: Array
    weights: Array
    mean: Array | None = None
    width: Array | None = None
    decoder: int | None = None
    temperature: float = 1.0  # over the variance of x_0
    latents: int = 1

    def __post_init__(self) -> None:
        self.points, self.weights = self.points.astype(np.longdouble), self.weights.astype(np.longdouble)
        self.weights = self.weights / self.weights.sum()
        self.points = self.points - self.weights @ self.points
        side = (np.arange(-60, 61) * np.longdouble(1)) / 6  # exp(−2π²·36) and exp(−10²/2) are below rounding
        axes = np.meshgrid(*[side] * self.latents, indexing="ij")
        self.z = np.stack([axis.ravel() for axis in axes])
        self.cell = (side[1] - side[0]) ** self.latents
        self.top = self.weights @ self.points[:, 0] ** 2
        self.bases = [self._basis(self.mean), self._basis(self.width)]

    def _basis(self, functions: Array | None) -> Array:
        """Columns orthonormal under the weights, and orthogonal to x_0: Gram–Schmidt, made twice for rounding."""
        columns = np.eye(len(self.weights)) if functions is None else functions
        basis = [self.points[:, 0] / np.sqrt(self.top)]
        for column in columns.T.astype(np.longdouble):
            rest = column
            for _ in range(2):
                for e in basis:
                    rest = rest - e * (self.weights @ (e * rest))
            norm = np.sqrt(self.weights @ rest**2)
            if norm > 1e-9:
                basis.append(rest / norm)
        return np.stack(basis[1:], axis=1)

    def posteriors(self, mean: Array, log_width: Array) -> Array:
        """Densities (N, Z)."""
        standard = (self.z[None] - mean[:, :, None]) * np.exp(-log_width)[:, :, None]
        exponent = -0.5 * np.sum(standard**2, axis=1) - np.sum(log_width, axis=1)[:, None]
        density = np.exp(exponent)
        # The normalisation by its own grid sum is exact to rounding and needs no extended-precision π.
        return density / (density.sum(1) * self.cell)[:, None]

    def decode(self, q: Array) -> Array:
        """Optimal decoder (D, Z)."""
        joint = self.weights[:, None] * q
        density = joint.sum(0)
        moment = self.points.T @ joint
        if self.decoder is None:
            return moment / density
        # F is stationary in the decoder: solving for it in double precision costs nothing.
        powers = np.vander(self.z[0], self.decoder + 1).T
        gram, right = (powers * density) @ powers.T, powers @ moment.T
        return np.linalg.solve(gram.astype(float), right.astype(float)).T @ powers

    def value_and_gradient(self, mean: Array, log_width: Array) -> tuple[np.longdouble, Array, Array]:
        """F, and ∂F/∂μ, ∂F/∂ln σ per unit weight; the decoder is optimal, so it does not contribute to them."""
        q = self.posteriors(mean, log_width)
        f = self.decode(q)
        error = ((self.points[:, :, None] - f[None]) ** 2).sum(1)
        variance = np.exp(2 * log_width)
        standard = (self.z[None] - mean[:, :, None]) / variance[:, :, None]
        weighted = q * error * self.cell
        pull = np.einsum("iz,ikz->ik", weighted, standard)
        widen = np.einsum("iz,ikz->ik", weighted, standard**2 * variance[:, :, None] - 1)
        temperature = self.temperature * self.top
        divergence = (mean**2 + variance - 1 - 2 * log_width).sum(1)
        value = self.weights @ (weighted.sum(1) + temperature * divergence)
        return value, pull + 2 * temperature * mean, widen + 2 * temperature * (variance - 1)

    def minimise(self, a: Array, r: Array) -> np.longdouble:
        """Lowest (F − F_collapsed)/λ at fixed standardised amplitudes a_k, r_k.

        Near collapse the Hessian in the other directions is 2T and 4T times the identity up to the decoder's linear
        response, so gradient steps of that size converge at a fixed rate; a few hundred reach rounding.
        """
        x = self.points[:, 0] / np.sqrt(self.top)
        mean, width = np.outer(x, a), np.outer(x, r)
        for _ in range(400):
            value, by_mean, by_width = self.value_and_gradient(mean, width)
            steps = []
            for basis, slope, stiffness in zip(self.bases, (by_mean, by_width), (2, 4), strict=True):
                steps.append(
                    basis @ (basis.T @ (self.weights[:, None] * slope)) / (stiffness * self.temperature * self.top)
                )
            mean, width = mean - steps[0], width - steps[1]
            if max(np.abs(s).max() for s in steps) < 1e-12:
                break
        else:
            raise RuntimeError("the reference minimisation did not converge")
        value = self.value_and_gradient(mean, width)[0]
        return (value - self.weights @ (self.points**2).sum(1)) / self.top
