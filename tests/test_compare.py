"""The verdict: it passes on trained models, and every planted fault makes it fail."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from numerics.linear_equilibrium import Cascade
from numerics.spectrum import Spectrum
from numerics.tables import load_table
from theory.errors import InputError
from verify import claims
from verify.check import Check
from verify.claims import judge
from verify.compare import sweep_temperatures, verify_cascade
from verify.evidence import DEEP_SAMPLED, judged_modes
from verify.latents import Latents
from verify.readings import Readings, optimal_models, read, read_optimum
from verify.report import Report
from verify.sweep import Mode

Array = NDArray[np.float64]
STATIONS = Path(__file__).parents[2] / "shared" / "data" / "worldclim14_stations.csv.gz"


@pytest.fixture(scope="module")
def report() -> Report:
    return verify_cascade(load_table("breast-cancer"), quick=True)


def failing(checks: tuple[Check, ...]) -> set[str]:
    return {check.name for check in checks if not check.passed}


def planted(latents: Latents, **changes: Array) -> Latents:
    """Latents with measured arrays replaced, by their names there or among the order parameters."""
    own = {name: array for name, array in changes.items() if hasattr(latents.statistics, name)}
    statistics = dataclasses.replace(latents.statistics, **own)
    rest = {name: array for name, array in changes.items() if name not in own}
    return dataclasses.replace(latents, statistics=statistics, **rest)


def replanted(report: Report, **changes: Array) -> set[str]:
    """Names of the checks that fail when measured arrays are replaced."""
    latents = planted(report.trained.latents, **changes)
    return failing(judge(report.cascade, read(latents, report.trained.gradient_norm), report.exact))


def with_signal(report: Report, change: Callable[[Array], Array]) -> set[str]:
    """Plant a fault into the ranked M² of the trained models, with the rates that belong to it."""
    latents = report.trained.latents
    ranked = np.clip(change(latents.ranked(latents.signal_fraction).copy()), 0, 1 - 1e-12)
    signal = np.empty_like(ranked)
    np.put_along_axis(signal, latents.statistics.ranking, ranked, axis=-1)
    return replanted(report, signal_fraction=signal, rate=-0.5 * np.log1p(-signal))


def test_verdict_on_real_data(report: Report) -> None:
    assert report.passed
    spectra = report.spectra
    assert {len(values) for values in spectra.values()} == {4}
    # Exact training reaches equilibrium to about 1e-6; the issue asks for 1 %.
    assert spectra["collapse"] == pytest.approx(spectra["pca"], rel=1e-4)
    assert spectra["utility"] == pytest.approx(spectra["pca"], rel=1e-4)
    assert spectra["pca"] == list(report.cascade.normalized_thresholds[:4])


def test_every_check_is_sourced_and_judged_on_three_numbers(report: Report) -> None:
    names = [check.name for check in report.checks]
    assert len(names) == len(set(names)) >= 15
    for check in report.checks:
        assert check.source and check.claim
        assert check.exact is not None and check.measured is not None
        # The instrument reads the exactly optimal models as the theory says, to rounding.
        assert check.exact == pytest.approx(check.predicted, rel=1e-7, abs=1e-9), check.name


def test_json_is_strict_and_complete(report: Report) -> None:
    text = json.dumps(report.to_json(), allow_nan=False)
    content = json.loads(text)
    assert set(content) >= {"spectra", "checks", "passed", "seconds", "units", "meta"}
    assert set(content["spectra"]) == {"pca", "collapse", "collapse_stderr", "utility"}
    for check in content["checks"]:
        assert set(check) >= {
            "name", "claim", "source", "predicted", "exact", "measured", "stderr", "tolerance", "passed",
        }  # fmt: skip
        assert Check.from_json(check).to_json() == check


def test_text_fits_80_columns(report: Report) -> None:
    text = report.to_text()
    assert max(map(len, text.splitlines())) <= 80
    assert all(check.name in text for check in report.checks)
    assert "17 of 17 checks hold" in text
    assert "seed error is negligible" in text


# The faults that a verdict is there to find.


@pytest.mark.parametrize("power", [0.5, 0.9, 1.1, 2.0])
def test_wrong_exponent_fails(report: Report, power: float) -> None:
    found = with_signal(report, lambda m2: m2**power)
    assert {"exponent", "signal-fraction"} <= found


def test_wrong_exponent_in_the_theory_fails(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    formula = claims._formulas.signal_fraction
    monkeypatch.setattr(claims._formulas, "signal_fraction", lambda lam, t: np.sqrt(formula(lam, t)))
    assert "signal-fraction" in failing(judge(report.cascade, report.trained, report.exact))


def test_swapped_modes_fail(report: Report) -> None:
    fits = list(report.trained.collapse)
    fits[1], fits[2] = fits[2], fits[1]
    swapped = dataclasses.replace(report.trained, collapse=tuple(fits))
    assert {"collapse-spectrum", "rank-agreement", "identity"} <= failing(judge(report.cascade, swapped, report.exact))
    # Signal fractions are ranked by themselves; the other measured arrays can be of the wrong latent.
    latents = report.trained.latents
    rate = np.empty_like(latents.rate)
    np.put_along_axis(rate, latents.statistics.ranking, latents.ranked(latents.rate)[..., [0, 2, 1, 3]], axis=-1)
    assert "rate" in replanted(report, rate=rate)


@pytest.mark.parametrize("mode", [0, 3])
@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_threshold_shifted_by_two_per_cent_fails(report: Report, mode: int, factor: float) -> None:
    lam, t = report.cascade.eigenvalues[mode] * factor, report.sweep.temperatures[:, None]

    def shift(m2: Array) -> Array:
        m2[..., mode] = np.maximum(1 - t / lam, 0)
        return m2

    assert {"collapse-spectrum", "rate-spectrum"} <= with_signal(report, shift)


def test_eigenvalue_shifted_by_two_per_cent_fails(report: Report) -> None:
    spectrum = report.cascade.spectrum
    values = spectrum.eigenvalues * np.where(np.arange(len(spectrum.eigenvalues)) == 1, 1.02, 1.0)
    theory = Cascade(dataclasses.replace(spectrum, eigenvalues=values), report.cascade.latents)
    exact = read_optimum(theory, report.sweep.temperatures)
    assert {"collapse-spectrum", "rate-spectrum", "utility-spectrum"} <= failing(judge(theory, report.trained, exact))


def test_untrained_models_fail() -> None:
    report = verify_cascade(load_table("breast-cancer"), quick=True, steps=20)
    assert {"collapse-spectrum", "signal-fraction", "free-energy", "concavity", "posterior-scale"} <= failing(
        report.checks
    )
    json.dumps(report.to_json(), allow_nan=False)
    assert max(map(len, report.to_text().splitlines())) <= 80


def test_a_model_below_the_optimum_fails(report: Report) -> None:
    distortion = report.trained.latents.distortion.copy()
    distortion[5, 0, -1] *= 1 - 1e-6
    assert "free-energy-bound" in replanted(report, distortion=distortion)


@pytest.mark.parametrize(
    ("array", "shift", "check"),
    [("posterior_scale", 0.02, "posterior-scale"), ("jensen", 2e-3, "jensen-gap"), ("mean", 0.02, "centred")],
)
def test_models_off_a_stationary_point_fail(report: Report, array: str, shift: float, check: str) -> None:
    values = getattr(report.trained.latents.statistics, array) + shift
    assert check in replanted(report, **{array: values})


def test_wrong_rate_breaks_the_slope(report: Report) -> None:
    assert {"slope", "rate", "free-energy"} <= replanted(report, rate=1.05 * report.trained.latents.rate)


def test_a_latent_alive_above_the_largest_eigenvalue_fails(report: Report) -> None:
    signal = report.trained.latents.signal_fraction.copy()
    signal[0, 0, 0] = 0.05
    assert "full-collapse" in replanted(report, signal_fraction=signal)


# Claims that cannot be evaluated.


def test_no_active_mode_is_a_failure_with_a_reason(report: Report) -> None:
    dead = with_signal(report, np.zeros_like)
    assert {"collapse-spectrum", "utility-spectrum", "exponent", "identity", "posterior-scale", "slope"} <= dead
    latents = report.trained.latents
    latents = planted(latents, signal_fraction=np.zeros_like(latents.signal_fraction))
    checks = {c.name: c for c in judge(report.cascade, read(latents, report.trained.gradient_norm), report.exact)}
    assert checks["collapse-spectrum"].measured is None
    assert checks["collapse-spectrum"].where == "mode 1: never active in the sweep's range of temperatures"
    assert checks["posterior-scale"].where == "no judged mode has an active latent"


def test_no_temperature_above_the_spectrum_is_a_failure(report: Report) -> None:
    cold = report.sweep.temperatures[report.sweep.temperatures < 0.5 * report.cascade.eigenvalues[0]]
    readings = read_optimum(report.cascade, cold)
    checks = {check.name: check for check in judge(report.cascade, readings, readings)}
    assert checks["full-collapse"].measured is None
    assert "above the largest eigenvalue" in checks["full-collapse"].where
    assert checks["collapse-spectrum"].where.startswith("mode 1: always active")


def test_check_with_nan_is_not_passed() -> None:
    check = Check("a", "b", ("lucas2019",), 1.0, math.nan, math.nan, 1.0)
    assert check.measured is None and not check.passed
    assert not Check("a", "b", ("lucas2019",), 1.0, None, -1.0, 2.0, "factor").passed
    with pytest.raises(ValueError, match="known sources"):
        Check("a", "b", ("nobody2000",), 1.0, 1.0, 1.0, 1.0)


# Exactly optimal models, and shapes off the beaten path.


def test_optimal_models_are_stationary_and_reach_the_minimum() -> None:
    rng = np.random.default_rng(0)
    theory = Cascade(Spectrum.from_data(rng.normal(size=(50, 5)) ** 3), 7)
    t = np.geomspace(8, 1e-3, 12)
    best = optimal_models(theory, t)
    # In units of mean variance one; rounding of the covariance rebuilt from its axes.
    assert best.gradient_norm.max() < 1e-12
    assert best.loss[:, 0] == pytest.approx(theory.free_energy(t), rel=1e-12)
    assert best.decoder.shape == (12, 1, 5, 7)


@pytest.mark.parametrize("latents", [1, 2, 6])
def test_few_and_superfluous_latents(latents: int) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 4)) * [4.0, 3.0, 2.0, 1.0]
    report = verify_cascade(x, latents=latents, temperatures=24, seeds=1, steps=4000, standardize=False)
    assert report.passed, report.to_text()
    assert len(report.spectra["pca"]) == min(latents, 4)
    assert ("superfluous-latents" in {check.name for check in report.checks}) == (latents == 6)


def test_degenerate_spectrum_passes() -> None:
    # Eight signed unit vectors: the covariance is a multiple of the identity, and only the subspace is identified.
    x = np.concatenate([np.eye(4), -np.eye(4)])
    report = verify_cascade(x, latents=4, temperatures=24, seeds=2, steps=4000, standardize=False)
    assert report.passed, report.to_text()


def test_unjudged_modes_are_reported() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(400, 3)) * [1.0, 0.5, 0.01]
    report = verify_cascade(x, latents=3, temperatures=30, seeds=1, steps=4000, standardize=False)
    assert report.passed, report.to_text()
    assert report.notes[0] == "1 of 3 modes have t_k < 0.001: they are reported, not judged."
    assert [mode["judged"] for mode in report.to_json()["modes"]] == [True, True, False]


def test_weights_count_like_repeated_rows() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(20, 3)) * [3.0, 2.0, 1.0]
    weights = rng.integers(1, 4, size=20)
    options = {"latents": 2, "temperatures": 6, "seeds": 1, "steps": 300, "standardize": False}
    weighted = verify_cascade(x, weights=weights, **options)  # type: ignore[arg-type]
    repeated = verify_cascade(np.repeat(x, weights, axis=0), **options)  # type: ignore[arg-type]
    # The same covariance up to rounding, which 300 unconverged steps amplify a little.
    np.testing.assert_allclose(weighted.sweep.loss, repeated.sweep.loss, rtol=1e-9)


def test_numbers_do_not_depend_on_the_number_of_workers() -> None:
    data = load_table("wine")
    one, two = (verify_cascade(data, quick=True, steps=300, workers=n) for n in (1, 2))
    assert one.spectra == two.spectra
    assert [c.to_json() for c in one.checks] == [c.to_json() for c in two.checks]


def test_bad_options() -> None:
    table = load_table("wine")
    for options, message in (
        ({"latents": 0}, "latents"),
        ({"temperatures": 1}, "temperatures must be at least 2"),
        ({"seeds": 0}, "seeds"),
        ({"steps": 0}, "steps"),
        ({"mode": "sampled", "seeds": 1}, "seeds must be at least 2 in sampled training"),
        ({"mode": "guessed"}, "mode must be"),
    ):
        with pytest.raises(InputError, match=message):
            verify_cascade(table, **options)  # type: ignore[arg-type]


def test_sweep_temperatures_reach_below_every_judged_threshold() -> None:
    theory = Cascade(Spectrum.from_covariance(np.diag([1.0, 0.5, 0.01, 1e-6])))
    t = sweep_temperatures(theory, 10)
    assert t[0] == theory.total_variance
    assert t[-1] == pytest.approx(1e-4 * theory.total_variance)


@pytest.mark.parametrize("mode", ["exact", "sampled"])
def test_sweep_temperatures_reach_above_a_threshold_that_is_the_whole_variance(mode: Mode) -> None:
    theory = Cascade(Spectrum.from_covariance(np.diag([3.0, 1e-3])))
    t = sweep_temperatures(theory, 10, mode)
    judged = float(judged_modes(theory).sum())
    assert judged == 1 and t[0] > 1.2 * 3.0
    assert t[-1] == pytest.approx((1e-2 if mode == "exact" else DEEP_SAMPLED) * 3.0)


@pytest.mark.parametrize("rows", [[[1.0], [2.0], [4.0], [7.0], [9.0]], [[1.0, 2.0], [2.0, 5.0]]])
def test_one_mode_is_enough(rows: list[list[float]]) -> None:
    # A column, or two rows: λ_1 = V, and full collapse must show above it.
    report = verify_cascade(rows, quick=True)
    assert report.passed, [check.name for check in report.checks if not check.passed]
    assert report.spectra["collapse"][0] == pytest.approx(1.0, rel=1e-6)  # exact training; ten times what is left of it


def test_readings_must_share_their_temperatures(report: Report) -> None:
    other: Readings = read_optimum(report.cascade, report.sweep.temperatures[1:])
    with pytest.raises(InputError, match="same temperatures"):
        judge(report.cascade, report.trained, other)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["breast-cancer", "wine", "digits"])
def test_full_verdict_on_shipped_tables(name: str) -> None:
    report = verify_cascade(load_table(name))
    assert report.passed, report.to_text()


@pytest.mark.slow
@pytest.mark.skipif(not STATIONS.exists(), reason="the station table is not part of the distribution")
def test_full_verdict_on_climate_stations() -> None:
    report = verify_cascade(load_table(STATIONS, drop_columns=["STNID"]))
    assert report.passed, report.to_text()


@pytest.mark.slow
def test_sampled_verdict() -> None:
    report = verify_cascade(load_table("breast-cancer"), mode="sampled")
    assert report.passed, report.to_text()
    assert {"z-largest", "z-variance", "threshold-error"} <= {check.name for check in report.checks}


def planted_noise(report: Report, size: float, seeds: int) -> Latents:
    """Optimal models whose M² scatters between seeds as independent training would make it."""
    rng = np.random.default_rng(11)
    exact = report.exact.latents
    many = {
        field.name: np.repeat(getattr(of, field.name), seeds, axis=1)
        for of in (exact, exact.statistics)
        for field in dataclasses.fields(of)
        if getattr(getattr(of, field.name), "ndim", 0) == 3
    }
    alive = many["signal_fraction"] > 0
    # Relative noise of 1 − M² is what the scatter of a decoder scale makes.
    noise = size * rng.normal(size=alive.shape) * (1 - many["signal_fraction"]) * alive
    many["signal_fraction"] = many["signal_fraction"] + noise
    return planted(exact, **many)


def test_sampled_verdict_judges_scatter_not_size(report: Report) -> None:
    latents = planted_noise(report, 0.02, 8)
    gradient = np.zeros(latents.signal_fraction.shape[:2])
    checks = {c.name: c for c in judge(report.cascade, read(latents, gradient), report.exact, sampled=True)}
    assert all(checks[name].passed for name in ("z-largest", "z-variance", "threshold-error", "signal-fraction"))
    # The same scatter about a law that is off by two of its standard deviations is found.
    biased = planted(latents, signal_fraction=latents.signal_fraction * 0.98)
    checks = {c.name: c for c in judge(report.cascade, read(biased, gradient), report.exact, sampled=True)}
    assert not checks["z-largest"].passed and not checks["z-variance"].passed
