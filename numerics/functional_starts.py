"""Kinds of encoder to start a search from: seeds of every phase that is known to win somewhere.

Two channels soften together at collapse, so seeds carry the first principal score in the mean, in the log width with
either sign, or in both; others aim at minima that are not connected to collapse: rank coding (cold, every point apart),
an even code, the second coordinate, a tilt between both, a single far point, and noise.

======  ==============================================  =====
symbol  meaning                                         shape
======  ==============================================  =====
``s``   standardised visible principal coordinate       (N,)
``M²``  signal fraction the seed is given               scalar
======  ==============================================  =====
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from theory.errors import InputError
from theory.model import ModelClass

from .function_space import EncoderSpace

__all__ = ["KINDS", "beside_collapsed", "needs", "seed_encoder", "seed_functions", "start_names"]

Array = NDArray[np.float64]

KINDS = (
    "mean",
    "width+",
    "width-",
    "mixed+",
    "mixed-",
    "rank",
    "even",
    "second",
    "tilt+",
    "tilt-",
    "outlier",
    "random",
    "collapsed",
)
"""Names of seeds for one latent; join two with a comma for two latents, as in ``"mean,width+"``."""

_LINEAR = frozenset({"mean", "second", "tilt+", "tilt-", "collapsed"})
"""Kinds whose mean is linear in the visible coordinates and whose width is constant."""

_PAIRS = (
    "mean,second",
    "mean,even",
    "mean,collapsed",
    "mean,width+",
    "mean,width-",
    "width+,collapsed",
    "width-,collapsed",
    "mixed+,second",
    "mixed-,second",
    "tilt+,tilt-",
    "random,random",
)


def start_names(space: EncoderSpace) -> tuple[str, ...]:
    """The seeds that differ for a problem: no width seeds for constant widths, no second score on a line."""

    def usable(kind: str) -> bool:
        flat, line = space.model.width_degree == 0, len(space.model.seen) < 2
        return not (
            (flat and kind.startswith(("width", "mixed")))
            or (line and kind.startswith("tilt"))
            # Of two latents on a line the second has the square of the score to start with.
            or (line and kind.startswith("second") and space.latents == 1)
        )

    if space.latents == 1:
        return tuple(k for k in KINDS if usable(k) and k != "collapsed")
    if space.latents == 2:
        return tuple(p for p in _PAIRS if all(map(usable, p.split(","))))
    raise InputError(f"latents must be 1 or 2, got {space.latents}; a grid in more dimensions is out of reach")


def needs(name: str, model: ModelClass) -> bool:
    """Whether a class is wide enough for every latent of a seed: for its mean, and for the width if it is coded.

    A strong linear code is one, so that a decoder that bends has a start far from collapse.
    """
    kinds = name.split(",")
    if any(kind.startswith(("width", "mixed")) for kind in kinds):
        return model.width_degree != 0
    if all(kind in _LINEAR for kind in kinds):
        return True
    return model.decoder_degree != 1 if set(kinds) <= {*_LINEAR, "rank"} else model.mean_degree != 1


def seed_encoder(space: EncoderSpace, name: str, temperature: float, rng: np.random.Generator) -> Array:
    """Coordinates y of a named seed.

    Raises
    ------
    InputError
        If the name is not a kind, or the number of kinds is not that of the latents.
    """
    return space.coordinates(*seed_functions(space, name, temperature, rng))


def seed_functions(space: EncoderSpace, name: str, temperature: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """μ and ln σ of a named seed, (N, K) each, before projection on the class; raises as `seed_encoder`."""
    kinds = name.split(",")
    if len(kinds) != space.latents or not set(kinds) <= set(KINDS):
        raise InputError(f"start must name {space.latents} of {', '.join(KINDS)} (with a comma), got {name!r}")
    pairs = [_single(space, kind, temperature, rng) for kind in kinds]
    mean, log_width = (np.stack(part, axis=1) for part in zip(*pairs, strict=True))
    # Far points would start where no other posterior reaches, and come back slowly.
    return np.clip(mean, -3.0, 3.0), np.clip(log_width, -3.0, 1.0)


def beside_collapsed(space: EncoderSpace, mean: Array, sigma: Array) -> Array:
    """Coordinates y of a one-latent encoder, (N, 1) each, with collapsed latents beside it.

    From a stationary encoder they are stationary: a descent stays, or leaves along the residual that a further latent
    can carry. So K latents are found to be at least as good as one.
    """
    more = space.latents - mean.shape[1]
    rest = np.zeros((len(mean), more))
    return space.coordinates(np.hstack([mean, rest]), np.hstack([np.log(sigma), rest]))


def _single(space: EncoderSpace, kind: str, temperature: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """μ and ln σ of one latent, before projection on the class."""
    x, p = space.points, space.weights
    n, seen = len(x), space.model.seen

    def standard(values: Array) -> Array:
        values = values - p @ values
        spread = np.sqrt(p @ values**2)
        return values / spread if spread > 0 else values

    first = standard(x[:, seen[0]])
    second = standard(x[:, seen[1]]) if len(seen) > 1 else standard(first**2)
    signal = float(np.clip(1 - temperature / max(space.collapse_threshold, temperature), 0.3, 0.97))
    narrow = np.full(n, 0.5 * np.log1p(-signal))
    amplitude = np.sqrt(signal)
    sign = -1.0 if kind.endswith("-") else 1.0
    match kind.rstrip("+-"):
        case "mean":
            return amplitude * first, narrow
        case "width":
            return np.zeros(n), np.clip(sign * 0.5 * first, -1.2, 0.7)
        case "mixed":
            return amplitude * first, narrow + sign * 0.4 * first
        case "even":
            return amplitude * standard(first**2), narrow
        case "second":
            return amplitude * second, narrow
        case "tilt":
            return amplitude * (first + sign * standard(_bend(space, first))) / np.sqrt(2), narrow
        case "rank":
            order = np.argsort(first)
            below = np.empty(n)
            below[order] = np.cumsum(p[order]) - 0.5 * p[order]
            return 0.95 * ndtri(below.clip(1e-6, 1 - 1e-6)), np.full(n, 0.5 * np.log(0.1))
        case "outlier":
            far = np.zeros(n)
            far[np.argmax(np.square(x).sum(axis=1))] = 1.0
            return 2.5 * far, -0.4 * far
        case "random":
            return rng.standard_normal(n), -0.5 + 0.4 * rng.standard_normal(n)
    return np.zeros(n), np.zeros(n)


def _bend(space: EncoderSpace, first: Array) -> Array:
    """The linear score that goes with the square of the first one, by the co-skewness; the second if there is none."""
    others = space.points[:, list(space.model.seen)[1:]]
    skew = (space.weights * first**2) @ others
    size = np.abs(skew)
    return np.asarray(others @ skew if size.max() > 1e-9 * np.sqrt(space.variance) else others[:, 0])
