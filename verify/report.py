"""The report of a verification: the verdict, its checks, and the spectra they rest on, as text and as JSON.

==============  ====================================================  ====
symbol          meaning                                               unit
==============  ====================================================  ====
``t_k``         normalised threshold ``T_k / V`` of mode k            1
``K``, ``D``    latents, features; the spectra have min(K, D) modes
==============  ====================================================  ====
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from numerics.linear_equilibrium import Cascade
from theory.references import source_line

from .check import Check
from .evidence import DEEP_SAMPLED, FLOOR, NEAR_SAMPLED, judged_modes
from .readings import Readings
from .sweep import Sweep

__all__ = ["Report", "digits", "tolerance_text"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Everything a verification found; build one with :func:`~verify.compare.verify_cascade`.

    Parameters
    ----------
    cascade : Cascade
        The theory's answer.
    sweep : Sweep
        The trained models.
    trained, exact : Readings
        What was measured on the trained and on the exactly optimal models.
    checks : tuple of Check
        The claims.
    seconds : float
        Wall time of the whole job.
    data : dict
        JSON-able description of the data: name, rows, columns, sha256, ….
    meta : dict
        JSON-able facts about the run: version, command, threads, …; see :meth:`with_meta`.
    """

    cascade: Cascade
    sweep: Sweep
    trained: Readings
    exact: Readings
    checks: tuple[Check, ...]
    seconds: float
    data: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    def with_meta(self, meta: dict[str, Any]) -> Report:
        """Return the same report with facts about the run attached."""
        return replace(self, meta=meta)

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return all(check.passed for check in self.checks)

    @property
    def sampled(self) -> bool:
        """Whether the models were trained on minibatches and noise."""
        return self.sweep.plan.mode == "sampled"

    @property
    def spectra(self) -> dict[str, list[float | None]]:
        """The spectra, ``min(K, D)`` numbers each in PCA order, over V; None where a mode was not measured."""
        v = self.cascade.total_variance
        columns = {
            "pca": self.cascade.thresholds,
            "collapse": self.trained.column("threshold"),
            "collapse_stderr": self.trained.column("stderr"),
            "utility": self.trained.utility,
        }
        return {name: [_number(x / v) for x in values[: self.cascade.modes]] for name, values in columns.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know about the numbers, one sentence each."""
        notes = []
        judged = judged_modes(self.cascade)
        if not judged.all():
            hidden = np.count_nonzero(~judged)
            notes.append(f"{hidden} of {judged.size} modes have t_k < {FLOOR:g}: they are reported, not judged.")
        if self.sampled:
            notes.append(
                "Sampled training: averages over seeds are judged, with standard errors over seeds; KL and z-scores "
                f"down to T = {DEEP_SAMPLED:g} T_k, z-scores where ln(T_k/T) ≥ {NEAR_SAMPLED:g}."
            )
        else:
            notes.append("Exact training has no sampling noise: the seed error is negligible, every seed is judged.")
        return tuple(notes)

    def to_json(self) -> dict[str, Any]:
        """Dict for ``json.dumps(…, allow_nan=False)``: every number is finite or None."""
        plan = self.sweep.plan
        return {
            "meta": self.meta,
            "units": {
                "spectra": "fraction of the total variance V",
                "seconds": "s",
                "rate checks": "nat",
                "other checks": "1",
            },
            "data": self.data,
            "plan": {
                "mode": plan.mode,
                "latents": plan.latents,
                "temperatures": len(plan.temperatures),
                "seeds": plan.seeds,
                "steps": plan.steps,
                "seed": plan.seed,
            },
            "spectra": self.spectra,
            "modes": self._modes(),
            "checks": [check.to_json() for check in self.checks],
            "passed": self.passed,
            "seconds": self.seconds,
            "notes": list(self.notes),
        }

    def _modes(self) -> list[dict[str, Any]]:
        judged = judged_modes(self.cascade)
        return [
            {
                "mode": k + 1,
                "status": fit.status,
                "judged": bool(judged[k]),
                "exponent": fit.exponent,
                "exponent_stderr": fit.exponent_stderr,
            }
            for k, fit in enumerate(self.trained.collapse[: self.cascade.modes])
        ]

    def to_text(self, width: int = 80) -> str:
        """Readable report: spectra, checks, then the claims with their sources.

        Parameters
        ----------
        width : int
            Columns of the terminal, at least 80.
        """
        plan = self.sweep.plan
        rows, columns = self.data.get("rows", "?"), self.data.get("columns", len(self.cascade.eigenvalues))
        head = (
            f"{self.data.get('name', 'data')}: {rows} x {columns}; {plan.latents} latents, {plan.mode} training, "
            f"{len(plan.temperatures)} temperatures x {plan.seeds} seeds x {plan.steps} steps in {self.seconds:.1f} s"
        )
        failed = [check.name for check in self.checks if not check.passed]
        verdict = f"{len(self.checks) - len(failed)} of {len(self.checks)} checks hold"
        if failed:
            verdict += f"; these fail: {', '.join(failed)}"
        paragraphs = [
            _wrap(head, width),
            self._spectra_text(),
            self._checks_text(),
            # Room for terminals that show λ as "lambda".
            "\n".join(_claim_text(check, width - 8) for check in self.checks),
            "\n".join(_wrap(note, width) for note in self.notes),
            _wrap(verdict, width),
        ]
        return "\n\n".join(paragraphs) + "\n"

    def _spectra_text(self) -> str:
        spectra, judged = self.spectra, judged_modes(self.cascade)
        rows = [
            (
                k + 1,
                digits(spectra["pca"][k]),
                digits(spectra["collapse"][k]),
                digits(spectra["collapse_stderr"][k], 1),
                digits(spectra["utility"][k]),
                digits(fit.exponent, 4),
                fit.status if judged[k] or fit.status != "ok" else "not judged",
            )
            for k, fit in enumerate(self.trained.collapse[: self.cascade.modes])
        ]
        header = ("mode", "PCA t_k", "collapse", "+/-", "utility", "exponent", "fit")
        return tabulate(rows, header, disable_numparse=True, stralign="right")

    def _checks_text(self) -> str:
        rows = [
            (
                check.name,
                digits(check.predicted),
                digits(check.exact),
                digits(check.measured),
                digits(check.stderr, 1),
                tolerance_text(check),
                "ok" if check.passed else "FAIL",
            )
            for check in self.checks
        ]
        header = ("check", "theory", "exact", "trained", "+/-", "tolerance", "")
        align = ("left", "right", "right", "right", "right", "right", "left")
        return tabulate(rows, header, disable_numparse=True, colalign=align)


def _claim_text(check: Check, width: int) -> str:
    sources = "; ".join(source_line(key) for key in check.source)
    where = f" ({check.where})" if check.where else ""
    return textwrap.fill(
        f"{check.name}: {check.claim}{where} [{sources}]", width, subsequent_indent="    ", break_on_hyphens=False
    )


def _wrap(text: str, width: int) -> str:
    return textwrap.fill(text, width, break_on_hyphens=False)


def _number(x: float) -> float | None:
    return float(x) if math.isfinite(x) else None


def digits(x: float | None, count: int = 5) -> str:
    """Write a number in at most ten characters; what rounding made of a zero is shown as such.

    Examples
    --------
    >>> digits(0.123456789), digits(1.5e-9), digits(None)
    ('0.12346', '1.5e-09', '-')
    """
    if x is None:
        return "-"
    return f"{x:.{count}g}" if x == 0 or abs(x) >= 1e-4 else f"{x:.{min(count, 2) - 1}e}"


def tolerance_text(check: Check) -> str:
    """Write how far a check may deviate: ``1 %`` relative, ``x2`` a factor either way, ``0.01`` absolute."""
    if check.scale == "relative":
        return f"{100 * check.tolerance:.3g} %"
    return ("x" if check.scale == "factor" else "") + f"{check.tolerance:.3g}"
