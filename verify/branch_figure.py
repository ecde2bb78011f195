"""The picture of a bifurcation diagram: free energy and rate of every branch, stable ones solid, with its events.

=========  ================================================  =============
symbol     meaning                                           unit
=========  ================================================  =============
``T``      temperature                                       data variance
``F``      free energy, less that of the first branch        data variance
``KL``     rate, ½ ∂F/∂T                                     nats
=========  ================================================  =============
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from numerics.continuation import Branch
from numerics.diagram import Diagram
from theory.errors import InputError

from .style import INK, REFERENCE, mode_colors, new_figure, save_figure, styled

__all__ = ["plot_diagram", "save_diagram"]

Array = NDArray[np.float64]
_MARKERS = {"fold": "s", "branch point": "o", "end": "o"}
_LEGEND = 12  # more labels than this hide the branches


def plot_diagram(diagram: Diagram, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw free energy differences and rates against temperature.

    Parameters
    ----------
    diagram : Diagram
        At least one branch; the first one, usually full collapse, is the reference of the free energies.
    axes : sequence of two Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If not two axes are given.
    """
    if axes is not None and len(axes) != 2:
        raise InputError(f"axes must be 2 axes, for free energy and rate, got {len(axes)}; leave them out")
    with styled():
        left, right = new_figure(3.8).subplots(1, 2) if axes is None else axes
        colors = mode_colors(len(diagram.branches))
        reference = diagram.branches[0]
        for number, (branch, color) in enumerate(zip(diagram.branches, colors, strict=True)):
            excess = branch.free_energies - _on(reference, branch.temperatures)
            for ax, values in ((left, excess), (right, branch.rates)):
                _curve(ax, branch, values, tuple(color), branch.label or f"branch {number + 1}")
        for ax, of_branch in ((left, "excess"), (right, "rates")):
            _events(ax, diagram, of_branch)
            ax.set_xlabel("temperature  $T$")
        left.set_ylabel("free energy over that of the first branch")
        left.set_title("solid: locally stable", loc="left")
        right.set_ylabel("rate  KL  [nats]")
        right.set_title("squares: folds, circles: branch points", loc="left")
        if len(diagram.branches) <= _LEGEND:
            left.legend()
        figure = left.get_figure(root=True)
    if not isinstance(figure, Figure):
        raise InputError("axes must belong to a figure; create them with Figure.subplots")
    return figure


def save_diagram(diagram: Diagram, directory: str | Path, name: str = "branches") -> tuple[Path, ...]:
    """Write the figure as PNG and SVG into a folder, each atomically; return the paths.

    Parameters
    ----------
    diagram : Diagram
        What to draw.
    directory : path
        Made if it does not exist.
    name : str
        File name without its ending.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    figure = plot_diagram(diagram)
    return save_figure(figure, directory, name)


def _on(reference: Branch, temperatures: Array) -> Array:
    order = np.argsort(reference.temperatures)
    found: Array = np.interp(temperatures, reference.temperatures[order], reference.free_energies[order])
    return found


def _curve(ax: Axes, branch: Branch, values: Array, color: tuple[float, ...], label: str) -> None:
    """One branch: solid where its Morse index is zero, dashed elsewhere."""
    stable = branch.stable
    # A segment is stable if both ends are: the change lies in the segment that is drawn dashed.
    both = np.concatenate([stable[:-1] & stable[1:], [False]])
    for mask, style in ((both, "-"), (~both, "--")):
        shown = np.full(len(values), np.nan)
        segments = np.flatnonzero(mask[:-1])
        shown[segments], shown[segments + 1] = values[segments], values[segments + 1]
        if len(segments):
            ax.plot(branch.temperatures, shown, style, color=color, linewidth=1.5, label=label)
            label = "_nolegend_"


def _events(ax: Axes, diagram: Diagram, quantity: str) -> None:
    reference = diagram.branches[0]
    for branch in diagram.branches:
        for event in branch.events:
            # Arclength steps are short near folds: the nearest point of the branch is where the event is.
            near = int(np.argmin(np.abs(branch.states - event.state).sum(axis=1)))
            value = branch.rates[near]
            if quantity == "excess":
                value = branch.free_energies[near] - _on(reference, branch.temperatures[near : near + 1])[0]
            color = REFERENCE if event.kind == "fold" else INK
            ax.plot([event.temperature], [value], _MARKERS[event.kind], color=color, markersize=5, zorder=3)
