"""Losses, gradients and bookkeeping of the stacked networks, against definitions written row by row."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.decomposition import PCA

from theory.errors import InputError
from theory.model import MODEL_CLASSES
from verify.activations import ACTIVATIONS
from verify.adam import Adam, cosine_rate
from verify.architecture import INITIALS, Architecture
from verify.likelihoods import LIKELIHOODS
from verify.linear_vae import SampledKernel
from verify.network import NetworkKernel
from verify.noise import fill_normal
from verify.stacked_network import NetworkParameters
from verify.trained_vae import network_from

D, K, M, N = 5, 2, 3, 30
T = np.array([0.3, 1.0, 4.0])


def _data(architecture: Architecture, rows: int = N, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, D)) @ rng.standard_normal((D, D))
    return 1 / (1 + np.exp(-x)) if architecture.likelihood == "bernoulli" else x - x.mean(0)


def _generators(count: int, seed: int = 1) -> list[np.random.Generator]:
    return [np.random.default_rng((seed, i)) for i in range(count)]


def _kernel(architecture: Architecture, t: np.ndarray = T, **changes: Any) -> tuple[NetworkKernel, np.ndarray]:
    x = changes.pop("x", None)
    x = _data(architecture) if x is None else x
    settings: dict[str, Any] = {"batch_size": len(x), "rows": np.random.default_rng(3), **changes}
    kernel = NetworkKernel(x, t, K, architecture, **settings)
    kernel.initialize(_generators(len(t)))
    # Off the initial zeros of biases, constants and ln η².
    kernel.theta += 0.1 * np.random.default_rng(4).standard_normal(kernel.theta.size).astype(kernel.theta.dtype)
    return kernel, x


_PHI: dict[str, Callable[[Any], Any]] = {
    "tanh": anp.tanh,
    "silu": lambda a: a / (1 + anp.exp(-a)),
    "relu": lambda a: anp.maximum(a, 0.0),
}


def _loss(p: Mapping[str, Any], architecture: Architecture, t: float, x: np.ndarray, noise: np.ndarray) -> Any:
    """F of one model by its definition, rows first, in functions that autograd knows; noise (K, N)."""
    phi = _PHI[architecture.activation]
    a = x if architecture.visible == "all" else x[:, list(architecture.visible)]
    for layer in itertools.count():
        if f"encoder.{layer}.weight" not in p:
            break
        a = phi(anp.dot(a, p[f"encoder.{layer}.weight"].T) + p[f"encoder.{layer}.bias"])
    mu = anp.dot(a, p["mean.weight"].T) + p["mean.bias"]
    if "log_variance" in p:
        rho = p["log_variance"] + anp.zeros(mu.shape)
    else:
        rho = anp.dot(a, p["log_variance.weight"].T) + p["log_variance.bias"]
    if architecture.clamp is not None:
        low, high = architecture.clamp
        rho = anp.where(rho < low, low, anp.where(rho > high, high, rho))
    f = mu + anp.exp(rho / 2) * noise.T
    depth = sum(name.startswith("decoder.") and name.endswith("weight") for name in p)
    for layer in range(depth):
        f = anp.dot(f, p[f"decoder.{layer}.weight"].T) + p[f"decoder.{layer}.bias"]
        if layer < depth - 1:
            f = phi(f)
    if architecture.likelihood == "bernoulli":
        probability = 1 / (1 + anp.exp(-f))
        score = -2 * anp.sum(x * anp.log(probability) + (1 - x) * anp.log(1 - probability))
    elif architecture.likelihood == "gaussian-learned-variance":
        omega = p["decoder_log_variance"]
        score = anp.sum((x - f) ** 2) / anp.exp(omega) + x.size * omega
    else:
        score = anp.sum((x - f) ** 2)
    return (score + t * anp.sum(mu**2 + anp.exp(rho) - rho - 1)) / len(x)


def _one(parameters: Mapping[str, np.ndarray], model: int) -> dict[str, np.ndarray]:
    return {name: value[model] for name, value in parameters.items()}


def _gradients_by_name(kernel: NetworkKernel) -> dict[str, np.ndarray]:
    """The kernel's gradient of F under the names of the export."""
    views = NetworkParameters(kernel._architecture, D, K, len(kernel._t), 2 * kernel.gradient)
    return views.named()


