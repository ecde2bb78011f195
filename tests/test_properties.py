"""What must hold for every spectrum, every rotation and every relabelling; and strategies that reach the hard cases."""

from __future__ import annotations

import builtins
import dataclasses
import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, example, find, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numerics import _formulas
from numerics.linear_equilibrium import Cascade
from numerics.moments import Moments
from numerics.spectrum import Spectrum
from theory.errors import MissingExtraError
from verify import properties
from verify.latents import measure, measure_covariance
from verify.properties import (
    check_concave_free_energy,
    check_encoder,
    check_encoder_invariance,
    check_rate_distortion,
    check_signal_fraction,
)
from verify.readings import covariance_of, optimal_models
from verify.sweep import Sweep, SweepPlan, run_sweep_covariance

from .strategies import CLOSED, TRAINED, covariances, rotations, spectra, spectrum_of, temperatures, weighted_points

Array = NDArray[np.float64]

EQUAL = np.array([2.0, 2.0, 2.0])
WIDE = np.array([1.0, 1e-6, 1e-12, 0.0])


# The exact cascade.


@CLOSED
@given(spectra(), temperatures())
@example(EQUAL, np.array([1.0, 2.0, 3.0]))
@example(WIDE, np.array([1e-13, 1e-12, 0.5]))
def test_signal_fraction(lam: Array, t: Array) -> None:
    check_signal_fraction(_formulas.signal_fraction, lam, t)
    m2 = Cascade(spectrum_of(lam)).signal_fraction(t)
    assert ((m2 >= 0) & (m2 <= 1)).all()
    assert (np.diff(m2, axis=0) <= 0).all()
    # Leading modes are kept better at every temperature.
    assert (np.diff(m2, axis=1) <= 0).all()


@CLOSED
@given(spectra(), temperatures(), st.integers(1, 12))
@example(EQUAL, np.array([1.0, 2.0, 3.0]), 2)
@example(WIDE, np.array([1e-13, 1e-12, 0.5]), 4)
def test_free_energy_is_concave_with_slope_twice_the_rate(lam: Array, t: Array, latents: int) -> None:
    c = Cascade(spectrum_of(lam), latents)
    check_concave_free_energy(c.free_energy, c.rate, t)
    # A model with fewer latents is a model with more of them: the minimum can only fall.
    more = Cascade(spectrum_of(lam), latents + 1).free_energy(t)
    assert (more <= c.free_energy(t) * (1 + 1e-12)).all()


@CLOSED
@given(spectra(), temperatures())
@example(EQUAL, np.array([1.0, 2.0, 3.0]))
@example(WIDE, np.array([1e-13, 1e-12, 0.5]))
def test_distortion_and_rate_are_reverse_water_filling(lam: Array, t: Array) -> None:
    c = Cascade(spectrum_of(lam))
    # Twelve decades of eigenvalues: rounding relative to their sum.
    check_rate_distortion(c.distortion, c.rate, lam, t)


@CLOSED
@given(spectra(), st.floats(1.0, 1e6))
def test_full_collapse_from_the_largest_eigenvalue_on(lam: Array, factor: float) -> None:
    c, t = Cascade(spectrum_of(lam)), lam[0] * factor
    assert c.active(t) == 0
    assert not c.signal_fraction(t).any()
    assert c.rate(t) == 0
    assert c.distortion(t) == c.free_energy(t) == pytest.approx(c.total_variance, rel=1e-15)


@CLOSED
@given(spectra(), st.floats(1e-9, 0.999), temperatures(1))
@example(WIDE, 1e-7, np.array([1e-9]))
def test_effective_dimension_agrees_with_the_table(lam: Array, tolerance: float, t: Array) -> None:
    c = Cascade(spectrum_of(lam))
    # The slow twin: count rows of the table of truncated distortions, and of the PCA tail sums.
    table = c.truncated_distortion(t)[0] / c.total_variance
    enough = [r for r, left in enumerate(table) if left <= tolerance]
    assert c.effective_dimension(tolerance, float(t[0])) == (enough[0] if enough else None)
    tails = [sum(sorted(lam[r:])) / c.total_variance for r in range(len(lam) + 1)]
    found = c.effective_dimension(tolerance)
    assert found is not None
    # Sums in another order may differ in the last digits, and decide differently there only.
    assert tails[found] <= tolerance * (1 + 1e-12)
    assert found == 0 or tails[found - 1] > tolerance * (1 - 1e-12)


