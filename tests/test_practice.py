"""β for practitioners: spectra of other losses, learned variance, choices, noise floor, bounds, expected order."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landau_vae.__main__ import main
from landau_vae.practice import beta_scale, choose_beta, effective_rows, expected_order
from numerics.beta_scale import BetaScale
from numerics.choice import above_noise, keep_modes, within_tolerance
from numerics.collapse_bounds import collapse_bounds
from numerics.conventions import LOSSES
from numerics.finite_samples import bootstrap_thresholds
from numerics.fisher import fisher_information, loss_spectrum
from numerics.linear_equilibrium import Cascade
from numerics.noise_floor import marchenko_pastur_median, noise_floor
from numerics.spectrum import Spectrum
from numerics.tables import load_table
from theory.errors import InputError
from theory.exponential_family import critical_beta
from theory.learned_variance import learned_temperature

from .strategies import spectra

SETTINGS = settings(deadline=None, derandomize=True, max_examples=40)


def of(eigenvalues: object, latents: int | None = None) -> Cascade:
    return Cascade(Spectrum.from_covariance(np.diag(np.asarray(eigenvalues, dtype=float))), latents)


def bits(rows: int = 300, columns: int = 4, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(rows, 1))
    return np.asarray(
        (rng.random((rows, columns)) < 1 / (1 + np.exp(-2 * z - np.linspace(-1, 1, columns)))).astype(float)
    )


# --- spectra of other losses


def test_bits_have_the_correlation_spectrum_and_weights_count() -> None:
    x = bits()
    np.testing.assert_allclose(
        loss_spectrum(load_table(x), "bce").eigenvalues,
        np.linalg.eigvalsh(np.corrcoef(x.T))[::-1],
        rtol=1e-12,  # two ways to the same matrix of order one
    )
    w = np.random.default_rng(1).integers(0, 3, len(x)).astype(float)
    repeated = loss_spectrum(load_table(np.repeat(x, w.astype(int), axis=0)), "bce")
    np.testing.assert_allclose(
        loss_spectrum(load_table(x, weights=w), "bce").eigenvalues, repeated.eigenvalues, rtol=1e-11
    )


@pytest.mark.parametrize(("loss", "family"), [("bce", "bernoulli"), ("poisson", "poisson")])
def test_top_eigenvalue_is_the_exact_critical_beta(loss: str, family: str) -> None:
    rng = np.random.default_rng(2)
    x = np.round(rng.random((40, 3)), 2) if loss == "bce" else rng.poisson(3.0, (40, 3)).astype(float)
    exact = [[Fraction(v).limit_denominator(100) for v in row] for row in x]
    n = len(exact)
    mean = [sum(row[j] for row in exact) / n for j in range(3)]
    s = [[sum((r[i] - mean[i]) * (r[j] - mean[j]) for r in exact) / n for j in range(3)] for i in range(3)]
    expected = float(critical_beta(family, mean, s))
    scale = beta_scale(x, loss=loss)
    assert scale.thresholds[0] == pytest.approx(expected, rel=1e-12)
    assert not scale.exact
    back = scale.cascade.spectrum.standardized(x)
    np.testing.assert_allclose(np.cov(back.T, bias=True).trace(), scale.cascade.total_variance, rtol=1e-12)


@pytest.mark.parametrize("loss", ["bce", "poisson"])
def test_thresholds_count_the_unstable_directions_of_full_collapse(loss: str) -> None:
    """Hessian of the user's loss at collapse, the latent averaged by quadrature, differentiated by autograd."""
    import autograd.numpy as anp
    from autograd import hessian

    rng = np.random.default_rng(9)
    z = rng.normal(size=(120, 2))
    driven = z @ rng.normal(size=(2, 4)) * 0.7
    x = (rng.random((120, 4)) < 1 / (1 + np.exp(-2 * driven))) if loss == "bce" else rng.poisson(np.exp(1 + driven))
    x = np.asarray(x, dtype=float)
    mean = x.mean(axis=0)
    bias = np.log(mean / (1 - mean)) if loss == "bce" else np.log(mean)
    nodes, weights = np.polynomial.hermite_e.hermegauss(7)
    weights = weights / weights.sum()

    def objective(p: np.ndarray, beta: float) -> float:
        encode, decode, shift, logs = p[:4], p[4:8], p[8:12], p[12]
        mu = (x - mean) @ encode
        total = 0.0
        for node, weight in zip(nodes, weights, strict=True):
            theta = (mu + anp.exp(logs / 2) * node)[:, None] * decode + shift
            partition = anp.log(1 + anp.exp(theta)) if loss == "bce" else anp.exp(theta)
            total = total + weight * anp.sum(partition - x * theta) / len(x)
        return total + beta * anp.mean(mu**2 + anp.exp(logs) - 1 - logs) / 2

    edges = beta_scale(x, loss=loss).thresholds
    at = np.concatenate([np.zeros(8), bias, [0.0]])
    for unstable, beta in enumerate([edges[0] * 1.01, *np.sqrt(edges[:-1] * edges[1:]), edges[-1] * 0.99]):
        curvature = np.linalg.eigvalsh(hessian(objective)(at, beta))
        assert np.count_nonzero(curvature < 0) == unstable


