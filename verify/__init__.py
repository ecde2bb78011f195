"""What training says: trained linear VAEs, measured, and confronted with theory and exact equilibria.

Names are loaded when they are used; measuring does not import Matplotlib.
"""

from typing import TYPE_CHECKING

from theory._lazy import attach

if TYPE_CHECKING:
    from .check import Check as Check
    from .compare import verify_cascade as verify_cascade
    from .figures import plot_distortion as plot_distortion
    from .figures import plot_identity as plot_identity
    from .figures import plot_order_parameters as plot_order_parameters
    from .figures import plot_stationarity as plot_stationarity
    from .figures import save_figures as save_figures
    from .fits import CollapseFit as CollapseFit
    from .latents import Latents as Latents
    from .latents import measure as measure
    from .readings import Readings as Readings
    from .report import Report as Report
    from .results import load_report as load_report
    from .results import save_report as save_report
    from .sweep import Sweep as Sweep
    from .sweep import SweepPlan as SweepPlan
    from .sweep import run_sweep as run_sweep

_EXPORTS = {
    "Check": ".check",
    "CollapseFit": ".fits",
    "Latents": ".latents",
    "Readings": ".readings",
    "Report": ".report",
    "Sweep": ".sweep",
    "SweepPlan": ".sweep",
    "load_report": ".results",
    "measure": ".latents",
    "plot_distortion": ".figures",
    "plot_identity": ".figures",
    "plot_order_parameters": ".figures",
    "plot_stationarity": ".figures",
    "run_sweep": ".sweep",
    "save_figures": ".figures",
    "save_report": ".results",
    "verify_cascade": ".compare",
}

__all__ = list(_EXPORTS)
__getattr__, __dir__ = attach(__name__, _EXPORTS)
