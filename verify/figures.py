"""The pictures of a verification: theory as lines, trained models on top as points.

======================  ==========================================================  ====
symbol                  meaning                                                     unit
======================  ==========================================================  ====
``t``                   normalised temperature ``T/V``                              1
``μ²``, ``M²``          ``E μ_k²`` and signal fraction of the latent of rank k      1
``ln σ²``               ``E ln σ_k²``                                               1
``A²``, ``J``           posterior scale ``Var μ + E σ²``, Jensen gap                1
``D_r/V``               distortion that is left with the r leading latents          1
======================  ==========================================================  ====

Each function draws on the axes it is given, or on a new figure. Colours run with the mode, dark for the leading ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogFormatterSciNotation, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from numerics import _formulas

from .evidence import ACTIVE, judged_modes
from .report import Report
from .style import INK, REFERENCE, mode_colors, new_figure, save_figure, styled, temperature_axis

__all__ = [
    "plot_distortion",
    "plot_identity",
    "plot_order_parameters",
    "plot_stationarity",
    "save_figures",
]

Array = NDArray[np.float64]

# More lines than this are thinned: neighbours would touch.
_MOST_LINES = 12
# Hollow, so that the line that a point should lie on shows through.
_POINT: Any = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 4.5,
    "markerfacecolor": "white",
    "markeredgewidth": 1.0,
}


def plot_order_parameters(report: Report, ax: Sequence[Axes] | None = None) -> Figure:
    """Raw second moment, signal fraction and width of each latent against temperature.

    Parameters
    ----------
    report : Report
        A verification.
    ax : sequence of 3 Axes, optional
        For ``E μ²``, ``M²`` and ``E ln σ²``; a new figure by default.

    Returns
    -------
    Figure
    """
    with styled():
        axes = _panels(ax, 3, lambda: new_figure(7.4).subplots(3, 1, sharex=True))
        t, fine, shown = _temperatures(report)
        lam, v, latents = report.cascade.eigenvalues[None, :], report.cascade.total_variance, report.trained.latents
        signal = _formulas.signal_fraction(lam, v * fine[:, None])
        width = np.log(_formulas.posterior_variance(lam, v * fine[:, None]))
        # At A² = 1 and E μ = 0 the raw second moment is the signal fraction.
        for panel, theory, measured, label in (
            (axes[0], signal, latents.statistics.second_moment, "second moment  $\\mathrm{E}\\,\\mu_k^2$"),
            (axes[1], signal, latents.signal_fraction, "signal fraction  $M_k^2$"),
            (axes[2], width, latents.statistics.log_width, "width  $\\mathrm{E}\\,\\ln\\sigma_k^2$"),
        ):
            _lines_and_points(panel, fine, theory, t, latents.ranked(measured), shown)
            panel.set_ylabel(label)
        _label_modes(axes[0], report, shown)
        temperature_axis(axes)
        for panel in axes[:-1]:
            panel.set_xlabel("")
        axes[0].set_title("lines: theory; circles: trained models", loc="left", pad=22)
        return _figure(axes)


def plot_distortion(report: Report, ax: Sequence[Axes] | None = None) -> Figure:
    """Distortion that the r leading latents leave, against temperature and against r.

    Parameters
    ----------
    report : Report
        A verification.
    ax : sequence of 2 Axes, optional
        Against temperature, against rank; a new figure by default.

    Returns
    -------
    Figure
    """
    with styled():
        axes = _panels(ax, 2, lambda: new_figure(4.2).subplots(1, 2, sharey=True))
        t, fine, _ = _temperatures(report)
        c, v, modes = report.cascade, report.cascade.total_variance, report.cascade.modes
        measured = report.trained.latents.distortion_mean[..., : modes + 1] / v
        theory = c.truncated_distortion(v * fine) / v
        ranks = _thin(modes + 1)
        colors = mode_colors(modes + 1)
        for r in ranks:
            axes[0].plot(fine, theory[:, r], color=colors[r], zorder=1)
            axes[0].plot(t, measured[..., r], color=colors[r], zorder=2, **_POINT)
            axes[0].annotate(
                f"{r}", (fine[0], theory[0, r]), (-4, 0), textcoords="offset points",
                ha="right", va="center", fontsize=8, color=colors[r],
            )  # fmt: skip
        temperature_axis(axes[:1])
        axes[0].set_ylabel("distortion  $D_r/V$")
        axes[0].set_title("the $r$ leading latents kept", loc="left")
        axes[1].set_yscale("log")  # shared; before the formatter, which it would reset
        axes[0].yaxis.set_minor_formatter(LogFormatterSciNotation(minor_thresholds=(2, 0.6)))
        axes[0].tick_params(axis="y", which="minor", labelsize=8)

        rank = np.arange(modes + 1)
        left = np.concatenate([[v], v - np.cumsum(c.eigenvalues[:modes])])
        visible = left > 1e-12 * v
        axes[1].plot(rank[visible], left[visible] / v, color=REFERENCE, linewidth=2, zorder=3, label="PCA")
        chosen = np.unique(np.linspace(0, len(t) - 1, 6).round().astype(int))[1:]
        for i, color in zip(chosen, mode_colors(len(chosen))[::-1], strict=True):
            axes[1].plot(rank, c.truncated_distortion(v * t[i])[0] / v, color=color, linewidth=1, zorder=1)
            axes[1].plot(rank, measured[i].T, color=color, zorder=2, **_POINT)
            axes[1].plot([], [], color=color, marker="o", markersize=4, linewidth=1, label=f"$t = {_power(t[i])}$")
        axes[1].set_xlabel("latents kept  $r$")
        axes[1].xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[1].set_title("reconstruction from posterior means", loc="left")
        axes[1].legend(loc="lower left")
        return _figure(axes)


def plot_identity(report: Report, ax: Axes | None = None) -> Axes:
    """Utility of each mode against its threshold, both measured, with the identity line and the PCA spectrum.

    Parameters
    ----------
    report : Report
        A verification.
    ax : Axes, optional
        A new figure by default.

    Returns
    -------
    Axes
    """
    with styled():
        ax = ax if ax is not None else new_figure(4.6).add_subplot()
        v, modes = report.cascade.total_variance, report.cascade.modes
        threshold, stderr = (report.trained.column(name)[:modes] / v for name in ("threshold", "stderr"))
        utility, spread = report.trained.utility[:modes] / v, report.trained.utility_stderr[:modes] / v
        judged = judged_modes(report.cascade)
        pca = report.cascade.normalized_thresholds[:modes]
        pca = pca[pca > 0]
        ends = np.array([pca.min() / 1.8, pca.max() * 1.8])
        ax.plot(ends, ends, color=REFERENCE, linewidth=1.5, zorder=1, label="identity")
        ax.plot(pca, pca, "+", color=INK, markersize=15, markeredgewidth=1.0, zorder=2, label="PCA  $\\lambda_k/V$")
        colors = mode_colors(modes)
        for k in np.flatnonzero(np.isfinite(threshold) & np.isfinite(utility)).tolist():
            ax.errorbar(
                threshold[k], utility[k], yerr=spread[k], xerr=stderr[k], color=colors[k], marker="o", markersize=6,
                markerfacecolor=colors[k] if judged[k] else "white", linewidth=1, zorder=3,
            )  # fmt: skip
        for k in _apart(pca, _thin(len(pca))):
            ax.annotate(
                f"{k + 1}", (pca[k], pca[k]), (9, -9), textcoords="offset points", va="center",
                fontsize=9, color=colors[k],
            )  # fmt: skip
        ax.plot([], [], "o", color=colors[modes // 2], markersize=6, label="trained latents, mode $k$")
        if not judged.all():
            ax.plot([], [], "o", color=INK, markerfacecolor="white", label="not judged, $t_k < 10^{-3}$")
        off = np.abs(utility / threshold - 1)[judged & np.isfinite(utility / threshold)]
        if off.size:
            ax.plot([], [], " ", label=f"largest deviation ${_power(100 * off.max())}$ %")
        ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
        if ends[1] / ends[0] < 300:
            # Matplotlib would write out every minor tick of so short a range, one over the other.
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.set_major_formatter(FormatStrFormatter("%g"))
                axis.set_minor_formatter(NullFormatter())
        ax.set_xlabel("collapse threshold  $t_k$")
        ax.set_ylabel("utility  $\\Delta D_k / (V M_k^2)$")
        ax.set_title("utility is threshold is spectrum", loc="left")
        ax.legend(loc="center left", bbox_to_anchor=(1.03, 0.5), fontsize=10)
        return ax


def plot_stationarity(report: Report, ax: Sequence[Axes] | None = None) -> Figure:
    """Posterior scale and Jensen gap of the active latents against temperature, with the tolerances of the checks.

    Parameters
    ----------
    report : Report
        A verification.
    ax : sequence of 2 Axes, optional
        For ``A²`` and ``J``; a new figure by default.

    Returns
    -------
    Figure
    """
    with styled():
        axes = _panels(ax, 2, lambda: new_figure(5.2).subplots(2, 1, sharex=True))
        t, _, shown = _temperatures(report)
        latents = report.trained.latents
        tolerance = {check.name: check.tolerance for check in report.checks}
        active = report.trained.signal_fraction > ACTIVE
        judged = "tolerance of the mean over seeds" if report.sampled else "tolerance"
        for panel, measured, value, name, label in (
            (axes[0], latents.statistics.posterior_scale, 1.0, "posterior-scale", "posterior scale  $A_k^2$"),
            (axes[1], latents.statistics.jensen, 0.0, "jensen-gap", "Jensen gap  $J_k$"),
        ):
            allowed = tolerance.get(name, 0.01)
            panel.axhspan(value - allowed, value + allowed, color=INK, alpha=0.08, linewidth=0, label=judged)
            panel.axhline(value, color=REFERENCE, zorder=1, label="theory")
            values = np.where(active, latents.ranked(measured), np.nan)
            for k in shown:
                panel.plot(t, values[..., k], color=mode_colors(report.cascade.modes)[k], zorder=2, **_POINT)
            worst = np.nanmax(np.abs(values - value), initial=0.0)
            reach = 1.5 * max(worst, allowed)
            # A Jensen gap cannot be negative.
            panel.set_ylim(value - (reach if name == "posterior-scale" else 0.2 * reach), value + reach)
            panel.set_ylabel(label)
            panel.annotate(
                f"largest deviation ${_power(worst)}$", (0.99, 0.96), xycoords="axes fraction", ha="right", va="top",
                fontsize=9,
            )  # fmt: skip
        axes[0].legend(loc="lower left", ncols=2)
        temperature_axis(axes)
        axes[0].set_xlabel("")
        axes[0].set_title("stationarity of the active latents", loc="left")
        return _figure(axes)


def save_figures(report: Report, directory: str | os.PathLike[str]) -> list[Path]:
    """Write all figures as PNG and SVG.

    Parameters
    ----------
    report : Report
        A verification.
    directory : path-like
        Where; made if it is missing.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputError
        If the directory cannot be written.
    """
    written: list[Path] = []
    for name, draw in _FIGURES.items():
        drawn = draw(report)
        figure = drawn if isinstance(drawn, Figure) else _figure([drawn])
        written += save_figure(figure, directory, name)
    return written


_FIGURES: dict[str, Callable[[Report], Figure | Axes]] = {
    "order_parameters": plot_order_parameters,
    "distortion": plot_distortion,
    "identity": plot_identity,
    "stationarity": plot_stationarity,
}


def _temperatures(report: Report) -> tuple[Array, Array, list[int]]:
    """t of the sweep, a fine grid over the same range that contains every kink, and the modes to draw."""
    t = report.sweep.temperatures / report.cascade.total_variance
    kinks = report.cascade.normalized_thresholds
    kinks = kinks[(kinks > t.min()) & (kinks < t.max())]
    fine = np.unique(np.concatenate([np.geomspace(t.min(), t.max(), 400), kinks]))
    return t, fine, _thin(report.cascade.modes)


def _thin(count: int) -> list[int]:
    """At most _MOST_LINES of ``range(count)``, the first and last included."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, _MOST_LINES))})


