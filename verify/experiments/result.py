"""What an experiment found, and how it is kept: one JSON file that figures, ledger, documentation and notebooks read.

=============  ==========================================================================================
name           meaning
=============  ==========================================================================================
``settings``   everything that is needed to run it again: schedule, seeds, sizes, data
``findings``   numbers a claim may rest on, by name; each a :class:`Finding` with its standard error
``curves``     what the figures draw: arrays by name
=============  ==========================================================================================
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.files import write_text
from theory.errors import InputError

__all__ = ["SCHEMA", "ExperimentResult", "Finding", "load_result", "save_result", "standard_error"]

SCHEMA = "landau-vae experiment 1"
"""Written into every result; a later format gets a new number."""

_DIGITS = 8
"""Significant digits of the numbers kept: well below every standard error, and files stay small."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One measured number beside what theory and exact solver say of it.

    Parameters
    ----------
    measured : float
        What training, or whatever the experiment does, says.
    predicted : float or None
        The closed form, where there is one.
    exact : float or None
        The exact solver, where there is one.
    stderr : float or None
        Standard error of ``measured``; None if it has none.
    where : str
        Data, model and temperature the number belongs to.

    Raises
    ------
    ValueError
        If ``measured`` is not finite: a number that was not found is left out, never written as NaN.

    Examples
    --------
    >>> Finding(0.52, predicted=0.5, stderr=0.01, where="parabola, c = 0.8").measured
    0.52
    """

    measured: float
    predicted: float | None = None
    exact: float | None = None
    stderr: float | None = None
    where: str = ""

    def __post_init__(self) -> None:
        for name in ("measured", "predicted", "exact", "stderr"):
            value = getattr(self, name)
            if value is None:
                continue
            if not math.isfinite(value):
                raise ValueError(f"{name} of a finding must be finite, got {value} ({self.where})")
            object.__setattr__(self, name, _rounded(float(value)))


@dataclass(frozen=True, slots=True, eq=False)
class ExperimentResult:
    """The outcome of one experiment.

    Parameters
    ----------
    name : str
        Of the experiment.
    preset : str
        ``"quick"``, ``"full"``, or a name of the experiment's own.
    seed : int
        Root of its randomness.
    settings : mapping
        JSON-able.
    findings : mapping of str to Finding
        By a name that claims refer to.
    curves : mapping of str to array_like
        What figures draw; NaN is kept as ``null``.
    seconds : float
        Wall time.
    version : str
        Of landau-vae.

    Raises
    ------
    ValueError
        If the settings are not JSON-able.
    """

    name: str
    preset: str
    seed: int
    settings: Mapping[str, Any]
    findings: Mapping[str, Finding]
    curves: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    seconds: float = 0.0
    version: str = ""

    def __post_init__(self) -> None:
        json.dumps(dict(self.settings), allow_nan=False)
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))
        object.__setattr__(self, "findings", MappingProxyType(dict(self.findings)))
        curves = {name: np.asarray(values, dtype=np.float64) for name, values in self.curves.items()}
        object.__setattr__(self, "curves", MappingProxyType(curves))

    def to_json(self) -> dict[str, Any]:
        """The whole result, strict JSON."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "preset": self.preset,
            "seed": self.seed,
            "version": self.version,
            "seconds": round(self.seconds, 2),
            "settings": dict(self.settings),
            "findings": {
                name: {part: getattr(f, part) for part in ("predicted", "exact", "measured", "stderr", "where")}
                for name, f in self.findings.items()
            },
            "curves": {name: _listed(values) for name, values in self.curves.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ExperimentResult:
        """Inverse of :meth:`to_json`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or of the wrong kind.
        """
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema must be {SCHEMA!r}, got {content['schema']!r}")
        return cls(
            name=str(content["name"]),
            preset=str(content["preset"]),
            seed=int(content["seed"]),
            settings=dict(content["settings"]),
            findings={name: Finding(**parts) for name, parts in content["findings"].items()},
            curves={name: np.array(values, dtype=np.float64) for name, values in content["curves"].items()},
            seconds=float(content["seconds"]),
            version=str(content["version"]),
        )


def save_result(result: ExperimentResult, directory: str | os.PathLike[str]) -> Path:
    """Write ``DIRECTORY/NAME.json`` whole or not at all, and return its path.

    Examples
    --------
    >>> import tempfile
    >>> found = ExperimentResult("demo", "quick", 0, {"steps": 10}, {"x": Finding(1.5)}, {"T": [1.0, float("nan")]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_result(found, folder)
    ...     again = load_result("demo", folder)
    >>> again.findings["x"].measured, again.curves["T"]
    (1.5, array([ 1., nan]))
    """
    path = Path(directory) / f"{result.name}.json"
    write_text(path, json.dumps(result.to_json(), allow_nan=False, ensure_ascii=False, indent=1) + "\n")
    return path


def load_result(name: str, directory: str | os.PathLike[str]) -> ExperimentResult:
    """Read the result of an experiment.

    Parameters
    ----------
    name : str
        Of the experiment.
    directory : path-like
        Where :func:`save_result` wrote it.

    Raises
    ------
    InputError
        If there is none, or the file is damaged.
    """
    path = Path(directory) / f"{name}.json"
    remedy = f"run landau-vae experiment {name} --out {directory}"
    try:
        return ExperimentResult.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{directory} holds no result of the experiment {name!r}; {remedy}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check its permissions") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({type(error).__name__}: {error}); {remedy}") from error


def standard_error(values: NDArray[np.float64]) -> float | None:
    """Of the mean of independent runs; None for a single one.

    Examples
    --------
    >>> standard_error(np.array([1.0, 3.0])), standard_error(np.array([1.0]))
    (1.0, None)
    """
    return float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else None


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _listed(values: ArrayLike) -> Any:
    """Nested lists of rounded numbers, with None for NaN."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        value = float(array)
        return None if math.isnan(value) else _rounded(value)
    return [_listed(part) for part in array]
