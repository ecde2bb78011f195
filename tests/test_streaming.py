"""Every kind of source gives the moments of the table in memory; interrupted runs continue; errors name the file."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr
from dask import array as da
from dask import dataframe as dd
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from landau_vae.__main__ import main
from landau_vae.practice import beta_scale, choose_beta, effective_rows
from numerics.fold import measure_part
from numerics.linear_equilibrium import cascade
from numerics.moments import Moments
from numerics.parts import parts_of
from numerics.projection import mode_scores, standardized_cumulants
from numerics.recipe import Recipe
from numerics.spectrum import Spectrum
from numerics.streaming import accumulate, accumulate_cumulants
from numerics.tables import load_table
from tests.test_rasters import _layers, _write_asc, _write_bil, _write_tif
from theory.errors import InputError

X = np.random.default_rng(5).gamma(2.0, size=(1200, 4)) @ np.random.default_rng(6).normal(size=(4, 4)) + 100.0
NAMES = ("a", "b", "c", "d")


def equal(found: Moments, expected: Moments, tolerance: float = 1e-12) -> None:
    # Merging rounds a few times per part; 1e-12 of the largest entry is what is promised.
    np.testing.assert_allclose(
        found.covariance(), expected.covariance(), rtol=0, atol=tolerance * expected.covariance().max()
    )
    np.testing.assert_allclose(found.mean, expected.mean, rtol=tolerance)
    assert (found.n, found.weight) == (expected.n, pytest.approx(expected.weight, rel=1e-13))


def _csv(folder: Path, suffix: str = ".csv", separator: str = ",") -> Path:
    lines = [separator.join(NAMES), *(separator.join(map(repr, row)) for row in X.tolist())]
    text = ("\n".join(lines) + "\n").encode()
    path = folder / f"x{suffix}"
    path.write_bytes(gzip.compress(text) if suffix.endswith(".gz") else text)
    return path


def _npz(folder: Path, save: Callable[..., None]) -> Path:
    save(folder / "x.npz", x=X, columns=np.array(NAMES), other=np.arange(3))
    return folder / "x.npz"


def _npy(folder: Path) -> Path:
    np.save(folder / "x.npy", X)
    return folder / "x.npy"


def _parquet(folder: Path) -> Path:
    table = pa.table(dict(zip(NAMES, X.T, strict=True)) | {"text": ["u"] * len(X)})
    pq.write_table(table, folder / "x.parquet", row_group_size=170)
    return folder / "x.parquet"


SOURCES: dict[str, Callable[[Path], Any]] = {
    "array": lambda folder: X,
    "nested list": lambda folder: X.tolist(),
    "list of arrays": lambda folder: [X[:500], X[500:501], X[501:]],
    "generator": lambda folder: (X[k : k + 100] for k in range(0, len(X), 100)),
    "csv": _csv,
    "tsv.gz": lambda folder: _csv(folder, ".tsv.gz", "\t"),
    "npy": _npy,
    "npz": lambda folder: _npz(folder, np.savez),
    "compressed npz": lambda folder: _npz(folder, np.savez_compressed),
    "parquet": _parquet,
    "folder": lambda folder: _csv(folder).parent,
    "pattern": lambda folder: str(_csv(folder).with_name("*.csv")),
    "data frame": lambda folder: pd.DataFrame(X, columns=NAMES),
    "Dask array": lambda folder: da.from_array(X, chunks=(350, 3)),
    "Dask frame": lambda folder: dd.from_pandas(pd.DataFrame(X, columns=NAMES), npartitions=5),
    "DataArray": lambda folder: xr.DataArray(X, dims=("row", "column"), coords={"column": list(NAMES)}),
    "Dataset": lambda folder: xr.Dataset({n: (("y", "x"), X[:, k].reshape(30, 40)) for k, n in enumerate(NAMES)}),
    "lazy Dataset": lambda folder: xr.Dataset(
        {n: (("y", "x"), X[:, k].reshape(30, 40)) for k, n in enumerate(NAMES)}
    ).chunk(y=7),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_gives_the_moments_in_memory(kind: str, tmp_path: Path) -> None:
    named = kind not in {"array", "nested list", "list of arrays", "generator", "npy", "Dask array"}
    source = SOURCES[kind](tmp_path)
    found = accumulate(source, columns=["d", "b"] if named else None)
    expected = Moments.of(X[:, [3, 1]] if named else X)
    equal(found, expected)
    assert found.columns == (("d", "b") if named else ("x1", "x2", "x3", "x4"))


@pytest.mark.parametrize("write", [_write_tif, _write_bil, _write_asc])
def test_windows_of_rasters_give_the_folder(write: Callable[..., None], tmp_path: Path) -> None:
    for k, cells in enumerate(_layers(), 1):
        write(tmp_path, k, cells)
    table = load_table(tmp_path, area_weights=True)
    equal(accumulate(tmp_path, area_weights=True), Moments.of(table.values, table.weights))
    # One window per row of the grid, some of them all sea.
    recipe = Recipe(area_weights=True)
    states = [measure_part(part, recipe, Moments.of) for part in parts_of(tmp_path, recipe, part=1)]
    assert len(states) == 6
    merged = None
    for state in states:
        merged = state if merged is None or state is None else merged.merge(state)
    assert merged is not None
    equal(merged, Moments.of(table.values, table.weights))


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.lists(st.integers(1, 1199), max_size=6), st.integers(0, 10**6))
def test_any_cut_gives_the_same(cuts: list[int], seed: int) -> None:
    w = np.random.default_rng(seed).integers(0, 3, len(X)).astype(float)
    w[0] = 1.0
    ends = [0, *sorted(set(cuts)), len(X)]
    chunks = ((X[a:b], w[a:b]) for a, b in pairwise(ends))
    equal(accumulate(chunks), Moments.of(X, w))


def test_weights_missing_rows_and_logarithms_as_in_a_table(tmp_path: Path) -> None:
    x = np.abs(X.copy())
    x[3, 1], x[700, 0], x[9, 2] = np.nan, np.nan, -9999.0
    frame = pd.DataFrame(x, columns=NAMES)
    frame.to_csv(tmp_path / "x.csv", index=False)
    options: dict[str, Any] = {"weights": "d", "log1p": ["a"], "missing_value": -9999, "drop_missing": True}
    table = load_table(tmp_path / "x.csv", **options)
    for source in (tmp_path / "x.csv", frame, dd.from_pandas(frame, npartitions=3)):
        found = accumulate(source, **options)
        equal(found, Moments.of(table.values, table.weights))
        assert found.n == len(X) - 3


def test_far_mean_and_single_precision() -> None:
    # 2²⁰ and quarters are exact in float32; the textbook formula would lose the variance altogether there.
    x = (np.random.default_rng(0).integers(0, 16, (5000, 3)) / 4).astype(np.float32)
    found = accumulate(x[k : k + 77] + np.float32(2**20) for k in range(0, 5000, 77))
    np.testing.assert_allclose(found.covariance(), np.cov(x.astype(float).T, bias=True), rtol=0, atol=1e-12)


def test_cascade_takes_moments_and_lazy_collections() -> None:
    expected = cascade(X).thresholds
    # Thresholds are sums of products of a thousand rows: 1e-12 of the largest.
    for source in (accumulate([X[:300], X[300:]]), da.from_array(X, chunks=(200, 4)), pd.DataFrame(X, columns=NAMES)):
        np.testing.assert_allclose(cascade(source).thresholds, expected, rtol=0, atol=1e-12 * expected[0])


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.tile(X, (500, 1)))
    many = (X + k for k in range(500))
    for source in (many, tmp_path / "x.npy"):
        tracemalloc.start()
        assert accumulate(source).n == 600_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # The rows are 19.2 MB; a block of 1,024 of them, a few matrices and what the interpreter keeps are far less.
        assert peak < 2e6


def test_text_of_two_encodings_and_quoted_lines_across_blocks(tmp_path: Path) -> None:
    from numerics.delimited import delimited_blocks

    rows = [f'{k},"note\n{k}",{k * k}' for k in range(50)]
    path = tmp_path / "x.csv"
    path.write_bytes(("a,t,b\n" + "\n".join(rows)).encode() + '\n50,"café",2500\n'.encode("latin-1"))
    blocks = list(delimited_blocks(path, lambda names: ("a", "b"), cells=21))
    values = np.concatenate([block.values for block in blocks])
    assert len(blocks) > 5
    assert (values == np.array([[k, k * k] for k in range(51)])).all()
    assert "Latin-1" in blocks[-1].notes[0]
    path.write_text("a,b\n" + "1,2\n" * 30 + "3,x\n")
    with pytest.raises(InputError, match="line 32, column 'b' holds 'x'"):
        list(delimited_blocks(path, lambda names: names, cells=8))


def _files(folder: Path, count: int = 8) -> list[Path]:
    paths = [folder / f"part-{k}.npy" for k in range(count)]
    for path, rows in zip(paths, np.array_split(X, count), strict=True):
        np.save(path, rows)
    return paths


def test_resumes_from_the_last_merged_file_bit_for_bit(tmp_path: Path) -> None:
    paths, book = _files(tmp_path), tmp_path / "book.npz"
    whole = accumulate(paths)

    class Stop(Exception):
        pass

    def stop(done: int) -> None:
        if done == 5:
            raise Stop

    with pytest.raises(Stop):
        accumulate(paths, checkpoint=book, progress=stop)
    with pytest.raises(InputError, match="a checkpoint exists already; continue it with --resume"):
        accumulate(paths, checkpoint=book)
    seen: list[int] = []
    resumed = accumulate(paths, checkpoint=book, resume=True, progress=seen.append)
    assert seen == [6, 7, 8]
    assert (resumed.scatter == whole.scatter).all() and (resumed.mean == whole.mean).all()
    # Complete: nothing is read again; a file added later is.
    np.save(tmp_path / "part-8.npy", X[:9])
    more = accumulate([*paths, tmp_path / "part-8.npy"], checkpoint=book, resume=True)
    equal(more, Moments.of(np.vstack([X, X[:9]])))


def test_resumes_after_a_kill(tmp_path: Path) -> None:
    paths, book = _files(tmp_path), tmp_path / "book.npz"
    program = (
        "import os, signal, sys\nfrom numerics.streaming import accumulate\n"
        "def die(done):\n    if done == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"accumulate({[str(p) for p in paths]!r}, checkpoint={str(book)!r}, progress=die)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[1], check=False)
    assert run.returncode == -9
    resumed, whole = accumulate(paths, checkpoint=book, resume=True), accumulate(paths)
    assert (resumed.scatter == whole.scatter).all()
    assert not list(tmp_path.glob(".*part"))


def test_refuses_checkpoints_of_other_data(tmp_path: Path) -> None:
    paths, book = _files(tmp_path), tmp_path / "book.npz"
    accumulate(paths[:4], checkpoint=book)
    for source, options, match in (
        (paths[1:], {}, "holds as part 1 .*part-0.npy .* but the source has .*part-1.npy"),
        (paths[:3], {}, "holds as part 4 .* but the source has nothing there"),
        (paths, {"drop_missing": True}, "made with another recipe .drop_missing: False, now True"),
    ):
        with pytest.raises(InputError, match=match):
            accumulate(source, checkpoint=book, resume=True, **options)
    with pytest.raises(InputError, match="another measurement"):
        accumulate_cumulants(paths, Spectrum.from_data(X), modes=1, checkpoint=book, resume=True)
    np.save(paths[0], X)
    with pytest.raises(InputError, match="part-0.npy .* but the source has .*part-0.npy"):
        accumulate(paths, checkpoint=book, resume=True)
    for content in (b"", b"PK\3\4 truncated", book.read_bytes()[:300]):
        book.write_bytes(content)
        with pytest.raises(InputError, match="book.npz: not a c"):
            accumulate(paths, checkpoint=book, resume=True)
    np.savez(book, x=X)
    with pytest.raises(InputError, match="not a checkpoint of an accumulation"):
        accumulate(paths, checkpoint=book, resume=True)


def _gaps() -> Iterator[np.ndarray]:
    yield X
    yield np.where(np.arange(4) == 2, np.nan, X[:5])


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ("nowhere.csv", "nowhere.csv: no such file or folder"),
        ("nowhere-*.csv", "the pattern matches no file"),
        ([], "at least one of each"),
        (iter([]), "no complete row"),
        ({"a": 1.0}, "found Python objects"),
        (np.ones((3, 2), complex), "real numbers, found complex"),
        ([X, X[:, :3]], r"equal numbers of columns, got 4 \('x1', .* and 3 \(.*--columns"),
        (
            [pd.DataFrame(X[:9], columns=NAMES), pd.DataFrame(X[:9], columns=("a", "c", "b", "d"))],
            "'b' and 'c' in place 2",
        ),
        ((X[:, 0] for _ in range(2)), "two-dimensional"),
        (((X, -np.ones(len(X))) for _ in range(2)), "1200 are negative"),
        (_gaps(), r"chunk 2 \(from row 1\): values must be finite, found 5 missing .* 'x3': 5; .*--drop-missing"),
        (xr.DataArray(np.ones((2, 2, 2))), "two dimensions"),
        (xr.Dataset({"u": ("y", np.ones(3)), "v": ("z", np.ones(3))}), "must share their dimensions"),
    ],
)
def test_refuses(source: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        accumulate(source)


def test_text_nobody_asked_for_does_no_harm() -> None:
    frame = pd.DataFrame(X, columns=NAMES).assign(text="u")
    for source in (frame, dd.from_pandas(frame, npartitions=2)):
        equal(accumulate(source, drop_columns=["text"]), Moments.of(X))
        with pytest.raises(InputError, match="column 'text' must hold numbers"):
            accumulate(source)


def test_numbers_as_weights_are_for_one_array() -> None:
    w = np.arange(len(X)) % 3
    equal(accumulate(X, weights=w), Moments.of(X, w))
    for source in ([X, X], da.from_array(X, chunks=(300, 4)), "wine"):
        with pytest.raises(InputError, match="weights as numbers are for one array in memory"):
            accumulate(source, weights=w)


def test_refuses_damaged_files(tmp_path: Path) -> None:
    np.save(tmp_path / "cut.npy", X)
    whole = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-100])
    np.savez(tmp_path / "columns.npz", x=np.asfortranarray(X))
    np.save(tmp_path / "objects.npy", np.array([[None]]))
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "x.doc").write_bytes(b"")
    for name, match in (
        ("cut.npy", "cut.npy: not a complete NumPy file"),
        ("columns.npz", "Fortran order"),
        ("objects.npy", "never loaded"),
        ("cut.parquet", "not a complete Parquet file"),
        ("x.doc", "the ending '.doc' is not one that is read"),
    ):
        with pytest.raises(InputError, match=match):
            accumulate(tmp_path / name)


def test_cumulants_of_modes_against_scores_in_memory() -> None:
    spectrum = Spectrum.from_data(X)
    found = accumulate_cumulants((X[k : k + 111] for k in range(0, len(X), 111)), spectrum, modes=3)
    scores = np.column_stack([mode_scores(spectrum, X, k + 1)[0] for k in range(3)])
    # Sums of a thousand third and fourth powers of order one.
    np.testing.assert_allclose(found.skewness, stats.skew(scores), rtol=1e-10)
    np.testing.assert_allclose(found.excess_kurtosis, stats.kurtosis(scores), rtol=1e-10)
    own = standardized_cumulants(scores[:, 1])
    assert found.skewness[1] == pytest.approx(own["kappa3"], rel=1e-10)
    tensor = np.einsum("ni,nj,nk->ijk", scores, scores, scores) / len(X)
    np.testing.assert_allclose(found.third_cumulants, tensor, atol=1e-11)
    pairs = np.cov((scores**2).T, bias=True) - 2 * np.eye(3)
    np.testing.assert_allclose(found.fourth_cumulants, pairs, atol=1e-11)
    # E[x x_u²]/λ^{3/2}: rotating back to the columns changes no length.
    rows = spectrum.standardized(X)
    bend = (rows * scores[:, :1] ** 2).mean(axis=0) / np.sqrt(spectrum.eigenvalues[0])
    assert np.linalg.norm(found.co_skewness[0]) == pytest.approx(np.linalg.norm(bend), rel=1e-10)


def test_cumulants_refuse_other_rows() -> None:
    spectrum = Spectrum.from_data(X)
    for source, modes, match in (
        (X[:500], 2, "not those of the spectrum"),
        (X[:, :3], 2, "columns must be those of the spectrum"),
        (X, 5, "modes must be an integer from 1 to 4"),
        (np.where(np.arange(4) == 1, np.inf, X), 1, "infinite"),
    ):
        with pytest.raises(InputError, match=match):
            accumulate_cumulants(source, spectrum, modes=modes)
    with pytest.raises(InputError, match="axes=True"):
        accumulate_cumulants(X, Spectrum.from_data(X, axes=False))


def test_a_stream_answers_as_the_table_in_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(X, columns=NAMES).assign(w=rng.uniform(0, 2, len(X)) * (np.arange(len(X)) % 3 > 0), flat=1.0)
    whole, folder = tmp_path / "whole.csv", tmp_path / "parts"
    folder.mkdir()
    frame.to_csv(whole, index=False)
    for k, rows in enumerate(np.array_split(np.arange(len(X)), 4)):
        frame.iloc[rows].to_csv(folder / f"{k}.csv", index=False)
    # In memory the bound is better when there are few rows; of many it is the one of the stream.
    monkeypatch.setattr("numerics.collapse_bounds._WORK", 10)
    options = [
        "--weights",
        "w",
        "--log1p",
        "a",
        "--drop-constant",
        "--loss",
        "mse",
        "--noise-floor",
        "1e-4",
        "--any-vae",
    ]
    book = ["--checkpoint", str(tmp_path / "book.npz")]
    documents = []
    for command in ([str(whole)], [str(folder), *book], [str(folder), *book, "--resume"]):
        assert main(["cascade", *command, *options, "--json", "--quiet"]) == 0
        documents.append(json.loads(capsys.readouterr().out))
    here, there, again = documents
    assert {path.name for path in tmp_path.glob("*.npz")} == {"book.npz", "book-cumulants.npz"}
    assert there["any_vae"] == again["any_vae"] and there["noise_floor"] == again["noise_floor"]
    assert here["noise_floor"]["edge"] == pytest.approx(there["noise_floor"]["edge"], rel=1e-12)
    bounds = here["any_vae"]["full_collapse"]
    # Deviations of 1 % of the mean leave 1e-12 of a merged covariance.
    assert there["any_vae"]["full_collapse"]["method"] == bounds["method"] == "radius"
    assert there["any_vae"]["full_collapse"]["T"] == pytest.approx(bounds["T"], rel=1e-9)
    for one, other in zip(here["any_vae"]["transitions"], there["any_vae"]["transitions"], strict=True):
        for name, value in one.items():
            assert other[name] == (pytest.approx(value, rel=1e-7) if isinstance(value, float) else value), name


def test_bits_and_counts_stream_and_are_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    bits = (rng.random((900, 5)) < [[0.1, 0.3, 0.5, 0.7, 0.9]]).astype(float)
    bits[:, 1] = np.where(rng.random(900) < 0.6, bits[:, 0], bits[:, 1])
    for loss, values in (("bce", bits), ("poisson", rng.poisson(3.0, size=(900, 5)) + bits)):
        np.save(tmp_path / f"{loss}.npy", values)
        documents = []
        for more in ([], ["--stream"]):
            command = [
                "cascade",
                str(tmp_path / f"{loss}.npy"),
                "--loss",
                loss,
                "--any-vae",
                "--json",
                "--quiet",
                *more,
            ]
            assert main([*command, "--noise-floor", "1"]) == 0
            documents.append(json.loads(capsys.readouterr().out))
        here, there = documents
        np.testing.assert_allclose(there["beta_thresholds"], here["beta_thresholds"], rtol=1e-12)
        ends = [document["any_vae"]["full_collapse"]["collapse_unstable_below"] for document in documents]
        assert ends[0] == here["beta_thresholds"][0] and ends[1] == there["beta_thresholds"][0]
    np.testing.assert_allclose(
        beta_scale(accumulate(bits, loss="bce"), loss="bce").thresholds,
        np.linalg.eigvalsh(np.corrcoef(bits.T))[::-1], rtol=1e-12,
    )  # fmt: skip
    bits[700, 3] = 2.0
    np.save(tmp_path / "second.npy", bits)
    with pytest.raises(InputError, match=r"second.npy .*: column 'x4' must lie between 0 and 1 .* got 2 in row 701"):
        accumulate([tmp_path / "bce.npy", tmp_path / "second.npy"], loss="bce")


def test_moments_answer_choose_beta() -> None:
    weights = np.arange(len(X)) % 2 + 0.5
    found = accumulate(X, weights=weights)
    assert found.effective_rows == pytest.approx(effective_rows(load_table(X, weights=weights)), rel=1e-12)
    one = choose_beta(found, noise_floor=1e-3, loss="sse")
    other = choose_beta(load_table(X, weights=weights), noise_floor=1e-3, loss="sse")
    assert one.active == other.active and one.betas.lower == pytest.approx(other.betas.lower, rel=1e-12)


def test_command_line_streams_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for k, rows in enumerate(np.array_split(np.column_stack([X, np.ones(len(X))]), 5)):
        pd.DataFrame(rows, columns=[*NAMES, "flat"]).to_csv(tmp_path / f"x{k}.csv", index=False)
    options = ["--drop-constant", "--loss", "sse", "--keep", "2", "--json", "--quiet"]
    for more in (
        [],
        ["--checkpoint", str(tmp_path / "book")],
        ["--checkpoint", str(tmp_path / "book.npz"), "--resume"],
    ):
        assert main(["cascade", str(tmp_path / "*.csv"), "--stream", *options, *more]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["columns"] == list(NAMES) and found["rows"] == len(X) and found["meta"]["data_sha256"] is None
        np.testing.assert_allclose(found["thresholds"], cascade(X).thresholds, rtol=1e-10)
    assert main(["cascade", str(tmp_path / "*.csv"), "--stream", "--drop-constant", "--no-standardize"]) == 0
    assert "1200 rows, 4 columns" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--resume"], "add --checkpoint FILE"),
        (["--stream", "--bootstrap", "9"], "--bootstrap draws rows again and cannot stand with --stream"),
        (["--stream", "--blocks", "--coordinates", "ash", "hue"], "--blocks splits the rows and cannot stand with"),
        (["--stream", "--loss", "bce"], "wine (from row 1): column 'alcohol' must lie between 0 and 1"),
        (["--stream", "--loss", "mes"], "did you mean 'mse'"),
        (["--scheduler", "nonsense"], "scheduler nonsense: no answer"),
    ],
)
def test_command_line_refuses(options: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cascade", "wine", *options]) == 2
    said = capsys.readouterr().err.strip()
    assert words in said and "\n" not in said
