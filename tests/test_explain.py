"""Models explained: the JSON contract, verdicts on both sides of every condition, emitted functions, errors."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import sympy as sp

from landau_vae.cli import run
from landau_vae.cli.options import derive as derive_options
from numerics.projection import mode_scores, standardized_cumulants
from numerics.spectrum import Spectrum
from numerics.tables import load_table
from theory.cumulants import Cumulants
from theory.errors import InputError
from theory.explain import LAWS, MODELS, explain
from theory.references import CLAIM_SOURCES, cite
from theory.relatives import derive_relative


def test_the_command_line_knows_every_model() -> None:
    assert (*MODELS, *LAWS) == derive_options.MODELS


@pytest.mark.parametrize("model", MODELS)
def test_every_form_of_every_model(model: str) -> None:
    found = explain(model)
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert {"model", "order", "amplitudes", "expansion", "reduced", "critical", "verdict", "steps"} <= set(document)
    assert set(document["verdict"]) == {"kind", "global", "condition", "evidence", "assumptions"}
    assert (document["model"], document["order"]) == (model, 4)
    assert document["checks"] >= len(document["steps"]) > 0
    for expression in {**document["expansion"], **document["reduced"]}.items():
        for text in expression:
            assert text.isascii()
    assert max(map(len, found.to_text(80).splitlines())) <= 80
    assert r"\[" in found.to_latex()
    namespace: dict[str, Any] = {}
    exec(compile(found.to_python(), model, "exec"), namespace)  # our own emitted source
    function = namespace[found.formula.name]
    values = {s: sp.Rational(k + 2, 29) for k, s in enumerate(a.symbol for a in found.formula.arguments)}
    expected = sp.N(found.formula.evaluate(values), 20)
    assert function(*map(float, values.values())) == pytest.approx(float(expected), rel=1e-13)


def test_reduced_polynomials_of_the_classes() -> None:
    T, k3, k4 = sp.symbols("T kappa3 kappa4")
    flexible = explain("flexible").landau
    assert flexible is not None
    expected = {
        (2, 0): T - 1,
        (0, 2): 2 * (T - 1),
        (2, 1): -2 * k3,
        (0, 3): -sp.Rational(8, 3) * k3,
        (4, 0): (1 - k3**2) / 2,
        (2, 2): 4 * (2 - k4 - k3**2),
        (0, 4): 2 * (4 - 2 * k4 - 3 * k3**2),
    }
    assert set(flexible.reduced) == set(expected)
    for powers, coefficient in flexible.reduced.items():
        named = coefficient.subs({s: sp.Symbol(s.name) for s in coefficient.free_symbols})
        assert sp.expand(named - expected[powers]) == 0


@pytest.mark.parametrize(
    ("model", "cumulants", "kind", "globally"),
    [
        ("linear", "κ3=3,κ4=20", "continuous", "continuous"),
        ("nonlinear-decoder", "κ3=0.9", "continuous", "undecided"),
        ("nonlinear-decoder", "κ3=-1.1", "jump", "jump"),
        ("nonlinear-mean", "κ3=0.9", "continuous", "undecided"),
        ("nonlinear-mean", "κ3=1.1", "jump", "jump"),
        ("flexible", "κ3=0,κ4=1.9", "continuous", "undecided"),
        ("flexible", "κ3=0,κ4=2.1", "jump", "jump"),
        ("flexible", "κ3=1/100,κ4=0", "jump", "jump"),
        ("flexible", "κ3=0,κ4=0", "continuous", "undecided"),
        ("curve", "c2=0.7", "continuous", "continuous"),
        ("curve", "c2=0.72", "jump", "jump"),
    ],
)
def test_verdict_on_both_sides(model: str, cumulants: str, kind: str, globally: str) -> None:
    verdict = explain(model, cumulants=cumulants).verdict
    assert (verdict.kind, verdict.globally) == (kind, globally)


def test_gaussian_data_never_jump_locally() -> None:
    gaussian = {f"kappa{n}": 0 for n in range(3, 7)}
    for model in ("linear", "nonlinear-decoder", "nonlinear-mean", "flexible"):
        found = explain(model, order=6, cumulants=gaussian, strictly_sub_gaussian=True)
        assert (found.verdict.kind, found.verdict.globally) == ("continuous", "continuous")


def test_coexistence_is_inside_the_sandwich() -> None:
    # A weakly skewed point set: the truncated polynomial is accurate, T* must lie between λ and σ²_sG.
    from numerics.subgaussian import subgaussian_proxy

    x = np.array([-1.0, 0.0, 1.2])
    weights = np.array([0.3, 0.42, 0.28])
    cumulants = standardized_cumulants(x, weights)
    found = explain("flexible", cumulants=cumulants)
    spread = np.sqrt(np.average((x - np.average(x, weights=weights)) ** 2, weights=weights))
    proxy = subgaussian_proxy(x / spread, weights)
    assert found.verdict.kind == "jump"
    assert 1 < found.numbers["coexistence"] <= proxy.upper


def test_cumulants_of_a_mode() -> None:
    table = load_table("wine")
    spectrum = Spectrum.from_table(table)
    scores, eigenvalue = mode_scores(spectrum, table.values)
    assert eigenvalue == spectrum.eigenvalues[0]
    assert np.mean(scores) == pytest.approx(0, abs=1e-12)
    assert np.var(scores) == pytest.approx(1, rel=1e-12)
    from scipy import stats

    found = standardized_cumulants(scores, order=4)
    assert found["kappa3"] == pytest.approx(stats.skew(scores), rel=1e-10)
    assert found["kappa4"] == pytest.approx(stats.kurtosis(scores), rel=1e-10)
    with pytest.raises(InputError, match="mode must be an integer from 1 to 13"):
        mode_scores(spectrum, table.values, 14)


def test_cumulants_agree_with_the_exact_ones() -> None:
    points = [-2, 0, 1, 5]
    from theory.distributions import from_points

    exact: Cumulants = from_points(points, order=6)
    variance = float(exact.variance)
    for name, value in standardized_cumulants(points, order=6).items():
        n = int(name[5:])
        assert value == pytest.approx(float(exact.cumulant((n,)) or 0) / variance ** (n / 2), rel=1e-11)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["flexibel"], ["unknown model", "did you mean 'flexible'"]),
        (["flexible", "--order", "1"], ["order", "at least 2", "1"]),
        (["flexible", "--cumulants", "κ3=0.1"], ["needs kappa4", "declare kappa4"]),
        (["flexible", "--cumulants", "κ3=2,κ4=0"], ["no distribution", "kappa3**2 - 2"]),
        (["flexible", "--cumulants", "q=1"], ["unknown cumulant 'q'"]),
        (["flexible", "--cumulants", "κ3=__import__('os')"], ["κ3", "number"]),
        (["curve", "--cumulants", "c0=1"], ["unknown curve amplitude", "c1=1"]),
        (["bernoulli", "--cumulants", "κ3=1"], ["takes no cumulants"]),
        (["sandwich", "--python"], ["a law, not a model"]),
        (["curve", "--data", "wine"], ["--data needs a model class"]),
        (["flexible", "--data", "wine", "--cumulants", "κ3=1"], ["give one of them"]),
        (["flexible", "--data", "nowhere.csv"], ["nowhere.csv"]),
    ],
)
def test_ill_posed_requests(capsys: pytest.CaptureFixture[str], args: list[str], words: list[str]) -> None:
    assert run(["derive", *args]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    for word in words:
        assert word in last


@pytest.mark.parametrize("name", [*MODELS, *LAWS])
def test_every_derivation_can_be_cited_by_its_name(name: str) -> None:
    derivation = explain(name).derivations[0] if name in MODELS else derive_relative(name)
    assert set(CLAIM_SOURCES[name]) <= set(derivation.sources)
    assert "@" in cite(name)


@pytest.mark.parametrize("law", LAWS)
def test_laws(law: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["derive", law, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["steps"]) > 2


def test_derive_from_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["derive", "nonlinear-decoder", "--data", "breast-cancer", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["top_mode"]["cumulants"]["kappa3"] > 1
    assert document["verdict"]["kind"] == "jump"
    low, high = document["top_mode"]["coexistence_bounds"]
    assert low == 1.0 < high
    assert run(["derive", "flexible", "--data", "wine"]) == 0
    assert "coexistence bounds: 1 to" in capsys.readouterr().out
    assert run(["derive", "flexible", "--python"]) == 0
    assert capsys.readouterr().out.startswith("import math")
