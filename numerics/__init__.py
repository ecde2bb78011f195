"""What it is, in numbers: exact equilibria of β-VAEs in NumPy. Nothing here imports SymPy."""

from .linear_equilibrium import Cascade, Equilibrium, Interval, cascade
from .moments import Moments
from .spectrum import Spectrum

__all__ = ["Cascade", "Equilibrium", "Interval", "Moments", "Spectrum", "cascade"]