_EVERY = [
    pytest.param(Architecture(encoder=e, decoder=d, activation=a, model_class=c, likelihood=q), id=f"{c}-{q}-{a}")
    for c, q, (a, e, d) in itertools.product(
        MODEL_CLASSES,
        LIKELIHOODS,
        [("tanh", (7,), (6,)), ("silu", (4, 9), (3, 8, 4)), ("relu", (9, 4, 6), (8,))],
    )
]
_OTHERS = [
    pytest.param(Architecture(encoder=(6,), decoder=(6,), visible=(0, 3)), id="visible"),
    pytest.param(Architecture(encoder=(6,), decoder=(6,), clamp=None), id="no clamp"),
    pytest.param(Architecture(encoder=(6,), decoder=(6,), clamp=(-0.2, 0.3)), id="clamped"),
    pytest.param(Architecture(model_class="linear", clamp=(-0.05, 0.05)), id="clamped constant"),
    pytest.param(Architecture(encoder=(), decoder=()), id="flexible without hidden layers"),
]


@pytest.mark.parametrize("architecture", _EVERY + _OTHERS)
def test_gradient_is_that_of_automatic_differentiation(architecture: Architecture) -> None:
    kernel, x = _kernel(architecture)
    noise = np.random.default_rng(5).standard_normal((M, K, N))
    kernel.differentiate_at(x, noise)
    ours, parameters = _gradients_by_name(kernel), kernel.export()
    for model, t in enumerate(T):
        oracle = autograd.grad(_loss)(_one(parameters, model), architecture, t, x, noise[model])
        scale = max(float(np.abs(value).max()) for value in oracle.values())
        assert oracle.keys() == ours.keys()
        for name, value in oracle.items():
            # Two orders of some hundred float64 sums.
            np.testing.assert_allclose(ours[name][model], value, rtol=1e-12, atol=1e-12 * scale, err_msg=name)


# 17 to 48 units take another way through the products of the backward pass.
_WIDTHS = st.lists(st.sampled_from([1, 2, 16, 17, 20, 48, 49]), max_size=3).map(tuple)


@settings(derandomize=True, deadline=None, max_examples=25, database=None)
@given(_WIDTHS, _WIDTHS, st.sampled_from(sorted(ACTIVATIONS)), st.integers(1, 20), st.integers(1, 25), st.data())
@example((20,), (20,), "silu", 4, 25, None)
def test_gradient_of_any_shape(
    encoder: tuple[int, ...],
    decoder: tuple[int, ...],
    activation: str,
    latents: int,
    features: int,
    data: st.DataObject | None,
) -> None:
    """Any depth and width, more latents than features, and a batch that is shorter than the buffers."""
    rows = 7 if data is None else data.draw(st.integers(1, 9))
    rng = np.random.default_rng(len(encoder) + 10 * latents + 1000 * features)
    x, noise = rng.standard_normal((rows, features)), rng.standard_normal((2, latents, rows))
    architecture = Architecture(encoder=encoder, decoder=decoder, activation=activation)
    t = np.array([0.5, 2.0])
    kernel = NetworkKernel(x, t, latents, architecture, batch_size=9, rows=rng)
    kernel.initialize(_generators(2))
    # With zero biases a unit above a dead one sits on the kink of ReLU, where every slope in [0, 1] is right.
    kernel.theta += 0.1 * rng.standard_normal(kernel.theta.size)
    kernel.differentiate_at(x, noise)
    ours = NetworkParameters(architecture, features, latents, 2, 2 * kernel.gradient).named()
    for model in range(2):
        oracle = autograd.grad(_loss)(_one(kernel.export(), model), architecture, t[model], x, noise[model])
        scale = max(float(np.abs(value).max()) for value in oracle.values())
        for name, value in oracle.items():
            np.testing.assert_allclose(ours[name][model], value, rtol=1e-12, atol=1e-12 * scale, err_msg=name)


