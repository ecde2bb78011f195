"""What exact equilibria say of collapse: where it jumps, how far hysteresis reaches, and the laws in their limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numerics.functional import solve_functional
from numerics.functional_sweep import sweep_functional
from numerics.linear_equilibrium import Cascade
from numerics.pointset import PointSet, three_points
from numerics.rate_distortion import gaussian_rate_distortion
from numerics.subgaussian import subgaussian_proxy
from tests.strategies import CLOSED, spectra, spectrum_of
from theory.landau import reduce

Array = NDArray[np.float64]

SKEWED = {
    "one of three": ([-1.0, -1.0, 2.0], None),
    "unfair coin": ([0.0, 1.0], [0.8, 0.2]),
    "exponential": (-np.log((np.arange(12) + 0.5) / 12), None),
    "three points": three_points(0.7, 0.2),
}


@pytest.mark.parametrize("name", list(SKEWED))
def test_skewed_sets_jump_with_hysteresis_between_the_spinodals_only(name: str) -> None:
    points = PointSet.of(*SKEWED[name])
    variance = points.variance
    warmest = subgaussian_proxy(points).upper + 0.02 * variance
    # A step within the loop of each set, and enough room on both sides of it.
    sweep = sweep_functional(points, np.arange(0.945 * variance, warmest, 0.01 * variance), anchors=3)
    lo, hi = sweep.spinodals
    assert lo == pytest.approx(variance, rel=1e-12)
    assert lo < sweep.coexistence < hi
    change = sweep.changes[0]
    assert not change.continuous and change.hot_phase == "collapsed"
    assert 1e-3 < change.kl_jump < np.inf
    inside, outside = [], []
    for t, up, down in zip(sweep.temperatures, sweep.up, sweep.down, strict=True):
        (inside if lo < t < hi else outside).append(abs(up.F - down.F) / variance)
    assert max(outside) < 1e-9
    assert max(inside) > 1e-6
    # Heated, the active state lives on above coexistence; cooled, collapse below it.
    above = [u.active and not d.active for u, d in zip(sweep.up, sweep.down, strict=True) if lo < u.temperature < hi]
    assert all(above)


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(0.05, 1)), min_size=2, max_size=4))
@settings(CLOSED, max_examples=6)
def test_the_exchange_lies_in_the_sandwich(rows: list[tuple[float, float]]) -> None:
    points = PointSet.of(*(np.array(column) for column in zip(*rows, strict=True)))
    if points.variance < 1e-2:
        return
    proxy = subgaussian_proxy(points)
    sweep = sweep_functional(points, np.linspace(0.95 * points.variance, 1.02 * proxy.upper, 12), anchors=2)
    # F_RD ≤ F at every temperature is the guard of the sweep: it raises.
    assert sweep.unresolved is None
    assert points.variance * (1 - 1e-9) <= sweep.coexistence <= proxy.upper * (1 + 1e-9)


@given(spectra(), st.floats(1e-3, 3.0), st.integers(1, 12))
@CLOSED
def test_gaussian_data_with_enough_latents_attain_the_bound(lam: Array, share: float, latents: int) -> None:
    t = share * float(lam[0])
    bound = float(gaussian_rate_distortion(lam, t)[()])
    attained = float(Cascade(spectrum_of(lam), latents).free_energy(t)[0])
    # Sums of at most ten logarithms.
    if latents >= np.count_nonzero(lam > t):
        assert attained == pytest.approx(bound, rel=1e-12)
    else:
        assert attained >= bound * (1 - 1e-12)


@pytest.mark.parametrize(
    ("model", "kappa3", "kappa4", "slope"),
    [
        # KL = t/4p with 2p = 1 − κ3²; where width coding wins, F = −t²/g and KL = t/g with g = 8 − 4 κ4.
        ("linear", 0.6, 1.0, 1 / 2),
        ("nonlinear-decoder", 0.6, 1.0, 1 / (2 * (1 - 0.36))),
        ("nonlinear-mean", 0.6, 1.0, 1 / (2 * (1 - 0.36))),
        ("flexible", 0.0, 1.0, 1 / 2),
        ("flexible", 0.0, 1.6, 1 / 1.6),
    ],
)
def test_the_rate_starts_with_the_slope_of_the_law(model: str, kappa3: float, kappa4: float, slope: float) -> None:
    points, weights = three_points(kappa3, kappa4)
    # Beside κ4 = 3/2 mean coding is nearly as good and wins further down.
    depths = np.array([0.02, 0.01, 0.005]) * (0.06 if kappa4 > 1.5 else 1)
    rates = [solve_functional(points, 1 - t, weights=weights, model=model, bound=None).kl / t for t in depths]
    off = np.abs(np.array(rates) / slope - 1)
    # Corrections are of first order in t: halving it halves them, or better.
    assert (off[1:] < 0.55 * off[:-1]).all()
    assert off[-1] < 0.04


def test_the_jump_of_a_nonlinear_decoder_opens_by_the_tricritical_laws() -> None:
    """b = (1 − κ3²)/2 → −0: t* → b²/4d, KL → −b/4d, and the fold at 4/3 of t*, d from the engine."""
    signal = reduce("nonlinear-decoder", 6).signal
    assert signal is not None
    errors = []
    for over in (0.08, 0.04, 0.02):
        kappa3, kappa4 = np.sqrt(1 + over), 0.0
        values = {"T": 1, "kappa3": kappa3, "kappa4": kappa4}
        b, d = -over / 2, float(signal[2].subs({s: values[s.name] for s in signal[2].free_symbols}))
        assert d > 0.1
        t = b * b / (4 * d)
        points, weights = three_points(kappa3, kappa4)
        grid = 1 + t * np.array([-4.0, -1.0, 0.5, 1.15, 1.6, 3.0])
        sweep = sweep_functional(points, grid, weights=weights, model="nonlinear-decoder", anchors=2, bound=None)
        found, change = sweep.coexistence - 1, sweep.changes[0]
        errors.append([found / t - 1, change.kl_jump / (-b / (4 * d)) - 1, (sweep.spinodals[1] - 1) / found - 4 / 3])
    off = np.abs(np.array(errors))
    assert (off[1:] < 0.75 * off[:-1]).all()
    assert off[-1].max() < 0.1


@pytest.mark.parametrize("kappa4", [-1.5, 0.5])
def test_the_jump_of_flexible_encoders_opens_by_the_ray_law(kappa4: float) -> None:
    """T* − 1 → κ3² max over rays m = y r²: with a ≠ 0 for κ4 < 0, width-coded for κ4 > 0 (theory.transition_laws)."""
    y = np.linspace(0, 40, 400_001)
    law = float(np.max((2 * y + 8 / 3) ** 2 / (4 * (y + 2) * (y**2 / 2 + (8 - 4 * kappa4) * (y + 1)))))
    errors = []
    for kappa3 in (0.08, 0.04):
        points, weights = three_points(kappa3, kappa4)
        grid = 1 + law * kappa3**2 * np.array([-4.0, -1.0, 0.5, 0.8, 1.2, 3.0])
        sweep = sweep_functional(points, grid, weights=weights, anchors=2, bound=None)
        errors.append((sweep.coexistence - 1) / kappa3**2 / law - 1)
        assert (sweep.changes[0].cold_phase == "width-coded") is (kappa4 > 0)
    assert abs(errors[1]) < 0.75 * abs(errors[0])
    assert abs(errors[1]) < 0.05
