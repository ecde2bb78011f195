"""What the sweeps of ``threshold`` say: the mean-field law, scales, spreads over seeds, identities of posteriors.

======  ============================================================  ==============
symbol  meaning                                                       shape, unit
======  ============================================================  ==============
M²      signal fraction, by rank                                      (n, S, K)
KL      rate, by rank, nats                                           (n, S, K)
A²      posterior scale, 1 at equilibrium                             (n, S, K)
λ       eigenvalues                                                   (D,), λ_max
======  ============================================================  ==============
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from numerics import _formulas

from ..network_sweep import NetworkSweep
from ..posterior import ACTIVE, posterior_statistics
from ..trained_vae import TrainedVAE, network_from
from .result import Finding, standard_error
from .threshold_cases import RowData

__all__ = ["fewer_findings", "identity_findings", "sweep_findings"]

Array = npt.NDArray[np.float64]

_AWAY = 0.2
"""Least |ln T/λ_k|: nearer, trainings are slow and M² is rounded."""
_RATE = 0.05
"""Nats above which a latent counts as alive by its rate; M² = 0.1 is 0.053 nats at equilibrium."""
_FACTOR = 3.0
"""By which a latent is rescaled in the weights."""


def sweep_findings(name: str, sweep: NetworkSweep, data: RowData) -> dict[str, Finding]:
    """Findings of one architecture on one data set."""
    found: dict[str, Finding] = {}
    m2, temperatures = sweep.ranked(sweep.signal_fraction), sweep.temperatures
    k = m2.shape[2]
    law = _formulas.signal_fraction(data.eigenvalues[:k], temperatures[:, None])
    # The eigenvalue after the last latent's counts, too: at its threshold latents may change places.
    near = np.abs(np.log(temperatures[:, None] / data.eigenvalues[: k + 1])).min(axis=1) < _AWAY
    gaussian, linear = data.name == "gaussian", sweep.architecture.model_class == "linear"
    # Colder than the eigenvalue after the last latent's, free networks put more than one mode into a latent.
    law_holds = ~near & (temperatures > data.eigenvalues[k])
    away = m2[law_holds]
    if (gaussian or linear) and away.size:
        spread = np.ptp(away, axis=1)
        i, r = np.unravel_index(np.argmax(spread), spread.shape)
        found[f"seed-spread/{name}"] = Finding(
            float(spread[i, r]), 0.0, where=_where(name, temperatures[law_holds][i], f"rank {r + 1}")
        )
    if gaussian and away.size:
        off = away.mean(axis=1) - law[law_holds]
        i, r = np.unravel_index(np.argmax(np.abs(off)), off.shape)
        found[f"mean-field/{name}"] = Finding(
            float(abs(off[i, r])),
            0.0,
            stderr=standard_error(away[i, :, r]),
            where=_where(name, temperatures[law_holds][i], f"rank {r + 1}"),
        )
    alive = sweep.signal_fraction > ACTIVE
    scale = np.where(alive & ~near[:, None, None], sweep.statistics.posterior_scale, 1.0).mean(axis=1)
    i, r = np.unravel_index(np.argmax(np.abs(scale - 1)), scale.shape)
    found[f"posterior-scale/{name}"] = Finding(float(scale[i, r]), 1.0, where=_where(name, temperatures[i], "active"))
    if linear:
        dead = alive[~near] != (sweep.rate[~near] > _RATE)
        found[f"active-test/{name}"] = Finding(
            float(dead.sum()), 0.0, where=f"{name}, {dead.size} latents with |ln T/λ_k| > {_AWAY:g}"
        )
    return found


def fewer_findings(sweep: NetworkSweep, data: RowData) -> dict[str, Finding]:
    """M² and F of networks with fewer latents than modes above T, beside the linear optimum, which they undercut.

    Parameters
    ----------
    sweep : NetworkSweep
        Of one temperature, on normal rows.
    data : RowData
        What it was trained on.
    """
    (t,), k = sweep.temperatures, sweep.plan.latents
    kept, lost = data.eigenvalues[:k], data.eigenvalues[k:]
    linear = float(_formulas.free_energy(kept, t).sum() + lost.sum())
    above = int((data.eigenvalues > t).sum())
    where = f"{data.name}, {k} latent of flexible networks for {above} modes above T = {t:g} λ_max"
    signal, free = sweep.signal_fraction[0, :, 0], sweep.free_energy[0]
    law = float(_formulas.signal_fraction(kept[:1], t)[0])
    return {
        "fewer-latents/signal-fraction": Finding(signal.mean(), law, stderr=standard_error(signal), where=where),
        "fewer-latents/free-energy": Finding(
            free.mean(), linear, stderr=standard_error(free), where=f"{where}; predicted: the linear optimum"
        ),
    }


def identity_findings(name: str, sweep: NetworkSweep, data: RowData) -> dict[str, Finding]:
    """The KL identity and the invariance of M² on one trained network, a cold one.

    Parameters
    ----------
    name : str
        Of the case.
    sweep : NetworkSweep
        With its parameters.
    data : RowData
        What it was trained on.
    """
    assert sweep.parameters is not None
    cold = int(np.argmin(sweep.temperatures))
    own = {key: value[cold, 0].astype(np.float64) for key, value in sweep.parameters.items()}
    vae = network_from(own, sweep.architecture)
    mu, log_variance = vae.encode(data.rows)
    statistics = posterior_statistics(mu, log_variance)
    direct = 0.5 * (mu**2 + np.exp(log_variance) - 1 - log_variance).mean(axis=0)
    parts = (statistics.signal_term, statistics.scale_term, statistics.jensen_term, statistics.offset_term)
    where = _where(name, sweep.temperatures[cold], "seed 0")
    before = float(statistics.signal_fraction[0])
    after, shift = _rescaled(vae, own, data.rows)
    return {
        f"kl-split/{name}": Finding(float(sum(p.sum() for p in parts) / direct.sum()), 1.0, where=where),
        f"invariance/signal-fraction/{name}": Finding(after, before, where=where),
        f"invariance/reconstruction/{name}": Finding(shift, 0.0, where=where),
    }


def rescale_latent(parameters: dict[str, Array], factor: float) -> dict[str, Array]:
    """The parameters of the same VAE with its first latent c times as large: encoder head × c, σ × c, decoder ÷ c.

    Examples
    --------
    >>> p = {"mean.weight": np.ones((1, 2)), "mean.bias": np.zeros(1), "log_variance": np.zeros(1),
    ...      "decoder.0.weight": np.ones((2, 1)), "decoder.0.bias": np.zeros(2)}
    >>> rescale_latent(p, 2.0)["mean.weight"], rescale_latent(p, 2.0)["decoder.0.weight"][:, 0]
    (array([[2., 2.]]), array([0.5, 0.5]))
    """
    changed = {name: value.copy() for name, value in parameters.items()}
    for name in ("mean.weight", "mean.bias"):
        changed[name][0] *= factor
    changed["log_variance" if "log_variance" in changed else "log_variance.bias"][0] += 2 * np.log(factor)
    changed["decoder.0.weight"][:, 0] /= factor
    return changed


def _rescaled(vae: TrainedVAE, parameters: dict[str, Array], rows: Array) -> tuple[float, float]:
    """M² of the rescaled latent, and the largest change of a reconstruction."""
    other = network_from(rescale_latent(parameters, _FACTOR), vae.architecture)
    mu, log_variance = other.encode(rows)
    after = posterior_statistics(mu, log_variance).signal_fraction[0]
    shift = np.abs(other.decode(mu) - vae.decode(vae.encode(rows)[0])).max()
    return float(after), float(shift)


def _where(name: str, temperature: float, more: str) -> str:
    return f"{name}, T = {temperature:g} λ_max, {more}"