@pytest.mark.parametrize("architecture", _EVERY + _OTHERS)
def test_gradient_by_directional_derivatives(architecture: Architecture) -> None:
    kernel, x = _kernel(architecture)
    noise = np.random.default_rng(6).standard_normal((M, K, N))
    kernel.differentiate_at(x, noise)
    start, gradient = kernel.theta.copy(), 2 * kernel.gradient
    rng = np.random.default_rng(7)

    def along(direction: np.ndarray, h: float) -> float:
        kernel.theta[:] = start + h * direction
        parameters = kernel.export()
        return sum(float(_loss(_one(parameters, i), architecture, t, x, noise[i])) for i, t in enumerate(T))

    direction = rng.standard_normal(start.size)
    direction /= np.linalg.norm(direction)
    # Fourth-order differences: error h⁴ ~ 1e-14 and roundoff ε·F/h ~ 1e-11. No kink of ReLU or clamp is that close.
    h = 3e-4 if architecture.activation != "relu" and architecture.clamp in (None, (-12.0, 8.0)) else 1e-6
    slope = (8 * (along(direction, h) - along(direction, -h)) - along(direction, 2 * h) + along(direction, -2 * h)) / 12
    assert slope / h == pytest.approx(gradient @ direction, rel=1e-7, abs=1e-7)


def test_linear_class_is_the_sampled_linear_kernel() -> None:
    """Same batch and noise, width slope zero: the same gradient by other matrix products."""
    architecture = Architecture(model_class="linear")
    kernel, x = _kernel(architecture)
    p = kernel.export()
    linear = SampledKernel(x, T, K, batch_size=N, rows=np.random.default_rng(0))
    y, d, b, c = linear._parameters
    y[:, :K], y[:, K : 2 * K] = p["decoder.0.weight"].swapaxes(1, 2), p["mean.weight"]
    d[:], b[:], c[:] = p["decoder.0.bias"], p["mean.bias"], p["log_variance"]
    noise = np.random.default_rng(8).standard_normal((M, K, N))
    kernel.differentiate_at(x, noise)
    linear.differentiate_at(x, noise)
    ours, (g_y, g_d, g_b, g_c) = _gradients_by_name(kernel), linear._gradients
    for name, other in (
        ("decoder.0.weight", g_y[:, :K].swapaxes(1, 2)),
        ("mean.weight", g_y[:, K : 2 * K]),
        ("decoder.0.bias", g_d),
        ("mean.bias", g_b),
        ("log_variance", g_c),
    ):
        np.testing.assert_allclose(ours[name], 2 * other, rtol=1e-12, atol=1e-12 * np.abs(other).max(), err_msg=name)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_evaluate_is_the_loss_by_its_definition(likelihood: str) -> None:
    """The noise is that of copies of the generators, drawn batch by batch; the last batch is short."""
    architecture = Architecture(encoder=(6,), decoder=(6,), likelihood=likelihood)
    weights = np.random.default_rng(9).uniform(0.5, 2, N)
    kernel, x = _kernel(architecture, batch_size=8, weights=weights)
    generators = _generators(M)
    kernel._generators = generators
    found = kernel.evaluate()
    parameters = kernel.export()
    copies, blocks = _generators(M), []
    for i in range(0, N, 8):
        block = np.empty((M, K * len(x[i : i + 8])))
        fill_normal(copies, block, np.empty(block.size + M))
        blocks.append(block.reshape(M, K, -1))
    for model, t in enumerate(T):
        noise = np.concatenate(blocks, axis=2)[model]
        rows = [
            float(_loss(_one(parameters, model), architecture, t, x[i : i + 1], noise[:, i : i + 1])) for i in range(N)
        ]
        assert found["loss"][model] == pytest.approx(np.average(rows, weights=weights), rel=1e-12)
        assert found["reconstruction"][model] + 2 * t * found["rate"][model] == pytest.approx(
            found["loss"][model], rel=1e-14
        )
    # Looking did not draw from the generators.
    assert generators[0].standard_normal() == _generators(1)[0].standard_normal()