@CLOSED
@given(spectra(), st.data())
def test_keeping_k_modes_and_counting_them_agree(lam: Array, data: st.DataObject) -> None:
    c = Cascade(spectrum_of(lam))
    distinct = [k for k in range(1, c.spectrum.rank + 1) if k == len(lam) or lam[k] < 0.9 * lam[k - 1]]
    k = data.draw(st.sampled_from([0, *distinct]))
    assert c.active(c.keeping(k).suggestion) == k


@CLOSED
@given(covariances(max_size=6), st.data())
def test_rotating_the_data_changes_nothing(s: Array, data: st.DataObject) -> None:
    u = data.draw(rotations(len(s)))
    rotated = u @ s @ u.T
    one, two = (Spectrum.from_covariance((m + m.T) / 2, axes=False) for m in (s, rotated))
    # Eigenvalues of a symmetric matrix are perturbed by at most its rounding.
    np.testing.assert_allclose(two.eigenvalues, one.eigenvalues, rtol=0, atol=1e-13 * one.eigenvalues[0])


@CLOSED
@given(weighted_points())
def test_a_weight_counts_like_repeated_rows(drawn: tuple[Array, Array]) -> None:
    points, weights = drawn
    repeated = np.repeat(points, (4 * weights).astype(int), axis=0)
    one, two = Moments.of(points, weights), Moments.of(repeated)
    np.testing.assert_allclose(one.mean, two.mean, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(one.scatter * 4, two.scatter, rtol=1e-12, atol=1e-10)


# Trained and optimal models.


def relabelled(sweep: Sweep, order: Array, factor: Array) -> Sweep:
    """z_k → c_k z_k (sign included) and a new order of the latents; the reconstruction stays what it was."""
    return dataclasses.replace(
        sweep,
        decoder=(sweep.decoder / factor)[..., order],
        encoder=(sweep.encoder * factor[:, None])[..., order, :],
        encoder_bias=(sweep.encoder_bias * factor)[..., order],
        log_variance=(sweep.log_variance + 2 * np.log(np.abs(factor)))[..., order],
        log_variance_slope=sweep.log_variance_slope[..., order, :],
    )


@CLOSED
@given(spectra(max_size=6, decades=6.0), st.data())
def test_measurement_ignores_order_sign_and_scale_of_latents(lam: Array, data: st.DataObject) -> None:
    spectrum = spectrum_of(lam)
    u = data.draw(rotations(len(lam)))
    c = Cascade(dataclasses.replace(spectrum, axes=u))
    sweep = optimal_models(c, np.geomspace(lam[0], 1e-4 * lam[0], 5))
    k = len(lam)
    order = np.array(data.draw(st.permutations(range(k))))
    exponents = data.draw(st.lists(st.integers(-4, 4), min_size=k, max_size=k))
    signs = data.draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=k, max_size=k))
    # Powers of two scale without rounding; ln σ² rounds, which is what the tolerances are for.
    changed = relabelled(sweep, order, np.array(signs) * 2.0 ** np.array(exponents))
    one, two = measure_covariance(sweep, covariance_of(c)), measure_covariance(changed, covariance_of(c))
    np.testing.assert_allclose(two.signal_fraction, one.signal_fraction[..., order], atol=1e-12)
    np.testing.assert_array_equal(two.statistics.jensen, one.statistics.jensen[..., order])
    np.testing.assert_allclose(two.distortion[..., -1], one.distortion[..., -1], rtol=1e-10)
    ranked = [latents.ranked(latents.signal_fraction) for latents in (one, two)]
    np.testing.assert_allclose(ranked[1], ranked[0], atol=1e-12)


@CLOSED
@given(spectra(max_size=6, decades=8.0), st.data(), st.integers(1, 8))
@example(EQUAL, None, 5)
def test_optimal_models_read_as_the_theory_says(lam: Array, data: st.DataObject | None, latents: int) -> None:
    u = np.eye(len(lam)) if data is None else data.draw(rotations(len(lam)))
    c = Cascade(dataclasses.replace(spectrum_of(lam), axes=u), latents)
    t = np.geomspace(2 * lam[0], 1e-3 * lam[0], 7)
    read = measure_covariance(optimal_models(c, t), covariance_of(c))
    m2 = read.ranked(read.signal_fraction)[:, 0, : c.modes]
    # Rounding of the rotated covariance, relative to λ_1, against temperatures of 1e-3 λ_1 and more.
    np.testing.assert_allclose(m2, c.signal_fraction(t), atol=1e-11)
    np.testing.assert_allclose(read.free_energy[:, 0], c.free_energy(t), rtol=1e-11)
    np.testing.assert_allclose(read.statistics.posterior_scale, 1.0, atol=1e-11)
    np.testing.assert_allclose(read.distortion_mean[:, 0, : c.modes + 1], c.truncated_distortion(t), rtol=1e-9)


