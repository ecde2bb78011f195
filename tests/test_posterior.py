"""Order parameters of any posterior, against plain averages, arbitrary precision, and the linear measurement."""

from __future__ import annotations

import dataclasses

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numerics._formulas import kl_terms
from theory.errors import InputError
from verify.latents import measure
from verify.posterior import PosteriorStatistics, posterior_statistics, truncated_distortion
from verify.sweep import SweepPlan, run_sweep

MODEST = settings(derandomize=True, deadline=None, max_examples=60, database=None)
TERMS = ("signal_term", "scale_term", "jensen_term", "offset_term")


@st.composite
def posteriors(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """μ, ln σ² (N, K) and weights (N,): ordinary sizes, widths over many decades."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6))
    mu = draw(hnp.arrays(np.float64, shape, elements=st.floats(-5, 5, width=32)))
    rho = draw(hnp.arrays(np.float64, shape, elements=st.floats(-30, 5, width=32)))
    weights = draw(hnp.arrays(np.float64, shape[:1], elements=st.floats(0.125, 4, width=32)))
    return mu, rho, weights


def _exact(mu: np.ndarray, rho: np.ndarray, weights: np.ndarray) -> dict[str, mpmath.mpf]:
    """One latent in 60 digits, from the definitions: μ, ρ and weights (N,)."""
    with mpmath.workdps(60):
        p = [mpmath.mpf(float(w)) / mpmath.fsum(map(float, weights)) for w in weights]
        rows = [(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(mu, rho, strict=True)]

        def average(of: object) -> mpmath.mpf:
            return mpmath.fsum(w * of(a, b) for w, (a, b) in zip(p, rows, strict=True))  # type: ignore[operator]

        m = average(lambda a, _: a)
        v, s = average(lambda a, _: (a - m) ** 2), average(lambda _, b: mpmath.exp(b))
        ell = average(lambda _, b: b)
        kl = average(lambda a, b: (a**2 + mpmath.exp(b) - b - 1) / 2)
        return {"m": m, "v": v, "s": s, "ell": ell, "M2": v / (v + s), "J": mpmath.log(s) - ell, "KL": kl}


@MODEST
@given(posteriors())
def test_order_parameters_are_their_definitions(posterior: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    mu, rho, weights = posterior
    found = posterior_statistics(mu, rho, weights)
    for k in range(mu.shape[1]):
        true = _exact(mu[:, k], rho[:, k], weights)
        # Averages of numbers up to 5 and 30 in double precision; J is a difference of such averages.
        assert found.mean[k] == pytest.approx(float(true["m"]), rel=1e-13, abs=1e-14)
        assert found.variance[k] == pytest.approx(float(true["v"]), rel=1e-9, abs=1e-25)
        assert found.width[k] == pytest.approx(float(true["s"]), rel=1e-12)
        assert found.log_width[k] == pytest.approx(float(true["ell"]), abs=1e-13)
        assert found.jensen[k] == pytest.approx(float(true["J"]), rel=1e-12, abs=2e-14)
        assert found.signal_fraction[k] == pytest.approx(float(true["M2"]), rel=1e-9, abs=1e-14)
        assert found.rate[k] == pytest.approx(float(true["KL"]), rel=1e-12, abs=2e-14)


@MODEST
@given(posteriors())
def test_the_four_terms_are_those_of_the_derivation(posterior: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    found = posterior_statistics(*posterior)
    terms = np.stack([getattr(found, name) for name in TERMS])
    assert (terms >= 0).all()
    assert (found.rate == terms[0] + terms[1] + terms[2] + terms[3]).all()
    plain = found.signal_fraction < 1 - 1e-6  # the emitted formula takes M² itself, which has lost 1 − M² beyond
    emitted = kl_terms(found.signal_fraction, found.posterior_scale, found.jensen, found.mean)
    for name, term, formula in zip(TERMS, terms, emitted, strict=True):
        # −½ ln(1 − M²) magnifies the rounding of M² by up to 1e6; A² − 1 − ln A² cancels to 1e-16.
        np.testing.assert_allclose(term[plain], formula[plain], rtol=1e-9, atol=1e-15, err_msg=name)


@MODEST
@given(posteriors(), st.floats(-300, 300).filter(lambda e: abs(e) > 0.01), st.booleans())
def test_rescaling_a_latent_keeps_signal_and_jensen(
    posterior: tuple[np.ndarray, np.ndarray, np.ndarray], exponent: float, flip: bool
) -> None:
    mu, rho, weights = posterior
    log_c = exponent * np.log(10) / 2
    # Beyond 1e±150 the square of c leaves double precision; the mean would too, the log-variance does not.
    c = np.exp(log_c) * (-1 if flip else 1)
    a, b = posterior_statistics(mu, rho, weights), posterior_statistics(c * mu, rho + 2 * log_c, weights)
    # ρ + 2 ln c is rounded to an ulp of 700, 1e-13, and that is a relative error of σ² and hence of M².
    np.testing.assert_allclose(b.signal_fraction, a.signal_fraction, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(b.signal_term, a.signal_term, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(b.jensen, a.jensen, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(b.mean, c * a.mean, rtol=1e-10, atol=1e-13 * abs(c))
    assert np.isfinite(b.log_width).all()


@MODEST
@given(posteriors(), st.randoms(use_true_random=False))
def test_permutation_of_latents_and_rows(posterior: tuple[np.ndarray, np.ndarray, np.ndarray], random: object) -> None:
    mu, rho, weights = posterior
    columns, rows = list(range(mu.shape[1])), list(range(mu.shape[0]))
    random.shuffle(columns)  # type: ignore[attr-defined]
    random.shuffle(rows)  # type: ignore[attr-defined]
    a = posterior_statistics(mu, rho, weights)
    b = posterior_statistics(mu[rows][:, columns], rho[rows][:, columns], weights[rows])
    for field in dataclasses.fields(a):
        # The same sums in another order, shifted by another row.
        np.testing.assert_allclose(getattr(b, field.name), getattr(a, field.name)[columns], rtol=1e-9, atol=1e-13)


def test_every_model_is_measured_by_itself() -> None:
    rng = np.random.default_rng(3)
    mu, rho = rng.standard_normal((2, 3, 20, 4)), rng.standard_normal((2, 3, 20, 4))
    together = posterior_statistics(mu, rho)
    for index in np.ndindex(2, 3):
        alone = posterior_statistics(mu[index], rho[index])
        for field in dataclasses.fields(alone):
            assert (getattr(together, field.name)[index] == getattr(alone, field.name)).all()
    assert (together.ranking[1, 2] == posterior_statistics(mu[1, 2], rho[1, 2]).ranking).all()
    assert together.total_rate.shape == (2, 3)


def test_rows_of_weight_zero_do_not_count() -> None:
    mu, rho = np.array([[1.0], [2.0], [1e9]]), np.array([[0.0], [-1.0], [500.0]])
    a, b = posterior_statistics(mu, rho, [1, 3, 0]), posterior_statistics(mu[:2], rho[:2], [1, 3])
    assert (a.rate == b.rate).all()
    assert (a.jensen == b.jensen).all()


def test_the_prior_is_dead_exactly() -> None:
    found = posterior_statistics(np.zeros((7, 3)), np.zeros((7, 3)))
    for name in ("rate", "jensen", "signal_fraction", "variance", "log_width", *TERMS):
        assert (getattr(found, name) == 0).all(), name
    assert (found.posterior_scale == 1).all()
    assert (found.ranking == [0, 1, 2]).all()  # ties keep their order


def test_a_constant_mean_and_width_have_no_signal_and_no_gap() -> None:
    found = posterior_statistics(np.full((1000, 1), 0.1), np.full((1000, 1), -0.3))
    assert (found.signal_fraction[0], found.jensen[0], found.mean[0]) == (0, 0, 0.1)


@pytest.mark.parametrize("centre", [-5000.0, -800.0, 0.0, 600.0])
def test_extreme_log_variances_keep_their_signal_fraction(centre: float) -> None:
    rho = np.array([[centre + 1.0], [centre - 1.0], [centre], [centre]])
    mu = np.exp(centre / 2) * np.array([[1.0], [-1.0], [1.0], [-1.0]]) if centre > -1000 else np.zeros((4, 1))
    found = posterior_statistics(mu, rho)
    width = (np.cosh(1) + 1) / 2  # in units of exp(centre)
    expected = 0.0 if centre <= -1000 else 1 / (1 + width)
    # exp(centre/2) and ln of it round to an ulp of |centre|, 1e-13.
    assert found.signal_fraction[0] == pytest.approx(expected, rel=1e-11)
    assert found.jensen[0] == pytest.approx(np.log(width), rel=1e-11)
    assert np.isfinite(found.log_width).all()
    assert not np.isnan([getattr(found, f.name) for f in dataclasses.fields(found)]).any()


def test_a_single_broad_row_has_a_finite_jensen_gap() -> None:
    rho = np.full((1000, 1), -900.0)
    rho[3] = 900.0
    found = posterior_statistics(np.zeros((1000, 1)), rho)
    # E σ² = e^900/1000, E ln σ² = −898.2.
    assert found.jensen[0] == pytest.approx(900 - np.log(1000) + 898.2, rel=1e-12)
    assert found.rate[0] == np.inf  # the truth, e^893 nats, is beyond double precision


def test_float32_is_averaged_in_double_precision() -> None:
    rng = np.random.default_rng(0)
    mu = (1000 + rng.standard_normal((100_000, 2))).astype(np.float32)  # |mean| ≫ std
    found = posterior_statistics(mu, np.full(mu.shape, -1.0, np.float32))
    np.testing.assert_allclose(found.variance, mu.astype(np.float64).var(0), rtol=1e-12)
    np.testing.assert_allclose(found.mean, mu.astype(np.float64).mean(0), rtol=1e-14)


def test_agrees_with_the_linear_measurement() -> None:
    x = np.random.default_rng(1).standard_normal((60, 5)) * [2.0, 1.5, 1.0, 0.5, 0.2] + 0.3
    x -= x.mean(0)
    weights = np.random.default_rng(2).uniform(0.5, 2, 60)
    sweep = run_sweep(x, SweepPlan.default("sampled", [3.0, 0.3], latents=3, seeds=2, steps=200, dtype="float64"))
    linear = measure(sweep, x, weights)
    closed = linear.statistics
    mu = np.einsum("nd,tskd->tsnk", x, sweep.encoder) + sweep.encoder_bias[:, :, None]
    rho = np.einsum("nd,tskd->tsnk", x, sweep.log_variance_slope) + sweep.log_variance[:, :, None]
    found = posterior_statistics(mu, rho, weights)
    for name in (field.name for field in dataclasses.fields(found)):
        # One sums over rows, the other over the covariance.
        np.testing.assert_allclose(getattr(found, name), getattr(closed, name), rtol=1e-9, atol=1e-13, err_msg=name)
    assert (found.ranking == closed.ranking).all()

    def decode(z: np.ndarray) -> np.ndarray:
        reconstruction: np.ndarray = z @ sweep.decoder.swapaxes(-1, -2) + sweep.decoder_bias[:, :, None]
        return reconstruction

    draws = 400
    sampled, mean = truncated_distortion(
        decode, mu, rho, x, weights=weights, generator=np.random.default_rng(5), draws=draws
    )
    np.testing.assert_allclose(mean, linear.distortion_mean, rtol=1e-9)
    # 24,000 samples of a squared error of relative scatter below 2: a standard error below 1.3 %, four of them.
    np.testing.assert_allclose(sampled, linear.distortion, rtol=0.05)
    assert (sampled[..., 0] == mean[..., 0]).all()


def test_truncated_distortion_is_that_of_pruned_codes() -> None:
    rng = np.random.default_rng(8)
    mu, rho, x = (
        rng.standard_normal((9, 3)) * [0.2, 3.0, 1.0],
        rng.standard_normal((9, 3)) - 2,
        rng.standard_normal((9, 2)),
    )
    first, second = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))

    def decode(z: np.ndarray) -> np.ndarray:
        reconstruction: np.ndarray = np.tanh(z @ first) @ second
        return reconstruction

    sampled, mean = truncated_distortion(decode, mu, rho, x, generator=np.random.default_rng(0), draws=2)
    noise = np.random.default_rng(0).standard_normal((9, 2, 3))
    order = posterior_statistics(mu, rho).ranking
    for r in range(4):
        kept = np.isin(np.arange(3), order[:r])
        by_mean = np.square(decode(mu * kept) - x).sum(1).mean()
        drawn = [np.square(decode((mu + np.exp(rho / 2) * noise[:, d]) * kept) - x).sum(1).mean() for d in range(2)]
        assert mean[r] == pytest.approx(by_mean, rel=1e-12)
        assert sampled[r] == pytest.approx(np.mean(drawn), rel=1e-12)


def test_truncated_distortion_does_not_depend_on_company_or_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    mu, rho, x = rng.standard_normal((3, 50, 2)), rng.standard_normal((3, 50, 2)), rng.standard_normal((50, 2))

    def run(which: slice | int) -> tuple[np.ndarray, np.ndarray]:
        return truncated_distortion(
            lambda z: z**3, mu[which], rho[which], x, generator=np.random.default_rng(1), draws=3
        )

    together, alone = run(slice(None)), run(1)
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a[1], b, rtol=1e-13)
    monkeypatch.setattr("verify.posterior.DECODED_AT_ONCE", 7 * 3 * 2)  # blocks of 7 rows
    for a, b in zip(together, run(slice(None)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)  # the same sums in another order


def test_refuses() -> None:
    good = np.zeros((4, 2))
    with pytest.raises(InputError, match=r"same shape.*\(4, 2\) and \(4, 3\)"):
        posterior_statistics(good, np.zeros((4, 3)))
    with pytest.raises(InputError, match="same shape"):
        posterior_statistics(np.zeros(4), np.zeros(4))
    with pytest.raises(InputError, match="log_variance must hold finite"):
        posterior_statistics(good, np.full((4, 2), np.inf))
    with pytest.raises(InputError, match="mu must hold finite"):
        posterior_statistics(good.astype(complex), good)
    for weights in (np.ones(3), -np.ones(4), np.zeros(4)):
        with pytest.raises(InputError, match="weight"):
            posterior_statistics(good, good, weights)
    generator = np.random.default_rng(0)
    with pytest.raises(InputError, match="x must be 4 finite rows"):
        truncated_distortion(lambda z: z, good, good, np.zeros((3, 2)), generator=generator)
    with pytest.raises(InputError, match="draws"):
        truncated_distortion(lambda z: z, good, good, good, generator=generator, draws=0)
    with pytest.raises(InputError, match="decode must turn"):
        truncated_distortion(lambda z: z[..., :1], good, good, good, generator=generator)
    assert isinstance(posterior_statistics(good, good), PosteriorStatistics)
