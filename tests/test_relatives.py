"""The relatives against models that know nothing of them: quadrature, direct minimisation, NumPy's linear algebra."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

from theory.bottleneck import bottleneck_signal, critical_betas
from theory.conditional import residual_covariance
from theory.curves import Curve
from theory.dynamics_rates import slow_rate
from theory.errors import InputError
from theory.exponential_family import critical_beta, critical_matrix
from theory.learned_variance import learned_temperature, with_learned_variance
from theory.linear_mode import LAMBDA, S, V, W, mode_free_energy
from theory.loss import T
from theory.normal_form import LandauPolynomial
from theory.relatives import RELATIVES, derive_relative
from theory.residual import gaussian_edge, residual_matrix
from theory.sandwich import bernoulli_proxy, variance_proxy
from theory.truncated import coexistence

Z, DZ = np.linspace(-10, 10, 401, retstep=True)
"""Trapezium nodes: exact to rounding for the smooth densities below."""
moderate = settings(derandomize=True, deadline=None, max_examples=20)


def gauss(order: int = 60) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    return nodes, weights / weights.sum()


@pytest.mark.parametrize("name", sorted(set(RELATIVES) - {"curve", "transition-laws"}))  # those have their own files
def test_every_derivation_checks_and_prints(name: str) -> None:
    derivation = derive_relative(name)
    assert sum(len(step.residuals) + len(step.positives) for step in derivation) >= len(derivation)
    assert derivation.to_json()["steps"]
    assert derivation.to_latex()


def test_unknown_relative() -> None:
    with pytest.raises(InputError, match="did you mean 'conditional'"):
        derive_relative("conditonal")


# --- exponential families ---------------------------------------------------------------------------------------------


def family_loss(family: str, x: np.ndarray, weights: np.ndarray, beta: float) -> Callable[[np.ndarray], float]:
    """Loss of a VAE with linear encoder and decoder, natural parameters, by Gauss–Hermite quadrature over the noise."""
    noise, mass = gauss(40)
    partition = {"bernoulli": lambda t: np.logaddexp(0, t), "poisson": np.exp}[family]
    D = x.shape[1]

    def loss(parameters: np.ndarray) -> float:
        bias, w, v = parameters[:D], parameters[D : 2 * D], parameters[2 * D : 3 * D]
        shift, log_width = parameters[3 * D :]
        mu = x @ v + shift
        theta = bias + (mu[:, None] + math.exp(log_width) * noise)[..., None] * w
        likelihood = (partition(theta) - x[:, None, :] * theta).sum(-1) @ mass
        kl = (mu**2 + math.exp(2 * log_width) - 1 - 2 * log_width) / 2
        return float(weights @ (likelihood + beta * kl))

    return loss


@pytest.mark.parametrize("family", ["bernoulli", "poisson"])
def test_critical_beta_by_direct_minimisation(family: str) -> None:
    """Just above the predicted β the minimum is collapse; just below a minimiser leaves it."""
    if family == "bernoulli":
        x = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
        weights = np.array([5, 1, 1, 2, 1, 2, 1, 4]) / 17
    else:
        x = np.array([[0, 1, 1], [3, 2, 0], [1, 0, 2], [5, 4, 1]], dtype=float)
        weights = np.array([0.3, 0.3, 0.2, 0.2])
    mean = weights @ x
    S_x = (weights * (x - mean).T) @ (x - mean)
    beta = float(critical_beta(family, mean.tolist(), S_x.tolist()))
    D = 3
    bias = np.log(mean / (1 - mean)) if family == "bernoulli" else np.log(mean)
    information = mean * (1 - mean) if family == "bernoulli" else mean
    scale = np.sqrt(information)
    values, vectors = np.linalg.eigh(S_x / np.outer(scale, scale))
    assert values[-1] == pytest.approx(beta, rel=1e-12)
    soft = vectors[:, -1] / scale
    collapsed = np.concatenate([bias, np.zeros(2 * D + 2)])
    for factor, wakes in ((1.03, False), (0.97, True)):
        loss = family_loss(family, x, weights, factor * beta)
        start = collapsed.copy()
        start[D : 2 * D], start[2 * D : 3 * D] = 0.2 * soft, 0.2 * soft / beta
        start[3 * D] = -0.2 * soft @ mean / beta
        found = minimize(loss, start, method="BFGS", options={"gtol": 1e-7})
        # F falls by about (0.03)² of the loss scale below the threshold; collapse is reached to 1e-9 above it.
        assert (found.fun < loss(collapsed) - 1e-5) == wakes
        if not wakes:
            assert np.abs(found.x[D : 3 * D]).max() < 1e-3


def test_binary_data_have_their_correlation_matrix() -> None:
    rng = np.random.default_rng(7)
    x = (rng.random((200, 4)) < 0.4).astype(float)
    x[:, 1] = np.where(rng.random(200) < 0.7, x[:, 0], x[:, 1])
    centred = x - x.mean(0)
    found = critical_beta("bernoulli", x.mean(0).tolist(), np.round(centred.T @ centred / 200, 17).tolist())
    assert float(found) == pytest.approx(np.linalg.eigvalsh(np.corrcoef(x.T))[-1], rel=1e-12)
    assert critical_matrix("gaussian", [0], [[3]], 2) == sp.Matrix([[sp.Rational(3, 2)]])


# --- learned decoder variance -----------------------------------------------------------------------------------------


def optimal_loss(eigenvalues: np.ndarray, K: int, beta: float, variance: np.ndarray) -> np.ndarray:
    """Loss of the linear model minimised over the weights, by water-filling, at given decoder variances."""
    temperature = beta * variance[:, None]
    kept = eigenvalues[:K]
    active = np.where(kept > temperature, kept, temperature)
    F = np.sum(np.minimum(kept, temperature) + temperature * np.log(active / temperature), 1) + eigenvalues[K:].sum()
    return F / (2 * variance) + len(eigenvalues) / 2 * np.log(variance)


@moderate
@given(
    values=st.lists(st.fractions(0, 5, max_denominator=6), min_size=2, max_size=6).filter(lambda v: max(v) > 0),
    K=st.integers(1, 6),
    beta=st.fractions(sp.Rational(1, 4), 4, max_denominator=6),
)
def test_learned_temperature_minimises_the_loss(values: list[object], K: int, beta: object) -> None:
    found = learned_temperature(values, K, beta)
    eigenvalues = np.sort(np.array([float(v) for v in values]))[::-1]
    rank = int((eigenvalues > 0).sum())
    variance = np.exp(np.linspace(-12, 5, 200001))
    loss = optimal_loss(eigenvalues, K, float(beta), variance)
    if found.degenerate:
        assert rank <= K
        assert loss[0] < loss[1:].min()
        return
    if found.interval is not None:
        flat = variance[float(beta) * variance < float(found.interval[1]) * 0.999]
        assert np.ptp(optimal_loss(eigenvalues, K, float(beta), flat)) < 1e-9
        return
    (root,) = found.roots
    # Grid spacing in ln η² is 8.5e-5; the loss is smooth there.
    assert math.log(float(beta) * variance[loss.argmin()] / float(root)) == pytest.approx(0, abs=2e-4)
    distortion = np.minimum(eigenvalues[:K], float(root)).sum() + eigenvalues[K:].sum()
    assert float(root) == pytest.approx(float(beta) * distortion / len(eigenvalues), rel=1e-13)
    assert found.active == int((eigenvalues[:K] > float(root) * (1 + 1e-13)).sum())


def test_jump_from_zero_when_latents_suffice() -> None:
    eigenvalues = [4, 2, 1, 0]
    assert learned_temperature(eigenvalues, 3, 1.3).degenerate
    assert learned_temperature(eigenvalues, 3, sp.Rational(4, 3)).interval == (0, 1)
    (root,) = learned_temperature(eigenvalues, 3, 1.3334).roots
    assert 1 < root < 1.001
    assert learned_temperature(eigenvalues, 2, 1.3).roots[0] > 0


def test_beta_one_is_probabilistic_pca() -> None:
    """σ² of Tipping and Bishop, and the same from maximising the likelihood itself."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4))
    S_x = np.cov(x.T, bias=True)
    eigenvalues = np.linalg.eigvalsh(S_x)[::-1]
    (root,) = learned_temperature([float(v) for v in eigenvalues], 2).roots
    assert float(root) == pytest.approx(eigenvalues[2:].mean(), rel=1e-14)

    def likelihood(parameters: np.ndarray) -> float:
        loadings = parameters[:8].reshape(4, 2)
        C = loadings @ loadings.T + math.exp(parameters[8]) * np.eye(4)
        return float(np.linalg.slogdet(C)[1] + np.trace(np.linalg.solve(C, S_x)))

    values, vectors = np.linalg.eigh(S_x)
    start = np.concatenate([(vectors[:, 2:] * np.sqrt(values[2:])).ravel(), [0.0]])
    best = minimize(likelihood, start, method="BFGS", options={"gtol": 1e-9})
    assert math.exp(best.x[8]) == pytest.approx(float(root), rel=1e-5)


