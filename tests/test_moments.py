"""Mean and covariance: against NumPy, against exact fractions, merged, weighted, and on wrong input."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics import moments
from numerics.moments import Moments
from theory.errors import InputError

EPS = np.finfo(float).eps


def data(n: int, d: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d)


# Shapes on both sides of every cut: one block, several blocks, several runs; GEMM and SYRK widths; wide.
@pytest.mark.parametrize("shape", [(2, 1), (1000, 5), (5000, 31), (5000, 32), (120_000, 40), (50, 300)])
def test_equals_numpy(shape: tuple[int, int]) -> None:
    x = data(*shape)
    m = Moments.of(x)
    reference = np.cov(x.T, bias=True).reshape(shape[1], shape[1])
    # Both sums round n times at worst like √n; a hundred ε of the largest entry leaves room for either order.
    np.testing.assert_allclose(m.covariance(), reference, rtol=0, atol=100 * EPS * np.abs(reference).max())
    np.testing.assert_allclose(m.mean, x.mean(0), rtol=0, atol=100 * EPS * np.abs(x).max())
    assert (m.n, m.weight) == (shape[0], float(shape[0]))


def test_exact_on_integers() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(-9, 10, (40, 3))
    n = len(x)
    mean = [Fraction(int(c), n) for c in x.sum(0)]
    exact = [[sum((int(r[i]) - mean[i]) * (int(r[j]) - mean[j]) for r in x) / n for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(Moments.of(x).covariance(), np.array(exact, dtype=float), rtol=1e-14, atol=1e-14)


def test_large_mean_keeps_digits() -> None:
    # Integers plus 2³⁰ are exact in float64, so the covariance must not change at all but for rounding; the textbook
    # formula E x² − (E x)² would lose all but the first digits here.
    x = np.random.default_rng(2).integers(-9, 10, (3000, 4)).astype(float)
    np.testing.assert_allclose(Moments.of(x + 2.0**30).covariance(), Moments.of(x).covariance(), rtol=0, atol=1e-13)


def test_float32_is_accumulated_in_float64() -> None:
    x = data(4000, 6).astype(np.float32)
    np.testing.assert_allclose(Moments.of(x).covariance(), np.cov(x.astype(float).T, bias=True), rtol=1e-12, atol=1e-13)


def test_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = data(200_000, 33)
    two = Moments.of(x)
    monkeypatch.setattr(moments.os, "cpu_count", lambda: 1)
    one = Moments.of(x)
    assert (one.scatter == two.scatter).all()
    assert (one.mean == two.mean).all()


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 60), st.integers(1, 5), st.integers(1, 59))
def test_merging_is_exact(seed: int, n: int, d: int, cut: int) -> None:
    x, cut = data(n, d, seed), min(cut, n - 1)
    w = np.random.default_rng(seed).integers(1, 5, n).astype(float)
    whole = Moments.of(x, w)
    merged = Moments.of(x[:cut], w[:cut]).merge(Moments.of(x[cut:], w[cut:]))
    size = np.abs(whole.scatter).max() + 1e-300
    np.testing.assert_allclose(merged.scatter, whole.scatter, rtol=0, atol=1e-12 * size)
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12, atol=1e-12)
    assert (merged.n, merged.weight) == (whole.n, whole.weight)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 50))
def test_weights_count_rows(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x, w = data(n, 3, seed), rng.integers(0, 4, n)
    w[0] = 1
    weighted, repeated = Moments.of(x, w), Moments.of(np.repeat(x, w, axis=0))
    np.testing.assert_allclose(weighted.covariance(), repeated.covariance(), rtol=1e-11, atol=1e-13)
    assert weighted.weight == repeated.n
    assert weighted.n == np.count_nonzero(w)


def test_ddof() -> None:
    x = data(50, 3)
    np.testing.assert_allclose(Moments.of(x).covariance(ddof=1), np.cov(x.T), rtol=1e-12)
    with pytest.raises(InputError, match="ddof must be 0"):
        Moments.of(x).covariance(ddof=2)
    with pytest.raises(InputError, match="at least 2 rows"):
        Moments.of(x[:1]).covariance(ddof=1)


@pytest.mark.parametrize(
    ("rows", "weights", "match"),
    [
        (np.ones((3, 2), dtype=complex), None, "real numbers, found complex"),
        (np.array([["a"]]), None, "real numbers"),
        (np.ones(3), None, r"two-dimensional .* got shape \(3,\)"),
        (np.ones((0, 3)), None, "at least one of each"),
        (np.array([[1.0, np.nan], [2.0, np.inf]]), None, "1 missing and 1 infinite in columns 'x2': 2.*--drop-missing"),
        (np.array([[1.0, 1e200], [2.0, -1e200]]), None, "column 'x2' reaches 1e.200.*overflows.*unit"),
        (np.ones((3, 2)), [1.0, 2.0], "weights must be 3 real numbers"),
        (np.ones((3, 2)), [1.0, -2.0, 1.0], "1 are negative .first in row 2"),
        (np.ones((3, 2)), [0.0, 0.0, 0.0], "at least one weight must be positive"),
    ],
)
def test_refuses(rows: np.ndarray, weights: list[float] | None, match: str) -> None:
    with pytest.raises(InputError, match=match):
        Moments.of(rows, weights)


def test_names_columns_and_merge_partners() -> None:
    with pytest.raises(InputError, match="'rain': 1"):
        Moments.of([[1.0, np.nan], [2.0, 3.0]], columns=["temp", "rain"])
    with pytest.raises(InputError, match="equal numbers of columns, got 2 and 3"):
        Moments.of(np.ones((2, 2))).merge(Moments.of(np.ones((2, 3))))
