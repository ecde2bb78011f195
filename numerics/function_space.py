"""The free energy as a function of the encoder alone: decoder eliminated, exact gradient and Hessian.

``F = E‖x‖² − E_z‖f(z)‖² + 2T KL`` with the best decoder f of the class, here a free one, ``f(z) = E[x|z]``, or the best
polynomial of a degree. Since f is optimal, the gradient is that at fixed f (envelope theorem), and the Hessian is that
at fixed f minus the decoder's linear response, which is of low cost because F is quadratic in f.

An encoder class is a linear space of functions on the points. Coordinates ``y`` are taken with respect to a basis that
is orthonormal under the weights: there the Hessian at collapse is 2T (means) and 4T (log widths) times the identity up
to the decoder's response, so that steps and residuals need no further scaling.

========  ==============================================================  ==============
symbol    meaning                                                         shape
========  ==============================================================  ==============
``x, p``  centred points in principal coordinates; weights                (N, D), (N,)
``O``     orthonormal basis of √p·(functions of the class)                (N, P)
``μ, ρ``  posterior mean and ln σ, both ``O y/√p``                        (N, K)
``y``     coefficients: K blocks of μ, then K blocks of ρ                 (Σ P,)
``g``     ``‖x_i − f(z)‖²``                                               (N, Z)
========  ==============================================================  ==============
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError
from theory.model import ModelClass, model_class

from .pointset import PointSet
from .posterior_grid import PosteriorGrid

__all__ = ["EncoderSpace", "State"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EncoderSpace:
    """A point set, a model class, and the coordinates of its encoders.

    Attributes
    ----------
    points : ndarray (N, D)
        Distinct rows in principal coordinates, largest variance first.
    weights : ndarray (N,)
        Positive, of sum 1.
    model : ModelClass
        With the number of latents and dimensions of this problem.
    mean_basis, width_basis : ndarray (N, P) or None
        Orthonormal columns; None stands for the identity, every function of the point.
    axes : ndarray (D, D)
        Principal axes as columns: centred data = ``points @ axes.T``.
    """

    points: Array
    weights: Array
    model: ModelClass
    mean_basis: Array | None
    width_basis: Array | None
    axes: Array

    @classmethod
    def of(
        cls, points: ArrayLike | PointSet, weights: ArrayLike | None, model: str | ModelClass, latents: int
    ) -> EncoderSpace:
        """Build it from data.

        Raises
        ------
        InputError
            For unusable points or weights, an unknown class, another likelihood than the Gaussian one, a visible
            coordinate that does not exist, or data without variance.
        """
        cloud = points if isinstance(points, PointSet) else PointSet.of(points, weights)
        declared = model_class(model) if isinstance(model, str) else model
        if declared.likelihood != "gaussian":
            raise InputError(f"model must have the Gaussian likelihood here, got {declared.likelihood!r}; change it")
        declared = replace(declared, latents=latents, dimensions=cloud.dimension)
        if cloud.variance <= 0:
            raise InputError("points must not all be equal: without variance there is nothing to encode; add rows")
        cloud = _without_specks(cloud)
        axes = np.linalg.eigh(cloud.covariance)[1][:, ::-1]
        # The sign of an axis is free: fixed, so that one data set has one answer.
        axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
        x = cloud.points @ axes
        mean, width = _bases(x, cloud.weights, declared)
        return cls(x, cloud.weights, declared, mean, width, axes)

    def narrowed(self, model: ModelClass) -> EncoderSpace:
        """The same points with the encoders of another class."""
        mean, width = _bases(self.points, self.weights, model)
        return replace(self, model=model, mean_basis=mean, width_basis=width)

    @property
    def latents(self) -> int:
        """K."""
        return self.model.latents

    @property
    def variance(self) -> float:
        """V."""
        return float(self.weights @ np.square(self.points).sum(axis=1))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of coefficients of the 2K blocks."""
        mean, width = (len(self.points) if b is None else b.shape[1] for b in (self.mean_basis, self.width_basis))
        return (mean,) * self.latents + (width,) * self.latents

    @property
    def collapse_threshold(self) -> float:
        """Temperature at which full collapse loses local stability in this class.

        The largest squared singular value of ``h ↦ E[x h]`` on the encoder functions of mean zero: λ_max when all
        linear functions of x are among them. The width channel softens at the same operator if ln σ is not constant
        and the decoder is not linear.
        """
        decoder = self.model.decoder_degree
        bases = [self.mean_basis]
        if self.model.width_degree != 0 and decoder != 1:
            bases.append(self.width_basis)
        moment = self.points * np.sqrt(self.weights)[:, None]
        return max(float(np.linalg.norm(moment if b is None else b.T @ moment, 2) ** 2) for b in bases)

    def coordinates(self, mean: Array, log_width: Array) -> Array:
        """The y of the functions of the class that are nearest to given ones (N, K) in the mean square."""
        root = np.sqrt(self.weights)[:, None]
        blocks = []
        for basis, values in ((self.mean_basis, mean * root), (self.width_basis, log_width * root)):
            blocks.append(values if basis is None else basis.T @ values)
        return np.concatenate([b.T.ravel() for b in blocks])

    def functions(self, y: Array) -> tuple[Array, Array]:
        """``(μ, ln σ)``, each (N, K), of coefficients y."""
        root, split = np.sqrt(self.weights), np.split(y, np.cumsum(self.sizes)[:-1])
        bases = [self.mean_basis] * self.latents + [self.width_basis] * self.latents
        values = [(c if b is None else b @ c) / root for b, c in zip(bases, split, strict=True)]
        return np.stack(values[: self.latents], axis=1), np.stack(values[self.latents :], axis=1)

    def project(self, blocks: list[Array]) -> Array:
        """Coefficients (Σ P, …) of 2K arrays (N, …) that are already multiplied by √p."""
        bases = [self.mean_basis] * self.latents + [self.width_basis] * self.latents
        return np.concatenate([b if o is None else o.T @ b for o, b in zip(bases, blocks, strict=True)])

    def state(self, y: Array, temperature: float, spacing: float = 0.5, reach: float = 7.5) -> State:
        """Evaluate F at y; see :class:`State`."""
        mean, log_width = self.functions(y)
        grid = PosteriorGrid.of(mean, log_width, spacing, reach)
        density = np.maximum(self.weights @ grid.q, 1e-300)
        moment = (self.points * self.weights[:, None]).T @ grid.q
        polynomials = None
        if self.model.decoder_degree is None:
            decoder = moment / density
        else:
            polynomials = _orthonormal(grid.z, density * grid.cell, self.model.decoder_degree)
            decoder = (moment @ polynomials.T * grid.cell) @ polynomials
        distortion = self.variance - grid.cell * float(np.sum(moment * decoder))
        rates = 0.5 * self.weights @ (mean**2 + np.expm1(2 * log_width) - 2 * log_width)
        return State(self, y, temperature, mean, log_width, grid, density, decoder, polynomials, distortion, rates)


