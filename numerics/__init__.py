"""What it is, in numbers: exact equilibria of β-VAEs in NumPy. Nothing here imports SymPy.

Names are loaded when they are used.
"""

from typing import TYPE_CHECKING

from theory._lazy import attach

if TYPE_CHECKING:
    from .blocks import Split as Split
    from .blocks import random_split as random_split
    from .blocks import spatial_split as spatial_split
    from .certificates import certify_active as certify_active
    from .certificates import certify_spectrum as certify_spectrum
    from .continuation import follow as follow
    from .conventions import beta_of as beta_of
    from .conventions import temperature_of as temperature_of
    from .diagram import Diagram as Diagram
    from .diagram import linear_diagram as linear_diagram
    from .dynamics import Schedule as Schedule
    from .dynamics import gradient_flow as gradient_flow
    from .finite_samples import bootstrap_thresholds as bootstrap_thresholds
    from .finite_samples import marchenko_pastur_edge as marchenko_pastur_edge
    from .finite_samples import sample_thresholds as sample_thresholds
    from .functional import FunctionalEquilibrium as FunctionalEquilibrium
    from .functional import solve_functional as solve_functional
    from .functional_sweep import PhaseSweep as PhaseSweep
    from .functional_sweep import sweep_functional as sweep_functional
    from .ground_state import Exchange as Exchange
    from .ground_state import exchanges as exchanges
    from .higher_moments import ModeCumulants as ModeCumulants
    from .linear_equilibrium import Cascade as Cascade
    from .linear_equilibrium import Equilibrium as Equilibrium
    from .linear_equilibrium import Interval as Interval
    from .linear_equilibrium import cascade as cascade
    from .linear_landscape import LinearVAE as LinearVAE
    from .moments import Moments as Moments
    from .newton import StationaryPoint as StationaryPoint
    from .newton import refine as refine
    from .phase_changes import PhaseChange as PhaseChange
    from .phase_changes import transitions as transitions
    from .pointset import PointSet as PointSet
    from .projection import mode_scores as mode_scores
    from .projection import standardized_cumulants as standardized_cumulants
    from .quantize import Quantized as Quantized
    from .rate_distortion import RateDistortion as RateDistortion
    from .rate_distortion import gaussian_rate_distortion as gaussian_rate_distortion
    from .rate_distortion import rate_distortion_bound as rate_distortion_bound
    from .slowing_down import apparent_threshold as apparent_threshold
    from .slowing_down import measure_relaxation as measure_relaxation
    from .spectrum import Spectrum as Spectrum
    from .stationary import families as families
    from .stationary import stationary_points as stationary_points
    from .streaming import accumulate as accumulate
    from .streaming import accumulate_cumulants as accumulate_cumulants
    from .subgaussian import ProxyBounds as ProxyBounds
    from .subgaussian import subgaussian_proxy as subgaussian_proxy
    from .tables import Table as Table
    from .tables import load_table as load_table

_EXPORTS = {
    "Cascade": ".linear_equilibrium",
    "Diagram": ".diagram",
    "Equilibrium": ".linear_equilibrium",
    "Exchange": ".ground_state",
    "FunctionalEquilibrium": ".functional",
    "Interval": ".linear_equilibrium",
    "LinearVAE": ".linear_landscape",
    "ModeCumulants": ".higher_moments",
    "Moments": ".moments",
    "PhaseChange": ".phase_changes",
    "PhaseSweep": ".functional_sweep",
    "PointSet": ".pointset",
    "ProxyBounds": ".subgaussian",
    "Quantized": ".quantize",
    "RateDistortion": ".rate_distortion",
    "Schedule": ".dynamics",
    "Spectrum": ".spectrum",
    "Split": ".blocks",
    "StationaryPoint": ".newton",
    "Table": ".tables",
    "accumulate": ".streaming",
    "accumulate_cumulants": ".streaming",
    "apparent_threshold": ".slowing_down",
    "beta_of": ".conventions",
    "bootstrap_thresholds": ".finite_samples",
    "cascade": ".linear_equilibrium",
    "certify_active": ".certificates",
    "certify_spectrum": ".certificates",
    "exchanges": ".ground_state",
    "families": ".stationary",
    "follow": ".continuation",
    "gaussian_rate_distortion": ".rate_distortion",
    "gradient_flow": ".dynamics",
    "linear_diagram": ".diagram",
    "load_table": ".tables",
    "marchenko_pastur_edge": ".finite_samples",
    "measure_relaxation": ".slowing_down",
    "mode_scores": ".projection",
    "random_split": ".blocks",
    "rate_distortion_bound": ".rate_distortion",
    "refine": ".newton",
    "sample_thresholds": ".finite_samples",
    "solve_functional": ".functional",
    "spatial_split": ".blocks",
    "standardized_cumulants": ".projection",
    "stationary_points": ".stationary",
    "subgaussian_proxy": ".subgaussian",
    "sweep_functional": ".functional_sweep",
    "temperature_of": ".conventions",
    "transitions": ".phase_changes",
}

__all__ = list(_EXPORTS)
__getattr__, __dir__ = attach(__name__, _EXPORTS)
