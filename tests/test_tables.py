"""Every format gives the same table, every fault an error that says what to do."""

from __future__ import annotations

import gzip
import pickle
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from numerics.tables import Table, load_table
from theory.errors import InputError, MissingExtraError

_STATIONS = Path(__file__).parents[2] / "shared" / "data" / "worldclim14_stations.csv.gz"
Writer = Callable[[Path, NDArray[np.float64], tuple[str, ...]], Path]


def _csv(folder: Path, values: NDArray[np.float64], names: tuple[str, ...], delimiter: str = ",") -> Path:
    rows = [names, *([repr(float(v)) for v in row] for row in values)]
    path = folder / "data.csv"
    path.write_text("".join(delimiter.join(row) + "\n" for row in rows))
    return path


def _csv_gz(folder: Path, values: NDArray[np.float64], names: tuple[str, ...]) -> Path:
    plain = _csv(folder, values, names, delimiter=";")
    path = folder / "data.txt.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


def _tsv(folder: Path, values: NDArray[np.float64], names: tuple[str, ...]) -> Path:
    return _csv(folder, values, names, delimiter="\t").rename(folder / "data.tsv")


def _npy(folder: Path, values: NDArray[np.float64], names: tuple[str, ...]) -> Path:
    np.save(folder / "data.npy", np.asfortranarray(values))
    return folder / "data.npy"


def _npz(folder: Path, values: NDArray[np.float64], names: tuple[str, ...]) -> Path:
    np.savez_compressed(folder / "data.npz", x=values, columns=np.array(names), other=np.eye(2))
    return folder / "data.npz"


def _parquet(folder: Path, values: NDArray[np.float64], names: tuple[str, ...]) -> Path:
    pq.write_table(pa.table(dict(zip(names, values.T, strict=True))), folder / "data.parquet")
    return folder / "data.parquet"


_WRITERS: dict[str, Writer] = {
    "csv": _csv, "txt.gz": _csv_gz, "tsv": _tsv, "npy": _npy, "npz": _npz, "parquet": _parquet,
}  # fmt: skip
# Finite, squares neither overflow nor vanish: what a Table accepts.
_CELLS = st.floats(-1e100, 1e100).filter(lambda v: v == 0 or abs(v) > 1e-100)


@settings(derandomize=True, deadline=None, max_examples=25, database=None)
@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6), elements=_CELLS))
@example(np.array([[0.1 + 0.2, 1 / 3], [5e-99, -0.0], [1e22, 123456789012345680.0]]))
def test_every_format_round_trips_exactly(values: NDArray[np.float64]) -> None:
    names = tuple(f"column {k}" for k in range(values.shape[1]))
    with tempfile.TemporaryDirectory() as folder:
        tables = [
            load_table(write(Path(folder), values, names), labels=names if kind == "npy" else ())
            for kind, write in _WRITERS.items()
        ]
    for table in tables:
        assert table.values.tobytes() == values.tobytes()
        assert (table.columns, table.name) == (names, "data")
        assert table.sha256 == tables[0].sha256
        assert table.values.flags.c_contiguous and not table.values.flags.writeable


@pytest.mark.skipif(not _STATIONS.exists(), reason="development data are not in the product")
def test_worldclim_stations() -> None:
    table = load_table(_STATIONS, drop_columns=["STNID"])
    assert table.shape == (25_040, 19)
    assert table.columns == tuple(f"bio{k}" for k in range(1, 20))
    bio = dict(zip(table.columns, table.values.T, strict=True))
    np.testing.assert_array_equal(bio["bio7"], bio["bio5"] - bio["bio6"])
    with pytest.raises(InputError, match=r"text in a numeric column: line 2, column 'STNID'.*--drop-columns STNID"):
        load_table(_STATIONS)


def _text(folder: Path, content: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


_AB = np.array([[1.5, 2.0], [3.0, -4e-3]])


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1.5,2\n3,-4e-3\n",
        "\ufeffa,b\r\n1.5,2\r\n3,-4e-3\r\n",
        '"a","b"\n"1.5","2"\n"3","-4e-3"\n',
        "\n a ; b \n 1.5 ; 2 \n\n 3;-4e-3\n\n\n",
        "a\tb\n1.5\t2\n3\t-4e-3",
        "a,b\n1.5,2\n3,-4e-3\n,\n,\n",
    ],
    ids=["plain", "BOM, CRLF", "quoted", "semicolons, blanks", "tabs", "spreadsheet tail"],
)
def test_dialects(tmp_path: Path, content: str) -> None:
    table = load_table(_text(tmp_path, content))
    assert table.columns == ("a", "b")
    np.testing.assert_array_equal(table.values, _AB)
    assert table.notes == ()