@dataclass(frozen=True, slots=True)
class State:
    """F at one encoder, with the decoder that is best for it; derivatives on demand.

    Attributes
    ----------
    mean, log_width : ndarray (N, K)
        μ and ln σ.
    density : ndarray (Z,)
        ``q(z)``.
    decoder : ndarray (D, Z)
        f on the grid, in principal coordinates.
    polynomials : ndarray (M, Z) or None
        Orthonormal under q(z), spanning a decoder of finite degree.
    distortion : float
        ``E‖x − f‖²``.
    rates : ndarray (K,)
        KL of each latent, nats.
    """

    space: EncoderSpace
    y: Array
    temperature: float
    mean: Array
    log_width: Array
    grid: PosteriorGrid
    density: Array
    decoder: Array
    polynomials: Array | None
    distortion: float
    rates: Array

    @property
    def free_energy(self) -> float:
        """F."""
        return self.distortion + 2 * self.temperature * float(self.rates.sum())

    def derivatives(self) -> tuple[Array, Array]:
        """Gradient (P,) and Hessian (P, P) of F in the coordinates y."""
        space, grid, t = self.space, self.grid, self.temperature
        x, f, k = space.points, self.decoder, space.latents
        root = np.sqrt(space.weights)
        inner = x @ f
        size = np.einsum("dz,dz->z", f, f)
        energy = (np.square(x).sum(axis=1)[:, None] - 2 * inner + size) * grid.q * grid.cell
        scores = grid.scores()
        pulls = [energy * s for s in scores]
        slopes = [pull.sum(axis=1) for pull in pulls]
        variance = grid.sigma**2
        n, channels = len(x), 2 * k
        local = {}
        for a, b in itertools.combinations_with_replacement(range(channels), 2):
            direct = np.einsum("iz,iz->i", pulls[a], scores[b])
            # ∂_a ∂_b ln q, which is not zero within one latent only.
            if a == b < k:
                direct += 2 * t - energy.sum(axis=1) / variance[:, a]
            elif a == b:
                direct += 4 * t * variance[:, a - k] - 2 * (slopes[a] + energy.sum(axis=1))
            elif b == a + k:
                direct -= 2 * slopes[a]
            local[a, b] = direct
        gradient = [
            root * (slope + 2 * t * (self.mean[:, a] if a < k else variance[:, a - k] - 1))
            for a, slope in enumerate(slopes)
        ]
        bases = [space.mean_basis] * k + [space.width_basis] * k
        change = scores * (root[:, None] * grid.q)
        if self.polynomials is None:
            rows = change * np.sqrt(grid.cell / self.density)
            if x.shape[1] <= 2:
                # A matrix times its own transpose costs half as much as a product of two; a narrow class first.
                errors = x.T[:, :, None] - f[:, None]
                wide = np.concatenate([_projected(bases, rows * error) for error in errors], axis=1)
                response = wide @ wide.T
            else:
                # ⟨x_i − f, x_j − f⟩ expanded: two products, whatever the number of coordinates.
                flat = rows.reshape(channels * n, -1)
                cross = (flat * np.tile(inner - size / 2, (channels, 1))) @ flat.T
                full = np.tile(x @ x.T, (channels, channels)) * (flat @ flat.T) - cross - cross.T
                half = _projected(bases, full.reshape(channels, n, -1))
                response = _projected(bases, half.T.reshape(channels, n, -1))
        else:
            u = self.polynomials * grid.cell
            by_decoder = np.einsum("aiz,dz,mz->aidm", change, f, u, optimize=True)
            by_data = (change @ u.T)[:, :, None, :] * x[None, :, :, None]
            wide = _projected(bases, (by_decoder - by_data).reshape(channels, n, -1))
            response = wide @ wide.T
        hessian = -2 * response
        ends = np.cumsum([0, *space.sizes])
        for (a, b), direct in local.items():
            block = np.s_[ends[a] : ends[a + 1], ends[b] : ends[b + 1]]
            hessian[block] += _between(bases[a], direct, bases[b])
            if a != b:
                hessian[block[::-1]] += _between(bases[b], direct, bases[a])
        return space.project(gradient), hessian


