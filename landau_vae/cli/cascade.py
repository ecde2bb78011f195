"""``landau-vae cascade``: the table of modes, and answers to "which T keeps how many?"."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from numerics.linear_equilibrium import Cascade, Interval
from numerics.spectrum import Spectrum

from .options import load_data, temperature_values
from .output import dumps, limit_threads, meta, note, table

if TYPE_CHECKING:
    from numerics.tables import Table

_ROWS = 40
_UNITS = {
    "eigenvalues": "data variance",
    "thresholds": "data variance (T = beta * eta^2)",
    "normalized_thresholds": "1 (t = T / total_variance)",
    "total_variance": "data variance",
    "rate": "nat",
    "distortion": "data variance",
    "posterior_mean_distortion": "data variance",
    "free_energy": "data variance",
    "distortion_by_rank": "data variance",
}


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    data, held_out = load_data(args)
    with limit_threads(args):
        axes = args.loadings or bool(held_out)
        spectrum = Spectrum.from_table(data, standardize=not args.no_standardize, axes=axes)
    cascade = Cascade(spectrum, args.latents)
    result = _result(args, cascade)
    if held_out:
        result["held_out"] = {part: _held_out(spectrum, table) for part, table in held_out.items()}
    note(args, data.notes)
    if args.json or args.out:
        document = dumps({"meta": meta(args, data.sha256), "units": _UNITS, **result})
    if args.out:
        from verify.cascade_figure import save_cascade

        save_cascade(cascade, args.out, document)
    print(document if args.json else _text(args, data, cascade, result))
    return 0


def _result(args: argparse.Namespace, c: Cascade) -> dict[str, Any]:
    s = c.spectrum
    result: dict[str, Any] = {
        "columns": list(s.columns),
        "rows": s.n,
        "standardized": not args.no_standardize,
        "latents": c.modes if c.latents is None else int(c.latents),
        "eigenvalues": s.eigenvalues.tolist(),
        "thresholds": c.thresholds.tolist(),
        "normalized_thresholds": c.normalized_thresholds.tolist(),
        "total_variance": s.total_variance,
        "rank": s.rank,
    }
    if args.at:
        at = c.at(temperature_values(args.at, s.total_variance))
        result["at"] = [
            {
                "T": float(at.temperature[i]),
                "t": float(at.normalized_temperature[i]),
                "active": int(at.active[i]),
                "rate": float(at.rate[i]),
                "distortion": float(at.distortion[i]),
                "posterior_mean_distortion": float(at.posterior_mean_distortion[i]),
                "free_energy": float(at.free_energy[i]),
            }
            for i in range(len(at.temperature))
        ]
    if args.keep is not None:
        result["keep"] = {"k": args.keep, **_interval(c, c.keeping(args.keep))}
    if args.tolerance is not None:
        temperature = c.temperature_for(args.tolerance)
        result["tolerance"] = {
            "tolerance": args.tolerance,
            "T": temperature,
            "t": temperature / s.total_variance,
            "active": int(c.active(temperature)[0]),
            "rate": float(c.rate(temperature)[0]),
            "effective_dimension": c.effective_dimension(args.tolerance),
        }
    if args.loadings:
        result["loadings"] = [_loadings(s, k) for k in range(s.rank)]
    return result


def _held_out(s: Spectrum, data: Table) -> dict[str, Any]:
    """How much of other rows is left when the r leading modes of the spectrum are kept, r = 0 … D."""
    variances = s.mode_variances(data.values, data.weights)
    left = np.append(np.cumsum(variances[::-1])[::-1], 0.0)
    return {"rows": len(data.values), "total_variance": float(variances.sum()), "distortion_by_rank": left.tolist()}


def _interval(c: Cascade, interval: Interval) -> dict[str, Any]:
    volume, t = c.total_variance, interval.suggestion
    finite = bool(np.isfinite(interval.upper))
    return {
        "T": t,
        "t": t / volume,
        "T_interval": [interval.lower, interval.upper if finite else None],
        "t_interval": [interval.lower / volume, interval.upper / volume if finite else None],
        "rate": float(c.rate(t)[0]),
        "distortion": float(c.distortion(t)[0]),
    }


def _loadings(s: Spectrum, mode: int, most: int = 3) -> dict[str, float]:
    assert s.axes is not None  # asked for by run()
    axis = s.axes[:, mode]
    return {s.columns[j]: float(axis[j]) for j in np.argsort(-np.abs(axis))[:most]}


def _text(args: argparse.Namespace, data: Table, c: Cascade, result: dict[str, Any]) -> str:
    s = c.spectrum
    units = "units of the data" if args.no_standardize else "standardised columns"
    lines = [
        f"{data.name}: {s.n} rows, {len(s.columns)} columns ({units}); V = {s.total_variance:.6g}, rank {s.rank}",
        f"A β-VAE with {result['latents']} latents keeps mode k while T = βη² < T_k.",
        "",
    ]
    shown = min(s.rank, _ROWS)
    share = np.cumsum(s.eigenvalues) / s.total_variance if s.total_variance else np.zeros_like(s.eigenvalues)
    rows: list[list[Any]] = [
        [k + 1, f"{c.thresholds[k]:.6g}", f"{c.normalized_thresholds[k]:.4g}", f"{100 * share[k]:.2f}"]
        for k in range(shown)
    ]
    lines.append(table(rows, ["mode", "T_k", "t_k = T_k/V", "variance kept %"]))
    if s.rank > shown:
        lines.append(f"… and {s.rank - shown} more modes (--json lists all)")
    if s.rank < len(s.columns):
        none = len(s.columns) - s.rank
        lines.append(f"{none} {'mode has' if none == 1 else 'modes have'} no variance: threshold 0, never active.")
    if args.loadings:
        rows = [[k + 1, *(f"{v:+.2f} {_short(n)}" for n, v in result["loadings"][k].items())] for k in range(shown)]
        heaviest = max((len(row) for row in rows), default=1) - 1
        lines += ["", table(rows, ["mode", *["weighs most", "second", "third"][:heaviest]])]
    if args.at:
        rows = [
            [f"{a['T']:.6g}", f"{a['t']:.4g}", a["active"], f"{a['rate']:.4f}", f"{a['distortion']:.6g}",
             f"{a['posterior_mean_distortion']:.6g}"]
            for a in result["at"]
        ]  # fmt: skip
        lines += ["", table(rows, ["T", "t", "active", "KL (nat)", "distortion", "with posterior means"])]
    if args.keep is not None:
        k = result["keep"]
        lower, upper = k["T_interval"]
        end = "∞" if upper is None else f"{upper:.6g}"
        lines += [
            "",
            f"exactly {args.keep} active: {lower:.6g} ≤ T < {end}",
            f"  e.g. T = {k['T']:.6g} (t = {k['t']:.4g}): KL {k['rate']:.4g} nat, distortion {k['distortion']:.4g}",
        ]
    if args.tolerance is not None:
        k = result["tolerance"]
        lines += [
            "",
            f"distortion ≤ {args.tolerance:g} V: T ≤ {k['T']:.6g} (t = {k['t']:.4g})",
            f"  {k['active']} active there, KL {k['rate']:.4g} nat; PCA does it with {k['effective_dimension']}",
        ]
    for part, held in result.get("held_out", {}).items():
        left = held["distortion_by_rank"]
        ranks = sorted({r for r in (1, 2, 5, 10) if r < len(left)})
        lost = ", ".join(f"{100 * left[r] / left[0]:.1f} % with {r}" for r in ranks)
        lines += ["", f"{part}: {held['rows']} rows; variance left by the leading modes: {lost}"]
    return "\n".join(lines)


def _short(name: str, width: int = 16) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"
