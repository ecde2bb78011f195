"""How the figures look: one place for colours, sizes and the words on the axes.

Figures are built with Matplotlib's object interface and the Agg canvas; no global state is read or changed beyond
the ``rc_context`` that :func:`styled` opens.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from numerics.files import atomic_write

__all__ = ["INK", "REFERENCE", "WIDTH", "mode_colors", "new_figure", "save_figure", "styled", "temperature_axis"]

WIDTH = 8.0
"""Inches; 800 pixels at the resolution the figures are saved with."""
INK = "#333333"
REFERENCE = "#d55e00"
"""Okabe and Ito's vermilion: told apart from every viridis colour in all common forms of colour blindness."""

# Any: Matplotlib 3.11 types the keys one by one, earlier versions as strings.
_STYLE: Any = {
    "figure.dpi": 100,
    "savefig.dpi": 100,
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.5,
    "svg.fonttype": "none",
    # Element ids are random otherwise, and two runs of one computation would differ.
    "svg.hashsalt": "landau-vae",
}


@contextmanager
def styled() -> Iterator[None]:
    """Apply the style to what is drawn inside the block."""
    with mpl.rc_context(_STYLE):
        yield


def new_figure(height: float, **layout: Any) -> Figure:
    """Return an empty figure of README width with an Agg canvas; ``height`` in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained", **layout)
    FigureCanvasAgg(figure)
    return figure


def mode_colors(count: int) -> NDArray[np.float64]:
    """One colour per mode, dark for the leading ones, shape (count, 4); viridis without its pale yellow end."""
    colors: NDArray[np.float64] = mpl.colormaps["viridis"](np.linspace(0.0, 0.88, max(count, 2)))[:count]
    return colors


def temperature_axis(axes: Sequence[Axes]) -> None:
    """Logarithmic t axes, labelled."""
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xlabel("normalised temperature  $t = T/V$")


def save_figure(figure: Figure, directory: str | os.PathLike[str], stem: str) -> tuple[Path, ...]:
    """Write ``stem.png`` and ``stem.svg`` into a folder, each atomically, and return their paths.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    paths = tuple(Path(directory) / f"{stem}.{kind}" for kind in ("png", "svg"))
    for path in paths:
        kind = path.suffix[1:]
        # Fonts are looked up when the file is drawn; no date, so that equal figures make equal files.
        with styled(), atomic_write(path) as file:
            figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)
        figure.set_layout_engine("none")  # found once: half of the time of drawing
    return paths
