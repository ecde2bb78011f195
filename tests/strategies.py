"""The public strategies of `verify.properties`, bounded to what the tests can afford."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from verify.properties import covariances, rotations, spectra, weighted_points

__all__ = ["TRAINED", "UNTRAINED", "covariances", "rotations", "spectra", "temperatures", "weighted_points"]

UNTRAINED = settings(derandomize=True, deadline=None, max_examples=60, database=None)
"""For closed forms: the same examples on every machine, no time limit on a shared one."""

TRAINED = settings(UNTRAINED, max_examples=4, suppress_health_check=[HealthCheck.too_slow])
"""For properties that train models."""


def temperatures(size: int = 8) -> st.SearchStrategy[list[float]]:
    """Temperatures from far below to far above every spectrum of :func:`spectra`."""
    return st.lists(st.floats(-16.0, 4.0).map(lambda e: 10.0**e), min_size=1, max_size=size)