def test_a_delimiter_or_line_break_in_a_quoted_name(tmp_path: Path) -> None:
    assert load_table(_text(tmp_path, '"a;b","c\nd"\n1,2\n3,4\n')).columns == ("a;b", "c\nd")


def test_latin_1_is_read_and_noted(tmp_path: Path) -> None:
    table = load_table(_text(tmp_path, "Höhe,Länge\n1,2\n3,5\n".encode("latin-1")))
    assert table.columns == ("Höhe", "Länge")
    assert table.notes == ("read as Latin-1: not valid UTF-8",)
    # Also when the first such byte comes long after the header was understood.
    late = b"a,b\n" + b"1,2\n" * 50_000 + b"3,caf\xe9\n"
    with pytest.raises(InputError, match="line 50002, column 'b' holds 'café'"):
        load_table(_text(tmp_path, late))


def test_without_header(tmp_path: Path) -> None:
    path = _text(tmp_path, "1.5,2\n3,-4e-3\n")
    assert load_table(path).columns == ("x1", "x2")
    assert load_table(path, labels=["u", "v"]).columns == ("u", "v")
    np.testing.assert_array_equal(load_table(path, header=False).values, _AB)
    gap = load_table(_text(tmp_path, "1.5,NA\n1.5,2\n3,-4e-3\n"), drop_missing=True)
    np.testing.assert_array_equal(gap.values, _AB)


def test_missing_cells_are_counted_and_dropped(tmp_path: Path) -> None:
    path = _text(tmp_path, "a,b,id\n1.5,2,p\n,1,q\nNA,?,r\n7,inf,s\n3,-4e-3,t\n5,-9999,u\n")
    message = r"found 3 missing and 1 infinite in columns 'a': 2, 'b': 2; drop those rows with --drop-missing"
    with pytest.raises(InputError, match=re.escape(message)):
        load_table(path, drop_columns=["id"])
    table = load_table(path, drop_columns=["id"], drop_missing=True, missing_value=-9999)
    np.testing.assert_array_equal(table.values, _AB)
    assert table.notes == ("1 cells hold the missing value -9999", "dropped 4 of 6 rows with missing values")
    with pytest.raises(InputError, match="1 of 3 rows are complete and at least 2 are needed.*--drop-columns"):
        load_table(_text(tmp_path, "a,b\n1,2\n3,\n,4\n"), drop_missing=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("a,b\n", "a header line and no rows"),
        ("a,b\n1,2\n", "at least 2 rows, got 1"),
        ("a,b\n1,2\n3\n4,5\n", "line 3 has 1 columns where 2 are expected"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 columns where 2 are expected"),
        ("a\n1,2\n3,4\n", "line 2 has 2 columns where 1 are expected"),
        ("a,b\n1,2\n3,x y\n", "line 3, column 'b' holds 'x y'; .*--drop-columns b"),
        ("a,my b\n1,2\n3,x\n", "--drop-columns 'my b'"),
        ("a;b\n1,5;2\n3;4\n", "line 2, column 'a' holds '1,5'; write decimals with a point"),
        ("a\n1 2 3\n3 4 5\n", "separate the columns by commas, semicolons or tabs"),
        ("a,b\n1,1_000\n3,4\n", "column 'b' holds '1_000'"),
        ("a,b\n1,2+1j\n3,4\n", r"column 'b' holds '2\+1j'"),
        ("p,1,2\nq,3,4\nr,5,7\n", r"the first line mixes text \('p'\) and numbers .*--no-header"),
        ("0,1,2\n3.5,4,5\n6,7,9\n", "the first line counts 0, 1, 2, …: column names or data.*--no-header"),
        (",a\n0,2\n1,4\n", "column 1 has no name .*--drop-columns x1"),
        ("a,b,a\n1,2,3\n4,5,7\n", "columns 1 and 3 are both named 'a'"),
        (b"\xff\xfea\0,\0", "UTF-16; save it as UTF-8"),
        (b"a,b\0\n1,2\n", "not a text table"),
        (b"\x1f\x8b\x08\x00 broken", "the gzip file is damaged"),
        (gzip.compress(b"a,b\n" + b"1,2\n3,4\n" * 9999, mtime=0)[:-20], "the gzip file is damaged"),
        ('a,b\n1,"2' + "x" * 200_000, "not a readable text table"),
    ],
)
def test_faults_in_text(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = _text(tmp_path, content)
    with pytest.raises(InputError, match=message) as caught:
        load_table(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_columns_to_drop_may_hold_anything(tmp_path: Path) -> None:
    path = _text(tmp_path, ",a,b,where\n0,1.5,2,here\n1,3,-4e-3,\n")
    np.testing.assert_array_equal(load_table(path, drop_columns=["x1", "where"]).values, _AB)
    np.testing.assert_array_equal(load_table(path, columns=["b", "a"]).values, _AB[:, ::-1])


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("trap-was-sprung"),))


