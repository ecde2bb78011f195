"""Medians of alternating runs: a machine that slows down slows both sides of a ratio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["medians"]


def medians(sides: Mapping[str, Callable[[], Any]], repeats: int = 7) -> dict[str, float]:
    """Median wall seconds of each side, run in turn ``repeats`` times after one warm-up each."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for round_ in range(repeats + 1):
        for name, function in sides.items():
            start = time.perf_counter()
            function()
            if round_:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}