def test_learned_variance_lowers_the_quartic() -> None:
    """V ln(Dist/V) + 2T KL of a curve with idle directions, against the corrected polynomial; error of order m³."""
    curve, idle = Curve((1, sp.Rational(1, 2))), 2.0
    total = float(sum(curve.variances)) + idle
    polynomial = with_learned_variance(curve.landau(4), sp.nsimplify(1 / total, rational=True))
    T1 = 1.07
    value = sp.lambdify(
        sp.Symbol("m"),
        polynomial.expression.subs(
            {s: {"T": T1, "m": sp.Symbol("m")}[str(s)] for s in polynomial.expression.free_symbols}
        ),
    )
    errors = []
    for m in (0.02, 0.01):
        distortion = total - sum(float(v) * m**n for n, v in enumerate(curve.variances, start=1))
        exact_value = total * math.log(distortion / total) - T1 * math.log1p(-m)
        errors.append(abs(exact_value - value(m)))
    assert 7 < errors[0] / errors[1] < 9  # 8 for an error of third order
    two = LandauPolynomial.of(sp.sympify("(T - 1)*(a**2 + 2*r**2) + a**4 + r**4"), ("a", "r"), 4)
    assert with_learned_variance(two, sp.Rational(1, 2)).coefficient(1, 2) == -1


