"""The experiment ``annealing``: what its quick run must show, and its parts by themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from verify.experiments import ExperimentResult
from verify.experiments.annealing import PRESETS, SCHEDULES, draw
from verify.experiments.annealing_findings import shift_finding, speed_finding, steps_within
from verify.ledger import CLAIMS, Results, judge

Load = Callable[[str], ExperimentResult]


def test_annealing_does_not_move_the_equilibrium(experiment: Load) -> None:
    found = {n: f for n, f in experiment("annealing").findings.items() if n.startswith("free-energy-shift/")}
    assert len(found) == 6
    # Noise of a constant learning rate; runs with other seeds stay within 0.6 %.
    assert all(abs(f.measured) < 0.01 for f in found.values())


def test_annealing_decides_which_branch_is_reached(experiment: Load) -> None:
    result = experiment("annealing")
    branch = result.findings["branch/skewed"]
    assert branch.exact is not None and branch.exact < -0.1
    # A network of 16 units comes within 0.02 nats of free functions.
    assert branch.measured == pytest.approx(branch.exact, abs=0.03)
    settings = result.settings
    assert 1 < settings["window_temperature"] < settings["coexistence"]
    hot = np.array(settings["branch_temperatures"]) > 1
    assert result.curves["branch/from-above/KL"][hot].max() < 0.01


def test_annealing_frees_deep_networks(experiment: Load) -> None:
    findings = experiment("annealing").findings
    shares = {n.rsplit("/", 1)[1]: f.measured for n, f in findings.items() if n.startswith("trap/")}
    assert shares["from-zero"] < shares["constant"]


def test_the_speed_of_every_road_is_told(experiment: Load) -> None:
    result = experiment("annealing")
    speeds = {n for n in result.findings if n.startswith("speed/")}
    assert speeds == {f"speed/{case}/{s}" for case in result.settings["cases"] for s in ("from-zero", "from-above")}


def test_the_ledger_finds_its_evidence(experiment: Load) -> None:
    claim = next(claim for claim in CLAIMS if claim.id == "annealing")
    (judged,) = judge([claim], Results([experiment("annealing")]))
    assert judged.kind == "holds-under", judged.verdict


def test_figures_are_drawn_from_the_record_alone(experiment: Load) -> None:
    again = ExperimentResult.from_json(experiment("annealing").to_json())
    assert set(draw(again)) == {"roads", "branches"}


def test_presets_state_the_same_settings() -> None:
    assert set(PRESETS["quick"]) == set(PRESETS["full"])
    assert SCHEDULES["constant"] is None


def test_arrival_is_the_first_record_within_a_per_cent() -> None:
    steps = np.array([100.0, 200.0, 300.0])
    f = np.array([[3.0, 3.0], [2.0, 2.5], [2.015, 2.4]])
    np.testing.assert_equal(steps_within(steps, f, 2.0), [200.0, np.nan])


def test_speed_and_shift_of_made_up_roads() -> None:
    steps = np.arange(1.0, 9.0) * 100
    slow = np.tile(np.r_[2.0, 1.5, 1.2, 1.0, 1.0, 1.0, 1.0, 1.0][:, None], (1, 2))
    fast = np.tile(np.r_[1.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.1, 1.1][:, None], (1, 2))
    speed = speed_finding("speed/x", (steps, slow), (steps, fast), "made up")["speed/x"]
    assert speed.measured == 0.5 and speed.stderr == 0.0
    roads = {"constant": (steps, slow), "from-zero": (steps, fast)}
    shift = shift_finding("shift/x", roads, "from-zero", 2.0, "made up")["shift/x"]
    assert shift.measured == pytest.approx(0.05, rel=1e-12)
    assert speed_finding("speed/x", (steps, slow), (steps, fast + 1), "made up") == {}
