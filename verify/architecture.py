"""What a trained network is: depth, width, activation, encoder class, likelihood. SymPy-free.

======  ======================================================  ==================
symbol  meaning                                                 shape, unit
======  ======================================================  ==================
D, K    features, latents
μ, ρ    posterior mean, ρ = ln σ² of the posterior              (K,)
f       natural output of the decoder: mean, or logits          (D,)
η²      variance of the decoder, if it is learned               units of x²
======  ======================================================  ==================

The four classes of `theory.model.MODEL_CLASSES` decide which functions are networks; the hidden widths say how large
those are, and are not used where the class is affine:

=====================  =========  =========  ==========
class                  f(z)       μ(x)       ln σ²(x)
=====================  =========  =========  ==========
``linear``             affine     affine     constant
``nonlinear-decoder``  network    affine     constant
``nonlinear-mean``     network    network    constant
``flexible``           network    network    network
=====================  =========  =========  ==========

In ``flexible`` μ and ln σ² are two affine heads on one trunk, as is usual.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from theory.errors import InputError
from theory.model import model_class

from .activations import ACTIVATIONS
from .likelihoods import LIKELIHOODS

__all__ = ["INITIALS", "Architecture"]

INITIALS: Final = ("kaiming", "glorot", "uniform")
"""Ways to draw the first weights: He et al. (arXiv:1502.01852, normal, biases 0), Glorot & Bengio (2010, uniform,
biases 0), and ±1/√fan-in for weights and biases, which PyTorch's ``Linear`` does unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A fully connected VAE.

    Parameters
    ----------
    encoder, decoder : tuple of int
        Widths of the hidden layers, from the input on; ``()`` is affine.
    activation : {"tanh", "silu", "relu"}
        Of all hidden layers.
    model_class : str
        Name of a class of `theory.model.MODEL_CLASSES`.
    visible : tuple of int, or "all"
        Columns of x that the encoder sees, ascending, counted from 0.
    likelihood : {"gaussian", "gaussian-learned-variance", "bernoulli"}
        See :mod:`verify.likelihoods`, also for what the temperature then is.
    log_variance_bias : float
        First bias (or constant) of ln σ²; its head's weights are drawn like the others.
    clamp : (float, float) or None
        Bounds of ln σ²; outside them its gradient is zero.
    initial : {"kaiming", "glorot", "uniform"}
        How weights are drawn, see `INITIALS`.

    Raises
    ------
    InputError
        If a field is not one of these.

    Examples
    --------
    >>> Architecture(encoder=(64,), decoder=(64,)).layers(features=19, latents=4)
    ((19, 64, 8), (4, 64, 19))
    >>> Architecture(model_class="nonlinear-decoder", visible=(0,)).layers(features=2, latents=1)
    ((1, 1), (1, 64, 64, 2))
    >>> Architecture(activation="gelu")
    Traceback (most recent call last):
        ...
    theory.errors.InputError: activation must be one of tanh, silu, relu, got 'gelu'; choose one of them
    """

    encoder: tuple[int, ...] = (64, 64)
    decoder: tuple[int, ...] = (64, 64)
    activation: str = "tanh"
    model_class: str = "flexible"
    visible: tuple[int, ...] | Literal["all"] = "all"
    likelihood: str = "gaussian"
    log_variance_bias: float = 0.0
    clamp: tuple[float, float] | None = (-12.0, 8.0)
    initial: str = "kaiming"

    def __post_init__(self) -> None:
        for name in ("encoder", "decoder"):
            widths = getattr(self, name)
            if not isinstance(widths, tuple | list) or not all(_is_count(w) for w in widths):
                raise InputError(f"{name} must be widths of hidden layers of at least 1, got {widths!r}; try (64, 64)")
            object.__setattr__(self, name, tuple(int(w) for w in widths))
        model_class(self.model_class)
        for name, known in (
            ("activation", tuple(ACTIVATIONS)),
            ("likelihood", tuple(LIKELIHOODS)),
            ("initial", INITIALS),
        ):
            if getattr(self, name) not in known:
                value = getattr(self, name)
                raise InputError(f"{name} must be one of {', '.join(known)}, got {value!r}; choose one of them")
        if self.visible != "all":
            seen = self.visible
            if (
                not isinstance(seen, tuple | list)
                or not seen
                or not all(_is_count(i, 0) for i in seen)
                or sorted(set(seen)) != list(seen)
            ):
                raise InputError(f"visible must be 'all' or ascending columns counted from 0, got {seen!r}; correct it")
            object.__setattr__(self, "visible", tuple(int(i) for i in seen))
        if not math.isfinite(self.log_variance_bias):
            raise InputError(f"log_variance_bias must be finite, got {self.log_variance_bias}; 0 is the default")
        if self.clamp is not None:
            if len(self.clamp) != 2 or not -math.inf < self.clamp[0] < self.clamp[1] < math.inf:
                raise InputError(f"clamp must be None or (low, high), finite, got {self.clamp!r}; (-12, 8) is usual")
            object.__setattr__(self, "clamp", tuple(float(c) for c in self.clamp))
            if not self.clamp[0] <= self.log_variance_bias <= self.clamp[1]:
                raise InputError(
                    f"log_variance_bias must lie within clamp {self.clamp}, where its gradient is not zero, "
                    f"got {self.log_variance_bias}; move one of them"
                )

    @property
    def constant_width(self) -> bool:
        """Whether σ² is a parameter of each latent instead of a function of x."""
        return model_class(self.model_class).width == "constant"

    def layers(self, features: int, latents: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Numbers of units of encoder and decoder, inputs first; the encoder ends in μ or [μ; ln σ²].

        Raises
        ------
        InputError
            If ``visible`` names a column that the data do not have.
        """
        if self.visible != "all" and self.visible[-1] >= features:
            raise InputError(f"visible must be columns below {features}, got {self.visible[-1]}; count from 0")
        declared = model_class(self.model_class)
        inputs = features if self.visible == "all" else len(self.visible)
        encoder = () if declared.mean == "linear" else self.encoder
        decoder = () if declared.decoder == "linear" else self.decoder
        heads = latents if self.constant_width else 2 * latents
        return (inputs, *encoder, heads), (latents, *decoder, features)

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values; ``Architecture(**…)`` of it is the same architecture."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def _is_count(value: object, lowest: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= lowest