# --- conditional VAE and bottleneck -----------------------------------------------------------------------------------


def test_conditional_threshold_by_direct_minimisation() -> None:
    """Two features, one condition: F over all weights is below its collapsed minimum iff T < λ_max(S_{x|c})."""
    S_all = np.array([[2.0, 0.5, 0.9], [0.5, 1.5, -0.4], [0.9, -0.4, 1.2]])
    residual = residual_covariance(S_all[:2, :2].tolist(), S_all[:2, 2:].tolist(), S_all[2:, 2:].tolist())
    S_r = np.array(residual.tolist(), dtype=float)
    schur = S_all[:2, :2] - np.outer(S_all[:2, 2], S_all[:2, 2]) / S_all[2, 2]
    assert S_r == pytest.approx(schur, abs=1e-15)
    edge = np.linalg.eigvalsh(S_r)[-1]

    def free(parameters: np.ndarray, temperature: float) -> float:
        w, v, h = parameters[:2], parameters[2:5], parameters[5:7]
        s = math.exp(parameters[7])
        # Residual of feature d: x_d − w_d z − h_d k, with z = v·(x, k) + noise.
        rows = np.eye(3)[:2] - np.outer(w, v) - np.outer(h, [0, 0, 1])
        variance = v @ S_all @ v
        return float(np.trace(rows @ S_all @ rows.T) + w @ w * s + temperature * (variance + s - 1 - parameters[7]))

    rng = np.random.default_rng(0)
    for factor, wakes in ((1.02, False), (0.95, True)):
        results = [minimize(free, rng.normal(size=8), args=(factor * edge,), method="BFGS").fun for _ in range(5)]
        assert (min(results) < np.trace(S_r) - 1e-4) == wakes


def test_residual_covariance_with_singular_condition() -> None:
    doubled = residual_covariance([[2]], [[1, 1]], [[1, 1], [1, 1]])
    assert doubled == sp.Matrix([[1]])
    with pytest.raises(InputError, match="cross"):
        residual_covariance([[1]], [[1], [1]], [[1]])
    with pytest.raises(InputError, match="symmetric"):
        residual_covariance([[1, 2], [0, 1]], [[1], [1]], [[1]])


