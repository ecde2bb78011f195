"""Figure of the experiment ``residual-cascade``: rates of the latents over T, and Λ*/T on both sides of each loss."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ..style import INK, REFERENCE, mode_colors, new_figure, styled
from .result import ExperimentResult

__all__ = ["draw_cascade"]


def draw_cascade(result: ExperimentResult) -> Figure:
    """Draw the cascade of rates and the residual edge that meets T at each loss."""
    t, rates, edges = (result.curves[name] for name in ("T", "rates", "edges"))
    latents = rates.shape[-1]
    colors = mode_colors(latents)
    with styled():
        figure = new_figure(6.2)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        fine = np.linspace(t[0], t[-1], 400)
        for k in range(latents):
            eigenvalue = result.curves["eigenvalues"][k]
            upper.plot(fine, 0.5 * np.log(np.maximum(eigenvalue / fine, 1)), color=colors[k], lw=1.0)
            upper.plot(t, rates[..., k].mean(1), "o", ms=4, color=colors[k])
        upper.plot([], [], "o", ms=4, color=INK, label="network, mean over seeds")
        upper.plot([], [], color=INK, lw=1.0, label=r"linear theory, $\frac{1}{2}\,\ln(\lambda_k/T)$")
        upper.set_ylabel("rate of a latent  KL$_k$  (nats)")
        upper.legend(frameon=True, edgecolor="none", framealpha=1.0)  # over the dotted line of the first eigenvalue
        lower.axhline(1.0, color=REFERENCE, lw=1.2, label=r"stability limit  $\Lambda^* = T$")
        for k in range(latents):
            for seed in range(edges.shape[1]):
                T, edge, error, _ = edges[k, seed].T
                if np.isfinite(T).all():
                    lower.plot(T, edge / T, color=colors[k], lw=0.8)
                    for side, filled in ((0, colors[k]), (1, "white")):
                        lower.errorbar(
                            T[side], edge[side] / T[side], error[side] / T[side], fmt="o", ms=5, color=colors[k],
                            mfc=filled, elinewidth=1.0, capsize=2,
                        )  # fmt: skip
        lower.plot([], [], "o", ms=5, color=INK, label="last temperature with the latent")
        lower.plot([], [], "o", ms=5, color=INK, mfc="white", label="first without it")
        for ax in (upper, lower):
            for k in range(latents):
                ax.axvline(result.curves["eigenvalues"][k], color=colors[k], lw=0.7, ls=":")
        lower.set_ylabel(r"edge of the others  $\Lambda^*/T$")
        lower.set_xlabel("temperature  $T$  (units of x²; dotted: eigenvalues)")
        lower.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.28))
    return figure
