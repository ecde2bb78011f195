"""Names of losses, their sizes and their conversions, against the lines of code that users write."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.conventions import CONVENTIONS, LOSSES, beta_of, loss_convention, temperature_of
from theory.errors import InputError
from theory.loss import CONVENTIONS as DERIVED

SETTINGS = settings(deadline=None, derandomize=True, max_examples=30)
ROWS, FEATURES, LATENTS = 7, 5, 3
SIZES = {"features": FEATURES, "latents": LATENTS, "batch_size": ROWS, "decoder_variance": 0.3}
GAUSSIAN = [name for name in LOSSES if CONVENTIONS[name].family == "gaussian"]


def test_every_derived_convention_has_a_name_and_its_sizes() -> None:
    symbols = {"eta": "decoder_variance", "D": "features", "K": "latents", "B": "batch"}
    assert [name.replace("_", "-") for name in DERIVED] == GAUSSIAN
    for name in GAUSSIAN:
        temperature = DERIVED[CONVENTIONS[name].function].conversion.temperature
        needed = {symbols[str(s)] for s in temperature.free_symbols if str(s) in symbols}
        assert set(CONVENTIONS[name].sizes) == needed


@pytest.mark.parametrize("name", GAUSSIAN)
@SETTINGS
@given(beta=st.floats(1e-3, 1e3), seed=st.integers(0, 2**32 - 1))
def test_user_code_is_the_free_energy_up_to_a_factor_and_a_constant(name: str, beta: float, seed: int) -> None:
    """The user's line, evaluated on two models: its difference is proportional to that of e2 + 2 T KL."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(ROWS, FEATURES))
    models = [(rng.normal(size=x.shape), rng.exponential(size=(ROWS, LATENTS))) for _ in range(3)]
    code, eta = DERIVED[CONVENTIONS[name].function].code, np.sqrt(SIZES["decoder_variance"])
    names = {"np": np, "x": x, "beta": beta, "eta": eta}
    written = [float(eval(code, names | {"f": f, "kl": kl})) for f, kl in models]  # noqa: S307  # a line of our own
    t = float(temperature_of(name, beta, **SIZES))
    free = [float(((x - f) ** 2).sum(1).mean() + 2 * t * kl.sum(1).mean()) for f, kl in models]
    # Cross-multiplied differences of sums of some hundred terms; relative to the sizes that were subtracted.
    size = np.abs(written).max() * np.abs(free).max()
    left, right = (written[0] - written[1]) * (free[0] - free[2]), (written[0] - written[2]) * (free[0] - free[1])
    assert abs(left - right) <= 1e-12 * size
    assert (written[0] - written[1]) * (free[0] - free[1]) > 0


@pytest.mark.parametrize("name", LOSSES)
@SETTINGS
@given(beta=st.floats(1e-6, 1e6))
def test_round_trip(name: str, beta: float) -> None:
    # One division and one product by the same exact factor.
    assert float(beta_of(name, temperature_of(name, beta, **SIZES), **SIZES)) == pytest.approx(beta, rel=1e-15)


def test_arrays_zero_and_infinity() -> None:
    assert beta_of("sse", [0.0, 1.0, np.inf]).tolist() == [0.0, 2.0, np.inf]
    assert temperature_of("elbo", [1, 2], decoder_variance=0.5).tolist() == [0.5, 1.0]
    assert temperature_of("elbo", 2.0) == 2.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: loss_convention("MSE_sum_KL"), ["one of elbo", "did you mean 'mse-sum-kl'"]),
        (lambda: temperature_of("huber", 1.0), ["loss must be one of", "'huber'"]),
        (lambda: temperature_of("sse", 0.0), ["beta must be positive", "0.0"]),
        (lambda: temperature_of("sse", -1), ["beta must be positive"]),
        (lambda: temperature_of("sse", "hot"), ["beta must be a real number"]),
        (lambda: temperature_of("sse", float("nan")), ["beta must be positive"]),
        (lambda: beta_of("sse", -1.0), ["temperature must not be negative"]),
        (lambda: beta_of("mse", 1.0), ["'mse' needs features"]),
        (lambda: beta_of("mse-sum-kl", 1.0, features=3), ["'mse-sum-kl' needs batch_size", "rows in a batch"]),
        (lambda: beta_of("mse", 1.0, features=0), ["features must be an integer", "0"]),
        (lambda: beta_of("mse-mean-kl", 1.0, features=3, latents=True), ["latents must be an integer"]),
        (lambda: beta_of("elbo", 1.0, decoder_variance=0.0), ["decoder_variance must be positive"]),
    ],
)
def test_errors_name_the_argument_and_the_remedy(call: object, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        call()  # type: ignore[operator]
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