def test_bottleneck_by_direct_minimisation() -> None:
    S_x = np.array([[1.5, 0.4], [0.4, 1.0]])
    S_xy = np.array([[0.7, 0.1], [-0.2, 0.5]])
    S_y = np.array([[1.0, 0.2], [0.2, 0.8]])
    given = S_x - S_xy @ np.linalg.solve(S_y, S_xy.T)
    betas = [float(b) for b in critical_betas(S_x.tolist(), S_xy.tolist(), S_y.tolist())]
    ells = np.sort(np.linalg.eigvals(given @ np.linalg.inv(S_x)).real)
    assert betas == pytest.approx((1 / (1 - ells)).tolist(), rel=1e-12)

    def loss(a: np.ndarray, beta: float) -> float:
        full, left = 1 + a @ S_x @ a, 1 + a @ given @ a
        return float(np.log(full) - beta * np.log(full / left)) / 2

    for factor, wakes in ((0.97, False), (1.05, True)):
        results = [minimize(loss, [c, s], args=(factor * betas[0],), method="BFGS") for c, s in ((1, 0.3), (-0.5, 1))]
        best = min(results, key=lambda result: result.fun)
        assert (best.fun < -1e-7) == wakes
    signal = best.x @ S_x @ best.x
    predicted = float(bottleneck_signal(1.05 * betas[0], ells[0]))
    assert signal / (1 + signal) == pytest.approx(predicted, abs=1e-5)  # BFGS gradient tolerance
    with pytest.raises(InputError, match="positive definite"):
        critical_betas([[1, 1], [1, 1]], [[0], [0]], [[1]])


# --- dynamics ---------------------------------------------------------------------------------------------------------

entry = st.fractions(sp.Rational(1, 4), 4, max_denominator=4)


@moderate
@given(eigenvalue=entry, metric=st.tuples(entry, entry, entry))
def test_slow_rates_are_hessian_eigenvalues(eigenvalue: object, metric: tuple[object, ...]) -> None:
    lam = float(eigenvalue)
    P = np.diag([float(y) for y in metric])
    hessian = sp.lambdify((W, V, S, LAMBDA, T), sp.hessian(mode_free_energy(), (W, V, S)))
    rates = {}
    for step in (1e-5, -1e-5):
        temperature = lam * (1 + step)
        w = math.sqrt(max(lam - temperature, 0.0))
        state = (w, w / lam, min(temperature / lam, 1.0))
        rates[step] = np.linalg.eigvals(P @ np.array(hessian(*state, lam, temperature), dtype=float)).real.min()
        predicted = slow_rate(eigenvalue, sp.Rational(eigenvalue) * (1 + sp.Rational(str(step))), metric)
        # The next order is relative |T − λ|/λ·O(stiffness of the metric).
        assert rates[step] == pytest.approx(float(predicted), rel=5e-3)
    assert rates[-1e-5] / rates[1e-5] == pytest.approx(2, rel=5e-3)


def test_gradient_flow_relaxes_at_these_rates() -> None:
    """The decay of the flow itself, on both sides: a fit-free check through two times."""
    gradient = sp.lambdify((W, V, S, LAMBDA, T), [sp.diff(mode_free_energy(), y) for y in (W, V, S)])
    for temperature in (1.02, 0.98):
        w = math.sqrt(max(1 - temperature, 0.0))
        start = np.array([w + 1e-4, w + 1e-4, min(temperature, 1.0)])
        times = (150.0, 200.0)
        flow = solve_ivp(
            lambda _, y, T=temperature: [-g for g in gradient(*y, 1.0, T)],
            (0, 200),
            start,
            t_eval=times,
            rtol=1e-10,
            atol=1e-13,
        )
        offset = np.abs(flow.y[0] - w)
        rate = math.log(offset[0] / offset[1]) / (times[1] - times[0])
        # Next order in |T − λ| = 0.02 and in the start's amplitude.
        assert rate == pytest.approx(float(slow_rate(1, sp.Rational(str(temperature)))), rel=0.04)


# --- residual operator ------------------------------------------------------------------------------------------------


