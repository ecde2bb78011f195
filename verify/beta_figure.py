"""The picture behind "which β?": how many modes live at each β of the user's loss, and what each choice costs.

=========  =========================================================  =============
symbol     meaning                                                    unit
=========  =========================================================  =============
``β_k``    threshold of mode k                                        by convention
``D/V``    distortion over total variance                             1
``KL``     rate at equilibrium                                        nat
=========  =========================================================  =============
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator

from numerics.beta_scale import BetaScale
from numerics.choice import Choice

from .style import REFERENCE, mode_colors, new_figure, save_figure, styled

__all__ = ["plot_active", "plot_cost", "save_beta"]

_MARKERS = {"keep": "o", "tolerance": "s", "noise-floor": "^"}


def plot_active(scale: BetaScale, choices: Sequence[Choice] = (), ax: Axes | None = None) -> Axes:
    """Active modes against β, with the interval of every choice shaded and the β to take marked.

    Parameters
    ----------
    scale : BetaScale
        At least one mode with variance.
    choices : sequence of Choice
        Answers to show.
    ax : Axes, optional
        Where to draw; a new figure by default.
    """
    with styled():
        ax = ax if ax is not None else new_figure(3.6).add_subplot()
        live = scale.cascade.live
        edges = scale.thresholds[:live]
        low, high = edges.min() / 3, edges.max() * 3
        # Descending thresholds: left of the lowest all modes live, right of the highest none.
        ax.stairs(np.arange(live, -1, -1), [low, *edges[::-1], high], baseline=None, color=REFERENCE, linewidth=1.5)
        for choice, color in zip(choices, mode_colors(len(choices)), strict=True):
            left, right = max(choice.betas.lower, low), min(choice.betas.upper, high)
            ax.axvspan(left, right, color=tuple(color), alpha=0.18, linewidth=0)
            ax.plot(
                [choice.beta], [choice.active], _MARKERS[choice.question], color=tuple(color), markersize=8,
                label=_label(choice),
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_xlim(low, high)
        if high / low < 1e3:
            # Few powers of ten: name 2 and 5 times them as well, and all as plain numbers.
            ax.xaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
            ax.xaxis.set_minor_formatter(FormatStrFormatter("%g"))
            ax.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        # The legend stands above the stairs.
        ax.set_ylim(-0.03 * live, live * (1.08 + 0.12 * len(choices)))
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel(f"β of the loss {scale.loss!r}" + (" (variance learned)" if scale.learned_variance else ""))
        ax.set_ylabel("active modes" if scale.exact else "unstable directions of collapse")
        ax.set_title("mode $k$ is lost at $\\beta_k$", loc="left")
        if choices:
            ax.legend(loc="upper right")
    return ax


def plot_cost(scale: BetaScale, choices: Sequence[Choice] = (), ax: Axes | None = None) -> Axes:
    """Distortion against rate along the whole range of β, with the choices marked; parameters as `plot_active`."""
    with styled():
        ax = ax if ax is not None else new_figure(3.6).add_subplot()
        c = scale.cascade
        edges = c.thresholds[: c.live]
        t = np.geomspace(edges.min() / 3, edges.max(), 400)
        ax.plot(c.rate(t), c.distortion(t) / c.total_variance, color=REFERENCE)
        for choice, color in zip(choices, mode_colors(len(choices)), strict=True):
            marker = _MARKERS[choice.question]
            ax.plot([choice.rate], [choice.relative_distortion], marker, color=tuple(color), markersize=8)
        ax.set_yscale("log")
        ax.set_xlabel("rate KL (nat)")
        ax.set_ylabel("distortion  $D/V$")
        ax.set_title("what it costs" + ("" if scale.exact else " (quadratic approximation)"), loc="left")
    return ax


def save_beta(scale: BetaScale, directory: str | Path, choices: Sequence[Choice] = ()) -> None:
    """Write ``beta.png`` and ``beta.svg`` into a folder, each atomically; nothing if no mode can be active.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    if scale.cascade.live == 0:
        return
    figure = new_figure(3.6)
    left, right = figure.subplots(1, 2)
    plot_active(scale, choices, left)
    plot_cost(scale, choices, right)
    save_figure(figure, directory, "beta")


def _label(choice: Choice) -> str:
    answer = {
        "keep": f"keep {choice.asked:g}",
        "tolerance": f"D ≤ {choice.asked:g} V",
        "noise-floor": "above the noise",
    }
    return f"{answer[choice.question]}: β = {choice.beta:.3g}"
