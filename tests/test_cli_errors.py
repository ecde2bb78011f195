"""Wrong input on the command line, as a newcomer meets it: one line in the user's words, exit status 2, no usage."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landau_vae.cli import run
from landau_vae.cli.options import build_parser
from landau_vae.cli.options.parser import Parser
from theory.errors import did_you_mean


def error_of(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one line that a wrong call prints, without the program's name."""
    assert run([*args]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("landau-vae: error: ")
    return line.removeprefix("landau-vae: error: ")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "the following arguments are required: VERB; landau-vae --help lists the verbs"),
        (
            ["cascade", "wine", "--laten", "3"],
            "landau-vae cascade has no option --laten (did you mean '--latents'?); landau-vae cascade --help lists the "
            "options",
        ),
        # No abbreviation, and nothing near: "--out" shares half of its letters with it.
        (["cascade", "--bogus=1"], "landau-vae cascade has no option --bogus; landau-vae cascade --help lists"),
        (["--json", "cascade"], "--json must follow a verb, as in landau-vae VERB --json; landau-vae --help lists"),
        (["report", "a", "b"], "landau-vae report takes no further argument, got 'b'; landau-vae report --help"),
        (["cascade", "--latents", "x"], "--latents must be a whole number, got 'x'; landau-vae cascade --help"),
        (["cascade", "--latents", "2.5"], "--latents must be a whole number, got '2.5'; "),
        (["cascade", "--tolerance", "nan"], "--tolerance must be a number, got 'nan'; "),
        (["cascade", "--keep"], "--keep: expected one argument; landau-vae cascade --help lists the options"),
        (["diagnose"], "the following arguments are required: POSTERIOR; landau-vae diagnose --help lists the options"),
        (["diagnose", "a", "--widths", "sigmas"], "--widths must be one of logvar, sigma, got 'sigmas' (did you mean"),
        (["phase", "--mode", "1", "--full"], "--full: not allowed with argument --mode; landau-vae phase --help"),
        (["claims", "--json", "--markdown"], "--markdown: not allowed with argument --json; landau-vae claims --help"),
        (["claims", "mean-field-lw"], "unknown claim 'mean-field-lw' (did you mean 'mean-field-law'?); choose one of"),
        (["cite", "mean-field-lw"], "unknown claim or work 'mean-field-lw' (did you mean 'mean-field-law'?); choose"),
        (["cite", "lucas2091"], "unknown claim or work 'lucas2091' (did you mean 'lucas2019'?); choose one of"),
        (["phase-diagram", "curves"], "plane must be one of curve, flexible, got 'curves' (did you mean 'curve'?); "),
    ],
)
def test_argparse_speaks_in_one_line(capsys: pytest.CaptureFixture[str], args: list[str], message: str) -> None:
    assert error_of(capsys, *args).startswith(message)


