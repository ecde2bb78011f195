"""What the experiment ``residual-cascade`` must show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from verify.experiments import ExperimentResult
from verify.experiments.mixtures import GROUPS, mixture_rows
from verify.experiments.residual_cascade import PRESETS, draw, losses

Experiment = Callable[[str], ExperimentResult]


@pytest.fixture(scope="module")
def result(experiment: Experiment) -> ExperimentResult:
    return experiment("residual-cascade")


def test_the_edge_meets_the_temperature_at_every_loss(result: ExperimentResult) -> None:
    for k in (1, 2, 3, 4):
        edge, above = result.findings[f"edge/{k}"], result.findings[f"above/{k}"]
        # Temperatures are 2.5 to 4 % apart; beside that, four standard errors of the estimate.
        assert abs(edge.measured - 1) < 0.06 + 4 * (edge.stderr or 0)
        assert above.measured < 1.06 + 4 * (above.stderr or 0)


def test_one_latent_is_lost_at_a_time(result: ExperimentResult) -> None:
    assert result.findings["lost-at-once"].measured == 1
    rates, t = result.curves["rates"], result.curves["T"]
    assert (rates[0] > 0.02).all(), "all four latents are active at first"
    assert (rates[-1] < result.settings["active_above"]).all(), "none is at last"
    # Nearly Gaussian data: far from the losses the rates follow linear theory.
    first = 0.5 * np.log(result.curves["eigenvalues"][0] / t[0])
    assert rates[0, :, 0].mean() == pytest.approx(first, rel=0.1)


def test_the_next_eigenvalue_is_the_edge_of_linear_models_only(result: ExperimentResult) -> None:
    linear, free = (result.findings[f"next-eigenvalue/{name}"] for name in ("linear", "free/two-groups"))
    assert abs(linear.measured - 1) < 0.01 + 4 * (linear.stderr or 0)
    assert free.exact == pytest.approx(1.596, abs=1e-3)
    assert free.exact is not None
    assert free.measured == pytest.approx(free.exact, rel=0.03)


def test_settings_and_figure(result: ExperimentResult) -> None:
    assert set(PRESETS["quick"]) <= set(result.settings)
    assert set(draw(result)) == {"losses"}


def test_losses_are_those_that_last() -> None:
    # A latent that comes back for one temperature has not been lost before.
    assert losses(np.array([[1.0], [0.0], [0.5], [0.0]]), 0.1) == {1: 2}
    assert losses(np.array([[0.0], [0.0]]), 0.1) == {}
    assert losses(np.array([[1.0], [1.0]]), 0.1) == {}
    assert losses(np.array([[1.0, 1.0], [0.0, 0.0]]), 0.1) == {1: 0, 2: 0}  # two at once


def test_the_mixture_has_its_moments() -> None:
    x = mixture_rows(400_000, np.random.default_rng(3))
    eigenvalues, axes = np.linalg.eigh(np.cov(x.T, ddof=0))
    # Standard error of an eigenvalue: λ√(2/N), 0.2 %.
    np.testing.assert_allclose(eigenvalues[::-1], np.exp(-0.1 * np.arange(8)), rtol=0.01)
    y = x @ axes[:, ::-1] / np.sqrt(eigenvalues[::-1])
    # Along the direction of the shift, ±v up to the signs of the axes, the excess kurtosis is −2a⁴ = −0.125, and
    # 0 is off by 10 standard errors √(24/N); the axes of close eigenvalues are found to some per cent.
    signs = np.array(np.meshgrid(*[[1.0]] + [[-1.0, 1.0]] * 7)).reshape(8, -1) / np.sqrt(8)
    some = y[:100_000] @ signs
    lowest = (np.mean(some**4, axis=0) / np.mean(some**2, axis=0) ** 2 - 3).min()
    assert -0.2 < lowest < -0.07


def test_the_groups_have_the_covariance_that_is_stated() -> None:
    np.testing.assert_allclose(np.cov(GROUPS.T, ddof=0), np.diag([9.0, 1.0]), atol=1e-12)
