"""The picture of a cascade without training: the spectrum, and what each temperature leaves of it.

=========  ===============================================  ======
symbol     meaning                                          unit
=========  ===============================================  ======
``t_k``    normalised threshold ``λ_k / V`` of mode k       1
``M_k²``   signal fraction of mode k                        1
``D/V``    distortion over total variance                   1
=========  ===============================================  ======
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from numerics.files import write_text
from numerics.linear_equilibrium import Cascade

from .style import REFERENCE, mode_colors, new_figure, save_figure, styled, temperature_axis

__all__ = ["plot_cascade", "plot_spectrum", "save_cascade"]


def plot_spectrum(cascade: Cascade, ax: Axes | None = None) -> Axes:
    """Normalised thresholds of the modes that can be active, in descending order.

    Parameters
    ----------
    cascade : Cascade
        At least one mode with variance.
    ax : Axes, optional
        Where to draw; a new figure by default.
    """
    with styled():
        ax = ax if ax is not None else new_figure(3.4).add_subplot()
        t = cascade.normalized_thresholds
        t = t[t > 0]
        ax.vlines(
            np.arange(1, len(t) + 1),
            t.min() / 2,
            t,
            colors=list(map(tuple, mode_colors(len(t)))),
            linewidth=max(1.0, 60 / len(t)),
        )
        ax.set_yscale("log")
        ax.set_ylim(t.min() / 2, 1)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("mode $k$")
        ax.set_ylabel("threshold  $t_k = \\lambda_k / V$")
        ax.set_title("mode $k$ lives below $t_k$", loc="left")
    return ax


def plot_cascade(cascade: Cascade, ax: Axes | None = None) -> Axes:
    """Signal fraction of every mode, and the relative distortion, against temperature; parameters as above."""
    with styled():
        ax = ax if ax is not None else new_figure(3.4).add_subplot()
        t_k = cascade.normalized_thresholds[: cascade.live]
        t = np.geomspace(t_k.min() / 3, min(1.5 * t_k.max(), 3.0), 600)
        temperatures = t * cascade.total_variance
        signal = cascade.signal_fraction(temperatures)[:, : len(t_k)]
        for k, color in enumerate(mode_colors(len(t_k))):
            ax.plot(t, signal[:, k], color=color, linewidth=1.5 if len(t_k) <= 12 else 0.8)
        lost = cascade.distortion(temperatures) / cascade.total_variance
        ax.plot(t, lost, color=REFERENCE, linestyle="--")
        temperature_axis([ax])
        ax.set_ylim(-0.02, 1.05)
        ax.set_ylabel("signal fraction  $M_k^2$")
        ax.set_title("latents collapse in turn; dashed: distortion $D/V$", loc="left")
    return ax


def save_cascade(cascade: Cascade, directory: str | Path, document: str) -> None:
    """Write ``cascade.json`` (the given text), ``cascade.png`` and ``cascade.svg`` into a folder, each atomically.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    folder = Path(directory)
    write_text(folder / "cascade.json", document + "\n")
    if cascade.live == 0:
        return
    figure: Figure = new_figure(3.6)
    left, right = figure.subplots(1, 2)
    plot_spectrum(cascade, left)
    plot_cascade(cascade, right)
    save_figure(figure, folder, "cascade")
