"""Certificates against floats, an independent exact twin, planted spectra and planted near-degeneracies."""

from __future__ import annotations

import sys
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from numerics.certificates import certify_active, certify_spectrum
from numerics.inertia import Counter, Engine, ExactMatrix, Inertia, inertia
from numerics.spectrum import Spectrum
from numerics.tables import load_table
from tests.strategies import CLOSED
from theory.errors import InputError, MissingExtraError

Array = NDArray[np.float64]
EPS = Fraction(float(np.finfo(np.float64).eps))
PYTHON_ENGINES: tuple[Engine, ...] = ("exact", "interval")


def random_covariance(rng: np.random.Generator) -> Array:
    """A covariance of one of the kinds that occur: full rank, rank-deficient, graded over decades, integer, equal λ."""
    d = int(rng.integers(1, 9))
    kind = rng.integers(5)
    if kind == 0:
        x = rng.normal(size=(3 * d, d))
        return x.T @ x / len(x)
    if kind == 1:
        x = rng.normal(size=(max(1, d // 2), d))
        return x.T @ x
    if kind == 2:
        x = rng.normal(size=(3 * d, d)) * 10.0 ** rng.uniform(-6, 3, size=d)
        return x.T @ x / len(x)
    if kind == 3:
        x = rng.integers(-3, 4, size=(d + 1, d)).astype(np.float64)
        return x.T @ x
    q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    s: Array = (q * rng.choice([0.5, 1.0, 2.0], size=d)) @ q.T
    return s


def check_against_floats(rng: np.random.Generator) -> None:
    s = random_covariance(rng)
    spectrum = certify_spectrum(s)
    exact = (s + s.T) / 2  # what the certificate says it certifies, up to one rounding
    lam = np.linalg.eigvalsh(exact)[::-1]
    # Float eigenvalues are backward stable: off by at most a few D·eps·λ_1.
    allowed = 16 * len(lam) * EPS * Fraction(float(max(lam[0], 0.0)))
    assert spectrum.status == "certified"
    assert len(spectrum.thresholds) == len(lam)
    for (lower, upper), value in zip(spectrum.thresholds, map(float, lam), strict=True):
        assert lower - allowed <= Fraction(value) <= upper + allowed
    for high, low in pairwise(spectrum.enclosures):
        assert low.upper <= high.lower
        assert low.first == high.first + high.multiplicity
    scale = max(lam[0], 1e-300)
    # Temperatures of all sizes, and ones within float resolution of an eigenvalue, where only the certificate knows.
    for t in (*(scale * 10.0 ** rng.uniform(-8, 0.5, size=3)), *(lam[lam > 0][:2] * (1 + rng.integers(-4, 5) * 2e-16))):
        proved = certify_active(s, float(t), engine="exact")
        assert proved == certify_active(s, float(t))  # by flint where it is installed
        assert proved.status == "certified"
        assert proved.active is not None
        assert proved.marginal is not None
        clearly = np.abs(lam - t) > float(allowed)
        assert np.count_nonzero(clearly & (lam > t)) <= proved.active
        assert proved.active + proved.marginal <= np.count_nonzero(~clearly | (lam > t))
        if clearly.all():
            assert proved.active == np.count_nonzero(lam > t)


def test_certificates_and_floats_never_disagree() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        check_against_floats(rng)


@pytest.mark.slow
def test_certificates_and_floats_never_disagree_at_length() -> None:
    rng = np.random.default_rng(1)
    for _ in range(2000):
        check_against_floats(rng)


def twin(matrix: ExactMatrix, sigma: Fraction) -> Inertia:
    """Another algorithm: Faddeev–LeVerrier's characteristic polynomial of S − σ1 and Descartes' rule of signs."""
    n = matrix.size
    a = [[Fraction(v) for v in row] for row in matrix.shifted(sigma)]
    m = [[Fraction(int(i == j)) for j in range(n)] for i in range(n)]
    coefficients = [Fraction(1)]
    for k in range(1, n + 1):
        product = [[sum((a[i][h] * m[h][j] for h in range(n)), Fraction(0)) for j in range(n)] for i in range(n)]
        c = -sum((product[i][i] for i in range(n)), Fraction(0)) / k
        coefficients.append(c)
        m = [[product[i][j] + (c if i == j else 0) for j in range(n)] for i in range(n)]
    equal = next(k for k, c in enumerate(reversed(coefficients)) if c)
    signs = [c > 0 for c in coefficients if c]
    above = sum(x != y for x, y in pairwise(signs))
    return Inertia(above, equal, n - above - equal, 0)


@st.composite
def sparse_integers(draw: st.DrawFn) -> ExactMatrix:
    """Small integer matrices with many zeros, diagonal included: every kind of pivoting happens."""
    n = draw(st.integers(1, 6))
    entry = st.sampled_from([0, 0, 0, 1, -1, 2])
    lower = [[draw(entry) for _ in range(i + 1)] for i in range(n)]
    return ExactMatrix.of([[lower[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)])


@CLOSED
@given(sparse_integers(), st.fractions(-3, 3, max_denominator=4))
def test_every_engine_counts_like_the_twin(matrix: ExactMatrix, sigma: Fraction) -> None:
    expected = twin(matrix, sigma)
    assert inertia(matrix, sigma) == expected
    interval = Counter(matrix, "interval", max_bits=256).at(sigma)
    # Intervals never prove a zero pivot, and without pivoting by blocks may give up earlier; they must not be wrong.
    assert interval is None or (interval.above, interval.equal, interval.below) == (
        expected.above,
        expected.equal,
        expected.below,
    )
    pytest.importorskip("flint")
    assert Counter(matrix, "flint").at(sigma) == expected


def planted(values: list[Fraction]) -> list[list[Fraction]]:
    """A dense rational matrix with exactly these eigenvalues: a Householder reflection of the diagonal."""
    n = len(values)
    v = [Fraction(k + 1) for k in range(n)]
    norm = sum((x * x for x in v), Fraction(0))
    q = [[Fraction(int(i == j)) - 2 * v[i] * v[j] / norm for j in range(n)] for i in range(n)]
    return [[sum((q[i][k] * values[k] * q[j][k] for k in range(n)), Fraction(0)) for j in range(n)] for i in range(n)]


GAP = Fraction(1, 10**14)


@pytest.mark.parametrize("engine", PYTHON_ENGINES)
def test_planted_near_degeneracy_is_refused_or_resolved(engine: Engine) -> None:
    values = [Fraction(3), 1 + GAP, Fraction(1), Fraction(1, 3)]
    s = planted(values)
    wide = certify_spectrum(s, width=1e-12, engine=engine)
    for (lower, upper), value in zip(wide.thresholds, values, strict=True):
        assert lower <= value <= upper
    narrow = certify_spectrum(s, width=GAP / 20, engine=engine)
    assert narrow.status == "certified"
    assert [e.multiplicity for e in narrow.enclosures] == [1, 1, 1, 1]
    for (lower, upper), value in zip(narrow.thresholds, values, strict=True):
        assert lower <= value <= upper
        assert upper - lower <= GAP / 20 * 3 * (1 + GAP)
    between = certify_active(s, 1 + GAP / 2, engine=engine)
    assert (between.active, between.marginal) == (2, 0)
    assert certify_active(s, 1 - GAP / 2, engine=engine).active == 3
    assert certify_active(s, 1 + 2 * GAP, engine=engine).active == 1


def test_low_precision_is_undecided_and_says_so() -> None:
    s = planted([Fraction(3), 1 + GAP**2, Fraction(1), Fraction(1, 3)])
    between = 1 + GAP**2 / 2
    vague = certify_active(s, between, engine="interval", max_bits=64)
    assert (vague.status, vague.active, vague.marginal, vague.bits) == ("undecided", None, None, 64)
    decided = certify_active(s, between, engine="interval", max_bits=1024)
    assert decided.active == 2
    assert decided.bits > 64  # it took more precision
    at_threshold = certify_active(s, Fraction(1), engine="interval", max_bits=256)
    assert at_threshold.status == "undecided"  # no precision of intervals proves equality
    assert certify_active(s, Fraction(1), engine="exact").marginal == 1
    spectrum = certify_spectrum(s, width=GAP**2 / 10, engine="interval", max_bits=64)
    assert spectrum.status == "undecided"
    assert sum(e.multiplicity for e in spectrum.enclosures) == 4
    for (lower, upper), value in zip(spectrum.thresholds, (3, 1 + GAP**2, 1, Fraction(1, 3)), strict=True):
        assert lower <= value <= upper


def test_degenerate_clusters_stay_clusters_at_any_width() -> None:
    s = planted([Fraction(5, 7), Fraction(5, 7), Fraction(5, 7), Fraction(2, 7), Fraction(0)])
    for width in (Fraction(1, 100), Fraction(1, 10**30)):
        certificate = certify_spectrum(s, width=width)
        assert [(e.first, e.multiplicity) for e in certificate.enclosures] == [(1, 3), (4, 1), (5, 1)]
        assert [c.multiplicity for c in certificate.clusters] == [3]
        assert all(e.exact for e in certificate.enclosures)
        assert certificate.enclosures[0].lower == Fraction(5, 7)
        assert certificate.total_variance == Fraction(17, 7)
        assert certificate.normalized_thresholds[0] == (Fraction(5, 17), Fraction(5, 17))
    assert certify_active(s, Fraction(5, 7)).marginal == 3


@pytest.mark.parametrize("name", ["wine", "breast-cancer"])
def test_certifies_the_spectra_of_shipped_data(name: str) -> None:
    x = load_table(name).values
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    s = z.T @ z / len(z)
    spectrum = Spectrum.from_covariance(s, axes=False)
    certificate = certify_spectrum((s + s.T) / 2)
    assert certificate.status == "certified"
    assert not certificate.clusters
    for (lower, upper), value in zip(certificate.thresholds, spectrum.eigenvalues, strict=True):
        assert float(lower) - 1e-13 * spectrum.eigenvalues[0] <= value <= float(upper) + 1e-13 * spectrum.eigenvalues[0]


def test_engines_certify_the_same() -> None:
    pytest.importorskip("flint")
    s = random_covariance(np.random.default_rng(5))
    certificates = [certify_spectrum(s, engine=engine) for engine in ("exact", "interval", "flint", "auto")]
    assert len({c.enclosures for c in certificates}) == 1


def test_large_matrix_by_intervals() -> None:
    """Above the size at which exact elimination is tried first, without flint."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(120, 44))
    s = x.T @ x / 120
    lam = np.linalg.eigvalsh(s)
    t = float(lam[20] + lam[21]) / 2
    assert certify_active(s, t, engine="interval").active == 44 - 21


def test_says_which_matrix() -> None:
    assert "as given" in certify_active([[2, 1], [1, 2]], 1).matrix
    assert "dyadic" in certify_active([[0.1, 0.0], [0.0, 0.2]], 0.1).matrix
    tilted = np.array([[1.0, 0.5], [np.nextafter(0.5, 1), 1.0]])
    certificate = certify_active(tilted, 1.5)
    assert certificate.matrix.startswith("(S + Sᵀ)/2, exactly")
    assert certificate.active == 1  # λ_1 is above 3/2 by a quarter of an ulp
    # The float 0.1 is not 1/10, and the certificate knows it.
    assert certify_active([[0.1]], Fraction(1, 10)).active == 1
    assert certify_active([[0.1]], 0.1).marginal == 1


def test_latents_limit_the_count() -> None:
    assert certify_active([[3, 0], [0, 2]], 1, latents=1).active == 1


@pytest.mark.parametrize(
    ("matrix", "match"),
    [
        ([[1, 2]], "square matrix"),
        ([[1, 2], [3, 4]], "symmetric.*differ by 1"),
        ([[1.0, np.nan], [np.nan, 1.0]], "finite floats, integers or fractions, got nan in row 1, column 2"),
        ([[True]], "finite floats, integers or fractions, got True"),
        ([[1, 2], [2, 1]], "positive semidefinite.*1 of its eigenvalues"),
    ],
)
def test_refuses_a_matrix(matrix: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        certify_spectrum(matrix)


def test_refuses_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="temperature must be positive"):
        certify_active([[1]], 0)
    with pytest.raises(InputError, match="temperature must be finite"):
        certify_active([[1]], float("inf"))
    with pytest.raises(InputError, match="latents must be an integer of at least 1"):
        certify_active([[1]], 1, latents=0)
    with pytest.raises(InputError, match="engine must be one of"):
        certify_active([[1]], 1, engine="guess")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="width must lie between 0 and 1"):
        certify_spectrum([[1]], width=0)
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(MissingExtraError, match=r"landau-vae\[flint\]"):
        certify_active([[1]], 1, engine="flint")
