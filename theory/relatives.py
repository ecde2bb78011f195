"""The relatives of the VAE that the same quadratic form covers, by the name that ``landau-vae derive`` knows.

A name maps to the function that derives it; the modules are imported when a name is used. Each module also has the
small exact functions that go with its derivation.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from .errors import InputError, did_you_mean

if TYPE_CHECKING:
    from .derivation import Derivation

__all__ = ["RELATIVES", "derive_relative"]

RELATIVES: Mapping[str, tuple[str, str, tuple[str, ...]]] = MappingProxyType(
    {
        "bernoulli": ("exponential_family", "derive_exponential_family", ("bernoulli",)),
        "poisson": ("exponential_family", "derive_exponential_family", ("poisson",)),
        "learned-variance": ("learned_variance", "derive_learned_variance", ()),
        "conditional": ("conditional", "derive_conditional", ()),
        "bottleneck": ("bottleneck", "derive_bottleneck", ()),
        "curve": ("curve_derivation", "derive_curve", ()),
        "relaxation-rates": ("dynamics_rates", "derive_relaxation_rates", ()),
        "residual-stability": ("residual", "derive_residual_stability", ()),
        "sandwich": ("sandwich", "derive_sandwich", ()),
        "transition-laws": ("transition_laws", "derive_transition_laws", ()),
    }
)
"""Name to module, function and arguments."""


def derive_relative(name: str) -> Derivation:
    """Derive a relative by name.

    Parameters
    ----------
    name : str
        One of `RELATIVES`.

    Returns
    -------
    Derivation

    Raises
    ------
    InputError
        If the name is not known; the message suggests a close one.

    Examples
    --------
    >>> derive_relative("bottleneck").name
    'bottleneck'
    >>> derive_relative("bottelneck")
    Traceback (most recent call last):
        ...
    theory.errors.InputError: unknown derivation 'bottelneck' (did you mean 'bottleneck'?); choose one of bernoulli, ...
    """
    if name not in RELATIVES:
        meant = did_you_mean(name, RELATIVES)
        raise InputError(f"unknown derivation {name!r}{meant}; choose one of {', '.join(RELATIVES)}")
    module, function, arguments = RELATIVES[name]
    derive: Callable[..., Derivation] = getattr(importlib.import_module(f".{module}", __package__), function)
    return derive(*arguments)
