"""One BLAS thread while anyone trains in this process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from threadpoolctl import threadpool_limits

__all__ = ["one_blas_thread"]


class _BlasLimit:
    """A limit that the first user sets and the last one lifts.

    The limit is the process's, so threads must not set and restore it each on its own: the first to end would lift it
    for the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limit: Any = None

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._users == 0:
                self._limit = threadpool_limits(1, user_api="blas")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._limit.restore_original_limits()


one_blas_thread = _BlasLimit()
"""Context manager: BLAS has one thread while it is open in any thread.

Small products gain nothing from more, and sums keep their order.
"""