def test_pickles_are_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("objects.npy", np.array([_Trap(), 1.0], dtype=object))
    np.savez("objects.npz", x=np.array([_Trap(), 1.0], dtype=object))
    Path("plain.npy").write_bytes(pickle.dumps(_Trap()))
    Path("table.pkl").write_bytes(pickle.dumps(_Trap()))
    for name, message in [
        ("objects.npy", "pickled Python objects, which are never loaded"),
        ("objects.npz", "pickled Python objects, which are never loaded"),
        ("plain.npy", "pickled Python objects, which are never loaded"),
        ("table.pkl", "the ending '.pkl' is not one that is read"),
    ]:
        with pytest.raises(InputError, match=message):
            load_table(name)
    assert not Path("trap-was-sprung").exists()


def test_faults_in_numpy_files(tmp_path: Path) -> None:
    def check(message: str, name: str = "a.npy") -> None:
        with pytest.raises(InputError, match=message) as caught:
            load_table(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))

    for array, message in [
        (np.zeros((3, 2), complex), "found complex numbers"),
        (np.zeros((3, 2), "M8[s]"), r"found dtype datetime64\[s\]"),
        (np.zeros(3, "f8,i4"), "found records"),
        (np.array([["a"]]), "found text"),
        (np.zeros(3), r"got shape \(3,\); array.reshape"),
        (np.zeros((2, 3, 4)), r"got shape \(2, 3, 4\)"),
        (np.zeros((0, 4)), r"got shape \(0, 4\)"),
    ]:
        np.save(tmp_path / "a.npy", array)
        check(message)
    good = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(good[:40])
    check("not a complete NumPy file")
    (tmp_path / "a.npy").write_bytes(b"")
    check("not a complete NumPy file")
    np.savez(tmp_path / "a.npz", u=np.eye(2), v=np.eye(3))
    check(r"must hold one two-dimensional array or one named x, found u \(2, 2\), v \(3, 3\)", "a.npz")
    np.savez(tmp_path / "a.npz", x=np.eye(2), columns=np.array(["only one"]))
    check("must have one name per column, got 1 names for 2 columns", "a.npz")
    np.savez(tmp_path / "a.npz", x=np.eye(2), columns=np.array([1, 2]))
    check("must be a one-dimensional array of text", "a.npz")
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:100])
    check("not a complete NumPy file", "a.npz")


def test_npz_with_one_matrix_among_vectors(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=_AB, labels=np.arange(2))
    np.testing.assert_array_equal(load_table(tmp_path / "a.npz").values, _AB)


