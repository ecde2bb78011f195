"""Choose β for the loss that your code minimises, and know what a nonlinear VAE may do instead.

==========  =====================================================================  =============
symbol      meaning                                                                unit
==========  =====================================================================  =============
``β, T``    weight of the divergence as the code writes it; temperature            convention; data variance
``y``       scores of a mode over their standard deviation                         1
``κ_3,4``   skewness and excess kurtosis of y                                      1
``κ⃗``       co-skewness vector ``E[x y²]/√λ``; its component along the mode is κ3  1
==========  =====================================================================  =============

Thresholds and costs are those of :mod:`numerics.beta_scale` and :mod:`numerics.choice`; here they get their front doors
and the local order of each transition, for which the Landau theory of :mod:`theory` is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numerics.beta_scale import BetaScale
from numerics.choice import Choice, above_noise, keep_modes, within_tolerance
from numerics.fisher import loss_spectrum
from numerics.higher_moments import ModeCumulants, ModeFrame
from numerics.linear_equilibrium import Cascade
from numerics.moments import Moments
from numerics.projection import feasible_kurtosis
from numerics.tables import Table, load_table
from theory.errors import InputError

__all__ = ["ModeOrder", "beta_scale", "choose_beta", "effective_rows", "expected_order"]

_ROUNDING = 1e-13
"""A third moment below this share of the root of the fourth (which bounds the absolute third) is rounding."""
_NOTABLE = 0.01
"""Relative shift of a threshold, or KL jump in nats, below which a jump is not worth a warning."""


def beta_scale(
    data: Table | Moments | ArrayLike | str,
    *,
    loss: str = "elbo",
    latents: int | None = None,
    batch_size: int | None = None,
    decoder_variance: float | None = None,
    learned_variance: bool = False,
    standardize: bool = True,
) -> BetaScale:
    """The thresholds of a data set in the β of a loss.

    Parameters
    ----------
    data : Table, Moments, array_like of shape (N, D), or str
        Observations, or what :func:`load_table` takes, raw values for ``bce`` and ``poisson``; or what
        :func:`numerics.streaming.accumulate` found of data larger than memory, for these two with their ``loss``.
    loss : str
        One of :data:`numerics.conventions.LOSSES`.
    latents, batch_size : int, optional
        K (as many as columns by default) and B, where the loss needs them.
    decoder_variance : float, optional
        η² of ``elbo``; 1 by default.
    learned_variance : bool
        η² is trained too.
    standardize : bool
        Divide columns by their standard deviation; ignored by ``bce`` and ``poisson``.

    Returns
    -------
    BetaScale
        With ``thresholds``, ``beta(T)``, ``temperature(β)`` and ``cascade``.

    Raises
    ------
    InputError
        For unusable data, an unknown loss, or a size that it needs and that is missing.

    Examples
    --------
    >>> scale = beta_scale("wine", loss="mse")
    >>> scale.thresholds[:3].round(3)
    array([0.724, 0.384, 0.222])
    """
    spectrum = loss_spectrum(_known(data), loss, standardize=standardize)
    return BetaScale(Cascade(spectrum, latents), loss, batch_size, decoder_variance, learned_variance)


def choose_beta(
    data: Table | Moments | ArrayLike | str,
    *,
    keep: int | None = None,
    tolerance: float | None = None,
    noise_floor: bool | float = False,
    **options: Any,
) -> Choice:
    """The β to take, with the interval in which it answers and what it costs.

    Parameters
    ----------
    data : Table, Moments, array_like of shape (N, D), or str
        As in `beta_scale`.
    keep : int, optional
        Modes to keep.
    tolerance : float, optional
        Distortion over total variance to stay within.
    noise_floor : bool or float
        Keep what stands above pure noise; a number is the variance of that noise, True estimates it.
    **options
        As in `beta_scale`.

    Returns
    -------
    Choice

    Raises
    ------
    InputError
        Unless exactly one question is asked and has an answer.

    Examples
    --------
    >>> found = choose_beta("wine", loss="mse", keep=3)
    >>> found.active, round(found.betas.lower, 3), round(found.betas.upper, 3)
    (3, 0.141, 0.222)
    """
    asked = [keep is not None, tolerance is not None, noise_floor is not False]
    if sum(asked) != 1:
        raise InputError(f"choose_beta needs one of keep, tolerance, noise_floor, got {sum(asked)}; ask one question")
    known = _known(data)
    scale = beta_scale(known, **options)
    if keep is not None:
        return keep_modes(scale, keep)
    if tolerance is not None:
        return within_tolerance(scale, tolerance)
    return above_noise(scale, None if noise_floor is True else float(noise_floor), samples=effective_rows(known))[0]


def _known(data: Table | Moments | ArrayLike | str) -> Table | Moments:
    return data if isinstance(data, Table | Moments) else load_table(data)


def effective_rows(data: Table | Moments) -> float:
    """Rows that count: N, or ``(Σw)²/Σw²`` of weighted rows (Kish 1965).

    Examples
    --------
    >>> effective_rows(load_table([[0.0], [1.0], [2.0]], weights=[1.0, 1.0, 0.0]))
    2.0
    """
    if isinstance(data, Moments):
        return data.effective_rows
    w = data.weights
    return float(len(data.values)) if w is None else float(w.sum() ** 2 / np.square(w).sum())


@dataclass(frozen=True, slots=True)
class ModeOrder:
    """Is the transition of one mode expected to be continuous, for VAEs that are not linear?

    Attributes
    ----------
    mode : int
        1 for the top mode.
    beta : float
        Its linear threshold.
    skewness, excess_kurtosis, coskewness : float
        κ3 and κ4 of its scores, and ‖κ⃗‖ over this mode and all after it.
    nonlinear_decoder, flexible : str
        Local order with a free decoder, and with a free decoder and encoder: continuous, tricritical or jump.
    active_up_to : float or None
        β up to which the truncated Landau theory of the flexible class sees an active state as the optimum; None if
        it does not bound it.
    kl_jump : float or None
        KL of that state, in nats; 0 if continuous.
    warning : str
        Empty where the linear threshold can be trusted at this order.
    """

    mode: int
    beta: float
    skewness: float
    excess_kurtosis: float
    coskewness: float
    nonlinear_decoder: str
    flexible: str
    active_up_to: float | None
    kl_jump: float | None
    warning: str

    def to_json(self) -> dict[str, Any]:
        """Return a strictly JSON-able dict."""
        return {name: getattr(self, name) for name in self.__slots__}


def expected_order(scale: BetaScale, data: Table | ModeCumulants, *, modes: int = 3) -> tuple[ModeOrder, ...]:
    """Local order of the leading transitions from the cumulants of the data.

    Parameters
    ----------
    scale : BetaScale
        Of these data, for a squared-error loss, with axes.
    data : Table or ModeCumulants
        The rows behind it, or what :func:`numerics.streaming.accumulate_cumulants` found of its leading modes.
    modes : int
        How many leading modes; with a learned variance only the first is derived.

    Returns
    -------
    tuple of ModeOrder

    Raises
    ------
    InputError
        For ``bce`` and ``poisson``, whose expansion is derived to second order only.

    Notes
    -----
    Mode k is judged as if the modes before it were known and those after it collapsed; in truth active latents of a
    free network move its threshold (the residual edge of Li, arXiv:2610.11257). Local order says nothing of a distant
    minimum; ``landau-vae phase`` solves for it.
    Samples have κ3 ≠ 0, so a flexible VAE always jumps at full resolution: `kl_jump` says whether that matters.

    Examples
    --------
    >>> from numerics.tables import load_table
    >>> first = expected_order(beta_scale("wine"), load_table("wine"), modes=1)[0]
    >>> first.nonlinear_decoder, first.flexible, first.kl_jump < 1e-3, first.warning
    ('continuous', 'jump', True, '')
    """
    if not scale.exact:
        raise InputError(
            f"the order of transitions is derived for squared errors, got loss {scale.loss!r}; leave it out"
        )
    c = scale.cascade
    count = min(modes, c.live, 1 if scale.learned_variance else c.live)
    if isinstance(data, ModeCumulants):
        found, count = data, min(count, len(data.deviation))
    elif count:
        found = ModeCumulants.of(ModeFrame.of(c.spectrum, count), data.values, data.weights)
    return tuple(_order(scale, found, k + 1) for k in range(count))


def _order(scale: BetaScale, cumulants: ModeCumulants, mode: int) -> ModeOrder:
    from theory.explain import explain
    from theory.learned_variance import with_learned_variance
    from theory.transition import classify

    c = scale.cascade
    eigenvalue = float(c.spectrum.eigenvalues[mode - 1])
    skewness, kurtosis = float(cumulants.skewness[mode - 1]), float(cumulants.excess_kurtosis[mode - 1])
    if skewness**2 <= _ROUNDING**2 * (kurtosis + 3):
        # What rounding leaves of an odd moment of symmetric data is none: a verdict hangs on its being zero.
        skewness = 0.0
    # Two-point scores lie on the edge of what a distribution can have, and rounding may push them over it.
    kappa = {"kappa3": skewness, "kappa4": feasible_kurtosis(skewness, kurtosis)}
    # Modes before this one count as known.
    size = float(np.linalg.norm(cumulants.co_skewness[mode - 1, mode - 1 :]))
    # ‖κ⃗‖ takes the part of |κ3| when the decoder sees all columns.
    decoder = explain("nonlinear-decoder", cumulants={"kappa3": size})
    free = explain("flexible", cumulants=kappa)
    share = eigenvalue / c.total_variance
    kinds = [
        classify(with_learned_variance(found.polynomial, share), found.values).kind
        if scale.learned_variance and found.polynomial is not None
        else found.verdict.kind
        for found in (decoder, free)
    ]
    edge, jump = free.numbers.get("coexistence"), free.numbers.get("kl_jump", 0.0)
    beta = float(scale.beta(eigenvalue)[0])
    up_to = None if edge is None or scale.learned_variance else float(scale.beta(edge * eigenvalue)[0])
    return ModeOrder(
        mode, beta, kappa["kappa3"], kappa["kappa4"], size, kinds[0], kinds[1], up_to,
        None if edge is None else jump, _warning(mode, kinds, edge, up_to, jump),
    )  # fmt: skip


def _warning(mode: int, kinds: list[str], edge: float | None, up_to: float | None, jump: float | None) -> str:
    if kinds[0] == "jump":
        return f"mode {mode}: skewness beyond the tricritical point; any nonlinear decoder jumps and stays on above β_k"
    if kinds[1] != "jump":
        return ""
    if edge is None or jump is None:
        return f"mode {mode}: a flexible VAE jumps and may stay active far above β_k; solve it with landau-vae phase"
    if edge - 1 > _NOTABLE or jump > _NOTABLE:
        reach = "" if up_to is None else f" up to β ≈ {up_to:.4g}"
        return f"mode {mode}: a flexible VAE may stay active{reach} and then jump by {jump:.2g} nat"
    return ""
