"""What every claim rests on: evidence that can turn its verdict, exact numbers, counter-examples that are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory.cumulants import Cumulants
from theory.landau import reduce
from theory.model import model_class
from verify.experiments import EXPERIMENTS, ExperimentResult, Finding
from verify.ledger import CLAIMS, Claim, Judged, Results, judge

BY_ID = {claim.id: claim for claim in CLAIMS}
MEASURED = sorted(claim.id for claim in CLAIMS if claim.experiments)
GOOD = {"holds", "holds-under", "fails-when"}
READ_ELSEWHERE = {
    # Repeats of what other findings of the same models say.
    "threshold": (
        "linear/rank-agreement",
        "linear/full-collapse",
        "linear/free-energy",
        "linear/free-energy-bound",
        "fewer-latents/signal-fraction",
    ),
    # The other ways annealing was timed: none is faster, not all are slower for certain; and too few networks to say
    # that it frees those that are trapped at constant β.
    "annealing": ("speed/", "trap/relu-3-mean@breast-cancer/from-zero"),
    # What the networks do that do not reach a phase, and how its rate is shared in those that do.
    "hysteresis": ("width-coded/share/", "width-coded/rate/cooled", "width-pure/share/", "width-pure/rate/"),
    # Λ* over the eigenvalue on nearly normal data: no claim of either source.
    "residual-cascade": ("eigenvalue-ratio/",),
}
"""Findings, by the start of their names, that no claim has to read."""


class Traced(Results):
    """Results that note which findings were read."""

    def __init__(self, results: list[ExperimentResult]) -> None:
        super().__init__(results)
        self.read: set[tuple[str, str]] = set()

    def finding(self, experiment: str, name: str) -> Finding | None:
        found = super().finding(experiment, name)
        if found is not None:
            self.read.add((experiment, name))
        return found

    def findings(self, experiment: str, prefix: str) -> dict[str, Finding]:
        found = super().findings(experiment, prefix)
        self.read |= {(experiment, prefix + rest) for rest in found}
        return found


@pytest.fixture(scope="module")
def results(experiment: Callable[[str], ExperimentResult]) -> list[ExperimentResult]:
    return [experiment(name) for name in EXPERIMENTS]


def changed(results: list[ExperimentResult], experiment: str, name: str, finding: Finding) -> Results:
    return Results([replace(r, findings={**r.findings, name: finding}) if r.name == experiment else r for r in results])


def one(claim: Claim, results: Results) -> Judged:
    return judge([claim], results)[0]


@pytest.mark.parametrize("name", MEASURED)
def test_every_finding_that_a_claim_reads_can_turn_its_verdict(name: str, results: list[ExperimentResult]) -> None:
    claim = BY_ID[name]
    traced = Traced(results)
    assert one(claim, traced).kind in GOOD
    assert traced.read, "the claim names experiments and reads none of their findings"
    for experiment, key in sorted(traced.read):
        assert experiment in claim.experiments, f"{claim.id} reads {experiment} and does not name it"
        finding = next(r for r in results if r.name == experiment).findings[key]
        values = {-100.0, 0.0, 1.0, 100.0, finding.predicted or 0.0}
        mutations = [replace(finding, measured=value, stderr=0.0) for value in values]
        kinds = {one(claim, changed(results, experiment, key, other)).kind for other in mutations}
        assert kinds - GOOD, f"{experiment}: {key} may be anything"
        # A number that is not known decides nothing.
        vague = replace(finding, stderr=1e3)
        assert one(claim, changed(results, experiment, key, vague)).kind not in GOOD, f"{experiment}: {key} is unknown"


@pytest.mark.parametrize("name", MEASURED)
def test_a_claim_whose_experiments_were_not_run_is_undecided(name: str) -> None:
    assert one(BY_ID[name], Results([])).kind in ("undecided", "fails")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_conditions_have_counter_examples_and_solvers_numbers(claim: Claim, results: list[ExperimentResult]) -> None:
    found = one(claim, Results(results))
    against = [e for e in found.evidence if e.role == "counter-example"]
    assert bool(claim.fails_when) == bool(against)
    assert against or not claim.conditions
    assert all(e.agrees is False for e in against)
    assert not claim.solver or any(e.exact is not None for e in found.evidence)


def test_every_finding_is_read_by_a_claim(results: list[ExperimentResult]) -> None:
    traced = Traced(results)
    judge(CLAIMS, traced)
    for result in results:
        spared = READ_ELSEWHERE.get(result.name, ())
        unread = [n for n in result.findings if (result.name, n) not in traced.read and not n.startswith(spared)]
        assert unread == [], f"no claim reads these findings of {result.name}"


def test_a_collapsed_model_has_memorised_nothing(results: list[ExperimentResult]) -> None:
    """Neither gain on its own rows nor loss on new ones."""
    dead = {f"free/{name}": Finding(0.0, stderr=0.0) for name in ("gain", "test-gap", "kl-above-edge")}
    collapsed = [replace(r, findings={**r.findings, **dead}) if r.name == "superfluous" else r for r in results]
    assert one(BY_ID["memorisation"], Results(collapsed)).kind == "fails"


def test_a_share_that_may_be_nil_reaches_nothing(results: list[ExperimentResult]) -> None:
    for error, kind in ((0.11, "holds-under"), (0.2, "undecided")):
        share = Finding(0.44, predicted=1.0, stderr=error, where="heated")
        found = one(BY_ID["weakly-coded-reached"], changed(results, "hysteresis", "width-coded/heated", share))
        assert found.kind == kind


def test_as_many_latents_as_pca_are_not_fewer(results: list[ExperimentResult]) -> None:
    tie = Finding(6.0, predicted=6.0, where="5 %")
    assert one(BY_ID["fewer-than-pca"], changed(results, "scan", "latents/5%", tie)).kind == "fails"


def test_networks_with_too_few_latents_count_once_they_are_trained(results: list[ExperimentResult]) -> None:
    """One free latent on normal rows undercuts the linear optimum; one that stays there would be reported."""
    for measured, kind in ((1.083, "holds-under"), (1.19, "undecided")):
        finding = Finding(measured, predicted=1.2, stderr=0.011, where="one latent for four normal modes, T = 0.1")
        found = one(BY_ID["mean-field-law"], changed(results, "threshold", "fewer-latents/free-energy", finding))
        assert found.kind == kind


@pytest.mark.parametrize(("mixed", "across", "kappa4"), [("3/10", "1/2", 0), ("3/10", "1/4", 1), ("3/5", "1/2", 1)])
def test_the_condition_on_co_skewness_is_that_of_the_derived_polynomial(mixed: str, across: str, kappa4: int) -> None:
    """Both quartic coefficients change sign where the claim says."""
    k, share = Fraction(mixed), Fraction(across)
    known: dict[tuple[int, ...], Fraction] = {
        (3, 0): Fraction(0),
        (4, 0): Fraction(kappa4),
        (2, 1): k,
        (0, 2): share,
    }
    found = reduce(replace(model_class("flexible"), dimensions=2), 4, Cumulants(known, 2))
    a, r = found.amplitudes
    softened = k**2 / (1 - share)
    assert found.polynomial.coeff(a, 4) == sp.Rational((1 - softened) / 2)
    assert found.polynomial.coeff(a, 0).coeff(r, 4) == sp.Rational(4 * (2 - k**2 * 3 / 2 - 2 * softened - kappa4))


def test_dead_networks_are_counted(results: list[ExperimentResult]) -> None:
    """One network without a rate below the threshold breaks the claim of a shallow architecture, not of a deep one."""
    threshold = next(r for r in results if r.name == "threshold")
    rates = np.ones((len(threshold.settings["temperatures"]), 2, 2))
    rates[0, 0] = 0.0
    for name, kind in (("tanh-1@wine", "fails"), ("relu-3-mean@wine", "holds-under")):
        curves = {**threshold.curves, f"sweep/{name}/KL": rates}
        other = [replace(r, curves=curves) if r.name == "threshold" else r for r in results]
        assert one(BY_ID["trajectory-follows-threshold"], Results(other)).kind == kind
