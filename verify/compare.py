"""Theory, exact equilibria and trained models of one data set, confronted: the main road of the package.

=========  ================================================  ==========  ======
symbol     meaning                                           shape       unit
=========  ================================================  ==========  ======
``x``      data, centred and (by default) standardised       (N, D)      1
``T``      temperatures of the sweep                         (n,)        data²
``λ``      eigenvalues: the theory's thresholds              (D,)        data²
``V``      total variance                                    scalar      data²
=========  ================================================  ==========  ======
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.linear_equilibrium import Cascade
from numerics.linear_equilibrium import cascade as exact_cascade
from theory.errors import InputError

from .check import Check
from .claims import judge
from .evidence import DEEP_SAMPLED, FLOOR, NEAR, NEAR_SAMPLED, judged_modes
from .latents import measure
from .readings import read, read_optimum
from .report import Report
from .sweep import Mode, SweepPlan, default_temperatures, run_sweep
from .training import TrainingOptions

if TYPE_CHECKING:
    from numerics.tables import Table

__all__ = ["Check", "Report", "sweep_temperatures", "verify_cascade"]

# The quick look: fewer of everything, but enough for every claim to be judged at its full tolerance.
_QUICK: dict[str, int] = {"latents": 4, "temperatures": 24, "seeds": 2}
_FULL: dict[str, int] = {"latents": 8, "temperatures": 48}
# Sampled models cost ten times as much, and their range of temperatures is half as long.
_SAMPLED: dict[str, int] = {"latents": 8, "temperatures": 32}


def verify_cascade(
    data: Table | ArrayLike,
    *,
    latents: int | None = None,
    temperatures: int | None = None,
    seeds: int | None = None,
    steps: int | None = None,
    mode: Mode = "exact",
    seed: int = 0,
    standardize: bool = True,
    weights: ArrayLike | None = None,
    quick: bool = False,
    **options: Unpack[TrainingOptions],
) -> Report:
    """Train linear VAEs over a sweep of temperatures and compare them with the theory, claim by claim.

    Parameters
    ----------
    data : Table or array_like, shape (N, D)
        Observations.
    latents : int, optional
        K; 8 by default (4 if quick). More than D is allowed.
    temperatures : int, optional
        Number of temperatures; 48 by default (32 in sampled mode, 24 if quick).
    seeds, steps : int, optional
        Runs per temperature and Adam steps; by default what suits the mode.
    mode : {"exact", "sampled"}
        Train on the expected loss, or on minibatches with reparametrisation noise.
    seed : int
        Root of all randomness; the report does not depend on anything else.
    standardize : bool
        Divide columns by their population standard deviation.
    weights : array_like, shape (N,), optional
        Row weights of an array; a Table brings its own.
    quick : bool
        Smaller defaults.
    **options
        ``progress``, ``workers``, ``executor``, ``checkpoint``, ``resume`` and ``checkpoint_seconds`` of
        :func:`verify.training.train`; the numbers do not depend on them.

    Returns
    -------
    Report
        ``report.passed`` is the verdict.

    Raises
    ------
    InputError
        If the data or an option is unusable.

    Notes
    -----
    Thresholds of linear VAEs: Lucas et al., NeurIPS 2019. Collapse, utility and PCA spectra: Hirn, arXiv:2605.22691.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 3)) * [3.0, 2.0, 1.0]
    >>> report = verify_cascade(x, latents=2, temperatures=24, seeds=1, steps=3000, standardize=False)
    >>> report.passed, [c.name for c in report.checks if not c.passed]
    (True, [])
    >>> np.allclose(report.spectra["collapse"], report.spectra["pca"], rtol=1e-3)
    True
    """
    start = time.perf_counter()
    defaults = _QUICK if quick else _SAMPLED if mode == "sampled" else _FULL
    k = latents if latents is not None else defaults["latents"]
    theory = exact_cascade(data, latents=k, standardize=standardize, weights=weights, axes=True)
    n = temperatures if temperatures is not None else defaults["temperatures"]
    plan = SweepPlan.default(
        mode,
        sweep_temperatures(theory, n, mode),
        latents=k,
        seeds=seeds if seeds is not None or not quick or mode == "sampled" else defaults["seeds"],
        steps=steps,
        seed=seed,
    )
    if mode == "sampled" and plan.seeds < 2:
        raise InputError(f"seeds must be at least 2 in sampled training, got {plan.seeds}: one run shows no error bar")
    rows, row_weights = _rows(data, weights)
    x = theory.spectrum.standardized(rows)
    sweep = run_sweep(x, plan, weights=row_weights, **options)
    trained = read(measure(sweep, x, row_weights), sweep.gradient_norm)
    exact = read_optimum(theory, sweep.temperatures)
    return Report(
        cascade=theory,
        sweep=sweep,
        trained=trained,
        exact=exact,
        checks=judge(theory, trained, exact, sampled=mode == "sampled"),
        seconds=time.perf_counter() - start,
        data=_description(data, rows, standardize),
    )


def sweep_temperatures(theory: Cascade, n: int, mode: Mode = "exact") -> NDArray[np.float64]:
    """Temperatures that show every judged threshold: from above the largest of them down to well below the smallest.

    The warmest is t = 1, which lies above all thresholds, and above V if one mode has most of it.

    Parameters
    ----------
    theory : Cascade
        Only the choice of temperatures looks at its thresholds; what is measured at them does not.
    n : int
        How many, logarithmically spaced.
    mode : {"exact", "sampled"}
        Exact training resolves two decades below a threshold, and needs too many steps below t = 10⁻⁴; sampled
        training resolves less than one (:data:`~verify.evidence.DEEP_SAMPLED`).

    Returns
    -------
    ndarray, shape (n,)
        Descending, data².

    Raises
    ------
    InputError
        If n < 2 or the data have no variance.
    """
    judged = theory.normalized_thresholds[: theory.modes][judged_modes(theory)]
    smallest = float(judged[-1]) if judged.size else FLOOR
    t_min = max(smallest / 100, 1e-4) if mode == "exact" else smallest * DEEP_SAMPLED
    # Full collapse is judged outside the neighbourhood of the threshold, where slowing down rounds it: go twice as far.
    margin = math.exp(2 * (NEAR if mode == "exact" else NEAR_SAMPLED))
    warmest = max(1.0, margin * float(theory.normalized_thresholds[0]))
    return default_temperatures(warmest * theory.total_variance, n, t_min=t_min / warmest)


def _rows(data: Table | ArrayLike, weights: ArrayLike | None) -> tuple[ArrayLike, NDArray[np.float64] | None]:
    values = getattr(data, "values", None)
    if values is not None and hasattr(data, "columns"):
        return values, getattr(data, "weights", None)
    return np.asarray(data, dtype=np.float64), None if weights is None else np.asarray(weights, dtype=np.float64)


def _description(data: Table | ArrayLike, rows: ArrayLike, standardize: bool) -> dict[str, Any]:
    n, dim = np.shape(rows)
    known = {name: getattr(data, name) for name in ("name", "source", "licence", "sha256") if hasattr(data, name)}
    return {"name": "array", **known, "rows": n, "columns": dim, "standardized": standardize}
