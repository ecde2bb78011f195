"""Training of whole sweeps: validation, reproducibility, equilibrium."""

from __future__ import annotations

import numpy as np
import pytest

from theory.errors import InputError
from verify.sweep import SweepPlan, default_temperatures, run_sweep, run_sweep_covariance

ARRAYS = ("decoder", "decoder_bias", "encoder", "encoder_bias", "log_variance", "log_variance_slope", "loss")


def _data(n: int = 60, d: int = 4) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d)) * [2.0, 1.3, 0.8, 0.3][:d]
    return x - x.mean(0)


def _same(a: object, b: object) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ARRAYS)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"temperatures": ()}, "temperatures"),
        ({"temperatures": (1.0, 0.0)}, "got 0.0"),
        ({"temperatures": (float("nan"),)}, "got nan"),
        ({"temperatures": (float("inf"),)}, "got inf"),
        ({"latents": 0}, "latents"),
        ({"steps": 0}, "steps"),
        ({"steps": 1.5}, "steps"),
        ({"seeds": 0}, "seeds"),
        ({"batch_size": -1}, "batch_size"),
        ({"chunk": 0}, "chunk"),
        ({"seed": -1}, "seed"),
        ({"mode": "guessed"}, "mode"),
        ({"schedule": "linear"}, "schedule"),
        ({"dtype": "float16"}, "dtype"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"betas": (0.9, 1.0)}, "betas"),
    ],
)
def test_plan_refuses(change: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=named):
        SweepPlan(**{"temperatures": (1.0,), **change})  # type: ignore[arg-type]


def test_plan_ignores_none_and_knows_its_mode() -> None:
    assert SweepPlan.default("exact", [1.0], steps=None) == SweepPlan.default("exact", [1.0])
    assert SweepPlan.default("sampled", [1.0]).dtype == "float32"
    with pytest.raises(InputError, match="mode"):
        SweepPlan.default("both", [1.0])  # type: ignore[arg-type]


@pytest.mark.parametrize(("v", "n", "t_min"), [(0.0, 3, 0.1), (np.nan, 3, 0.1), (1.0, 1, 0.1), (1.0, 3, 1.0)])
def test_temperatures_refuse(v: float, n: int, t_min: float) -> None:
    with pytest.raises(InputError):
        default_temperatures(v, n, t_min=t_min)


def test_data_are_checked() -> None:
    plan = SweepPlan.default("exact", [1.0], steps=2)
    x = _data()
    with pytest.raises(InputError, match="column 1 has mean"):
        run_sweep(x + np.array([0, 0.1, 0, 0]), plan)
    with pytest.raises(InputError, match="finite"):
        run_sweep(np.where(x > 1, np.nan, x), plan)
    with pytest.raises(InputError, match="matrix"):
        run_sweep(x[0], plan)
    with pytest.raises(InputError, match="weights"):
        run_sweep(x, plan, weights=np.ones(3))
    with pytest.raises(InputError, match="real numbers with at least 2 rows, got shape"):
        run_sweep(np.array([["1", "a"], ["2", "b"]]), plan)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="rows of different lengths"):
        run_sweep([[1.0, 2.0], [3.0]], plan)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="one weight must be positive"):
        run_sweep(x, plan, weights=np.zeros(len(x)))
    with pytest.raises(InputError, match="variance"):
        run_sweep(np.zeros((5, 2)), plan)
    with pytest.raises(InputError, match="workers"):
        run_sweep(x, plan, workers=0)
    with pytest.raises(InputError, match="square"):
        run_sweep_covariance(np.ones((2, 3)), plan)
    with pytest.raises(InputError, match="symmetric"):
        run_sweep_covariance(np.array([[1.0, 0.5], [0.0, 1.0]]), plan)
    with pytest.raises(InputError, match="exact"):
        run_sweep_covariance(np.eye(2), SweepPlan.default("sampled", [1.0]))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the overflow is the point
def test_divergence_is_reported_with_its_remedy() -> None:
    with pytest.raises(InputError, match="learning_rate 1e\\+200; lower it"):
        run_sweep(_data(), SweepPlan.default("exact", [1.0], steps=5, learning_rate=1e200))


@pytest.mark.parametrize("mode", ["exact", "sampled"])
def test_result_does_not_depend_on_workers(mode: str) -> None:
    plan = SweepPlan.default(mode, np.geomspace(8, 0.1, 5), seeds=3, latents=2, steps=120, chunk=4)  # type: ignore[arg-type]
    runs = [run_sweep(_data(), plan, workers=w) for w in (1, 2, 3)]
    assert _same(runs[0], runs[1]) and _same(runs[0], runs[2])