def test_validation_loss_repeats_itself_and_is_unbiased() -> None:
    architecture = Architecture(encoder=(6,), decoder=(6,))
    kernel, _ = _kernel(architecture, validation=_data(architecture, 4000, seed=0))
    first = kernel.validation_loss()
    kernel.differentiate()
    assert (kernel.validation_loss() == first).all()
    p, held_out = kernel.export(), _data(architecture, 4000, seed=0)
    for model, t in enumerate(T):
        noise = np.random.default_rng((10, model)).standard_normal((K, len(held_out)))
        halves = [float(_loss(_one(p, model), architecture, t, held_out[i::10], noise[:, i::10])) for i in range(10)]
        # Ten subsamples give the standard error of one noisy mean; the difference of two has √2 of it.
        assert abs(np.mean(halves) - first[model]) < 5 * np.sqrt(2 / 10) * np.std(halves, ddof=1)


def test_a_loss_can_be_asked_of_any_rows_and_weights() -> None:
    architecture = Architecture(encoder=(6,), decoder=(6,))
    rows = _data(architecture, 40, seed=3)
    kernel, _ = _kernel(architecture, validation=rows, batch_size=16)
    assert (kernel.loss_on(rows) == kernel.validation_loss()).all()
    # One block of noise: rows of weight 0 do not count, and only the ratios of weights do.
    weights = np.where(np.arange(len(rows)) < 16, 3.0, 0.0)
    np.testing.assert_allclose(kernel.loss_on(rows, weights), kernel.loss_on(rows[:16]), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_model_does_not_depend_on_its_neighbours(activation: str, dtype: str) -> None:
    """To the last bit: whichever chunk, whichever tile."""
    architecture = Architecture(encoder=(19,), decoder=(20, 17), activation=activation)
    x, t = _data(architecture), np.geomspace(0.1, 3, 7)
    settings: dict[str, Any] = {"batch_size": 16, "dtype": dtype}
    together = NetworkKernel(x, t, K, architecture, rows=np.random.default_rng(3), **settings)
    together.initialize(_generators(7))
    together._cut(3)
    alone = NetworkKernel(x, t[5:6], K, architecture, rows=np.random.default_rng(3), **settings)
    alone.initialize(_generators(7)[5:6])
    for _ in range(5):
        for kernel in (together, alone):
            kernel.differentiate()
            kernel.theta -= 1e-4 * kernel.gradient
    mine = together.owners() == 5
    assert (together.theta[mine] == alone.theta).all()
    assert (together.evaluate()["loss"][5] == alone.evaluate()["loss"]).all()


def test_owners_name_every_parameter_once() -> None:
    kernel, _ = _kernel(Architecture(encoder=(4,), decoder=(3,), likelihood="gaussian-learned-variance"))
    before = kernel.export()
    kernel.theta[kernel.owners() == 1] += 1
    for name, value in kernel.export().items():
        difference = value - before[name]
        assert np.allclose(difference[1], 1, rtol=1e-12) and not difference[[0, 2]].any()


def test_state_continues_to_the_last_bit() -> None:
    architecture = Architecture(encoder=(6,), decoder=(6,))
    kernel, _ = _kernel(architecture, batch_size=8)
    kernel.differentiate()
    theta, state = kernel.theta.copy(), kernel.state()
    rows, own = kernel._minibatches._generator.bit_generator.state, [g.bit_generator.state for g in kernel._generators]
    for _ in range(6):  # past the end of an epoch
        kernel.differentiate()
    other, _ = _kernel(architecture, batch_size=8)
    other.theta[:] = theta
    other.restore(state)
    other._minibatches._generator.bit_generator.state = rows
    for generator, saved in zip(other._generators, own, strict=True):
        generator.bit_generator.state = saved
    for _ in range(6):
        other.differentiate()
    assert (other.gradient == kernel.gradient).all()


@pytest.mark.parametrize("architecture", _EVERY[::3] + _OTHERS)
def test_export_round_trip(architecture: Architecture) -> None:
    kernel, x = _kernel(architecture)
    mu, rho = kernel.encode(x)
    f = kernel.decode(mu)
    parameters = kernel.export()
    for model in range(M):
        vae = network_from(_one(parameters, model), architecture)
        own_mu, own_rho = vae.encode(x)
        assert (own_mu == mu[model]).all() and (own_rho == rho[model]).all()
        assert (vae.decode(own_mu) == f[model]).all()
        assert (vae.latents, vae.features) == (K, D)
        assert (vae.decoder_variance is None) == (architecture.likelihood != "gaussian-learned-variance")
    # Encode and decode are the functions that were trained: without noise they give the distortion of the loss.
    if architecture.likelihood == "gaussian":
        at_zero = [float(_loss(_one(parameters, m), architecture, 0.0, x, np.zeros((K, N)))) for m in range(M)]
        np.testing.assert_allclose(np.square(f - x).sum(2).mean(1), at_zero, rtol=1e-12)


def test_decode_gives_the_mean_of_the_likelihood() -> None:
    kernel, _ = _kernel(Architecture(encoder=(4,), decoder=(4,), likelihood="bernoulli"))
    decoded = kernel.decode(np.random.default_rng(0).standard_normal((M, 7, K)))
    assert decoded.shape == (M, 7, D) and (decoded > 0).all() and (decoded < 1).all()


def test_blocks_of_rows_do_not_show() -> None:
    """More rows than one block of encode and decode."""
    kernel, _ = _kernel(Architecture(encoder=(4,), decoder=(4,)))
    x = np.random.default_rng(0).standard_normal((2500, D))
    mu, rho = kernel.encode(x)
    for piece in (slice(0, 3), slice(1020, 1030), slice(2490, 2500)):
        few_mu, few_rho = kernel.encode(x[piece])
        # Products of other shapes may be summed in another order.
        np.testing.assert_allclose(few_mu, mu[:, piece], rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(few_rho, rho[:, piece], rtol=1e-13, atol=1e-14)


def test_single_precision_follows_double() -> None:
    architecture = Architecture(encoder=(16,), decoder=(16,))
    kernel, x = _kernel(architecture)
    single, _ = _kernel(architecture, dtype="float32")
    single.theta[:] = kernel.theta
    noise = np.random.default_rng(0).standard_normal((M, K, N))
    kernel.differentiate_at(x, noise)
    single.differentiate_at(x.astype(np.float32), noise.astype(np.float32))
    assert single.gradient.dtype == np.float32
    # Sums of some tens of float32 products of order one.
    np.testing.assert_allclose(single.gradient, kernel.gradient, atol=1e-5 * np.abs(kernel.gradient).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_noise_is_normal(dtype: str) -> None:
    """Against the distribution and against independence of the two halves that share a radius."""
    out = np.empty((4, 50_001), dtype)
    fill_normal(_generators(4), out, np.empty(4 * 50_002, dtype))
    # Fixed draws: a correct generator fails at this level once in 10,000 seeds.
    assert stats.kstest(out.ravel(), "norm").pvalue > 1e-4
    first, second = out[:, :25_000].astype(np.float64), out[:, 25_001:].astype(np.float64)
    for power in (1, 2):
        correlation = np.corrcoef((first**power).ravel(), (second**power).ravel())[0, 1]
        assert abs(correlation) < 4 / np.sqrt(first.size)
    assert len(np.unique(out[:, 0])) == 4


def test_temperatures_can_change_between_steps() -> None:
    architecture = Architecture(encoder=(4,), decoder=(4,))
    kernel, x = _kernel(architecture)
    noise = np.random.default_rng(0).standard_normal((M, K, N))
    kernel.set_temperatures(2 * T)
    kernel.differentiate_at(x, noise)
    fresh, _ = _kernel(architecture, 2 * T)
    fresh.differentiate_at(x, noise)
    assert (kernel.gradient == fresh.gradient).all()


@pytest.mark.parametrize(
    ("initial", "activation", "gain"),
    [("kaiming", "relu", 2.0), ("kaiming", "tanh", 25 / 9), ("glorot", "relu", 2.0), ("uniform", "tanh", 1 / 3)],
)
def test_initial_weights_have_their_variance(initial: str, activation: str, gain: float) -> None:
    architecture = Architecture(encoder=(400,), decoder=(), activation=activation, initial=initial)
    flat = np.empty(NetworkParameters.size(architecture, 300, 5))
    parameters = NetworkParameters(architecture, 300, 5, 1, flat)
    parameters.initialize(_generators(1))
    named = parameters.named()
    fan = 350 if initial == "glorot" else 300
    # 120,000 draws: the sample variance has a relative error of 0.4 %.
    assert named["encoder.0.weight"].var() == pytest.approx(gain / fan, rel=0.02)
    assert (initial == "uniform") == bool(named["encoder.0.bias"].any())
    assert initial in INITIALS


def test_initial_width_is_the_log_variance_bias() -> None:
    for model_class in ("flexible", "linear"):
        architecture = Architecture(model_class=model_class, encoder=(8,), decoder=(8,), log_variance_bias=-4.0)
        x = _data(architecture)
        kernel = NetworkKernel(x, T, K, architecture, batch_size=N, rows=np.random.default_rng(0))
        kernel.initialize(_generators(M))
        rho = kernel.encode(np.zeros((1, D)))[1]
        np.testing.assert_allclose(rho, -4.0, rtol=1e-12)  # all biases before the last are zero, and tanh(0) is


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": (0,)}, "encoder must be widths"),
        ({"decoder": 64}, "decoder must be widths"),
        ({"activation": "gelu"}, "activation must be one of tanh, silu, relu"),
        ({"likelihood": "poisson"}, "likelihood must be one of"),
        ({"initial": "zeros"}, "initial must be one of"),
        ({"model_class": "flexble"}, "did you mean 'flexible'"),
        ({"visible": (1, 0)}, "visible must be 'all' or ascending"),
        ({"clamp": (3.0, 1.0)}, "clamp must be None or"),
        ({"log_variance_bias": -20.0}, "log_variance_bias must lie within clamp"),
        ({"log_variance_bias": float("nan")}, "log_variance_bias must be finite"),
    ],
)
def test_wrong_architectures_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Architecture(**changes)


def test_wrong_data_and_parameters_are_refused() -> None:
    rows = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"x must lie in \[0, 1\].*row 1 of column 2"):
        NetworkKernel(
            np.array([[0.0, 1, 1], [0, 1, 2]]), T, 1, Architecture(likelihood="bernoulli"), batch_size=2, rows=rows
        )
    with pytest.raises(InputError, match="visible must be columns below 3"):
        NetworkKernel(np.zeros((2, 3)), T, 1, Architecture(visible=(3,)), batch_size=2, rows=rows)
    kernel, _ = _kernel(Architecture(encoder=(4,), decoder=(4,)))
    parameters = _one(kernel.export(), 0)
    with pytest.raises(InputError, match=r"'encoder\.1\.bias' is missing"):
        network_from(parameters, Architecture(encoder=(4, 4), decoder=(4,)))
    with pytest.raises(InputError, match=r"'encoder\.0\.weight' must have shape"):
        network_from(parameters, Architecture(encoder=(5,), decoder=(4,)))
    with pytest.raises(InputError, match=r"'decoder\.0\.bias' must be there"):
        network_from({"mean.bias": np.zeros(1)}, Architecture())
    vae = network_from(parameters, Architecture(encoder=(4,), decoder=(4,)))
    with pytest.raises(InputError, match="x must have 5 columns"):
        vae.encode(np.zeros((3, 4)))
    with pytest.raises(InputError, match="z must have shape"):
        vae.decode(np.zeros((3, 4)))


