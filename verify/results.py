"""Keep a report on disk: ``report.json`` for the words and scalars, ``results.npz`` for the arrays; never pickle.

Both files are written whole or not at all, the JSON last: it carries the SHA-256 of the arrays, so that a pair that
does not belong together, or was cut short, is refused when it is read. Fits and exact models are made again from the
stored arrays on loading (a fraction of a second); the checks are those that were judged, their verdict follows from
their numbers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.files import atomic_write, write_arrays, write_text
from numerics.linear_equilibrium import Cascade
from numerics.spectrum import Spectrum
from theory.errors import InputError

from .check import Check
from .latents import Latents
from .posterior import PosteriorStatistics
from .readings import read, read_optimum
from .report import Report
from .sweep import Sweep, SweepPlan

__all__ = ["SCHEMA", "load_report", "save_report"]

SCHEMA = "landau-vae report 2"
"""Written into every report; a later format gets a new number."""

_JSON = "report.json"
_ARRAYS = "results.npz"


def save_report(report: Report, directory: str | os.PathLike[str]) -> None:
    """Write a report into a directory, which is made if it is missing.

    Parameters
    ----------
    report : Report
        What to keep.
    directory : path-like
        Where; existing results in it are replaced.

    Raises
    ------
    InputError
        If the directory cannot be written.
    """
    folder = Path(directory)
    arrays: dict[str, NDArray[Any]] = {}
    scalars = {
        "spectrum": _take_apart("spectrum", report.cascade.spectrum, arrays),
        "sweep": _take_apart("sweep", report.sweep, arrays),
        "latents": _take_apart("latents", report.trained.latents, arrays),
    }
    buffer = io.BytesIO()
    write_arrays(buffer, arrays, compressed=True)
    content = {
        "schema": SCHEMA,
        **report.to_json(),
        "stored": {
            "sha256": hashlib.sha256(buffer.getbuffer()).hexdigest(),
            "cascade_latents": report.cascade.latents,
            **scalars,
        },
    }
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_write(folder / _ARRAYS) as file:
        file.write(buffer.getbuffer())
    write_text(folder / _JSON, text + "\n")


def load_report(directory: str | os.PathLike[str]) -> Report:
    """Read a report that :func:`save_report` wrote; nothing is trained.

    Parameters
    ----------
    directory : path-like
        The directory given to ``verify --out``.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If it is not such a directory, or its files are damaged or do not belong together.
    """
    folder = Path(directory)
    content = _read_json(folder)
    stored = content.get("stored")
    if content.get("schema") != SCHEMA or not isinstance(stored, dict):
        raise InputError(
            f"{folder / _JSON} must be a report of schema {SCHEMA!r}, got {content.get('schema')!r}; "
            "write it again with landau-vae verify --out"
        )
    arrays = _read_arrays(folder, str(stored.get("sha256")))
    try:
        parts = {name: _put_together(name, stored[name], arrays) for name in ("spectrum", "sweep", "latents")}
        statistics = _put_together("latents/statistics", parts["latents"].pop("statistics"), arrays)
        columns, plan = tuple(parts["spectrum"].pop("columns")), dict(parts["sweep"].pop("plan"))
        spectrum = Spectrum(**parts["spectrum"], columns=columns)
        sweep = Sweep(**parts["sweep"], plan=SweepPlan(**{**plan, "betas": tuple(plan["betas"])}))
        latents = Latents(**parts["latents"], statistics=PosteriorStatistics(**statistics))
        checks = tuple(Check.from_json(check) for check in content["checks"])
        seconds, data, meta = float(content["seconds"]), dict(content["data"]), dict(content["meta"])
        theory = Cascade(spectrum, stored["cascade_latents"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder / _JSON} is damaged ({type(error).__name__}: {error}); "
            "write it again with landau-vae verify --out"
        ) from error
    return Report(
        cascade=theory,
        sweep=sweep,
        trained=read(latents, sweep.gradient_norm),
        exact=read_optimum(theory, sweep.temperatures),
        checks=checks,
        seconds=seconds,
        data=data,
        meta=meta,
    )


def _take_apart(name: str, value: Any, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Move the arrays of a dataclass to ``arrays`` under ``name/field``; return the other fields, JSON-able."""
    rest: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if isinstance(item, np.ndarray):
            arrays[f"{name}/{field.name}"] = item
        else:
            inside = f"{name}/{field.name}"
            rest[field.name] = _take_apart(inside, item, arrays) if dataclasses.is_dataclass(item) else item
    return rest


def _put_together(name: str, rest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Inverse of :func:`_take_apart`: the fields of a dataclass by name, dataclasses inside still in parts."""
    own = {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}
    return {**{field: array for field, array in own.items() if "/" not in field}, **rest}


def _read_json(folder: Path) -> dict[str, Any]:
    path = folder / _JSON
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{folder} must be a report directory, but has no {_JSON}; give the directory of landau-vae verify --out"
        ) from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check its permissions") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); write it again with landau-vae verify --out") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold a JSON object, got {type(content).__name__}; it is not a report")
    return content


def _read_arrays(folder: Path, sha256: str) -> dict[str, NDArray[Any]]:
    path = folder / _ARRAYS
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; write the report again with landau-vae verify --out"
        ) from error
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise InputError(
            f"{path} must have the SHA-256 that {_JSON} names ({sha256[:12]}…), got {found[:12]}…: it is damaged or "
            "belongs to another run; write the report again with landau-vae verify --out"
        )
    with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
