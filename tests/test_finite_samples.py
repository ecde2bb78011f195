"""Finite samples: asymptotic laws against simulation with fixed seeds, bootstrap against both."""

from __future__ import annotations

import numpy as np
import pytest

from numerics.finite_samples import bootstrap_thresholds, marchenko_pastur_edge, sample_thresholds
from numerics.spectrum import Spectrum
from numerics.tables import load_table
from theory.errors import InputError


def test_noise_ends_at_the_marchenko_pastur_edge() -> None:
    rng = np.random.default_rng(0)
    d, n = 150, 600
    lower, upper = marchenko_pastur_edge(4.0, d, n)
    assert (lower, upper) == (1.0, 9.0)
    lam = np.linalg.svd(2 * rng.normal(size=(n, d)), compute_uv=False) ** 2 / n
    # Tracy–Widom fluctuations are of order s² N^{-2/3} ≈ 0.06, a few times that at most.
    assert lam[0] == pytest.approx(upper, abs=0.3)
    assert lam[-1] == pytest.approx(lower, abs=0.3)
    assert marchenko_pastur_edge(1.0, 400, 100)[0] == 1.0  # D > N: the smallest non-zero one


@pytest.mark.parametrize(("kurtosis", "draw"), [(0.0, "normal"), (-1.2, "uniform")])
def test_bias_and_error_equal_simulation(kurtosis: float, draw: str) -> None:
    rng = np.random.default_rng(1)
    lam, n, runs = np.array([4.0, 1.5, 0.5]), 200, 6000
    x = rng.normal(size=(runs, n, 3)) if draw == "normal" else rng.uniform(-np.sqrt(3), np.sqrt(3), size=(runs, n, 3))
    x = (x - x.mean(axis=1, keepdims=True)) * np.sqrt(lam)
    sample = np.linalg.eigvalsh(np.einsum("rni,rnj->rij", x, x) / n)[:, ::-1]
    theory = sample_thresholds(lam, n, excess_kurtosis=kurtosis)
    assert theory.separated.all()
    # Four standard errors of the mean, and the terms of order 1/N² that are dropped.
    noise = 4 * theory.standard_error / np.sqrt(runs) + 20 * lam / n**2
    assert (np.abs(sample.mean(axis=0) - theory.expected) < noise).all()
    np.testing.assert_allclose(sample.std(axis=0), theory.standard_error, rtol=0.06)
    # Beside −λ/N the mean is pushed apart: the sum of all biases is −V/N, that of the trace.
    assert theory.bias.sum() == pytest.approx(-lam.sum() / n, rel=1e-12)


def test_close_eigenvalues_have_no_expansion() -> None:
    t = sample_thresholds([1.0, 0.98, 0.1, 0.0], 100)
    assert t.separated.tolist() == [False, False, True, True]
    assert np.isnan(t.bias[:2]).all()
    assert t.bias[3] == 0.0
    assert t.standard_error[3] == 0.0


def test_bootstrap_agrees_with_the_asymptotic_law() -> None:
    rng = np.random.default_rng(2)
    lam = np.array([4.0, 1.0, 0.2])
    x = rng.normal(size=(500, 3)) * np.sqrt(lam) + 7.0
    b = bootstrap_thresholds(x, resamples=400, standardize=False, seed=3)
    exact = sample_thresholds(b.sample, 500)
    # The deviation of 400 resamples is known to 1/√800, that of a kurtosis of 500 rows to some 10 %.
    np.testing.assert_allclose(b.standard_error, exact.standard_error, rtol=0.3)
    low, high = b.interval()
    assert ((low < lam) & (lam < high)).all()
    assert (b.interval(0.5)[0] > low).all()
    # ddof: nothing but the order of summation differs from the spectrum of the table itself.
    np.testing.assert_allclose(b.sample, Spectrum.from_data(x, standardize=False).eigenvalues, rtol=1e-12)


def test_bootstrap_of_shipped_data_and_weights() -> None:
    x = load_table("wine").values
    b = bootstrap_thresholds(x, resamples=20, seed=0)
    np.testing.assert_allclose(b.sample, Spectrum.from_data(x).eigenvalues, rtol=1e-10)
    # A correlation matrix has trace D in every resample.
    np.testing.assert_allclose(b.resampled.sum(axis=1), 13, rtol=1e-12)
    again = bootstrap_thresholds(x, resamples=20, seed=0)
    np.testing.assert_array_equal(b.resampled, again.resampled)
    w = np.where(np.arange(len(x)) < 100, 1.0, 0.0)
    weighted = bootstrap_thresholds(x, resamples=2, weights=w)
    np.testing.assert_allclose(weighted.sample, Spectrum.from_data(x[:100]).eigenvalues, rtol=1e-10)


def test_refuses() -> None:
    with pytest.raises(InputError, match="features must be an integer of at least 1"):
        marchenko_pastur_edge(1.0, 0, 10)
    with pytest.raises(InputError, match="noise_variance"):
        marchenko_pastur_edge(-1.0, 1, 10)
    with pytest.raises(InputError, match="eigenvalues must be finite"):
        sample_thresholds([-1.0], 10)
    with pytest.raises(InputError, match="samples must be at least 2"):
        sample_thresholds([1.0], 1)
    with pytest.raises(InputError, match="excess_kurtosis"):
        sample_thresholds([1.0], 10, excess_kurtosis=-3.0)
    with pytest.raises(InputError, match="at least 2 rows"):
        bootstrap_thresholds([[1.0]])
    with pytest.raises(InputError, match="x2 is constant"):
        bootstrap_thresholds([[1.0, 2.0], [3.0, 2.0]])
    with pytest.raises(InputError, match="resamples must be at least 2"):
        bootstrap_thresholds([[1.0], [3.0]], resamples=1)
    with pytest.raises(InputError, match="level must lie between"):
        bootstrap_thresholds([[1.0], [3.0], [4.0]], resamples=2, standardize=False).interval(1.0)
