"""Claims on how VAEs are trained: annealing, noise modes, memorisation, reproducibility."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .cases import solved
from .claim import Claim, Evidence, Results
from .gather import from_findings

__all__ = ["TRAINING_CLAIMS"]

_STATED = ("temperatures", "seeds", "steps", "learning_rate", "batch_size", "schedule", "architectures")
"""Without these a cascade cannot be trained again."""


def _annealing(results: Results) -> Sequence[Evidence]:
    return [
        *from_findings(
            "annealing",
            "free-energy-shift/",
            "(F annealed − F constant)/V at equilibrium",
            predicted=0.0,
            # Two standard errors of the slowest of the quick trainings.
            tolerance=0.015,
        )(results),
        *from_findings(
            "annealing",
            "branch/",
            "KL reached from above minus from below, nats",
            predicted=0.0,
            tolerance=0.01,
            role="counter-example",
        )(results),
    ]


def _annealing_speed(results: Results) -> Sequence[Evidence]:
    return from_findings(
        "annealing",
        "speed/gaussian, T = 0.8/from-above",
        "steps annealed over steps at constant β",
        relation="<=",
        predicted=1.0,
        role="counter-example",
    )(results)


def _noise(results: Results) -> Sequence[Evidence]:
    spent = "KL spent on noise above the edge, nats"
    return [
        *from_findings(
            "superfluous",
            "linear/noise-edge",
            "T where the first noise mode wakes, over s²(1+√(D/N))²",
            predicted=1.0,
            tolerance=0.1,
        )(results),
        *from_findings("superfluous", "linear/kl-above-edge", spent, predicted=0.0, tolerance=0.01)(results),
        *from_findings("superfluous", "free/linear-kl-above-edge", spent, predicted=0.0, tolerance=0.01)(results),
        *from_findings(
            "superfluous", "free/kl-above-edge", spent, predicted=0.0, tolerance=0.01, role="counter-example"
        )(results),
    ]


def _memorises(results: Results) -> Sequence[Evidence]:
    gain, gap = (results.finding("superfluous", f"free/{name}") for name in ("gain", "test-gap"))
    quantity, where = "F of new rows over V, which collapse has", "superfluous, free/gain and free/test-gap"
    if gain is None or gap is None:
        new = Evidence.of(quantity, ">=", None, predicted=1.0, where=where)
    else:
        new = Evidence(
            quantity,
            ">=",
            1.0,
            measured=1 - gain.measured + gap.measured,
            stderr=math.hypot(gain.stderr or 0.0, gap.stderr or 0.0),
            where=gap.where.partition(", ")[2],
        )
    return [
        new,
        # A collapsed model spends nothing and has neither gain nor gap.
        *from_findings(
            "superfluous", "free/kl-above-edge", "KL spent on noise above the edge, nats", relation=">=", predicted=0.5
        )(results),
        *from_findings("superfluous", "free/gain", "(V − F)/V on the training rows", relation=">=", predicted=0.05)(
            results
        ),
        *from_findings(
            "superfluous",
            "free/test-gap",
            "(F of new rows − F of the training rows)/V",
            relation=">=",
            predicted=0.2,
        )(results),
    ]


def _reproducible(results: Results) -> Sequence[Evidence]:
    spread, free = "spread of M² over seeds", solved(1.3, 1.69, "nonlinear-mean")
    T, apart = free.spread()
    return [
        *[_stated(experiment, results.settings(experiment)) for experiment in ("threshold", "residual-cascade")],
        *from_findings("threshold", "seed-spread/", spread, relation="<=", predicted=0.1)(results),
        Evidence(
            "spread of M² over starts",
            "<=",
            0.1,
            exact=apart,
            where=f"{free.where}, T = {T:.3g} λ: heated and cooled",
            role="counter-example",
        ),
    ]


def _stated(experiment: str, settings: Mapping[str, Any]) -> Evidence:
    """Whether a record states the schedule and the number of runs, and what they are."""
    quantity = "items of the schedule that the record lacks"
    if not settings:
        return Evidence(quantity, "=", 0.0, where=f"{experiment} (not run)")
    missing = [name for name in _STATED if name not in settings]
    if missing:
        return Evidence(quantity, "=", 0.0, exact=float(len(missing)), where=f"{experiment}: {', '.join(missing)}")
    t = settings["temperatures"]
    count = t if isinstance(t, int) else len(t)
    annealed = settings.get("annealing_steps")
    first = (
        f"{settings.get('first_steps', settings['steps'])} steps{f' ({annealed} with annealed KL)' if annealed else ''}"
    )
    more = f", then {settings['steps']} each, warm-started" if "first_steps" in settings else " each"
    where = (
        f"{experiment}: {settings['seeds']} runs × {count} temperatures, {first}{more}, batches of "
        f"{settings['batch_size']}, learning rate {settings['learning_rate']} ({settings['schedule']})"
    )
    return Evidence(quantity, "=", 0.0, exact=0.0, where=where)


TRAINING_CLAIMS = (
    Claim(
        "annealing",
        "KL annealing does not change the equilibrium that is reached.",
        ("ichikawa2024",),
        "",
        "one stable equilibrium at the final T",
        "two are stable (hysteresis): annealing decides which branch is reached",
        "relaxation-rates",
        "numerics.dynamics.gradient_flow",
        ("annealing",),
        _annealing,
    ),
    Claim(
        "annealing-speed",
        "KL annealing speeds training up.",
        ("ichikawa2024",),
        "title",
        "",
        "networks are shallow and leave collapse by themselves: annealing costs steps",
        "relaxation-rates",
        "",
        ("annealing",),
        _annealing_speed,
    ),
    Claim(
        "noise-edge",
        "Noise modes stay collapsed above the Marchenko–Pastur edge s²(1+√(D/N))².",
        ("landau-vae",),
        "",
        "the class `linear`, D and N large",
        "the encoder is free: it memorises single rows",
        "sandwich",
        "numerics.finite_samples.marchenko_pastur_edge",
        ("superfluous",),
        _noise,
    ),
    Claim(
        "memorisation",
        "What a free encoder spends on noise does not carry over to new rows.",
        ("landau-vae",),
        "",
        "",
        "",
        "sandwich",
        "",
        ("superfluous",),
        _memorises,
    ),
    Claim(
        "reproducible",
        "The cascade can be reproduced from the stated schedule and number of runs.",
        ("landau-vae",),
        "",
        "Gaussian data, or the class `linear`",
        "several minima are stable, as for free classes on skewed data: the start decides",
        "",
        "",
        ("threshold", "residual-cascade"),
        _reproducible,
    ),
)
"""In the order of the ledger."""
