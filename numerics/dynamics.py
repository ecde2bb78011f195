"""Gradient flow of the linear VAE: training in the limit of small steps, at fixed or annealed temperature.

=========  ======================================================================  ==============  ==============
symbol     meaning                                                                 shape           unit
=========  ======================================================================  ==============  ==============
``τ``      training time: ``dθ/dτ = −P ∇F(θ, T(τ))``                               scalar          1/(rate·F)
``θ``      W (D, K), V (K, D), ln s (K); the state kept is that of LinearVAE       (2DK + K,)
``P``      learning rates of W, V and ln s                                         3 numbers       see `Rates`
``T(τ)``   schedule: constant or annealed                                          scalar          data²
``M_k²``   signal fraction of latent k                                             (K,)            1
=========  ======================================================================  ==============  ==============

One step of gradient descent on F with learning rate h advances τ by h (on the loss ½F by h/2). V = Q B⁻¹ is the
encoder that users train, Q the one of `numerics.linear_landscape`: flow in V with rate p is flow in Q with rate p λ_d.
Gradient and Hessian are emitted from the derivation of the matrix form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from theory.errors import InputError, NonConvergenceError

from .linear_landscape import LinearVAE

__all__ = [
    "Rates",
    "Schedule",
    "Trajectory",
    "equilibrium_state",
    "gradient_flow",
    "relaxation_spectrum",
    "small_start",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rates:
    """Learning rates P of the three groups of parameters: ``decoder`` W, ``encoder`` V, ``width`` ln s, positive."""

    decoder: float = 1.0
    encoder: float = 1.0
    width: float = 1.0

    def __post_init__(self) -> None:
        for name in ("decoder", "encoder", "width"):
            if not 0 < getattr(self, name) < np.inf:
                raise InputError(f"learning rate {name} must be positive and finite, got {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Temperature as a piecewise linear function of training time, constant outside the knots.

    Parameters
    ----------
    times : tuple of float
        Ascending.
    temperatures : tuple of float
        Positive, one per knot.

    Examples
    --------
    >>> warm_up = Schedule.annealed(0.5, 1.0, 50.0)  # KL annealing: T rises to its final value
    >>> warm_up(25.0), warm_up(80.0)
    (0.75, 1.0)
    """

    times: tuple[float, ...]
    temperatures: tuple[float, ...]

    def __post_init__(self) -> None:
        t, value = np.asarray(self.times, dtype=np.float64), np.asarray(self.temperatures, dtype=np.float64)
        if t.ndim != 1 or t.shape != value.shape or not t.size or not np.isfinite(t).all() or (np.diff(t) <= 0).any():
            raise InputError("times must be ascending and finite, one per temperature; give the knots of T(τ)")
        if not (np.isfinite(value) & (value > 0)).all():
            raise InputError(f"temperatures must be positive and finite, got {self.temperatures}; T is a variance")

    @classmethod
    def constant(cls, temperature: float) -> Schedule:
        """T(τ) = T."""
        return cls((0.0,), (float(temperature),))

    @classmethod
    def annealed(cls, first: float, last: float, duration: float) -> Schedule:
        """Linear from ``first`` at τ = 0 to ``last`` at τ = ``duration``; upwards it is the usual KL annealing."""
        return cls((0.0, float(duration)), (float(first), float(last)))

    def __call__(self, time: float) -> float:
        """T(τ)."""
        return float(np.interp(time, self.times, self.temperatures))


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Solution of the flow at n times.

    Attributes
    ----------
    model : LinearVAE
    time, temperature : ndarray (n,)
        τ and T(τ).
    state : ndarray (n, 2DK + K)
        As :meth:`LinearVAE.unpack` reads it.
    free_energy : ndarray (n,)
        F at the temperature of the moment.
    status : {"complete", "stopped"}
    residual : float
        Largest |∂F/∂θ| at the last state, in the coordinates of the landscape, over λ_1: how far from equilibrium.
    iterations : int
        Gradients computed.
    """

    model: LinearVAE
    time: Array
    temperature: Array
    state: Array
    free_energy: Array
    status: Literal["complete", "stopped"]
    residual: float
    iterations: int

    @property
    def signal_fraction(self) -> Array:
        """M_k² of every latent at every time, (n, K)."""
        _, q, s = self.model.unpack(self.state)
        signal = np.square(q).sum(axis=-1)
        fraction: Array = signal / (signal + s)
        return fraction

    @property
    def rate(self) -> Array:
        """Total KL in nats at every time, (n,)."""
        _, q, s = self.model.unpack(self.state)
        kl: Array = 0.5 * (np.square(q).sum(axis=(-2, -1)) + (s - 1 - np.log(s)).sum(axis=-1))
        return kl

    @property
    def final(self) -> Array:
        """The last state."""
        last: Array = self.state[-1]
        return last


def gradient_flow(
    model: LinearVAE,
    schedule: Schedule | float,
    duration: float,
    *,
    start: ArrayLike,
    rates: Rates | None = None,
    samples: int = 200,
    rtol: float = 1e-9,
    atol: float = 1e-12,
    throw: bool = True,
) -> Trajectory:
    """Integrate ``dθ/dτ = −P ∇F(θ, T(τ))``.

    Parameters
    ----------
    model : LinearVAE
        Spectrum and number of latents.
    schedule : Schedule or float
        T(τ), or one temperature.
    duration : float
        τ at the end, > 0.
    start : array_like, shape (2DK + K,)
        State of the model at τ = 0, as :meth:`LinearVAE.pack` makes it; :func:`small_start` gives one.
    rates : Rates, optional
        Learning rates, all 1 by default.
    samples : int
        Times kept, equally spaced, both ends included; at least 2.
    rtol, atol : float
        Tolerances of the integrator.
    throw : bool
        Whether an integration that stops early raises.

    Returns
    -------
    Trajectory

    Raises
    ------
    InputError
        For an unusable argument.
    NonConvergenceError
        If the integrator stops early and ``throw`` is true; its state is the trajectory up to there.

    Notes
    -----
    The flow is stiff near a threshold (critical slowing down beside fast widths), so LSODA gets the exact Jacobian, and
    is restarted at the knots of the schedule, where T(τ) has kinks.

    Examples
    --------
    >>> model = LinearVAE([2.0, 1.0], 1)
    >>> flow = gradient_flow(model, 0.5, 100.0, start=small_start(model, 0.1, seed=0))
    >>> bool(abs(flow.signal_fraction[-1, 0] - 0.75) < 1e-9)  # 1 − T/λ_1
    True
    """
    plan = schedule if isinstance(schedule, Schedule) else Schedule.constant(schedule)
    if not 0 < duration < np.inf:
        raise InputError(f"duration must be positive and finite, got {duration!r}; it is learning rate times steps")
    if isinstance(samples, bool) or samples != int(samples) or samples < 2:
        raise InputError(f"samples must be an integer of at least 2, got {samples!r}; both ends are kept")
    y = model.landscape.state(start)
    force, jacobian = _flow(model, plan, rates or Rates())
    times = np.linspace(0.0, duration, int(samples))
    knots = [knot for knot in plan.times if 0 < knot < duration]
    theta, evaluations, complete = _log_width(model, y), 0, True
    kept, states = [np.zeros(1)], [theta[None]]
    for begin, end in zip([0.0, *knots], [*knots, duration], strict=True):
        inside = times[(times > begin) & (times <= end)]
        # The end of a piece is always asked for: the next one starts there.
        asked = inside if end in inside else np.append(inside, end)
        found = solve_ivp(force, (begin, end), theta, method="LSODA", t_eval=asked, jac=jacobian, rtol=rtol, atol=atol)
        evaluations += int(found.nfev)
        kept.append(found.t[: len(inside)])
        states.append(found.y.T[: len(inside)])
        complete = found.status == 0
        if not complete:
            break
        theta = found.y[:, -1]
    time = np.concatenate(kept)
    state = _width(model, np.vstack(states))
    at = np.array([plan(t) for t in time])
    f = model.landscape
    result = Trajectory(
        model,
        time,
        at,
        state,
        np.array([float(f.free_energy(row, t)) for row, t in zip(state, at, strict=True)]),
        "complete" if complete else "stopped",
        float(np.abs(f.gradient(state[-1], at[-1])).max()) / f.scale,
        evaluations,
    )
    if throw and not complete:
        raise NonConvergenceError(
            f"the flow stopped at τ = {time[-1]:g} of {duration:g}; loosen rtol or shorten it", result, result.residual
        )
    return result


def small_start(model: LinearVAE, size: float, seed: int | np.random.Generator = 0) -> Array:
    """A start near full collapse: normal entries of W/√λ_1 and Q of deviation ``size``, widths of the prior.

    Parameters
    ----------
    model : LinearVAE
        Spectrum and number of latents.
    size : float
        > 0.
    seed : int or numpy.random.Generator
        Of the entries.

    Returns
    -------
    ndarray (2DK + K,)
    """
    if not 0 < size < np.inf:
        raise InputError(f"size must be positive and finite, got {size!r}; full collapse itself never moves")
    rng = np.random.default_rng(seed)
    d, k = model.features, model.latents
    w, q = rng.normal(size=(d, k)), rng.normal(size=(k, d))
    return np.asarray(model.pack(size * np.sqrt(model.eigenvalues[0]) * w, size * q, np.ones(k)), dtype=np.float64)


def relaxation_spectrum(
    model: LinearVAE, temperature: float, *, state: ArrayLike | None = None, rates: Rates | None = None
) -> Array:
    """Decay rates of small deviations from a stationary state, ascending; negative ones grow.

    Parameters
    ----------
    model : LinearVAE
        Spectrum and number of latents.
    temperature : float
        T > 0.
    state : array_like, optional
        A stationary state; by default the equilibrium in which mode k is carried by latent k.
    rates : Rates, optional
        Learning rates, all 1 by default.

    Returns
    -------
    ndarray (2DK + K,)
        In inverse training time: the eigenvalues of P H. Zeros belong to directions without variance and to rotations
        of degenerate modes.

    Examples
    --------
    At the same distance from the threshold the flow is about twice as fast below as above it:

    >>> model = LinearVAE([1.0], 1)
    >>> above, below = (relaxation_spectrum(model, t)[0] for t in (1.001, 0.999))
    >>> round(float(below / above), 2)
    2.0
    """
    f = model.landscape
    t = f.temperature(temperature)
    y = equilibrium_state(model, t) if state is None else f.state(state)
    p, _ = _metric(model, rates or Rates())
    # At a stationary state ln s has the Hessian s_i s_j H_ij: the force term vanishes.
    factor = np.sqrt(p)
    factor[-model.latents :] *= y[-model.latents :]
    hessian = np.asarray(f.hessian(y, t), dtype=np.float64)
    return np.linalg.eigvalsh(factor[:, None] * (hessian + hessian.T) / 2 * factor).astype(np.float64)


def equilibrium_state(model: LinearVAE, temperature: float) -> Array:
    """The global minimum in which mode k is carried by latent k, shape (2DK + K,)."""
    w = np.zeros((model.features, model.latents))
    n = min(model.features, model.latents)
    w[np.arange(n), np.arange(n)] = np.sqrt(np.maximum(model.eigenvalues[:n] - temperature, 0.0))
    return np.asarray(model.complete(w, temperature), dtype=np.float64)


def _metric(model: LinearVAE, rates: Rates) -> tuple[Array, int]:
    """Diagonal of P in the coordinates (W, Q, ln s), and where the widths begin."""
    d, k = model.features, model.latents
    encoder = np.tile(rates.encoder * model.eigenvalues, k)
    return np.concatenate([np.full(d * k, rates.decoder), encoder, np.full(k, rates.width)]), 2 * d * k


def _flow(
    model: LinearVAE, plan: Schedule, rates: Rates
) -> tuple[Callable[[float, Array], Array], Callable[[float, Array], Array]]:
    """Force and its Jacobian in the coordinates (W, Q, ln s), in which widths stay positive."""
    f, (p, cut) = model.landscape, _metric(model, rates)

    def force(time: float, theta: Array) -> Array:
        y = _width(model, theta)
        gradient: Array = -p * f.gradient(y, plan(time))
        gradient[cut:] *= y[cut:]
        return gradient

    def jacobian(time: float, theta: Array) -> Array:
        y, t = _width(model, theta), plan(time)
        slope = np.ones_like(y)
        slope[cut:] = y[cut:]
        matrix: Array = slope[:, None] * f.hessian(y, t) * slope
        matrix[np.arange(cut, len(y)), np.arange(cut, len(y))] += f.gradient(y, t)[cut:] * y[cut:]
        return -p[:, None] * matrix

    return force, jacobian


def _log_width(model: LinearVAE, y: Array) -> Array:
    theta = np.array(y, dtype=np.float64)
    theta[-model.latents :] = np.log(theta[-model.latents :])
    return theta


def _width(model: LinearVAE, theta: Any) -> Array:
    y = np.array(theta, dtype=np.float64)
    y[..., -model.latents :] = np.exp(y[..., -model.latents :])
    return y