@pytest.mark.parametrize("architecture", _EVERY[:1] + _OTHERS)
def test_an_architecture_survives_json(architecture: Architecture) -> None:
    assert Architecture(**json.loads(json.dumps(architecture.as_dict()))) == architecture


def _train(kernel: NetworkKernel, steps: int, rate: float) -> None:
    adam = Adam(kernel.theta, betas=(0.9, 0.999))
    for step in range(steps):
        kernel.differentiate()
        adam.step(kernel.gradient, cosine_rate(step, steps, rate))


def test_training_reaches_the_rate_distortion_bound_of_gaussian_data_and_not_less() -> None:
    """One dimension of variance 1: ``F* = T + T ln(1/T)`` below T = 1, and 1 above."""
    x = np.random.default_rng(0).standard_normal((20_000, 1))
    x = (x - x.mean()) / x.std()
    t = np.array([0.1, 0.5, 1.5])
    kernel = NetworkKernel(
        x,
        t,
        1,
        Architecture(encoder=(16,), decoder=(16,)),
        batch_size=256,
        rows=np.random.default_rng(1),
        dtype="float32",
    )
    kernel.initialize(_generators(3))
    _train(kernel, 1500, 5e-3)
    bound = np.where(t < 1, t - t * np.log(np.minimum(t, 1)), 1.0)
    excess = kernel.evaluate()["loss"] / bound - 1
    # F is a mean over 20,000 rows and draws of noise, whose terms vary by about themselves: 0.7 %; two of these below.
    assert (excess > -0.015).all() and (excess < 0.03).all()


