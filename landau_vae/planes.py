"""Where the collapse is continuous and where it jumps, in the plane of what governs it.

==========  ==============================================================  =====
symbol      meaning                                                         unit
==========  ==============================================================  =====
``c``       curvature of the parabola (u, c(u² − 1)), encoder sees u only   1
``κ3, κ4``  skewness and excess kurtosis of the data                        1
``T*``      above it full collapse is the global minimum                    λ
``m``       signal fraction of the equilibrium                              1
==========  ==============================================================  =====

The parabola is solved by its closed equation of state; a point of the (κ3, κ4) plane by the exact equilibria of free
functions on the three-point distribution {x₁, 0, x₂} that has these cumulants: x₁, x₂ are the roots of
``x² − κ3 x − (κ4 + 3 − κ3²)``, with weights ``1/(x(x − x'))`` (the condition E x = 0, E x² = 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from numerics.files import write_text
from numerics.functional_sweep import sweep_functional
from numerics.pointset import three_points
from numerics.subgaussian import subgaussian_proxy
from theory.curves import Curve
from theory.errors import InputError
from theory.explain import explain
from verify.style import INK, REFERENCE, new_figure, save_figure, styled

__all__ = ["PhaseDiagram", "curve_diagram", "flexible_diagram"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PhaseDiagram:
    """A plane of solved points.

    Attributes
    ----------
    name : str
        ``"curve"`` or ``"flexible"``.
    axes : tuple of str
        What the rows give: first the abscissa, then the ordinate.
    rows : tuple of dict
        One solved point each; numbers and strings only.
    """

    name: str
    axes: tuple[str, str]
    rows: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the diagram as a strictly JSON-able dict."""
        return {"diagram": self.name, "axes": list(self.axes), "points": list(self.rows)}

    def plot(self) -> Figure:
        """Draw the diagram."""
        with styled():
            figure = new_figure(4.2)
            ax = figure.add_subplot()
            (_draw_curve if self.name == "curve" else _draw_flexible)(self, ax)
        return figure

    def save(self, directory: str | Path, document: str) -> None:
        """Write ``phase-diagram.json`` (the given text) and the figure as PNG and SVG, each atomically."""
        folder = Path(directory)
        write_text(folder / "phase-diagram.json", document + "\n")
        save_figure(self.plot(), folder, "phase-diagram")


def curve_diagram(points: int = 25) -> PhaseDiagram:
    """The (c, T) plane of the parabola: spinodals, coexistence and the jump, from the closed equation of state.

    Parameters
    ----------
    points : int
        Curvatures between 0.3 and 1, at least 2.

    Examples
    --------
    >>> rows = curve_diagram(3).rows
    >>> [(row["c"], row["kind"]) for row in rows]
    [(0.3, 'continuous'), (0.65, 'jump'), (1.0, 'jump')]
    """
    rows = []
    for c in np.linspace(0.3, 1.0, _count(points)).round(6).tolist():
        curve = Curve.parabola(c)
        jump = next((j for j in curve.jumps() if j.start == 0), None)
        highest = max((float(s.temperature) for s in curve.spinodals()), default=1.0)
        rows.append(
            {
                "c": c,
                "kind": "continuous" if jump is None else "jump",
                "spinodal_low": 1.0,
                "coexistence": 1.0 if jump is None else float(jump.temperature),
                "spinodal_high": highest,
                "signal_jump": 0.0 if jump is None else float(jump.signal),
                "kl_jump": 0.0 if jump is None else float(jump.kl),
                "stable_if_the_encoder_sees_all": curve.tilt_stable,
            }
        )
    return PhaseDiagram("curve", ("c", "coexistence"), tuple(rows))


