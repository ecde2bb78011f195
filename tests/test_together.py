"""Several trainings at once: what ends one of them, or an interrupt, ends all."""

from __future__ import annotations

import threading
import time

import pytest

from verify.experiments.together import Progress, train_together


def _endless(tell: Progress) -> None:
    while True:
        tell(1, 2)
        time.sleep(0.001)


def test_a_job_that_fails_ends_the_others() -> None:
    def broken(tell: Progress) -> None:
        raise ZeroDivisionError

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        train_together({"endless": (2, _endless), "broken": (1, broken)}, workers=2)
    _until_ended(before)


def test_an_interrupt_ends_all_jobs() -> None:
    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        train_together({"one": (2, _endless), "two": (2, _endless)}, workers=2, progress=interrupted)
    _until_ended(before)


def _until_ended(before: int) -> None:
    end = time.monotonic() + 20
    while threading.active_count() > before:
        assert time.monotonic() < end, "threads still run"
        time.sleep(0.01)
