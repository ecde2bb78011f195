"""Medians of alternating runs: a machine that slows down slows both sides of a ratio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["medians"]


def medians(
    sides: Mapping[str, Callable[[], Any]], repeats: int = 7, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median seconds of each side, run in turn ``repeats`` times after one warm-up each.

    Wall time, unless ``clock`` is ``time.process_time``: the seconds that this process had, which other work on the
    machine disturbs less. It adds up threads, so all sides must be bound to one core.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for round_ in range(repeats + 1):
        for name, function in sides.items():
            start = clock()
            function()
            if round_:
                times[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in times.items()}
