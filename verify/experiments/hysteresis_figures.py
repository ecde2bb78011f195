"""Figures of the experiment ``hysteresis``: loops beside the exact equilibria, and the gap to the bound.

======  ====================================  ======
symbol  meaning                               unit
======  ====================================  ======
T/λ     temperature over λ_max, which is 1    1
KL      rate of the latent                    nats
M²      signal fraction                       1
F       free energy                           V
======  ====================================  ======
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..style import INK, REFERENCE, mode_colors, new_figure, styled
from .result import ExperimentResult

__all__ = ["draw_bound", "draw_parabola", "draw_skewed"]

_HEATED, _COOLED = (tuple(color) for color in mode_colors(3)[:2])
_SWEEPS = (("up", _HEATED, "^", "heated"), ("down", _COOLED, "v", "cooled"))
_TEMPERATURE = "temperature  $T/\\lambda_{\\max}$"


def draw_skewed(result: ExperimentResult) -> Figure:
    """Skewed rows: rate and free energy of free networks and of linear VAEs, heated and cooled."""
    c, settings = result.curves, result.settings
    star, end = settings["coexistence"]["skewed"], settings["ends"]["skewed"]
    with styled():
        figure = new_figure(3.8)
        left, right = figure.subplots(1, 2)
        for name, color, marker, label in _SWEEPS:
            exact = c[f"skewed/exact/{name}/KL"]
            left.plot(c["skewed/exact/T"], exact, color=color, label=f"exact, {label}")
            left.plot(c[f"skewed/{name}/T"], c[f"skewed/{name}/KL"], marker, color=color, markersize=4)
            left.plot([], [], marker, color=color, markersize=4, label=f"trained, {label}")
            right.plot(c["skewed/exact/T"], c[f"skewed/exact/{name}/F"], color=color)
            right.plot(c[f"skewed/{name}/T"], c[f"skewed/{name}/F"], marker, color=color, markersize=4)
        t = np.linspace(c["skewed-linear/up/T"].min(), 1.6, 200)
        left.plot(t, 0.5 * np.log(np.maximum(1 / t, 1)), color=INK, linewidth=0.9, label="linear VAE, closed form")
        for name in ("up", "down"):
            left.plot(c[f"skewed-linear/{name}/T"], c[f"skewed-linear/{name}/KL"], "o", color=INK, markersize=3)
        left.plot([], [], "o", color=INK, markersize=3, label="linear VAE, trained")
        _marks(left, ((1.0, "$\\lambda$"), (star, "$T^*$ "), (end, " $T_s$")))
        _marks(right, ((1.0, "$\\lambda$"), (star, "$T^*$ "), (end, " $T_s$")))
        left.set_ylabel("rate KL (nats)")
        left.set_title("skewed rows: the rate jumps, with a loop", pad=16)
        right.set_ylabel("free energy $F/V$")
        right.set_title("branches cross at coexistence", pad=16)
        # Where no curve runs in either panel; the box hides the marks behind the words.
        box = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 1.0}
        right.legend(*left.get_legend_handles_labels(), loc="lower right", fontsize=8, **box)
        for ax in (left, right):
            ax.set_xlabel(_TEMPERATURE)
    return figure


def draw_parabola(result: ExperimentResult) -> Figure:
    """Parabola: equation of state of an encoder that sees u only; tilt of one that sees both coordinates."""
    c, settings = result.curves, result.settings
    with styled():
        figure = new_figure(3.8)
        left, right = figure.subplots(1, 2)
        left.plot(c["parabola-u/closed/T"], c["parabola-u/closed/M2"], color=INK, label="$T = (1-m)(1+4c^2m)$")
        for name, color, marker, label in _SWEEPS:
            left.plot(c[f"parabola-u/{name}/T"], c[f"parabola-u/{name}/M2"], marker, color=color, markersize=4)
            left.plot([], [], marker, color=color, markersize=4, label=f"trained, {label}")
        _marks(
            left,
            (
                (1.0, "$\\lambda$"),
                (settings["coexistence"]["parabola-u"], "$T^*$ "),
                (settings["ends"]["parabola-u"], " $T_s$"),
            ),
        )
        left.set_ylabel("signal fraction $M^2$")
        left.set_title(f"encoder sees $u$ only, $c = {settings['curvature_u']:g}$", pad=16)
        left.legend(fontsize=8, loc="lower left")
        right.plot(c["parabola-all/exact/T"], c["parabola-all/exact/tilt"], color=INK, label="exact, heated")
        right.plot(c["parabola-all/up/T"], c["parabola-all/up/tilt"], "^", color=_HEATED, markersize=4)
        right.plot([], [], "^", color=_HEATED, markersize=4, label="trained, heated")
        _marks(right, ((settings["tilt"], "closed branch unstable"),))
        right.set_xlim(0.58, 1.05 * float(c["parabola-all/up/T"].max()))
        right.set_ylabel("share of $x_2$ in the encoder's variance")
        right.set_title(f"encoder sees both, $c = {settings['curvature_all']:g}$", pad=16)
        right.legend(fontsize=8, loc="upper left")
        for ax in (left, right):
            ax.set_xlabel(_TEMPERATURE)
    return figure


def draw_bound(result: ExperimentResult) -> Figure:
    """Free energy of all trained models over the rate–distortion bound, and the weakly coded phase."""
    c = result.curves
    labels = {
        "skewed": "skewed, free",
        "skewed-linear": "skewed, linear",
        "parabola-u": "parabola, sees $u$",
        "parabola-all": "parabola, sees both",
        "gaussian": "normal rows, linear",
        "width": "weakly coded, free",
        "pure": "coded by the width, free",
    }
    with styled():
        figure = new_figure(3.8)
        left, right = figure.subplots(1, 2)
        for (case, label), color, marker in zip(labels.items(), mode_colors(len(labels)), "osD^v<>", strict=True):
            for name in ("up", "down"):
                if f"{case}/{name}/T" in c:
                    gap = c[f"{case}/{name}/F"] - c[f"{case}/{name}/bound"][:, None]
                    t = np.broadcast_to(c[f"{case}/{name}/T"][:, None], gap.shape)
                    left.plot(t.ravel(), gap.ravel(), marker, color=tuple(color), markersize=3)
            left.plot([], [], marker, color=tuple(color), markersize=4, label=label)
        left.axhline(0, color=REFERENCE, linewidth=1.0)
        left.set_ylabel("$F - F_{RD}$ (units of $\\lambda$)")
        left.set_title("no trained model passes the bound")
        left.set_xlim(0.3, 2.7)  # room for the legend
        left.legend(fontsize=8, loc="upper right")
        right.plot(c["width/exact/T"], c["width/exact/ground/KL"], color=_HEATED, label="KL, exact ground state")
        right.plot(c["width/up/T"], c["width/up/KL"], "^", color=_HEATED, markersize=4)
        right.plot(c["width/exact/T"], c["width/exact/ground/M2"], color=_COOLED, linestyle="--", label="$M^2$, exact")
        right.plot(c["width/up/T"], c["width/up/M2"], "s", color=_COOLED, markersize=4)
        right.plot([], [], "^", color=_HEATED, markersize=4, label="KL, trained, heated")
        right.plot([], [], "s", color=_COOLED, markersize=4, label="$M^2$, trained, heated")
        right.axhline(0.1, color=REFERENCE, linewidth=0.8, linestyle=":", label="$M^2 = 0.1$, called dead below")
        right.set_ylabel("KL (nats), $M^2$")
        right.set_title("a phase that $M^2 > 0.1$ calls dead")
        right.legend(fontsize=8)
        for ax in (left, right):
            ax.set_xlabel(_TEMPERATURE)
    return figure


def _marks(ax: Axes, marks: tuple[tuple[float, str], ...]) -> None:
    """Vertical lines with their names above the panel."""
    for at, name in marks:
        # T* and T_s are close: their names stand on either side.
        side = "right" if name.endswith(" ") else "left" if name.startswith(" ") else "center"
        ax.axvline(at, color=REFERENCE, linewidth=0.8, linestyle="--")
        ax.annotate(name, (at, 1.0), xycoords=("data", "axes fraction"), ha=side, va="bottom", color=REFERENCE)