def test_dull_features_have_no_threshold() -> None:
    x = np.column_stack([bits(columns=2), np.zeros(300), np.full(300, 0.5)])
    scale = beta_scale(x, loss="bce", latents=4)
    assert scale.cascade.spectrum.rank == 2 and scale.thresholds[2:].tolist() == [0.0, 0.0]
    assert scale.features == 4


@pytest.mark.parametrize(
    ("values", "loss", "words"),
    [
        ([[0.0, 0.5], [1.0, 1.5]], "bce", ["column 'x2'", "between 0 and 1", "1.5 in row 2"]),
        ([[0.0, -0.5], [1.0, 0.5]], "bce", ["column 'x2'", "-0.5 in row 1"]),
        ([[0.0], [2.5]], "poisson", ["column 'x1'", "counts", "2.5 in row 2", "mse"]),
        ([[-1.0], [2.0]], "poisson", ["-1 in row 1"]),
    ],
)
def test_data_outside_the_support_are_refused(values: object, loss: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        beta_scale(values, loss=loss)  # type: ignore[arg-type]
    for word in words:
        assert word in str(caught.value)


def test_fisher_information_of_a_gaussian_is_the_unit() -> None:
    assert fisher_information([3.0, -1.0], "mse").tolist() == [1.0, 1.0]


# --- learned variance


@SETTINGS
@given(spectra(), st.floats(0.05, 20.0), st.integers(1, 6))
def test_learned_variance_agrees_with_the_exact_solution(eigenvalues: object, beta: float, latents: int) -> None:
    c = of(eigenvalues, latents)
    if c.total_variance == 0:
        return
    scale = BetaScale(c, learned_variance=True)
    exact = learned_temperature([Fraction(v) for v in c.eigenvalues.tolist()], latents, Fraction(beta))
    if exact.degenerate or exact.interval is not None:
        assert beta <= scale.degenerate_below * (1 + 1e-12)
        return
    t = float(scale.temperature(beta)[0])
    # One quotient of a sum; close to the degenerate β both subtract nearly equal numbers.
    near = 1e-12 * max(1.0, scale.features / abs(scale.features - beta * exact.active))
    assert t == pytest.approx(float(exact.roots[0]), rel=near)
    assert float(scale.beta(t)[0]) == pytest.approx(beta, rel=1e-9)


def test_learned_variance_in_closed_form() -> None:
    """D = 3, λ = (4, 2, 1), K = 1: β_1 = D λ_1/V, β = 1 is the mean of what is discarded."""
    scale = BetaScale(of([4, 2, 1], 1), learned_variance=True)
    assert scale.thresholds.tolist() == [3 * 4 / 7, 0.0, 0.0]
    assert scale.temperature(1.0).tolist() == [1.5]
    assert scale.beta([0.0, np.inf]).tolist() == [0.0, np.inf]
    full = BetaScale(of([4, 2, 1]), learned_variance=True)
    assert full.degenerate_below == 1.0 and full.thresholds[2] == 1.0  # the jump at β = D/rank
    with pytest.raises(InputError, match=r"beta must be above 1 .* got 0.5"):
        full.temperature(0.5)
    with pytest.raises(InputError, match="variance runs to 0"):
        keep_modes(full, 3)
    with pytest.raises(InputError, match="variance runs to 0"):
        within_tolerance(full, 0.3)  # needs T < λ_3
    assert keep_modes(full, 2).active == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "mse", "learned_variance": True}, ["learned_variance", "'mse'"]),
        ({"decoder_variance": 2.0, "learned_variance": True}, ["decoder_variance"]),
        ({"loss": "mse-mean-kl"}, ["needs latents"]),
        ({"loss": "mse-sum-kl"}, ["needs batch_size"]),
        ({"loss": "l1"}, ["loss must be one of"]),
    ],
)
def test_scale_refuses(options: dict[str, object], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        BetaScale(of([2.0, 1.0]), **options)  # type: ignore[arg-type]
    for word in words:
        assert word in str(caught.value)


# --- choices


@SETTINGS
@given(spectra(), st.sampled_from(LOSSES), st.integers(1, 4), st.booleans())
def test_every_answer_keeps_its_promise(eigenvalues: object, loss: str, k: int, learned: bool) -> None:
    c = of(eigenvalues, 4)
    if c.total_variance == 0:
        return
    scale = BetaScale(c, "elbo" if learned else loss, batch_size=32, learned_variance=learned)
    try:
        found = keep_modes(scale, k)
    except InputError:
        return  # out of range, degenerate or unstable: tested where they belong
    assert found.active == k
    assert found.betas.lower <= found.beta < found.betas.upper
    # The thresholds of the neighbours are the ends, up to the rounding of one conversion.
    assert found.betas.upper == pytest.approx(float(scale.thresholds[k - 1]), rel=1e-12)
    assert int(c.active(scale.temperature(found.beta))[0]) == k
    json.dumps(found.to_json(), allow_nan=False)


def test_keep_none_and_tolerance_by_hand() -> None:
    scale = BetaScale(of([4, 2, 1]), "sse")
    none = keep_modes(scale, 0)
    assert none.betas.lower == 8.0 and none.to_json()["beta_interval"] == [8.0, None] and none.rate == 0.0
    half = within_tolerance(scale, 6 / 7)  # T = 3: D = 3 + 2 + 1
    assert half.temperature == pytest.approx(3.0, rel=1e-14) and half.beta == pytest.approx(6.0, rel=1e-14)
    assert half.rate == pytest.approx(np.log(4 / 3) / 2, rel=1e-13)
    assert half.to_json()["t"] == pytest.approx(3 / 7, rel=1e-14)


def test_data_that_do_not_vary_leave_nothing_to_choose() -> None:
    with pytest.raises(InputError, match="total variance 0"):
        keep_modes(BetaScale(of([0.0, 0.0])), 0)


def test_choose_beta_asks_one_question() -> None:
    with pytest.raises(InputError, match="one of keep, tolerance, noise_floor, got 2"):
        choose_beta("wine", keep=1, tolerance=0.1)
    with pytest.raises(InputError, match="got 0"):
        choose_beta("wine")
    a, b = choose_beta("wine", noise_floor=0.5), choose_beta("wine", tolerance=0.5)
    assert a.question == "noise-floor" and a.asked == 0.5 and b.relative_distortion == pytest.approx(0.5)


# --- noise floor


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0, 2.0])
def test_median_of_the_marchenko_pastur_law(ratio: float) -> None:
    """Against the eigenvalues of a large noise matrix."""
    rng = np.random.default_rng(0)
    n = 300
    d = int(ratio * n)
    values = np.linalg.svd(rng.normal(size=(n, d)), compute_uv=False) ** 2 / n
    # Medians of 30 to 300 rigid eigenvalues fluctuate by about one spacing.
    assert marchenko_pastur_median(ratio) == pytest.approx(np.median(values), rel=0.05)


