"""Does a small signal grow or decay? The local stability of full collapse, measured on networks in training.

======  ==============================================================================  ==============
symbol  meaning                                                                         shape, unit
======  ==============================================================================  ==============
n, S    temperatures, seeds; N rows, D features; one latent
T       temperature                                                                     (n,)
a(t)    amplitude of the signal, standard deviation of μ over the rows (σ = 1)          (n, S)
g(T)    growth rate d ln a/dt                                                           (n, S), 1/time
t       learning rate × steps                                                           time
======  ==============================================================================  ==============

Networks start in full collapse with a tiny linear signal in a random direction. Training far below any threshold lets
it grow tenfold, in whichever direction grows fastest; then T is set, transients die out, and the rate is read. The zero
of g(T) is where full collapse loses stability. Nothing here knows an eigenvalue.

Plain gradient descent on all parameters with the gradients of :class:`verify.network.NetworkKernel`: Adam, whose steps
do not shrink with the gradient, has no growth rate. Every step sees all rows and fresh noise, for every row with both
signs: what is linear in z then has no noise of its own at collapse, and a small signal is driven by itself alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from theory.errors import InputError

from .architecture import Architecture
from .collapsed import collapsed_network
from .network import NetworkKernel
from .one_thread import one_blas_thread

__all__ = ["Growth", "measure_growth", "network_streams"]

Array = npt.NDArray[Any]

_FIRST, _LAST = 1e-3, 2e-2  # amplitudes: squares below 1e-3, so that rates are those of the linear regime
_COLD = 5  # share of the lowest temperature at which the signal grows from the first to the last
_MOST = 400  # steps that the signal may take from the first to the last
_ITERATIONS = 12  # of the power method for the step length
_LARGE = 0.1  # amplitude at which the linear regime ends
_SHARE = 0.5  # of the steps in the linear regime, at their end, that the rate is read from
_EVERY = 4  # steps between two readings


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """Growth rates of a small signal.

    Parameters
    ----------
    temperatures : ndarray (n,)
        T.
    rates : ndarray (n, S)
        g.

    Examples
    --------
    >>> found = Growth(np.array([0.9, 1.0, 1.1]), np.array([[0.05, 0.06], [0.0, 0.01], [-0.05, -0.04]]))
    >>> found.zeros.round(12).tolist()
    [1.0, 1.02]
    """

    temperatures: npt.NDArray[np.float64]
    rates: npt.NDArray[np.float64]

    @property
    def zeros(self) -> npt.NDArray[np.float64]:
        """T of zero growth of each seed, (S,), from a parabola through g(T); NaN where g does not change sign."""
        t = self.temperatures
        centre = t.mean()
        found = np.full(self.rates.shape[1], np.nan)
        for s, g in enumerate(self.rates.T):
            if g.min() < 0 < g.max():
                roots = np.roots(np.polyfit(t - centre, g, min(2, len(t) - 1))) + centre
                real = roots[np.isreal(roots)].real
                if real.size:
                    found[s] = real[np.argmin(np.abs(real - centre))]
        return found


def network_streams(seed: int, seeds: int) -> list[np.random.Generator]:
    """The generators of the first parameters, one per seed."""
    return [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(3, s))) for s in range(seeds)]


def measure_growth(
    x: Array,
    temperatures: npt.ArrayLike,
    architecture: Architecture,
    *,
    seeds: int = 2,
    steps: int = 120,
    trunk: str = "linear",
    seed: int = 0,
) -> Growth:
    """Measure the growth rate of a small signal at several temperatures.

    Parameters
    ----------
    x : ndarray (N, D)
        Rows, centred for a Gaussian decoder; in units in which T is of order 1, so that encoder and decoder learn
        equally fast.
    temperatures : array_like (n,)
        T, on both sides of where the change is looked for.
    architecture : Architecture
        What is trained, with one latent.
    seeds : int
        Networks per temperature.
    steps : int
        At each T.
    trunk : {"linear", "drawn"}
        See :func:`verify.collapsed.collapsed_network`.
    seed : int
        Root of all randomness.

    Returns
    -------
    Growth

    Raises
    ------
    InputError
        If the signal does not grow at a fifth of the lowest temperature.
    """
    t = np.asarray(temperatures, dtype=np.float64)
    with one_blas_thread():
        run = _Run(x, architecture, t, seeds, np.random.default_rng([seed, 4]))
        # All temperatures start from the same networks.
        streams = [stream for _ in t for stream in network_streams(seed, seeds)]
        collapsed_network(x, architecture, run.kernel.theta, streams, trunk=trunk, amplitude=_FIRST)
        cold = t.min() / _COLD
        run.kernel.set_temperatures(np.full(len(streams), cold))
        rate = run.step_length()
        for _ in range(_MOST):
            small = run.amplitude() < _LAST
            if not small.any():
                break
            run.step(np.where(small, rate, 0.0))
        else:
            raise InputError(f"a signal does not grow at T = {cold:.3g}; check the units of x, or lower T")
        run.kernel.set_temperatures(np.repeat(t, seeds))
        rate = run.step_length()
        logs = []
        for i in range(steps + 1):
            if i % _EVERY == 0:
                logs.append(np.log(run.amplitude()))
            run.step(np.full(len(streams), rate))
    slopes = [_slope(log) / (_EVERY * rate) for log in np.array(logs).T]
    return Growth(t, np.array(slopes).reshape(len(t), seeds))


def _slope(log: npt.NDArray[np.float64]) -> float:
    """Slope of ln a over the last readings of the linear regime, per reading."""
    linear = int(np.argmax(log > math.log(_LARGE))) if log.max() > math.log(_LARGE) else len(log)
    first = min(int((1 - _SHARE) * linear), linear - 2)
    return float(np.polyfit(np.arange(first, linear), log[first:linear], 1)[0])


class _Run:
    """Gradient descent with all rows and mirrored noise."""

    def __init__(
        self, x: Array, architecture: Architecture, temperatures: Array, seeds: int, generator: np.random.Generator
    ) -> None:
        models = len(temperatures) * seeds
        self.kernel = NetworkKernel(
            x, np.repeat(temperatures, seeds), 1, architecture, batch_size=2 * len(x), rows=generator, dtype=np.float32
        )
        self._rows, self._generator = np.asarray(x, dtype=np.float32), generator
        self._batch = np.tile(self._rows, (2, 1))
        self._owners = self.kernel.owners()
        self._models, self._seeds = models, seeds

    def step(self, rates: Array) -> None:
        """One step of every model, (M,) learning rates."""
        self.kernel.differentiate_at(self._batch, self._noise())
        self.kernel.theta -= rates.astype(np.float32)[self._owners] * self.kernel.gradient

    def amplitude(self) -> npt.NDArray[np.float64]:
        """a of every model, (M,)."""
        return np.asarray(self.kernel.encode(self._rows)[0][:, :, 0].std(axis=1))

    def step_length(self) -> float:
        """Inverse of the largest curvature of ½F that any of the models has, by the power method."""
        kernel, noise, size = self.kernel, self._noise(), np.float32(1e-2)
        theta = kernel.theta.copy()
        kernel.differentiate_at(self._batch, noise)
        here = kernel.gradient.copy()
        v: Array = self._generator.standard_normal(len(theta), dtype=np.float32)
        for _ in range(_ITERATIONS):
            v *= size / self._norms(v)[self._owners]
            kernel.theta[:] = theta + v
            kernel.differentiate_at(self._batch, noise)
            v = (kernel.gradient - here) / size
        kernel.theta[:] = theta
        return float(1 / self._norms(v).max())

    def _norms(self, v: Array) -> npt.NDArray[np.float32]:
        return np.sqrt(np.bincount(self._owners, v.astype(np.float64) ** 2, self._models)).astype(np.float32)

    def _noise(self) -> Array:
        """Noise (M, 1, 2N): one value from each of N equal shares of |z|, for each row one, with both signs."""
        n = len(self._rows)
        size = np.empty((self._seeds, n), np.float32)
        for s in range(self._seeds):
            shares = (self._generator.permutation(n) + self._generator.random(n)) / n
            size[s] = ndtri(0.5 + shares / 2)
        noise = np.concatenate([size, -size], axis=1)[:, None]
        return np.tile(noise, (self._models // self._seeds, 1, 1))