def test_parquet_types_nulls_and_index(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "int": [1, 2, None, 4],
        "bool": [True, False, True, True],
        "float32": pa.array([0.5, 1.5, 2.5, 3.25], pa.float32()),
        "name": list("abcd"),
        "__index_level_0__": [10, 11, 12, 13],
    }
    pq.write_table(pa.table(columns), path)
    with pytest.raises(InputError, match="column 'name' must hold numbers, found string"):
        load_table(path)
    with pytest.raises(InputError, match="1 missing and 0 infinite in columns 'int': 1"):
        load_table(path, drop_columns=["name"])
    table = load_table(path, drop_columns=["name"], drop_missing=True)
    np.testing.assert_array_equal(table.values, [[1, 1, 0.5], [2, 0, 1.5], [4, 1, 3.25]])
    assert table.notes[0] == "left out the stored index __index_level_0__"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match="not a complete Parquet file"):
        load_table(path, drop_columns=["name"])


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _parquet(tmp_path, _AB, ("a", "b"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"data.parquet needs pyarrow.*landau-vae\[parquet\]"):
        load_table(path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file.*give a path or one of breast-cancer, wine, digits"):
        load_table(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="did you mean 'breast-cancer'"):
        load_table("breast_cancer")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": ["alcohol", "hve"]}, "columns names 'hve', which is no column; choose for example 'hue'"),
        ({"drop_columns": ["Alcohol"]}, "drop_columns names 'Alcohol'.*'alcohol'"),
        ({"log1p": ["zzzz"]}, "log1p names 'zzzz', which is no column"),
        ({"weights": "zzzz"}, "weights names 'zzzz', which is no column"),
        ({"columns": ["hue", "hue"]}, "columns must name each column once, got 'hue' twice"),
        ({"columns": ["hue"], "drop_columns": ["hue"]}, "no column is left"),
        ({"columns": ["hue"], "log1p": ["ash"]}, "log1p names 'ash', which is not among the columns used"),
        ({"weights": [1.0, 2.0]}, r"weights must be 178 real numbers, one per row, got shape \(2,\)"),
        ({"weights": [-1.0] + [1.0] * 177}, r"1 are negative \(first in row 1\)"),
        ({"weights": [1.0] * 177 + [np.nan]}, r"1 are missing or infinite \(first in row 178\)"),
        ({"weights": [0.0] * 178}, "at least two weights must be positive, got 0"),
        ({"weights": [1j] * 178}, "dtype complex128"),
        ({"area_weights": True}, "area_weights need the coordinates of a folder of rasters"),
        ({"missing_value": "NA"}, "missing_value must be one real number, got 'NA'"),
    ],
)
def test_faults_in_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_table("wine", **arguments)
    assert "\n" not in str(caught.value)


def test_one_name_may_stand_alone() -> None:
    assert load_table("wine", columns="hue").columns == ("hue",)


def test_log1p(tmp_path: Path) -> None:
    table = load_table("wine", log1p=["proline"])
    k = table.columns.index("proline")
    np.testing.assert_array_equal(table.values[:, k], np.log1p(load_table("wine").values[:, k]))
    np.testing.assert_array_equal(np.delete(table.values, k, axis=1), np.delete(load_table("wine").values, k, axis=1))
    assert table.notes == ("ln(1 + x) of proline",)
    with pytest.raises(InputError, match="log1p needs values above -1, but column 'b' goes down to -1"):
        load_table(_text(tmp_path, "a,b\n1,2\n3,-1\n"), log1p=["a", "b"])


def test_weights_from_a_column_or_an_array(tmp_path: Path) -> None:
    path = _text(tmp_path, "a,w,b\n1.5,2,2\n,7,1\n3,0.5,-4e-3\n")
    by_name = load_table(path, weights="w", drop_missing=True)
    assert by_name.columns == ("a", "b") and by_name.weights is not None
    assert by_name.weights.tolist() == [2, 0.5]
    np.testing.assert_array_equal(by_name.values, _AB)
    by_array = load_table(path, weights=[2, 7, 0.5], drop_columns=["w"], drop_missing=True)
    assert by_array.sha256 == by_name.sha256 != load_table(_AB).sha256
    assert load_table(path, weights="w", columns=["w", "b"]).columns == ("w", "b")
    with pytest.raises(InputError, match="at least two weights"):
        load_table(_text(tmp_path, "a,w\n1,0\n2,3\n"), weights="w")


def test_missing_value_of_a_float32_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[1, 2], [-3.4e38, 4], [5, 7]], dtype=np.float32))
    table = load_table(tmp_path / "a.npy", missing_value=-3.4e38, drop_missing=True)
    assert table.values.tolist() == [[1, 2], [5, 7]]


def test_constant_columns_are_found_up_to_rounding() -> None:
    values = np.column_stack([np.arange(1000.0), np.full(1000, 0.1), np.full(1000, 1e8), np.full(1000, 1e8)])
    values[::2, 2] = np.nextafter(1e8, 2e8)
    values[::2, 3] += 1e-4
    table = load_table(values, labels=["x", "same", "rounded", "varying"])
    assert table.constant_columns() == ("same", "rounded")
    with pytest.raises(InputError, match="'same', 'rounded' are constant; drop with --drop-constant or .*--no-stand"):
        table.require_varying()
    dropped = load_table(values, labels=table.columns, drop_constant=True)
    assert dropped.columns == ("x", "varying")
    assert dropped.notes == ("dropped 2 constant columns: same, rounded",)
    dropped.require_varying()
    with pytest.raises(InputError, match="every column is constant"):
        load_table(np.ones((3, 2)), drop_constant=True)