def second_latent(curve: Curve, m: float, h: np.ndarray, tau: float, temperature: float) -> float:
    """F of the curve with an active latent and a second one of mean τh(u), width 1; quadrature over both latents."""
    u, weights = gauss(50)
    x = np.stack([np.full_like(u, 1.0), u, (u**2 - 1) / math.sqrt(2)], 1)[:, 1:] * [float(c) for c in curve.c]
    first = np.exp(-((Z[:, None] - math.sqrt(m) * u) ** 2) / (2 * (1 - m))) / math.sqrt(2 * math.pi * (1 - m))
    second = np.exp(-((Z[:, None] - tau * h) ** 2) / 2) / math.sqrt(2 * math.pi)
    density = (first * weights) @ second.T
    mean = [(first * weights * x[:, k]) @ second.T for k in range(2)]
    inside = density > 1e-250
    explained = sum(float(np.sum(part[inside] ** 2 / density[inside])) for part in mean) * DZ**2
    kl = (-math.log(1 - m) + tau**2 * float(weights @ h**2)) / 2
    return float(weights @ (x**2).sum(1)) - explained + 2 * temperature * kl


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_second_variation_beside_an_active_latent(degree: int) -> None:
    curve, m = Curve((1, 0.75)), 0.5
    u, _ = gauss(50)
    h = {1: u, 2: (u**2 - 1) / math.sqrt(2), 3: (u**3 - 3 * u) / math.sqrt(6)}[degree]
    temperature = float(curve.temperature_at(m))
    base = second_latent(curve, m, h, 0.0, temperature)
    steps = [
        (second_latent(curve, m, h, t, temperature) + second_latent(curve, m, h, -t, temperature) - 2 * base)
        / (2 * t**2)
        for t in (0.02, 0.01)
    ]
    found = (4 * steps[1] - steps[0]) / 3  # Richardson: O(t⁴) is left
    gram = residual_matrix(curve, 3)[degree - 1, degree - 1]
    predicted = temperature - float(gram.subs(sp.Symbol("q", positive=True), math.sqrt(m)))
    assert found == pytest.approx(predicted, abs=1e-4)


def test_linear_second_latent_never_wakes() -> None:
    curve = Curve((1, sp.Rational(3, 4), sp.Rational(1, 3)))
    q = sp.Symbol("q", positive=True)
    m = sp.Symbol("m", nonnegative=True)
    state = (1 - m) * curve.equation_of_state
    assert sp.expand(residual_matrix(curve, 1)[0, 0] - state.subs(m, q**2)) == 0


@moderate
@given(
    signals=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3),
    degrees=st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12)),
)
def test_active_gaussian_modes_stay_below_the_temperature(signals: list[float], degrees: tuple[int, ...]) -> None:
    """‖R h‖²/T of a product of Hermite functions of several active modes is below 1."""
    pairs = list(zip(signals, degrees, strict=False))
    value = sum(
        n * m ** (n - 1) * (1 - m) * math.prod(k**j for i, (k, j) in enumerate(pairs) if i != which)
        for which, (m, n) in enumerate(pairs)
        if n
    )
    assert value < 1
    eigenvalues = sorted((1 / (1 - m) for m in signals), reverse=True)
    assert gaussian_edge(eigenvalues, len(eigenvalues), 1) < 1


def test_gaussian_edge_can_exceed_the_next_eigenvalue() -> None:
    assert gaussian_edge([1, 0.01], 1, 0.1) > 0.01
    assert gaussian_edge([1, 0.5], 1, 0.6) == 0.5
    with pytest.raises(InputError, match="active"):
        gaussian_edge([1, 0.5], 2, 0.6)


# --- sandwich ---------------------------------------------------------------------------------------------------------


@moderate
@given(p=st.fractions(sp.Rational(1, 50), sp.Rational(49, 50), max_denominator=60))
def test_proxy_of_a_bit(p: object) -> None:
    closed = bernoulli_proxy(p)
    found, _ = variance_proxy([0, 1], [1 - sp.Rational(p), sp.Rational(p)], dps=20)
    assert float(found) == pytest.approx(float(closed), rel=1e-12)
    assert found >= float(p) * (1 - float(p)) * (1 - 1e-14)


def test_strictly_sub_gaussian_sets() -> None:
    proxy, at = variance_proxy([-1, 1])
    assert (proxy, at) == (1, 0)
    nodes, weights = np.polynomial.legendre.leggauss(12)  # a uniform law by its quadrature
    proxy, _ = variance_proxy(nodes.tolist(), weights.tolist())
    assert float(proxy) == pytest.approx(1 / 3, rel=1e-12)
    proxy, at = variance_proxy([0, 0, 0, 0, 0, 0, 0, 3])
    assert proxy > 1.5 * 63 / 64  # a rare outlier: far above its variance