def test_spikes_are_found_and_noise_is_not() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(1000, 60))
    scale = beta_scale(x, loss="sse", standardize=False)
    _, floor = above_noise(scale)
    assert floor.significant <= 1 and floor.noise_variance == pytest.approx(1.0, rel=0.03)
    x[:, :3] *= [5, 4, 3]
    spiked, floor = above_noise(beta_scale(x, loss="sse", standardize=False))
    assert floor.significant == 3 == spiked.active and spiked.betas.lower == 2 * floor.edge
    given_, same = above_noise(beta_scale(x, loss="sse", standardize=False), 1.0)
    assert same.edge == pytest.approx((1 + np.sqrt(0.06)) ** 2, rel=1e-12) and not same.estimated
    assert given_.active == 3
    with pytest.raises(InputError, match="latents must be at least 3"):
        above_noise(beta_scale(x, loss="sse", standardize=False, latents=2))


def test_counting_noise_has_variance_one() -> None:
    rng = np.random.default_rng(11)
    rates = np.linspace(0.5, 6.0, 30)
    alone, floor = above_noise(beta_scale(rng.poisson(rates, (2000, 30)), loss="poisson"))
    # Of 30 eigenvalues the largest may pass the edge by the fluctuation of order N^{-2/3}.
    assert floor.noise_variance == 1.0 and not floor.estimated and floor.significant <= 1
    assert alone.betas.lower == pytest.approx((1 + np.sqrt(30 / 2000)) ** 2, rel=1e-12)
    driven = rng.poisson(rates * np.exp(0.4 * rng.normal(size=(2000, 1))))
    found, floor = above_noise(beta_scale(driven, loss="poisson"))
    assert floor.significant == found.active == 1


