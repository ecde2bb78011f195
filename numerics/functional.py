"""Functional equilibria: the exact equilibrium of a VAE whose encoder and decoder are free functions.

For a weighted point set the encoder is a table of μ_i and σ_i per point and the decoder a function on a grid, so the
equilibrium is a finite problem that is solved to rounding: no architecture, no training. Narrower classes restrict the
encoder to a space of functions of the visible coordinates and the decoder to polynomials (`theory.model`).

==========  ====================================================================  ==========
symbol      meaning                                                               unit
==========  ====================================================================  ==========
``F``       free energy ``E‖x − f(z)‖² + 2T KL``                                  data²
``M_k²``    signal fraction ``Var μ/(Var μ + E σ²)``                              1
``J_k``     Jensen gap ``ln E σ² − E ln σ²``                                      nats
``A_k²``    posterior scale, 1 at equilibrium; ``m_k = E μ``, 0 at equilibrium    1
==========  ====================================================================  ==========
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError, NonConvergenceError
from theory.model import ModelClass

from . import _formulas
from .function_space import EncoderSpace, State
from .functional_ladder import climb
from .functional_starts import beside_collapsed, seed_encoder, start_names
from .newton_descent import Descent, descend
from .pointset import PointSet
from .posterior_grid import GridTooLargeError
from .rate_distortion import rate_distortion_bound
from .residual_edge import residual_edge

__all__ = ["FunctionalEquilibrium", "QuadratureError", "equilibrium_at", "solve_functional"]

Array = NDArray[np.float64]
Bound = Callable[[Array, Array, float], float]

_ACTIVE = 1e-6
"""A rate in nats below which a latent counts as collapsed."""
_SHARE = 0.1
"""Each of signal and width that carries less than this share of the rate is not named in the phase."""


class QuadratureError(ArithmeticError):
    """An integral is wrong: the free energy lies below a bound that no VAE can pass."""


@dataclass(frozen=True, slots=True)
class FunctionalEquilibrium:
    """A local minimum of F over the functions of a model class.

    Attributes
    ----------
    temperature : float
        T, in data variance.
    points : ndarray (N, D)
        The distinct points, centred, in data coordinates, that `mu` and `sigma` belong to.
    weights : ndarray (N,)
        Their weights.
    mu, sigma : ndarray (N, K)
        Posterior means and widths.
    F : float
        Free energy.
    distortion : float
        ``E‖x − f(z)‖²`` with sampled z.
    rates, signal_fraction, jensen, scale, offset : ndarray (K,)
        KL_k, M_k², J_k, A_k² and m_k of each latent.
    residual : float
        ``‖∇F‖/2T``: root mean square distance to a stationary encoder, to first order in a unit curvature.
    curvature : float
        Lowest Hessian eigenvalue over 2T, as far as it was needed: above −1e-7 the state counts as a minimum.
    quadrature_error : float
        Difference of F on half the spacing and a longer grid.
    iterations : int
        Newton steps.
    status : str
        ``"converged"``, or why it is not.
    state : State
        Decoder, densities and derivatives on the grid.
    """

    temperature: float
    points: Array
    weights: Array
    mu: Array
    sigma: Array
    F: float
    distortion: float
    rates: Array
    signal_fraction: Array
    jensen: Array
    scale: Array
    offset: Array
    residual: float
    curvature: float
    quadrature_error: float
    iterations: int
    status: Literal["converged", "stalled", "grid-too-large"]
    state: State

    @property
    def kl(self) -> float:
        """Total rate, nats."""
        return float(self.rates.sum())

    @property
    def phase(self) -> str:
        """``collapsed``, ``mean-coded``, ``width-coded`` or ``mixed``; one name per latent, by falling rate.

        A channel is named if it carries at least a tenth of the latent's rate ``½[−ln(1 − M²) + J]``.
        """
        return ",".join(self._phase(k) for k in np.argsort(-self.rates, kind="stable"))

    def _phase(self, k: int) -> str:
        if self.rates[k] < _ACTIVE:
            return "collapsed"
        by_mean, by_width = -math.log1p(-self.signal_fraction[k]), float(self.jensen[k])
        share = by_width / (by_mean + by_width)
        return "mean-coded" if share < _SHARE else "width-coded" if share > 1 - _SHARE else "mixed"

    @property
    def active(self) -> bool:
        """Whether any latent carries a rate."""
        return bool(self.kl >= _ACTIVE)

    @property
    def active_latents(self) -> int:
        """How many latents carry a rate."""
        return int(np.count_nonzero(self.rates >= _ACTIVE))

    @property
    def residual_edge(self) -> float:
        """Λ*(A), in data variance: T above which a further latent stays collapsed."""
        return residual_edge(self.state)

    @property
    def verdict(self) -> Literal["stable", "marginal", "unstable"]:
        """Local stability against one more latent: T against Λ*(A), equal within 1e-6."""
        edge = self.residual_edge
        if abs(self.temperature - edge) <= 1e-6 * max(edge, self.temperature):
            return "marginal"
        return "stable" if self.temperature > edge else "unstable"


def solve_functional(
    points: ArrayLike | PointSet,
    T: float,
    *,
    weights: ArrayLike | None = None,
    model: str | ModelClass = "flexible",
    latents: int = 1,
    start: str | FunctionalEquilibrium | tuple[ArrayLike, ArrayLike] | None = None,
    accuracy: float = 1e-10,
    bound: Bound | None = rate_distortion_bound,
    seed: int = 0,
) -> FunctionalEquilibrium:
    """Solve for the equilibrium at one temperature.

    Parameters
    ----------
    points : array_like (N, D) or (N,), or PointSet
        Identical rows are merged; the mean is subtracted.
    T : float
        Temperature β η², in data variance.
    weights : array_like (N,), optional
        Equal by default.
    model : str or ModelClass
        Which functions encoder and decoder may be, and which principal coordinates the encoder sees.
    latents : {1, 2}
        K; two for small sets.
    start : optional
        A name of `numerics.functional_starts`, another equilibrium of the same points, or ``(mu, sigma)`` per row of
        the merged set. By default all kinds are tried, and the minima of every subclass
        (`numerics.functional_ladder`; with two latents also the equilibrium of one beside a collapsed one), and the
        lowest minimum is returned; nothing proves that it is the global one except `bound`.
    accuracy : float
        Of F relative to the total variance: the grid is refined until the estimate is below.
    bound : callable or None
        ``bound(points, weights, T)`` returns a number that no VAE's F can be below; by default that of rate–distortion
        theory. None checks nothing.
    seed : int
        For the random start.

    Raises
    ------
    InputError
        For unusable arguments.
    NonConvergenceError
        If no start converged, or none that is as low as a subclass; it carries the last good state.
    QuadratureError
        If F is below `bound`.

    Examples
    --------
    A fair coin (±1): the linear threshold at T = 1, and above it nothing.

    >>> solve_functional([-1.0, 1.0], 1.1).phase
    'collapsed'
    >>> state = solve_functional([-1.0, 1.0], 0.5)
    >>> state.phase, bool(abs(state.scale[0] - 1) < 1e-8)
    ('mean-coded', True)
    """
    space = EncoderSpace.of(points, weights, model, checked_latents(latents))
    t = positive_temperature(T)
    rng = np.random.default_rng(seed)
    failures: list[NonConvergenceError] = []

    def solve(step: EncoderSpace, y: Array) -> FunctionalEquilibrium | None:
        try:
            return equilibrium_at(step, y, t, accuracy=accuracy)
        except NonConvergenceError as error:
            if step is space:
                failures.append(error)
            return None

    ceiling = math.inf
    if start is None:
        found, ceiling = climb(space, t, start_names(space), rng, solve)
        if space.latents > 1:
            one = solve_functional(points, t, weights=weights, model=model, accuracy=accuracy, bound=None, seed=seed)
            ceiling = min(ceiling, one.F)
            found += [s for s in [solve(space, beside_collapsed(space, one.mu, one.sigma))] if s is not None]
    else:
        found = [s for s in [solve(space, _start(space, start, t, rng))] if s is not None]
    if not found:
        raise failures[-1]
    best = min(found, key=lambda e: e.F)
    if best.F - ceiling > accuracy * space.variance:
        low = min(failures, key=lambda error: error.state.free_energy)
        raise NonConvergenceError(
            f"at T = {t:.6g} every minimum found of class {space.model.name!r} (F = {best.F:.9g}) is above the F = "
            f"{ceiling:.9g} that a subclass reaches, and no descent from there converged; use fewer points, or leave "
            "out those of least weight",
            low.state,
            low.residual,
        )
    if bound is not None:
        guard(best, bound(best.points, best.weights, t))
    return best


def equilibrium_at(
    space: EncoderSpace, y: Array, temperature: float, *, accuracy: float = 1e-10, throw: bool = True
) -> FunctionalEquilibrium:
    """The local minimum that a descent from coordinates y reaches, on a grid refined to an accuracy.

    Raises
    ------
    NonConvergenceError
        If the descent or the quadrature does not converge and `throw` is set.
    """
    # Errors multiply with the axes of the grid less than its cost: two latents start coarse.
    coarsest = 0.5 if space.latents == 1 else 0.7
    spacing, iterations = coarsest, 0
    while True:
        end = descend(space, y, temperature, spacing=spacing)
        iterations += end.iterations
        try:
            finer = space.state(end.state.y, temperature, spacing / 2, 9.0)
        except GridTooLargeError:
            error = math.inf
            break
        error = abs(finer.free_energy - end.state.free_energy)
        # A coarse grid that moves with the widths can also stall the descent: one refinement for that.
        settled = end.status != "stalled" or spacing < coarsest
        if (error <= accuracy * space.variance and settled) or spacing < 0.1:
            break
        spacing, y = spacing / 2, end.state.y
    converged = end.status == "converged" and error <= accuracy * space.variance
    if throw and not converged:
        raise NonConvergenceError(
            f"the descent at T = {temperature:.6g} ended as {end.status} with residual {end.residual:.2g} and "
            f"quadrature error {error:.2g}; try another start or a higher T",
            end.state,
            end.residual,
        )
    return _equilibrium(space, end, error, iterations)


def _equilibrium(space: EncoderSpace, end: Descent, error: float, iterations: int) -> FunctionalEquilibrium:
    state, p = end.state, space.weights
    sigma = np.exp(state.log_width)
    offset = p @ state.mean
    spread = p @ (state.mean - offset) ** 2
    noise = p @ sigma**2
    signal, scale = spread / (spread + noise), spread + noise
    # The logarithm of a mean minus the mean of logarithms, without cancellation between large parts.
    jensen = np.maximum(np.log(p @ np.exp(2 * (state.log_width - p @ state.log_width))), 0.0)
    rates = np.sum(_formulas.kl_terms(signal, scale, jensen, offset), axis=0)
    return FunctionalEquilibrium(
        temperature=state.temperature,
        points=space.points @ space.axes.T,
        weights=p,
        mu=state.mean,
        sigma=sigma,
        F=state.free_energy,
        distortion=state.distortion,
        rates=rates,
        signal_fraction=signal,
        jensen=jensen,
        scale=scale,
        offset=offset,
        residual=end.residual,
        curvature=end.curvature,
        quadrature_error=error,
        iterations=iterations,
        status=end.status,
        state=state,
    )


def guard(equilibrium: FunctionalEquilibrium, least: float) -> None:
    """Raise :class:`QuadratureError` if F lies below a bound by more than rounding and the quadrature estimate."""
    slack = equilibrium.quadrature_error + 1e-9 * equilibrium.state.space.variance
    if math.isnan(least) or least - slack > equilibrium.F:
        raise QuadratureError(
            f"F = {equilibrium.F:.12g} at T = {equilibrium.temperature:.6g} is below the bound {least:.12g}: the grid "
            "does not resolve the integrals"
        )


def positive_temperature(T: float) -> float:
    """T as a float, checked."""
    if isinstance(T, bool) or not isinstance(T, (int, float, np.integer, np.floating)):
        raise InputError(f"T must be a positive number, got {T!r}; give β η² in units of data variance")
    if not (math.isfinite(T) and T > 0):
        raise InputError(f"T must be positive and finite, got {T!r}; give β η² in units of data variance")
    return float(T)


def checked_latents(latents: int) -> int:
    """K, checked: one or two."""
    if isinstance(latents, bool) or latents not in (1, 2):
        raise InputError(f"latents must be 1 or 2, got {latents!r}; a grid in more dimensions is out of reach")
    return int(latents)


def _start(
    space: EncoderSpace,
    start: str | FunctionalEquilibrium | tuple[ArrayLike, ArrayLike],
    temperature: float,
    rng: np.random.Generator,
) -> Array:
    if isinstance(start, str):
        return seed_encoder(space, start, temperature, rng)
    mean, width = (start.mu, start.sigma) if isinstance(start, FunctionalEquilibrium) else start
    shape = (len(space.points), space.latents)
    mean, width = np.asarray(mean, dtype=float), np.asarray(width, dtype=float)
    if mean.ndim == 1 and space.latents == 1:
        mean, width = mean[:, None], np.reshape(width, (-1, 1))
    if mean.shape != shape or width.shape != shape or not (np.isfinite(mean).all() and (width > 0).all()):
        raise InputError(
            f"start must hold finite mu and positive sigma of shape {shape}, one row per distinct point, got shapes "
            f"{mean.shape} and {width.shape}"
        )
    return space.coordinates(mean, np.log(width))
