"""What is declared: a model class as data, under the names that all layers share. SymPy-free.

A class says which functions the decoder, the posterior mean μ(x) and the posterior width ln σ(x) may be, which
coordinates of x the encoder sees, and which likelihood scores the reconstruction. "Free" means as many amplitudes as
the order of an expansion requires. The four classes, from narrow to wide, are the values of `MODEL_CLASSES`.

Symbol table
------------
symbol   meaning                                             range
f(z)     decoder mean, a series in Hermite polynomials       linear | hermite:N | free
μ(x)     posterior mean, a polynomial of x                   linear | polynomial:J | free
ln σ(x)  logarithm of the posterior width                    constant | polynomial:J | free
K, D     number of latents, number of observed coordinates   ≥ 1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from .errors import InputError, did_you_mean

__all__ = ["LIKELIHOODS", "MODEL_CLASSES", "ModelClass", "model_class"]

LIKELIHOODS: Final = ("gaussian", "gaussian-learned-variance", "bernoulli", "poisson")

_LOWEST: Final = {"decoder": ("linear", 1), "mean": ("linear", 1), "width": ("constant", 0)}
_SERIES: Final = {"decoder": "hermite", "mean": "polynomial", "width": "polynomial"}


def _degree(argument: str, family: str) -> int | None:
    """Highest degree of a family; ``None`` if it is free."""
    name, lowest = _LOWEST[argument]
    if family == name:
        return lowest
    if family == "free":
        return None
    kind, _, degree = family.partition(":")
    if kind == _SERIES[argument] and degree.isascii() and degree.isdigit() and int(degree) >= 1:
        return int(degree)
    raise InputError(
        f"{argument} must be {name!r}, '{_SERIES[argument]}:N' with N >= 1, or 'free', got {family!r}; correct it"
    )


@dataclass(frozen=True, slots=True)
class ModelClass:
    """A declared model class.

    Parameters
    ----------
    name : str
        What it is called.
    decoder : str
        ``"linear"``, ``"hermite:N"`` (He_0 … He_N; total degree if there are several latents) or ``"free"``.
    mean : str
        ``"linear"``, ``"polynomial:J"`` (total degree at most J) or ``"free"``; always with a bias.
    width : str
        ``"constant"``, ``"polynomial:J"`` or ``"free"``: the family of ln σ.
    visible : tuple of int, or "all"
        Principal coordinates that the encoder sees, counted from 0, the top mode.
    likelihood : str
        One of `LIKELIHOODS`.
    latents, dimensions : int
        K and D.

    Raises
    ------
    InputError
        If a field is not one of these.

    Examples
    --------
    >>> flexible = model_class("flexible")
    >>> flexible.decoder_degree, flexible.width
    (None, 'free')
    >>> ModelClass("quartic", decoder="hermite:4", mean="linear", width="constant").decoder_degree
    4
    """

    name: str
    decoder: str
    mean: str
    width: str
    visible: tuple[int, ...] | Literal["all"] = "all"
    likelihood: str = "gaussian"
    latents: int = 1
    dimensions: int = 1

    def __post_init__(self) -> None:
        for argument in _LOWEST:
            _degree(argument, getattr(self, argument))
        if self.likelihood not in LIKELIHOODS:
            raise InputError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, got {self.likelihood!r}")
        for argument in ("latents", "dimensions"):
            count = getattr(self, argument)
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise InputError(f"{argument} must be an integer of at least 1, got {count!r}; use 1 or more")
        if self.visible != "all":
            seen = self.visible
            if (
                not isinstance(seen, tuple)
                or not seen
                or any(isinstance(i, bool) or not isinstance(i, int) for i in seen)
                or sorted(set(seen)) != list(seen)
                or not 0 <= seen[0] <= seen[-1] < self.dimensions
            ):
                raise InputError(
                    f"visible must be 'all' or ascending indices below dimensions = {self.dimensions}, got {seen!r}"
                )

    @property
    def decoder_degree(self) -> int | None:
        """Highest Hermite degree of the decoder; ``None`` if free."""
        return _degree("decoder", self.decoder)

    @property
    def mean_degree(self) -> int | None:
        """Highest degree of μ(x); ``None`` if free."""
        return _degree("mean", self.mean)

    @property
    def width_degree(self) -> int | None:
        """Highest degree of ln σ(x); ``None`` if free."""
        return _degree("width", self.width)

    @property
    def seen(self) -> tuple[int, ...]:
        """Indices of the coordinates that the encoder sees."""
        return tuple(range(self.dimensions)) if self.visible == "all" else self.visible

    def contains(self, other: ModelClass) -> bool:
        """Whether every model of another class on the same problem is one of this class.

        Examples
        --------
        >>> wide, narrow = model_class("flexible"), model_class("linear")
        >>> wide.contains(narrow), narrow.contains(wide)
        (True, False)
        """
        same = (self.likelihood, self.latents, self.dimensions) == (other.likelihood, other.latents, other.dimensions)
        pairs = [(_degree(a, getattr(self, a)), _degree(a, getattr(other, a))) for a in _LOWEST]
        wide = all(mine is None or (its is not None and its <= mine) for mine, its in pairs)
        return same and wide and set(other.seen) <= set(self.seen)

    @property
    def subclasses(self) -> tuple[ModelClass, ...]:
        """Those of `MODEL_CLASSES` that this class contains, on the same coordinates, from narrow to wide; not itself.

        Examples
        --------
        >>> [narrow.name for narrow in model_class("nonlinear-mean").subclasses]
        ['linear', 'nonlinear-decoder']
        """
        narrow = [
            replace(
                m, visible=self.visible, likelihood=self.likelihood, latents=self.latents, dimensions=self.dimensions
            )
            for m in MODEL_CLASSES.values()
        ]
        return tuple(m for m in narrow if self.contains(m) and not m.contains(self))


MODEL_CLASSES: Final[Mapping[str, ModelClass]] = MappingProxyType(
    {
        "linear": ModelClass("linear", decoder="linear", mean="linear", width="constant"),
        "nonlinear-decoder": ModelClass("nonlinear-decoder", decoder="free", mean="linear", width="constant"),
        "nonlinear-mean": ModelClass("nonlinear-mean", decoder="free", mean="free", width="constant"),
        "flexible": ModelClass("flexible", decoder="free", mean="free", width="free"),
    }
)
"""The four classes, from narrow to wide; each contains the one before it."""


def model_class(name: str) -> ModelClass:
    """Return the model class of a name.

    Raises
    ------
    InputError
        If the name is unknown; the message lists the known ones and the closest.

    Examples
    --------
    >>> model_class("linear").mean
    'linear'
    >>> model_class("flexble")
    Traceback (most recent call last):
        ...
    theory.errors.InputError: unknown model class 'flexble' (did you mean 'flexible'?); choose one of linear, ...
    """
    if name in MODEL_CLASSES:
        return MODEL_CLASSES[name]
    meant = did_you_mean(name, MODEL_CLASSES)
    raise InputError(f"unknown model class {name!r}{meant}; choose one of {', '.join(MODEL_CLASSES)}")
