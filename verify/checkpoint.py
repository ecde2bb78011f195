"""Keep a training run on disk so that it can be taken up again to the last bit.

A folder belongs to one run. ``sweep.json`` says which: the plan, the models and the SHA-256 of the data. Beside it lie,
for every chunk c of models, ``chunk-c.npz`` (where training stands: parameters, moments of the optimiser, states of the
random generators) and ``chunk-c-stage-r.npz`` (what was recorded at the end of stage r). Every file is written whole or
not at all, and nothing is pickled, so that a kill at any moment leaves the last complete state.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from numerics.files import atomic_write, require_writable, write_arrays, write_text
from theory.errors import InputError

__all__ = ["CheckpointFolder", "digest"]

Array = npt.NDArray[Any]

SCHEMA = "landau-vae checkpoint 1"
"""Written into every folder; a loop that would continue otherwise gets a new number."""

_RUN = "sweep.json"
_META = "meta"
# Whatever a damaged zip or NPY header makes NumPy and zipfile raise.
_DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    RuntimeError,
    OverflowError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)


def digest(*arrays: Array | None) -> str:
    """SHA-256 of arrays: their types, shapes and bytes.

    Examples
    --------
    >>> digest(np.zeros(2)) == digest(np.zeros(2)), digest(np.zeros(2)) == digest(np.zeros((2, 1)))
    (True, False)
    """
    total = hashlib.sha256()
    for array in arrays:
        if array is None:
            total.update(b"none;")
            continue
        total.update(f"{array.dtype.str}{array.shape};".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


@dataclasses.dataclass(frozen=True, slots=True)
class CheckpointFolder:
    """The checkpoints of one run. Picklable, so that every worker writes its own.

    Parameters
    ----------
    folder : str
        Path; must be visible to all workers.
    run : str
        SHA-256 of what is trained, repeated in every file.
    seconds : float
        Least time between two states of a chunk in the middle of a stage. At the end of a stage a state is written
        when the last one is older than a second.
    """

    folder: str
    run: str
    seconds: float = 30.0

    @classmethod
    def open(
        cls, folder: str | os.PathLike[str], identity: Mapping[str, Any], *, resume: bool, seconds: float = 30.0
    ) -> CheckpointFolder:
        """Begin a run in a folder, or take up the one that it holds.

        Parameters
        ----------
        folder : path-like
            Made if it is missing.
        identity : mapping
            What is trained, by part (plan, data, …); values must be JSON.
        resume : bool
            Whether a run that the folder holds is continued; a folder without one starts from the beginning.
        seconds : float
            See the class; not negative.

        Raises
        ------
        InputError
            If the folder cannot be written, holds a run although ``resume`` is false, or holds another run; the
            message says in what it differs.
        """
        if not seconds >= 0:
            raise InputError(f"checkpoint_seconds must not be negative, got {seconds}; 30 is the default")
        path = Path(folder)
        require_writable(path)
        wanted = json.loads(json.dumps({"schema": SCHEMA, **identity}, allow_nan=False))
        if (path / _RUN).exists():
            if not resume:
                raise InputError(f"{path} holds the checkpoints of a run; resume it, or choose an empty folder")
            _require_same(path / _RUN, wanted)
        elif any(path.glob("chunk-*.npz")):
            raise InputError(f"{path} holds checkpoints without their {_RUN}; choose an empty folder")
        else:
            write_text(path / _RUN, json.dumps(wanted, indent=2, ensure_ascii=False))
        for partial in path.glob(".*.part"):  # what a kill left behind of a file being written
            partial.unlink(missing_ok=True)
        text = json.dumps(wanted, sort_keys=True)
        # Workers in other folders write there too.
        return cls(str(path.absolute()), hashlib.sha256(text.encode()).hexdigest(), seconds)

    def state_path(self, chunk: int) -> Path:
        """File of where the training of a chunk stands."""
        return Path(self.folder) / f"chunk-{chunk:04d}.npz"

    def record_path(self, chunk: int, stage: int) -> Path:
        """File of what was recorded at the end of a stage."""
        return Path(self.folder) / f"chunk-{chunk:04d}-stage-{stage:04d}.npz"

    def write(self, path: Path, arrays: Mapping[str, Array], meta: Mapping[str, Any] | None = None) -> None:
        """Write arrays and JSON-able remarks into one file, atomically."""
        text = json.dumps({"run": self.run, **(meta or {})}, allow_nan=False)
        with atomic_write(path) as file:
            write_arrays(file, {**arrays, _META: np.array(text)})

    def read(self, path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
        """Read what :meth:`write` wrote.

        Raises
        ------
        InputError
            If the file is missing, damaged, or of another run.
        """
        try:
            # Opened here, as np.load forgets to close what it cannot read.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            meta = json.loads(str(arrays.pop(_META)))
            run = meta.pop("run")
        except _DAMAGE as error:
            raise InputError(
                f"checkpoint {path} is damaged ({type(error).__name__}); "
                f"remove all files chunk-{_chunk_of(path)}* beside it, and that chunk starts again"
            ) from error
        if run != self.run:
            raise InputError(f"checkpoint {path} belongs to another run; remove it, or choose an empty folder")
        return arrays, meta


def _chunk_of(path: Path) -> str:
    return path.stem.split("-")[1] if path.stem.count("-") else "*"


def _require_same(path: Path, wanted: Mapping[str, Any]) -> None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        differing = [part for part in wanted if found.get(part) != wanted[part]]
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({type(error).__name__}); choose an empty folder") from error
    if differing:
        raise InputError(
            f"{path.parent} holds another run: {_difference(differing[0], found.get(differing[0]), wanted)}; "
            "give what it was started with, or choose an empty folder"
        )


def _difference(part: str, found: Any, wanted: Mapping[str, Any]) -> str:
    """In what a part differs, to the first entry of it that does."""
    now = wanted[part]
    if isinstance(found, dict) and isinstance(now, dict):
        for key in now:
            if found.get(key) != now[key]:
                return f"its {part} has {key} {_short(found.get(key))}, asked for is {_short(now[key])}"
    return f"its {part} is {_short(found)}, asked for is {_short(now)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
