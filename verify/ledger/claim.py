"""A claim, the evidence for and against it, and the verdict that follows from the evidence.

===================  ========================================================================================
name                 meaning
===================  ========================================================================================
``support``          a case inside the claim's conditions: it must come out as the claim says
``counter-example``  a case outside them: there the bare statement must be seen to fail, or the condition is idle
``predicted``        what the claim says of the case, evaluated
``exact``            what the exact solver says
``measured``         what training says
===================  ========================================================================================

A verdict is computed, never stored: whoever doubts it changes the evidence. A measured number decides only if it is
known well enough: two standard errors must fit into the tolerance of an equality, and lie on one side of a bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from theory.references import REFERENCES, source_line

from ..experiments.result import ExperimentResult, Finding
from .referee import questions_of

__all__ = ["Claim", "Evidence", "Judged", "Results", "judge"]

Relation = Literal["=", "<=", ">=", "<"]
Role = Literal["support", "counter-example"]
Kind = Literal["holds", "holds-under", "fails-when", "fails", "undecided"]

_RESOLVED = 2.0
"""Standard errors that must fit into a tolerance, or between a number and its bound: else nothing is decided."""
_FORGIVEN = 4.0
"""Standard errors forgiven of an equality: dozens of cases are judged at once. At most twice the tolerance."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One case.

    Parameters
    ----------
    quantity : str
        What is compared, e.g. ``"threshold T_1/λ_1"``.
    relation : {"=", "<=", ">=", "<"}
        How the measured (else the exact) number should stand to the predicted one.
    predicted : float
        What the bare statement of the claim says here.
    exact, measured, stderr : float or None
        Exact solver, training, and the standard error of the latter.
    tolerance, relative : float
        Forgiven deviation, absolute and as a share of the prediction; the larger counts.
    where : str
        Data, model, temperature.
    role : {"support", "counter-example"}
        Whether the case lies inside the claim's conditions.
    fixed : bool
        Whether every run predicts the same; else the prediction belongs to the run, e.g. to the worst of its modes.

    Examples
    --------
    >>> Evidence("jump", "=", 0.0, exact=0.7, tolerance=0.01).agrees
    False
    >>> Evidence("F", ">=", 1.0, measured=1.03, stderr=0.01).agrees
    True

    An error that is larger than what is asked decides nothing:

    >>> print(Evidence("F", ">=", 1.0, measured=1.01, stderr=0.01).agrees)
    None
    >>> print(Evidence("M²", "=", 0.5, measured=0.5, stderr=0.2, tolerance=0.1).agrees)
    None
    """

    quantity: str
    relation: Relation
    predicted: float
    exact: float | None = None
    measured: float | None = None
    stderr: float | None = None
    tolerance: float = 0.0
    relative: float = 0.0
    where: str = ""
    role: Role = "support"
    fixed: bool = True

    def __post_init__(self) -> None:
        for name in ("predicted", "exact", "measured", "stderr", "tolerance", "relative"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} of the evidence {self.quantity!r} must be finite, got {value}")

    @classmethod
    def of(
        cls,
        quantity: str,
        relation: Relation,
        finding: Finding | None,
        *,
        predicted: float | None = None,
        tolerance: float = 0.0,
        relative: float = 0.0,
        where: str = "",
        role: Role = "support",
    ) -> Evidence:
        """From a finding of an experiment; a finding that is missing decides nothing.

        ``predicted`` defaults to the finding's own prediction.
        """
        if finding is None:
            return cls(quantity, relation, predicted or 0.0, where=f"{where} (not run)".strip(), role=role)
        value = finding.predicted if predicted is None else predicted
        if value is None:
            raise ValueError(f"the evidence {quantity!r} needs a prediction: the finding has none")
        return cls(
            quantity, relation, value, finding.exact, finding.measured, finding.stderr, tolerance, relative,
            where or finding.where, role, predicted is not None,
        )  # fmt: skip

    @property
    def agrees(self) -> bool | None:
        """Whether the case comes out as the statement says; None if nothing was solved or measured well enough."""
        found = self.measured if self.measured is not None else self.exact
        if found is None:
            return None
        error = self.stderr or 0.0 if self.measured is not None else 0.0
        slack = max(self.tolerance, self.relative * abs(self.predicted))
        if self.relation == "=":
            off = abs(found - self.predicted)
            if _RESOLVED * error > slack:
                return False if off > slack + _FORGIVEN * error else None
            return off <= max(slack, _FORGIVEN * error)
        inside = (found - self.predicted if self.relation == ">=" else self.predicted - found) + slack
        least, most = inside - _RESOLVED * error, inside + _RESOLVED * error
        if self.relation == "<":
            return True if least > 0 else False if most <= 0 else None
        return True if least >= 0 else False if most < 0 else None

    def to_json(self) -> dict[str, Any]:
        """Numbers, relation and outcome."""
        return {**{each.name: getattr(self, each.name) for each in fields(self)}, "agrees": self.agrees}


class Results:
    """The results of experiments by name, with look-ups that do not fail."""

    def __init__(self, results: Sequence[ExperimentResult]) -> None:
        self._results = {result.name: result for result in results}

    def finding(self, experiment: str, name: str) -> Finding | None:
        """A finding, or None if the experiment was not run or did not find it."""
        result = self._results.get(experiment)
        return None if result is None else result.findings.get(name)

    def findings(self, experiment: str, prefix: str) -> dict[str, Finding]:
        """All findings whose names start with a prefix, by the rest of the name."""
        result = self._results.get(experiment)
        found = {} if result is None else result.findings
        return {name.removeprefix(prefix): f for name, f in found.items() if name.startswith(prefix)}

    def curves(self, experiment: str, prefix: str) -> dict[str, NDArray[np.float64]]:
        """All curves whose names start with a prefix, by the rest of the name."""
        result = self._results.get(experiment)
        found = {} if result is None else result.curves
        return {name.removeprefix(prefix): values for name, values in found.items() if name.startswith(prefix)}

    def settings(self, experiment: str) -> dict[str, Any]:
        """How an experiment was run; empty if it was not."""
        result = self._results.get(experiment)
        return {} if result is None else dict(result.settings)


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of the field, with everything needed to judge it.

    Parameters
    ----------
    id : str
        Short and unique.
    statement : str
        As its source makes it, without our conditions.
    source : tuple of str
        Keys of :data:`theory.references.REFERENCES`.
    section : str
        Where in the source, e.g. ``"abstract"``; empty where it is not known, and for claims of this project, whose
        derivation is named instead.
    conditions : str
        Under which it is true, to be read after "holds under"; empty if it needs none.
    fails_when : str
        The weakest known circumstance in which it fails, to be read after "fails when"; empty if none is known.
    derivation : str
        The model of ``landau-vae derive`` whose steps prove or state it.
    solver : str
        The exact solver that is asked.
    experiments : tuple of str
        The experiments that measure it.
    gather : callable
        Makes the evidence from the results; the first case is the headline.

    Raises
    ------
    ValueError
        If the source is unknown, or a condition is given without what breaks the statement outside it.
    """

    id: str
    statement: str
    source: tuple[str, ...]
    section: str
    conditions: str
    fails_when: str
    derivation: str
    solver: str
    experiments: tuple[str, ...]
    gather: Callable[[Results], Sequence[Evidence]]

    def __post_init__(self) -> None:
        unknown = [key for key in self.source if key not in REFERENCES]
        if unknown or not self.source:
            raise ValueError(f"claim {self.id!r} must name known sources, got {self.source!r}")
        if self.conditions and not self.fails_when:
            raise ValueError(f"claim {self.id!r} must say when it fails: its condition would be idle")


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim with its evidence; verdict and kind follow."""

    claim: Claim
    evidence: tuple[Evidence, ...]

    @property
    def kind(self) -> Kind:
        """``holds``, ``holds-under``, ``fails-when``, ``fails`` or ``undecided``.

        Supports must all agree and counter-examples must all bite; evidence that is missing or too coarse leaves it
        undecided, and so does a condition that no counter-example shows to be needed.
        """
        supports = [e.agrees for e in self.evidence if e.role == "support"]
        against = [e.agrees for e in self.evidence if e.role == "counter-example"]
        if False in supports:
            return "fails"
        if None in supports or None in against or True in against or not self.evidence:
            return "undecided"
        if not supports:
            return "fails-when"
        if self.claim.conditions and not against:
            return "undecided"
        return "holds-under" if against else "holds"

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        c, kind = self.claim, self.kind
        if kind == "holds":
            return "holds"
        if kind == "holds-under":
            return f"holds under: {c.conditions}; fails when: {c.fails_when}"
        if kind == "fails-when":
            return f"fails when: {c.fails_when}"
        if kind == "fails":
            worst = next(e for e in self.evidence if e.role == "support" and e.agrees is False)
            return f"fails: {worst.quantity} ({worst.where})"
        idle = next((e for e in self.evidence if e.role == "counter-example" and e.agrees), None)
        if idle is not None:
            return f"undecided: the counter-example did not bite ({idle.quantity}, {idle.where})"
        missing = sorted({f"{e.quantity} ({e.where})" for e in self.evidence if e.agrees is None})
        if self.evidence and not missing:
            return "undecided: no counter-example shows that the condition is needed"
        return f"undecided: {'; '.join(missing) or 'no evidence'}"

    @property
    def counter_example(self) -> Evidence | None:
        """The first case in which the bare statement fails."""
        return next((e for e in self.evidence if e.role == "counter-example" and e.agrees is False), None)

    def to_json(self) -> dict[str, Any]:
        """The claim, its headline evidence, every case, and the verdict."""
        c = self.claim
        head = self.evidence[0].to_json() if self.evidence else {}
        return {
            "id": c.id,
            "statement": c.statement,
            "source": f"{source_line(*c.source)}{', ' if c.section else ''}{c.section}",
            "references": list(c.source),
            "section": c.section,
            "referee": questions_of(c.id),
            "conditions": c.conditions,
            "fails_when": c.fails_when,
            "symbolic": c.derivation,
            "solver": c.solver,
            "experiments": list(c.experiments),
            "evidence": {name: head.get(name) for name in ("predicted", "exact", "measured", "stderr")},
            "cases": [e.to_json() for e in self.evidence],
            "kind": self.kind,
            "verdict": self.verdict,
        }


def judge(claims: Sequence[Claim], results: Results) -> tuple[Judged, ...]:
    """Gather the evidence of every claim."""
    return tuple(Judged(claim, tuple(claim.gather(results))) for claim in claims)