def _lines_and_points(ax: Axes, fine: Array, theory: Array, t: Array, measured: Array, modes: Sequence[int]) -> None:
    """Theory (n', D) as lines and measured values (n, S, K) as points, one colour per mode."""
    colors = mode_colors(max(modes) + 1)
    for k in modes:
        ax.plot(fine, theory[:, k], color=colors[k], zorder=1)
        ax.plot(t, measured[..., k], color=colors[k], zorder=2, **_POINT)


def _label_modes(ax: Axes, report: Report, modes: Sequence[int]) -> None:
    """Mark the thresholds above the panel with the numbers of their modes."""
    t_k, colors = report.cascade.normalized_thresholds, mode_colors(max(modes) + 1)
    lowest = report.sweep.temperatures.min() / report.cascade.total_variance
    labelled = [k for k in modes if t_k[k] > lowest]
    for k in _apart(t_k, labelled):
        # The word stands to the right of the first number, where no other is.
        text, side, shift = ("1  (mode)", "left", -3) if k == 0 else (f"{k + 1}", "center", 0)
        ax.annotate(
            text, (t_k[k], 1.0), (shift, 3), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha=side, va="bottom", fontsize=9, color=colors[k],
        )  # fmt: skip


def _apart(positions: Array, indices: Sequence[int]) -> list[int]:
    """Those of the descending positions that can be labelled on a log axis without overprinting: 10 % apart."""
    chosen: list[int] = []
    for k in indices:
        if not chosen or positions[k] < 0.9 * positions[chosen[-1]]:
            chosen.append(k)
    return chosen


def _power(x: float) -> str:
    """Two digits in mathtext: 1.9 \\times 10^{-4}; an exact zero as 0."""
    if x == 0 or 1e-2 <= x < 1e3:
        return f"{x:.2g}"
    mantissa, exponent = f"{x:.1e}".split("e")
    return f"{mantissa} \\times 10^{{{int(exponent)}}}"


def _panels(ax: Sequence[Axes] | None, count: int, make: Callable[[], Sequence[Axes]]) -> list[Axes]:
    axes = list(ax) if ax is not None else list(make())
    if len(axes) != count:
        raise ValueError(f"ax must be {count} axes, got {len(axes)}")
    return axes


def _figure(axes: Sequence[Axes]) -> Figure:
    return cast("Figure", axes[0].get_figure(root=True))