@pytest.mark.parametrize("mode", ["exact", "sampled"])
def test_seeds_differ_and_repeat(mode: str) -> None:
    plan = SweepPlan.default(mode, [2.0, 0.5], seeds=2, latents=2, steps=50)  # type: ignore[arg-type]
    first, again = run_sweep(_data(), plan), run_sweep(_data(), plan)
    assert _same(first, again)
    assert not np.array_equal(first.encoder[:, 0], first.encoder[:, 1])


def test_progress_counts_every_step() -> None:
    seen: list[tuple[int, int]] = []
    plan = SweepPlan.default("exact", np.geomspace(4, 0.1, 6), seeds=1, steps=250, chunk=2)
    run_sweep(_data(), plan, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (750, 750)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_error_in_progress_stops_the_training() -> None:
    def fail(done: int, total: int) -> None:
        raise RuntimeError("the caller's own")

    plan = SweepPlan.default("exact", np.geomspace(4, 0.1, 6), seeds=1, steps=10**9, chunk=2)
    with pytest.raises(RuntimeError, match="the caller's own"):
        run_sweep(_data(), plan, progress=fail)


def test_equilibrium_on_a_diagonal_covariance_with_more_latents_than_features() -> None:
    lam = np.array([4.0, 1.0, 0.0])
    t = np.array([5.0, 2.0, 0.5])
    sweep = run_sweep_covariance(np.diag(lam), SweepPlan.default("exact", t, latents=5, seeds=2, steps=6000))
    # F* = Σ_k [λ, or T(1 + ln λ/T) below threshold]
    best = np.array([5.0, 2 * (1 + np.log(2)) + 1, 0.5 * (2 + np.log(8) + np.log(2))])
    np.testing.assert_allclose(sweep.loss, best[:, None] * np.ones(2), rtol=1e-6)  # convergence, not roundoff
    assert sweep.gradient_norm.max() < 1e-3


def test_units_scale_out() -> None:
    """x → cx with T → c²T is the same problem: W and F scale, V inversely, σ not at all."""
    covariance = np.diag([3.0, 1.0])
    plan = SweepPlan.default("exact", [2.0, 0.5], latents=2, seeds=1, steps=3000)
    far = SweepPlan.default("exact", [2e8, 0.5e8], latents=2, seeds=1, steps=3000)
    a, b = run_sweep_covariance(covariance, plan), run_sweep_covariance(1e8 * covariance, far)
    np.testing.assert_allclose(b.loss, 1e8 * a.loss, rtol=1e-9)
    np.testing.assert_allclose(b.decoder, 1e4 * a.decoder, atol=1e-2)  # 1e-6 in units of the decoder
    np.testing.assert_allclose(b.encoder, 1e-4 * a.encoder, atol=1e-10)


def test_float32_reaches_the_same_free_energy() -> None:
    covariance = np.diag([3.0, 1.0])
    runs = [
        run_sweep_covariance(covariance, SweepPlan.default("exact", [2.0, 0.5], latents=2, steps=3000, dtype=d))
        for d in ("float64", "float32")
    ]
    np.testing.assert_allclose(runs[1].loss, runs[0].loss, rtol=1e-6)  # F is flat at its minimum


def test_sampled_training_finds_the_threshold_law() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((200, 2)) * [2.0, 0.5]
    x -= x.mean(0)
    lam = np.linalg.eigvalsh(x.T @ x / len(x))[::-1]
    t = lam[0] * np.array([1.5, 0.5])
    sweep = run_sweep(x, SweepPlan.default("sampled", t, latents=1, seeds=4, steps=3000))
    w2 = np.square(sweep.decoder).sum((2, 3)).mean(1)
    np.testing.assert_allclose(w2, [0, lam[0] - t[1]], atol=0.05 * lam[0])  # minibatch noise of four seeds
    assert (np.abs(sweep.log_variance_slope) < 0.1).all()


def test_weights_count_as_repetition() -> None:
    x = _data(20)
    weights = np.random.default_rng(3).integers(1, 4, 20)
    repeated = np.repeat(x, weights, axis=0)
    mean = repeated.mean(0)
    plan = SweepPlan.default("exact", [1.0], latents=2, seeds=1, steps=500)
    a = run_sweep(x - mean, plan, weights=weights.astype(float))
    b = run_sweep(repeated - mean, plan)
    np.testing.assert_allclose(a.loss, b.loss, rtol=1e-9)  # two orders of one sum
