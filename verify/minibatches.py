"""Which rows a minibatch holds: epochs strung together, or draws in proportion to weights.

======  ===============================  ====
symbol  meaning                          unit
======  ===============================  ====
N, B    rows of the data, of a batch     1
======  ===============================  ====
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Minibatches"]


class Minibatches:
    """An endless stream of minibatches.

    Without weights every row comes once per epoch, and the epochs are strung together so that no batch is short. With
    weights rows are drawn in proportion to them, with replacement.

    Parameters
    ----------
    rows : int
        N.
    batch_size : int
        B; may exceed N.
    generator : numpy.random.Generator
        Shuffles or draws.
    weights : ndarray (N,) or None
        Not negative, not all zero.

    Examples
    --------
    >>> batches = Minibatches(4, 2, np.random.default_rng(0))
    >>> sorted(np.concatenate([batches.draw(), batches.draw()]).tolist())
    [0, 1, 2, 3]
    """

    __slots__ = ("_batch_size", "_cumulative", "_generator", "_order", "_rows")

    def __init__(
        self,
        rows: int,
        batch_size: int,
        generator: np.random.Generator,
        weights: npt.NDArray[Any] | None = None,
    ) -> None:
        self._rows = rows
        self._batch_size = batch_size
        self._generator = generator
        self._cumulative = None if weights is None else np.cumsum(weights / weights.sum())
        self._order = np.empty(0, dtype=np.intp)

    def draw(self) -> npt.NDArray[np.intp]:
        """Return the next B row numbers, (B,)."""
        n, b = self._rows, self._batch_size
        if self._cumulative is not None:
            # The last sum may be rounded to below 1.
            return np.searchsorted(self._cumulative, self._generator.random(b), side="right").clip(max=n - 1)
        while len(self._order) < b:
            self._order = np.concatenate([self._order, self._generator.permutation(n)])
        chosen, self._order = self._order[:b], self._order[b:]
        return chosen

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return what the next draw depends on beside the generator: the rows left of the epochs begun."""
        return {"order": self._order.copy()}

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Take back what :meth:`state` returned."""
        self._order = state["order"].astype(np.intp)