def test_noise_floor_needs_rows_and_variance() -> None:
    with pytest.raises(InputError, match="samples must be given"):
        noise_floor(of([1.0]).spectrum)
    with pytest.raises(InputError, match="total variance 0"):
        noise_floor(of([0.0]).spectrum, samples=10)
    with pytest.raises(InputError, match="noise_variance must be finite and not negative"):
        noise_floor(of([1.0]).spectrum, -1.0, samples=10)


def test_weighted_rows_count_less() -> None:
    table = load_table(np.random.default_rng(0).normal(size=(50, 2)), weights=np.r_[np.ones(10), np.zeros(40)])
    assert effective_rows(table) == 10.0


# --- uncertainty


def test_bootstrap_in_beta_covers_a_learned_variance() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(400, 3)) * [2.0, 1.0, 0.5]
    scale = beta_scale(x, learned_variance=True, latents=2, standardize=False)
    drawn = bootstrap_thresholds(x, resamples=60, standardize=False, seed=1)
    beta = scale.bootstrap(drawn)
    np.testing.assert_allclose(beta.sample, scale.thresholds, rtol=1e-10)
    slow = [
        BetaScale(Cascade(Spectrum.from_covariance(np.diag(row)), 2), learned_variance=True).thresholds
        for row in drawn.resampled
    ]
    np.testing.assert_allclose(beta.resampled, slow, rtol=1e-10)


def test_bootstrap_scales_by_the_fisher_information_of_every_resample() -> None:
    x = bits(200, 3)
    drawn = bootstrap_thresholds(x, resamples=40, seed=2, information=lambda mean: fisher_information(mean, "bce"))
    same = bootstrap_thresholds(x, resamples=40, seed=2)
    # For bits G is the variance of the resample itself, so both are spectra of correlation matrices.
    np.testing.assert_allclose(drawn.resampled, same.resampled, rtol=1e-10)


# --- any VAE


