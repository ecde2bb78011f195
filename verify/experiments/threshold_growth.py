"""Where a small signal stops growing, case by case, beside the top eigenvalue within the tangent space.

======  ==================================================================  ============
symbol  meaning                                                             shape, unit
======  ==================================================================  ============
T_c     top eigenvalue within the tangent space of the network              (S,), unit
T_0     temperature of zero growth                                          (S,), unit
g       growth rate                                                         (S, n)
======  ==================================================================  ============

The unit is λ_max, or that of the correlations for binary data. Every seed is a network of its own and is measured
around its own T_c: that chooses where to look, not what is found there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from ..architecture import Architecture
from ..collapsed import collapsed_network
from ..growth import measure_growth, network_streams
from ..memory import memory_estimate
from ..plan import SweepPlan
from ..stacked_network import NetworkParameters
from ..tangent import tangent_threshold
from ..training import TrainingOptions
from .result import Finding, standard_error
from .threshold_cases import RowData, growth_width, plain_architectures, restricted_architectures

__all__ = ["GrowthCase", "GrowthTraining", "MeasuredGrowth", "growth_cases", "growth_findings"]

Array = npt.NDArray[np.float64]

_RATIOS = np.array([0.9, 0.97, 1.03, 1.1])
"""Temperatures over T_c: far enough to tell signs, near enough for a parabola."""
_SLOW = 2
"""Bernoulli decoders cannot be given balanced units, and settle in so many times the steps."""


@dataclass(frozen=True, slots=True, eq=False)
class GrowthCase:
    """One architecture on one data set.

    Parameters
    ----------
    name : str
        As findings are named.
    kind : {"local", "tangent", "bernoulli"}
        Whether it contains all linear maps, does not, or has a Bernoulli decoder.
    data : RowData
        On what.
    architecture : Architecture
        What.
    trunk : str
        How hidden layers are made.
    unit : float
        T is given over this.
    """

    name: str
    kind: Literal["local", "tangent", "bernoulli"]
    data: RowData
    architecture: Architecture
    trunk: str = "linear"
    unit: float = 1.0

    def as_dict(self) -> dict[str, Any]:
        """For the settings of a result."""
        return {**self.architecture.as_dict(), "trunk": self.trunk, "kind": self.kind, "data": self.data.name}


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredGrowth:
    """What was measured of a case: see the symbol table."""

    tangent: Array
    zeros: Array
    temperatures: Array
    rates: Array


def growth_cases(data: Sequence[RowData], bits: RowData) -> list[GrowthCase]:
    """All cases: every plain and restricted architecture on all data, and Bernoulli decoders on binary data."""
    cases = []
    for source in data:
        features = source.rows.shape[1]
        width = growth_width(features)
        cases += [
            GrowthCase(f"local/{name}@{source.name}", "local", source, architecture)
            for name, architecture in plain_architectures(width).items()
        ]
        cases += [
            GrowthCase(f"tangent/{name}@{source.name}", "tangent", source, architecture, trunk)
            for name, (architecture, trunk) in restricted_architectures(features, width).items()
        ]
    one = (growth_width(bits.rows.shape[1]),)
    network = Architecture(encoder=one, decoder=one, activation="tanh", likelihood="bernoulli")
    cases.append(
        GrowthCase(f"bernoulli/tanh-1@{bits.name}", "bernoulli", bits, network, unit=float(bits.eigenvalues[0]))
    )
    return cases


@dataclass(frozen=True, slots=True, eq=False)
class GrowthTraining:
    """Measure a case, one network per seed: a job of :func:`verify.experiments.jobs.run_jobs`.

    It takes seconds, and neither workers, executor nor checkpoints.

    Parameters
    ----------
    case : GrowthCase
        What.
    seeds, steps_each : int
        Networks, and steps at each temperature.
    seed : int
        Root of all randomness.
    """

    case: GrowthCase
    seeds: int
    steps_each: int
    seed: int = 0

    @property
    def steps(self) -> int:
        """Steps over all seeds."""
        return self.seeds * self.steps_each

    def memory(self, workers: int) -> int:
        """Bytes at its peak: every step sees all rows twice."""
        rows, features = self.case.data.rows.shape
        plan = SweepPlan.default("network", _RATIOS, seeds=1, latents=1, batch_size=2 * rows)
        return memory_estimate(plan, self.case.architecture, rows, features, workers=workers)

    def run(self, **options: Unpack[TrainingOptions]) -> MeasuredGrowth:
        """Measure."""
        progress = options.get("progress")
        found = []
        for s in range(self.seeds):
            found.append(_grow(self.case, self.steps_each, 1000 * self.seed + s))
            if progress is not None:
                progress((s + 1) * self.steps_each, self.steps)
        tangents, zeros, temperatures, rates = (np.array(each) for each in zip(*found, strict=True))
        return MeasuredGrowth(tangents, zeros, temperatures, rates)


def _grow(case: GrowthCase, steps: int, root: int) -> tuple[float, float, Array, Array]:
    """``tangent``, ``zeros``, ``temperatures`` and ``rates`` of one network."""
    x, architecture = case.data.rows, case.architecture
    flat = np.empty(NetworkParameters.size(architecture, x.shape[1], 1))
    network = collapsed_network(x, architecture, flat, network_streams(root, 1), trunk=case.trunk)
    tangent = float(tangent_threshold(x, network)[0])
    growth = measure_growth(
        x,
        tangent * _RATIOS,
        architecture,
        seeds=1,
        steps=steps * (_SLOW if case.kind == "bernoulli" else 1),
        trunk=case.trunk,
        seed=root,
    )
    unit = case.unit
    return tangent / unit, growth.zeros[0] / unit, growth.temperatures / unit, growth.rates[:, 0]


def growth_findings(case: GrowthCase, found: MeasuredGrowth) -> dict[str, Finding]:
    """The finding of a case; empty if no seed changed sign."""
    known = np.isfinite(found.zeros)
    if not known.any():
        return {}
    zeros, tangent = found.zeros[known], found.tangent[known]
    # Tangent spaces differ from seed to seed: what scatters is the difference.
    off = zeros - tangent
    stderr = standard_error(off)
    where = f"{case.data.name}, {_words(case)}"
    if case.kind == "tangent":
        return {case.name: Finding(float(zeros.mean()), float(tangent.mean()), stderr=stderr, where=where)}
    return {case.name: Finding(float(zeros.mean()), 1.0, float(tangent.mean()), stderr, where)}


def _words(case: GrowthCase) -> str:
    a = case.architecture
    depth = f"{len(a.encoder)}-{len(a.decoder)} hidden layers {a.activation}, " if a.model_class != "linear" else ""
    sees = "" if a.visible == "all" else f", sees {len(a.visible)} of {case.data.rows.shape[1]} columns"
    drawn = f", {a.encoder[0]} units as drawn" if case.trunk == "drawn" else ""
    decoder = ", Bernoulli decoder" if case.kind == "bernoulli" else ""
    return f"{depth}class {a.model_class}{sees}{drawn}{decoder}"
