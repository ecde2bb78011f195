"""What ``landau-vae cascade`` prints for people: the table of modes, then each answer with its β and its costs."""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from numerics.beta_scale import BetaScale
from numerics.conventions import loss_convention

from .output import shortened, table

if TYPE_CHECKING:
    from numerics.tables import Table

__all__ = ["text"]

_ROWS = 40


def text(args: argparse.Namespace, data: Table, scale: BetaScale, result: dict[str, Any]) -> str:
    """The whole report, in 80 columns."""
    lines = [*_head(args, data, scale, result), "", *_modes(args, scale, result)]
    if args.loadings:
        shown = min(scale.cascade.spectrum.rank, _ROWS)
        rows = [[k + 1, *(f"{v:+.2f} {shortened(n)}" for n, v in result["loadings"][k].items())] for k in range(shown)]
        heaviest = max((len(row) for row in rows), default=1) - 1
        lines += ["", table(rows, ["mode", *["weighs most", "second", "third"][:heaviest]])]
    if args.at:
        rows = [
            [f"{a['T']:.6g}", f"{a['t']:.4g}", f"{a['beta']:.4g}", a["active"], f"{a['rate']:.4f}",
             f"{a['distortion']:.6g}", f"{a['posterior_mean_distortion']:.6g}"]
            for a in result["at"]
        ]  # fmt: skip
        lines += ["", table(rows, ["T", "t", "β", "active", "KL (nat)", "distortion", "posterior means"])]
    lines += _answers(args, result)
    if "any_vae" in result:
        lines += ["", *_any_vae(result["any_vae"])]
    for part, held in result.get("held_out", {}).items():
        left = held["distortion_by_rank"]
        ranks = sorted({r for r in (1, 2, 5, 10) if r < len(left)})
        lost = ", ".join(f"{100 * left[r] / left[0]:.1f} % with {r}" for r in ranks)
        lines += ["", f"{part}: {held['rows']} rows; variance left by the leading modes: {lost}"]
    return "\n".join(_folded(lines))


def _folded(lines: list[str]) -> list[str]:
    """Sentences wrapped at 80 columns; tables arrive as one text of several lines and stay as they are."""
    return [
        part
        for line in lines
        for part in ([line] if "\n" in line or not line else textwrap.wrap(line, 80, subsequent_indent="  "))
    ]


def _head(args: argparse.Namespace, data: Table, scale: BetaScale, result: dict[str, Any]) -> list[str]:
    s = scale.cascade.spectrum
    units = "units of the data" if args.no_standardize else "standardised columns"
    if not scale.exact:
        units = "over the root of their Fisher information"
    lines = [
        f"{data.name}: {s.n} rows, {len(s.columns)} columns ({units}); V = {s.total_variance:.6g}, rank {s.rank}",
        f"A β-VAE with {result['latents']} latents keeps mode k while T = βη² < T_k.",
    ]
    if not scale.exact:
        lines = [
            f"{data.name}: {s.n} rows, {len(s.columns)} columns ({units})",
            f"Full collapse is unstable below β_1 = {scale.thresholds[0]:.6g}, for any VAE; the further β_k count the "
            "directions in which it is, and costs are those of the quadratic approximation.",
        ]
    if _with_beta(args):
        learned = ", η² learned" if scale.learned_variance else ""
        lines.append(f"Loss {scale.loss}: {loss_convention(scale.loss).meaning}{learned}.")
    if scale.degenerate_below:
        lines.append(f"Below β = {scale.degenerate_below:.6g} the learned variance runs to 0: no equilibrium.")
    return lines


def _with_beta(args: argparse.Namespace) -> bool:
    return bool(args.loss or args.learned_variance or args.decoder_variance)


