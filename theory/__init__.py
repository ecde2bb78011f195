"""What is true: derivations of the theory of posterior collapse, in SymPy.

Names are loaded when they are used: `cite`, the model classes and the error classes never import SymPy.
"""

from typing import TYPE_CHECKING

from ._lazy import attach

if TYPE_CHECKING:
    from .bottleneck import critical_betas as critical_betas
    from .bottleneck import derive_bottleneck as derive_bottleneck
    from .conditional import derive_conditional as derive_conditional
    from .conditional import residual_covariance as residual_covariance
    from .cumulants import Cumulants as Cumulants
    from .curve_derivation import derive_curve as derive_curve
    from .curves import Curve as Curve
    from .derivation import Derivation as Derivation
    from .derivation import DerivationError as DerivationError
    from .derivation import Quantity as Quantity
    from .derivation import Step as Step
    from .distributions import distribution as distribution
    from .distributions import from_points as from_points
    from .dynamics_rates import derive_relaxation_rates as derive_relaxation_rates
    from .dynamics_rates import slow_rate as slow_rate
    from .emit import emit_function as emit_function
    from .emit import emit_module as emit_module
    from .errors import InputError as InputError
    from .errors import MissingExtraError as MissingExtraError
    from .explanation import Explanation as Explanation
    from .exponential_family import critical_beta as critical_beta
    from .exponential_family import derive_exponential_family as derive_exponential_family
    from .formulas import Formula as Formula
    from .formulas import catalogue as catalogue
    from .kl_identity import derive_kl_identity as derive_kl_identity
    from .landau import Landau as Landau
    from .landau import channels as channels
    from .landau import reduce as reduce
    from .landau_steps import Expanded as Expanded
    from .landau_steps import expand as expand
    from .learned_variance import derive_learned_variance as derive_learned_variance
    from .learned_variance import learned_temperature as learned_temperature
    from .linear_gaussian import LandauSeries as LandauSeries
    from .linear_gaussian import derive_linear as derive_linear
    from .linear_gaussian import landau_series as landau_series
    from .loss import derive_conversions as derive_conversions
    from .loss import derive_loss as derive_loss
    from .loss import temperature_of as temperature_of
    from .model import MODEL_CLASSES as MODEL_CLASSES
    from .model import ModelClass as ModelClass
    from .model import model_class as model_class
    from .normal_form import LandauPolynomial as LandauPolynomial
    from .references import cite as cite
    from .relatives import derive_relative as derive_relative
    from .residual import derive_residual_stability as derive_residual_stability
    from .residual import residual_edge as residual_edge
    from .sandwich import derive_sandwich as derive_sandwich
    from .sandwich import variance_proxy as variance_proxy
    from .transition import Verdict as Verdict
    from .transition import classify as classify
    from .transition import critical_exponents as critical_exponents
    from .transition import jump_condition as jump_condition
    from .transition import tricritical_manifold as tricritical_manifold
    from .transition_laws import derive_transition_laws as derive_transition_laws
    from .truncated import Coexistence as Coexistence
    from .truncated import coexistence as coexistence
    from .truncated import stationary_points as stationary_points

_EXPORTS = {
    "Coexistence": ".truncated",
    "Cumulants": ".cumulants",
    "Curve": ".curves",
    "Derivation": ".derivation",
    "DerivationError": ".derivation",
    "Expanded": ".landau_steps",
    "Explanation": ".explanation",
    "Formula": ".formulas",
    "InputError": ".errors",
    "Landau": ".landau",
    "LandauPolynomial": ".normal_form",
    "LandauSeries": ".linear_gaussian",
    "MODEL_CLASSES": ".model",
    "MissingExtraError": ".errors",
    "ModelClass": ".model",
    "Quantity": ".derivation",
    "Step": ".derivation",
    "Verdict": ".transition",
    "catalogue": ".formulas",
    "channels": ".landau",
    "cite": ".references",
    "classify": ".transition",
    "coexistence": ".truncated",
    "critical_beta": ".exponential_family",
    "critical_betas": ".bottleneck",
    "critical_exponents": ".transition",
    "derive_bottleneck": ".bottleneck",
    "derive_conditional": ".conditional",
    "derive_conversions": ".loss",
    "derive_curve": ".curve_derivation",
    "derive_exponential_family": ".exponential_family",
    "derive_kl_identity": ".kl_identity",
    "derive_learned_variance": ".learned_variance",
    "derive_linear": ".linear_gaussian",
    "derive_loss": ".loss",
    "derive_relative": ".relatives",
    "derive_relaxation_rates": ".dynamics_rates",
    "derive_residual_stability": ".residual",
    "derive_sandwich": ".sandwich",
    "derive_transition_laws": ".transition_laws",
    "distribution": ".distributions",
    "emit_function": ".emit",
    "emit_module": ".emit",
    "expand": ".landau_steps",
    "from_points": ".distributions",
    "jump_condition": ".transition",
    "landau_series": ".linear_gaussian",
    "learned_temperature": ".learned_variance",
    "model_class": ".model",
    "reduce": ".landau",
    "residual_covariance": ".conditional",
    "residual_edge": ".residual",
    "slow_rate": ".dynamics_rates",
    "stationary_points": ".truncated",
    "temperature_of": ".loss",
    "tricritical_manifold": ".transition",
    "variance_proxy": ".sandwich",
}

__all__ = list(_EXPORTS)
__getattr__, __dir__ = attach(__name__, _EXPORTS)
