"""The estimated residual edge against the exact one: small sets whose equilibria are known, and linear theory."""

from __future__ import annotations

import numpy as np
import pytest

from numerics.functional import FunctionalEquilibrium, solve_functional
from theory.errors import InputError
from verify.experiments.mixtures import GROUPS
from verify.trained_edge import TrainedEdge, trained_edge

_COPIES = 300


def _estimate(state: FunctionalEquilibrium, model_class: str, size: int = 1200) -> TrainedEdge:
    """From copies of the points, with the decoder E[x|z] that the posteriors imply."""
    mu, log_variance = state.mu, 2 * np.log(state.sigma)

    def decode(z: np.ndarray) -> np.ndarray:
        log_density = -0.5 * (np.square(z - mu.T) / np.exp(log_variance.T) + log_variance.T) + np.log(state.weights)
        q = np.exp(log_density - log_density.max(1, keepdims=True))
        return (q / q.sum(1, keepdims=True)) @ state.points

    rows = np.repeat(np.arange(len(state.points)), _COPIES)
    return trained_edge(
        decode, mu[rows], log_variance[rows], state.points[rows], (0,), generator=np.random.default_rng(0),
        model_class=model_class, collapsed_draws=1, size=size, pools=8,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("points", "T", "model_class"),
    [
        (GROUPS, 1.8, "nonlinear-decoder"),
        (GROUPS, 1.7, "flexible"),
        (np.array([[2.0, 0.3], [-1.0, 1.0], [0.0, -1.5], [-1.0, 0.2]]), 1.0, "flexible"),
    ],
)
def test_small_sets_have_the_edge_of_the_exact_solver(points: np.ndarray, T: float, model_class: str) -> None:
    state = solve_functional(points, T, model=model_class)
    found = _estimate(state, model_class)
    # Four standard errors of eight pools, and a per cent for what 1/B² leaves.
    assert abs(found.value - state.residual_edge) < 4 * found.stderr + 0.01 * state.residual_edge
    assert found.stderr < 0.05 * state.residual_edge


def test_a_linear_state_has_the_next_eigenvalue() -> None:
    lam, T = np.array([3.0, 1.0, 0.5]), 1.2
    rng = np.random.default_rng(1)
    x = rng.standard_normal((20_000, 3)) * np.sqrt(lam)
    mu = np.zeros((len(x), 2))
    mu[:, 0] = np.sqrt(lam[0] - T) / lam[0] * x[:, 0]  # v = w/λ, s = T/λ, w² = λ − T
    log_variance = np.broadcast_to([np.log(T / lam[0]), 0.0], mu.shape)

    def decode(z: np.ndarray) -> np.ndarray:
        return np.outer(z[:, 0], [np.sqrt(lam[0] - T), 0.0, 0.0])

    found = {
        name: trained_edge(
            decode, mu, log_variance, x, (0,), generator=np.random.default_rng(2), model_class=name,
            collapsed_draws=1, size=2000, pools=10,
        )
        for name in ("linear", "nonlinear-decoder", "flexible")
    }  # fmt: skip
    exact = np.square(x[:, 1]).mean()
    for name, edge in found.items():
        # Normal data: free functions gain nothing. The tolerance is four standard errors.
        assert abs(edge.value - exact) < 4 * edge.stderr + 0.01, name
    assert found["flexible"].largest > found["flexible"].value  # noise lifts a maximum; the extrapolation takes it back
    assert found["flexible"].rows_slope > 0


def test_what_does_not_fit_is_refused() -> None:
    x = np.zeros((20, 2))
    mu = np.zeros((20, 1))
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="active must be different latents"):
        trained_edge(lambda z: x, mu, mu, x, (1,), generator=rng)
    with pytest.raises(InputError, match="size must be"):
        trained_edge(lambda z: x, mu, mu, x, (), generator=rng, size=4)
    with pytest.raises(InputError, match="give the posterior of these rows"):
        trained_edge(lambda z: x, mu[:5], mu[:5], x, (), generator=rng)
    with pytest.raises(InputError, match="finite"):
        trained_edge(lambda z: x, mu * np.nan, mu, x, (), generator=rng)
