"""The picture of a functional sweep: free energy, rate, signal and Jensen gap, heated and cooled.

=========  ==========================================================  ======
symbol     meaning                                                     unit
=========  ==========================================================  ======
``T/λ``    temperature over the stability limit of full collapse       1
``F/λ``    free energy minus that of full collapse, over the same      1
``M²``     signal fraction                                             1
``J``      Jensen gap                                                  nats
=========  ==========================================================  ======
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from numerics.functional_sweep import PhaseSweep

from .style import INK, REFERENCE, mode_colors, new_figure, save_figure, styled

__all__ = ["plot_phases", "save_phases"]

_PANELS = (
    ("F", "$(F - F_0)/\\lambda$"),
    ("KL", "rate KL (nats)"),
    ("M2", "signal fraction $M^2$"),
    ("J", "Jensen gap $J$ (nats)"),
)


def plot_phases(sweep: PhaseSweep, title: str | None = None) -> Figure:
    """Draw F, KL, M² and J against T: the ground state solid, what is metastable dashed, exchanges as lines.

    Parameters
    ----------
    sweep : PhaseSweep
        With any number of latents; M² and J are drawn for each.
    title : str, optional
        Which part of the data it is about.
    """
    limit, variance = sweep.space.collapse_threshold, sweep.space.variance
    t = sweep.temperatures / limit
    heated, cooled, *_ = mode_colors(3)
    ground = sweep.readings("ground")
    with styled():
        figure = new_figure(5.4)
        axes = figure.subplots(2, 2, sharex=True)
        if title:
            figure.suptitle(title)
        for ax, (key, label) in zip(axes.flat, _PANELS, strict=True):
            for name, color in (("up", heated), ("down", cooled)):
                chain = sweep.readings(name)
                lowest = np.isclose(chain["F"], ground["F"], rtol=0, atol=1e-8 * variance)
                values = (chain["F"] - variance) / limit if key == "F" else chain[key]
                for column in values.reshape(len(t), -1).T:
                    ax.plot(t, np.where(lowest, column, np.nan), color=tuple(color))
                    ax.plot(t, _with_neighbours(column, ~lowest), color=tuple(color), linestyle="--", linewidth=1.0)
            for branch in sweep.branches:
                at = sorted(branch)
                here = [branch[i] for i in at]
                rows: dict[str, list[float] | list[NDArray[np.float64]]] = {
                    "F": [(state.F - variance) / limit for state in here],
                    "KL": [state.kl for state in here],
                    "M2": [state.signal_fraction for state in here],
                    "J": [state.jensen for state in here],
                }
                ax.plot(t[at], np.array(rows[key]), color=INK, linestyle="--", linewidth=1.0)
            for change in sweep.changes:
                ax.axvline(change.temperature / limit, color=REFERENCE, linewidth=0.8)
            ax.set_ylabel(label)
        for ax in axes[1]:
            ax.set_xlabel("temperature  $T/\\lambda$")
        for name, color in (("heated", heated), ("cooled", cooled)):
            axes[0, 0].plot([], [], color=tuple(color), label=name)
        axes[0, 0].plot([], [], color=INK, linestyle="--", linewidth=1.0, label="metastable")
        axes[0, 0].plot([], [], color=REFERENCE, linewidth=0.8, label="ground state changes")
        axes[0, 0].legend()
    return figure


def _with_neighbours(column: NDArray[np.float64], keep: NDArray[np.bool_]) -> NDArray[np.float64]:
    """NaN except where kept and next to it, so that dashes reach the solid line."""
    near = keep.copy()
    near[1:] |= keep[:-1]
    near[:-1] |= keep[1:]
    return np.where(near & keep.any(), column, np.nan)


def save_phases(sweep: PhaseSweep, directory: str | Path, stem: str = "phase", *, title: str | None = None) -> None:
    """Write ``<stem>.png`` and ``<stem>.svg`` into a folder, each atomically.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    figure = plot_phases(sweep, title)
    save_figure(figure, directory, stem)
