"""A binomial decoder: counts out of n trials, from its log-partition function alone."""

import sympy as sp

from theory.exponential_family import p, theta

n = sp.Symbol("n", positive=True)

# What the three tables of theory.exponential_family get under the name "binomial".
LOG_PARTITION = n * sp.log(1 + sp.exp(theta))
BIAS = sp.log(p / (n - p))  # θ_0 with A′(θ_0) = p
SUPPORT = "0 < mean < n"
