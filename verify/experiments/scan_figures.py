"""Figures of the experiment ``scan``: order parameters over t, utility against threshold, rank and distortion."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ..style import INK, REFERENCE, mode_colors, new_figure, styled, temperature_axis
from .result import ExperimentResult
from .scan_readouts import overlay

__all__ = ["draw_dimension", "draw_identity", "draw_scan"]

_SHOWN = 8  # modes that are told apart


def draw_scan(result: ExperimentResult) -> Figure:
    """Draw signal fractions, rates with their overlay, and truncated distortions against t."""
    c = result.curves
    t = c["t"]
    modes = [int(k) for k in c["modes"]][:_SHOWN]
    colors = mode_colors(len(modes))
    fine = np.geomspace(t.min(), t.max(), 300)
    with styled():
        figure = new_figure(8.6)
        axes = figure.subplots(3, 1, sharex=True)
        for color, k in zip(colors, modes, strict=True):
            axes[0].plot(t, c["signal_fraction"][:, k], "o-", ms=3.5, lw=0.6, color=color, label=f"{k + 1}")
            axes[1].plot(t, c["rates"][:, k], "o", ms=3.5, color=color)
            axes[1].plot(fine, overlay(fine, c["utilities"][[k]])[:, 0], color=color, lw=1.0)
            axes[2].plot(t, c["distortion"][:, k + 1], "o-", ms=3, lw=0.6, color=color)
        axes[2].plot(t, c["distortion"][:, -1], color=REFERENCE, lw=1.2, label="all latents")
        axes[0].set_ylabel("signal fraction  $M_k^2$")
        axes[0].legend(title="rank $k$", ncols=2)
        axes[1].plot([], [], "o", ms=3.5, color=INK, label="measured")
        axes[1].plot([], [], color=INK, lw=1.0, label=r"$\frac{1}{2}\,\ln(\Delta\tilde D_k/t)$, no fit")
        axes[1].set_ylabel("rate  KL$_k$  (nats)")
        axes[1].legend()
        axes[2].set_yscale("log")
        axes[2].set_ylabel("distortion with\n$k$ latents  $D_k/V$")
        axes[2].legend()
        temperature_axis(axes[2:])
        for ax in axes[:2]:
            ax.tick_params(labelbottom=False)
        axes[0].set_title(_title(result), loc="left")
    return figure


def draw_identity(result: ExperimentResult) -> Figure:
    """Draw utility against threshold with the identity."""
    c = result.curves
    modes = c["modes"].astype(int)
    colors = mode_colors(len(modes))
    with styled():
        figure = new_figure(5.0)
        axes = figure.subplots(1, 2, sharey=True)
        drawn = (("thresholds", "threshold $t_k$ of the rate"), ("fixed_slope", "threshold $t_k$ at fixed slope"))
        names = ("identity-r2", "fixed-slope-r2")
        for ax, (curve, label), name in zip(axes, drawn, names, strict=True):
            x, y = c[curve][modes], c["utilities"][modes]
            ends = [min(x.min(), y.min()) / 1.5, max(x.max(), y.max()) * 1.5]
            ax.plot(ends, ends, color=REFERENCE, lw=1.2, label="identity")
            ax.scatter(x, y, c=colors, s=28, zorder=3)
            ax.set(xscale="log", yscale="log", xlabel=label)
            if name in result.findings:
                ax.set_title(f"$R^2$ about the identity {result.findings[name].measured:.3f}", loc="left")
            ax.legend(loc="lower right")
        axes[0].set_ylabel(r"utility  $\Delta\tilde D_k$")
    return figure


def draw_dimension(result: ExperimentResult) -> Figure:
    """Draw distortion against the number of latents, by depth and for PCA, and the table of effective dimensions."""
    c = result.curves
    depths = [int(d) for d in result.settings["depths"]]
    colors = mode_colors(len(depths) + 1)
    with styled():
        figure = new_figure(6.4)
        ax, below = figure.subplots(2, 1, height_ratios=(3, 1.6))
        shown = c["pca"] > 1e-6
        ax.plot(np.arange(len(c["pca"]))[shown], c["pca"][shown], color=REFERENCE, label="PCA")
        for color, depth, marker in zip(colors, depths, "osD^v", strict=False):
            best = c[f"best/{depth}"]
            ax.plot(np.arange(len(best)), best, f"{marker}-", ms=4, lw=0.7, color=color,
                    label=f"VAE, {depth} hidden layer{'s' if depth > 1 else ''}")  # fmt: skip
        ax.set_yscale("log")
        ax.set_xlabel("latents kept")
        ax.set_ylabel("least distortion over $t$,  $D_r/D_0$")
        ax.legend()
        ax.set_title(_title(result), loc="left")
        below.axis("off")
        heads = ["PCA", *(f"VAE, depth {d}" for d in depths)]
        cells = [["–" if np.isnan(v) else f"{int(v)}" for v in column] for column in c["d_eff"].T]
        table = below.table(
            cellText=cells, rowLabels=heads, colLabels=[f"{share:.3g}" for share in 100 * np.array(
                result.settings["shares"])], loc="center", cellLoc="center", edges="horizontal",
        )  # fmt: skip
        table.scale(0.8, 1.3)
        below.set_title("latents needed for a distortion of … % of $D_0$", loc="left")
    return figure


def _title(result: ExperimentResult) -> str:
    s = result.settings
    return f"{s['data']}, {s['depths'][0]}×64 SiLU, {s['latents']} latents, {s['measured_on']} rows"
