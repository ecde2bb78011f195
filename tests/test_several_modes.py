"""Data of several columns: which sum of co-skewness decides in which class, and what a verdict says it is about."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from landau_vae.cli import run
from numerics.functional import solve_functional
from numerics.projection import joint_cumulants
from numerics.spectrum import Spectrum
from theory.explain import explain


def bent(softened: float) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric u of variance 1 with two even functions of u, and the squares κ_112², κ_113², for Σ κ²/(1 − λ) given.

    Both bends are u² − 1 in part, of variances 0.75 and 0.5; the rest of each is a sign that knows nothing of u.
    """
    u = np.sqrt([0.01, 1.0, 1.99])
    square = u**2 - 1  # mean 0, and E[u²(u² − 1)] is its variance
    size = np.mean(square**2)
    variances, shares = np.array([0.75, 0.5]), np.array([0.7, 0.3])  # of the softened sum
    kappa = np.sqrt(softened * shares * (1 - variances))
    slopes = kappa / size
    noise = np.sqrt(variances - slopes**2 * size)
    # Correlated through u² − 1, so the signs take it back: both columns keep their own axis.
    mixed = -slopes[0] * slopes[1] * size / (noise[0] * noise[1])
    assert abs(mixed) < 1
    rows, weights = [], []
    for a, b in zip(u, square, strict=True):
        for sign in (-1, 1):
            for e, f in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
                rows.append([sign * a, slopes[0] * b + noise[0] * e, slopes[1] * b + noise[1] * f])
                weights.append((1 + mixed * e * f) / 24)
    return np.array(rows), np.array(weights)


@pytest.mark.parametrize(
    ("model", "softly"), [("nonlinear-decoder", False), ("nonlinear-mean", False), ("flexible", True)]
)
def test_plain_sum_for_constant_widths_and_softened_for_free_ones(model: str, softly: bool) -> None:
    """F − V = −(1 − T)²/(4b) + O((1 − T)³) below a continuous threshold, with b = (1 − Σ)/2: brute force knows Σ."""
    rows, weights = bent(0.5)
    spectrum = Spectrum.from_data(rows, weights=weights, standardize=False)
    joint = joint_cumulants(spectrum, rows, weights)
    assert joint is not None
    plain = float(joint.known[2, 1]) ** 2
    softened = plain / (1 - float(joint.known[0, 2]))
    assert softened == pytest.approx(0.5, rel=1e-9)
    assert plain == pytest.approx(0.5 * (0.7 * 0.25 + 0.3 * 0.5), rel=1e-9)
    assert explain(model, cumulants=joint).verdict.kind == "continuous"

    def gain(depth: float) -> float:
        state = solve_functional(rows, 1 - depth, weights=weights, model=model, start="mean", bound=None)
        assert state.signal_fraction[0] > depth / 2
        return float((state.F - 2.25) / depth**2)

    # One Richardson step takes the next order away; what is left is of order (1 − T)² ~ 1e-5, times large numbers.
    found = 2 * gain(0.002) - gain(0.004)
    assert found == pytest.approx(-1 / (2 * (1 - (softened if softly else plain))), rel=5e-3)


def test_between_the_two_sums_only_free_widths_jump() -> None:
    rows, weights = bent(1.1)  # the plain sum is 0.358
    spectrum = Spectrum.from_data(rows, weights=weights, standardize=False)
    joint = joint_cumulants(spectrum, rows, weights)
    kinds = {name: explain(name, cumulants=joint).verdict.kind for name in ("nonlinear-mean", "flexible")}
    assert kinds == {"nonlinear-mean": "continuous", "flexible": "jump"}
    # Just above the threshold: a jump has a state below collapse there.
    below = {m: solve_functional(rows, 1.0001, weights=weights, model=m, bound=None).F - 2.25 for m in kinds}
    assert below["nonlinear-mean"] == pytest.approx(0, abs=1e-12)
    assert below["flexible"] < -1e-7


def test_the_condition_for_several_modes_stands_beside_that_for_one() -> None:
    one = explain("nonlinear-mean")
    assert "kappa_111**2 + other_modes > 1" in one.critical["several_modes"]
    assert any("one coordinate is encoded and decoded" in line for line in one.verdict.assumptions)
    flexible = explain("flexible").critical["several_modes"]
    # On κ_111 = 0: the three signs of the quartic form, with Q22 = Q04 = 8 − 4κ4 − 2 S (7 − 3 λ2).
    for part in ("softened > 1", "Ne(kappa_111, 0)", "2*kappa_1111 - 3*lambda2*softened + 7*softened > 4"):
        assert part in flexible
    assert "several_modes" not in explain("linear").critical


