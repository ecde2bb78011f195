"""What is true: derivations of the theory of posterior collapse, in SymPy.

Names are loaded when they are used: `cite` and the error classes never import SymPy.
"""

from typing import TYPE_CHECKING

from ._lazy import attach

if TYPE_CHECKING:
    from .derivation import Derivation as Derivation
    from .derivation import DerivationError as DerivationError
    from .derivation import Quantity as Quantity
    from .derivation import Step as Step
    from .emit import emit_function as emit_function
    from .emit import emit_module as emit_module
    from .errors import InputError as InputError
    from .errors import MissingExtraError as MissingExtraError
    from .formulas import Formula as Formula
    from .formulas import catalogue as catalogue
    from .kl_identity import derive_kl_identity as derive_kl_identity
    from .linear_gaussian import LandauSeries as LandauSeries
    from .linear_gaussian import derive_linear as derive_linear
    from .linear_gaussian import landau_series as landau_series
    from .loss import derive_conversions as derive_conversions
    from .loss import derive_loss as derive_loss
    from .loss import temperature_of as temperature_of
    from .references import cite as cite

_EXPORTS = {
    "Derivation": ".derivation",
    "DerivationError": ".derivation",
    "Formula": ".formulas",
    "InputError": ".errors",
    "LandauSeries": ".linear_gaussian",
    "MissingExtraError": ".errors",
    "Quantity": ".derivation",
    "Step": ".derivation",
    "catalogue": ".formulas",
    "cite": ".references",
    "derive_conversions": ".loss",
    "derive_kl_identity": ".kl_identity",
    "derive_linear": ".linear_gaussian",
    "derive_loss": ".loss",
    "emit_function": ".emit",
    "emit_module": ".emit",
    "landau_series": ".linear_gaussian",
    "temperature_of": ".loss",
}

__all__ = list(_EXPORTS)
__getattr__, __dir__ = attach(__name__, _EXPORTS)
