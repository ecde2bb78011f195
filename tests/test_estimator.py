"""The estimator: scikit-learn's own checks, and its numbers against closed forms, PCA and SciPy's normal density."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from landau_vae.estimator import LinearBetaVAE
from numerics.conventions import CONVENTIONS
from tests.strategies import CLOSED
from theory.errors import InputError

X = np.random.default_rng(0).normal(size=(300, 5)) @ np.random.default_rng(1).normal(size=(5, 5)) + 7.0


# Ours is checked to be an estimator by behaviour; that it inherits nothing is the point.
@pytest.mark.filterwarnings("ignore:Estimator LinearBetaVAE does not inherit")
@pytest.mark.parametrize(
    "estimator", [LinearBetaVAE(), LinearBetaVAE(0.1, loss="mse-mean-kl", n_latents=2)], ids=["default", "two latents"]
)
def test_passes_the_checks_of_scikit_learn(estimator: LinearBetaVAE) -> None:
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    assert {r["check_name"]: str(r["exception"]) for r in results if r["status"] not in ("passed", "skipped")} == {}
    # The array API is switched off unless an environment variable asks for it.
    assert {r["check_name"] for r in results if r["status"] == "skipped"} <= {"check_array_api_input"}
    assert len(results) > 40


def test_works_without_scikit_learn() -> None:
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import numpy as np\nfrom landau_vae.estimator import LinearBetaVAE\nfrom theory.errors import InputError\n"
        "x = np.random.default_rng(0).normal(size=(50, 3)); v = LinearBetaVAE(0.5)\n"
        "try: v.transform(x)\nexcept InputError as e: print(e)\n"
        "print(v.fit(x).transform(x).shape, 'sympy' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    first, second = run.stdout.splitlines()
    assert "not fitted yet" in first
    assert second == "(50, 3) False"


@CLOSED
@given(st.floats(-3, 3), st.integers(1, 7))
def test_score_is_the_density_of_the_decoder(log_beta: float, latents: int) -> None:
    vae = LinearBetaVAE(10.0**log_beta, loss="half-sse", n_latents=latents).fit(X)
    t, d = vae.temperature_, X.shape[1]
    covariance = vae.decoder_ @ vae.decoder_.T + t * np.eye(d)
    expected = multivariate_normal(vae.mean_, covariance).logpdf(X)
    # The rest of the square is a difference: at T = 10⁻³ it keeps some ten digits.
    np.testing.assert_allclose(vae.score_samples(X), expected, rtol=1e-9, atol=1e-9)
    bound = -vae.free_energy_ / (2 * t) - d / 2 * np.log(2 * np.pi * t)
    assert vae.score(X) == pytest.approx(bound, rel=1e-9)


def test_free_energy_is_that_of_the_encoder_and_decoder() -> None:
    vae = LinearBetaVAE(0.8, loss="sse", n_latents=3).fit(X)
    assert vae.temperature_ == 0.4
    z, s = vae.transform(X), vae.posterior_variances_
    # Literally E‖x − f(z)‖² + 2T E KL with z = μ + σ ε, the average over ε done by hand.
    distortion = np.sum((X - vae.inverse_transform(z)) ** 2, axis=1).mean() + np.sum(vae.decoder_**2 * s)
    rate = 0.5 * np.sum(np.mean(z**2, axis=0) + s - 1 - np.log(s))
    assert distortion + 2 * vae.temperature_ * rate == pytest.approx(vae.free_energy_, rel=1e-12)
    assert rate == pytest.approx(vae.rates_.sum(), rel=1e-12)
    fractions = z.var(axis=0) / (z.var(axis=0) + s)
    np.testing.assert_allclose(fractions, vae.signal_fractions_, atol=1e-12)


def test_cold_limit_is_principal_component_analysis() -> None:
    vae, pca = LinearBetaVAE(1e-9, n_latents=2).fit(X), PCA(2).fit(X)
    np.testing.assert_allclose(np.abs(vae.components_ @ pca.components_.T), np.eye(2), atol=1e-9)
    # Reconstruction is off by T/λ, 10⁻⁹ here.
    expected = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(vae.inverse_transform(vae.transform(X)), expected, atol=1e-7)


def test_likelihood_at_the_average_noise_is_that_of_probabilistic_pca() -> None:
    pca = PCA(2).fit(X)
    # scikit-learn divides by N − 1 and takes the mean of the discarded eigenvalues for the noise.
    lam = pca.explained_variance_ * (len(X) - 1) / len(X)
    noise = (np.var(X, axis=0).sum() - lam.sum()) / 3
    best = LinearBetaVAE(noise, n_latents=2).fit(X).score(X)
    assert best >= max(LinearBetaVAE(noise * f, n_latents=2).fit(X).score(X) for f in (0.97, 1.03))
    assert best == pytest.approx(pca.score(X), abs=1e-4)


@pytest.mark.parametrize("loss", [name for name, c in CONVENTIONS.items() if c.family == "gaussian"])
def test_thresholds_as_the_beta_of_the_loss(loss: str) -> None:
    options = {"loss": loss, "n_latents": 3, "batch_size": 64, "decoder_variance": 0.5}
    beta = LinearBetaVAE(1.0, **options).fit(X).beta_thresholds_
    for factor, active in ((0.999, 2), (1.001, 1)):
        assert LinearBetaVAE(beta[1] * factor, **options).fit(X).n_active_ == active


@CLOSED
@given(st.lists(st.integers(1, 299), max_size=5))
def test_partial_fit_sees_the_union(cuts: list[int]) -> None:
    ends = [0, *sorted(set(cuts)), len(X)]
    parts = LinearBetaVAE(0.3)
    for a, b in pairwise(ends):
        parts.partial_fit(X[a:b])
    whole = LinearBetaVAE(0.3).fit(X)
    # Components near-degenerate in nothing: the eigenvalues of X are well apart.
    np.testing.assert_allclose(parts.transform(X), whole.transform(X), atol=1e-9)
    assert parts.n_samples_seen_ == whole.n_samples_seen_ == 300


def test_weights_constant_columns_and_rank() -> None:
    x = np.column_stack([X, np.full(len(X), 3.0), X[:, 0]])
    w = np.random.default_rng(2).integers(0, 3, len(x))
    weighted, repeated = LinearBetaVAE(0.1).fit(x, sample_weight=w), LinearBetaVAE(0.1).fit(np.repeat(x, w, axis=0))
    np.testing.assert_allclose(weighted.thresholds_, repeated.thresholds_, rtol=1e-10, atol=1e-12)
    assert (weighted.thresholds_[-2:] == 0).all() and (weighted.components_[-2:] == 0).all()
    assert weighted.score(x, sample_weight=w) == pytest.approx(repeated.score(np.repeat(x, w, axis=0)), rel=1e-9)


def test_samples_have_the_moments_of_the_model() -> None:
    vae = LinearBetaVAE(0.5).fit(X)
    drawn = vae.sample(200_000, random_state=3, noise=True)
    covariance = vae.decoder_ @ vae.decoder_.T + vae.temperature_ * np.eye(5)
    # Standard error of a covariance of 200,000 rows: about √(2/N) of the largest entry; five of them.
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=5 * np.sqrt(2 / 200_000) * covariance.max())
    assert (vae.sample(3, random_state=3) == vae.sample(3, random_state=3)).all()
    assert np.linalg.matrix_rank(vae.sample(50, random_state=0) - vae.mean_) == vae.n_active_


def test_in_a_pipeline_with_names() -> None:
    frame = pd.DataFrame(X, columns=list("abcde"))
    pipe = make_pipeline(StandardScaler(), LinearBetaVAE(0.2, n_latents=2)).fit(frame)
    assert list(pipe.get_feature_names_out()) == ["linearbetavae0", "linearbetavae1"]
    assert cross_val_score(pipe, frame, cv=3).shape == (3,)
    vae = LinearBetaVAE(0.2).fit(frame)
    assert list(vae.feature_names_in_) == list("abcde")
    with pytest.raises(InputError, match="feature names should match"):
        vae.transform(frame[list("bacde")])
    copy = clone(vae.set_params(beta=0.7))
    assert repr(copy) == "LinearBetaVAE(beta=0.7)" and not hasattr(copy, "thresholds_")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"beta": 0.0}, "beta"),
        ({"beta": float("nan")}, "beta"),
        ({"loss": "msee"}, "loss must be one of .*did you mean 'mse'"),
        ({"loss": "bce"}, "squared error .*landau-vae cascade --loss"),
        ({"loss": "mse-sum-kl"}, "batch"),
        ({"n_latents": 0}, "n_latents must be an integer of at least 1"),
        ({"n_latents": 2.5}, "n_latents must be an integer"),
        ({"decoder_variance": -1.0}, "decoder_variance"),
    ],
)
def test_refuses_parameters(options: dict[str, object], match: str) -> None:
    vae = LinearBetaVAE(**options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=match):
        vae.fit(X)
    assert not hasattr(vae, "moments_")


def test_refuses_data() -> None:
    vae = LinearBetaVAE()
    with pytest.raises(NotFittedError, match="not fitted yet"):
        vae.transform(X)
    assert vae.partial_fit(X[:1]).n_samples_seen_ == 1
    with pytest.raises(NotFittedError):
        vae.score(X)
    vae.fit(X)
    for call, match in (
        (lambda: vae.fit(X[:1]), "at least 2 rows, got n_samples = 1"),
        (lambda: vae.fit(np.where(X > 9, np.inf, X)), "X: values must be finite"),
        (lambda: vae.fit(sparse.csr_array(X)), "sparse"),
        (lambda: vae.fit(X, sample_weight=[1.0]), "sample_weight: weights must be 300"),
        (lambda: vae.transform(X[:, :2]), "X has 2 features, but LinearBetaVAE is expecting 5"),
        (lambda: vae.inverse_transform(X[:, :2]), "5 latents per row, got 2"),
        (lambda: vae.sample(0), "n_samples must be"),
        (lambda: vae.set_params(gamma=1), "Invalid parameter 'gamma'"),
        (lambda: vae.get_feature_names_out(["a"]), "should have length equal"),
    ):
        with pytest.raises(InputError, match=match):
            call()
