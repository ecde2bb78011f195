"""The exact cascade: totals against a slow sum over modes, identities, inverses, wrong input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from numerics.linear_equilibrium import Cascade, cascade
from numerics.spectrum import Spectrum
from numerics.tables import load_table
from theory.errors import InputError

from .strategies import spectra

SETTINGS = settings(deadline=None, derandomize=True, max_examples=60)
temperatures = st.lists(st.floats(1e-12, 1e3), min_size=1, max_size=8)


def of(eigenvalues: object, latents: int | None = None) -> Cascade:
    return Cascade(Spectrum.from_covariance(np.diag(np.asarray(eigenvalues, dtype=float))), latents)


def slow(c: Cascade, t: float) -> tuple[int, mpf, mpf, mpf]:
    """Active modes, rate, distortion and posterior-mean distortion, mode by mode, at 50 digits."""
    with mp.workdps(50):
        lam = [mpf(float(v)) for v in c.eigenvalues]
        t = mpf(t)
        live = [v for v in lam[: c.modes] if v > t]
        dead = mp.fsum(v for k, v in enumerate(lam) if k >= c.modes or v <= t)
        rate = mp.fsum(mp.log(v / t) / 2 for v in live)
        return len(live), rate, len(live) * t + dead, mp.fsum(t * t / v for v in live) + dead


@SETTINGS
@given(spectra(), temperatures, st.integers(1, 6))
@example(eigenvalues=[1.0, 1.0, 1.0], ts=[1.0, 0.5], latents=2)
def test_totals_equal_the_sum_over_modes(eigenvalues: object, ts: list[float], latents: int) -> None:
    c = of(eigenvalues, latents)
    at = c.at(ts)
    for i, t in enumerate(ts):
        active, rate, distortion, means = slow(c, t)
        assert at.active[i] == active
        # Prefix sums of ln λ round relative to the largest |ln λ| of up to 10 modes, about 30.
        assert at.rate[i] == pytest.approx(float(rate), rel=1e-12, abs=1e-11)
        assert at.distortion[i] == pytest.approx(float(distortion), rel=1e-12)
        assert at.posterior_mean_distortion[i] == pytest.approx(float(means), rel=1e-12)
        assert at.free_energy[i] == pytest.approx(float(distortion + 2 * t * rate), rel=1e-10)
    np.testing.assert_allclose(c.rates(ts).sum(1), at.rate, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose((c.signal_fraction(ts) > 0).sum(1), at.active)
    np.testing.assert_allclose(c.truncated_distortion(ts)[:, -1], at.posterior_mean_distortion, rtol=1e-9)
    np.testing.assert_allclose(c.truncated_distortion(ts)[:, 0], c.total_variance)


@SETTINGS
@given(spectra(), st.integers(1, 8))
def test_keeping_k_modes_keeps_k(eigenvalues: object, k: int) -> None:
    c = of(eigenvalues)
    live = int(np.count_nonzero(c.thresholds))
    if k > live:
        with pytest.raises(InputError, match=f"from 0 to {live}"):
            c.keeping(k)
        return
    try:
        interval = c.keeping(k)
    except InputError as error:
        assert "collapse together" in str(error)
        assert c.eigenvalues[k] >= c.eigenvalues[k - 1] * (1 - 1e-11)
        return
    assert c.active(interval.suggestion)[0] == k
    assert interval.lower == 0 or c.active(interval.lower)[0] == k
    assert c.active(interval.upper)[0] < k


@SETTINGS
@given(spectra(), st.floats(1e-6, 0.999))
def test_tolerance_is_met_and_tight(eigenvalues: object, tolerance: float) -> None:
    c = of(eigenvalues)
    if c.total_variance == 0:
        return
    t = c.temperature_for(tolerance)
    assert c.distortion(t)[0] == pytest.approx(tolerance * c.total_variance, rel=1e-9)
    d = c.effective_dimension(tolerance)
    tail = c.eigenvalues[d:].sum()
    assert tail <= tolerance * c.total_variance * (1 + 1e-12)
    assert d == 0 or c.eigenvalues[d - 1 :].sum() > tolerance * c.total_variance * (1 - 1e-12)


def test_hand_computed() -> None:
    c = of([4, 2, 1])
    assert c.thresholds.tolist() == [4, 2, 1]
    assert c.normalized_thresholds.tolist() == [4 / 7, 2 / 7, 1 / 7]
    assert c.signal_fraction(1.0).tolist() == [[0.75, 0.5, 0.0]]
    assert c.truncated_distortion(1.0).tolist() == [[7.0, 3.25, 1.75, 1.75]]
    assert c.temperature_for(3 / 7) == pytest.approx(1.0, rel=1e-15)
    assert c.temperature_for(6 / 7) == pytest.approx(3.0, rel=1e-15)
    assert c.keeping(0).suggestion == 8.0
    assert c.keeping(1).suggestion == pytest.approx(np.sqrt(8), rel=1e-15)
    assert c.keeping(3).suggestion == 0.5
    assert c.effective_dimension(0.2) == 2
    assert c.effective_dimension(0.2, temperature=3.9) is None


def test_latents_fewer_and_more_than_modes() -> None:
    few, many = of([4, 2, 1], 2), of([4, 2, 1], 7)
    assert few.thresholds.tolist() == [4, 2, 0]
    assert few.distortion(0.5)[0] == 2.0
    assert few.signal_fraction([0.5]).shape == (1, 2)
    assert many.distortion(0.5)[0] == 1.5
    with pytest.raises(InputError, match=r"above 0.142857.*2 latents"):
        few.temperature_for(0.1)
    with pytest.raises(InputError, match="modes 1 to 2 .* keep 0 or 2"):
        of([2, 2, 1]).keeping(1)


def test_accepts_data_tables_and_spectra() -> None:
    table = load_table("wine")
    a, b, c = cascade(table), cascade(table.values), cascade(Spectrum.from_table(table))
    assert a.thresholds.tolist() == b.thresholds.tolist()
    np.testing.assert_allclose(c.thresholds, a.thresholds, atol=1e-13)
    assert cascade(table, standardize=False).total_variance > 1000


def test_degenerate_and_zero_spectra() -> None:
    c = of([0.0, 0.0])
    assert c.total_variance == 0
    assert c.at([1.0]).free_energy.tolist() == [0.0]
    assert c.normalized_thresholds.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, "hot", [[1.0]], 1j])
def test_refuses_temperatures(bad: object) -> None:
    with pytest.raises(InputError, match="temperature must be"):
        of([1.0]).at(bad)


@pytest.mark.parametrize("bad", [0, -1, 1.5, True])
def test_refuses_latents(bad: object) -> None:
    with pytest.raises(InputError, match="latents must be an integer of at least 1"):
        of([1.0], bad)


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.1, np.nan])
def test_refuses_tolerances(bad: float) -> None:
    with pytest.raises(InputError, match="tolerance must lie between 0 and 1"):
        of([1.0]).temperature_for(bad)


def test_a_thousand_temperatures_build_no_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    c = of(np.geomspace(1, 1e-3, 400))
    ts = np.geomspace(1e-4, 2, 1000)
    c.at(ts[:1])
    tracemalloc.start()
    c.at(ts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400 * 1000 * 8 / 4  # a (T, k) matrix of doubles would take 3.2 MB