def test_wrong_verb(capsys: pytest.CaptureFixture[str]) -> None:
    line = error_of(capsys, "cascad", "wine")
    assert line.startswith("VERB must be one of verify, cascade, ")
    assert line.endswith("got 'cascad' (did you mean 'cascade'?); landau-vae --help lists the verbs")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["cascade", "wine", "--keep", "99"], "--keep must be an integer from 0 to 13 "),
        (["cascade", "wine", "--keep", "-1"], "--keep must be an integer from 0 to 13 "),
        (["cascade", "wine", "--bootstrap", "1"], "--bootstrap must be at least 2, got 1"),
        (["cascade", "wine", "--noise-floor", "-1"], "--noise-floor must be finite and not negative, got -1"),
        (["cascade", "wine", "--loss", "mse-sum-kl"], "loss 'mse-sum-kl' needs --batch-size, "),
        (["cascade", "wine", "--loss", "mes"], "--loss must be one of elbo, "),
        (["cascade", "wine", "--learned-variance", "--loss", "mse"], "--learned-variance must stand with loss 'elbo'"),
        (["cascade", "wine", "--drop-columns", "alcohl"], "wine: --drop-columns names 'alcohl', which is no column"),
        (["cascade", "wine", "--weights", "w"], "wine: --weights names 'w', which is no column"),
        (["phase", "wine", "--mode", "99"], "--mode must be an integer from 1 to 13"),
        (["phase", "wine", "--points", "1"], "--points must be an integer of at least 2, got 1"),
        (["derive", "linear", "--order", "1"], "--order must be an integer of at least 2, got 1"),
        (["derive", "linear", "--columns", "a"], "--columns needs data, got none; add --data DATA or leave"),
        (
            ["derive", "sandwich", "--order", "9"],
            "sandwich is a law, not a model: it takes --latex or --json, got --or",
        ),
        (["verify", "wine", "--seeds", "0"], "--seeds must be a whole number of at least 1, got 0"),
    ],
)
def test_errors_of_the_library_name_the_option(
    capsys: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    assert error_of(capsys, *args).startswith(message)


def test_what_the_user_named_keeps_its_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    # A file, a folder and a column that are called like arguments of the library.
    folder = tmp_path / "drop_columns"
    folder.mkdir()
    path = folder / "batch_size.csv"
    path.write_text("batch_size,loss\n1,2\nx,3\n")
    line = error_of(capsys, "cascade", str(path))
    assert line.startswith(f"{path}: text in a numeric column: line 3, column 'batch_size' holds 'x'; ")
    # Nor is what an archive holds an option.
    archive = tmp_path / "p.npz"
    mu = np.array([[1.0], [-1.0]])
    for name, value in (("loss", 3.0), ("decoder_variance", "a")):
        np.savez(archive, mu=mu, sigma=mu**2, **{name: value})  # type: ignore[arg-type]
        assert error_of(capsys, "diagnose", str(archive)).startswith(f"{archive}: {name} must be ")


def test_the_loss_of_an_encoder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    archive = str(tmp_path / "p.npz")
    mu = np.array([[1.0], [-1.0]])
    np.savez(archive, mu=mu, sigma=mu**2)
    assert error_of(capsys, "diagnose", archive, "--beta", "0.1").startswith("--loss and --beta must be given together")
    line = error_of(capsys, "diagnose", archive, "--loss", "sse", "--beta", "1", "--decoder-variance", "2")
    assert line.startswith("--decoder-variance must stand with loss 'elbo', which alone uses it, got loss 'sse'")
    np.savez(archive, mu=mu, sigma=mu**2, loss="sse", beta=1.0)
    line = error_of(capsys, "diagnose", archive, "--batch-size", "2")
    assert line.startswith("--batch-size must stand with loss 'mse-sum-kl'")


def _verbs() -> dict[str, Parser]:
    parser = build_parser()
    return {
        name: verb
        for action in parser._actions
        if isinstance(action.choices, dict)
        for name, verb in action.choices.items()
    }


@pytest.mark.parametrize("name", _verbs())
def test_every_declared_name_leads_to_an_option(name: str) -> None:
    verb = _verbs()[name]
    options = {option for action in verb._actions for option in action.option_strings}
    assert {word for said in verb.library_names.values() for word in said.split(" and ")} <= options
    for library_name, option in verb.library_names.items():
        assert verb.in_own_words(f"{library_name} must be so") == f"{option} must be so"


@given(st.text(alphabet="abk_ mode:'/.;must", max_size=40))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_words_are_replaced_once(text: str) -> None:
    verb = _verbs()["cascade"]
    once = verb.in_own_words(text)
    assert verb.in_own_words(once) == once


def test_did_you_mean_knows_case_and_underscores() -> None:
    assert did_you_mean("Breast_Cancer", ["wine", "breast-cancer"]) == " (did you mean 'breast-cancer'?)"
    assert did_you_mean("wine", []) == ""


@pytest.mark.parametrize("options", [[], ["--stream"]])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "the name of the data is empty; give a path or one of breast-cancer, wine, digits"),
        (
            "wine.csv",
            "wine.csv: no such file or folder, nor a shipped table (did you mean 'wine'?); give a path or one of",
        ),
        ("https://x.org/a.csv", "https://x.org/a.csv: is an address, and nothing is downloaded; save the file"),
        ("~nobody-of-that-name/a.csv", "~nobody-of-that-name/a.csv: no such file or folder"),
        ("a" * 300, f"{'a' * 300}: cannot be read (File name too long)"),
    ],
)
def test_data_that_are_nowhere(capsys: pytest.CaptureFixture[str], data: str, message: str, options: list[str]) -> None:
    assert error_of(capsys, "cascade", data, *options).startswith(message)


@pytest.mark.parametrize("options", [[], ["--stream"]])
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_text_is_no_numpy_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, ending: str, options: list[str]
) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_text("a,b\n1,2\n3,5\n")
    line = error_of(capsys, "cascade", str(path), *options)
    assert line.startswith(f"{path}: not a NumPy file")
    assert "pickle" not in line


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_called_one(capsys: pytest.CaptureFixture[str], tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(pickle.dumps([[1.0, 2.0], [3.0, 5.0]], protocol=protocol))
    assert "holds pickled Python objects" in error_of(capsys, "cascade", str(path))
    np.save(path, np.array([[1, "a"], [2, "b"]], dtype=object))
    assert "holds pickled Python objects" in error_of(capsys, "cascade", str(path))


def test_folders(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file, empty, mixed = tmp_path / "file", tmp_path / "empty", tmp_path / "mixed"
    file.write_text("")
    empty.mkdir()
    mixed.mkdir()
    (mixed / "1.csv").write_text("a\n1\n2\n")
    (mixed / "2.csv").write_text("a,b\n1,2\n2,5\n")
    for place in (file, file / "below"):
        line = error_of(capsys, "cascade", "wine", "--out", str(place))
        assert line == f"cannot write {place}: a folder is needed and {file} is a file; choose another folder"
    for verb in (["verify", "wine"], ["experiment", "threshold", "--quick"]):  # before the training, not after it
        assert error_of(capsys, *verb, "--checkpoint", str(file)).startswith(f"cannot write {file}: a folder is needed")
    assert error_of(capsys, "cascade", str(empty), "--stream").startswith(f"{empty}: the folder is empty; ")
    assert "got 1 ('a') and 2 ('a', 'b'); choose" in error_of(capsys, "cascade", str(mixed), "--stream")
