"""What state each latent of a posterior is in, from its order parameters alone.

==============  ==============================================================================================
verdict         the latent
==============  ==============================================================================================
active          M² above the threshold: its mean carries data
width-coded     M² below it, but σ(x) depends on x: the Jensen gap is most of its divergence
offset only     M² below it; the mean is a constant that is not 0 and costs divergence for nothing
scale-drifted   M² below it; its scale A² is not 1, and costs divergence for nothing
collapsed       none of these costs more than the tolerance: the posterior is the prior
==============  ==============================================================================================

======  ============================================  ======
symbol  meaning                                       unit
======  ============================================  ======
M²      signal fraction                               1
A²      posterior scale                               1
m       mean offset E μ                               1
KL      divergence and its four terms                 nats
======  ============================================  ======

A stationary point of a model whose decoder can absorb an affine change of a latent has m = 0 and A² = 1 exactly, so
the last two costs are signs of training that has not ended (or of a decoder that cannot absorb it).
"""

from __future__ import annotations

import numpy as np

from theory.errors import InputError

from .posterior import ACTIVE, PosteriorStatistics

__all__ = ["COSTS", "VERDICTS", "remarks", "verdicts"]

VERDICTS = ("active", "collapsed", "offset only", "width-coded", "scale-drifted")

COSTS = 0.01
"""Divergence in nats that counts: an offset of 0.14, a scale A² off by 0.2, a Jensen gap of 0.02."""


def verdicts(
    statistics: PosteriorStatistics, *, active_above: float = ACTIVE, rate_above: float = COSTS
) -> tuple[str, ...]:
    """One of `VERDICTS` for every latent.

    Parameters
    ----------
    statistics : PosteriorStatistics
        Of one posterior, arrays (K,).
    active_above : float
        M² above which a latent is active, in [0, 1).
    rate_above : float
        Nats above which a term of the divergence of a latent that is not active names its state.

    Raises
    ------
    InputError
        For thresholds out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from verify.posterior import posterior_statistics
    >>> mu = np.array([[1.0, 0.0, 0.6], [-1.0, 0.0, 0.6]])
    >>> verdicts(posterior_statistics(mu, np.array([[-0.5, 0.4, 0.0], [-0.5, -0.6, 0.0]])))
    ('active', 'width-coded', 'offset only')
    """
    if not 0 <= active_above < 1:
        raise InputError(
            f"active_above must lie in [0, 1), got {active_above!r}; it is a signal fraction, 0.1 is usual"
        )
    if not 0 < rate_above < np.inf:
        raise InputError(f"rate_above must be positive and finite, got {rate_above!r}; it is a divergence in nats")
    names = ("width-coded", "offset only", "scale-drifted")
    terms = np.stack([statistics.jensen_term, statistics.offset_term, statistics.scale_term])
    largest = terms.argmax(axis=0)
    silent = terms.max(axis=0) <= rate_above
    return tuple(
        "active" if alive else "collapsed" if quiet else names[which]
        for alive, quiet, which in zip(statistics.active(active_above), silent, largest, strict=True)
    )


def remarks(
    statistics: PosteriorStatistics, *, active_above: float = ACTIVE, rate_above: float = COSTS
) -> tuple[tuple[str, ...], ...]:
    """What a verdict leaves out, per latent: other terms that cost more than ``rate_above``, and faint signals.

    Parameters as in :func:`verdicts`.

    Examples
    --------
    >>> import numpy as np
    >>> from verify.posterior import posterior_statistics
    >>> remarks(posterior_statistics(np.array([[0.3], [-0.3]]), np.zeros((2, 1))))
    (('faint signal: M² = 0.0826 is below the threshold, its 0.0431 nat are not',),)
    """
    states = verdicts(statistics, active_above=active_above, rate_above=rate_above)
    return tuple(tuple(_remarks(statistics, k, state, rate_above)) for k, state in enumerate(states))


def _remarks(s: PosteriorStatistics, k: int, state: str, rate_above: float) -> list[str]:
    said: list[str] = []
    if state != "active" and s.signal_term[k] > rate_above:
        said.append(
            f"faint signal: M² = {s.signal_fraction[k]:.3g} is below the threshold, its {s.signal_term[k]:.3g} nat "
            "are not"
        )
    if state != "width-coded" and s.jensen_term[k] > rate_above:
        said.append(f"σ(x) depends on x: {s.jensen_term[k]:.3g} nat")
    if state != "offset only" and s.offset_term[k] > rate_above:
        said.append(f"mean offset {s.mean[k]:+.3g}: {s.offset_term[k]:.3g} nat for nothing")
    if state != "scale-drifted" and s.scale_term[k] > rate_above:
        said.append(f"A² = {s.posterior_scale[k]:.3g} is not 1: {s.scale_term[k]:.3g} nat for nothing")
    return said
