"""landau-vae: the theory of posterior collapse in β-VAEs, derived, solved and verified."""

__version__ = "0.1.0"
