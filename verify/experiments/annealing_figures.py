"""Figures of ``annealing``: the roads to equilibrium, and the branches that schedules end on.

======  ========================================  ======
symbol  meaning                                   unit
======  ========================================  ======
F       free energy at the final temperature      λ_max
KL      rate                                      nats
T       temperature                               λ_max
======  ========================================  ======
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ..style import INK, REFERENCE, mode_colors, new_figure, styled
from .result import ExperimentResult

__all__ = ["draw_branches", "draw_roads"]

_WORDS = {"constant": "T constant", "from-zero": "annealed from zero", "from-above": "annealed from above"}
_MARKERS = {"constant": "o", "from-zero": "s", "from-above": "^"}


def draw_roads(result: ExperimentResult) -> Figure:
    """F at the final T against the steps taken, for each schedule; mean over the seeds."""
    cases = list(result.settings["cases"])
    with styled():
        figure = new_figure(3.2 * -(-len(cases) // 2))
        axes = figure.subplots(-(-len(cases) // 2), 2, squeeze=False).ravel()
        for ax, name in zip(axes, cases, strict=False):
            for (schedule, words), color in zip(_WORDS.items(), mode_colors(len(_WORDS)), strict=True):
                steps, f = (result.curves[f"road/{name}/{schedule}/{part}"] for part in ("steps", "F"))
                ax.plot(
                    steps,
                    f.mean(axis=1),
                    color=tuple(color),
                    marker=_MARKERS[schedule],
                    markersize=3.5,
                    linewidth=0.7,
                    label=words,
                )
            exact = result.curves.get(f"road/{name}/exact")
            if exact is not None:
                ax.axhline(exact[0], color=REFERENCE, linewidth=1.2, label="exact equilibrium")
            ends = np.concatenate([result.curves[f"road/{name}/{s}/F"][-1] for s in _WORDS])
            ax.set_ylim(ends.min() * 0.99, ends.mean() * 1.12)
            ax.axvline(result.settings["ramp"], color=INK, linewidth=0.8, linestyle=":")
            ax.set_title(f"{name} $\\lambda_{{\\max}}$")
            ax.set_xlabel("steps (dotted: end of the ramps)")
            ax.set_ylabel("free energy $F/\\lambda_{\\max}$")
        for ax in axes[len(cases) :]:
            ax.set_axis_off()
        handles, labels = axes[0].get_legend_handles_labels()
        (axes[len(cases)] if len(cases) < len(axes) else axes[0]).legend(handles, labels, loc="upper right")
    return figure


def draw_branches(result: ExperimentResult) -> Figure:
    """KL reached by both ramps against T on skewed data, beside the exact branches."""
    curves, settings = result.curves, result.settings
    with styled():
        figure = new_figure(4.2)
        ax = figure.subplots()
        t = curves["branch/exact/T"]
        ax.plot(t, curves["branch/exact/active"], color=INK, label="exact, heated")
        ax.plot(t, curves["branch/exact/collapsed"], color=INK, linestyle="--", linewidth=1.0, label="exact, cooled")
        for schedule, color in zip(("from-zero", "from-above"), mode_colors(3)[:2], strict=True):
            rates = curves[f"branch/{schedule}/KL"]
            for s in range(rates.shape[1]):
                ax.plot(
                    curves["branch/T"],
                    rates[:, s],
                    color=tuple(color),
                    marker=_MARKERS[schedule],
                    linestyle="none",
                    markersize=6,
                    label=f"trained, {_WORDS[schedule]}" if s == 0 else None,
                )
        ax.axvline(settings["coexistence"], color=REFERENCE, linewidth=1.0, label="$T^*$")
        ax.axvline(1.0, color=REFERENCE, linewidth=1.0, linestyle=":", label="$\\lambda_{\\max}$")
        ax.set_xlabel("final temperature  $T/\\lambda_{\\max}$")
        ax.set_ylabel("rate KL (nats)")
        ax.legend()
    return figure