def test_a_column_that_varies_only_where_the_weight_is_zero_is_constant() -> None:
    table = load_table([[1, 2], [1, 3], [9, 4]], weights=[1, 1, 0])
    assert table.constant_columns() == ("x1",)


@pytest.mark.parametrize(
    ("value", "message"), [(1e155, "reaches 1e.155 and its variance overflows"), (1e-170, "spans only .*vanishes")]
)
def test_absurd_scale(value: float, message: str) -> None:
    with pytest.raises(InputError, match=f"column 'x2' {message}.*--drop-columns"):
        load_table([[1, value], [2, 0.0], [3, -value]])
    assert load_table([[1, value], [2, 0.0]], columns=["x1"]).shape == (2, 1)


def test_arrays() -> None:
    values = np.arange(6.0).reshape(3, 2) ** 2
    table = load_table(values)
    values[:] = 0
    assert table.values[2].tolist() == [16, 25], "the array was copied"
    masked = np.ma.masked_equal(np.array([[1, 2], [3, -1], [5, 7]]), -1)
    assert load_table(masked, drop_missing=True).values.tolist() == [[1, 2], [5, 7]]
    for source, message in [
        ([[1, 2], [3]], "array: rows must have equal lengths"),
        (None, "array: data must be real numbers, found Python objects"),
        ([["a", "b"]], "found text"),
        ([1.0, 2.0], r"got shape \(2,\)"),
    ]:
        with pytest.raises(InputError, match=message):
            load_table(source)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="labels must name all 2 columns, got 1"):
        load_table(masked, labels=["a"])


def test_take_keeps_rows_weights_and_provenance_together() -> None:
    wine = load_table("wine", weights=np.arange(178))
    part = wine.take(np.array([5, 3, 9]))
    np.testing.assert_array_equal(part.values, wine.values[[5, 3, 9]])
    assert part.weights is not None and part.weights.tolist() == [5, 3, 9]
    assert (part.source, part.licence, part.notes) == (wine.source, wine.licence, ("3 of 178 rows",))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"values": np.zeros((2, 3))}, r"got shape \(2, 3\) for 2 names"),
        ({"columns": ("a", "a")}, "names must differ"),
        ({"values": np.array([[1, np.nan], [2, 3]])}, "'b': 1"),
        ({"coordinates": np.array([[0, 0], [0, 95.0]])}, "latitude must lie between -90 and 90"),
        ({"coordinates": np.zeros((3, 2))}, "coordinates must have shape"),
    ],
)
def test_table_checks_itself(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Table(**{"values": _AB, "columns": ("a", "b"), "name": "t", **fields})


def test_fast_and_slow_text_agree(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(200, 5)) * 10.0 ** np.arange(-8, 12, 4)
    fast = load_table(_csv(tmp_path, values, tuple("abcde")))
    path = tmp_path / "data.csv"
    path.write_text(path.read_text().replace("\n", ",text\n"))
    slow = load_table(path, drop_columns=["text"])
    assert slow.sha256 == fast.sha256


def test_coordinates_from_columns(tmp_path: Path) -> None:
    path = _text(tmp_path, "lon,a,lat,b\n10,1,50,2\n11,3,51,5\n")
    table = load_table(path, coordinates=("lon", "lat"))
    assert table.columns == ("a", "b")
    assert table.coordinates is not None and table.coordinates.tolist() == [[10, 50], [11, 51]]
    kept = load_table(path, coordinates=("lon", "lat"), columns=["lat", "a"], weights="b")
    assert kept.columns == ("lat", "a") and kept.values.tolist() == [[50, 1], [51, 3]]
    assert kept.weights is not None and kept.weights.tolist() == [2, 5]
    with pytest.raises(InputError, match="coordinates names 'long', which is no column; choose for example 'lon'"):
        load_table(path, coordinates=("long", "lat"))
    with pytest.raises(InputError, match="must name two columns"):
        load_table(path, coordinates=("lon",))  # type: ignore[arg-type]
