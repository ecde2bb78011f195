"""From two sets of readings to checks: read trained and exact models alike, and judge where they fit worst.

======  =====================================================  =========
symbol  meaning                                                shape
======  =====================================================  =========
n, S    temperatures, seeds
k       modes ``min(K, D)``, in the order of the eigenvalues
``T``   temperature, data²                                     (n,)
``λ``   eigenvalues, the predicted thresholds, data²           (k,)
======  =====================================================  =========

Exact training has no seed error to speak of (seeds agree to about 1e-6), so every seed is judged by itself against a
fixed tolerance. Sampled training scatters: there averages over seeds are judged, and a tolerance that is smaller than
:data:`SIGMAS` standard errors is widened to that many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.linear_equilibrium import Cascade
from theory.errors import InputError
from theory.references import CLAIM_SOURCES

from .check import Check, Scale
from .fits import pooled_stderr
from .posterior import ACTIVE
from .readings import Readings

__all__ = ["ACTIVE", "DEEP", "DEEP_SAMPLED", "FLOOR", "NEAR", "NEAR_SAMPLED", "SIGMAS", "Evidence", "judged_modes"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Reader = Callable[[Readings], Array]

FLOOR = 1e-3
"""Smallest normalised threshold that is judged."""
NEAR = 0.1
"""Half-width in ``ln T`` of the neighbourhood of a threshold, where critical slowing down rounds the transition."""
NEAR_SAMPLED = 0.2
"""The same for z-scores of sampled training. Noise of variance s² in the amplitude of a mode lowers its M² by a few s²,
a bias that falls like 1/steps while error bars fall like 1/√steps. At T = 0.8 T_k it is a fraction of an error bar; at
0.9 T_k it is one or two, −0.001 to −0.005: far below the tolerance of M² itself, which is judged from NEAR on."""
DEEP = 1e-2
"""Lower end of the published window of rates, in units of T_k: colder, ``KL = −½ ln(1 − M²)`` magnifies every error."""
DEEP_SAMPLED = 0.2
"""The same in sampled training: colder, two latents on neighbouring modes rotate into place more slowly than noisy
training can wait for (the force on the angle falls like T), and single seeds stay mixed."""
SIGMAS = 4.0
"""Standard errors that an average over the seeds of sampled training may be away from the theory."""


def judged_modes(cascade: Cascade) -> Mask:
    """Which of the ``min(K, D)`` modes a verdict rests on, shape (k,)."""
    return np.asarray(cascade.normalized_thresholds[: cascade.modes] >= FLOOR)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Both sides of the argument.

    Parameters
    ----------
    cascade : Cascade
        The theory's answer for the data.
    trained, exact : Readings
        What one instrument says of the trained and of the exactly optimal models, at the same temperatures.
    sampled : bool
        Whether training saw minibatches and noise; it then needs two seeds or more.

    Raises
    ------
    InputError
        If the temperatures differ, or sampled training has one seed.
    """

    cascade: Cascade
    trained: Readings
    exact: Readings
    sampled: bool = False

    def __post_init__(self) -> None:
        if not np.array_equal(self.trained.temperatures, self.exact.temperatures):
            raise InputError("trained and exact readings must have the same temperatures; read both at the sweep's")
        if self.sampled and self.trained.gradient_norm.shape[1] < 2:
            raise InputError("seeds must be at least 2 in sampled training, got 1: one run shows no error bar")

    @property
    def modes(self) -> int:
        """k."""
        return self.cascade.modes

    @property
    def eigenvalues(self) -> Array:
        """λ of the modes that a latent can carry, (k,)."""
        return self.cascade.eigenvalues[: self.modes]

    @property
    def temperatures(self) -> Array:
        """T, (n,)."""
        return self.trained.temperatures

    @property
    def judged(self) -> Mask:
        """Modes the verdict rests on, (k,)."""
        return judged_modes(self.cascade)

    @property
    def warm(self) -> Mask:
        """Temperatures t ≥ FLOOR, (n,): there every mode that is not judged is collapsed."""
        return np.asarray(self.temperatures >= FLOOR * self.cascade.total_variance * (1 - 1e-9))

    @property
    def away(self) -> Mask:
        """Cells (n, k) of judged modes outside the neighbourhood of their threshold."""
        lam = np.where(self.judged, self.eigenvalues, 1.0)
        return self.judged & (np.abs(np.log(self.temperatures[:, None] / lam)) >= NEAR)

    @property
    def window(self) -> Mask:
        """Cells (n, k) of :attr:`away` that are not too deep below their threshold (DEEP, or DEEP_SAMPLED)."""
        deep = DEEP_SAMPLED if self.sampled else DEEP
        return self.away & (self.temperatures[:, None] >= deep * self.eigenvalues)

    @property
    def scored(self) -> Mask:
        """Cells (n, k) of :attr:`window` whose mode is active, NEAR_SAMPLED or more below its threshold."""
        return np.asarray(self.window & (self.temperatures[:, None] <= self.eigenvalues * np.exp(-NEAR_SAMPLED)))

    def single(
        self,
        name: str,
        claim: str,
        topic: str,
        predicted: float,
        read: Callable[[Readings], float | tuple[float, str]],
        tolerance: float,
        *,
        scale: Scale = "absolute",
        exact: bool = True,
    ) -> Check:
        """Judge one number per set of readings.

        Parameters
        ----------
        name, claim, predicted, tolerance, scale
            As in :class:`~verify.check.Check`.
        topic : str
            Key of :data:`theory.references.CLAIM_SOURCES`.
        read : callable
            ``Readings -> number`` or ``(number, where)``; an InputError says why there is none.
        exact : bool
            False for statistics of the scatter between seeds, which exact models do not have.
        """
        solved = self._attempt(read, self.exact)[0] if exact else None
        measured, where = self._attempt(read, self.trained)
        return Check(name, claim, CLAIM_SOURCES[topic], predicted, solved, measured, tolerance, scale, None, where)

    @staticmethod
    def _attempt(read: Callable[[Readings], float | tuple[float, str]], readings: Readings) -> tuple[float | None, str]:
        try:
            value = read(readings)
        except InputError as error:
            return None, str(error)
        return value if isinstance(value, tuple) else (value, "")

    def per_mode(
        self,
        name: str,
        claim: str,
        topic: str,
        predicted: Array,
        read: Reader,
        tolerance: float,
        read_stderr: Reader,
    ) -> Check:
        """Judge one number per judged mode, by relative deviation; report the worst, or the first that is missing.

        Parameters
        ----------
        name, claim, topic, tolerance
            As in :meth:`single`.
        predicted : ndarray, shape (k,)
            Prediction per mode.
        read, read_stderr : callable
            ``Readings -> (K,)`` in the order of the ranks; NaN where a mode was not measured.
        """
        measured, exact, stderr = read(self.trained), read(self.exact), read_stderr(self.trained)
        modes = np.flatnonzero(self.judged)
        missing = modes[~np.isfinite(measured[modes])]
        if not modes.size:
            return self._nothing(name, claim, topic, tolerance, f"no mode has t_k ≥ {FLOOR:g}")
        if missing.size:
            k = missing[0]
            where = f"mode {k + 1}: {self.trained.collapse[k].status} in the sweep's range of temperatures"
            expected = float(predicted[k]), float(exact[k])
            return Check(name, claim, CLAIM_SOURCES[topic], *expected, None, tolerance, "relative", None, where)
        deviation = np.abs(measured[modes] / predicted[modes] - 1)
        allowed = np.full(modes.size, tolerance)
        if self.sampled:
            allowed = np.maximum(allowed, SIGMAS * stderr[modes] / predicted[modes])
        worst = int(np.argmax(deviation / allowed))
        k = modes[worst]
        return Check(
            name,
            claim,
            CLAIM_SOURCES[topic],
            float(predicted[k]),
            float(exact[k]),
            float(measured[k]),
            float(allowed[worst]),
            "relative",
            float(stderr[k]),
            f"mode {k + 1}",
        )

    def per_cell(
        self,
        name: str,
        claim: str,
        topic: str,
        predicted: ArrayLike,
        read: Reader,
        tolerance: float,
        where: Mask,
        nothing: str,
        *,
        scale: Scale = "absolute",
    ) -> Check:
        """Judge one number per temperature, or per temperature and mode; report the worst.

        Parameters
        ----------
        name, claim, topic, tolerance
            As in :meth:`single`.
        predicted : array_like, broadcastable to (n, k) or (n, 1)
            Prediction.
        read : callable
            ``Readings -> (n, S, k)``, or ``(n, S, 1)`` for totals.
        where : ndarray of bool, broadcastable to (n, S, k)
            Cells that count.
        nothing : str
            What to say when none does.
        scale : {"absolute", "relative"}
            Of the tolerance.
        """
        measured, exact = read(self.trained), read(self.exact)
        stderr = np.zeros_like(measured)
        if self.sampled:
            stderr = pooled_stderr(measured)[:, None, :]
            measured, where = measured.mean(axis=1, keepdims=True), np.all(where, axis=1, keepdims=True)
        target = np.broadcast_to(np.asarray(predicted, dtype=np.float64), exact[:, 0].shape)[:, None]
        unit = np.abs(target) if scale == "relative" else np.ones_like(target)
        allowed = np.maximum(tolerance, SIGMAS * stderr / unit)
        # −1 is below every ratio of a deviation to what is allowed, so that masked cells are never the worst.
        ratio = np.where(where, np.abs(measured - target) / unit / allowed, -1.0)
        if not np.any(np.broadcast_to(where, ratio.shape)):
            return self._nothing(name, claim, topic, tolerance, nothing)
        i, s, k = (int(j) for j in np.unravel_index(int(np.argmax(ratio)), ratio.shape))
        place = f"t = {self.temperatures[i] / self.cascade.total_variance:.3g}"
        return Check(
            name,
            claim,
            CLAIM_SOURCES[topic],
            float(target[i, 0, k]),
            float(exact[i, 0, k]),
            float(measured[i, s, k]),
            float(allowed[i, 0, k] if self.sampled else tolerance),
            scale,
            float(stderr[i, 0, k]) if self.sampled else None,
            f"mode {k + 1}, {place}" if ratio.shape[-1] > 1 else place,
        )

    @staticmethod
    def _nothing(name: str, claim: str, topic: str, tolerance: float, where: str) -> Check:
        return Check(name, claim, CLAIM_SOURCES[topic], 0.0, None, None, tolerance, where=where)