def test_training_on_fixed_noise_would_pass_below_the_bound_and_fresh_noise_does_not() -> None:
    """A fair two-point variable is strictly sub-Gaussian: above T = 1 the rate–distortion bound is its variance, 1."""
    x = np.repeat([[-1.0], [1.0]], 16, axis=0)
    t, architecture = np.array([1.5]), Architecture(encoder=(16,), decoder=(32,))
    kernel = NetworkKernel(x, t, 1, architecture, batch_size=len(x), rows=np.random.default_rng(1))
    kernel.initialize(_generators(1))
    noise, adam = np.random.default_rng(2).standard_normal((1, 1, len(x))), Adam(kernel.theta, betas=(0.9, 0.999))
    for step in range(4000):
        kernel.differentiate_at(x, noise)
        adam.step(kernel.gradient, cosine_rate(step, 4000, 1e-2))
    # The decoder learns the noise of each row by heart, which costs no rate ...
    assert _loss(_one(kernel.export(), 0), architecture, t[0], x, noise[0]) < 0.9
    # ... and of which nothing is left with any other.
    assert kernel.evaluate()["loss"][0] > 1

    kernel.initialize(_generators(1))
    _train(kernel, 1500, 1e-2)
    assert kernel.evaluate()["loss"][0] == pytest.approx(1, abs=0.05)  # 32 draws; f is 0 up to what Adam leaves


