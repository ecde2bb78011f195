"""What the experiment ``scan`` must show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from numerics.linear_equilibrium import Cascade
from numerics.spectrum import Spectrum
from theory.errors import InputError
from verify.experiments import ExperimentResult, load_result, run_experiment
from verify.experiments.scan import PRESETS, SHARES, draw
from verify.experiments.scan_readouts import Scan, fixed_slope_thresholds, latents_needed, overlay_r2

Experiment = Callable[[str], ExperimentResult]
_KEPT = Path(__file__).parents[1] / "docs" / "results" / "experiments"


@pytest.fixture(scope="module")
def result(experiment: Experiment) -> ExperimentResult:
    return experiment("scan")


def test_utilities_are_thresholds(result: ExperimentResult) -> None:
    found = result.findings
    assert found["identity-r2"].measured > 0.9
    assert found["fixed-slope-r2"].measured > 0.9
    assert found["overlay-r2"].measured > 0.9
    assert found["rank-agreement"].measured > 0.8


def test_fewer_latents_than_pca(result: ExperimentResult) -> None:
    for share in ("5%", "1%"):
        finding = result.findings[f"latents/{share}"]
        assert finding.predicted is not None
        assert finding.measured < finding.predicted


def test_settings_and_figures(result: ExperimentResult) -> None:
    assert set(PRESETS["quick"]) | {"data", "sha256", "split", "architectures"} <= set(result.settings)
    assert result.curves["d_eff"].shape == (len(SHARES), 1 + len(result.settings["depths"]))
    assert set(draw(result)) == {"scan", "identity", "dimension"}


def test_readouts_of_the_linear_equilibrium_are_its_eigenvalues() -> None:
    eigenvalues = np.array([0.5, 0.25, 0.15, 0.07, 0.03])
    t = np.geomspace(1, 1e-4, 161)
    cascade = Cascade(Spectrum.from_covariance(np.diag(eigenvalues)))
    m2 = cascade.signal_fraction(t)
    rates = 0.5 * np.log(np.maximum(eigenvalues / t[:, None], 1))
    # With r latents the kept modes lose min(T, λ), the others all.
    sampled = np.stack([
        np.minimum(t[:, None], eigenvalues)[:, :r].sum(1) + eigenvalues[r:].sum() for r in range(6)
    ], axis=1)  # fmt: skip
    scan = Scan(t, m2, rates, sampled, sampled, thresholds=eigenvalues)
    # The least temperature leaves 1e-4 of each mode that is kept.
    np.testing.assert_allclose(scan.utilities, eigenvalues, atol=1.1e-4)
    np.testing.assert_allclose(scan.fixed_slope, eigenvalues, rtol=2e-3)
    assert all(value > 0.999 for value in scan.numbers().values())
    assert scan.numbers()["rank-agreement"] == pytest.approx(1.0)


def test_readouts_of_other_numbers_disagree() -> None:
    t = np.geomspace(1, 1e-3, 31)
    rates = 0.5 * np.log(np.maximum(np.array([0.4, 0.1, 0.02]) / t[:, None], 1))
    assert overlay_r2(t, rates, np.array([0.04, 0.01, 0.002])) < 0.5
    assert np.isnan(fixed_slope_thresholds(t, rates, np.array([2e-3, 1e-6, 1e-6]))[1:]).all()
    assert latents_needed(np.array([1.0, 0.2, 0.3]), 0.2) == 1


def test_a_table_that_cannot_be_read_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="no-such-table"):
        run_experiment("scan", data="no-such-table.csv")
    with pytest.raises(InputError, match="preset"):
        run_experiment("scan", "tiny")


def test_the_kept_scan_of_the_worldclim_stations() -> None:
    # The full preset takes minutes: `make results` runs it, and what it kept must show what is claimed of it.
    result = load_result("scan", _KEPT)
    assert (result.preset, result.settings["latents"]) == ("full", 32)
    found = result.findings
    assert "worldclim14_stations" in found["identity-r2"].where
    assert found["identity-r2"].measured >= 0.95
    # Two neighbours among six that change places cost 0.06 or more: these agree.
    assert found["rank-agreement"].measured >= 0.95
    assert found["fixed-slope-r2"].measured >= 0.95
    assert found["overlay-r2"].measured >= 0.95
    for share, pca in (("5%", 6), ("1%", 9)):
        assert found[f"latents/{share}"].predicted == pytest.approx(pca, abs=1)
        assert found[f"latents/{share}"].measured < (found[f"latents/{share}"].predicted or 0)