@TRAINED
@given(spectra(min_size=2, max_size=4, decades=1.5, degenerate=False, rank_deficient=False), st.data())
def test_training_finds_the_same_equilibrium_in_rotated_data(lam: Array, data: st.DataObject) -> None:
    u = data.draw(rotations(len(lam)))
    c = Cascade(dataclasses.replace(spectrum_of(lam), axes=u), 3)
    t = np.array([1.3, 0.7, 0.05]) * lam[0]
    plan = SweepPlan.default("exact", t, latents=3, seeds=1, steps=4000)
    read = measure_covariance(run_sweep_covariance(covariance_of(c), plan, workers=1), covariance_of(c))
    # Trained without a word about λ; 1e-4 is what 4,000 steps leave of the distance to equilibrium.
    away = np.abs(np.log(t[:, None] / lam[: c.modes])) > 0.1
    m2 = read.ranked(read.signal_fraction)[:, 0, : c.modes]
    np.testing.assert_allclose(m2[away], c.signal_fraction(t)[away], atol=2e-3)
    np.testing.assert_allclose(read.free_energy[:, 0], c.free_energy(t), rtol=1e-4)
    assert (read.free_energy[:, 0] >= c.free_energy(t) * (1 - 1e-12)).all()
    assert read.signal_fraction[0].max() < 1e-6
    check_concave_free_energy(lambda _: read.free_energy[:, 0], lambda _: read.total_rate[:, 0], t, tolerance=1e-4)


# Encoders of any kind.


def _encoder(seed: int, rows: int, latents: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    offset, log_scale = rng.normal(size=latents), 4 * rng.normal(size=latents)
    mean = (rng.normal(size=(rows, latents)) + offset) * np.exp(log_scale)
    return mean, rng.normal(size=(rows, latents)) * rng.random(latents) + 2 * log_scale


def _signal_fraction(mean: Array, log_variance: Array) -> Array:
    v, s = mean.var(axis=0), np.exp(log_variance).mean(axis=0)
    fraction: Array = v / (v + s)
    return fraction


@CLOSED
@given(st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 5))
def test_any_encoder_obeys_the_kl_identity_and_m2_is_invariant(seed: int, rows: int, latents: int) -> None:
    mean, log_variance = _encoder(seed, rows, latents)
    check_encoder(mean, log_variance)
    check_encoder(mean, log_variance, weights=np.random.default_rng(seed).random(rows) + 0.01)
    check_encoder_invariance(_signal_fraction, mean, log_variance)


@CLOSED
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(2, 4))
def test_measure_agrees_with_plain_averages_of_an_encoder(seed: int, latents: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, dim))
    x -= x.mean(axis=0)
    shape = (1, 1, latents)
    sweep = Sweep(
        plan=SweepPlan((1.0,), seeds=1, latents=latents),
        total_variance=float(x.var(axis=0).sum()),
        temperatures=np.array([1.0]),
        decoder=rng.normal(size=(1, 1, dim, latents)),
        decoder_bias=rng.normal(size=(1, 1, dim)),
        encoder=rng.normal(size=(*shape, dim)),
        encoder_bias=rng.normal(size=shape),
        log_variance=rng.normal(size=shape),
        log_variance_slope=0.3 * rng.normal(size=(*shape, dim)),
        loss=np.zeros((1, 1)),
        gradient_norm=np.zeros((1, 1)),
        seconds=0.0,
    )
    mu = x @ sweep.encoder[0, 0].T + sweep.encoder_bias[0, 0]
    rho = x @ sweep.log_variance_slope[0, 0].T + sweep.log_variance[0, 0]
    read = measure(sweep, x)
    np.testing.assert_allclose(read.signal_fraction[0, 0], _signal_fraction(mu, rho), rtol=1e-10)
    direct = (mu**2 + np.exp(rho) - rho - 1).mean(axis=0) / 2
    np.testing.assert_allclose(read.rate[0, 0], direct, rtol=1e-10)
    check_encoder(mu, rho)


