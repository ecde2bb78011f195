"""``landau-vae cascade``: the table of modes in T and in your β, and answers to "which β keeps how many?"."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from numerics.beta_scale import BetaScale
from numerics.choice import Choice, above_noise, keep_modes, within_tolerance
from numerics.conventions import loss_convention
from numerics.fisher import fisher_information, loss_spectrum
from numerics.linear_equilibrium import Cascade
from theory.errors import InputError

from .options import load_data, refuse_unused_sizes
from .output import dumps, limit_threads, meta, note
from .streaming import Streamed, stream_spectrum, streams

if TYPE_CHECKING:
    from numerics.finite_samples import BootstrapThresholds
    from numerics.spectrum import Spectrum
    from numerics.tables import Table

_UNITS = {
    "eigenvalues": "data variance",
    "thresholds": "data variance (T = beta * eta^2)",
    "normalized_thresholds": "1 (t = T / total_variance)",
    "beta_thresholds": "beta as the loss writes it",
    "total_variance": "data variance",
    "rate": "nat",
    "distortion": "data variance",
    "posterior_mean_distortion": "data variance",
    "free_energy": "data variance",
    "distortion_by_rank": "data variance",
    "beta_interval": "beta as the loss writes it",
    "kl_jump": "nat",
}


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    loss = args.loss or "elbo"
    refuse_unused_sizes(args, loss)
    if loss_convention(loss).family != "gaussian":
        # These losses see raw values; their spectrum is scaled by the Fisher information instead.
        args = argparse.Namespace(**{**vars(args), "no_standardize": True})
    data: Any
    held_out: dict[str, Table] = {}
    with limit_threads(args):
        if streams(args):
            data, spectrum = stream_spectrum(args, loss, axes=args.loadings or args.any_vae)
        else:
            data, held_out = load_data(args)
            axes = args.loadings or args.any_vae or bool(held_out)
            spectrum = loss_spectrum(data, loss, standardize=not args.no_standardize, axes=axes)
        scale = BetaScale(
            Cascade(spectrum, args.latents), loss, args.batch_size, args.decoder_variance, args.learned_variance
        )
        result, choices = _result(args, scale, data)
        if held_out:
            result["held_out"] = {part: _held_out(spectrum, table) for part, table in held_out.items()}
    note(args, data.notes)
    if args.json or args.out:
        document = dumps({"meta": meta(args, data.sha256), "units": _UNITS, **result})
    if args.out:
        from verify.cascade_figure import save_cascade

        save_cascade(scale.cascade, args.out, document)
        if choices or args.loss or args.learned_variance:
            from verify.beta_figure import save_beta

            save_beta(scale, args.out, choices)
    if args.json:
        print(document)
    else:
        from .cascade_text import text

        print(text(args, data, scale, result))
    return 0


def _result(args: argparse.Namespace, scale: BetaScale, data: Table | Streamed) -> tuple[dict[str, Any], list[Choice]]:
    c = scale.cascade
    s = c.spectrum
    result: dict[str, Any] = {
        "columns": list(s.columns),
        "rows": s.n,
        "standardized": not args.no_standardize,
        "latents": c.modes if c.latents is None else int(c.latents),
        "loss": scale.loss,
        "learned_variance": scale.learned_variance,
        "eigenvalues": s.eigenvalues.tolist(),
        "thresholds": c.thresholds.tolist(),
        "normalized_thresholds": c.normalized_thresholds.tolist(),
        "beta_thresholds": scale.thresholds.tolist(),
        "exact_thresholds": scale.exact,
        "total_variance": s.total_variance,
        "rank": s.rank,
    }
    if scale.learned_variance:
        result["degenerate_below"] = scale.degenerate_below
    if args.at:
        result["at"] = _at(scale, _temperatures(args.at, scale))
    choices: list[Choice] = []
    if args.keep is not None:
        choices.append(keep_modes(scale, args.keep))
        result["keep"] = {"k": args.keep, **_answer(choices[-1], c)}
    if args.tolerance is not None:
        choices.append(within_tolerance(scale, args.tolerance))
        needed = c.effective_dimension(args.tolerance)
        result["tolerance"] = {
            "tolerance": args.tolerance, **_answer(choices[-1], c), "effective_dimension": needed
        }  # fmt: skip
    if args.noise_floor is not None:
        from ..practice import effective_rows

        given = None if math.isnan(args.noise_floor) else args.noise_floor
        choice, floor = above_noise(
            scale, given, samples=effective_rows(data.moments if isinstance(data, Streamed) else data)
        )
        choices.append(choice)
        result["noise_floor"] = {
            "noise_variance": floor.noise_variance,
            "estimated": floor.estimated,
            "edge": floor.edge,
            "significant": floor.significant,
            **_answer(choice, c),
        }
    if args.bootstrap is not None:
        assert not isinstance(data, Streamed)  # refused before
        result["bootstrap"] = _bootstrap(args, scale, data)
    if args.any_vae:
        result["any_vae"] = _any_vae(scale, data)
    if args.loadings:
        result["loadings"] = [_loadings(s, k) for k in range(s.rank)]
    return result, choices


def _temperatures(texts: list[str], scale: BetaScale) -> list[float]:
    """T of every ``T=…``, ``t=…`` and ``beta=…``."""
    units: dict[str, Callable[[float], float]] = {
        "T": lambda value: value,
        "t": lambda value: value * scale.cascade.total_variance,
        "beta": lambda value: float(scale.temperature(value)[0]),
    }
    units["β"] = units["beta"]
    found = []
    for text in texts:
        name, _, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if name not in units or not 0 < value < math.inf:
            raise InputError(
                "--at takes T=NUMBER, t=NUMBER or beta=NUMBER with a positive, finite number, "
                f"got {text!r}; e.g. {name if name in units else 't'}=0.1"
            )
        found.append(units[name](value))
    return found


def _at(scale: BetaScale, temperatures: list[float]) -> list[dict[str, Any]]:
    at = scale.cascade.at(temperatures)
    beta = scale.beta(at.temperature)
    return [
        {
            "T": float(at.temperature[i]),
            "t": float(at.normalized_temperature[i]),
            "beta": float(beta[i]),
            "active": int(at.active[i]),
            "rate": float(at.rate[i]),
            "distortion": float(at.distortion[i]),
            "posterior_mean_distortion": float(at.posterior_mean_distortion[i]),
            "free_energy": float(at.free_energy[i]),
        }
        for i in range(len(at.temperature))
    ]


def _answer(choice: Choice, c: Cascade) -> dict[str, Any]:
    found = choice.to_json()
    ends = [None if end is None else end / c.total_variance for end in found["T_interval"]]
    return {**found, "t_interval": ends}


def _bootstrap(args: argparse.Namespace, scale: BetaScale, data: Table) -> dict[str, Any]:
    from numerics.finite_samples import bootstrap_thresholds

    drawn = bootstrap_thresholds(
        data.values,
        resamples=args.bootstrap,
        seed=args.seed,
        standardize=not args.no_standardize,
        weights=data.weights,
        information=None if scale.exact else lambda mean: fisher_information(mean, scale.loss),
    )
    return {"resamples": args.bootstrap, **_errors(drawn), "beta": _errors(scale.bootstrap(drawn))}


def _errors(drawn: BootstrapThresholds) -> dict[str, Any]:
    lower, upper = drawn.interval(0.95)
    return {
        "bias": drawn.bias.tolist(),
        "standard_error": drawn.standard_error.tolist(),
        "interval_95": np.column_stack([lower, upper]).tolist(),
    }


def _any_vae(scale: BetaScale, data: Table | Streamed) -> dict[str, Any]:
    from numerics.collapse_bounds import collapse_bounds

    from ..practice import expected_order

    # Only for squared errors are the rows, or a second pass over them, looked at.
    rows: Any = data.cumulants(scale.cascade.spectrum) if isinstance(data, Streamed) and scale.exact else data
    found: dict[str, Any] = {"full_collapse": collapse_bounds(scale, rows).to_json()}
    if scale.exact:
        found["transitions"] = [mode.to_json() for mode in expected_order(scale, rows)]
    return found


def _held_out(s: Spectrum, data: Table) -> dict[str, Any]:
    """How much of other rows is left when the r leading modes of the spectrum are kept, r = 0 … D."""
    variances = s.mode_variances(data.values, data.weights)
    left = np.append(np.cumsum(variances[::-1])[::-1], 0.0)
    return {"rows": len(data.values), "total_variance": float(variances.sum()), "distortion_by_rank": left.tolist()}


def _loadings(s: Spectrum, mode: int, most: int = 3) -> dict[str, float]:
    assert s.axes is not None  # asked for by run()
    axis = s.axes[:, mode]
    return {s.columns[j]: float(axis[j]) for j in np.argsort(-np.abs(axis))[:most]}
