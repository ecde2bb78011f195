"""What a careful referee of the two papers asked, and which claims answer.

========  ================================================================
name      meaning
========  ================================================================
number    of the question, in small Roman numerals, as the report gave it
claims    ids of :data:`verify.ledger.CLAIMS`
========  ================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QUESTIONS", "Question", "questions_of"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the referee.

    Parameters
    ----------
    number : str
        ``"i"`` to ``"vi"``.
    text : str
        What was asked.
    claims : tuple of str
        The claims that answer it; the first is the one to read.
    """

    number: str
    text: str
    claims: tuple[str, ...]


QUESTIONS = (
    Question(
        "i",
        "Does training follow the local thresholds, or can a trajectory bypass them?",
        ("trajectory-follows-threshold", "upper-spinodal", "local-threshold", "local-is-global"),
    ),
    Question(
        "ii",
        "Which assumptions does the threshold need in a general VAE, and what breaks when they are relaxed?",
        ("local-threshold", "kl-discontinuous", "mean-field-law", "class-flexible", "co-skewness", "next-eigenvalue"),
    ),
    Question(
        "iii",
        "In which sense is the order parameter invariant? State it as an equation.",
        ("order-parameter-invariance", "kl-identity"),
    ),
    Question(
        "iv",
        "With which schedules and how many runs is the cascade reproduced?",
        ("reproducible", "one-at-a-time"),
    ),
    Question(
        "v",
        "Is M² > 0.1 a safe test for a living latent?",
        ("active-test", "width-coded", "weakly-coded-reached", "width-coded-reached"),
    ),
    Question(
        "vi",
        "How far above λ_max can the global transition lie: λ_max ≤ T* ≤ σ²_sG?",
        ("sandwich", "sub-gaussian-continuous", "collapse-grows-with-rows", "rate-distortion-bound"),
    ),
)
"""In the order of the report."""


def questions_of(claim: str) -> list[str]:
    """Numbers of the questions that a claim answers.

    Examples
    --------
    >>> questions_of("local-threshold")
    ['i', 'ii']
    >>> questions_of("water-filling")
    []
    """
    return [question.number for question in QUESTIONS if claim in question.claims]
