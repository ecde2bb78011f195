"""The experiments: training confronted with exact equilibria, each a function, a verb and figures.

``run_experiment(name, preset)`` runs one and returns an :class:`~verify.experiments.result.ExperimentResult`;
``draw(result, directory)`` makes its figures. A module of the name holds ``PRESETS``, ``run(preset, *, data, seed,
running)``, without ``data`` if it makes its own, and ``draw(result)``, which returns Matplotlib figures by name.
"""

from __future__ import annotations

import importlib
import inspect
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from theory.errors import InputError

from .jobs import Running
from .result import ExperimentResult, Finding, load_result, save_result

__all__ = [
    "EXPERIMENTS",
    "ExperimentResult",
    "Finding",
    "Running",
    "draw",
    "load_result",
    "run_experiment",
    "save_result",
    "takes_data",
]

EXPERIMENTS = {
    "threshold": "KL and M² against T for several architectures: where full collapse loses local stability",
    "residual-cascade": "an eight-dimensional mixture loses one latent at a time, where the residual edge meets T",
    "scan": "the WorldClim protocol: signal fractions, utilities, truncated distortion, effective dimension",
    "hysteresis": "sweeps up and down beside the exact equilibria, their spinodals and the rate–distortion bound",
    "annealing": "what KL annealing changes, and what it cannot",
    "superfluous": "more latents than signal directions: noise modes, and a free encoder that memorises",
}
"""Names and what they show."""


def run_experiment(
    name: str,
    preset: str = "quick",
    *,
    data: str | None = None,
    seed: int = 0,
    running: Running | None = None,
) -> ExperimentResult:
    """Run an experiment.

    Parameters
    ----------
    name : str
        One of :data:`EXPERIMENTS`.
    preset : str
        ``"quick"`` (all six within three minutes on two cores), ``"full"``, or a preset of the experiment's own.
    data : str or None
        A table for the experiments on real data (as :func:`numerics.tables.load_table` takes it); None: their own.
    seed : int
        Root of all randomness.
    running : Running or None
        Workers, progress, checkpoints, …, on which the result does not depend; the defaults if None.

    Returns
    -------
    ExperimentResult

    Raises
    ------
    InputError
        If the name or the preset is unknown, the data do not suit the experiment, or it makes its own.
    """
    module = _module(name)
    _check_preset(name, preset)
    given: dict[str, Any] = {"seed": seed, "running": running}
    if takes_data(name):
        given["data"] = data
    elif data is not None:
        others = ", ".join(other for other in EXPERIMENTS if takes_data(other))
        raise InputError(
            f"the experiment {name!r} makes its own data, got data {data!r}; leave it out (taken by {others})"
        )
    start = time.perf_counter()
    found: ExperimentResult = module.run(preset, **given)
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version("landau-vae")
    except PackageNotFoundError:
        release = ""
    return replace(found, seconds=time.perf_counter() - start, version=release)


def takes_data(name: str) -> bool:
    """Whether an experiment runs on a table that is given; the others make data whose exact solution is known.

    Examples
    --------
    >>> [name for name in EXPERIMENTS if takes_data(name)]
    ['threshold', 'scan', 'annealing']
    """
    return "data" in inspect.signature(_module(name).run).parameters


def draw(result: ExperimentResult, directory: str | os.PathLike[str]) -> list[Path]:
    """Draw the figures of a result into a directory, as PNG and SVG.

    Returns
    -------
    list of Path
        What was written.
    """
    from ..style import save_figure

    written: list[Path] = []
    for name, figure in _module(result.name).draw(result).items():
        written += save_figure(figure, Path(directory), f"{result.name}-{name}")
    return written


def _check_preset(name: str, preset: str) -> None:
    presets = tuple(_module(name).PRESETS)
    if preset not in presets:
        raise InputError(f"preset of the experiment {name!r} must be one of {', '.join(presets)}, got {preset!r}")


def _module(name: str) -> Any:
    if name not in EXPERIMENTS:
        raise InputError(f"unknown experiment {name!r}; known are {', '.join(EXPERIMENTS)}; choose one of them")
    return importlib.import_module(f".{name.replace('-', '_')}", __name__)
