"""The ledger: every claim of the field beside its evidence, with a verdict computed from it.

``judge(CLAIMS, Results(results))`` reads what the experiments found, asks the exact solvers, and returns the claims
judged; ``to_markdown`` writes the page.
"""

from .bound_claims import BOUND_CLAIMS
from .claim import Claim, Evidence, Judged, Results, judge
from .class_claims import CLASS_CLAIMS
from .linear_claims import LINEAR_CLAIMS
from .network_claims import NETWORK_CLAIMS
from .parabola_claims import PARABOLA_CLAIMS
from .referee import QUESTIONS
from .relative_claims import RELATIVE_CLAIMS
from .text import differences, to_markdown
from .training_claims import TRAINING_CLAIMS
from .transition_claims import TRANSITION_CLAIMS

__all__ = ["CLAIMS", "QUESTIONS", "Claim", "Evidence", "Judged", "Results", "differences", "judge", "to_markdown"]

CLAIMS = (
    *TRANSITION_CLAIMS,
    *CLASS_CLAIMS,
    *BOUND_CLAIMS,
    *PARABOLA_CLAIMS,
    *LINEAR_CLAIMS,
    *NETWORK_CLAIMS,
    *TRAINING_CLAIMS,
    *RELATIVE_CLAIMS,
)
"""Every claim, in the order of the page."""