@pytest.mark.parametrize("name", ["wine", "breast-cancer"])
def test_bounds_enclose_the_threshold_and_fall_back_to_the_radius(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = load_table(name)
    scale = beta_scale(table, loss="mse")
    careful = collapse_bounds(scale, table)
    assert careful.unstable_below == scale.thresholds[0]
    assert careful.optimal_above is not None and careful.optimal_above > careful.unstable_below
    monkeypatch.setattr("numerics.collapse_bounds._WORK", 10)
    quick = collapse_bounds(scale, table)
    assert quick.method == "radius" and quick.optimal_above is not None
    assert quick.optimal_above >= careful.optimal_above


def test_two_point_data_have_their_closed_proxy() -> None:
    """Kearns & Saul (1998): σ² = (1 − 2p)/(2 ln((1 − p)/p)) for a coin of bias p."""
    coin = load_table(np.r_[np.zeros(9), 1.0][:, None])
    found = collapse_bounds(beta_scale(coin, loss="half-sse", standardize=False), coin)
    assert found.unstable_below == pytest.approx(0.09, rel=1e-12)
    assert found.optimal_above == pytest.approx(0.8 / (2 * np.log(9)), rel=1e-5)
    assert found.method == "certified"


def test_bounds_that_are_no_theorem_are_not_given() -> None:
    table = load_table(bits())
    for scale in (beta_scale(table, loss="bce"), beta_scale(table, learned_variance=True, latents=2)):
        found = collapse_bounds(scale, table)
        assert found.optimal_above is None and found.method == "none" and found.unstable_below == scale.thresholds[0]


def test_order_of_symmetric_two_point_and_skewed_data() -> None:
    coin = load_table(np.tile([[-1.0], [1.0]], (8, 1)))
    fair = expected_order(beta_scale(coin), coin)[0]
    assert (fair.skewness, fair.nonlinear_decoder, fair.flexible) == (0.0, "continuous", "continuous")
    assert fair.excess_kurtosis == pytest.approx(-2.0) and fair.warning == "" and fair.kl_jump == 0.0
    rng = np.random.default_rng(0)
    skewed = load_table(np.column_stack([rng.exponential(size=500) * 2, rng.normal(size=500)]))
    found = expected_order(beta_scale(skewed, standardize=False), skewed, modes=1)[0]
    assert found.skewness > 1 and found.nonlinear_decoder == found.flexible == "jump" and "jumps" in found.warning
    json.dumps(found.to_json(), allow_nan=False)


def test_order_sees_the_coskewness_of_a_curve() -> None:
    """x = (u, c (u² − 1)): ‖κ⃗‖² = (2c)²; the published tricritical point is c = ½ (theory of curves)."""
    # Gauss–Hermite points carry the normal moments exactly.
    u, w = np.polynomial.hermite_e.hermegauss(12)
    for c, kind in ((0.45, "continuous"), (0.55, "jump")):
        table = load_table(np.column_stack([u, c * (u**2 - 1)]), weights=w)
        mode = expected_order(beta_scale(table, standardize=False), table, modes=1)[0]
        assert mode.coskewness == pytest.approx(2 * c, rel=1e-9) and mode.nonlinear_decoder == kind
    # A learned variance lowers the quartic by λ/V: c = 0.45 jumps then, since 4c² > 1 − 1/(1 + 2c²).
    table = load_table(np.column_stack([u, 0.45 * (u**2 - 1)]), weights=w)
    learned = expected_order(beta_scale(table, standardize=False, learned_variance=True, latents=1), table)
    assert len(learned) == 1 and learned[0].nonlinear_decoder == "jump"


def test_order_is_not_claimed_for_other_likelihoods() -> None:
    table = load_table(bits())
    with pytest.raises(InputError, match="squared errors, got loss 'bce'"):
        expected_order(beta_scale(table, loss="bce"), table)


def test_reach_of_a_flexible_vae_is_the_coexistence_of_its_cumulants_in_beta() -> None:
    """The cumulants by SciPy, from the scores of scikit-learn's principal components."""
    from scipy.stats import kurtosis, skew
    from sklearn.decomposition import PCA

    from theory.explain import explain

    table = load_table("digits")
    scale = beta_scale(table, loss="sse", standardize=False)
    mode = expected_order(scale, table, modes=1)[0]
    scores = PCA(1).fit_transform(table.values)[:, 0]
    assert abs(mode.skewness) == pytest.approx(abs(skew(scores)), rel=1e-9)
    assert mode.excess_kurtosis == pytest.approx(kurtosis(scores), rel=1e-9)
    numbers = explain("flexible", cumulants={"kappa3": float(skew(scores)), "kappa4": float(kurtosis(scores))}).numbers
    assert mode.active_up_to == pytest.approx(2 * numbers["coexistence"] * scores.var(), rel=1e-9)
    assert mode.kl_jump == pytest.approx(numbers["kl_jump"], rel=1e-6) and mode.beta < mode.active_up_to


# --- command line


def run(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(["cascade", *words, "--json", "--quiet"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ([], 1.0),
        (["--loss", "elbo", "--decoder-variance", "0.5"], 2.0),
        (["--loss", "half-sse"], 1.0),
        (["--loss", "sse"], 2.0),
        (["--loss", "mse"], 2 / 13),
        (["--loss", "mse-mean-kl", "--latents", "5"], 2 * 5 / 13),
        (["--loss", "mse-sum-kl", "--batch-size", "100"], 2 / (13 * 100)),
    ],
)
def test_json_has_thresholds_in_both_units_and_the_same_order(
    capsys: pytest.CaptureFixture[str], options: list[str], factor: float
) -> None:
    found = run(capsys, "wine", *options, "--keep", "2", "--at", "beta=0.05")
    np.testing.assert_allclose(found["beta_thresholds"], np.multiply(found["thresholds"], factor), rtol=1e-13)  # type: ignore[arg-type]
    keep, (at,) = found["keep"], found["at"]  # type: ignore[misc]
    np.testing.assert_allclose(keep["beta_interval"], np.multiply(keep["T_interval"], factor), rtol=1e-13)  # type: ignore[index]
    assert at["T"] == pytest.approx(0.05 / factor, rel=1e-13) and at["beta"] == pytest.approx(0.05, rel=1e-13)


def test_command_line_answers_everything_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["wine", "--loss", "mse", "--keep", "3", "--tolerance", "0.2", "--noise-floor", "--bootstrap", "20"]
    found = run(capsys, *words, "--out", str(tmp_path / "out"))
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "beta.png", "beta.svg", "cascade.json", "cascade.png", "cascade.svg",
    }  # fmt: skip
    errors = found["bootstrap"]["beta"]["standard_error"]  # type: ignore[index]
    np.testing.assert_allclose(errors, np.multiply(found["bootstrap"]["standard_error"], 2 / 13), rtol=1e-10)  # type: ignore[index]
    assert found["noise_floor"]["significant"] == found["noise_floor"]["active"]  # type: ignore[index]
    assert main(["cascade", *words, "--quiet"]) == 0
    shown = capsys.readouterr().out
    for text in ("your β_k", "± s.e.", "take β = ", "estimated from the median"):
        assert text in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_command_line_tells_what_any_vae_does(capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "wine", "--columns", "proline", "--loss", "mse", "--any-vae")
    collapse, (mode,) = found["any_vae"]["full_collapse"], found["any_vae"]["transitions"]  # type: ignore[index]
    assert collapse["collapse_unstable_below"] == found["beta_thresholds"][0] == mode["beta"]  # type: ignore[index]
    assert collapse["method"] == "certified" and collapse["collapse_optimal_above"] > mode["beta"]
    assert mode["skewness"] == pytest.approx(mode["coskewness"], rel=1e-12)  # one column: the vector is the number
    assert main(["cascade", "breast-cancer", "--columns", "mean area", "--any-vae", "--quiet"]) == 0
    shown = capsys.readouterr().out
    for text in ("full collapse is optimal (certified)", "free encoder too", "warning: mode 1: skewness"):
        assert text in shown


def test_command_line_on_bits_and_counts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    x = bits()
    np.save(tmp_path / "bits.npy", x)
    found = run(capsys, str(tmp_path / "bits.npy"), "--loss", "bce", "--bootstrap", "5", "--any-vae", "--keep", "1")
    np.testing.assert_allclose(found["beta_thresholds"], np.linalg.eigvalsh(np.corrcoef(x.T))[::-1], rtol=1e-12)  # type: ignore[arg-type]
    assert found["standardized"] is False and found["exact_thresholds"] is False
    assert "transitions" not in found["any_vae"] and found["keep"]["exact"] is False  # type: ignore[index,operator]
    assert main(["cascade", str(tmp_path / "bits.npy"), "--loss", "poisson", "--any-vae", "--quiet"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "count the directions" in shown and "no β is known" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--loss", "mse-sumkl"], "did you mean 'mse-sum-kl'"),
        (["--loss", "mse-sum-kl"], "needs --batch-size"),
        (["--loss", "mse", "--batch-size", "3"], "--batch-size must stand with loss 'mse-sum-kl'"),
        (["--loss", "sse", "--decoder-variance", "2"], "--decoder-variance must stand with loss 'elbo'"),
        (["--loss", "bce"], "column 'alcohol' must lie between 0 and 1"),
        (["--at", "beta=0"], "got 'beta=0'"),
        (["--noise-floor", "-1"], "--noise-floor must be finite"),
        (["--bootstrap", "1"], "--bootstrap must be at least 2"),
        (["--decoder-variance", "0"], "--decoder-variance must be positive"),
        (["--learned-variance", "--keep", "13"], "variance runs to 0"),
        (["--learned-variance", "--at", "beta=0.5"], "beta must be above 1"),
    ],
)
def test_command_line_errors(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["cascade", "wine", *words]) == 2
    captured = capsys.readouterr()
    assert said in captured.err and captured.err.count("\n") == 1 and captured.out == ""


def test_help_names_every_loss(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cascade", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for loss in LOSSES:
        assert loss in shown


def test_scales_are_frozen_and_replaceable() -> None:
    scale = BetaScale(of([2.0, 1.0]), "sse")
    assert replace(scale, loss="half-sse").thresholds.tolist() == [2.0, 1.0]
    with pytest.raises(AttributeError):
        scale.loss = "mse"  # type: ignore[misc]


def test_a_column_of_two_values_lies_on_the_edge_of_what_a_distribution_allows() -> None:
    # κ4 = κ3² − 2 up to rounding, which may fall on the wrong side.
    table = load_table(np.repeat([[1.0], [0.0]], [10, 44], axis=0))
    (found,) = expected_order(beta_scale(table, standardize=False), table, modes=1)
    assert found.excess_kurtosis == pytest.approx(found.skewness**2 - 2, rel=1e-12)