# The checkers find what they are there to find.


def test_checkers_reject_wrong_formulas() -> None:
    lam, t = np.array([2.0, 1.0, 0.0]), np.array([0.1, 0.5, 1.5, 3.0])
    with pytest.raises(AssertionError, match="must not rise with T"):
        check_signal_fraction(lambda lam, T: np.minimum(T / np.maximum(lam, T), lam), lam, t)
    with pytest.raises(AssertionError, match="mode without variance must be 0"):
        check_signal_fraction(lambda lam, T: np.full_like(T, 0.5), lam, t)
    with pytest.raises(AssertionError, match="must depend on T/λ alone"):
        check_signal_fraction(lambda lam, T: np.where(lam > 0, np.exp(-T), 0.0), lam, t)
    with pytest.raises(AssertionError, match=r"in \[0, 1\]: nan"):
        check_signal_fraction(lambda lam, T: lam * np.nan, lam, t)
    c = Cascade(spectrum_of(lam))
    with pytest.raises(AssertionError, match="below its tangents"):
        check_concave_free_energy(c.free_energy, lambda T: 0.5 * c.rate(T), t)
    with pytest.raises(AssertionError, match="reverse water-filling"):
        check_rate_distortion(lambda T: 1.01 * c.distortion(T), c.rate, lam, t)
    with pytest.raises(AssertionError, match="must be 0|needs rate 0"):
        check_rate_distortion(lambda T: c.free_energy(T) - 2e-3 * T, lambda T: c.rate(T) + 1e-3, lam, np.array([3.0]))
    with pytest.raises(AssertionError, match="the order of the latents"):
        check_encoder_invariance(lambda mu, rho: _signal_fraction(mu, rho) * np.arange(1, 4), *_encoder(0, 20, 3))
    with pytest.raises(AssertionError, match="the sign of a latent"):
        check_encoder_invariance(lambda mu, rho: mu.mean(axis=0), *_encoder(0, 20, 3))


# The strategies reach what breaks formulas.


REACH = settings(CLOSED, max_examples=1000, phases=[Phase.generate])


@pytest.mark.parametrize(
    ("strategy", "case"),
    [
        (spectra(), lambda lam: len(lam) > 2 and lam[0] == lam[1] == lam[2]),
        (spectra(), lambda lam: lam[-1] == 0),
        (spectra(), lambda lam: 0 < lam[-1] < 1e-10 * lam[0]),
        (covariances(), lambda s: np.abs(s[0, -1]) > 0.1 * s[0, 0] > 0 and len(s) > 1),
        (weighted_points(), lambda p: (p[1] == 0).any() and np.ptp(p[0]) > 1),
        (rotations(3), lambda u: np.linalg.det(u) < 0),
    ],
    ids=["degenerate", "rank-deficient", "twelve-decades", "rotated", "weight-zero", "reflection"],
)
def test_strategies_reach_the_hard_cases(strategy: st.SearchStrategy[Any], case: Callable[[Any], bool]) -> None:
    find(strategy, lambda value: bool(case(value)), settings=REACH)


@CLOSED
@given(spectra(min_size=2, max_size=5, degenerate=False, rank_deficient=False, decades=3.0), st.data())
def test_strategies_keep_their_promises(lam: Array, data: st.DataObject) -> None:
    assert (lam[1:] <= 0.96 * lam[:-1]).all()
    assert lam[-1] >= 0.999e-3 * lam[0] > 0
    u = data.draw(rotations(len(lam)))
    np.testing.assert_allclose(u @ u.T, np.eye(len(lam)), atol=1e-13)
    s = data.draw(covariances(min_size=3, max_size=3))
    assert s.shape == (3, 3) and (s == s.T).all()


def test_without_hypothesis_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def refuse(name: str, *args: object, **kwargs: object) -> object:
        if name.partition(".")[0] == "hypothesis":
            raise ImportError("No module named 'hypothesis'")
        return original(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.delitem(sys.modules, "verify.properties")
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"needs hypothesis.*landau-vae\[properties\]"):
        importlib.import_module("verify.properties")
    monkeypatch.undo()
    assert importlib.import_module("verify.properties") is properties
