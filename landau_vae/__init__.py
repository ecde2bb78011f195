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
    from numerics.linear_equilibrium import Cascade as Cascade
    from numerics.linear_equilibrium import Equilibrium as Equilibrium
    from numerics.linear_equilibrium import cascade as cascade
    from numerics.moments import Moments as Moments
    from numerics.spectrum import Spectrum as Spectrum
    from numerics.tables import Table as Table
    from numerics.tables import load_table as load_table
    from theory.derivation import Derivation as Derivation
    from theory.errors import InputError as InputError
    from theory.errors import MissingExtraError as MissingExtraError
    from theory.explain import Explanation as Explanation
    from theory.explain import explain as explain
    from theory.linear_gaussian import derive_linear as derive_linear
    from theory.references import cite as cite
    from verify.cascade_figure import plot_cascade as plot_cascade
    from verify.compare import Report as Report
    from verify.compare import verify_cascade as verify_cascade
    from verify.figures import plot_distortion as plot_distortion
    from verify.figures import plot_identity as plot_identity
    from verify.figures import plot_order_parameters as plot_order_parameters
    from verify.figures import plot_stationarity as plot_stationarity
    from verify.figures import save_figures as save_figures
    from verify.latents import Latents as Latents
    from verify.latents import measure as measure
    from verify.results import load_report as load_report
    from verify.results import save_report as save_report
    from verify.sweep import Sweep as Sweep
    from verify.sweep import SweepPlan as SweepPlan
    from verify.sweep import run_sweep as run_sweep

_EXPORTS = {
    "Cascade": "numerics.linear_equilibrium",
    "Derivation": "theory.derivation",
    "Equilibrium": "numerics.linear_equilibrium",
    "Explanation": "theory.explain",
    "InputError": "theory.errors",
    "Latents": "verify.latents",
    "MissingExtraError": "theory.errors",
    "Moments": "numerics.moments",
    "Report": "verify.compare",
    "Spectrum": "numerics.spectrum",
    "Sweep": "verify.sweep",
    "SweepPlan": "verify.sweep",
    "Table": "numerics.tables",
    "cascade": "numerics.linear_equilibrium",
    "cite": "theory.references",
    "derive_linear": "theory.linear_gaussian",
    "explain": "theory.explain",
    "load_report": "verify.results",
    "load_table": "numerics.tables",
    "measure": "verify.latents",
    "plot_cascade": "verify.cascade_figure",
    "plot_distortion": "verify.figures",
    "plot_identity": "verify.figures",
    "plot_order_parameters": "verify.figures",
    "plot_stationarity": "verify.figures",
    "run_sweep": "verify.sweep",
    "save_figures": "verify.figures",
    "save_report": "verify.results",
    "verify_cascade": "verify.compare",
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
