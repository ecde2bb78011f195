"""`phase` and `phase-diagram`: exact equilibria behind a verdict, and planes of solved points."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from landau_vae.cli import run
from landau_vae.phases import phase
from landau_vae.planes import curve_diagram
from numerics.blahut_arimoto import blahut_arimoto
from numerics.functional_sweep import sweep_functional
from numerics.pointset import three_points
from numerics.projection import joint_cumulants
from numerics.quantize import quantize
from numerics.spectrum import Spectrum
from theory.cumulants import Cumulants
from theory.errors import InputError, NonConvergenceError
from theory.explain import explain
from theory.landau import reduce
from theory.model import MODEL_CLASSES, model_class


def skewed(path: Path) -> Path:
    x, w = three_points(0.8, 1.0)
    rows = np.repeat(x, np.round(w * 400).astype(int))
    np.savetxt(path / "skewed.csv", rows, header="x", comments="")
    return path / "skewed.csv"


def test_skewed_data_jump(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = skewed(tmp_path)
    assert run(["phase", str(path), "--json", "--quiet", "--out", str(tmp_path / "out")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"verdict", "spinodals", "coexistence", "transitions", "sweep", "rate_distortion"} <= set(found)
    low, high = found["spinodals"]
    assert low == pytest.approx(1, abs=1e-9)
    assert 1 < found["coexistence"] < high
    assert found["coexistence"] <= found["rate_distortion"]["sandwich"][1]
    assert (found["verdict"]["kind"], found["verdict"]["global"]) == ("jump", "jump")
    change = found["transitions"][0]
    assert (change["T"], change["to"]) == (found["coexistence"], "collapsed")
    assert change["kl_jump"] > 0
    assert found["sweep"][0]["T"] == 0.5
    assert set(found["sweep"][0]["up"]) == {"F", "M2", "KL", "J"}
    assert max(b["T"] - a["T"] for a, b in zip(found["sweep"], found["sweep"][1:], strict=False)) <= 0.01 + 1e-12
    bounds = found["rate_distortion"]
    assert bounds["status"] == "certified"
    for t, lower in zip(bounds["T"], bounds["lower"], strict=True):
        nearest = min(found["sweep"], key=lambda point, t=t: abs(point["T"] - t))
        # F is concave in T with slope 2 KL: half a step of 0.01 moves it by at most 0.01 KL.
        assert lower <= nearest["down"]["F"] + 0.01 * nearest["down"]["KL"] + 1e-6
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"phase.json", "phase.png", "phase.svg"}


def test_symmetric_light_tails_do_not(tmp_path: Path) -> None:
    found = phase(np.linspace(-1, 1, 21)[:, None], standardize=False)
    assert (found.verdict["kind"], found.verdict["global"]) == ("continuous", "continuous")
    assert found.coexistence == pytest.approx(1, abs=1e-6)


# Rare symmetric outliers: κ3 = 0, and κ4 = −0.09 < 2, so that even the flexible class is locally continuous.
OUTLIERS = np.repeat([[-5.0], [-1.0], [1.0], [5.0]], [2, 498, 498, 2], axis=0)
# More and farther ones, for the class that can only bend its decoder: κ3 = 0, κ4 = 12.
FAR = np.repeat(three_points(0.0, 12.0)[0], np.round(3000 * three_points(0.0, 12.0)[1]).astype(int))[:, None]


@pytest.mark.parametrize(
    ("model", "rows"), [("nonlinear-decoder", FAR), ("nonlinear-mean", OUTLIERS), ("flexible", OUTLIERS)]
)
def test_a_distant_minimum_preempts_a_locally_continuous_threshold(model: str, rows: np.ndarray) -> None:
    found = phase(rows, model=model, standardize=False)
    assert (found.verdict["kind"], found.verdict["global"]) == ("continuous", "jump")
    assert any("pre-empts" in line for line in found.verdict["evidence"])
    assert found.coexistence is not None
    assert 1.02 < found.coexistence <= found.proxy.upper


def test_nothing_preempts_the_linear_class() -> None:
    # Its free energy is convex in M² (theory.explain), whatever the data.
    found = phase(OUTLIERS, model="linear", standardize=False)
    assert (found.verdict["kind"], found.verdict["global"]) == ("continuous", "continuous")
    assert found.coexistence == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("kappa3", "kind"), [(0.6, "continuous"), (1.5, "jump")])
def test_nonlinear_mean_on_both_sides_of_its_condition(kappa3: float, kind: str) -> None:
    x, w = three_points(kappa3, kappa3**2)
    sweep = sweep_functional(x, np.linspace(0.9, 1.5, 40), weights=w, model="nonlinear-mean")
    into = next(c for c in sweep.changes if c.hot_phase == "collapsed")
    assert into.continuous == (kind == "continuous")
    assert explain("nonlinear-mean", cumulants={"kappa3": kappa3}).verdict.kind == kind


def test_modes_full_data_and_quantisation(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["phase", "wine", "--mode", "2", "--points", "12"]) == 0
    text = capsys.readouterr().out
    assert "mode 2: 12 points" in text or "mode 2: 11 points" in text
    assert max(map(len, text.splitlines())) <= 80
    found = phase([[-1.0, 0.0], [1.0, 0.0], [0.0, 0.5], [0.0, -0.5]], full=True, standardize=False)
    assert (found.mode, found.model.dimensions) == (None, 2)


@pytest.mark.parametrize("model", ["nonlinear-decoder", "nonlinear-mean"])
@pytest.mark.parametrize(("c", "kind"), [(0.5, "continuous"), (0.78, "jump")])
def test_with_all_columns_the_co_skewness_vector_decides(model: str, c: float, kind: str) -> None:
    """The parabola has κ_111 = 0 and κ_112 = 2c: its top mode alone would never jump locally."""
    u = np.linspace(-2, 2, 17)
    rows = np.repeat(u, np.round(40 * np.exp(-(u**2) / 2)).astype(int))
    rows = rows / rows.std()
    found = phase(np.stack([rows, c * (rows**2 - 1)], axis=1), model=model, full=True, standardize=False)
    skew = c * np.mean(rows**2 * (rows**2 - 1))
    assert found.cumulants["co_skewness"] == pytest.approx(skew, rel=1e-12)
    assert found.cumulants["kappa3"] == 0
    assert (skew > 1) == (kind == "jump")
    assert (found.verdict["kind"], found.verdict["global"]) == (kind, kind)
    assert not any("pre-empts" in line for line in found.verdict["evidence"])


def test_all_other_modes_act_like_one() -> None:
    """Three coordinates and their two-dimensional equivalent have one Landau polynomial, exactly."""
    l2, l3, k2, k3 = Fraction(1, 2), Fraction(1, 5), Fraction(1, 3), Fraction(1, 4)
    known = {(3, 0, 0): Fraction(1, 5), (4, 0, 0): 1, (2, 1, 0): k2, (2, 0, 1): k3, (0, 2, 0): l2, (0, 0, 2): l3}
    plain, softened = k2**2 + k3**2, k2**2 / (1 - l2) + k3**2 / (1 - l3)
    values = {"kappa_111": Fraction(1, 5), "kappa_1111": 1, "lambda2": 1 - plain / softened}
    for name in MODEL_CLASSES:
        three = reduce(replace(model_class(name), dimensions=3), 4, Cumulants(known, 3, symbolic=True)).polynomial
        two = reduce(replace(model_class(name), dimensions=2), 4).polynomial
        inserted = {s: values[s.name] for s in two.free_symbols if s.name in values}
        skew = {s: sp.sqrt(sp.Rational(plain)) for s in two.free_symbols if s.name == "kappa_112"}
        assert sp.simplify(three - two.subs(inserted | skew)) == 0


@pytest.mark.parametrize("ones", [1, 5])
def test_a_column_of_two_values_is_on_the_edge_of_what_cumulants_allow(ones: int) -> None:
    found = phase(np.repeat([0.0, 1.3], [11 - ones, ones])[:, None], standardize=False)
    share = ones / 11
    skew = (1 - 2 * share) / np.sqrt(share * (1 - share))
    assert found.cumulants["kappa3"] == pytest.approx(skew, rel=1e-13)
    assert found.cumulants["kappa4"] == pytest.approx(skew**2 - 2, abs=1e-13)
    # Rounding must not put κ4 below κ3² − 2, which no distribution has.
    assert Fraction(found.cumulants["kappa4"]) >= Fraction(found.cumulants["kappa3"]) ** 2 - 2
    assert found.verdict["kind"] == "jump"
    # Kearns & Saul (1998); the exchange lies below it.
    assert 1 < found.coexistence <= (1 - 2 * share) / (2 * np.log((1 - share) / share)) / (share * (1 - share)) + 1e-9


def test_equal_top_eigenvalues_have_no_joint_expansion() -> None:
    square = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert joint_cumulants(Spectrum.from_data(square, standardize=False), square) is None


def test_quantising_is_a_conditional_mean() -> None:
    rng = np.random.default_rng(0)
    for x in (rng.exponential(size=3000), rng.normal(size=(900, 3))):
        small = quantize(x, most=40)
        rows = np.asarray(x).reshape(len(x), -1)
        total = float(((rows - rows.mean(0)) ** 2).sum(1).mean())
        assert len(small.points.weights) <= 40
        assert small.points.variance + small.error == pytest.approx(total, rel=1e-12)
    assert quantize([1.0, 2.0, 2.0]).error == 0


def test_three_points_have_the_cumulants_asked_for() -> None:
    for kappa3, kappa4 in ((0.0, -2.0), (0.5, 1.0), (-1.2, 0.9), (1.5, 0.25)):
        x, w = three_points(kappa3, kappa4)
        assert (w >= 0).all()
        moments = [w @ x**n for n in range(5)]
        np.testing.assert_allclose(moments, [1, 0, 1, kappa3, kappa4 + 3], atol=1e-12)
    with pytest.raises(InputError, match="kappa4 must be at least"):
        three_points(1.0, -1.5)


def test_curve_diagram_is_tricritical_at_one_half() -> None:
    for row in curve_diagram(15).rows:
        assert row["kind"] == ("jump" if row["c"] > 0.5 else "continuous")
        assert 1 <= row["coexistence"] <= row["spinodal_high"]


@pytest.mark.parametrize(("points", "solved"), [(2, 3), pytest.param(3, 7, marks=pytest.mark.slow)])
def test_flexible_diagram_agrees_with_the_local_theory(
    points: int, solved: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["phase-diagram", "flexible", "--points", str(points), "--out", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["axes"] == ["kappa3", "kappa4"]
    for row in found["points"]:
        assert row["kind"] == row["local_kind"] == ("jump" if row["kappa3"] or row["kappa4"] > 2 else "continuous")
        assert row["coexistence"] <= row["upper_bound"] + 1e-9
    assert len(found["points"]) == solved
    assert {row["kind"] for row in found["points"]} == {"jump", "continuous"}
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".png", ".svg"}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["phase", "wine", "--class", "flexibel"], ["flexibel", "did you mean 'flexible'"]),
        (["phase", "wine", "--mode", "14"], ["mode", "1 to 13"]),
        (["phase", "wine", "--points", "1"], ["points", "at least 2"]),
        (["phase", "wine", "--latents", "3", "--points", "8"], ["latents", "3"]),
        (["phase", "wine", "--latents", "2", "--points", "100"], ["points", "at most 64", "100"]),
        (["phase", "wine", "--mode", "0"], ["mode", "1 to 13", "0"]),
        (["phase", "wine", "--mode", "2", "--full"], ["--full", "--mode"]),
        (["phase-diagram", "curve", "--points", "1"], ["points", "at least 2"]),
        (["phase-diagram", "torus"], ["torus"]),
    ],
)
def test_errors(capsys: pytest.CaptureFixture[str], args: list[str], words: list[str]) -> None:
    assert run(args) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    for word in words:
        assert word in last


def test_what_does_not_converge_has_its_own_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops_early(*_: object, **__: object) -> None:
        blahut_arimoto([1.0, 2.0, 1.0], np.square(np.subtract.outer(np.arange(3), np.arange(3.0))), 0.3, limit=0)

    monkeypatch.setattr("landau_vae.cli.phase.phase", stops_early)
    assert run(["phase", "wine"]) == 3
    captured = capsys.readouterr()
    (line,) = (row for row in captured.err.splitlines() if row.startswith("landau-vae: not converged:"))
    assert "gap of" in line and "raise limit" in line
    with pytest.raises(NonConvergenceError) as caught:
        stops_early()
    # What it reached travels with it when it is rebuilt, as between processes.
    again = copy.copy(caught.value)
    assert again.residual == caught.value.residual > 0
    assert again.state.lower == caught.value.state.lower
    assert str(again) == str(caught.value)


def outliers(size: float, share: int) -> np.ndarray:
    """±1, and ±size with `share` of 1000 rows each."""
    return np.repeat([[-1.0], [1.0], [-size], [size]], [500 - share, 500 - share, share, share], axis=0)


@pytest.mark.parametrize(
    "rows",
    [
        outliers(6, 4),
        pytest.param(outliers(6, 2), marks=pytest.mark.slow),
        pytest.param(outliers(60, 2), marks=pytest.mark.slow),
    ],
    ids=["common", "rare", "far"],
)
def test_the_sweep_reaches_the_top_of_the_sandwich(rows: np.ndarray) -> None:
    """Rare outliers hold collapse off far above λ: the exchange is found wherever it is below σ²_sG."""
    found = phase(rows, standardize=False)
    t = found.sweep.temperatures
    assert t[0] == 0.5
    assert t[-1] >= found.proxy.upper
    steps = np.diff(t)
    assert steps.max() <= 0.01 * max(1, t[-1] / 4) + 1e-12
    assert steps[t[1:] <= 4].max() <= 0.01 + 1e-12
    low, high = found.spinodals
    assert low == pytest.approx(1, abs=1e-9)
    assert 1.5 < found.coexistence < min(high, found.proxy.upper)
    assert found.to_json()["unresolved"] is None
    change = found.sweep.changes[0]
    assert change.kl_jump > 0.01
    # At the exchange both are equally low: F is continuous.
    assert abs(change.gap) < 1e-10


@pytest.mark.parametrize(("kappa4", "jump"), [(1.98, False), (2.02, True)])
def test_close_to_the_tricritical_point(kappa4: float, jump: bool) -> None:
    x, w = three_points(0.0, kappa4)
    sweep = sweep_functional(x, np.linspace(0.9, 1.2, 31), weights=w)
    assert sweep.unresolved is None
    # The jump just beyond κ4 = 2 is of the order of (κ4 − 2)².
    assert 1 <= sweep.coexistence < 1 + 1e-3
    assert (sweep.coexistence > 1 + 1e-6) is jump
    assert sweep.coexistence <= sweep.spinodals[1] < 1 + 1e-3


def test_what_is_not_resolved_says_why() -> None:
    x = np.array([-1.0, -1.0, 2.0])
    too_cold, too_hot = (sweep_functional(x, grid, anchors=1) for grid in ([1.0, 1.2], [2.4, 2.5]))
    assert too_cold.coexistence is None and "sweep further up" in too_cold.unresolved
    assert too_hot.coexistence is None and "sweep further down" in too_hot.unresolved
    # A ground state that is lost where it is the lowest by far: F would step, which it cannot.
    whole = sweep_functional(x, np.linspace(1.0, 2.4, 8), anchors=1, bound=None)
    cut = replace(whole, up=whole.up[:1] + (None,) * 7, down=(whole.down[-1],) * 8)
    change = replace(whole.changes[0], gap=-0.1)
    assert not change.resolved and "above" in change.loss
    cut.__dict__["changes"] = (change,)
    assert cut.coexistence is None and "was lost at T" in cut.unresolved


def test_beyond_a_plane_the_sandwich_stays_and_the_certificate_goes() -> None:
    rng = np.random.default_rng(5)
    rows = rng.exponential(size=(14, 3)) * [2.0, 1.0, 0.5]
    found = phase(rows, full=True, standardize=False)
    bounds = found.to_json()["rate_distortion"]
    assert bounds["status"] == "not available"
    assert set(bounds["lower"]) == {None}
    low, high = bounds["sandwich"]
    assert low == pytest.approx(1, abs=1e-9)
    assert low <= found.coexistence <= high < np.inf
    assert found.sweep.temperatures[-1] >= high


@pytest.mark.slow
def test_two_latents_on_real_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["phase", "breast-cancer", "--latents", "2", "--points", "12"]) == 0
    text = capsys.readouterr().out
    assert "12 points" in text and "not converged" not in text
    assert max(map(len, text.splitlines())) <= 80
    one, two = (phase("breast-cancer", latents=k, points=12) for k in (1, 2))
    # The last latent to go leaves as if it were alone, and no state of two is higher.
    assert two.coexistence == pytest.approx(one.coexistence, abs=1e-6)
    assert two.spinodals == pytest.approx(one.spinodals, abs=1e-6)
    assert max(b.F - a.F for a, b in zip(one.sweep.ground, two.sweep.ground, strict=True)) < 1e-9
    assert len(two.to_json()["sweep"][0]["up"]["M2"]) == 2
