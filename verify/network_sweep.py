"""Train networks over temperatures × seeds and measure every one of them.

======  ==================================================================  ==============
symbol  meaning                                                             shape, unit
======  ==================================================================  ==============
n, S    number of temperatures, number of seeds
K, D    latents, features; N rows
T       temperature βη² (β where the likelihood has a variance of its own)  (n,), units x²
V       total variance of the rows measured on                              units x²
D_r     distortion with the r latents of largest M², the others at 0        (n, S, K+1)
======  ==================================================================  ==============

Training is that of :mod:`verify.training`, in the units the data come in: standardising and centring are the caller's.
Order parameters are measured on the test rows, which training has not seen, where each model stands when its stage
ends (:mod:`verify.posterior`); the parameters themselves are kept when asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from numerics.checked import checked_rows
from theory.errors import InputError

from .architecture import Architecture
from .checkpoint import digest
from .kernel import Kernel
from .likelihoods import LIKELIHOODS
from .network import NetworkKernel
from .plan import SweepPlan
from .posterior import Measured, PosteriorStatistics, posterior_statistics, probabilities, truncated_distortion
from .stages import Record
from .trained_vae import TrainedVAE, network_from
from .training import TrainingOptions, train

__all__ = ["NetworkSweep", "run_network_sweep"]

Array = npt.NDArray[np.float64]

_STATISTICS = tuple(field.name for field in dataclasses.fields(PosteriorStatistics))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class NetworkSweep(Measured):
    """Order parameters of every (temperature, seed). All numbers of a model that diverged are NaN.

    Parameters
    ----------
    plan : SweepPlan
        What was asked for.
    architecture : Architecture
        What was trained.
    total_variance : float
        V of the rows measured on, units of x².
    temperatures : ndarray (n,)
        T, in the order of the plan.
    statistics : PosteriorStatistics
        Every order parameter, (n, S, K), in the order of the models' latents.
    distortion, distortion_mean : ndarray (n, S, K+1)
        D_r with posterior samples and with posterior means; the last entry is the whole model's.
    free_energy : ndarray (n, S)
        F on the rows measured on, one draw of noise per row, the same for all models.
    training_loss, validation_loss : ndarray (n, S)
        F on the training rows and on the validation rows.
    decoder_variance : ndarray (n, S) or None
        η² where it is learned, units of x².
    steps : ndarray of int (n, S)
        Steps that were taken; fewer than planned after early stopping.
    diverged : ndarray of bool (n, S)
        Models that were lost to numbers that are not finite.
    parameters : dict of ndarray (n, S, …), or None
        Of all models, in the plan's precision, by the names of :func:`verify.trained_vae.network_from`.
    seconds : float
        Wall time.
    """

    plan: SweepPlan
    architecture: Architecture
    total_variance: float
    temperatures: Array
    distortion: Array
    distortion_mean: Array
    free_energy: Array
    training_loss: Array
    validation_loss: Array
    decoder_variance: Array | None
    steps: npt.NDArray[np.intp]
    diverged: npt.NDArray[np.bool_]
    parameters: dict[str, npt.NDArray[Any]] | None
    seconds: float

    def model(self, temperature: int, seed: int) -> TrainedVAE:
        """The trained model of a temperature and seed, by their numbers.

        Raises
        ------
        InputError
            If the parameters were not kept.
        """
        if self.parameters is None:
            raise InputError("the parameters were not kept; run the sweep with keep_parameters=True")
        chosen = {name: value[temperature, seed] for name, value in self.parameters.items()}
        return network_from(chosen, self.architecture)


def run_network_sweep(
    x: Array,
    plan: SweepPlan,
    architecture: Architecture,
    *,
    validation: Array | None = None,
    test: Array | None = None,
    weights: Array | None = None,
    keep_parameters: bool = False,
    throw: bool = True,
    **options: Unpack[TrainingOptions],
) -> NetworkSweep:
    """Train the models of ``plan`` and measure them.

    Parameters
    ----------
    x : ndarray (N, D)
        Rows to train on, in the units of the plan's temperatures; centre them for a Gaussian decoder.
    plan : SweepPlan
        What to train, in mode "sampled"; ``SweepPlan.default("network", …)`` has the usual settings.
    architecture : Architecture
        Of all models.
    validation : ndarray (N', D) or None
        Rows that early stopping looks at; the training rows if None.
    test : ndarray (N'', D) or None
        Rows to measure on; the training rows with their weights if None.
    weights : ndarray (N,) or None
        Weights of the training rows, not negative.
    keep_parameters : bool
        Whether to keep the parameters of all models.
    throw : bool
        Whether a model that diverges ends the run. If not, it is marked, and the others are trained to the end.
    **options
        ``progress``, ``workers``, ``executor``, ``checkpoint``, ``resume`` and ``checkpoint_seconds`` of
        :func:`verify.training.train`.

    Returns
    -------
    NetworkSweep

    Raises
    ------
    InputError
        If the rows, weights or plan do not fit, a model diverged (the message names the temperature, the seed and the
        learning rate), the checkpoints belong to another run, or a worker died.

    Examples
    --------
    Above λ_max = 4 nothing is coded, far below it the first latent is.

    >>> x = np.random.default_rng(0).standard_normal((500, 2)) * [2.0, 0.5]
    >>> plan = SweepPlan.default("network", [8.0, 0.5], seeds=1, latents=1, steps=1500, learning_rate=5e-3)
    >>> sweep = run_network_sweep(x - x.mean(0), plan, Architecture(encoder=(8,), decoder=(8,)))
    >>> (sweep.signal_fraction[:, 0, 0] > 0.1).tolist(), sweep.steps.tolist()
    ([False, True], [[1500], [1500]])
    """
    if plan.mode != "sampled":
        raise InputError(f"networks are trained in mode 'sampled', got {plan.mode!r}; use SweepPlan.default('network')")
    x = checked_rows(x, "x")
    held = None if validation is None else checked_rows(validation, "validation", columns=x.shape[1])
    measured, p = (x, weights) if test is None else (checked_rows(test, "test", columns=x.shape[1]), None)
    LIKELIHOODS[architecture.likelihood].check(measured, "x" if test is None else "test")
    shares = probabilities(p, len(measured))
    row_weights = None if weights is None else probabilities(weights, len(x))
    problem = _Networks(plan, architecture, x, row_weights, held, measured, shares, keep_parameters)
    trained = train(problem, plan, throw=throw, **options)
    found = trained.arrays
    centred = measured - shares @ measured
    prefix = "parameters."
    parameters = {name.removeprefix(prefix): v for name, v in found.items() if name.startswith(prefix)}
    return NetworkSweep(
        plan=plan,
        architecture=architecture,
        total_variance=float(np.einsum("n,nd,nd->", shares, centred, centred)),
        temperatures=np.array(plan.temperatures),
        statistics=PosteriorStatistics(**{name: found[name] for name in _STATISTICS}),
        distortion=found["distortion"],
        distortion_mean=found["distortion_mean"],
        free_energy=found["free_energy"],
        training_loss=found["training_loss"],
        validation_loss=found["validation_loss"],
        decoder_variance=found.get("decoder_variance"),
        steps=trained.steps,
        diverged=trained.diverged,
        parameters=parameters if keep_parameters else None,
        seconds=trained.seconds,
    )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Networks:
    """What a worker needs; a :class:`verify.stages.Problem`."""

    plan: SweepPlan
    architecture: Architecture
    x: Array
    weights: Array | None
    validation: Array | None
    test: Array
    shares: Array
    keep_parameters: bool

    @property
    def temperature_unit(self) -> float:
        return 1.0

    def kernel(self, temperatures: Array, rows: np.random.Generator) -> Kernel:
        return NetworkKernel(
            self.x,
            temperatures,
            self.plan.latents,
            self.architecture,
            batch_size=self.plan.batch_size,
            rows=rows,
            weights=self.weights,
            validation=self.validation,
            dtype=self.plan.dtype,
        )

    def record(
        self,
        kernel: Kernel,
        evaluated: Record,
        finite: npt.NDArray[np.bool_],
        noise: Sequence[np.random.Generator],
    ) -> Record:
        assert isinstance(kernel, NetworkKernel)  # that of `kernel`
        parameters = kernel.export()
        losses = {
            "free_energy": kernel.loss_on(self.test, self.shares),
            "training_loss": evaluated["loss"].copy(),
            "validation_loss": kernel.validation_loss(),
        }
        models = len(finite)
        ranks = self.plan.latents + 1
        record = {name: np.full((models, self.plan.latents), np.nan) for name in _STATISTICS}
        record |= {name: np.full((models, ranks), np.nan) for name in ("distortion", "distortion_mean")}
        for i in np.flatnonzero(finite).tolist():
            own = {name: value[i] for name, value in parameters.items()}
            vae = network_from(own, self.architecture, dtype=self.plan.dtype)
            # One model at a time: memory does not grow with the number of models in a chunk.
            mu, log_variance = vae.encode(self.test)
            statistics = posterior_statistics(mu, log_variance, self.shares)
            for name in _STATISTICS:
                record[name][i] = getattr(statistics, name)
            record["distortion"][i], record["distortion_mean"][i] = truncated_distortion(
                vae.decode,
                mu,
                log_variance,
                self.test,
                weights=self.shares,
                generator=noise[i],
                ranking=statistics.ranking,
            )
        for name, loss in losses.items():
            loss[~finite] = np.nan
            record[name] = loss
        if "decoder_log_variance" in parameters:
            record["decoder_variance"] = np.where(finite, np.exp(parameters["decoder_log_variance"]), np.nan)
        if self.keep_parameters:
            record |= {f"parameters.{name}": v.astype(self.plan.dtype) for name, v in parameters.items()}
        return record

    def identity(self) -> dict[str, Any]:
        return {
            "models": "networks",
            "architecture": self.architecture.as_dict(),
            "training data": digest(self.x, self.weights),
            "validation data": digest(self.validation),
            "test data": digest(self.test, self.shares),
            "keep_parameters": self.keep_parameters,
        }
