"""Figures of ``threshold``: KL and M² against T, and growth rates around the threshold.

======  ================================  ========
symbol  meaning                           unit
======  ================================  ========
T       temperature                       λ_max
M²      signal fraction                   1
KL      total rate                        nats
g       growth rate of a small signal     1/time
======  ================================  ========
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from numerics import _formulas

from ..style import INK, REFERENCE, mode_colors, new_figure, styled
from .result import ExperimentResult

__all__ = ["draw_growth", "draw_sweeps"]

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def draw_sweeps(result: ExperimentResult) -> Figure:
    """KL and the M² of the two leading latents, trained models as points, the linear theory as lines."""
    settings, curves = result.settings, result.curves
    sources = list(settings["eigenvalues"])
    temperatures = np.array(settings["temperatures"])
    fine = np.geomspace(temperatures.min() * 0.95, temperatures.max() * 1.05, 300)
    names = [name for name in settings["architectures"] if name.endswith(f"@{sources[0]}")]
    labels = [name.split("@")[0] for name in names]
    colors = dict(zip(labels, mode_colors(len(labels)), strict=True))
    marks = dict(zip(labels, _MARKERS, strict=False))
    with styled():
        figure = new_figure(2.9 * len(sources) + 0.5)
        axes = figure.subplots(len(sources), 2, sharex=True, squeeze=False)
        for row, source in zip(axes, sources, strict=True):
            eigenvalues = np.array(settings["eigenvalues"][source])[: settings["latents"]]
            rates = _formulas.rate(eigenvalues, fine[:, None]).sum(axis=1)
            row[0].plot(fine, rates, color=INK, label="linear theory")
            for value in eigenvalues:
                row[1].plot(fine, _formulas.signal_fraction(value, fine), color=INK)
            for label in labels:
                key = f"sweep/{label}@{source}"
                if f"{key}/KL" not in curves:
                    continue
                style: dict[str, Any] = {
                    "color": tuple(colors[label]),
                    "marker": marks[label],
                    "linestyle": "none",
                    "markersize": 4.5,
                    "alpha": 0.85,
                }
                total, m2 = curves[f"{key}/KL"].sum(axis=2), curves[f"{key}/M2"]
                for s in range(total.shape[1]):
                    row[0].plot(temperatures, total[:, s], label=label if s == 0 else None, **style)
                    for k in range(m2.shape[2]):
                        row[1].plot(temperatures, m2[:, s, k], markerfacecolor="none" if k else None, **style)
            for ax in row:
                ax.axvline(1.0, color=REFERENCE, linewidth=0.9, linestyle=":")
                ax.set_xscale("log")
                ax.set_title(source)
            row[0].set_ylabel("total rate KL (nats)")
            row[1].set_ylabel("signal fraction $M^2$")
        ticks = [t for t in (0.1, 0.2, 0.5, 1.0) if temperatures.min() * 0.9 < t < temperatures.max()]
        for ax in axes[-1]:
            ax.set_xlabel("temperature  $T/\\lambda_{\\max}$")
            ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
            ax.minorticks_off()
        axes[0, 0].legend(loc="lower left")
        axes[0, 1].plot([], [], color=INK, marker="o", linestyle="none", markersize=4.5, label="first latent")
        axes[0, 1].plot(
            [], [], color=INK, marker="o", linestyle="none", markersize=4.5, markerfacecolor="none", label="second"
        )
        axes[0, 1].plot([], [], color=REFERENCE, linestyle=":", linewidth=0.9, label="$\\lambda_{\\max}$")
        axes[0, 1].legend()
    return figure


def draw_growth(result: ExperimentResult) -> Figure:
    """Growth rates against T for every case, scaled to their largest, and where they vanish."""
    keys = [key.removesuffix("/rate") for key in result.curves if key.startswith("growth/") and key.endswith("/rate")]
    names = [key.removeprefix("growth/") for key in keys]
    labels = [name.split("/", 1)[1] for name in names]
    with styled():
        figure = new_figure(0.27 * len(names) + 1.6)
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
        colors = mode_colors(len(names))
        for key, color in zip(keys, colors, strict=True):
            t, g, tangent = (result.curves[f"{key}/{part}"] for part in ("T", "rate", "tangent"))
            for ts, gs, c in zip(t, g, tangent, strict=True):
                left.plot(ts / c, gs / np.abs(gs).max(), color=tuple(color), linewidth=0.9, marker="o", markersize=2.5)
        left.axhline(0.0, color=INK, linewidth=0.8)
        left.axvline(1.0, color=REFERENCE, linewidth=0.9)
        left.set_xlabel("$T$ over that of the tangent space")
        left.set_ylabel("growth rate of a small signal\n(over its largest)")
        for i, (name, color) in enumerate(zip(names, colors, strict=True)):
            tangent = result.curves[f"growth/{name}/tangent"]
            right.plot([tangent.mean()] * 2, [i - 0.35, i + 0.35], color=REFERENCE, linewidth=2)
            found = result.findings.get(name)
            if found is not None:
                error = found.stderr or 0.0
                right.errorbar(found.measured, i, xerr=error, color=tuple(color), marker="o", markersize=4)
        right.axvline(1.0, color=INK, linewidth=0.8, linestyle=":")
        right.set_yticks(range(len(names)), labels, fontsize=8)
        right.invert_yaxis()
        right.set_xlabel("$T/\\lambda_{\\max}$ of zero growth")
        right.plot([], [], color=REFERENCE, linewidth=2, label="tangent space")
        right.plot([], [], color=INK, marker="o", linestyle="none", markersize=4, label="measured")
        right.legend(loc="lower left")
    return figure
