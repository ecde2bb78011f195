"""``landau-vae experiment``: what it prints and keeps, that it resumes, and how it refuses."""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from landau_vae.cli import run
from landau_vae.cli.output import progress_bar
from verify.experiments import EXPERIMENTS, load_result, scan

TINY = {**scan.PRESETS["quick"], "temperatures": 9, "seeds": 1, "latents": 3, "depths": (1,), "steps": 400}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preset of ``scan`` that takes a second."""
    monkeypatch.setattr(scan, "PRESETS", {**scan.PRESETS, "tiny": TINY})


def _strip(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name != "seconds"}


@pytest.mark.usefixtures("tiny")
def test_one_run_from_the_command_line_to_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept"
    command = ["experiment", "scan", "--data", "wine", "--preset", "tiny", "--seed", "3", "--json"]
    assert run([*command, "--out", str(out), "--checkpoint", str(kept)]) == 0
    said = capsys.readouterr()
    # How much memory it takes stands before anything that was done.
    first, *_, last = [line for line in said.err.splitlines() if line.startswith("note:")]
    assert "scan will take about" in first and "MB" in first
    assert "wrote" in last and "3 figures" not in last  # PNG and SVG of each
    found = json.loads(said.out)
    (result,) = found["experiments"]
    assert found["meta"]["seed"] == result["seed"] == 3
    assert (result["name"], result["preset"], result["settings"]["data"]) == ("scan", "tiny", "wine")
    assert load_result("scan", out).to_json() == result
    assert {path.suffix for path in out.iterdir()} == {".json", ".png", ".svg"}

    # A run that is taken up again where it ended, and one without checkpoints, find the same.
    assert run([*command, "--quiet", "--checkpoint", str(kept), "--resume"]) == 0
    again = capsys.readouterr()
    assert again.err == ""
    assert run([*command, "--quiet", "--threads", "1"]) == 0
    alone = capsys.readouterr()
    for other in (again, alone):
        assert _strip(json.loads(other.out)["experiments"][0]) == _strip(result)

    # The folder belongs to one run.
    assert run([*command[:-3], "--seed", "4", "--checkpoint", str(kept), "--resume"]) == 2
    assert "holds another run: its plan has seed 3, asked for is 4" in capsys.readouterr().err


@pytest.mark.usefixtures("tiny")
def test_the_table_for_people_names_every_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["experiment", "scan", "--data", "wine", "--preset", "tiny", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("scan (tiny, seed 0, ") and EXPERIMENTS["scan"] in said
    assert "rank-agreement" in said and "predicted" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["phlogiston"], "NAME must be one of threshold, residual-cascade, scan,"),
        (["treshold"], "got 'treshold' (did you mean 'threshold'?)"),
        (["scan", "--preset", "tiny"], "preset of the experiment 'scan' must be one of quick, full, published"),
        (["scan", "--quick", "--preset", "full"], "not allowed with argument"),
        (["scan", "--quick", "--data", "no-such-table"], "no-such-table"),
        (["scan", "--quick", "--resume"], "--resume continues from a checkpoint, and none is named"),
        (["scan", "--quick", "--threads", "0"], "--threads must be at least 1, got 0"),
        (["threshold", "--quick", "--data", "no-such-table"], "no-such-table"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["experiment", *options]) == 2
    said = capsys.readouterr()
    assert message in said.err and "Traceback" not in said.err
    assert said.out == ""


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_shows_the_time_that_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := _Terminal())
    with progress_bar(argparse.Namespace(quiet=False), "scan") as show:
        for done in (1, 2):
            time.sleep(0.15)  # a bar is drawn ten times a second at most
            show(done, 400)
    # Done of all, time gone, time left: half a minute at this pace, minutes on a busy machine.
    gone, left = re.findall(r"scan:.* 2/400 \[(\d\d:\d\d)<(\d\d:\d\d)", terminal.getvalue())[-1]
    assert gone < left

    monkeypatch.setattr(sys, "stderr", silent := _Terminal())
    with progress_bar(argparse.Namespace(quiet=True), "scan") as show:
        show(1, 2)
    assert silent.getvalue() == ""


def test_progress_in_a_log_is_a_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 30.0, 61.0, 100.0, 122.0])
    monkeypatch.setattr("landau_vae.cli.output.monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", log := io.StringIO())
    with progress_bar(argparse.Namespace(quiet=False), "scan") as show:
        for done in (5, 10, 15, 20):
            show(done, 40)
    first, second = log.getvalue().splitlines()
    assert re.search(r"^scan:\s+25%.* 10/40 \[01:01<03:03", first)
    assert re.search(r"^scan:\s+50%.* 20/40 \[02:02<02:02", second)
