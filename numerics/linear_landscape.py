"""The linear VAE as a landscape: every entry of decoder and encoder and every posterior variance is an unknown.

========  ==========================================================  ==============  ===========
symbol    meaning                                                     shape           unit
========  ==========================================================  ==============  ===========
``λ``     eigenvalues of the covariance; the basis is theirs          (D,)            data²
``W``     decoder                                                     (D, K)          data
``Q``     encoder times B, ``V = Q B⁻¹``, ``B = diag √λ``             (K, D)          1
``s``     posterior variances                                         (K,)            1
``y``     W, Q by rows, then s                                        (2DK + K,)
========  ==========================================================  ==============  ===========

In V a direction without variance would be exactly flat; in Q the loss grows with it, and nothing else changes. Formulas
are emitted from `theory.matrix_form` (loss of Lucas et al. 2019, arXiv:1911.02469).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from . import _matrix_formulas
from .landscape import Landscape

__all__ = ["LinearVAE"]

Array = NDArray[Any]
_EQUAL = 1e-12


@dataclass(frozen=True)
class LinearVAE:
    """The linear VAE on a spectrum, with K latents, in full matrix form.

    Parameters
    ----------
    eigenvalues : array_like, shape (D,)
        λ ≥ 0, the largest positive; sorted descending on entry.
    latents : int
        K ≥ 1.

    Raises
    ------
    InputError
        If an eigenvalue is negative or not finite, all vanish, or K is not a positive integer.

    Examples
    --------
    >>> model = LinearVAE([2.0, 1.0], 1)
    >>> model.landscape.size
    5
    >>> round(float(model.landscape.free_energy(model.collapsed, 0.5)), 12)
    3.0
    """

    eigenvalues: Any
    latents: int

    def __post_init__(self) -> None:
        lam = np.sort(np.atleast_1d(np.asarray(self.eigenvalues, dtype=np.float64)))[::-1]
        if lam.ndim != 1 or not np.isfinite(lam).all() or (lam < 0).any() or lam[0] <= 0:
            raise InputError(
                f"eigenvalues must be finite, not negative and not all zero, got {self.eigenvalues!r:.60}; "
                "give the spectrum of a covariance"
            )
        k = self.latents
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise InputError(f"latents must be an integer of at least 1, got {k!r}; ask for one latent or more")
        lam.setflags(write=False)
        object.__setattr__(self, "eigenvalues", lam)

    @property
    def features(self) -> int:
        """D."""
        return len(self.eigenvalues)

    @property
    def collapsed(self) -> Array:
        """The fully collapsed state W = 0, Q = 0, s = 1, shape (n,)."""
        return self.pack(
            np.zeros((self.features, self.latents)), np.zeros((self.latents, self.features)), np.ones(self.latents)
        )

    @property
    def eigenspaces(self) -> tuple[Array, ...]:
        """Indices of equal eigenvalues (relative 1e-12 of the largest), group by group."""
        lam = self.eigenvalues
        breaks = np.flatnonzero(lam[:-1] - lam[1:] > _EQUAL * lam[0]) + 1
        return tuple(np.split(np.arange(len(lam)), breaks))

    def pack(self, decoder: ArrayLike, encoder: ArrayLike, widths: ArrayLike) -> Array:
        """One state from W (D, K), Q (K, D), s (K,)."""
        return np.concatenate([np.ravel(decoder), np.ravel(encoder), np.ravel(widths)])

    def unpack(self, y: Array) -> tuple[Array, Array, Array]:
        """W (..., D, K), Q (..., K, D), s (..., K) of states (..., n)."""
        d, k = self.features, self.latents
        cut = d * k
        w, q, s = y[..., :cut], y[..., cut : 2 * cut], y[..., 2 * cut :]
        return w.reshape(*y.shape[:-1], d, k), q.reshape(*y.shape[:-1], k, d), s

    def encoder(self, y: Array) -> Array:
        """V = Q B⁺ (K, D), with zeros on directions without variance."""
        root = np.sqrt(self.eigenvalues)
        q = self.unpack(np.asarray(y, dtype=np.float64))[1]
        v: Array = np.divide(q, root, out=np.zeros_like(q), where=root > 0)
        return v

    def complete(self, decoder: ArrayLike, temperature: float) -> Array:
        """The state in which encoder and widths are optimal for a decoder: Q = (WᵀW + T)⁻¹WᵀB, s = T/(T + |w|²)."""
        w = np.asarray(decoder, dtype=np.float64).reshape(self.features, self.latents)
        gram = w.T @ w
        q = np.linalg.solve(gram + temperature * np.eye(self.latents), w.T * np.sqrt(self.eigenvalues))
        return self.pack(w, q, temperature / (temperature + np.diagonal(gram)))

    @cached_property
    def landscape(self) -> Landscape:
        """F, gradient, Hessian and symmetries; the scale is λ_1."""
        n = 2 * self.features * self.latents + self.latents
        return Landscape(
            n,
            lambda y, T: _matrix_formulas.free_energy(*self.unpack(y), self._root(y), T),
            lambda y, T: self.pack(*_matrix_formulas.gradient(*self.unpack(y), self._root(y), T)),
            self._hessian,
            tangents=self._tangents,
            positive=tuple(range(n - self.latents, n)),
            scale=float(self.eigenvalues[0]),
        )

    def _root(self, y: Array) -> Array:
        """B at the precision of a state."""
        if y.dtype != object:
            return np.diag(np.sqrt(self.eigenvalues))
        import mpmath

        root = np.zeros((self.features, self.features), dtype=object)
        root[np.diag_indices(self.features)] = [mpmath.sqrt(mpmath.mpf(float(v))) for v in self.eigenvalues]
        return root

    def _hessian(self, y: Array, T: Any) -> Array:
        """All Hessian products with unit directions at once."""
        x, q, u = self.unpack(np.eye(len(y), dtype=np.int64 if y.dtype == object else np.float64))
        blocks = _matrix_formulas.hessian_product(*self.unpack(y), x, q, u, self._root(y), T)
        return np.concatenate([block.reshape(len(y), -1) for block in blocks], axis=1)

    def _tangents(self, y: Array) -> Array:
        """Rotations inside each degenerate eigenspace: W → W + θGW, Q → Q − θQG."""
        w, q, s = self.unpack(y)
        rows = []
        for space in self.eigenspaces:
            for a, i in enumerate(space):
                for j in space[a + 1 :]:
                    generator = np.zeros((self.features, self.features))
                    generator[i, j], generator[j, i] = -1.0, 1.0
                    rows.append(self.pack(generator @ w, -q @ generator, np.zeros_like(s)))
        return np.array(rows).reshape(-1, len(y))
