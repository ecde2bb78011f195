"""The command line as a user meets it: JSON contract, exit statuses, errors that name the remedy, odd terminals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from landau_vae import Cascade, Spectrum, __version__, load_table
from landau_vae.cli import run
from landau_vae.cli.options import _VERBS
from landau_vae.cli.options.derive import MODELS
from landau_vae.cli.options.experiment import NAMES

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "landau_vae"]


def json_of(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    assert run([*args, "--json", "--quiet"]) == 0

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    captured = capsys.readouterr()
    assert captured.err == ""
    result: dict[str, Any] = json.loads(captured.out, parse_constant=refuse)
    return result


def error_of(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert run([*args]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err.splitlines()[-1]


def test_cascade_json(capsys: pytest.CaptureFixture[str]) -> None:
    result = json_of(
        capsys, "cascade", "wine", "--at", "t=0.1", "T=2.5", "--keep", "2", "--tolerance", "0.2", "--loadings"
    )
    s = Spectrum.from_table(load_table("wine"))
    assert result["eigenvalues"] == pytest.approx(s.eigenvalues.tolist(), abs=1e-13)
    assert result["thresholds"] == result["eigenvalues"]
    assert sum(result["normalized_thresholds"]) == pytest.approx(1)
    assert (result["rank"], result["total_variance"]) == (13, pytest.approx(13))
    first, second = result["at"]
    assert (first["T"], second["T"]) == (pytest.approx(1.3), 2.5)
    assert second["active"] == 1
    assert second["rate"] == pytest.approx(0.5 * np.log(s.eigenvalues[0] / 2.5) if s.eigenvalues[1] <= 2.5 else None)
    assert s.eigenvalues[2] <= result["keep"]["T"] < s.eigenvalues[1]
    assert result["keep"]["t"] == pytest.approx(result["keep"]["T"] / 13)
    assert result["tolerance"]["effective_dimension"] == 5
    assert len(result["loadings"]) == 13
    assert all(name in result["columns"] for name in result["loadings"][0])
    assert set(result["meta"]) == {"version", "schema", "command", "seed", "data_sha256", "numpy", "blas", "threads"}
    assert result["meta"]["version"] == __version__
    assert result["meta"]["command"].startswith("landau-vae cascade wine")
    assert len(result["meta"]["data_sha256"]) == 64
    assert "nat" in result["units"]["rate"]


def test_zero_thresholds_are_listed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((50, 3))
    np.save(tmp_path / "x.npy", np.column_stack([x, x[:, 0] + x[:, 1]]))
    result = json_of(capsys, "cascade", str(tmp_path / "x.npy"))
    assert (len(result["thresholds"]), result["thresholds"][-1], result["rank"]) == (4, 0.0, 3)


def test_cascade_text_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    for args in (
        ["breast-cancer", "--loadings"],
        ["wine", "--at", "t=0.1", "--keep", "0", "--tolerance", "0.05"],
        ["digits"],
    ):
        assert run(["cascade", *args]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= 80, max(lines, key=len)


def test_cascade_out(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["cascade", "wine", "--out", str(tmp_path / "new")]) == 0
    names = {p.name for p in (tmp_path / "new").iterdir()}
    assert names == {"cascade.json", "cascade.png", "cascade.svg"}
    assert json.loads((tmp_path / "new" / "cascade.json").read_text())["rank"] == 13


def test_derive(capsys: pytest.CaptureFixture[str]) -> None:
    result: dict[str, Any]
    assert run(["derive", "linear", "--order", "6", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert {"name", "steps", "sources"} <= set(result)
    assert run(["derive", "linear"]) == 0
    text = capsys.readouterr().out
    assert "threshold" in text
    assert max(map(len, text.splitlines())) <= 80
    assert run(["derive", "linear", "--latex"]) == 0
    assert r"\lambda" in capsys.readouterr().out
    assert "order" in error_of(capsys, "derive", "linear", "--order", "1")


def test_cite(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cite"]) == 0
    assert "landau-vae" in capsys.readouterr().out
    assert run(["cite", "threshold"]) == 0
    assert "@" in capsys.readouterr().out
    assert run(["cite", "mean-field-law"]) == 0  # a claim of the ledger stands for its sources
    assert "@" in capsys.readouterr().out
    assert "phlogiston" in error_of(capsys, "cite", "phlogiston")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["cascade", "no-such"], ["no-such", "breast-cancer"]),
        (["experiment", "threshold", "--seed", "-1"], ["--seed", "-1"]),
        (["phase-diagram", "curve", "--out", "/dev/null/x"], ["cannot write /dev/null/x"]),
        (["cascade", "missing.csv"], ["missing.csv"]),
        (["cascade", "wine", "--at", "t=-1"], ["--at", "'t=-1'", "e.g. t=0.1"]),
        (["cascade", "wine", "--at", "0.1"], ["--at", "T=NUMBER"]),
        (["cascade", "wine", "--latents", "0"], ["latents", "0"]),
        (["cascade", "wine", "--keep", "99"], ["from 0 to 13", "99"]),
        (["cascade", "wine", "--tolerance", "2"], ["tolerance", "between 0 and 1", "2"]),
        (["cascade", "wine", "--columns", "alcohl"], ["alcohl", "alcohol"]),
        (["cascade", "wine", "--threads", "0"], ["--threads", "0"]),
        (["verify", "wine", "--latents", "0"], ["latents", "0"]),
        (["verify", "wine", "--temperatures", "0"], ["temperatures", "0"]),
        (["verify", "wine", "--seeds", "0"], ["seeds", "0"]),
        (["verify", "wine", "--steps", "0"], ["steps", "0"]),
        (["report", "nowhere"], ["nowhere"]),
        (["cascade", "--bogus"], ["--bogus"]),
        ([], ["VERB"]),
    ],
)
def test_errors_name_the_remedy(capsys: pytest.CaptureFixture[str], args: list[str], words: list[str]) -> None:
    last = error_of(capsys, *args)
    for word in words:
        assert word in last


def test_unwritable_out(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "file" in error_of(capsys, "cascade", "wine", "--quiet", "--out", str(tmp_path / "file" / "below"))
    # Said before the work, not after it: this job would train for a day.
    error = error_of(
        capsys, "verify", "wine", "--steps", "100000000", "--quiet", "--out", str(tmp_path / "file" / "below")
    )
    assert "choose another folder" in error
    assert run(["cascade", "wine", "--quiet", "--out", str(tmp_path / "new")]) == 0
    assert not [path for path in (tmp_path / "new").iterdir() if path.name.startswith(".")]


def test_a_bug_is_not_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cascade, "keeping", lambda self, k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(["cascade", "wine", "--keep", "1"])


def test_terminal_without_unicode() -> None:
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([*COMMAND, "cascade", "wine"], env=env, capture_output=True, timeout=60, check=True)
    assert b"beta" in done.stdout
    assert all(byte < 128 for byte in done.stdout + done.stderr)


def test_into_head() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m landau_vae cascade digits --json | head -n 1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "{\n"
    assert done.stderr == "" or "note:" in done.stderr.splitlines()[-1]


def test_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*COMMAND, "verify", "breast-cancer", "--steps", "1000000", "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        # A job in the background of a script inherits that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    # A shell shows 130 either way: when the interrupt falls into an exec() of the standard library, CPython ends itself
    # by the signal although it was caught.
    assert process.returncode in (130, -signal.SIGINT), err
    assert err.splitlines()[-1] == "landau-vae: interrupted"
    assert not out.exists() or not list(out.iterdir())


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"landau-vae {__version__}\n"
    assert run(["--help"]) == 0
    assert "verify" in capsys.readouterr().out
    for verb in ("verify", "cascade", "derive", "report", "cite"):
        assert run([verb, "--help"]) == 0


def test_the_readme_names_every_verb_model_and_experiment() -> None:
    rows = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("| `landau-vae ")]
    for options, _, _ in _VERBS:
        name = options.__name__.rpartition(".")[2].replace("_", "-")
        (row,) = (row for row in rows if f"`landau-vae {name}`" in row or f"`landau-vae {name} " in row)
        for said in {"derive": MODELS, "experiment": NAMES}.get(name, ()):
            assert f"`{said}`" in row


def test_blocks_hold_out_whole_regions(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(-180, 180, 900), rng.uniform(-60, 60, 900)
    x = rng.standard_normal((900, 3)) * [2.0, 1.0, 0.5]
    path = tmp_path / "map.csv"
    np.savetxt(path, np.column_stack([lon, lat, x]), delimiter=",", header="lon,lat,a,b,c", comments="")
    where = ["cascade", str(path), "--coordinates", "lon", "lat", "--blocks"]
    result = json_of(capsys, *where, "1000", "--no-standardize")
    assert result["columns"] == ["a", "b", "c"]
    held = result["held_out"]
    assert result["rows"] + held["validation"]["rows"] + held["test"]["rows"] == 900
    assert held["test"]["rows"] > 50
    left = held["test"]["distortion_by_rank"]
    assert left[0] == pytest.approx(held["test"]["total_variance"])
    assert left[-1] == 0.0
    assert left[1] / left[0] < 0.35  # the first of the variances 4, 1, 0.25 is kept
    assert run(where) == 0
    assert "test:" in capsys.readouterr().out
    assert "--coordinates LON LAT" in error_of(capsys, "cascade", "wine", "--blocks")
