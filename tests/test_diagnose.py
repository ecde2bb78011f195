"""Diagnosis of exported posteriors: hand-made pathologies, trained models, every way of handing the arrays over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from landau_vae import InputError, Spectrum, diagnose, load_table
from landau_vae.cli import run
from numerics.conventions import LOSSES, beta_of
from verify.architecture import Architecture
from verify.diagnosis_figure import plot_diagnosis
from verify.encoded import Encoded
from verify.encoded_file import read_encoded
from verify.network_sweep import run_network_sweep
from verify.sweep import SweepPlan, run_sweep
from verify.verdicts import VERDICTS

N = 400


def normal(seed: int, *shape: int) -> np.ndarray:
    """Standard normal numbers whose columns have exactly mean 0 and variance 1."""
    z = np.random.default_rng(seed).standard_normal(shape)
    z -= z.mean(0)
    return np.asarray(z / z.std(0))


def alive(signal: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """μ and ln σ² (N, 1) of a latent with a signal fraction, at equilibrium."""
    return np.sqrt(signal) * normal(seed, N, 1), np.full((N, 1), np.log(1 - signal))


def test_each_verdict_on_its_own_pathology() -> None:
    zero, x = np.zeros((N, 1)), normal(1, N, 1)
    tilted = 0.8 * np.tanh(x)
    latents = {
        "active": alive(0.5),
        "collapsed": (zero, zero),
        "offset only": (zero + 0.7, zero),
        "width-coded": (zero, tilted - np.log(np.exp(tilted).mean())),  # E σ² = 1: all of its KL is the Jensen gap
        "scale-drifted": (zero, zero + 0.9),
    }
    assert set(latents) == set(VERDICTS)
    mu, rho = (np.hstack([pair[i] for pair in latents.values()]) for i in (0, 1))
    found = diagnose(mu, rho, x=np.hstack([x, normal(2, N, 1)]), columns=["hidden", "other"])
    assert found.verdicts == tuple(latents)
    s = found.statistics
    named = {"offset only": s.offset_term, "width-coded": s.jensen_term, "scale-drifted": s.scale_term}
    for k, name in enumerate(latents):
        # Each costs what its own term costs, and nothing else.
        assert s.rate[k] == pytest.approx(named.get(name, s.signal_term)[k], abs=1e-14)
        assert found.remarks[k] == ()
    assert found.rank.tolist() == [1, 2, 3, 4, 5]
    assert s.signal_fraction[0] == pytest.approx(0.5, rel=1e-12)
    assert found.explains(1) == found.explains(2) == {}
    name, r = next(iter(found.explains(3).items()))  # what its width codes for, though its mean says nothing
    assert (name, r > 0.9) == ("hidden", True)
    assert "0.525 nat pay for offsets and scales" in " ".join(found.findings)


def test_a_posterior_equal_to_the_prior_is_all_dead() -> None:
    found = diagnose(np.zeros((10, 3)), np.zeros((10, 3)))
    assert found.verdicts == ("collapsed",) * 3
    assert found.statistics.total_rate == 0
    assert found.next_collapse is None
    assert found.to_json()["next_collapse"] is None
    assert found.findings == ("3 latents: 3 collapsed; total KL 0 nat",)
    plot_diagnosis(found)  # nothing to draw is no error


def test_remarks_say_what_the_verdict_leaves_out() -> None:
    mu, rho = alive(0.5)
    faint, faint_rho = alive(0.06, seed=3)
    found = diagnose(np.hstack([mu + 1, faint]), np.hstack([rho, faint_rho]))
    assert found.verdicts == ("active", "collapsed")
    assert "mean offset +1: 0.5 nat" in found.remarks[0][0]
    assert "faint signal: M² = 0.06" in found.remarks[1][0]
    # The faint latent is the next to die, whatever the convention calls it.
    assert found.next_collapse == 1
    assert found.collapse_factor[1] == pytest.approx(1 / 0.94, rel=1e-12)
    bold = diagnose(np.hstack([mu, faint]), np.hstack([rho, faint_rho]), active_above=0.05)
    assert bold.verdicts == ("active", "active")
    quiet = diagnose(np.hstack([mu, faint]), np.hstack([rho, faint_rho]), rate_above=0.1)
    assert quiet.remarks[1] == ()
    assert quiet.next_collapse == 0


@pytest.fixture(scope="module")
def wine() -> dict[str, Any]:
    """A linear VAE trained on the wine data at T = 0.8, and its posterior."""
    table = load_table("wine")
    x = Spectrum.from_table(table).standardized(table.values)
    sweep = run_sweep(x, SweepPlan.default("exact", [0.8], latents=8, steps=3000, seeds=1))
    mu = x @ sweep.encoder[0, 0].T + sweep.encoder_bias[0, 0]
    return {
        "mu": mu,
        "log_variance": np.broadcast_to(sweep.log_variance[0, 0], mu.shape),
        "x": x,
        "recon": mu @ sweep.decoder[0, 0].T + sweep.decoder_bias[0, 0],
        "columns": table.columns,
    }


@pytest.mark.parametrize("loss", [name for name in LOSSES if name not in ("bce", "poisson")])
def test_a_trained_linear_vae_agrees_with_its_theory_in_every_loss(loss: str, wine: dict[str, Any]) -> None:
    sizes = {"decoder_variance": 0.5 if loss == "elbo" else None, "batch_size": 64}
    beta = float(beta_of(loss, 0.8, features=13, latents=8, **sizes))  # type: ignore[arg-type]
    found = diagnose(**wine, loss=loss, beta=beta, **sizes)  # type: ignore[arg-type]
    assert found.temperature == pytest.approx(0.8, rel=1e-14)
    linear = found.linear
    assert linear is not None
    assert linear.agrees
    # Trained to a gradient of 1e-6 or so; M² is quadratic in what is left.
    assert linear.signal_difference < 1e-5
    eigenvalues = Spectrum.from_data(wine["x"], standardize=False).eigenvalues
    above = eigenvalues[eigenvalues > 0.8]
    assert linear.next_collapse == pytest.approx(above.min(), rel=1e-12)
    assert linear.next_awakening == pytest.approx(eigenvalues[eigenvalues <= 0.8].max(), rel=1e-12)
    # The posterior alone predicts the same collapse, in the user's own unit.
    said = found.to_json()
    assert said["next_collapse"]["T"] == pytest.approx(above.min(), rel=1e-4)
    assert said["next_collapse"]["beta"] == pytest.approx(said["linear_theory"]["next_collapse"]["beta"], rel=1e-4)
    assert said["linear_theory"]["beta_thresholds"][:8] == pytest.approx(
        [float(beta_of(loss, t, features=13, latents=8, **sizes)) for t in eigenvalues[:8]]  # type: ignore[arg-type]
    )
    # From posterior means: T²/λ of an active mode, λ of the others.
    expected = (0.64 / above).sum() + eigenvalues[eigenvalues <= 0.8].sum()
    assert found.distortion == pytest.approx(expected, rel=1e-5)


def test_columns_that_a_latent_explains_are_its_loadings(wine: dict[str, Any]) -> None:
    found = diagnose(**wine, loss="half-sse", beta=0.8)
    top = int(found.statistics.ranking[0])
    spectrum = Spectrum.from_data(wine["x"], standardize=False)
    assert spectrum.axes is not None
    # The correlation of a standardised column with its principal component is axis × √λ.
    loading = spectrum.axes[:, 0] * np.sqrt(spectrum.eigenvalues[0])
    assert found.correlation is not None
    assert np.abs(found.correlation[top]) == pytest.approx(np.abs(loading), abs=1e-4)
    assert found.explained is not None
    assert found.explained[top] == pytest.approx(spectrum.eigenvalues[0] / 13, rel=1e-4)
    strongest = max(zip(np.abs(loading), wine["columns"], strict=True))[1]
    assert next(iter(found.explains(top))) == strongest


def test_collapse_is_asked_for_above_the_first_threshold_and_stuck_below(wine: dict[str, Any]) -> None:
    dead = np.zeros((178, 4))
    above = diagnose(dead, dead, x=wine["x"], loss="half-sse", beta=10.0)
    assert above.linear is not None
    assert "full collapse is what this loss asks for" in above.linear.sentence
    assert above.linear.agrees
    below = diagnose(dead, dead, x=wine["x"], recon=0 * wine["x"], loss="half-sse", beta=1.0)
    assert below.linear is not None
    assert "training is stuck" in below.linear.sentence
    assert not below.linear.agrees
    assert any("a linear VAE would do better" in line for line in below.findings)
    one = wine["mu"] * (np.arange(8) == wine["mu"].var(0).argmax())  # all but one latent forced to their prior mean
    few = diagnose(one, wine["log_variance"], x=wine["x"], loss="half-sse", beta=0.8)
    assert few.linear is not None
    assert few.linear.measured_active < few.linear.predicted_active
    assert "where linear theory keeps" in few.linear.sentence
    more = diagnose(wine["mu"], wine["log_variance"], x=wine["x"], loss="half-sse", beta=4.0)
    assert more.linear is not None
    assert more.linear.measured_active > more.linear.predicted_active


def test_bits_are_compared_by_their_fisher_information() -> None:
    bits = (normal(4, N, 3) + normal(5, N, 1) > 0.3).astype(float)
    dead = np.zeros((N, 2))
    found = diagnose(dead, dead, x=bits, loss="bce", beta=1.0)
    assert found.linear is not None
    correlation = np.corrcoef(bits, rowvar=False)  # the critical β of bits, whatever their frequencies
    assert found.linear.scale.thresholds[0] == pytest.approx(np.linalg.eigvalsh(correlation)[-1], rel=1e-12)
    assert "training is stuck" in found.linear.sentence
    assert not found.to_json()["linear_theory"]["exact"]
    with pytest.raises(InputError, match="between 0 and 1"):
        diagnose(dead, dead, x=2 * bits, loss="bce", beta=1.0)


def test_trained_networks_are_diagnosed() -> None:
    x = normal(10, 1000, 5) * np.sqrt([4.0, 2.0, 1.0, 0.5, 0.25])
    plan = SweepPlan.default("network", [6.0, 1.2], seeds=1, latents=4, steps=2500, learning_rate=3e-3)
    sweep = run_network_sweep(
        x, plan, Architecture(encoder=(16,), decoder=(16,), activation="silu"), keep_parameters=True, workers=1
    )
    for i, temperature in enumerate(plan.temperatures):
        vae = sweep.model(i, 0)
        mu, log_variance = vae.encode(x)
        found = diagnose(mu, log_variance, x=x, recon=vae.decode(mu), loss="sse", beta=2 * temperature)
        # The sweep measured in the precision of training.
        assert found.statistics.signal_fraction == pytest.approx(sweep.signal_fraction[i, 0], abs=1e-6)
        assert found.linear is not None
        # Gaussian data: a network has no better equilibrium than the linear one, and short training comes near.
        assert found.linear.measured_active == found.linear.predicted_active == (0, 2)[i]
        assert found.linear.signal_difference < 0.1
        assert set(found.verdicts) <= {"active", "collapsed"}
        assert found.encoded.warnings == ()
    columns = {next(iter(found.explains(k))) for k in np.flatnonzero(found.statistics.active())}
    assert columns == {"x1", "x2"}


def test_weights_of_rows_count() -> None:
    mu, rho = alive(0.5)
    doubled = diagnose(np.vstack([mu, mu[:50]]), np.vstack([rho, rho[:50]]))
    weights = np.ones(N)
    weights[:50] = 2
    weighted = diagnose(mu, rho, weights=weights)
    assert weighted.statistics.rate == pytest.approx(doubled.statistics.rate, rel=1e-12)


def test_widths_that_are_something_else_are_suspected() -> None:
    mu, rho = alive(0.6)
    sigma = np.exp(rho / 2)
    assert diagnose(mu, rho).encoded.warnings == ()
    assert diagnose(mu, sigma=sigma).encoded.warnings == ()
    (by_range,) = diagnose(mu, sigma).encoded.warnings  # σ given as ln σ²
    assert "every logvar is positive" in by_range
    assert "give them as sigma" in by_range
    (half,) = diagnose(mu, rho / 2).encoded.warnings
    assert "logarithms ln σ" in half
    (square,) = diagnose(mu, sigma=sigma**2).encoded.warnings
    assert "variances σ²" in square
    # A scale that no reading explains is the latent's own.
    assert diagnose(0.5 * mu, rho - 2 * np.log(2) - 1).encoded.warnings == ()
    with pytest.raises(InputError, match="sigma must be positive.*give them as logvar"):
        diagnose(mu, sigma=rho)


def bad(**changes: Any) -> dict[str, Any]:
    arrays: dict[str, Any] = {"mu": np.zeros((4, 2)), "log_variance": np.zeros((4, 2))}
    return {**arrays, **changes}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (bad(log_variance=np.zeros((4, 3))), r"same shape \(rows, latents\), got \(4, 2\) and \(4, 3\)"),
        (bad(log_variance=None), "exactly one of logvar and sigma must be given, got neither"),
        (bad(sigma=np.ones((4, 2))), "got both"),
        (bad(log_variance=None, sigma=-np.ones((4, 2))), r"sigma must be positive, found -1 .*100 % negative"),
        (bad(log_variance=None, sigma=np.zeros((4, 2))), "sigma must be positive, found 0 "),
        (bad(mu=[[0.0, np.nan]] * 4), "mu must be finite, found nan in row 1, column 2"),
        (bad(log_variance=[[np.inf, 0.0]] * 4), "logvar must be finite"),
        (bad(log_variance=np.full((4, 2), 1e4)), "logvar must be below 700"),
        (bad(mu=np.zeros((1, 2)), log_variance=np.zeros((1, 2))), "at least 2 rows, got 1"),
        (bad(mu=np.zeros(4), log_variance=np.zeros(4)), "two-dimensional"),
        (bad(mu=np.zeros((4, 0)), log_variance=np.zeros((4, 0))), "two-dimensional"),
        (bad(mu=[["a", "b"]] * 4), "real numbers"),
        (bad(mu=np.full((4, 2), 1e200) * [[1], [2], [3], [4]]), "overflows"),
        (bad(x=np.zeros((5, 3))), "x must have one row per row of mu, got 5 rows for 4"),
        (bad(x=np.zeros((4, 3, 3))), "flatten images"),
        (bad(x=np.full((4, 3), np.nan)), "x must be finite"),
        (bad(x=np.zeros((4, 3)), recon=np.zeros((4, 2))), "recon must have the shape of x"),
        (bad(x=np.zeros((4, 3)), columns=["a"]), "must name all 3 columns"),
        (bad(columns=["a"]), "names for no x"),
        (bad(weights=[1, 2]), "weights must be 4 real numbers"),
        (bad(loss="mes", beta=1.0, x=np.eye(4)), "loss must be one of .*'mse'"),
        (bad(loss="mse", beta=1.0), "give x"),
        (bad(loss="half-sse", beta=0.0), "beta must be positive"),
        (bad(loss="half-sse", beta=-2.0), "beta must be positive"),
        (bad(loss="half-sse"), "got no beta"),
        (bad(beta=1.0), "got no loss"),
        (bad(loss="mse-sum-kl", beta=1.0, x=np.eye(4)), "needs batch_size"),
        (bad(active_above=1.0), "active_above"),
        (bad(rate_above=0.0), "rate_above"),
    ],
)
def test_refuses_in_one_line(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        diagnose(arrays.pop("mu"), arrays.pop("log_variance"), **arrays)
    assert "\n" not in str(refused.value)


def test_constant_data_and_constant_codes_explain_nothing() -> None:
    found = diagnose(np.full((6, 1), 0.3), np.zeros((6, 1)), x=np.full((6, 2), 0.1), loss="half-sse", beta=1.0)
    assert found.correlation is not None
    assert (found.correlation == 0).all()
    assert found.linear is not None
    assert found.linear.predicted_active == 0
    json.dumps(found.to_json(), allow_nan=False)


def test_npz_and_tables_say_the_same(tmp_path: Path, wine: dict[str, Any]) -> None:
    mu, rho, x = (wine[name].astype(np.float32) for name in ("mu", "log_variance", "x"))
    np.savez(tmp_path / "both.npz", mu=mu, logvar=rho, x=x, columns=np.array(wine["columns"]))
    np.savez(tmp_path / "sigma.npz", mu=mu, sigma=np.exp(rho / 2))
    np.savez(tmp_path / "all.npz", mu=mu, logvar=rho, sigma=np.exp(rho / 2), columns=np.array(wine["columns"]))
    np.savetxt(tmp_path / "mu.csv", mu, delimiter=",")
    np.savetxt(tmp_path / "logvar.csv", rho, delimiter=",", header=",".join(f"z{k}" for k in range(8)), comments="")
    np.save(tmp_path / "widths.npy", np.exp(rho / 2))
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header=",".join(wine["columns"]), comments="")
    whole = read_encoded([tmp_path / "both.npz"])
    pair = read_encoded([tmp_path / "mu.csv", tmp_path / "logvar.csv"], x=tmp_path / "x.csv")
    for name in ("mu", "log_variance", "x"):
        assert (getattr(whole, name) == getattr(pair, name)).all()
    assert whole.columns == pair.columns == wine["columns"]
    assert whole.sha256 == pair.sha256
    for other in (
        read_encoded([tmp_path / "sigma.npz"]),
        read_encoded([tmp_path / "mu.csv", tmp_path / "widths.npy"], widths="sigma"),
        read_encoded([tmp_path / "all.npz"], widths="sigma"),
    ):
        assert other.columns == ()
        assert other.log_variance == pytest.approx(whole.log_variance, abs=3e-7)  # σ went through float32
    with pytest.raises(InputError, match="got both"):
        read_encoded([tmp_path / "all.npz"])
    with pytest.raises(InputError, match="say --widths"):
        read_encoded([tmp_path / "mu.csv", tmp_path / "widths.npy"])
    with pytest.raises(InputError, match="one file must be an .npz"):
        read_encoded([tmp_path / "mu.csv"])
    with pytest.raises(InputError, match="holds no array logvar"):
        read_encoded([tmp_path / "sigma.npz"], widths="logvar")
    with pytest.raises(InputError, match="got 3 files"):
        read_encoded([tmp_path / "mu.csv"] * 3)
    # An index that pandas wrote has its own name and goes by it.
    lines = (tmp_path / "x.csv").read_text().splitlines()
    (tmp_path / "indexed.csv").write_text(
        "\n".join(["row," + lines[0], *(f"{i},{v}" for i, v in enumerate(lines[1:]))])
    )
    kept = read_encoded([tmp_path / "both.npz"], x=tmp_path / "indexed.csv", drop_columns=["row"])
    assert (kept.x == whole.x).all()


def test_archives_that_are_no_posterior(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", z=np.zeros((3, 2)))
    np.savez(tmp_path / "pickled.npz", mu=np.array([[None, {}]]), logvar=np.zeros((1, 2)))
    np.save(tmp_path / "array.npy", np.zeros((3, 2)))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    (tmp_path / "half.npz").write_bytes((tmp_path / "other.npz").read_bytes()[:60])
    for name, message in {
        "other.npz": r"must hold arrays mu and logvar \(or sigma\), found z \(3, 2\)",
        "pickled.npz": "never loaded",
        "array.npz": "must be an archive",
        "half.npz": "not a complete NumPy file",
        "absent.npz": "cannot be read",
    }.items():
        with pytest.raises(InputError, match=message):
            read_encoded([tmp_path / name])


def _json(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    assert run(["diagnose", *args, "--json", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    result: dict[str, Any] = json.loads(captured.out, parse_constant=lambda constant: pytest.fail(constant))
    return result


def test_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path, wine: dict[str, Any]) -> None:
    path = str(tmp_path / "posterior.npz")
    np.savez(path, mu=wine["mu"], logvar=wine["log_variance"], x=wine["x"], recon=wine["recon"])
    loss = ["--loss", "sse", "--beta", "1.6"]
    result = _json(capsys, path, *loss, "--out", str(tmp_path / "out"))
    assert result["T"] == 0.8
    assert result["linear_theory"]["agrees"]
    assert len(result["latents"]) == 8
    for latent in result["latents"]:
        assert latent["verdict"] in VERDICTS
        assert sum(latent["terms"].values()) == pytest.approx(latent["rate"], abs=1e-15)
    assert len(result["meta"]["data_sha256"]) == 64
    assert json.loads((tmp_path / "out" / "diagnosis.json").read_text()) == result
    assert (tmp_path / "out" / "diagnosis.png").stat().st_size > 10_000
    assert run(["diagnose", path, *loss]) == 0
    text = capsys.readouterr().out
    assert "agrees with linear theory" in text
    assert max(map(len, text.splitlines())) <= 80
    assert run(["diagnose", path, "--loss", "sse", "--beta", "-1"]) == 2
    assert "beta must be positive" in capsys.readouterr().err.splitlines()[-1]
    np.savez(path, mu=wine["mu"], logvar=np.exp(wine["log_variance"] / 2))
    assert run(["diagnose", path]) == 0
    assert capsys.readouterr().err.startswith("warning: every logvar is positive")
    assert _json(capsys, path)["warnings"][0].startswith("every logvar is positive")


def test_many_latents_fit_the_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "posterior.npz")
    signal = np.linspace(0.99, 0, 130)
    mu = normal(6, N, 130) * np.sqrt(signal)
    np.savez(path, mu=mu, logvar=np.broadcast_to(np.log(1 - signal), mu.shape), x=normal(7, N, 4))
    assert run(["diagnose", path, "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "and 90 more latents" in text
    assert max(map(len, text.splitlines())) <= 80
    figure = plot_diagnosis(diagnose(mu, np.broadcast_to(np.log(1 - signal), mu.shape)))
    assert len(figure.axes[0].get_yticks()) == 40


@settings(derandomize=True, deadline=None, max_examples=40, database=None)
@given(
    hnp.arrays(np.float64, (5, 2), elements=st.floats(-1e9, 1e9)),
    hnp.arrays(np.float64, (5, 2), elements=st.floats(-3000, 690)),
    hnp.arrays(np.float64, (5, 3), elements=st.floats(-1e6, 1e6)),
    st.floats(1e-6, 1e6),
)
def test_whatever_is_finite_gets_a_verdict(mu: np.ndarray, rho: np.ndarray, x: np.ndarray, beta: float) -> None:
    try:
        found = diagnose(mu, rho, x=x, recon=0 * x, loss="elbo", beta=beta)
    except InputError as refused:
        assert "variance vanishes" in str(refused)
        return
    said = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [latent["verdict"] in VERDICTS for latent in said["latents"]] == [True, True]
    assert sum(said["counts"].values()) == 2
    assert min(min(latent["terms"].values()) for latent in said["latents"]) >= 0


def test_encoded_keeps_its_arrays_apart_from_the_callers() -> None:
    mu = np.zeros((3, 1))
    encoded = Encoded.of(mu, np.zeros((3, 1)))
    mu[0] = np.nan
    assert np.isfinite(encoded.mu).all()


def test_an_archive_may_name_its_loss(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    arrays = {"mu": rng.normal(size=(60, 2)), "sigma": np.full((60, 2), 0.5), "x": rng.normal(size=(60, 4))}

    def told(name: str, *options: str, **convention: object) -> dict[str, object]:
        np.savez(tmp_path / name, **arrays, **convention)  # type: ignore[arg-type]
        assert run(["diagnose", str(tmp_path / name), *options, "--json", "--quiet"]) == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        del found["meta"]
        return found

    sizes = {"loss": "mse-sum-kl", "beta": 0.1, "batch_size": 32}
    words = ["--loss", "mse-sum-kl", "--beta", "0.1", "--batch-size", "32"]
    assert told("named.npz", **sizes) == told("plain.npz", *words)
    # Options win, and another loss leaves nothing of the convention that the file names.
    assert told("named.npz", "--beta", "0.2", **sizes) == told("plain.npz", *words[:3], "0.2", *words[4:])
    assert told("named.npz", "--loss", "sse", "--beta", "1", **sizes) == told(
        "plain.npz", "--loss", "sse", "--beta", "1"
    )
    for wrong, said in (
        ({"loss": "mse", "beta": [1.0, 2.0]}, "beta must be a number"),
        ({"loss": 3, "beta": 1.0}, "loss must be a text, got 3"),
        ({"loss": "mse", "beta": -1.0}, "beta must be positive"),
        ({"loss": "mes", "beta": 1.0}, "did you mean 'mse'"),
    ):
        np.savez(tmp_path / "wrong.npz", **arrays, **wrong)  # type: ignore[arg-type]
        assert run(["diagnose", str(tmp_path / "wrong.npz")]) == 2
        assert said in capsys.readouterr().err
