"""Eigenvalues and axes: against scikit-learn's PCA, exact cases, conventions, wrong input."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from numerics.spectrum import Spectrum
from numerics.tables import load_table
from theory.errors import InputError


@pytest.mark.parametrize("name", ["breast-cancer", "wine", "digits"])
@pytest.mark.parametrize("standardize", [True, False])
def test_equals_scikit_learn(name: str, standardize: bool) -> None:
    x = load_table(name).values
    pca = PCA(svd_solver="full").fit(StandardScaler().fit_transform(x) if standardize else x)
    ours = Spectrum.from_data(x, standardize=standardize)
    n = len(x)
    reference = pca.explained_variance_ * (n - 1) / n  # scikit-learn divides by n − 1
    np.testing.assert_allclose(ours.eigenvalues, reference, rtol=0, atol=1e-12 * reference[0])
    unbiased = Spectrum.from_data(x, standardize=standardize, ddof=1)
    np.testing.assert_allclose(unbiased.eigenvalues, pca.explained_variance_, rtol=0, atol=1e-12 * reference[0])
    # Axes are defined up to sign; the leading ones are well separated in these tables.
    overlap = np.abs(np.sum(pca.components_[:5].T * ours.axes[:, :5], axis=0))
    np.testing.assert_allclose(overlap, 1, rtol=0, atol=1e-9)


def test_axes_diagonalise() -> None:
    x = load_table("wine").values
    s = Spectrum.from_data(x)
    z = s.standardized(x)
    np.testing.assert_allclose(s.axes.T @ (z.T @ z / len(z)) @ s.axes, np.diag(s.eigenvalues), atol=1e-13)
    np.testing.assert_allclose(s.axes.T @ s.axes, np.eye(13), atol=1e-13)
    assert (s.axes[np.abs(s.axes).argmax(0), np.arange(13)] > 0).all()
    assert s.total_variance == pytest.approx(13, abs=1e-12)


def test_eigenvalues_without_axes_are_the_same() -> None:
    x = load_table("wine").values
    with_axes, without = Spectrum.from_data(x), Spectrum.from_data(x, axes=False)
    assert without.axes is None
    np.testing.assert_allclose(without.eigenvalues, with_axes.eigenvalues, atol=1e-13)


def test_rank_deficiency_is_exact() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 6))
    x = np.column_stack([x, x[:, 0] - x[:, 1], 3 * x[:, 2]])
    s = Spectrum.from_data(x)
    assert s.rank == 6
    assert (s.eigenvalues[6:] == 0.0).all()
    few = Spectrum.from_data(x[:4])  # four centred rows span three directions
    assert few.rank == 3


def test_from_covariance() -> None:
    s = Spectrum.from_covariance([[2.0, 1.0], [1.0, 2.0]], columns=["a", "b"])
    np.testing.assert_allclose(s.eigenvalues, [3, 1], rtol=1e-15)
    np.testing.assert_allclose(np.abs(s.axes), np.sqrt(0.5), rtol=1e-15)
    assert s.columns == ("a", "b")
    assert Spectrum.from_covariance(np.zeros((2, 2))).rank == 0
    # A float covariance of rank one has a second eigenvalue of rounding size, sometimes negative.
    v = np.array([0.1, 0.7, 0.3])
    assert Spectrum.from_covariance(np.outer(v, v)).rank == 1


@pytest.mark.parametrize(
    ("matrix", "match"),
    [
        ([[1.0, 2.0]], "square matrix"),
        ([[1.0, np.nan], [np.nan, 1.0]], "finite real"),
        ([[1.0, 1j], [-1j, 1.0]], "finite real"),
        ([[1.0, 0.5], [0.4, 1.0]], "symmetric.*differ by 0.1"),
        ([[1.0, 2.0], [2.0, 1.0]], "positive semidefinite.*-1"),
    ],
)
def test_refuses_a_matrix_that_is_no_covariance(matrix: list[list[float]], match: str) -> None:
    with pytest.raises(InputError, match=match):
        Spectrum.from_covariance(matrix)


def test_refuses_data() -> None:
    with pytest.raises(InputError, match="at least 2 rows"):
        Spectrum.from_data([[1.0, 2.0]])
    with pytest.raises(InputError, match="'flat' is constant; drop with --drop-constant"):
        # 0.1 is not a binary number: its scatter is of rounding size, not zero.
        Spectrum.from_data([[1.0, 0.1], [2.0, 0.1], [4.0, 0.1]], columns=["x", "flat"])
    with pytest.raises(InputError, match="must name all 2 columns, got 1"):
        Spectrum.from_data(np.eye(2), columns=["x"])
    with pytest.raises(InputError, match=r"shape \(rows, 2\)"):
        Spectrum.from_data(np.eye(2)).standardized(np.eye(3))
    assert Spectrum.from_data([[1.0, 5.0], [2.0, 5.0]], standardize=False).rank == 1
