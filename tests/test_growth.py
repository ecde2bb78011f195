"""Growth of small signals beside full collapse: networks against closed forms that know nothing of networks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics import _formulas
from theory.errors import InputError
from verify.architecture import Architecture
from verify.collapsed import collapsed_network
from verify.growth import Growth, measure_growth, network_streams
from verify.network import NetworkKernel
from verify.stacked_network import NetworkParameters
from verify.tangent import tangent_threshold

RATIOS = np.array([0.9, 0.97, 1.03, 1.1])


def _rows(n: int = 400) -> np.ndarray:
    """Rows of covariance diag(1, 0.4, 0.2), exactly."""
    x = np.random.default_rng(3).standard_normal((n, 3))
    x -= x.mean(0)
    return np.linalg.solve(np.linalg.cholesky(x.T @ x / n), x.T).T * np.sqrt([1.0, 0.4, 0.2])


def _tangent(x: np.ndarray, architecture: Architecture, trunk: str = "linear", seed: int = 0) -> float:
    flat = np.empty(NetworkParameters.size(architecture, x.shape[1], 1))
    network = collapsed_network(x, architecture, flat, network_streams(seed, 1), trunk=trunk)
    return float(tangent_threshold(x, network)[0])


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(model_class="linear"),
        Architecture(encoder=(16,), decoder=(16,), activation="silu"),
        Architecture(encoder=(16, 16), decoder=(16, 16), activation="relu", model_class="nonlinear-mean"),
    ],
    ids=["linear", "silu", "relu"],
)
def test_every_architecture_loses_stability_at_the_largest_eigenvalue(architecture: Architecture) -> None:
    x = _rows()
    # Pairs of SiLU or ReLU units are linear exactly.
    assert _tangent(x, architecture) == pytest.approx(1.0, abs=1e-9)
    growth = measure_growth(x, RATIOS, architecture, seeds=2, steps=120)
    # Finite time and noise: 1 % is what the experiment reaches on all data.
    np.testing.assert_allclose(growth.zeros, 1.0, atol=0.015)
    assert (growth.rates[0] > 0).all() and (growth.rates[-1] < 0).all()


def test_rates_of_the_linear_model_are_those_of_gradient_flow() -> None:
    """The slow eigenvalue of [[1, −λ], [−λ, Tλ]] with λ = 1: gradient flow of ½F in (w, v) at collapse."""
    growth = measure_growth(_rows(), RATIOS, Architecture(model_class="linear"), seeds=1, steps=200)
    exact = [-np.linalg.eigvalsh([[1.0, -1.0], [-1.0, t]])[0] for t in RATIOS]
    # Steps of finite length and the noise of z² leave a few per cent of the largest rate.
    np.testing.assert_allclose(growth.rates[:, 0], exact, atol=0.005)
    # The emitted law of critical slowing down, of gradient flow of F instead of ½F, to leading order in T − λ.
    law = _formulas.slow_rate_collapsed(1.0, 0.03, 1.0, 1.0) / 2
    assert -growth.rates[2, 0] == pytest.approx(law, abs=0.002)


def test_a_blind_encoder_loses_stability_at_its_own_eigenvalue() -> None:
    x = _rows()
    blind = Architecture(encoder=(), decoder=(16,), model_class="nonlinear-decoder", visible=(1, 2))
    tangent = _tangent(x, blind)
    # Columns are uncorrelated here: what is seen has eigenvalue 0.4, and tanh decoders are linear to a per mille.
    assert tangent == pytest.approx(0.4, rel=2e-3)
    zeros = measure_growth(x, tangent * RATIOS, blind, seeds=2, steps=300).zeros
    np.testing.assert_allclose(zeros, 0.4, rtol=0.03)


def test_few_drawn_units_lose_stability_where_their_regression_says() -> None:
    x = _rows()
    few = Architecture(encoder=(3,), decoder=(), activation="relu")
    tangent = _tangent(x, few, "drawn", seed=1)
    assert tangent < 0.95
    zeros = measure_growth(x, tangent * RATIOS, few, seeds=1, steps=400, trunk="drawn", seed=1).zeros
    np.testing.assert_allclose(zeros, tangent, rtol=0.03)


def test_the_tangent_threshold_of_binary_data_is_that_of_the_correlations() -> None:
    x = (np.random.default_rng(0).random((400, 5)) < np.linspace(0.2, 0.8, 5)).astype(float)
    x[:, 1] = np.where(np.random.default_rng(1).random(400) < 0.7, x[:, 0], x[:, 1])
    bits = Architecture(model_class="linear", likelihood="bernoulli")
    assert _tangent(x, bits) == pytest.approx(np.linalg.eigvalsh(np.corrcoef(x.T))[-1], rel=1e-12)


@settings(max_examples=12, derandomize=True, deadline=None)
@given(
    activation=st.sampled_from(["tanh", "silu", "relu"]),
    depth=st.integers(1, 3),
    width=st.integers(2, 9),
    trunk=st.sampled_from(["linear", "drawn"]),
    seed=st.integers(0, 100),
)
def test_no_architecture_exceeds_the_largest_eigenvalue(
    activation: str, depth: int, width: int, trunk: str, seed: int
) -> None:
    x = _rows(80)
    network = Architecture(encoder=(width,) * depth, decoder=(width,) * depth, activation=activation)
    assert 0 <= _tangent(x, network, trunk, seed) <= 1 + 1e-9


@pytest.mark.parametrize("trunk", ["linear", "drawn"])
@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli", "gaussian-learned-variance"])
def test_collapse_is_collapse(trunk: str, likelihood: str) -> None:
    """μ = 0, σ = 1, a constant decoder with the mean of x, and no gradient but that of noise."""
    x = (np.random.default_rng(0).random((50, 4)) < [0.2, 0.4, 0.6, 0.8]).astype(float)
    network = Architecture(encoder=(6,), decoder=(6,), likelihood=likelihood)
    kernel = NetworkKernel(x, np.ones(1), 1, network, batch_size=100, rows=np.random.default_rng(0))
    collapsed_network(x, network, kernel.theta, network_streams(0, 1), trunk=trunk)
    mu, log_variance = kernel.encode(x)
    assert not mu.any() and not log_variance.any()
    z = np.linspace(-3, 3, 7)[None, :, None]
    np.testing.assert_allclose(kernel.decode(z)[0], np.tile(x.mean(0), (7, 1)), atol=1e-12)
    both = np.tile(np.random.default_rng(1).standard_normal(50), (1, 1, 2))
    both[..., 50:] *= -1
    kernel.differentiate_at(np.tile(x, (2, 1)), both)
    heads = NetworkParameters(network, 4, 1, 1, kernel.gradient).encoder[-1]
    np.testing.assert_allclose(heads, 0, atol=1e-12)


def test_zeros_are_interpolated_and_not_invented() -> None:
    t = np.array([0.8, 1.0, 1.2])
    curved = 0.1 * (1.1 - t) + 0.05 * (1.1 - t) ** 2
    growth = Growth(t, np.column_stack([curved, np.full(3, -0.1)]))
    assert growth.zeros[0] == pytest.approx(1.1, abs=1e-12)
    assert np.isnan(growth.zeros[1])


def test_a_user_is_told_what_is_wrong() -> None:
    x = _rows(50)
    with pytest.raises(InputError, match="trunk must be one of linear, drawn, got 'random'"):
        measure_growth(x, [1.0], Architecture(model_class="linear"), trunk="random")
    with pytest.raises(InputError, match="does not grow at T = 200"):
        measure_growth(x, [1000.0], Architecture(model_class="linear"))
