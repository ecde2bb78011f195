"""The experiments: training confronted with exact equilibria, each a function, a verb and figures.

``run_experiment(name, preset)`` runs one and returns an :class:`~verify.experiments.result.ExperimentResult`;
``draw(result, directory)`` makes its figures. A module of the name holds ``run(preset, *, data, seed, workers,
progress)`` and ``draw(result)``, which returns Matplotlib figures by name.
"""

from __future__ import annotations

import importlib
import inspect
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from theory.errors import InputError

from .result import ExperimentResult, Finding, load_result, save_result

__all__ = [
    "EXPERIMENTS",
    "ExperimentResult",
    "Finding",
    "draw",
    "load_result",
    "memory_needed",
    "run_experiment",
    "save_result",
]

Progress = Callable[[int, int], None]

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
    workers: int = 2,
    progress: Progress | None = None,
    **options: Any,
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
    workers : int
        Threads; the result does not depend on it.
    progress : callable or None
        Called as ``progress(done, total)``.
    **options
        Passed on to the experiment: ``checkpoint=DIR``, ``resume=True``, ``executor=…`` where it trains for long.

    Returns
    -------
    ExperimentResult

    Raises
    ------
    InputError
        If the name or the preset is unknown, the data do not suit the experiment, or it has no use for an option.
    """
    module = _module(name)
    _check_preset(name, preset)
    takes = inspect.signature(module.run).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values()):
        for option in options:
            if option not in takes:
                flag = "--scheduler (executor)" if option == "executor" else f"--{option} ({option})"
                raise InputError(f"the experiment {name!r} has no use for {flag}; leave it out")
    start = time.perf_counter()
    found: ExperimentResult = module.run(preset, data=data, seed=seed, workers=workers, progress=progress, **options)
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version("landau-vae")
    except PackageNotFoundError:
        release = ""
    return replace(found, seconds=time.perf_counter() - start, version=release)


def memory_needed(name: str, preset: str = "quick", *, data: str | None = None, workers: int = 2) -> int | None:
    """Bytes that an experiment takes at its peak, beside the interpreter; None for one that takes little.

    Raises
    ------
    InputError
        If the name or the preset is unknown, or the data cannot be read.

    Examples
    --------
    >>> memory_needed("scan", "quick") < 1e9
    True
    """
    module = _module(name)
    _check_preset(name, preset)
    estimate = getattr(module, "memory", None)
    return None if estimate is None else int(estimate(preset, data=data, workers=workers))


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
