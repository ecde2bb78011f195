"""The loss conventions as code, the Gaussian divergence against quadrature, the KL identity against plain averages."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.errors import InputError
from theory.kl_identity import derive_kl_identity
from theory.loss import (
    BETA,
    CONVENTIONS,
    E2,
    ETA,
    KL,
    MU,
    SIGMA,
    B,
    D,
    K,
    T,
    derive_conversions,
    derive_loss,
    gaussian_expectation,
    gaussian_kl,
    temperature_of,
)

EXACT = settings(derandomize=True, deadline=None, max_examples=20)
rationals = st.fractions(min_value=Fraction(1, 50), max_value=50, max_denominator=50)

FOUR_TERMS = sp.lambdify(
    (*sp.symbols("M A J", positive=True), sp.Symbol("m", real=True)), list(derive_kl_identity()["terms"].rhs), "mpmath"
)


def exact(value):
    return sp.Rational(value.numerator, value.denominator)


@pytest.mark.parametrize(
    ("name", "temperature", "weight"),
    [
        ("elbo", BETA * ETA**2, T / ETA**2),
        ("half_sse", BETA, T),
        ("sse", BETA / 2, 2 * T),
        ("mse", BETA * D / 2, 2 * T / D),
        ("mse_mean_kl", BETA * D / (2 * K), 2 * K * T / D),
        ("mse_sum_kl", BETA * B * D / 2, 2 * T / (B * D)),
    ],
)
def test_conversion_table(name, temperature, weight):
    """Every row of the published table, forward and back, from the loss."""
    derivation = derive_conversions()
    label = name.replace("_", "-")
    assert derivation[f"temperature-{label}"].rhs == temperature
    assert derivation[f"beta-{label}"].rhs == weight


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=lambda c: c.name)
def test_the_symbolic_loss_is_what_the_code_says(convention):
    """Run the line of code, and compare with the free energy at the derived temperature."""
    rng = np.random.default_rng(0)
    rows, features, latents = 5, 3, 2
    x, f, kl = (
        rng.normal(size=(rows, features)),
        rng.normal(size=(rows, features)),
        rng.gamma(1.0, size=(rows, latents)),
    )
    beta, eta = 0.7, 1.3
    numbers = {BETA: beta, ETA: eta, B: rows, D: features, K: latents}
    numbers |= {E2: ((x - f) ** 2).sum(1).mean(), KL: kl.sum(1).mean()}
    code = compile(convention.code, "convention", "eval")
    loss = eval(code, {"np": np}, {"x": x, "f": f, "kl": kl, "beta": beta, "eta": eta})  # noqa: S307 - our own table
    # A dozen additions of numbers of order one.
    assert float(convention.per_row.subs(numbers)) == pytest.approx(loss, rel=1e-13)
    found = convention.conversion
    free_energy = numbers[E2] + 2 * float(found.temperature.subs(numbers)) * numbers[KL]
    assert float(found.scale.subs(numbers)) * loss + float(found.offset.subs(numbers)) == pytest.approx(
        free_energy, rel=1e-13
    )


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (E2**2 + KL, "affine"),
        (E2 * KL + E2 + KL, "affine"),
        (E2 - KL, "must increase"),
        (sp.Symbol("a") * E2 + KL, "must increase"),
    ],
)
def test_losses_without_a_temperature(loss, message):
    with pytest.raises(InputError, match=message):
        temperature_of(loss)


@EXACT
@given(rationals, rationals, st.lists(rationals, min_size=1, max_size=7))
def test_gaussian_expectation_against_the_moment_recursion(mean, deviation, coefficients):
    """E zⁿ⁺¹ = m E zⁿ + n s² E zⁿ⁻¹, in fractions."""
    moments = [Fraction(1), mean]
    for n in range(1, len(coefficients)):
        moments.append(mean * moments[n] + n * deviation**2 * moments[n - 1])
    z = sp.Symbol("z")
    polynomial = sum(exact(c) * z**n for n, c in enumerate(coefficients))
    expected = sum(c * moment for c, moment in zip(coefficients, moments, strict=False))
    assert gaussian_expectation(polynomial, z, exact(mean), exact(deviation)) == exact(expected)


def test_gaussian_expectation_refuses_what_it_cannot_do():
    z = sp.Symbol("z")
    with pytest.raises(InputError, match="polynomial in z"):
        gaussian_expectation(sp.exp(z), z)


@pytest.mark.parametrize(("mean", "deviation"), [("0.3", "0.2"), ("-1.5", "1"), ("2", "3.25")])
def test_divergence_against_quadrature(mean, deviation):
    with mpmath.workdps(30):
        m, s = mpmath.mpf(mean), mpmath.mpf(deviation)

        def integrand(e):
            z = m + s * e
            log_ratio = (z**2 - e**2) / 2 - mpmath.log(s)
            return log_ratio * mpmath.exp(-(e**2) / 2) / mpmath.sqrt(2 * mpmath.pi)

        numeric = mpmath.quad(integrand, [-30, -10, 0, 10, 30])
        closed = mpmath.mpf(
            sp.N(gaussian_kl(MU, SIGMA).subs({MU: sp.Rational(mean), SIGMA: sp.Rational(deviation)}), 30)
        )
        # The quadrature is good to the working precision; ten digits of it are spent on the tails.
        assert abs(numeric - closed) < mpmath.mpf(10) ** -20


@EXACT
@given(st.lists(st.tuples(rationals, rationals), min_size=1, max_size=6))
def test_kl_identity_on_rows(rows):
    """The four terms add up to the plain average of the divergences, and none is negative."""
    n = len(rows)
    with mpmath.workdps(50):
        mu = [mpmath.mpf(m.numerator) / m.denominator for m, _ in rows]
        var = [(mpmath.mpf(s.numerator) / s.denominator) ** 2 for _, s in rows]
        plain = sum(m**2 + s - 1 - mpmath.log(s) for m, s in zip(mu, var, strict=True)) / (2 * n)
        mean = sum(mu) / n
        v, s = sum((m - mean) ** 2 for m in mu) / n, sum(var) / n
        jensen = mpmath.log(s) - sum(map(mpmath.log, var)) / n
        scale, signal = v + s, v / (v + s)
        parts = FOUR_TERMS(mpmath.sqrt(signal), mpmath.sqrt(scale), jensen, mean)
        # Rounding of a few sums at fifty digits of numbers below 1e4.
        assert abs(sum(parts) - plain) < mpmath.mpf(10) ** -42
        assert min(parts) > -(mpmath.mpf(10) ** -42)


def test_free_energy_and_stationarity_identities():
    loss, identity = derive_loss(), derive_kl_identity()
    assert loss["free-energy"].rhs == E2 + 2 * T * KL
    assert identity["mean-stationarity"].rhs == 0 and identity["scale-stationarity"].rhs == 1
    ratio = identity["invariance"].expression
    assert ratio.lhs != ratio.rhs and sp.cancel(ratio.lhs - ratio.rhs) == 0