def _modes(args: argparse.Namespace, scale: BetaScale, result: dict[str, Any]) -> list[str]:
    c = scale.cascade
    s = c.spectrum
    shown = min(s.rank, _ROWS)
    share = np.cumsum(s.eigenvalues) / s.total_variance if s.total_variance else np.zeros_like(s.eigenvalues)
    beta = scale.thresholds
    header = ["mode", "T_k", "t_k = T_k/V"]
    rows: list[list[Any]] = [
        [k + 1, f"{c.thresholds[k]:.6g}", f"{c.normalized_thresholds[k]:.4g}"] for k in range(shown)
    ]
    if _with_beta(args):
        header.append("your β_k")
        for k, row in enumerate(rows):
            row.append(f"{beta[k]:.6g}")
    if "bootstrap" in result:
        errors = result["bootstrap"]["beta" if _with_beta(args) else "standard_error"]
        errors = errors["standard_error"] if _with_beta(args) else errors
        header.append("± s.e.")
        for k, row in enumerate(rows):
            row.append(f"{errors[k]:.2g}")
    header.append("variance kept %")
    for k, row in enumerate(rows):
        row.append(f"{100 * share[k]:.2f}")
    lines = [table(rows, header)]
    if s.rank > shown:
        lines.append(f"… and {s.rank - shown} more modes (--json lists all)")
    if c.modes < s.rank:
        lines.append(f"With {c.modes} latents no mode after {c.modes} is ever active: threshold 0.")
    if s.rank < len(s.columns):
        none = len(s.columns) - s.rank
        lines.append(f"{none} {'mode has' if none == 1 else 'modes have'} no variance: threshold 0, never active.")
    return lines


def _answers(args: argparse.Namespace, result: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    if args.keep is not None:
        k = result["keep"]
        lower, upper = k["T_interval"]
        lines += [
            "",
            f"exactly {args.keep} active: {lower:.6g} ≤ T < {_end(upper)}",
            *_beta(args, k),
            f"  e.g. T = {k['T']:.6g} (t = {k['t']:.4g}): KL {k['rate']:.4g} nat, distortion {k['distortion']:.4g}",
        ]
    if args.tolerance is not None:
        k = result["tolerance"]
        lines += [
            "",
            f"distortion ≤ {args.tolerance:g} V: T ≤ {k['T']:.6g} (t = {k['t']:.4g})",
            *_beta(args, k),
            f"  {k['active']} active there, KL {k['rate']:.4g} nat; PCA does it with {k['effective_dimension']}",
        ]
    if "noise_floor" in result:
        k = result["noise_floor"]
        source = "as given"
        if k["estimated"]:
            source = "estimated from the median mode, as if half of all were noise"
        elif np.isnan(args.noise_floor):
            source = "that of counting itself"
        lower, upper = k["T_interval"]
        lines += [
            "",
            f"noise of variance {k['noise_variance']:.4g} ({source}) reaches up to T = {k['edge']:.6g}",
            f"  {k['significant']} modes above it; only they live for {lower:.6g} ≤ T < {_end(upper)}",
            *_beta(args, k),
            f"  e.g. T = {k['T']:.6g}: KL {k['rate']:.4g} nat, distortion {k['distortion']:.4g}"
            f" ({100 * k['relative_distortion']:.3g} % of V)",
        ]
    return lines


def _beta(args: argparse.Namespace, found: dict[str, Any]) -> list[str]:
    if not _with_beta(args):
        return []
    lower, upper = found["beta_interval"]
    return [f"  your β from {lower:.6g} to {_end(upper)}; take β = {found['beta']:.6g}"]


def _any_vae(found: dict[str, Any]) -> list[str]:
    collapse = found["full_collapse"]
    above = collapse["collapse_optimal_above"]
    lines = [
        "Any VAE, whatever its architecture:",
        f"  β < {collapse['collapse_unstable_below']:.6g}: full collapse is unstable",
    ]
    if above is None:
        lines.append("  no β is known above which full collapse is optimal for this loss")
    else:
        how = {"certified": "certified", "bounded": "an upper bound", "radius": "a rough upper bound, for many rows"}
        lines.append(f"  β > {above:.6g}: full collapse is optimal ({how[collapse['method']]})")
    rows = [
        [m["mode"], f"{m['skewness']:+.2f}", f"{m['excess_kurtosis']:+.2f}", f"{m['coskewness']:.2f}",
         m["nonlinear_decoder"], m["flexible"], "?" if m["kl_jump"] is None else f"{m['kl_jump']:.1g}"]
        for m in found.get("transitions", [])
    ]  # fmt: skip
    if rows:
        header = ["mode", "κ3", "κ4", "‖κ‖", "free decoder", "free encoder too", "KL jump"]
        lines += ["Expected local order of the transitions, from the cumulants:", table(rows, header)]
    return [*lines, *(f"warning: {m['warning']}" for m in found.get("transitions", []) if m["warning"])]


def _end(upper: float | None) -> str:
    return "∞" if upper is None else f"{upper:.6g}"
