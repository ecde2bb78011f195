"""The residual edge Λ*(A): the temperature above which collapsed latents stay collapsed beside the active ones.

A collapsed coordinate of a stationary state sees the residual ``r = x − E[x|z_A]`` of the active ones. Both soft
channels of the second variation, δμ and δ ln σ, soften at ``T = Λ* = ‖R‖²`` with ``(R h)(z) = E[r h(x)|z]``, whatever
the architecture (Li, arXiv:2610.11257). With no active latent Λ* is the largest eigenvalue of the covariance. A model
class restricts h to its encoder functions and, for a decoder of finite degree, R h to what the decoder can still add.

======  ======================================================  ======
symbol  meaning                                                 shape
======  ======================================================  ======
``R``   ``√(p_i q_i(z)² dz/q(z)) (x_i − f(z))``                 (D·Z, N)
``Λ*``  ``‖R‖²``, in units of data variance                     scalar
======  ======================================================  ======
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .function_space import State

__all__ = ["residual_edge"]

Array = NDArray[np.float64]


def residual_edge(state: State) -> float:
    """Λ*(A) of a state on its quadrature grid.

    Parameters
    ----------
    state : State
        Stationary; all of its latents count as A (a collapsed one adds nothing, as its posterior does not depend on x).

    Returns
    -------
    float
        In data variance. A further collapsed latent stays collapsed iff T > Λ*.

    Examples
    --------
    With nothing encoded the edge is the top eigenvalue:

    >>> from numerics.function_space import EncoderSpace
    >>> space = EncoderSpace.of([[-3.0, 1.0], [3.0, 1.0], [0.0, -2.0]], None, "flexible", 1)
    >>> edge = residual_edge(space.state(np.zeros(6), 1.0))
    >>> bool(abs(edge - 6.0) < 1e-12)
    True
    """
    space, grid, f = state.space, state.grid, state.decoder
    x, root = space.points, np.sqrt(space.weights)
    degree = space.model.decoder_degree

    def kernel(order: int) -> Array:
        """RᵀR on √p·h, the new latent entering with a Hermite polynomial of an order."""
        if degree is None:
            rows = root[:, None] * grid.q * np.sqrt(grid.cell / state.density)
            inner = x @ f
            cross = (rows * inner) @ rows.T
            size = np.einsum("dz,dz->z", f, f)
            found: Array = (rows * size) @ rows.T - cross - cross.T + (x @ x.T) * (rows @ rows.T)
            return found
        # Total degree at most N with He_order of the new latent: polynomials of degree N − order in the others.
        assert state.polynomials is not None
        kept = _count(len(grid.z), degree - order)
        u = state.polynomials[:kept] * grid.cell
        by_decoder = np.einsum("iz,dz,mz->idm", grid.q, f, u, optimize=True)
        rows = root[:, None, None] * ((grid.q @ u.T)[:, None, :] * x[:, :, None] - by_decoder)
        flat = rows.reshape(len(x), -1)
        gram: Array = flat @ flat.T
        return gram

    edges = [_top(kernel(1), space.mean_basis)]
    if space.model.width_degree != 0 and (degree is None or degree >= 2):
        edges.append(_top(kernel(2), space.width_basis))
    return max(edges)


def _top(kernel: Array, basis: Array | None) -> float:
    reduced = kernel if basis is None else basis.T @ kernel @ basis
    return float(np.linalg.eigvalsh((reduced + reduced.T) / 2)[-1])


def _count(latents: int, degree: int) -> int:
    """Number of monomials in K variables up to a total degree."""
    count = 1
    for k in range(1, latents + 1):
        count = count * (degree + k) // k
    return count
