"""What the experiment ``superfluous`` must show."""

import numpy as np
import pytest

from verify.experiments import superfluous
from verify.experiments.superfluous import noise_rows


@pytest.fixture(scope="module")
def result(experiment):
    return experiment("superfluous")


def test_noise_modes_of_linear_models_wake_below_the_edge(result):
    woken, above = result.findings["linear/noise-edge"], result.findings["linear/kl-above-edge"]
    # The top sample eigenvalue lies below the edge of infinite tables; the fit finds that eigenvalue.
    assert woken.exact < 1.05
    assert woken.measured == pytest.approx(woken.exact, abs=0.06)
    assert above.measured < 0.01


def test_free_networks_memorise_above_the_edge(result):
    found = result.findings
    assert found["free/kl-above-edge"].measured > 0.1
    assert found["free/linear-kl-above-edge"].measured < 0.01
    # Memorising is their equilibrium there, not a leftover of heating: F lies below full collapse.
    assert found["free/gain"].measured > 0
    assert found["free/test-gap"].measured > 4 * found["free/test-gap"].stderr > 0


def test_settings_and_figure(result):
    assert {"rows", "features", "seeds", "edge", "linear", "free"} <= set(result.settings)
    assert set(superfluous.draw(result)) == {"noise"}


def test_noise_has_the_variances_asked_for():
    x = noise_rows(4000, 3, np.random.default_rng(0), (25.0, 4.0))
    # Standard error of a variance: λ√(2/N), 2 % here.
    np.testing.assert_allclose(x.var(0), [25.0, 4.0, 1.0], rtol=0.09)
