"""Leave a branch at a branch point, in every direction of the kernel, with the amplitude that Landau theory predicts.

==========  ==============================================================================  ===========
symbol      meaning                                                                         shape
==========  ==============================================================================  ===========
``N``       orthonormal basis of the kernel of H, permanent zero modes left out             (n, q)
``u``       direction in the kernel                                                         (n,)
``h``       amplitude along u                                                               scalar
``μ'``      slope of the critical eigenvalue in θ along the branch that is left             (q, q)
``c₃, c₄``  cubic and quartic coefficient of F along u, slaved modes eliminated             scalar
==========  ==============================================================================  ===========

Along u the reduced free energy is ``½ μ' (θ − θ₀) h² + c₃ h³ + c₄ h⁴`` (Lyapunov–Schmidt), so a state of amplitude h is
near ``θ = θ₀ − (3 c₃ h + 4 c₄ h²)/μ'``. Newton then solves for state *and* temperature at that amplitude: the branch
that is left has amplitude zero and is no solution, however close. A kick relative to the size of the state, which is
zero at full collapse, is not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arclength import System
from .branch import Event
from .landscape import Landscape
from .newton import TOLERANCE, ZERO, polish
from .signature import Signature

__all__ = ["Departure", "kernel", "switch"]

Array = NDArray[np.float64]
_SHIFT = 2e-3
"""Relative change of temperature that the first state on a new branch aims at."""
_LARGEST = 0.1
"""Amplitude where the expansion predicts more, or nothing because c₃ and c₄ vanish."""
_ANGLES = (0.3, -0.3, 0.1, -0.1, 0.03, -0.03)
"""Turns away from a branch in search of one that is nearly tangent, in radian."""
_SOFTEST = 2
"""In how many directions."""
_PROBE = 1e-2  # of the finite differences for c₃ and c₄; their error is its square


@dataclass(frozen=True, slots=True)
class Departure:
    """The first state on a branch that leaves a branch point.

    Parameters
    ----------
    state : ndarray, shape (n,)
        A stationary point of amplitude h.
    temperature : float
        There.
    signature : Signature
        Tells directions apart that no symmetry connects.
    direction : ndarray, shape (n + 1,)
        From the branch point to the state, in (y, T/scale), of length 1.
    amplitude, predicted : float
        h, and the T that the expansion predicts for it.
    """

    state: Array
    temperature: float
    signature: Signature
    direction: Array
    amplitude: float
    predicted: float


def kernel(landscape: Landscape, event: Event) -> Array:
    """What becomes critical at an event: kernel of the Hessian without its permanent zero modes, columns (n, q).

    Symmetry and flat modes are zero on the whole branch, so they are those of a point next to the event.
    """
    null = _null(landscape, event.state, event.temperature, 1e-7)
    ahead = 1e-3 * event.temperature / landscape.scale * event.tangent / abs(event.tangent[-1])
    near = event.temperature + landscape.scale * float(ahead[-1])
    state, residual, _ = polish(landscape, event.state + ahead[:-1], near)
    if residual > TOLERANCE:
        return null
    permanent = _null(landscape, state, near, ZERO)
    left, kept, _ = np.linalg.svd(null - permanent @ (permanent.T @ null), full_matrices=False)
    return np.asarray(left[:, kept > 0.5])


def _null(landscape: Landscape, state: Array, temperature: float, edge: float) -> Array:
    values, vectors = np.linalg.eigh(landscape.hessian(state, temperature) / landscape.scale)
    return np.asarray(vectors[:, np.abs(values) <= edge * max(float(np.abs(values).max()), 1e-3)])


def switch(landscape: Landscape, event: Event, *, tries: int = 24) -> tuple[Departure, ...]:
    """First states on all branches that leave a branch point, one for each class of equivalent directions.

    Parameters
    ----------
    landscape : Landscape
        The one the event was found on.
    event : Event
        Of kind ``branch point``.
    tries : int
        Random directions (of a fixed seed) for a kernel of more than one dimension, in addition to its basis; a
        simple kernel has the two directions ±u.

    Returns
    -------
    tuple of Departure
        Empty if no direction leads to a branch. A circle or sphere of equivalent branches is one departure.

    Examples
    --------
    >>> from numerics.continuation import follow
    >>> from numerics.landscape import curve_landscape
    >>> landscape = curve_landscape((1.0,))
    >>> event, = follow(landscape, [0.0], 0.5, (0.5, 2.0)).events
    >>> new, = switch(landscape, event)
    >>> round(float(new.state[0] ** 2 + new.temperature), 12)  # M² = 1 − T
    1.0
    """
    basis = kernel(landscape, event)
    q = basis.shape[1]
    if q == 0:
        return ()
    expansion = _Expansion(landscape, event, basis)
    if q == 1:
        return expansion.distinct(expansion.depart(np.array([sign])) for sign in (1.0, -1.0))
    random = np.random.default_rng(0).standard_normal((tries, q))
    directions = np.vstack([np.eye(q), -np.eye(q), random / np.linalg.norm(random, axis=1, keepdims=True)])
    # One amplitude for all: images of one state then agree in T to rounding, and neighbours do not.
    h = min(expansion.amplitude(c) for c in directions)
    found = list(expansion.distinct(expansion.depart(c, h) for c in directions))
    for departure in found:  # grows in the loop: neighbours have neighbours
        nearby = (expansion.depart(c, h) for c in expansion.neighbours(departure))
        found += expansion.distinct(nearby, found)
    return tuple(found)


class _Expansion:
    """Landau's expansion at a branch point, by finite differences of the exact gradient."""

    def __init__(self, landscape: Landscape, event: Event, basis: Array) -> None:
        self.landscape, self.basis, self.system = landscape, basis, System(landscape)
        self.x0 = np.append(event.state, event.temperature / landscape.scale)
        values, vectors = np.linalg.eigh(self.system.hessian(self.x0))
        # Slaved modes only: neither kernel nor permanent zeros.
        live = np.abs(values) > 1e-6 * max(float(np.abs(values).max()), 1e-3)
        self.inverse = (vectors[:, live] / values[live]) @ vectors[:, live].T
        t = event.tangent / event.tangent[-1]
        step = 1e-5 * self.x0[-1]
        change = self.system.hessian(self.x0 + step * t) - self.system.hessian(self.x0 - step * t)
        self.slope = basis.T @ change @ basis / (2 * step)

    def depart(self, coefficients: Array, amplitude: float | None = None) -> Departure | None:
        """Solve for a state in about this direction, at this amplitude or the predicted one."""
        mu, cubic, quartic, bend = self._expand(coefficients)
        # Another branch needs one amplitude for all directions: solve at fixed length of the kernel part.
        h = self._amplitude(mu, cubic, quartic) if amplitude is None else amplitude
        u, theta = self.basis @ coefficients, self._predicted(mu, cubic, quartic, h)
        theta = float(np.clip(theta, 0.9 * self.x0[-1], 1.1 * self.x0[-1]))
        guess = np.append(self.x0[:-1] + h * u + h * h * bend, theta)

        def constraint(x: Array) -> tuple[float, Array]:
            part = self.basis.T @ (x[:-1] - self.x0[:-1])
            length = float(np.linalg.norm(part))
            return length - h, np.append(self.basis @ part / length, 0.0)

        x = self.system.correct(guess, constraint)
        # Not a branch of this event if Newton went elsewhere: the prediction errs by higher orders only.
        if x is None or np.linalg.norm(x - self.x0) > 5 * h or abs(x[-1] - self.x0[-1]) > 0.2 * self.x0[-1]:
            return None
        scale = self.landscape.scale
        y, T = x[:-1], float(x[-1] * scale)
        away = x - self.x0
        final = self._expand(self.basis.T @ away[:-1] / h)[:3]  # Newton has turned the direction
        return Departure(
            y,
            T,
            Signature.of(self.landscape, y, T),
            away / np.linalg.norm(away),
            h,
            self._predicted(*final, h) * scale,
        )

    def amplitude(self, coefficients: Array) -> float:
        """The amplitude h at which T is shifted by a small, given part."""
        return self._amplitude(*self._expand(coefficients)[:3])

    def distinct(
        self, candidates: Iterable[Departure | None], known: Sequence[Departure] = ()
    ) -> tuple[Departure, ...]:
        """Those that are new, one of each class of images."""
        found: list[Departure] = []
        for new in candidates:
            if new is not None and not any(self._alike(new, old) for old in (*known, *found)):
                found.append(new)
        return tuple(found)

    def _alike(self, new: Departure, old: Departure) -> bool:
        """Whether two states at one amplitude are images, or belong to one family along a flat direction."""
        if new.signature.agrees(old.signature, strict=True):
            return True
        theta = self.x0[-1] * self.system.scale
        ratio = (old.temperature - theta) / (new.temperature - theta) if new.temperature != theta else -1.0
        if not (new.signature.flat and old.signature.flat) or ratio <= 0:
            return False
        # No symmetry keeps the amplitude along a flat direction: compare at one T instead.
        guess = self.x0[:-1] + np.sqrt(ratio) * (new.state - self.x0[:-1])
        y, residual, _ = polish(self.landscape, guess, old.temperature)
        moved = Signature.of(self.landscape, y, old.temperature)
        return residual <= TOLERANCE and moved.agrees(old.signature, strict=True)

    def neighbours(self, departure: Departure) -> list[Array]:
        """Directions next to one that leads to a branch, along its softest turns within the kernel.

        Branches may leave almost tangent to each other (the mean-coded and the width-coded one of a skewed data set do,
        a² ≈ 2|r|³), and a random direction then finds the wider basin only.
        """
        part = self.basis.T @ (departure.state - self.x0[:-1])
        u = part / np.linalg.norm(part)
        turns = np.linalg.svd(u[None, :])[2][1:]
        around = self.basis @ turns.T
        H = self.system.hessian(np.append(departure.state, departure.temperature / self.system.scale))
        values, vectors = np.linalg.eigh(around.T @ H @ around)
        soft = vectors[:, np.argsort(np.abs(values))[:_SOFTEST]].T @ turns
        return [np.cos(angle) * u + np.sin(angle) * w for w in soft for angle in _ANGLES]

    def _predicted(self, mu: float, cubic: float, quartic: float, h: float) -> float:
        """θ of the state of amplitude h: linear in h at a transcritical point, quadratic at a pitchfork."""
        return float(self.x0[-1] - (3 * cubic * h + 4 * quartic * h * h) / mu) if mu else float(self.x0[-1])

    def _expand(self, coefficients: Array) -> tuple[float, float, float, Array]:
        """μ', c₃, c₄ and the second-order response of the slaved modes, for one direction."""
        u, h, T = self.basis @ coefficients, _PROBE, self.x0[-1]

        def force(y: Array) -> Array:
            return self.system.force(np.append(self.x0[:-1] + y, T))

        second = (force(h * u) + force(-h * u)) / h**2
        bend = -0.5 * self.inverse @ second
        forward, backward = (float(u @ force(s * h * u + h * h * bend)) for s in (1, -1))
        mu = float(coefficients @ self.slope @ coefficients)
        return mu, (forward + backward) / (6 * h * h), (forward - backward) / (8 * h**3), bend

    def _amplitude(self, mu: float, cubic: float, quartic: float) -> float:
        shift = abs(mu) * _SHIFT * self.x0[-1]
        sizes = [_LARGEST]
        if abs(cubic) > 1e-6:
            sizes.append(shift / (3 * abs(cubic)))
        if abs(quartic) > 1e-6:
            sizes.append(float(np.sqrt(shift / (4 * abs(quartic)))))
        return max(min(sizes), 1e-4)
