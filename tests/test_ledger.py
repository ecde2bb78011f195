"""The ledger: verdicts follow from evidence, and the committed page says what the evidence says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landau_vae.cli import run
from landau_vae.cli.options import derive as derive_options
from landau_vae.cli.options import experiment as experiment_options
from theory.references import CLAIM_SOURCES
from verify.experiments import EXPERIMENTS, ExperimentResult, Finding, save_result
from verify.ledger import CLAIMS, QUESTIONS, Claim, Evidence, Judged, Results, differences, judge, to_markdown
from verify.ledger.claim import Relation

YES = Evidence("x", "=", 1.0, exact=1.0, where="here")
NO = Evidence("x", "=", 1.0, exact=2.0, where="there")
UNKNOWN = Evidence("x", "=", 1.0, where="nowhere")
COARSE = Evidence("x", "=", 1.0, measured=1.0, stderr=0.2, tolerance=0.1, where="noisy")
BITES = Evidence("x", "=", 1.0, exact=2.0, where="far", role="counter-example")
IDLE = Evidence("x", "=", 1.0, exact=1.0, where="far", role="counter-example")


def judged(*evidence: Evidence, conditions: str = "", fails_when: str = "hot") -> Judged:
    claim = Claim(
        "c", "x is 1.", ("hirn2026pruning",), "", conditions, fails_when, "linear", "", (), lambda _: evidence
    )
    return judge([claim], Results([]))[0]


@pytest.mark.parametrize(
    ("evidence", "conditions", "kind", "verdict"),
    [
        ([YES], "", "holds", "holds"),
        ([YES], "cold", "undecided", "undecided: no counter-example shows that the condition is needed"),
        ([YES, BITES], "cold", "holds-under", "holds under: cold; fails when: hot"),
        ([BITES], "cold", "fails-when", "fails when: hot"),
        ([YES, NO, BITES], "cold", "fails", "fails: x (there)"),
        ([YES, UNKNOWN], "", "undecided", "undecided: x (nowhere)"),
        ([YES, COARSE], "", "undecided", "undecided: x (noisy)"),
        ([YES, IDLE], "cold", "undecided", "undecided: the counter-example did not bite (x, far)"),
        ([], "", "undecided", "undecided: no evidence"),
    ],
)
def test_the_verdict_follows_from_the_evidence(
    evidence: list[Evidence], conditions: str, kind: str, verdict: str
) -> None:
    found = judged(*evidence, conditions=conditions, fails_when="hot")
    assert (found.kind, found.verdict) == (kind, verdict)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 1), st.floats(0, 1))
def test_a_measured_number_decides_only_if_it_is_known_well_enough(p: float, m: float, e: float, slack: float) -> None:
    def verdict(relation: Relation) -> bool | None:
        return Evidence("x", relation, p, measured=m, stderr=e, tolerance=slack).agrees

    # Two standard errors within the tolerance of an equality, or on one side of a bound; four forgiven.
    if 2 * e <= slack:
        assert verdict("=") is (abs(m - p) <= max(slack, 4 * e))
    else:
        assert verdict("=") is (False if abs(m - p) > slack + 4 * e else None)
    assert verdict("<=") is (True if p - m + slack - 2 * e >= 0 else False if p - m + slack + 2 * e < 0 else None)
    assert verdict(">=") is (True if m - p + slack - 2 * e >= 0 else False if m - p + slack + 2 * e < 0 else None)


def test_strictly_less_refuses_a_tie() -> None:
    assert [Evidence("k", "<", 6.0, measured=m).agrees for m in (5.0, 6.0, 7.0)] == [True, False, False]


def test_a_relative_tolerance_is_a_share_of_the_prediction() -> None:
    assert Evidence("x", "=", -50.0, exact=-50.4, relative=0.01).agrees is True
    assert Evidence("x", "=", -50.0, exact=-50.6, relative=0.01).agrees is False


def test_measured_decides_before_exact() -> None:
    assert Evidence("x", "=", 1.0, exact=1.0, measured=2.0).agrees is False


def test_every_claim_names_what_exists() -> None:
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS) >= 50
    derivations = {*derive_options.MODELS, *CLAIM_SOURCES, ""}
    for claim in CLAIMS:
        assert claim.derivation in derivations, claim.id
        assert set(claim.experiments) <= set(EXPERIMENTS), claim.id
        if claim.solver:
            module, _, name = claim.solver.rpartition(".")
            try:
                assert hasattr(__import__(module, fromlist=[name]), name), claim.id
            except ImportError:
                __import__(claim.solver)


def test_the_contested_pair_appears_with_conditions() -> None:
    statements = {claim.id: claim for claim in CLAIMS}
    for name in ("kl-discontinuous", "mean-field-law"):
        assert statements[name].conditions
        assert statements[name].fails_when


def test_the_referee_is_answered_claim_by_claim(experiment: Callable[[str], ExperimentResult]) -> None:
    known = {claim.id for claim in CLAIMS}
    assert [question.number for question in QUESTIONS] == ["i", "ii", "iii", "iv", "v", "vi"]
    judged = judge(CLAIMS, Results([experiment(name) for name in EXPERIMENTS]))
    page = to_markdown(judged)
    for question in QUESTIONS:
        assert question.claims and set(question.claims) <= known
        assert f"| ({question.number}) " in page
        for name in question.claims:
            found = next(j for j in judged if j.claim.id == name)
            assert question.number in found.to_json()["referee"]
    # Assumptions and trajectories are answered by a case in which the bare statement breaks.
    first = {question.number: next(j for j in judged if j.claim.id == question.claims[0]) for question in QUESTIONS}
    assert all(first[number].counter_example for number in ("i", "ii", "iii", "v"))
    assert "referee" not in to_markdown([judged_ for judged_ in judged if judged_.claim.id == "water-filling"])


def test_the_schedules_and_the_number_of_runs_are_stated(experiment: Callable[[str], ExperimentResult]) -> None:
    claim = next(claim for claim in CLAIMS if claim.id == "reproducible")
    results = [experiment(name) for name in claim.experiments]
    (found,) = judge([claim], Results(results))
    stated = {e.where.partition(":")[0]: e.where for e in found.evidence if "schedule" in e.quantity}
    assert set(stated) == {"threshold", "residual-cascade"} == {result.name for result in results}
    for result in results:
        for item in ("seeds", "steps", "batch_size", "learning_rate", "schedule"):
            assert str(result.settings[item]) in stated[result.name]
    # A record that lacks an item cannot be reproduced from.
    lacking = {name: value for name, value in results[0].settings.items() if name != "seeds"}
    poor = ExperimentResult(results[0].name, "quick", 0, lacking, results[0].findings)
    (found,) = judge([claim], Results([poor, results[1]]))
    assert (found.kind, found.verdict.rpartition("(")[2]) == ("fails", "threshold: seeds)")


def test_exact_claims_need_no_experiment() -> None:
    found = {j.claim.id: j.kind for j in judge([c for c in CLAIMS if not c.experiments], Results([]))}
    assert set(found.values()) <= {"holds", "holds-under", "fails-when"}, found
    assert {"sandwich", "class-flexible", "only-subsets"} <= set(found)


def test_a_planted_finding_turns_a_verdict() -> None:
    claim = next(c for c in CLAIMS if c.id == "rate-distortion-bound")

    def verdict(measured: float) -> str:
        finding = {"bound/x": Finding(measured, predicted=0.0, stderr=0.001, where="x")}
        return judge([claim], Results([ExperimentResult("hysteresis", "quick", 0, {}, finding)]))[0].kind

    assert (verdict(0.1), verdict(-0.1)) == ("holds-under", "fails")


def test_pages_differ_by_more_than_measured_digits() -> None:
    j = judged(YES, Evidence("y", "=", 1.0, measured=1.01, stderr=0.01, tolerance=0.03, where="trained"))
    page = to_markdown([j])
    assert "⟨1.01⟩" in page
    assert differences(page, page.replace("⟨1.01⟩", "⟨0.99⟩")) == []
    assert differences(page, page.replace("holds", "fails"))
    assert differences(page, page.replace("agrees", "**disagrees**"))
    assert differences(page, page + "\nmore")


def test_rounding_is_not_printed() -> None:
    """It differs from processor to processor, and the page has to be current on all of them."""
    page = to_markdown([judged(Evidence("y", "=", 0.0, exact=-3.1e-14, tolerance=1e-9, where="solved"))])
    assert "| = 0 ± 1e-09 | 0 |" in page


def test_pages_differ_by_tolerances_and_fixed_predictions() -> None:
    fixed = Evidence("y", "=", 1.0, measured=1.01, stderr=0.01, tolerance=0.03, where="trained")
    own = Evidence.of("z", "=", Finding(0.7, predicted=0.71, where="worst mode"), relative=0.05)
    page = to_markdown([judged(fixed, own)])
    assert "= 1 ± 0.03 |" in page
    assert "= ⟨0.71⟩ ± 5 % |" in page
    assert differences(page, page.replace("± 0.03", "± 0.5"))
    assert differences(page, page.replace("± 5 %", "± 50 %"))
    assert differences(page, page.replace("= 1 ±", "= 2 ±"))
    assert differences(page, page.replace("= 1 ±", "≥ 1 ±"))
    # The prediction for the worst mode is another one where another mode is the worst.
    assert differences(page, page.replace("⟨0.71⟩", "⟨0.4⟩")) == []


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["claims", "critical-slowing-down", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["claims"]
    assert [c["id"] for c in found] == ["critical-slowing-down"]
    assert set(found[0]["evidence"]) == {"predicted", "exact", "measured", "stderr"}
    needed = {"id", "statement", "source", "section", "conditions", "symbolic", "solver", "experiments", "verdict"}
    assert needed <= set(found[0])
    assert run(["claims", "phlogiston"]) == 2
    assert "unknown claim 'phlogiston'" in capsys.readouterr().err
    assert run(["claims", "rate-law", "--results", str(tmp_path)]) == 2
    assert "holds no result of the experiment 'threshold'" in capsys.readouterr().err
    save_result(ExperimentResult("threshold", "quick", 0, {}, {"linear/rate": Finding(9.0, predicted=1.0)}), tmp_path)
    assert run(["claims", "rate-law", "--results", str(tmp_path)]) == 1
    assert "fails" in capsys.readouterr().out


def test_the_page_is_current(experiment: Callable[[str], ExperimentResult]) -> None:
    judged = judge(CLAIMS, Results([experiment(name) for name in EXPERIMENTS]))
    page = (Path(__file__).parents[1] / "CLAIMS.md").read_text(encoding="utf-8")
    assert differences(page, to_markdown(judged)) == [], "run `make claims` and read what changed"
    assert [j.claim.id for j in judged if j.kind in ("fails", "undecided")] == []


def test_the_command_line_knows_every_experiment() -> None:
    assert tuple(EXPERIMENTS) == experiment_options.NAMES
