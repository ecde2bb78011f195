"""A Dask cluster as engine: parts are measured by its workers and come back in order; nothing waits for ever.

===========  ==================================================================
symbol       meaning
===========  ==================================================================
cluster      a scheduler and its workers, reached through one client
part         what one worker reads and measures at a time
===========  ==================================================================

A worker that dies costs time only: the scheduler gives its parts to another. A scheduler that dies, or the last worker,
ends the work with an error; what was merged until then is in the checkpoint.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event
from typing import Any, ParamSpec, TypeVar

from theory.errors import InputError, MissingExtraError

from .fold import Measurement, S, measure_part
from .parts import Part
from .recipe import Recipe

__all__ = ["Cluster", "active_client", "connect"]

P = ParamSpec("P")
R = TypeVar("R")

_POLL = 0.5
# Parts in flight per thread: one to work on and one that waits, so that no thread does.
_AHEAD = 2
_PACKAGE = "numerics.fold"


@contextmanager
def connect(scheduler: Any, *, timeout: float = 10.0) -> Iterator[Cluster]:
    """Connect to a scheduler, see that its workers can do the work, and disconnect.

    Parameters
    ----------
    scheduler : str or distributed.Client
        Address, such as ``tcp://host:8786``; a client that is connected already is used and left open.
    timeout : float
        Seconds to wait for the scheduler, and again for a worker.

    Yields
    ------
    Cluster

    Raises
    ------
    InputError
        If nobody answers, there is no worker, or a worker lacks this package or has another version of it.
    MissingExtraError
        Without Dask's ``distributed``.
    """
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError("a scheduler", "distributed", "distributed") from None
    if not timeout > 0:
        raise InputError(f"timeout must be positive seconds, got {timeout!r}; try 10")
    own = not isinstance(scheduler, Client)
    if own and not isinstance(scheduler, str):
        raise InputError(
            f"scheduler must be an address or a distributed.Client, got {scheduler!r:.60}; e.g. tcp://host:8786"
        )
    client: Any
    if own:
        try:
            with ThreadPoolExecutor(1) as pool:
                # A thread of its own: here an event loop may be running already, as in a notebook.
                pool.submit(_greet, scheduler, timeout).result()
            client = Client(scheduler, timeout=timeout, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(
                f"scheduler {scheduler}: no answer within {timeout:g} s ({_first_line(error)}); check the address, and "
                "that `dask scheduler` runs there"
            ) from error
    else:
        client = scheduler
    cluster = Cluster(client, scheduler if own else str(client.scheduler.address), timeout)
    try:
        cluster._require_workers()
        yield cluster
    finally:
        if own:
            # A scheduler that is gone cannot be told good-bye.
            with suppress(OSError, TimeoutError):
                client.close(timeout=2)


def _greet(address: str, timeout: float) -> None:
    """Ask a scheduler who it is; a port that accepts and then says nothing would make ``Client`` wait for ever."""
    from distributed import Security
    from distributed.core import connect as reach
    from distributed.core import send_recv

    async def ask() -> None:
        comm = await reach(address, timeout=timeout, **Security().get_connection_args("client"))
        try:
            await send_recv(comm, op="identity")
        finally:
            comm.abort()

    asyncio.run(asyncio.wait_for(ask(), timeout))


def active_client() -> Any:
    """The Dask client that is active in this process, or None."""
    if "distributed" not in sys.modules:
        return None
    from distributed import default_client

    try:
        return default_client()
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A connected scheduler.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    address : str
        What errors call the scheduler.
    timeout : float
        Seconds without any worker after which the work is given up.
    """

    client: Any
    address: str
    timeout: float

    @contextmanager
    def executor(self) -> Iterator[Executor]:
        """The cluster as an executor of the standard library, for training sweeps.

        Unlike ``Client.get_executor`` it does not wait for ever when the scheduler or all workers go: its futures end
        with the same errors as :meth:`measure`. Leaving the context cancels what is not done.
        """
        stop = Event()
        executor = _ClusterExecutor(self, stop)
        try:
            yield executor
        finally:
            stop.set()
            executor.shutdown(cancel_futures=True)

    def measure(
        self, parts: Iterator[Part], recipe: Recipe, measurement: Measurement[S]
    ) -> Iterator[tuple[Part, S | None]]:
        """States of the parts, in the order of the parts.

        Raises
        ------
        InputError
            What a worker says of the data; or that the scheduler or all workers went away, or that a part ends every
            worker that takes it.
        """
        window = _AHEAD * max(1, sum(self._threads().values()))
        waiting: deque[tuple[Part, Any]] = deque()
        try:
            for part in parts:
                waiting.append((part, self._submit(part, recipe, measurement)))
                if len(waiting) >= window:
                    yield self._next(waiting)
            while waiting:
                yield self._next(waiting)
        finally:
            for _, future in waiting:
                future.release()

    def _submit(self, part: Part, recipe: Recipe, measurement: Measurement[S]) -> Any:
        if part.block is None:
            return self.client.submit(measure_part, part.head(), recipe, measurement, pure=False)
        import dask

        # The block is computed where it is measured, and only its moments travel.
        return self.client.compute(dask.delayed(measure_part, pure=False)(part.head(), recipe, measurement, part.block))

    def _next(self, waiting: deque[tuple[Part, Any]]) -> tuple[Part, Any]:
        part, future = waiting[0]
        state = self._result(part.key, future)
        waiting.popleft()
        return part, state

    def _result(self, name: str, future: Any, stop: Event | None = None) -> Any:
        """What a future brings, or why it will not."""
        from distributed import CancelledError, KilledWorker
        from distributed.comm import CommClosedError

        deserted: float | None = None
        while True:
            try:
                return future.result(timeout=_POLL)
            except InputError:
                raise
            except KilledWorker as error:
                raise InputError(
                    f"{name}: every worker that took this died ({_first_line(error)}); give the workers more memory"
                ) from error
            except ModuleNotFoundError as error:
                raise self._no_package(f"a worker of {self.address}", str(error)) from error
            except (CancelledError, CommClosedError) as error:
                raise self._lost() from error
            except TimeoutError:
                if future.status == "error":
                    raise
                if stop is not None and stop.is_set():
                    future.cancel()
                    raise
                if self.client.status != "running":
                    raise self._lost() from None
                if self._threads():
                    deserted = None
                elif deserted is None:
                    deserted = time.monotonic()
                elif time.monotonic() - deserted > self.timeout:
                    raise InputError(
                        f"scheduler {self.address}: all workers are gone for {self.timeout:g} s; start workers and "
                        "repeat, with --resume if there is a checkpoint"
                    ) from None

    def _threads(self) -> dict[str, int]:
        """Threads by worker."""
        from distributed.comm import CommClosedError

        try:
            threads: dict[str, int] = self.client.sync(self.client.scheduler.ncores, callback_timeout=self.timeout)
        except (OSError, CommClosedError, TimeoutError, ValueError) as error:
            raise self._lost() from error
        return threads

    def _lost(self) -> InputError:
        return InputError(
            f"scheduler {self.address}: the connection is lost; what is merged is in the checkpoint, if there is one: "
            "start the scheduler again and repeat with --resume"
        )

    def _require_workers(self) -> None:
        try:
            self.client.wait_for_workers(1, timeout=self.timeout)
        except TimeoutError:
            raise InputError(
                f"scheduler {self.address}: no worker within {self.timeout:g} s; start some with `dask worker "
                f"{self.address}`"
            ) from None
        # A function of the standard library reaches a worker that lacks this package; then one of this package may go.
        for worker, spec in self.client.run(importlib.util.find_spec, _PACKAGE, on_error="return").items():
            if spec is None or isinstance(spec, BaseException):
                raise self._no_package(f"worker {worker}", str(spec or f"No module named {_PACKAGE!r}"))
        own = _versions()
        for worker, found in self.client.run(_versions).items():
            if found != own:
                raise InputError(
                    f"worker {worker} runs landau-vae {found}, this process {own}; install the same version there"
                )

    def _no_package(self, who: str, why: str) -> InputError:
        return InputError(
            f"{who} cannot import landau-vae ({why}); install it in the environment of every worker: pip install "
            "'landau-vae[distributed]'"
        )


class _ClusterExecutor(ThreadPoolExecutor):
    """One thread for each call in flight: it waits, and sees that there is something to wait for."""

    def __init__(self, cluster: Cluster, stop: Event) -> None:
        super().__init__(_AHEAD * max(1, sum(cluster._threads().values())))
        self._cluster, self._stop = cluster, stop

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        return super().submit(self._call, fn, args, kwargs)

    def _call(self, fn: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        future = self._cluster.client.submit(fn, *args, **kwargs, pure=False)
        result: R = self._cluster._result(getattr(fn, "__name__", "a call"), future, self._stop)
        return result


def _versions() -> str:
    """Version of the installed distribution, or where it is run from a checkout without one."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("landau-vae")
    except PackageNotFoundError:
        return "(not installed)"


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
