"""landau-vae: the theory of posterior collapse in β-VAEs, derived, solved exactly and verified by training.

The public names are re-exports; each is imported when it is first used.

>>> from landau_vae import cascade, load_table
>>> c = cascade(load_table("wine"))
>>> int(c.active(0.1 * c.total_variance)[0])  # modes that live at t = T/V = 0.1
3
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from numerics.beta_scale import BetaScale as BetaScale
    from numerics.certificates import certify_active as certify_active
    from numerics.certificates import certify_spectrum as certify_spectrum
    from numerics.choice import Choice as Choice
    from numerics.collapse_bounds import collapse_bounds as collapse_bounds
    from numerics.conventions import beta_of as beta_of
    from numerics.conventions import temperature_of as temperature_of
    from numerics.diagram import linear_diagram as linear_diagram
    from numerics.dynamics import Schedule as Schedule
    from numerics.dynamics import gradient_flow as gradient_flow
    from numerics.dynamics import relaxation_spectrum as relaxation_spectrum
    from numerics.dynamics import small_start as small_start
    from numerics.finite_samples import bootstrap_thresholds as bootstrap_thresholds
    from numerics.finite_samples import marchenko_pastur_edge as marchenko_pastur_edge
    from numerics.finite_samples import sample_thresholds as sample_thresholds
    from numerics.functional import solve_functional as solve_functional
    from numerics.functional_sweep import sweep_functional as sweep_functional
    from numerics.higher_moments import ModeCumulants as ModeCumulants
    from numerics.linear_equilibrium import Cascade as Cascade
    from numerics.linear_equilibrium import Equilibrium as Equilibrium
    from numerics.linear_equilibrium import cascade as cascade
    from numerics.linear_landscape import LinearVAE as LinearVAE
    from numerics.moments import Moments as Moments
    from numerics.noise_floor import noise_floor as noise_floor
    from numerics.rate_distortion import rate_distortion as rate_distortion
    from numerics.slowing_down import apparent_threshold as apparent_threshold
    from numerics.slowing_down import measure_relaxation as measure_relaxation
    from numerics.spectrum import Spectrum as Spectrum
    from numerics.stationary import stationary_points as stationary_points
    from numerics.streaming import accumulate as accumulate
    from numerics.streaming import accumulate_cumulants as accumulate_cumulants
    from numerics.subgaussian import subgaussian_proxy as subgaussian_proxy
    from numerics.tables import Table as Table
    from numerics.tables import load_table as load_table
    from theory.curves import Curve as Curve
    from theory.derivation import Derivation as Derivation
    from theory.errors import InputError as InputError
    from theory.errors import MissingExtraError as MissingExtraError
    from theory.explain import explain as explain
    from theory.explanation import Explanation as Explanation
    from theory.kl_identity import derive_kl_identity as derive_kl_identity
    from theory.landau import reduce as reduce
    from theory.linear_gaussian import derive_linear as derive_linear
    from theory.loss import derive_conversions as derive_conversions
    from theory.loss import derive_loss as derive_loss
    from theory.model import ModelClass as ModelClass
    from theory.model import model_class as model_class
    from theory.references import cite as cite
    from verify.agreement import identity_r2 as identity_r2
    from verify.architecture import Architecture as Architecture
    from verify.cascade_figure import plot_cascade as plot_cascade
    from verify.cascade_figure import plot_spectrum as plot_spectrum
    from verify.checkers import check_concave_free_energy as check_concave_free_energy
    from verify.checkers import check_encoder as check_encoder
    from verify.checkers import check_encoder_invariance as check_encoder_invariance
    from verify.checkers import check_rate_distortion as check_rate_distortion
    from verify.checkers import check_signal_fraction as check_signal_fraction
    from verify.compare import Report as Report
    from verify.compare import verify_cascade as verify_cascade
    from verify.diagnosis import Diagnosis as Diagnosis
    from verify.diagnosis import diagnose as diagnose
    from verify.diagnosis_figure import plot_diagnosis as plot_diagnosis
    from verify.experiments import load_result as load_result
    from verify.figures import plot_distortion as plot_distortion
    from verify.figures import plot_identity as plot_identity
    from verify.figures import plot_order_parameters as plot_order_parameters
    from verify.figures import plot_stationarity as plot_stationarity
    from verify.figures import save_figures as save_figures
    from verify.latents import Latents as Latents
    from verify.latents import measure as measure
    from verify.network_sweep import NetworkSweep as NetworkSweep
    from verify.network_sweep import run_network_sweep as run_network_sweep
    from verify.posterior import posterior_statistics as posterior_statistics
    from verify.results import load_report as load_report
    from verify.results import save_report as save_report
    from verify.style import mode_colors as mode_colors
    from verify.style import new_figure as new_figure
    from verify.style import styled as styled
    from verify.sweep import Sweep as Sweep
    from verify.sweep import SweepPlan as SweepPlan
    from verify.sweep import run_sweep as run_sweep

    from .estimator import LinearBetaVAE as LinearBetaVAE
    from .explorer import write_explorer as write_explorer
    from .phases import Phase as Phase
    from .phases import phase as phase
    from .planes import PhaseDiagram as PhaseDiagram
    from .planes import curve_diagram as curve_diagram
    from .planes import flexible_diagram as flexible_diagram
    from .practice import beta_scale as beta_scale
    from .practice import choose_beta as choose_beta
    from .practice import expected_order as expected_order

_EXPORTS = {
    "Architecture": "verify.architecture",
    "BetaScale": "numerics.beta_scale",
    "Cascade": "numerics.linear_equilibrium",
    "Choice": "numerics.choice",
    "Curve": "theory.curves",
    "Derivation": "theory.derivation",
    "Diagnosis": "verify.diagnosis",
    "Equilibrium": "numerics.linear_equilibrium",
    "Explanation": "theory.explanation",
    "InputError": "theory.errors",
    "Latents": "verify.latents",
    "LinearBetaVAE": "landau_vae.estimator",
    "LinearVAE": "numerics.linear_landscape",
    "MissingExtraError": "theory.errors",
    "ModeCumulants": "numerics.higher_moments",
    "ModelClass": "theory.model",
    "Moments": "numerics.moments",
    "NetworkSweep": "verify.network_sweep",
    "Phase": "landau_vae.phases",
    "PhaseDiagram": "landau_vae.planes",
    "Report": "verify.compare",
    "Schedule": "numerics.dynamics",
    "Spectrum": "numerics.spectrum",
    "Sweep": "verify.sweep",
    "SweepPlan": "verify.sweep",
    "Table": "numerics.tables",
    "accumulate": "numerics.streaming",
    "accumulate_cumulants": "numerics.streaming",
    "apparent_threshold": "numerics.slowing_down",
    "beta_of": "numerics.conventions",
    "beta_scale": "landau_vae.practice",
    "bootstrap_thresholds": "numerics.finite_samples",
    "cascade": "numerics.linear_equilibrium",
    "certify_active": "numerics.certificates",
    "certify_spectrum": "numerics.certificates",
    "check_concave_free_energy": "verify.checkers",
    "check_encoder": "verify.checkers",
    "check_encoder_invariance": "verify.checkers",
    "check_rate_distortion": "verify.checkers",
    "check_signal_fraction": "verify.checkers",
    "choose_beta": "landau_vae.practice",
    "cite": "theory.references",
    "collapse_bounds": "numerics.collapse_bounds",
    "curve_diagram": "landau_vae.planes",
    "derive_conversions": "theory.loss",
    "derive_kl_identity": "theory.kl_identity",
    "derive_linear": "theory.linear_gaussian",
    "derive_loss": "theory.loss",
    "diagnose": "verify.diagnosis",
    "expected_order": "landau_vae.practice",
    "explain": "theory.explain",
    "flexible_diagram": "landau_vae.planes",
    "gradient_flow": "numerics.dynamics",
    "identity_r2": "verify.agreement",
    "linear_diagram": "numerics.diagram",
    "load_report": "verify.results",
    "load_result": "verify.experiments",
    "load_table": "numerics.tables",
    "marchenko_pastur_edge": "numerics.finite_samples",
    "measure": "verify.latents",
    "measure_relaxation": "numerics.slowing_down",
    "mode_colors": "verify.style",
    "model_class": "theory.model",
    "new_figure": "verify.style",
    "noise_floor": "numerics.noise_floor",
    "phase": "landau_vae.phases",
    "plot_cascade": "verify.cascade_figure",
    "plot_diagnosis": "verify.diagnosis_figure",
    "plot_distortion": "verify.figures",
    "plot_identity": "verify.figures",
    "plot_order_parameters": "verify.figures",
    "plot_spectrum": "verify.cascade_figure",
    "plot_stationarity": "verify.figures",
    "posterior_statistics": "verify.posterior",
    "rate_distortion": "numerics.rate_distortion",
    "reduce": "theory.landau",
    "relaxation_spectrum": "numerics.dynamics",
    "run_network_sweep": "verify.network_sweep",
    "run_sweep": "verify.sweep",
    "sample_thresholds": "numerics.finite_samples",
    "save_figures": "verify.figures",
    "save_report": "verify.results",
    "small_start": "numerics.dynamics",
    "solve_functional": "numerics.functional",
    "stationary_points": "numerics.stationary",
    "styled": "verify.style",
    "subgaussian_proxy": "numerics.subgaussian",
    "sweep_functional": "numerics.functional_sweep",
    "temperature_of": "numerics.conventions",
    "verify_cascade": "verify.compare",
    "write_explorer": "landau_vae.explorer",
}

__all__ = [*_EXPORTS, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'landau_vae' has no attribute {name!r}")
    from ._layout import require_own_packages

    # Once per name and only on first use: later accesses find the name in the module.
    require_own_packages()
    value = globals()[name] = getattr(importlib.import_module(_EXPORTS[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
