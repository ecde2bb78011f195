"""Fold the parts of a source into one state, here or on other machines, and carry on where an interrupted fold stopped.

===========  =================================================================
symbol       meaning
===========  =================================================================
state        what is accumulated; two of them merge into that of the union
measurement  from rows and weights to a state
checkpoint   the state and the keys of the parts that are in it, in one file
===========  =================================================================

Parts are merged in the order of the source whoever measured them and whenever they came back, so the result is the same
to the last bit with one process, with many, and after a resumption.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

from .files import atomic_write, require_writable, write_arrays
from .parts import Part, blocks
from .readers import numpy_file, reading
from .recipe import Recipe

__all__ = ["Measurement", "State", "fold", "measure_part"]

# A checkpoint is written when that costs less than this share of the time since the last one.
_SHARE = 0.05
_VERSION = 2


class State(Protocol):
    """What can be accumulated, kept in a file and continued."""

    def merge(self, other: Self) -> Self:
        """State of the union."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays that hold all of it."""


S = TypeVar("S", bound=State)

Measurement = Callable[..., S]
"""``measurement(rows, weights, columns=…, where=…)``: a function of a module, or a partial of one, that can be sent."""


def measure_part(part: Part, recipe: Recipe, measurement: Measurement[S], block: Any = None) -> S | None:
    """State of one part, or None if it has no row to count."""
    state: S | None = None
    for sheet, weights, label in blocks(part, recipe, block):
        new = measurement(sheet.values, weights, columns=sheet.columns, where=label)
        state = new if state is None else state.merge(new)
    return state


def fold(
    parts: Iterable[Part],
    recipe: Recipe,
    measurement: Measurement[S],
    restore: Callable[[Mapping[str, NDArray[Any]]], S],
    *,
    what: Mapping[str, Any],
    engine: Callable[[Iterator[Part], Recipe, Measurement[S]], Iterator[tuple[Part, S | None]]] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Callable[[int], None] | None = None,
) -> S:
    """Merge the states of all parts.

    Parameters
    ----------
    parts : iterable of Part
        In the order to merge.
    recipe : Recipe
        What to do with columns and rows.
    measurement : callable
        From rows to a state.
    restore : callable
        From the arrays of a checkpoint to a state.
    what : mapping
        JSON values that say what is measured; a checkpoint of anything else is refused.
    engine : callable, optional
        Yields parts and their states in order; by default this process measures them one after another.
    checkpoint : path, optional
        NPZ file that keeps state and progress; written whole or not at all, also when the fold ends early.
    resume : bool
        Continue from the checkpoint if there is one. Parts may have been added after those it holds.
    progress : callable, optional
        Called with the number of parts merged.

    Raises
    ------
    InputError
        If no row is left, the checkpoint exists and is not to be continued, cannot be used, or belongs to other data.
    """
    identity = {**what, "recipe": asdict(recipe)}
    book = None if checkpoint is None else _Book.opened(Path(checkpoint), identity, resume)
    state = None if book is None or not book.arrays else restore(book.arrays)
    rest = iter(parts) if book is None else book.beyond(iter(parts))
    results = (engine or _here)(rest, recipe, measurement)
    done = 0 if book is None else len(book.merged)
    try:
        for part, new in results:
            if new is not None:
                state = new if state is None else state.merge(new)
            done += 1
            if book is not None:
                book.merged.append(part.key)
                book.save_if_cheap(state)
            if progress is not None:
                progress(done)
    finally:
        # Whatever ended the loop, an error on a worker or Ctrl-C, what is merged is kept.
        if book is not None:
            book.save(state)
    if state is None:
        raise InputError("the source has no complete row of positive weight; check the data, --columns and --weights")
    return state


def _here(parts: Iterator[Part], recipe: Recipe, measurement: Measurement[S]) -> Iterator[tuple[Part, S | None]]:
    for part in parts:
        yield part, measure_part(part, recipe, measurement, None if part.block is None else part.block.compute())


@dataclass(slots=True)
class _Book:
    """A checkpoint file, and what of it is not on disk yet."""

    path: Path
    what: dict[str, Any]
    merged: list[str]
    arrays: dict[str, NDArray[Any]]
    saved: int
    cost: float = 0.0
    last: float = 0.0

    @classmethod
    def opened(cls, path: Path, what: dict[str, Any], resume: bool) -> _Book:
        path = path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")
        require_writable(path.parent)
        what = json.loads(json.dumps(what))  # as it comes back from the file: tuples are lists there
        if not path.exists():
            return cls(path, what, [], {}, -1, last=time.monotonic())
        if not resume:
            raise InputError(
                f"{path}: a checkpoint exists already; continue it with --resume (resume=True) or remove it"
            )
        with reading(path), numpy_file(path) as loaded:
            try:
                arrays = {name: loaded[name] for name in loaded.files}
                book = json.loads(str(arrays.pop("book")))
                found, merged = book["what"], [str(key) for key in book["merged"]]
                same_version = book["version"] == _VERSION
            except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
                raise InputError(f"{path}: not a checkpoint of an accumulation ({error}); give another file") from None
        if not same_version:
            raise InputError(f"{path}: a checkpoint of another version of landau-vae; remove it and begin anew")
        for name, value in what.items():
            if found.get(name) != value:
                raise InputError(
                    f"{path}: the checkpoint was made with another {name} ({_differing(found.get(name), value)}); ask "
                    "for the same, or remove it and begin anew"
                )
        return cls(path, what, merged, arrays, len(merged), last=time.monotonic())

    def beyond(self, parts: Iterator[Part]) -> Iterator[Part]:
        """The parts after those that are merged, which must come first and be what they were."""
        for k, key in enumerate(list(self.merged)):
            part = next(parts, None)
            if part is None or part.key != key:
                found = "nothing" if part is None else part.key
                raise InputError(
                    f"{self.path}: the checkpoint holds as part {k + 1} {key}, but the source has {found} there; give "
                    "the same files in the same order (new ones after them), or remove the checkpoint and begin anew"
                )
        yield from parts

    def save_if_cheap(self, state: State | None) -> None:
        if self.cost <= _SHARE * (time.monotonic() - self.last):
            self.save(state)

    def save(self, state: State | None) -> None:
        if self.saved == len(self.merged):
            return
        start = time.monotonic()
        book = json.dumps({"version": _VERSION, "what": self.what, "merged": self.merged})
        with atomic_write(self.path) as file:
            write_arrays(file, {"book": np.array(book), **({} if state is None else state.to_arrays())})
        self.last = time.monotonic()
        self.saved, self.cost = len(self.merged), self.last - start


def _differing(found: Any, wanted: Any) -> str:
    if isinstance(found, dict) and isinstance(wanted, dict):
        name = next(name for name in {**found, **wanted} if found.get(name) != wanted.get(name))
        return f"{name}: {found.get(name)!r:.60}, now {wanted.get(name)!r:.60}"
    return f"{found!r:.60}, now {wanted!r:.60}"
