"""The picture of a diagnosis: what every latent costs, and how much signal it carries.

=========  ===============================================================  ======
symbol     meaning                                                          unit
=========  ===============================================================  ======
``KL_k``   divergence of latent k, split into its four terms                nats
``M_k²``   signal fraction; line: ``[1 − T/T_k]_+`` of the linear theory    1
=========  ===============================================================  ======
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .diagnosis import Diagnosis
from .style import INK, REFERENCE, new_figure, save_figure, styled

__all__ = ["plot_diagnosis", "save_diagnosis"]

# Okabe and Ito: told apart in all common forms of colour blindness.
_TERMS = (
    ("signal_term", "signal  $-½\\ln(1-M^2)$", "#0072b2"),
    ("scale_term", "scale  $½(A^2-1-\\ln A^2)$", "#e69f00"),
    ("jensen_term", "width  $½J$", "#009e73"),
    ("offset_term", "offset  $½m^2$", "#cc79a7"),
)
_MOST = 40
"""Latents that are drawn; more would be hairlines."""


def plot_diagnosis(found: Diagnosis, ax: Sequence[Axes] | None = None) -> Figure:
    """Draw the split divergence and the signal fraction of each latent, in the order of M².

    Parameters
    ----------
    found : Diagnosis
        At most 40 latents are drawn, those of largest M².
    ax : sequence of 2 Axes, optional
        For the divergence and the signal fraction, with a shared vertical axis; a new figure by default.

    Returns
    -------
    Figure
    """
    s = found.statistics
    order = s.ranking[:_MOST]
    place = np.arange(len(order))
    with styled():
        axes = ax if ax is not None else new_figure(2.2 + 0.27 * max(len(order), 4)).subplots(1, 2, sharey=True)
        left, right = axes
        start = np.zeros(len(order))
        for name, label, color in _TERMS:
            size = getattr(s, name)[order]
            left.barh(place, size, left=start, height=0.72, color=color, label=label)
            start = start + size
        left.set_yticks(place, [f"{k}  {found.verdicts[k]}" for k in order])
        left.set_ylim(len(order) - 0.4, -0.6)
        left.set_xlim(0, 1.04 * start.max() if start.max() > 0 else 1.0)
        left.set_xlabel("divergence $\\mathrm{KL}_k$ (nats)")
        left.set_ylabel("latent, by signal fraction")

        signal = s.signal_fraction[order]
        alive = np.array([found.verdicts[k] == "active" for k in order])
        if found.linear is not None:
            right.plot(
                found.linear.predicted_signal[: len(order)],
                place,
                color=REFERENCE,
                marker="|",
                markersize=9,
                zorder=1,
                label="linear theory",
            )
        right.axvline(found.active_above, color=INK, linestyle="--", linewidth=0.8, label="active above")
        for mask, face, label in ((alive, "#0072b2", "active"), (~alive, "white", "not active")):
            if mask.any():
                right.plot(
                    signal[mask], place[mask], "o", color="#0072b2", markerfacecolor=face, markersize=5, zorder=3,
                    clip_on=False, label=label,
                )  # fmt: skip
        right.set_xlim(-0.02, 1.02)
        right.set_xlabel("signal fraction  $M_k^2$")
        _legends(left, right, outside=ax is None)
        hidden = len(found.verdicts) - len(order)
        left.set_title(f"{found.verdicts.count('active')} of {len(found.verdicts)} latents active", loc="left")
        if hidden:
            right.set_title(f"{hidden} of smaller $M^2$ not drawn", loc="left")
        # A subfigure would do as well; the annotation of Matplotlib allows for one.
        return cast("Figure", left.figure)


def _legends(left: Axes, right: Axes, *, outside: bool) -> None:
    """One legend under a figure of our own, where no bar can hide it; one in each of the caller's axes."""
    if not outside:
        for panel in (left, right):
            panel.legend(loc="best", fontsize=8)
        return
    pairs = [pair for panel in (left, right) for pair in zip(*panel.get_legend_handles_labels(), strict=True)]
    handles, labels = zip(*pairs, strict=True)
    cast("Figure", left.figure).legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)


def save_diagnosis(found: Diagnosis, directory: str | Path) -> None:
    """Write ``diagnosis.png`` and ``diagnosis.svg`` into a folder, each atomically.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    save_figure(plot_diagnosis(found), directory, "diagnosis")
