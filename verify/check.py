"""A check: one claim of the theory, confronted with an exact and a trained number.

=============  ==========================================================
name           meaning
=============  ==========================================================
``predicted``  the symbolic prediction, evaluated
``exact``      the exact equilibrium, read with the same instrument as the trained models
``measured``   the trained models
``tolerance``  how far ``measured`` may be from ``predicted``
=============  ==========================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from theory.references import REFERENCES

__all__ = ["Check", "Scale"]

Scale = Literal["absolute", "relative", "factor"]


@dataclass(frozen=True, slots=True)
class Check:
    """A claim with its evidence; whether it holds follows from the numbers and is never stored.

    Parameters
    ----------
    name : str
        Short and unique within a report, e.g. ``"collapse-spectrum"``.
    claim : str
        What is asserted, one sentence.
    source : tuple of str
        Keys of :data:`theory.references.REFERENCES`.
    predicted : float
        What the theory says.
    exact : float or None
        What the solver says; None where the solver has nothing to say (a statistic of the seeds).
    measured : float or None
        What training says; None if the claim could not be evaluated, and then the check fails.
    tolerance : float
        Largest forgiven deviation, in units of ``scale``.
    scale : {"absolute", "relative", "factor"}
        Whether ``tolerance`` bounds ``|measured − predicted|``, that over ``|predicted|``, or the ratio either way.
    stderr : float or None
        Standard error of ``measured``; None if it has none.
    where : str
        The mode and temperature the numbers belong to, or the reason why there are none.

    Examples
    --------
    >>> c = Check("exponent", "M² is linear in T", ("hirn2026pruning",), 1.0, 1.0, 1.03, 0.02)
    >>> c.passed, round(c.deviation, 3)
    (False, 0.03)
    >>> Check("exponent", "M² is linear in T", ("hirn2026pruning",), 1.0, 1.0, None, 0.02).passed
    False
    """

    name: str
    claim: str
    source: tuple[str, ...]
    predicted: float
    exact: float | None
    measured: float | None
    tolerance: float
    scale: Scale = "absolute"
    stderr: float | None = None
    where: str = ""

    def __post_init__(self) -> None:
        unknown = [key for key in self.source if key not in REFERENCES]
        if unknown or not self.source:
            raise ValueError(f"check {self.name!r} must name known sources, got {self.source!r}")
        if not (self.tolerance > 0 and math.isfinite(self.predicted)):
            raise ValueError(f"check {self.name!r} needs a finite prediction and a positive tolerance")
        for name in ("exact", "measured", "stderr"):
            value = getattr(self, name)
            # A NaN is no evidence: it becomes "could not be evaluated".
            object.__setattr__(self, name, float(value) if value is not None and math.isfinite(value) else None)

    @property
    def deviation(self) -> float | None:
        """Distance of the measured from the predicted value in units of ``scale``; None if nothing was measured."""
        if self.measured is None:
            return None
        if self.scale == "factor":
            ratio = self.measured / self.predicted
            return max(ratio, 1 / ratio) if ratio > 0 else math.inf
        difference = abs(self.measured - self.predicted)
        return difference / abs(self.predicted) if self.scale == "relative" else difference

    @property
    def passed(self) -> bool:
        """Whether the claim was evaluated and holds within the tolerance."""
        deviation = self.deviation
        return deviation is not None and deviation <= self.tolerance

    def to_json(self) -> dict[str, Any]:
        """JSON-able dict; numbers are finite or None."""
        return {
            "name": self.name,
            "claim": self.claim,
            "source": list(self.source),
            "predicted": self.predicted,
            "exact": self.exact,
            "measured": self.measured,
            "stderr": self.stderr,
            "tolerance": self.tolerance,
            "scale": self.scale,
            "where": self.where,
            "passed": self.passed,
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Check:
        """Inverse of :meth:`to_json`; ``passed`` is judged again."""
        rest = {name: value for name, value in fields.items() if name not in ("passed", "source")}
        return cls(source=tuple(fields["source"]), **rest)
