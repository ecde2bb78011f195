"""Evidence that several claims gather in one way.

========  ============================================================  ======
name      meaning                                                       unit
========  ============================================================  ======
``JUMP``  a rate below this just under the collapse is continuous       nats
``FEW``   one latent for two modes above T, in words
========  ============================================================  ======
"""

from __future__ import annotations

from collections.abc import Callable

from .cases import FEW_EIGENVALUES, FEW_TEMPERATURE, Case
from .claim import Evidence, Relation, Results, Role

__all__ = ["FEW", "JUMP", "SWEEP", "from_findings", "jump"]

SWEEP = "numerics.functional_sweep.sweep_functional"
"""The solver of functional equilibria."""
JUMP = 1e-3
"""Nats: a rate below this just under the collapse counts as continuous; jumps of the cases are ten times larger."""
FEW = f"one latent, normal rows of variances {FEW_EIGENVALUES[0]:g} and {FEW_EIGENVALUES[1]:g}, T = {FEW_TEMPERATURE:g}"


def from_findings(
    experiment: str,
    prefix: str,
    quantity: str,
    *,
    relation: Relation = "=",
    tolerance: float = 0.0,
    relative: float = 0.0,
    predicted: float | None = None,
    role: Role = "support",
) -> Callable[[Results], list[Evidence]]:
    """Evidence from all findings of an experiment whose names start with a prefix.

    Parameters
    ----------
    experiment, prefix : str
        Where to look.
    quantity : str
        What the numbers are.
    relation, tolerance, relative, predicted, role
        As in :class:`Evidence`; by default each finding's own prediction.
    """

    def gather(results: Results) -> list[Evidence]:
        found = results.findings(experiment, prefix)
        if not found:
            where = f"experiment {experiment}, {prefix}"
            return [Evidence.of(quantity, relation, None, predicted=predicted, where=where, role=role)]
        return [
            Evidence.of(quantity, relation, f, predicted=predicted, tolerance=tolerance, relative=relative, role=role)
            for f in found.values()
        ]

    return gather


def jump(case: Case, expected: bool, *, role: Role = "support") -> Evidence:
    """Does the rate jump where the theory says so? 1 is a jump; a collapse that was not resolved decides nothing."""
    return Evidence(
        "a jump at collapse (1) or none (0)",
        "=",
        float(expected),
        exact=None if case.coexistence is None else float(case.kl_jump > JUMP),
        where=f"{case.where}: KL jumps by {case.kl_jump:.3g}",
        role=role,
    )