def two_point_free_energy(p: float, temperature: float) -> float:
    """Lowest F − F(0), over the variance, of a free one-latent VAE on a bit; decoder E[x|z]."""
    x = np.array([-math.sqrt(p / (1 - p)), math.sqrt((1 - p) / p)])
    weights = np.array([1 - p, p])

    def free(parameters: np.ndarray) -> float:
        mu, rho = parameters[:2], np.clip(parameters[2:], -4, 3)
        sigma = np.exp(rho)
        joint = weights * np.exp(-((3 * Z[:, None] - mu) ** 2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
        density = joint.sum(1) + 1e-300
        explained = float(np.sum((joint @ x) ** 2 / density)) * 3 * DZ
        return temperature * float(weights @ (mu**2 + sigma**2 - 1 - 2 * rho)) - explained

    rng = np.random.default_rng(1)
    starts = [np.concatenate([-s * x, c * x]) for s in (0.1, 0.5) for c in (-0.3, 0.0, 0.3)]
    starts += [rng.normal(scale=0.5, size=4) for _ in range(3)]
    return min(minimize(free, start, method="BFGS").fun for start in starts)


def test_coexistence_of_skew_bits_lies_inside_the_sandwich() -> None:
    """Flexible class, κ4 = κ3² − 2: T* of the expansion is inside the window; the real model agrees on both sides."""
    a, r, T_, k3, k4 = sp.symbols("a r T kappa3 kappa4")
    form = (T_ - 1) * (a**2 + 2 * r**2) - k3 * r * (2 * a**2 + sp.Rational(8, 3) * r**2) + (1 - k3**2) * a**4 / 2
    form += (8 - 4 * k4 - 4 * k3**2) * a**2 * r**2 + (8 - 4 * k4 - 6 * k3**2) * r**4
    polynomial = LandauPolynomial.of(form, ("a", "r"), 4)
    p = sp.Rational(2, 5)
    skew = (1 - 2 * p) / sp.sqrt(p * (1 - p))
    rational = sp.Rational(str(sp.N(skew, 12)))
    found = coexistence(polynomial, {"kappa3": rational, "kappa4": rational**2 - 2})
    window = float(bernoulli_proxy(p) / (p * (1 - p)))
    predicted = float(found.temperature)
    assert 1 < predicted < window
    assert two_point_free_energy(0.4, window) > -1e-9
    # κ3² = 1/6: the law holds to a relative O(κ3²) of T* − 1.
    assert two_point_free_energy(0.4, 1 + 0.7 * (predicted - 1)) < -1e-7
    assert two_point_free_energy(0.4, 1 + 1.4 * (predicted - 1)) > -1e-9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: critical_beta("gamma", [1], [[1]]), "family"),
        (lambda: critical_beta("bernoulli", [1], [[0]]), "mean"),
        (lambda: critical_beta("poisson", [0], [[0]]), "mean"),
        (lambda: critical_beta("poisson", [1, 1], [[1]]), "covariance"),
        (lambda: critical_beta("poisson", [1, 1], [[1, 0.5], [0, 1]]), "symmetric"),
        (lambda: learned_temperature([1, -1], 1), "eigenvalues"),
        (lambda: learned_temperature([1], 0), "latents"),
        (lambda: learned_temperature([1], 1, 0), "beta"),
        (lambda: slow_rate(1, -1), "positive"),
        (lambda: bernoulli_proxy(1), "probability"),
        (lambda: variance_proxy([1, 1]), "equal"),
        (lambda: variance_proxy([1, 2], [1]), "weights"),
        (lambda: bottleneck_signal(1, 0), "ell"),
        (lambda: residual_matrix(Curve((1,)), 0), "size"),
    ],
)
def test_bad_requests(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        make()


def test_working_precision_is_left_alone() -> None:
    before = mpmath.mp.dps
    Curve.parabola(1).jumps(40)
    variance_proxy([0, 1, 3], dps=40)
    critical_beta("poisson", [1], [[1]], dps=50)
    assert mpmath.mp.dps == before