def test_learned_variance_is_that_of_probabilistic_pca() -> None:
    """β = 1, affine: the maximum-likelihood η² is the mean of the eigenvalues left out (Tipping & Bishop 1999)."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 4)) @ np.diag([3.0, 1.2, 1.0, 0.8]) @ np.linalg.qr(rng.standard_normal((4, 4)))[0]
    x -= x.mean(0)
    architecture = Architecture(model_class="linear", likelihood="gaussian-learned-variance")
    kernel = NetworkKernel(x, np.array([1.0]), 1, architecture, batch_size=256, rows=np.random.default_rng(1))
    kernel.initialize(_generators(1))
    _train(kernel, 1500, 0.02)
    pca = PCA(n_components=1).fit(x)
    vae = network_from(_one(kernel.export(), 0), architecture)
    assert vae.decoder_variance is not None
    # Noise of the gradients: within 1 % over five seeds.
    assert vae.decoder_variance == pytest.approx(pca.noise_variance_, rel=0.02)


def test_bernoulli_collapses_at_the_top_eigenvalue_of_the_correlations() -> None:
    """With T = β and ℓ twice the cross-entropy, a latent of binary data dies at λ_max of the correlation matrix."""
    rng = np.random.default_rng(0)
    common = rng.random((4000, 1)) < 0.5
    x = np.where(rng.random((4000, 5)) < 0.6, common, rng.random((4000, 5)) < [0.5, 0.2, 0.4, 0.5, 0.7]).astype(float)
    top = np.linalg.eigvalsh(np.corrcoef(x.T))[-1]
    architecture = Architecture(model_class="linear", likelihood="bernoulli")
    kernel = NetworkKernel(x, top * np.array([0.8, 1.2]), 1, architecture, batch_size=256, rows=rng)
    kernel.initialize(_generators(2))
    _train(kernel, 2000, 0.01)
    mu, rho = kernel.encode(x)
    variance = mu.var(1)[:, 0]
    signal = variance / (variance + np.exp(rho[:, 0, 0]))
    assert signal[0] > 0.1 and signal[1] < 0.01
