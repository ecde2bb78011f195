"""Fits of measured order parameters: exact laws come back exactly, wrong laws show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.spectrum import Spectrum
from theory.errors import InputError
from verify.agreement import clusters, identity_r2, rank_agreement
from verify.fits import (
    CollapseFit,
    RateFit,
    collapse_spectrum,
    fit_collapse,
    fit_rate,
    pooled_stderr,
    rate_spectrum,
    utility_spectrum,
)
from verify.latents import measure_covariance
from verify.sweep import SweepPlan, default_temperatures, run_sweep_covariance

T = np.geomspace(10, 1e-3, 48)


def _law(threshold: float, exponent: float = 1.0, seeds: int = 3) -> np.ndarray:
    return np.repeat(np.clip(1 - T / threshold, 0, None)[:, None] ** exponent, seeds, axis=1)


@given(st.floats(0.02, 5.0))
@settings(derandomize=True, deadline=None, max_examples=25)
def test_the_law_comes_back(threshold: float) -> None:
    fit = fit_collapse(T, _law(threshold))
    assert fit.status == "ok"
    assert fit.threshold == pytest.approx(threshold, rel=1e-12)  # a linear least-squares problem
    assert fit.exponent == pytest.approx(1, abs=1e-5)  # a nonlinear one, to its own tolerance
    assert fit.residual < 1e-12


@pytest.mark.parametrize("exponent", [0.5, 0.9, 1.1, 2.0])
def test_a_wrong_exponent_shows(exponent: float) -> None:
    fit = fit_collapse(T, _law(1.0, exponent))
    assert fit.exponent == pytest.approx(exponent, abs=1e-3)
    assert fit.residual > 1e-3


def test_noise_is_covered_by_the_error_bar() -> None:
    rng = np.random.default_rng(0)
    deviations = []
    for _ in range(60):
        fit = fit_collapse(T, np.clip(_law(1.0, seeds=6) + 0.01 * rng.standard_normal((48, 6)), 0, 1))
        deviations.append((fit.threshold - 1) / fit.stderr)
    # t-distributed with about 5 degrees of freedom or less extreme: variance between 0.5 and 5/3 + sampling.
    assert 0.4 < np.var(deviations) < 2.5
    assert abs(np.mean(deviations)) < 0.5


def test_points_near_the_threshold_do_not_count() -> None:
    m2 = _law(1.0)
    m2[np.abs(np.log(T)) < 0.09] = 0.5
    assert fit_collapse(T, m2).threshold == pytest.approx(1, rel=1e-9)


def test_status_instead_of_nan() -> None:
    assert fit_collapse(T, np.zeros((48, 2))) == CollapseFit("never active")
    assert fit_collapse(T, np.full((48, 2), 0.9)) == CollapseFit("always active")
    assert fit_collapse(T, _law(T[-3])).status == "too few points"
    assert fit_rate(T, np.zeros((48, 2)), np.zeros((48, 2))) == RateFit("never active")
    with pytest.raises(ValueError, match="exactly when"):
        CollapseFit("ok")


def test_single_seed_has_an_error_bar_from_the_fit() -> None:
    noisy = np.clip(_law(1.0, seeds=1) + 0.01 * np.random.default_rng(1).standard_normal((48, 1)), 0, 1)
    assert fit_collapse(T, noisy).stderr > 1e-4


def test_fits_refuse() -> None:
    with pytest.raises(InputError, match="values"):
        fit_collapse(T, np.zeros(48))
    with pytest.raises(InputError, match="finite"):
        fit_collapse(T, np.full((48, 1), np.nan))
    with pytest.raises(InputError, match="positive"):
        fit_collapse(-T, np.zeros((48, 1)))


@given(st.floats(0.05, 5.0))
@settings(derandomize=True, deadline=None, max_examples=25)
def test_rate_law_comes_back(threshold: float) -> None:
    m2 = _law(threshold)
    fit = fit_rate(T, -0.5 * np.log(1 - m2), m2)
    assert fit.threshold == pytest.approx(threshold, rel=1e-10)
    assert fit.residual < 1e-10


def test_clusters_chain_and_agree() -> None:
    values = np.array([1.0, 4.0, 3.95, 3.9, 0.0])
    assert clusters(values) == [(1, 2, 3), (0,), (4,)]
    assert clusters(np.zeros(2)) == [(0,), (1,)]
    reference = np.array([4.0, 3.95, 1.0, 0.5])
    assert rank_agreement(reference[[1, 0, 2, 3]], reference) == 1
    assert rank_agreement(reference[[0, 1, 3, 2]], reference) == 0.5
    with pytest.raises(InputError, match="length"):
        rank_agreement(values, reference)


def test_identity_r2_is_about_the_identity() -> None:
    b = np.array([4.0, 2.0, 1.0, 0.5])
    assert identity_r2(b, b) == 1
    assert identity_r2(3 * b, b) < 0  # a perfect line, but not the identity
    for bad in (b[:2], np.zeros(4), np.ones(4)):
        with pytest.raises(InputError):
            identity_r2(bad, bad)


def test_pooled_errors_make_standard_z_scores() -> None:
    rng = np.random.default_rng(2)
    noise = np.linspace(0.5, 2, 48)[:, None, None] * rng.standard_normal((48, 4, 20))
    z = noise.mean(1) / pooled_stderr(noise)
    assert 0.8 < z.var() < 1.4  # t with ~15 degrees of freedom has 1.15; unpooled (3 of them) it has 3
    with pytest.raises(InputError, match="2 seeds"):
        pooled_stderr(noise[:, :1])


def test_pooled_errors_leave_out_cells_of_another_kind() -> None:
    """A mode that is collapsed in the hot half scatters only in the cold half."""
    where = np.arange(20)[:, None] >= 10
    values = np.where(where[:, None], np.random.default_rng(4).standard_normal((20, 4, 1)), 0.0)
    stderr = pooled_stderr(values, where=where)
    assert np.isnan(stderr[:10]).all()
    first = np.sqrt(values[10:15].var(axis=1, ddof=1).mean() / 4)  # the five nearest of its kind
    np.testing.assert_allclose(stderr[10:13, 0], first, rtol=1e-14)
    assert pooled_stderr(values)[10, 0] < first


def _fitted(covariance: np.ndarray, latents: int, **changes: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lam = Spectrum.from_covariance(covariance).eigenvalues[:latents]
    t = default_temperatures(float(np.trace(covariance)), 24, t_min=1e-3)
    sweep = run_sweep_covariance(covariance, SweepPlan.default("exact", t, latents=latents, **changes))
    found = measure_covariance(sweep, covariance)
    fits = collapse_spectrum(found)
    utility, _ = utility_spectrum(found, fits)
    collapse = np.array([f.threshold or np.nan for f in fits])
    rates = np.array([f.threshold or np.nan for f in rate_spectrum(found)])
    used = np.array([np.nan if u is None else u for u in utility])
    return collapse / lam - 1, rates / lam - 1, used / lam - 1


def _covariance(lam: list[float]) -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(3).standard_normal((len(lam), len(lam))))
    return (q * lam) @ q.T


def test_three_spectra_of_a_trained_cascade_coincide() -> None:
    collapse, rates, utility = _fitted(_covariance([3.0, 1.5, 1.4, 0.4, 0.1, 0.02]), 4, steps=5000, seeds=2)
    for deviation in (collapse, rates, utility):
        assert np.abs(deviation).max() < 0.01


def test_twenty_steps_fail_clearly() -> None:
    collapse, _, utility = _fitted(_covariance([3.0, 1.5, 1.4, 0.4, 0.1, 0.02]), 4, steps=20, seeds=2)
    for deviation in (collapse, utility):
        assert not np.abs(deviation).max() < 0.05  # nan, where nothing could be fitted, fails too


def test_degenerate_and_rank_deficient_covariance() -> None:
    covariance = _covariance([2.0, 2.0, 0.5, 0.0])
    t = default_temperatures(4.5, 20, t_min=1e-2)
    found = measure_covariance(
        run_sweep_covariance(covariance, SweepPlan.default("exact", t, latents=4, seeds=2, steps=5000)), covariance
    )
    fits = collapse_spectrum(found)
    assert [f.threshold for f in fits[:3]] == pytest.approx([2.0, 2.0, 0.5], rel=5e-3)
    assert fits[3].status == "never active"
    assert utility_spectrum(found, fits)[0][3] is None
