"""A Poisson decoder for training: f is the logarithm of the rate of every feature."""

import numpy as np

from theory.errors import InputError


class Poisson:
    """Twice the negative log-likelihood, ℓ = 2 Σ_d [e^f − x f]."""

    learns_variance = False

    def check(self, x, name):
        """Counts are not negative."""
        if (x < 0).any():
            raise InputError(f"{name} must not be negative for the poisson likelihood, got {x.min():.6g}; give counts")

    def loss(self, f, x, omega):
        """ℓ of every model and row, (M, B), for f (M, D, B) and x (D, B)."""
        return 2 * (np.exp(f) - x * f).sum(1)

    def pull(self, f, x, omega, g_omega):
        """Overwrite f by ½ ∂ℓ/∂f."""
        self.mean(f)
        f -= x

    def mean(self, f):
        """Overwrite f by E[x|f]."""
        np.exp(f, out=f)
