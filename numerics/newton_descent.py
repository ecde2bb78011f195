"""Local minima of a functional free energy: a monotone Newton method that leaves saddles.

Each step solves with the exact Hessian, shifted by a multiple of the identity until it is positive definite and the
step lowers F. In the orthonormal coordinates of `numerics.function_space` the unshifted Hessian is near a multiple of
the identity for most directions, so a few steps reach rounding from a warm start. Alternating decoder and encoder
(expectation maximisation) is monotone as well but converges linearly with a rate that tends to one at every threshold;
limited-memory quasi-Newton would need hundreds of evaluations where one factorisation costs as much as three.

======  ==================================================================
symbol  meaning
======  ==================================================================
``H``   Hessian of F in the coordinates y
``τ``   shift of H
``r``   residual ``‖∇F‖/2T``: the mean-square step of a fixed-decoder map
======  ==================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from theory.errors import NonConvergenceError

from .function_space import EncoderSpace, State
from .posterior_grid import LARGEST_RANGE, GridTooLargeError

__all__ = ["Descent", "descend"]

Array = NDArray[np.float64]
Status = Literal["converged", "stalled", "grid-too-large"]

_SADDLE = 1e-7
"""A Hessian above −(this)·2T counts as positive: soft and flat modes are not saddles."""
_KICK = 0.05
_HELD = 1e-3
"""Weight of points whose width may be held at the finest that the grid resolves: spikes on rare points. With more, the
descent has not converged."""
_LONGEST = 1.0
"""Root mean square length of a step, and its largest entry in ln σ; twice that in μ."""


@dataclass(frozen=True, slots=True)
class Descent:
    """Where a minimisation ended.

    Attributes
    ----------
    state : State
        The last accepted encoder.
    residual : float
        ``‖∇F‖/2T``, dimensionless.
    curvature : float
        Lowest eigenvalue of H over 2T, exactly flat directions set apart; computed only where it may be negative
        (else the proven lower bound ``−1e-7``).
    iterations : int
        Newton steps in total.
    status : str
        ``"converged"``, ``"stalled"`` or ``"grid-too-large"``.
    """

    state: State
    residual: float
    curvature: float
    iterations: int
    status: Status


def descend(
    space: EncoderSpace,
    start: Array,
    temperature: float,
    *,
    spacing: float = 0.5,
    tolerance: float = 1e-9,
    limit: int = 200,
    escapes: int = 6,
) -> Descent:
    """Go downhill from an encoder to a local minimum of F.

    Parameters
    ----------
    space : EncoderSpace
        The problem.
    start : ndarray (P,)
        Coordinates y.
    temperature : float
        T.
    spacing : float
        Of the grid, in units of the smallest width.
    tolerance : float
        On the residual.
    limit : int
        Newton steps per descent between two saddles.
    escapes : int
        How many saddles to leave along their most negative direction.
    """
    try:
        state, residual, hessian, iterations, status = _newton(
            space, start, temperature, spacing, tolerance, limit, target=-np.inf
        )
    except GridTooLargeError as error:
        flat = space.state(np.zeros(sum(space.sizes)), temperature, spacing)
        raise NonConvergenceError(f"{error}; raise T or use fewer points", flat, np.inf) from None
    curvature = -_SADDLE
    for _ in range(escapes):
        if _definite(hessian + _SADDLE * 2 * temperature * np.eye(len(hessian))) is not None:
            return _after_flat(Descent(state, residual, -_SADDLE, iterations, status), spacing, tolerance, limit)
        lowest, direction = _lowest(hessian, _flat_directions(state))
        curvature = lowest / (2 * temperature)
        if curvature >= -_SADDLE:
            break
        ends = []
        for sign in (1.0, -1.0):
            kicked = state.y + sign * _bounded(space, _KICK * direction)
            try:
                ends.append(_newton(space, kicked, temperature, spacing, tolerance, limit, target=-np.inf))
            except GridTooLargeError:
                continue
            iterations += ends[-1][3]
            # By symmetry the other side is often the same: look there only if this side did not go down.
            if ends[-1][0].free_energy < state.free_energy:
                break
        best = min(ends, key=lambda end: end[0].free_energy, default=None)
        if best is None or best[0].free_energy >= state.free_energy:
            status = "stalled"
            break
        state, residual, hessian, _, status = best
    return Descent(state, residual, curvature, iterations, status)


def _newton(
    space: EncoderSpace,
    y: Array,
    temperature: float,
    spacing: float,
    tolerance: float,
    limit: int,
    target: float,
) -> tuple[State, float, Array, int, Status]:
    """Shifted Newton steps until the residual, the limit, or an F below the target is reached."""
    t = temperature
    state = space.state(y, t, spacing)
    floor = _width_floor(space, state)
    gradient, hessian, held = _held(space, state, floor)
    residual = float(np.linalg.norm(gradient)) / (2 * t)
    # Differences of F below this are rounding of the quadrature sums.
    noise = 1e-13 * (space.variance + t)
    shift, sufficient, iterations, refused, too_large = 0.0, 0.0, 0, 0, 0
    local: Array | None = None
    identity = np.eye(len(y))
    status: Status = "stalled"
    while iterations < limit:
        if residual <= tolerance or state.free_energy < target:
            status = "converged"
            break
        factor = _definite(hessian + shift * identity)
        if factor is None and local is None:
            # A point of little weight may have a steep saddle of its own: a shift for all would stop the others.
            local = _point_shifts(space, hessian)
            hessian = hessian + np.diag(local)
            continue
        if factor is None:
            # From far below the soft modes, or the last shift: near a fold a large one would creep.
            shift = max(10 * shift, 0.1 * sufficient, 1e-6 * t)
            continue
        sufficient = shift
        step = -scipy.linalg.cho_solve((factor, True), gradient, check_finite=False)
        iterations += 1
        step = _bounded(space, step)
        try:
            step = np.maximum(state.y + step, floor) - state.y
            trial = space.state(state.y + step, t, spacing)
        except GridTooLargeError:
            status = "grid-too-large"
            shift, too_large = max(4 * shift, 0.05 * t), too_large + 1
            if too_large == 4:
                break
            continue
        status = "stalled"
        gain = state.free_energy - trial.free_energy
        promised = -float(gradient @ step) - 0.5 * float(step @ hessian @ step)
        if gain >= 1e-3 * promised - noise:
            previous, (state, refused) = residual, (trial, 0)
            gradient, hessian, held = _held(space, state, floor)
            local = None
            residual = float(np.linalg.norm(gradient)) / (2 * t)
            shift = 0.0 if gain > 0.5 * promised else shift / 4
            if residual < 1e-6 and promised < noise and residual > 0.9 * previous:
                # Neither F nor its gradient can be resolved further.
                status = "converged"
                break
        else:
            shift, refused = max(10 * shift, 1e-4 * t), refused + 1
            if refused > 20:
                break
    if held > _HELD:
        status = "grid-too-large"
    return state, residual, hessian if local is None else hessian - np.diag(local), iterations, status


def _width_floor(space: EncoderSpace, state: State) -> Array:
    """Least coordinates: where every point has its own width, none may pass what the grid resolves; −∞ elsewhere."""
    floor = np.full(len(state.y), -np.inf)
    if space.mean_basis is None and space.width_basis is None:
        extent = np.ptp(state.grid.z, axis=1) * 1.3
        least = np.minimum(np.log(extent / LARGEST_RANGE[space.latents > 1]), state.log_width.min(axis=0))
        floor[len(floor) // 2 :] = np.outer(least, np.sqrt(space.weights)).ravel()
    return floor


def _held(space: EncoderSpace, state: State, floor: Array) -> tuple[Array, Array, float]:
    """Gradient and Hessian with widths at the floor that would shrink further held there, and the weight of those."""
    gradient, hessian = state.derivatives()
    held = (state.y <= floor + 1e-12 * np.abs(floor).clip(max=1)) & (gradient > 0)
    if not held.any():
        return gradient, hessian, 0.0
    gradient[held] = 0.0
    hessian[held] = 0.0
    hessian[:, held] = 0.0
    hessian[held, held] = 2 * state.temperature
    return gradient, hessian, float(np.tile(space.weights, 2 * space.latents)[held].sum())


def _point_shifts(space: EncoderSpace, hessian: Array) -> Array:
    """What makes each point's own block of the Hessian, over its μ and ln σ, positive; only where both are free."""
    shifts = np.zeros(len(hessian))
    if space.mean_basis is None and space.width_basis is None:
        n = len(space.points)
        own = np.arange(len(hessian)).reshape(-1, n).T  # the coefficients of each point
        lowest = np.linalg.eigvalsh(hessian[own[:, :, None], own[:, None, :]])[:, 0]
        shifts = np.tile(np.where(lowest < 0, -1.1 * lowest, 0.0), len(hessian) // n)
    return shifts


def _bounded(space: EncoderSpace, step: Array) -> Array:
    """Shorten a step as a whole, and points of little weight, which the norm does not see, one by one."""
    if (length := float(np.linalg.norm(step))) > _LONGEST:
        step = step * (_LONGEST / length)
    mean, log_width = space.functions(step)
    if np.abs(mean).max() > 2 * _LONGEST or np.abs(log_width).max() > _LONGEST:
        limits = 2 * _LONGEST, _LONGEST
        step = space.coordinates(*(np.clip(v, -a, a) for v, a in zip((mean, log_width), limits, strict=True)))
    return step


def _definite(matrix: Array) -> Array | None:
    """Lower Cholesky factor, or None if there is none."""
    factor, failed = scipy.linalg.lapack.dpotrf(matrix, lower=1, clean=0)
    return None if failed else np.asarray(factor)


def _lowest(hessian: Array, flat: Array) -> tuple[float, Array]:
    """Lowest eigenvalue and vector on the complement of some directions."""
    if flat.shape[1]:
        keep = np.eye(len(hessian)) - flat @ flat.T
        hessian = keep @ hessian @ keep + np.trace(np.abs(hessian)) * flat @ flat.T
    values, vectors = scipy.linalg.eigh(hessian, subset_by_index=[0, 0])
    return float(values[0]), vectors[:, 0]


def _flat_directions(state: State) -> Array:
    """Unit columns δμ_k ∝ 1 − σ_k²(x) of latents with μ_k = 0 and varying width.

    Along them the second variation vanishes identically (`theory.transition_laws`, step ``flat-direction``).
    """
    space, columns = state.space, []
    for k in range(space.latents):
        bend = 1 - np.exp(2 * state.log_width[:, k])
        if space.weights @ state.mean[:, k] ** 2 < 1e-8 and space.weights @ bend**2 > 1e-8:
            direction = np.zeros_like(state.mean)
            direction[:, k] = bend
            y = space.coordinates(direction, np.zeros_like(direction))
            columns.append(y / np.linalg.norm(y))
    return np.stack(columns, axis=1) if columns else np.zeros((len(state.y), 0))


def _after_flat(end: Descent, spacing: float, tolerance: float, limit: int) -> Descent:
    """Follow an exactly flat direction to where quartic terms decide, if they decide downwards."""
    state = end.state
    space, t = state.space, state.temperature
    target = state.free_energy - 1e-10 * space.variance
    for direction in _flat_directions(state).T:
        # A finite kick; ten steps lower F at once if the quartic term is negative, and else lead back.
        for size in (0.1, 0.3):
            try:
                found = _newton(space, state.y + size * direction, t, spacing, tolerance, 10, target)
            except GridTooLargeError:
                continue
            if found[0].free_energy < target:
                final = descend(space, found[0].y, t, spacing=spacing, tolerance=tolerance, limit=limit, escapes=3)
                return Descent(
                    final.state,
                    final.residual,
                    final.curvature,
                    end.iterations + found[3] + final.iterations,
                    final.status,
                )
    return end