def _projected(bases: list[Array | None], rows: Array) -> Array:
    """Rows (2K, N, …) of all points as rows of the coefficients, (P, …)."""
    return np.concatenate([block if o is None else o.T @ block for o, block in zip(bases, rows, strict=True)])


def _between(left: Array | None, values: Array, right: Array | None) -> Array:
    """A diagonal matrix over the points between two bases."""
    if left is None:
        return np.diag(values) if right is None else values[:, None] * right
    weighted = left.T * values
    return weighted if right is None else weighted @ right


def _without_specks(cloud: PointSet) -> PointSet:
    """Leave out points that together hold less than 1e-13 of the weight and of the variance.

    F cannot resolve them, so nothing could tell their encoder; quadrature nodes of a normal distribution have many.
    """
    share = np.maximum(cloud.weights, cloud.weights * np.square(cloud.points).sum(axis=1) / cloud.variance)
    order = np.argsort(share)
    specks = order[np.cumsum(share[order]) < 1e-13]
    if not specks.size:
        return cloud
    keep = np.setdiff1d(np.arange(len(share)), specks)
    return PointSet.of(cloud.points[keep], cloud.weights[keep])


def _factors(variables: int, degree: int) -> list[list[int]]:
    """The monomials up to a total degree, lowest first, each as the list of its factors."""
    each = (itertools.combinations_with_replacement(range(variables), n) for n in range(degree + 1))
    return [list(f) for f in itertools.chain.from_iterable(each)]


def _bases(x: Array, weights: Array, model: ModelClass) -> tuple[Array | None, Array | None]:
    """Of the posterior mean and of the log width."""
    # Visible coordinates are rounded by the rotation: what agrees to 12 digits is one value.
    seen = np.round(x[:, list(model.seen)] / np.abs(x).max(), 12)
    root = np.sqrt(weights)
    return _basis(seen, root, model.mean_degree), _basis(seen, root, model.width_degree)


def _basis(seen: Array, root: Array, degree: int | None) -> Array | None:
    """Orthonormal columns that span √p·(functions of the visible coordinates), up to a degree or all."""
    if degree is None:
        values, inverse = np.unique(seen, axis=0, return_inverse=True)
        if len(values) == len(seen):
            return None
        columns = np.eye(len(values))[inverse.ravel()] * root[:, None]
        return np.asarray(columns / np.linalg.norm(columns, axis=0))
    powers = [np.prod(seen[:, f], axis=1) for f in _factors(seen.shape[1], degree)]
    columns = np.stack(powers, axis=1) * root[:, None]
    left, values, _ = np.linalg.svd(columns / np.linalg.norm(columns, axis=0).clip(1e-300), full_matrices=False)
    return np.asarray(left[:, values > 1e-11 * values[0]])


def _orthonormal(z: Array, mass: Array, degree: int) -> Array:
    """Polynomials in z up to a total degree, orthonormal under the masses, shape (M, Z)."""
    rows = [np.prod(z[f], axis=0) for f in _factors(len(z), degree)]
    # QR of √q·powers rather than a Gram matrix: it does not square the condition number.
    weight = np.sqrt(mass)
    q, _ = np.linalg.qr((np.stack(rows) * weight).T)
    return np.asarray(q.T / np.maximum(weight, 1e-150))
