"""Tell stationary points apart up to symmetry, by what every symmetry leaves unchanged.

=======  ======================================================  ==================
symbol   meaning                                                 unit
=======  ======================================================  ==================
``θ``    temperature over the scale of the landscape             1
``F``    free energy over the scale                              1
``h_i``  eigenvalues of the Hessian over the scale               1
=======  ======================================================  ==================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .landscape import Landscape
from .newton import ZERO

__all__ = ["Signature"]

Array = NDArray[np.float64]
_SPECTRUM = 2e-5
"""Difference of eigenvalues that images may have: their states are known to 1e-7 or so."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What every symmetry leaves unchanged: T, F and the spectrum of the Hessian.

    Along an exactly flat direction the spectrum may change, so there only the numbers of negative and zero eigenvalues
    are compared.

    Parameters
    ----------
    temperature, free_energy : float
        Over the scale of the landscape.
    eigenvalues : ndarray, shape (n,)
        Over the scale, ascending.
    index, zeros : int
        Negative and zero eigenvalues.
    flat : bool
        Whether there are more zeros than symmetry tangents.
    """

    temperature: float
    free_energy: float
    eigenvalues: Array
    index: int
    zeros: int
    flat: bool

    @classmethod
    def of(cls, landscape: Landscape, state: Array, temperature: float) -> Signature:
        """Signature of a stationary point."""
        values = np.linalg.eigvalsh(landscape.hessian(state, temperature)) / landscape.scale
        edge = ZERO * max(float(np.abs(values).max()), 1e-3)
        zeros = int(np.count_nonzero(np.abs(values) <= edge))
        return cls(
            temperature / landscape.scale,
            float(landscape.free_energy(state, temperature)) / landscape.scale,
            values,
            int(np.count_nonzero(values < -edge)),
            zeros,
            zeros > len(landscape.symmetry(state)),
        )

    def agrees(self, other: Signature, *, strict: bool = False) -> bool:
        """Whether two points may be images of each other.

        Parameters
        ----------
        other : Signature
            Of a point that is the same, an image, or another one.
        strict : bool
            Next to a branch point all spectra are alike: tell them apart to the accuracy of Newton's method, at the
            price of missing an image whose state is known less well.
        """
        unit = 1e-3 if strict else 1.0
        same = abs(self.temperature - other.temperature) <= 1e-7 * unit
        if not same or abs(self.free_energy - other.free_energy) > 1e-8 * unit:
            return False
        if self.flat and other.flat and (self.index, self.zeros) == (other.index, other.zeros):
            return True
        if (self.flat or other.flat) and not strict:
            # Newton's method creeps along a flat direction: of a state of residual 1e-12 its curvature is 1e-8 or so.
            return self._counts() == other._counts()
        return bool(np.allclose(self.eigenvalues, other.eigenvalues, rtol=0, atol=_SPECTRUM * unit))

    def _counts(self) -> tuple[int, int]:
        """Negative and positive eigenvalues, with a generous zero."""
        return int(np.count_nonzero(self.eigenvalues < -_SPECTRUM)), int(np.count_nonzero(self.eigenvalues > _SPECTRUM))
