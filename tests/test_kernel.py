"""What the loop expects of every kernel, and of its optimiser."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.adam import Adam
from verify.architecture import Architecture
from verify.kernel import Array, Kernel
from verify.linear_vae import ExactKernel, SampledKernel
from verify.network import NetworkKernel
from verify.plan import SweepPlan

X = np.random.default_rng(0).standard_normal((50, 3)) * [2.0, 1.0, 0.5]
T = np.array([0.3, 1.0, 2.5])
Factory = Callable[[Array, np.random.Generator], Kernel]


def _network(likelihood: str, model_class: str, data: Array) -> Factory:
    small = Architecture(encoder=(5,), decoder=(4,), likelihood=likelihood, model_class=model_class)
    return lambda t, rows: NetworkKernel(data, t, 2, small, batch_size=16, rows=rows, validation=data[:7])


FACTORIES: dict[str, Factory] = {
    "exact": lambda t, rows: ExactKernel(X.T @ X / 50, t, 2),
    "sampled": lambda t, rows: SampledKernel(X, t, 2, batch_size=16, rows=rows, validation=X[:7]),
    "weighted": lambda t, rows: SampledKernel(X, t, 2, batch_size=16, rows=rows, weights=np.arange(50.0)),
    "network": _network("gaussian", "flexible", X),
    "constant width": _network("gaussian", "nonlinear-mean", X),
    "learned variance": _network("gaussian-learned-variance", "flexible", X),
    "bernoulli": _network("bernoulli", "nonlinear-decoder", (X > 0).astype(float)),
}
kernels = pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)


def _begin(factory: Factory, temperatures: Array = T) -> tuple[Kernel, list[np.random.Generator]]:
    generators = [np.random.default_rng((1, i)) for i in range(len(temperatures) + 1)]
    kernel = factory(temperatures, generators[0])
    kernel.initialize(generators[1:])
    return kernel, generators


def _train(kernel: Kernel, steps: int) -> None:
    for _ in range(steps):
        kernel.differentiate()
        kernel.theta -= 0.01 * kernel.gradient


@kernels
def test_every_parameter_has_one_owner_and_matters_to_no_other_model(factory: Factory) -> None:
    kernel, _ = _begin(factory)
    _train(kernel, 5)
    owners, before = kernel.owners(), kernel.validation_loss()
    assert owners.shape == kernel.theta.shape and sorted(set(owners.tolist())) == [0, 1, 2]
    assert (np.bincount(owners) == len(owners) / 3).all()
    start = kernel.theta.copy()
    for model in range(3):
        kernel.theta[:] = start
        kernel.theta[owners == model] += 0.1
        assert ((kernel.validation_loss() != before) == (np.arange(3) == model)).all()


@kernels
def test_state_and_parameters_are_all_that_the_next_step_depends_on(factory: Factory) -> None:
    kernel, generators = _begin(factory)
    _train(kernel, 5)  # in the middle of an epoch of 50 rows
    kernel.set_temperatures(2 * T)
    saved = copy.deepcopy((kernel.theta, kernel.state(), [g.bit_generator.state for g in generators]))
    _train(kernel, 5)
    other, others = _begin(factory, 7 * T)
    _train(other, 3)
    other.set_temperatures(2 * T)
    other.theta[:] = saved[0]
    other.restore(saved[1])
    for generator, state in zip(others, saved[2], strict=True):
        generator.bit_generator.state = state
    _train(other, 5)
    assert np.array_equal(other.theta, kernel.theta)


@kernels
def test_looking_changes_nothing_and_says_the_same_again(factory: Factory) -> None:
    kernel, looked = _begin(factory)[0], _begin(factory)[0]
    for _ in range(4):
        _train(kernel, 2)
        _train(looked, 2)
        first = looked.validation_loss()
        evaluated = looked.evaluate()
        looked.export()
        assert np.array_equal(looked.validation_loss(), first) and first.shape == (3,) and first.dtype == np.float64
        assert all(len(value) == 3 for value in evaluated.values()) and "loss" in evaluated
    assert np.array_equal(kernel.theta, looked.theta)


@kernels
def test_loss_is_affine_in_temperature(factory: Factory) -> None:
    """F = E ℓ + 2T E KL at fixed parameters, and at T = 0 the reconstruction is left."""
    kernel, _ = _begin(factory)
    _train(kernel, 5)
    losses = []
    for t in (0.0, 1.0, 2.0):
        kernel.set_temperatures(np.full(3, t))
        losses.append(kernel.validation_loss())
    np.testing.assert_allclose(losses[2] - losses[1], losses[1] - losses[0], rtol=1e-10)  # differences of O(1) numbers
    assert (losses[1] > losses[0]).all()


def test_adam_goes_on_where_it_was() -> None:
    rng = np.random.default_rng(0)
    gradients = rng.standard_normal((20, 6))
    theta, other = np.ones(6), np.ones(6)
    one, two = Adam(theta, betas=(0.9, 0.99)), Adam(other, betas=(0.5, 0.5))
    for g in gradients[:10]:
        one.step(g.copy(), 0.1)
    other[:] = theta
    two = Adam(other, betas=(0.9, 0.99))
    two.restore(one.state())
    for g in gradients[10:]:
        one.step(g.copy(), 0.1)
        two.step(g.copy(), 0.1)
    assert np.array_equal(theta, other)


def test_adam_holds_what_is_not_live() -> None:
    theta, free = np.ones(4), np.ones(4)
    held, plain = Adam(theta, betas=(0.9, 0.99)), Adam(free, betas=(0.9, 0.99))
    for g in np.random.default_rng(0).standard_normal((5, 4)):
        held.step(g.copy(), 0.1, np.array([1.0, 0.0, 1.0, 0.0]))
        plain.step(g.copy(), 0.1)
    assert theta[[1, 3]].tolist() == [1.0, 1.0] and np.array_equal(theta[[0, 2]], free[[0, 2]])


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    n=st.integers(1, 9),
    seeds=st.integers(1, 5),
    chunk=st.integers(1, 12),
    mode=st.sampled_from(["exact", "sampled"]),
    direction=st.sampled_from(["fresh", "up", "down"]),
)
def test_chunks_cover_a_plan_once(n: int, seeds: int, chunk: int, mode: str, direction: str) -> None:
    plan = SweepPlan(
        tuple(np.geomspace(1, 9, n)), seeds=seeds, chunk=chunk, mode=mode, direction=direction, steps=3  # type: ignore[arg-type]
    )  # fmt: skip
    seen = np.zeros((n, seeds), int)
    for number, part in enumerate(plan.chunks):
        assert part.number == number and len(part.seeds) <= chunk
        assert mode == "exact" or direction != "fresh" or len(set(part.seeds.tolist())) == 1
        for visited in part.visited:
            np.add.at(seen, (visited, part.seeds), 1)
    assert (seen == 1).all()
