"""The packages are found where they belong, whatever lies in the folder that Python starts in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import landau_vae

ROOT = Path(landau_vae.__file__).resolve().parent.parent


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    """A folder with packages of the user's own that have our names."""
    for name in ("theory", "numerics", "verify"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong package was imported')\n")
    return tmp_path


def python(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "", **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_module_run_ignores_strangers(strangers: Path) -> None:
    done = python(strangers, "-m", "landau_vae", "cascade", "wine", "--keep", "3")
    assert done.returncode == 0, done.stderr
    assert "exactly 3 active" in done.stdout


def test_strangers_that_come_first_are_named(strangers: Path) -> None:
    code = "from landau_vae import cascade"
    done = python(strangers, "-c", code)
    assert done.returncode == 1
    assert "StrangePackageError: landau_vae needs its own package 'theory'" in done.stderr
    assert str(strangers / "theory") in done.stderr
    done = python(strangers.parent, "-m", "landau_vae", "cascade", PYTHONPATH=str(strangers))
    assert done.returncode == 2
    assert "needs its own package" in done.stderr.splitlines()[-1]


def test_every_public_name_resolves_and_one_version() -> None:
    import importlib.metadata

    for name in landau_vae.__all__:
        assert getattr(landau_vae, name) is not None
    assert set(landau_vae.__all__) <= set(dir(landau_vae))
    assert importlib.metadata.version("landau-vae") == landau_vae.__version__
    with pytest.raises(AttributeError, match="no attribute 'cascad'"):
        _ = landau_vae.cascad


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import landau_vae", ["numpy", "sympy", "scipy", "matplotlib"]),
        ("import landau_vae.cli", ["numpy", "sympy", "scipy", "matplotlib", "tqdm", "tabulate"]),
        ("import theory, theory.errors, theory.references", ["sympy"]),
        ("import numerics; numerics.cascade", ["sympy", "matplotlib"]),
        ("from landau_vae import verify_cascade", ["sympy", "matplotlib"]),
    ],
)
def test_heavy_imports_wait(statement: str, absent: list[str]) -> None:
    code = f"{statement}\nimport sys; print([m for m in {absent!r} if m in sys.modules])"
    assert python(ROOT, "-c", code).stdout.strip() == "[]"


def test_typed_markers() -> None:
    for name in ("theory", "numerics", "verify", "landau_vae"):
        assert (ROOT / name / "py.typed").exists()
