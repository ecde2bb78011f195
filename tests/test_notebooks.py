"""Every tutorial runs from top to bottom; its exercises are open until they are answered, and the answers hold.

The executed copies are kept in ``build/notebooks``, where the documentation takes them from.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import landau_vae
from numerics.files import write_text
from verify.experiments import ExperimentResult

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXECUTED = ROOT / "build" / "notebooks"
IDS = [path.stem for path in PATHS]

# Of our own packages a reader needs the public names; the strategies for Hypothesis live with their extra.
OWN = {"theory", "numerics", "verify", "landau_vae"}
OFFERED = {"landau_vae", "verify.properties"}


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def tag(cell: Any) -> str | None:
    tags = [t for t in cell.metadata.get("tags", []) if t in ("exercise", "solution", "check")]
    assert len(tags) <= 1
    return tags[0] if tags else None


def code(notebook: Any) -> Iterator[Any]:
    return (cell for cell in notebook.cells if cell.cell_type == "code")


def test_there_are_tutorials() -> None:
    numbers = [int(path.name[:2]) for path in PATHS]
    assert numbers == list(range(1, 11))


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_as_committed(path: Path) -> None:
    """Text first: no outputs, a question at the start, and exercises whose solutions are folded away."""
    notebook = read(path)
    nbformat.validate(notebook)
    assert path.stat().st_size < 50_000
    for cell in code(notebook):
        assert not cell.outputs and cell.execution_count is None, "strip the outputs"
        assert (tag(cell) == "solution") is cell.metadata.get("jupyter", {}).get("source_hidden", False)
    assert "**Question.**" in notebook.cells[0].source
    # Exercise, solution and check follow each other.
    steps = [name for cell in code(notebook) if (name := tag(cell))]
    assert steps and steps == ["exercise", "solution", "check"] * (len(steps) // 3)


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_public_names_only(path: Path) -> None:
    for cell in code(read(path)):
        lines = [line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!"))]
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OWN:
                assert node.module in OFFERED
                if node.module == "landau_vae":
                    assert {name.name for name in node.names} <= set(landau_vae.__all__)
            elif isinstance(node, ast.Import):
                assert not {name.name.split(".")[0] for name in node.names} & OWN


def asked(exercise: Any) -> list[str]:
    """The names that an exercise leaves open."""
    names = []
    for node in ast.walk(ast.parse(exercise.source)):
        if isinstance(node, ast.Assign) and any(isinstance(n, ast.Constant) and n.value is ... for n in ast.walk(node)):
            names += [n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)]
    return names


def wrong(names: list[str]) -> Any:
    """A cell that answers zero to everything."""
    lines = [
        f"{name} = (lambda *a, **k: 0.0) if callable({name}) else 0 * np.asarray({name}, dtype=float)" for name in names
    ]
    return nbformat.v4.new_code_cell("\n".join(["import numpy as np", *lines]))


def refusal(client: NotebookClient, check: Any, index: int) -> CellExecutionError:
    """How a check refuses what the kernel now holds; the cell of the notebook stays untouched."""
    with pytest.raises(CellExecutionError) as refused:
        client.execute_cell(copy.deepcopy(check), index)
    return refused.value


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_runs(path: Path, experiment: Callable[[str], ExperimentResult]) -> None:
    notebook = read(path)
    source = "\n".join(cell.source for cell in code(notebook))
    for name in re.findall(r'load_result\("([\w-]+)", root / "build"', source):
        experiment(name)  # what the tutorial reads has to be there
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": path.parent}})
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if tag(cell) == "solution":
                exercise, check = notebook.cells[index - 1], notebook.cells[index + 1]
                # What the reader sees who has not answered: one line that says so.
                unanswered = refusal(client, check, index + 1)
                assert unanswered.ename == "AssertionError"
                assert re.match(r"exercise \d+ is open: ", unanswered.evalue)
                # A check that lets a wrong answer pass is none.
                client.execute_cell(copy.deepcopy(cell), index)
                names = asked(exercise)
                assert names
                client.execute_cell(wrong(names), index)
                assert "is open" not in refusal(client, check, index + 1).evalue
            client.execute_cell(cell, index)
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs), "a tutorial without a picture"
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    for number, cell in enumerate(code(notebook), start=1):
        cell.execution_count = number
    write_text(EXECUTED / path.name, nbformat.writes(notebook))
