"""What training says: trained linear VAEs, measured, and confronted with theory and exact equilibria.

Names are loaded when they are used; measuring does not import Matplotlib.
"""

from typing import TYPE_CHECKING

from theory._lazy import attach

if TYPE_CHECKING:
    from .architecture import Architecture as Architecture
    from .check import Check as Check
    from .compare import verify_cascade as verify_cascade
    from .diagnosis import Diagnosis as Diagnosis
    from .diagnosis import diagnose as diagnose
    from .figures import plot_distortion as plot_distortion
    from .figures import plot_identity as plot_identity
    from .figures import plot_order_parameters as plot_order_parameters
    from .figures import plot_stationarity as plot_stationarity
    from .figures import save_figures as save_figures
    from .fits import CollapseFit as CollapseFit
    from .latents import Latents as Latents
    from .latents import measure as measure
    from .memory import memory_estimate as memory_estimate
    from .network_sweep import NetworkSweep as NetworkSweep
    from .network_sweep import run_network_sweep as run_network_sweep
    from .posterior import PosteriorStatistics as PosteriorStatistics
    from .posterior import posterior_statistics as posterior_statistics
    from .posterior import truncated_distortion as truncated_distortion
    from .readings import Readings as Readings
    from .report import Report as Report
    from .results import load_report as load_report
    from .results import save_report as save_report
    from .sweep import Sweep as Sweep
    from .sweep import SweepPlan as SweepPlan
    from .sweep import run_sweep as run_sweep

_EXPORTS = {
    "Architecture": ".architecture",
    "Check": ".check",
    "CollapseFit": ".fits",
    "Diagnosis": ".diagnosis",
    "Latents": ".latents",
    "NetworkSweep": ".network_sweep",
    "PosteriorStatistics": ".posterior",
    "Readings": ".readings",
    "Report": ".report",
    "Sweep": ".sweep",
    "SweepPlan": ".sweep",
    "diagnose": ".diagnosis",
    "load_report": ".results",
    "measure": ".latents",
    "memory_estimate": ".memory",
    "plot_distortion": ".figures",
    "plot_identity": ".figures",
    "plot_order_parameters": ".figures",
    "plot_stationarity": ".figures",
    "run_network_sweep": ".network_sweep",
    "posterior_statistics": ".posterior",
    "run_sweep": ".sweep",
    "save_figures": ".figures",
    "save_report": ".results",
    "truncated_distortion": ".posterior",
    "verify_cascade": ".compare",
}

__all__ = list(_EXPORTS)
__getattr__, __dir__ = attach(__name__, _EXPORTS)