@pytest.fixture(scope="module")
def parabola(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """(u, c(u² − 1)) of a symmetric u with κ4 < 0, of co-skewness above 1, in steps that a decimal fraction holds."""
    u = np.linspace(-2, 2, 9)
    rows = np.repeat(u, np.round(40 * np.exp(-(u**2) / 2)).astype(int))
    path = tmp_path_factory.mktemp("parabola") / "par.csv"
    table = np.stack([rows, rows**2 - 1.25], axis=1)
    path.write_text("u,v\n" + "\n".join(f"{a!r},{b!r}" for a, b in table.tolist()) + "\n")
    return path


def test_derive_uses_the_co_skewness_of_all_columns(parabola: Path, capsys: pytest.CaptureFixture[str]) -> None:
    u, v = np.loadtxt(parabola, delimiter=",", skiprows=1).T
    rows = np.stack([u, 0.75 * (v - v.mean()) / v.std() * u.std()], axis=1)
    path = parabola.with_name("scaled.csv")
    path.write_text("u,v\n" + "\n".join(f"{a!r},{b!r}" for a, b in rows.tolist()) + "\n")
    skew = float(np.mean((u - u.mean()) ** 2 * rows[:, 1]) / u.var() ** 1.5)
    for model, jumps in (("linear", False), ("nonlinear-decoder", skew > 1), ("flexible", True)):
        assert run(["derive", model, "--data", str(path), "--no-standardize", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["verdict"]["kind"] == "jump") == jumps
        assert found["top_mode"]["co_skewness"] == pytest.approx(abs(skew), rel=1e-9)
        assert found["top_mode"]["used"].startswith("all columns")
        assert "fourth order" in found["top_mode"]["left_out"]
        assert found["top_mode"]["scope_of_coexistence_bounds"].startswith("the scores of mode 1 alone")
    assert run(["derive", "flexible", "--data", str(path), "--order", "6"]) == 2
    assert "--order must be at most 4 with --data of several columns" in capsys.readouterr().err
    assert run(["derive", "flexible", "--data", str(path), "--columns", "u", "--order", "6", "--json"]) == 0
    assert "used" not in json.loads(capsys.readouterr().out)["top_mode"]


def test_equal_top_eigenvalues_are_said_to_leave_out_the_co_skewness(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "square.csv"
    path.write_text("a,b\n1,1\n1,-1\n-1,1\n-1,-1\n")
    assert run(["derive", "flexible", "--data", str(path), "--json"]) == 0
    assert "top eigenvalue is degenerate" in json.loads(capsys.readouterr().out)["top_mode"]["used"]


def test_a_phase_of_one_mode_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "three.csv"
    path.write_text("a,b\n-1,0.3\n0,-0.4\n2,0.1\n")
    out = tmp_path / "out"
    assert run(["phase", str(path), "--no-standardize", "--class", "linear", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "globally on mode 1 alone: continuous" in text
    assert "any architecture on mode 1 alone: T*" in text
    assert "for all columns use --full" in " ".join(text.split())
    found = json.loads((out / "phase.json").read_text())
    assert found["scope"].startswith("the scores of mode 1 alone, one of 2")
    assert any("any architecture on mode 1 alone" in line for line in found["verdict"]["evidence"])
    assert "mode 1 alone" in (out / "phase.svg").read_text()


def test_equivalent_coordinate_keeps_both_sums() -> None:
    rows, weights = bent(0.5)
    joint = joint_cumulants(Spectrum.from_data(rows, weights=weights, standardize=False), rows, weights)
    reduced = explain("flexible", cumulants=joint).polynomial
    assert reduced is not None
    symbolic = {str(s): s for c in reduced.terms.values() for s in c.free_symbols}
    assert {"kappa_112", "lambda2"} <= set(symbolic)
    at = reduced.at({name: sp.nsimplify(0) for name in ("kappa_111",)})
    assert sp.simplify(at.coefficient(2, 0) - (1 - symbolic["kappa_112"] ** 2 / (1 - symbolic["lambda2"])) / 2) == 0
