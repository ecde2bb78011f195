"""How much memory a sweep will take, before it starts.

======  =========================================================  =====
symbol  meaning                                                    unit
======  =========================================================  =====
N, N'   rows to train on, rows to measure on                       1
D, K    features, latents                                          1
M, P    models of the largest chunk, parameters of all of them     1
B       rows of a minibatch                                        1
i       size of a number in the plan's precision                   byte
======  =========================================================  =====
"""

from __future__ import annotations

import math

import numpy as np

from .architecture import Architecture
from .network import TILE_BYTES
from .plan import SweepPlan
from .posterior import DECODED_AT_ONCE
from .stacked_network import NetworkParameters

__all__ = ["memory_estimate"]

_DOUBLE = 8


def memory_estimate(
    plan: SweepPlan,
    architecture: Architecture | None,
    n_rows: int,
    features: int,
    *,
    workers: int = 2,
    test_rows: int | None = None,
    keep_parameters: bool = False,
) -> int:
    """Bytes that a sweep takes at its peak, beside the interpreter and its libraries (some 100 MB).

    Parameters
    ----------
    plan : SweepPlan
        What will be trained.
    architecture : Architecture or None
        Of networks; None for linear models.
    n_rows, features : int
        N and D.
    workers : int
        Chunks that are trained at a time, on threads. Processes each have the rows and the interpreter again.
    test_rows : int or None
        N'; N if None.
    keep_parameters : bool
        As for :func:`verify.network_sweep.run_network_sweep`; linear sweeps always keep them.

    Returns
    -------
    int
        Bytes; the peak that ``tracemalloc`` sees lies within a factor 1.5 of it.

    Notes
    -----
    Memory does not grow with the number of steps, and with that of temperatures only by what is recorded: some
    15 numbers per latent and model, and the parameters where they are kept.

    Examples
    --------
    >>> plan = SweepPlan.default("network", [1.0] * 121, latents=32)
    >>> scan = Architecture(encoder=(64,) * 4, decoder=(64,) * 4)
    >>> 100 < memory_estimate(plan, scan, 20_000, 19) / 1e6 < 300
    True
    """
    k, d, item = plan.latents, features, np.dtype(plan.dtype).itemsize
    measured = n_rows if test_rows is None else test_rows
    chunks = plan.chunks
    models = max(len(chunk.seeds) for chunk in chunks)
    one = _parameters(plan, architecture, features)
    parameters = models * one
    # θ, its gradient, two moments, the best θ and the mask of what has stopped, and the owner of each entry.
    held = 4 if plan.patience is None else 6
    trained = parameters * (held * item + 1)
    begun = parameters * (2 * item + 2 * _DOUBLE)
    data = n_rows * d * item
    if architecture is None:
        buffers = 0 if plan.mode == "exact" else 10 * models * k * plan.batch_size * item
        data = 0 if plan.mode == "exact" else data
        measuring = 3 * parameters * _DOUBLE + (0 if plan.mode == "exact" else n_rows * (3 * d + 6 * k) * _DOUBLE)
        kept = True
    else:
        buffers = _buffers(plan, architecture, features, models, item)
        block = min(measured, max(1, DECODED_AT_ONCE // max(k, d)))
        moments = 7 * measured * k * _DOUBLE
        truncated = 2 * measured * k * _DOUBLE + block * (5 * k + 3 * d) * _DOUBLE
        measuring = parameters * _DOUBLE + max(moments, truncated)
        kept = keep_parameters
    worker = max(begun, trained + data + buffers + max(parameters * item, measuring))
    numbers = (15 * k + 10) * _DOUBLE + (one * (item if architecture is not None else _DOUBLE) if kept else 0)
    results = 2 * plan.models * numbers  # by chunk, and put together
    rows = n_rows * d * _DOUBLE + (0 if test_rows is None else measured * d * _DOUBLE)
    return int(min(workers, len(chunks)) * worker + results + rows + measured * d * _DOUBLE)


def _parameters(plan: SweepPlan, architecture: Architecture | None, d: int) -> int:
    """Of one model."""
    k = plan.latents
    if architecture is not None:
        return NetworkParameters.size(architecture, d, k)
    return k * (2 * d + 1) if plan.mode == "exact" else k * (3 * d + 2) + d


def _buffers(plan: SweepPlan, architecture: Architecture, d: int, models: int, item: int) -> int:
    """Noise, batch and the values of all layers of a tile of models."""
    k, b = plan.latents, plan.batch_size
    encoder, decoder = architecture.layers(d, k)
    hidden = sum((*encoder[1:-1], *decoder[1:-1]))
    widest = max((*encoder[1:-1], *decoder[1:-1]), default=0)
    one = item * b * (math.ceil(1.5 * hidden) + 3 * widest + encoder[-1] * 2 + d + 7 * k)
    return models * k * b * item + 4 * b * d * item + min(models * one, max(TILE_BYTES, one))