def flexible_diagram(points: int = 9) -> PhaseDiagram:
    """The (κ3, κ4) plane for free encoders and decoders, every point solved on a three-point distribution.

    Parameters
    ----------
    points : int
        Points along each axis, at least 2; those that no distribution has are left out.
    """
    rows = []
    for kappa4 in np.linspace(-1.8, 4.2, _count(points)).round(6).tolist():
        for kappa3 in np.linspace(0.0, 1.5, points).round(6).tolist():
            # On the boundary κ4 = κ3² − 2 the middle point has no weight and the distribution two points.
            if kappa4 < kappa3**2 - 2 + 1e-9:
                continue
            x, weights = three_points(kappa3, kappa4)
            proxy = subgaussian_proxy(x, weights)
            sweep = sweep_functional(x, np.linspace(0.9, max(proxy.upper, 1.0) + 0.03, 40), weights=weights)
            into = next((c for c in sweep.changes if c.hot_phase == "collapsed"), None)
            jump = into is not None and not into.continuous
            local = explain("flexible", cumulants={"kappa3": kappa3, "kappa4": kappa4}).verdict.kind
            rows.append(
                {
                    "kappa3": kappa3,
                    "kappa4": kappa4,
                    "kind": "jump" if jump else "continuous",
                    "local_kind": local,
                    "phase": None if into is None else into.cold_phase,
                    "coexistence": sweep.coexistence,
                    "upper_bound": proxy.upper,
                    "kl_jump": 0.0 if into is None else into.kl_jump,
                    "signal_jump": 0.0 if into is None else into.signal_jump,
                }
            )
    return PhaseDiagram("flexible", ("kappa3", "kappa4"), tuple(rows))


def _count(points: int) -> int:
    if isinstance(points, bool) or points != int(points) or points < 2:
        raise InputError(f"points must be an integer of at least 2, got {points!r}; try 9")
    return int(points)


def _draw_curve(diagram: PhaseDiagram, ax: Any) -> None:
    c = [row["c"] for row in diagram.rows]
    ax.plot(c, [row["spinodal_high"] for row in diagram.rows], "--", color=INK, label="spinodal: active states end")
    ax.plot(c, [row["coexistence"] for row in diagram.rows], color=REFERENCE, label="coexistence $T^*$")
    ax.plot(c, [row["spinodal_low"] for row in diagram.rows], ":", color=INK, label="spinodal: collapse unstable below")
    ax.axvline(0.5, color=INK, linewidth=0.8, alpha=0.5)
    middle = (1 + max(row["spinodal_high"] for row in diagram.rows)) / 2
    ax.annotate("tricritical, $c = 1/2$", (0.5, middle), (6, 0), textcoords="offset points", fontsize=9)
    ax.set_xlabel("curvature $c$ of the parabola")
    ax.set_ylabel("temperature $T/\\lambda$")
    ax.set_title("continuous up to $c = 1/2$, a jump beyond (encoder sees $u$ only)", loc="left")
    ax.legend(loc="upper left")


def _draw_flexible(diagram: PhaseDiagram, ax: Any) -> None:
    import matplotlib as mpl

    t = np.array([row["coexistence"] for row in diagram.rows])
    norm = mpl.colors.Normalize(1.0, max(float(t.max()), 1.01))
    for kind, marker in (("continuous", "o"), ("jump", "s")):
        rows = [row for row in diagram.rows if row["kind"] == kind]
        if rows:
            drawn = ax.scatter(
                [row["kappa3"] for row in rows],
                [row["kappa4"] for row in rows],
                c=[row["coexistence"] for row in rows],
                norm=norm,
                cmap="viridis",
                marker=marker,
                s=60,
                edgecolors=INK,
                linewidths=0.6,
                label=kind,
            )
    k3 = np.linspace(0, max(row["kappa3"] for row in diagram.rows), 100)
    ax.plot(k3, k3**2 - 2, color=INK, linewidth=1, label="no distribution below")
    label = "local theory: jump for $\\kappa_3 \\neq 0$ or $\\kappa_4 > 2$"
    ax.plot([-0.05, 0.05], [2, 2], color=REFERENCE, linewidth=2.5, label=label)
    ax.figure.colorbar(drawn, ax=ax, label="coexistence $T^*/\\lambda$")
    ax.set_xlabel("skewness $\\kappa_3$")
    ax.set_ylabel("excess kurtosis $\\kappa_4$")
    ax.set_title("free encoder and decoder on three-point data", loc="left")
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, -0.16), ncols=2)
