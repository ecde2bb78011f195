"""A WorldClim folder in each format gives the same cells, coordinates and weights."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.errors import NotGeoreferencedWarning

from numerics.grids import Grid, read_layer
from numerics.rasters import read_worldclim
from numerics.tables import load_table
from theory.errors import InputError, MissingExtraError

_WEST, _NORTH, _CELL = -20.0, 60.0, 2.5
_NODATA = -9999
Writer = Callable[[Path, int, NDArray[np.int16]], None]


def _layers() -> NDArray[np.int16]:
    """19 layers of 6 × 8 cells; a sea common to all and one hole that only layer 7 has."""
    cells = np.random.default_rng(0).integers(-300, 3000, (19, 6, 8)).astype(np.int16)
    cells[:, :2, :3] = _NODATA
    cells[6, 5, 7] = _NODATA
    return cells


def _write_tif(folder: Path, k: int, cells: NDArray[np.int16], **profile: object) -> None:
    settings: dict[str, object] = {
        "driver": "GTiff", "height": cells.shape[0], "width": cells.shape[1], "count": 1, "dtype": cells.dtype,
        "crs": "EPSG:4326", "transform": Affine(_CELL, 0, _WEST, 0, -_CELL, _NORTH), "nodata": _NODATA, **profile,
    }  # fmt: skip
    with rasterio.open(folder / f"wc2.1_10m_bio_{k}.tif", "w", **settings) as file:
        file.write(cells, 1)


def _write_bil(folder: Path, k: int, cells: NDArray[np.int16], order: str = "I", extra: str = "") -> None:
    (folder / f"bio{k}.hdr").write_text(
        f"BYTEORDER      {order}\nLAYOUT       BIL\nNROWS         {cells.shape[0]}\nNCOLS         {cells.shape[1]}\n"
        f"NBANDS        1\nNBITS         16\nBANDROWBYTES  {2 * cells.shape[1]}\nTOTALROWBYTES {2 * cells.shape[1]}\n"
        f"NODATA        {_NODATA}\nULXMAP        {_WEST + _CELL / 2}\nULYMAP        {_NORTH - _CELL / 2}\n"
        f"XDIM          {_CELL}\nYDIM          {_CELL}\n{extra}"
    )
    cells.astype("<i2" if order == "I" else ">i2").tofile(folder / f"bio{k}.bil")


def _write_asc(folder: Path, k: int, cells: NDArray[np.int16], centre: bool = False) -> None:
    south, shift = _NORTH - cells.shape[0] * _CELL, _CELL / 2 if centre else 0.0
    key = "center" if centre else "corner"
    header = (
        f"NCOLS {cells.shape[1]}\nNROWS {cells.shape[0]}\nxll{key} {_WEST + shift}\nyll{key} {south + shift}\n"
        f"cellsize {_CELL}\nNODATA_value {_NODATA}\n"
    )
    rows = "\n".join(" ".join(map(str, row)) for row in cells)
    (folder / f"bio_{k}.asc").write_text(header + rows + "\n")


_FORMATS: dict[str, Writer] = {
    "tif": _write_tif,
    "bil": _write_bil,
    "bil, big-endian": lambda folder, k, cells: _write_bil(folder, k, cells, order="M"),
    "asc": _write_asc,
    "asc, cell centre": lambda folder, k, cells: _write_asc(folder, k, cells, centre=True),
}


def _folder(path: Path, write: Writer = _write_asc) -> Path:
    for k, cells in enumerate(_layers(), start=1):
        write(path, k, cells)
    return path


@pytest.mark.parametrize("write", _FORMATS.values(), ids=_FORMATS)
def test_cells_valid_in_all_layers_with_their_centres(tmp_path: Path, write: Writer) -> None:
    table = load_table(_folder(tmp_path, write))
    layers = _layers()
    valid = (layers != _NODATA).all(axis=0)
    assert valid.sum() == 6 * 8 - 6 - 1
    assert table.columns == tuple(f"bio{k}" for k in range(1, 20)), "numeric order, bio10 after bio9"
    np.testing.assert_array_equal(table.values, layers[:, valid].T)
    row, column = np.nonzero(valid)
    expected = np.column_stack([_WEST + (column + 0.5) * _CELL, _NORTH - (row + 0.5) * _CELL])
    assert table.coordinates is not None
    # Binary fractions throughout: exact.
    np.testing.assert_array_equal(table.coordinates, expected)
    assert table.weights is None
    assert table.notes == ("41 of 48 cells are valid in all 19 layers; values as stored",)


def test_area_weights_are_the_cosine_of_latitude(tmp_path: Path) -> None:
    table = load_table(_folder(tmp_path), area_weights=True)
    assert table.weights is not None and table.coordinates is not None
    np.testing.assert_array_equal(table.weights, np.cos(np.radians(table.coordinates[:, 1])))
    with pytest.raises(InputError, match="one weight"):
        load_table(tmp_path, area_weights=True, weights="bio1")


def test_chosen_layers_are_read_alone(tmp_path: Path) -> None:
    table = load_table(_folder(tmp_path), columns=["bio12", "bio1"])
    layers = _layers()[[11, 0]]
    # Without layer 7 its hole is no hole.
    assert table.shape == (42, 2)
    np.testing.assert_array_equal(table.values, layers[:, (layers != _NODATA).all(axis=0)].T)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("wc2.1_10m_bio_{}", 3),
        ("wc2.0_bio_10m_{:02}", 10),
        ("wc2.1_2.5m_bio_{}", 19),
        ("bio{}", 12),
        ("BIO_{:02}", 4),
        ("bio{}_16", 11),
        ("CHELSA_bio10_{:02}", 7),
        ("CHELSA_bio{}_1981-2010_V.2.1", 18),
    ],
)
def test_usual_names(tmp_path: Path, name: str, number: int) -> None:
    _write_asc(tmp_path, 1, _layers()[0])
    (tmp_path / "bio_1.asc").rename(tmp_path / f"{name.format(number)}.asc")
    sheet = read_worldclim(tmp_path, lambda names: names, partial=True)
    assert sheet.columns == (f"bio{number}",)


def test_float_nodata_is_compared_in_the_precision_of_the_layer(tmp_path: Path) -> None:
    cells = np.where(_layers()[0] == _NODATA, np.float32(-3.4e38), _layers()[0]).astype(np.float32)
    (tmp_path / "a.hdr").write_text(
        "NROWS 6\nNCOLS 8\nNBITS 32\nPIXELTYPE FLOAT\nNODATA -3.4e+38\nULXMAP 0\nULYMAP 0\nXDIM 1\nYDIM 1\n"
    )
    cells.tofile(tmp_path / "a.bil")
    _write_tif(tmp_path, 1, cells, dtype="float32", nodata=-3.4e38)
    for name in ("a.bil", "wc2.1_10m_bio_1.tif"):
        _, values, valid, _ = read_layer(tmp_path / name)
        np.testing.assert_array_equal(valid, _layers()[0] != _NODATA)
        np.testing.assert_array_equal(values[valid], _layers()[0][valid])


def test_nan_cells_and_a_code_the_header_forgot(tmp_path: Path) -> None:
    cells = np.arange(48, dtype=np.float32).reshape(6, 8)
    cells[0, 0], cells[5, 5] = np.nan, -3.4e38
    _write_tif(tmp_path, 1, cells, dtype="float32", nodata=None)
    with pytest.raises(InputError, match="bio1.*--drop-missing"):
        load_table(tmp_path, columns=["bio1"], missing_value=-3.4e38)
    table = load_table(tmp_path, columns=["bio1"], missing_value=-3.4e38, drop_missing=True)
    np.testing.assert_array_equal(table.values.ravel(), np.delete(np.arange(48.0), [0, 45]))
    assert table.coordinates is not None and table.coordinates.shape == (46, 2)


def test_nan_and_infinity_are_no_values_in_any_layer(tmp_path: Path) -> None:
    cells = np.array([[1.0, np.nan, np.inf, 4.0]], dtype=np.float32)
    (tmp_path / "bio1.hdr").write_text(
        "NROWS 1\nNCOLS 4\nNBITS 32\nPIXELTYPE FLOAT\nULXMAP 0\nULYMAP 0\nXDIM 1\nYDIM 1\n"
    )
    cells.tofile(tmp_path / "bio1.bil")
    assert load_table(tmp_path, columns=["bio1"]).values.tolist() == [[1.0], [4.0]]


def test_declared_scaling_is_noted_and_not_applied(tmp_path: Path) -> None:
    _write_tif(tmp_path, 1, _layers()[0])
    with rasterio.open(tmp_path / "wc2.1_10m_bio_1.tif", "r+") as file:
        file.scales, file.offsets = (0.1,), (-273.15,)
    sheet = read_worldclim(tmp_path, lambda names: names, partial=True)
    assert sheet.notes[0] == "bio1: scale 0.1 and offset -273.15 are declared, not applied"
    assert sheet.values.max() == _layers()[0].max()


def test_pixel_types_of_bil(tmp_path: Path) -> None:
    header = "NROWS 1\nNCOLS 2\nNBITS {}\n{}ULXMAP 0\nULYMAP 0\nXDIM 1\nYDIM 1\nSKIPBYTES 3\n"
    cases = [
        (8, "", np.array([1, 255], np.uint8)),
        (16, "NODATA -1\n", np.array([7, -300], np.int16)),
        (32, "PIXELTYPE SIGNEDINT\n", np.array([-7, 2**30], np.int32)),
        (64, "PIXELTYPE FLOAT\n", np.array([0.1, -1e300])),
    ]
    for bits, keys, cells in cases:
        (tmp_path / "a.hdr").write_text(header.format(bits, keys))
        (tmp_path / "a.bil").write_bytes(b"abc" + cells.tobytes())
        np.testing.assert_array_equal(read_layer(tmp_path / "a.bil")[1].ravel(), cells)


def _remove_layer(folder: Path) -> None:
    (folder / "bio_4.asc").unlink()


def _double_layer(folder: Path) -> None:
    _write_bil(folder, 4, _layers()[3])


def _shift_layer(folder: Path) -> None:
    text = (folder / "bio_4.asc").read_text().replace("xllcorner -20.0", "xllcorner -20.5")
    (folder / "bio_4.asc").write_text(text)


def _cut_layer(folder: Path) -> None:
    text = (folder / "bio_4.asc").read_text()
    (folder / "bio_4.asc").write_text(text[: text.rindex("\n", 0, -1) + 1])


def _bad_cell(folder: Path) -> None:
    file = folder / "bio_4.asc"
    file.write_text(file.read_text() + "1 2 3 x\n")


def _all_sea(folder: Path) -> None:
    _write_asc(folder, 4, np.full((6, 8), _NODATA, dtype=np.int16))


def _no_size(folder: Path) -> None:
    file = folder / "bio_4.asc"
    file.write_text(file.read_text().replace("NROWS 6\n", ""))


def _in_metres(folder: Path) -> None:
    file = folder / "bio_4.asc"
    file.write_text(file.read_text().replace("cellsize 2.5", "cellsize 2500"))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_remove_layer, r"layers bio4 of 1 … 19 are missing; .*--columns"),
        (_double_layer, r"two rasters for bio4: bio4.bil and bio_4.asc; keep one"),
        (_shift_layer, r"share one grid, but bio_4.asc has .*-20.5"),
        (_cut_layer, r"bio_4.asc: holds 5 × 8 cells where its header promises 6 × 8"),
        (_bad_cell, r"bio_4.asc: not a grid of numbers"),
        (_all_sea, r"no cell is valid in all 19 layers"),
        (_no_size, r"bio_4.asc: nrows must be a number, found nothing"),
        (_in_metres, r"bio_4.asc: a raster must be in degrees"),
    ],
)
def test_harmed_folders(tmp_path: Path, harm: Callable[[Path], None], message: str) -> None:
    harm(_folder(tmp_path))
    with pytest.raises(InputError, match=message) as caught:
        load_table(tmp_path)
    assert "\n" not in str(caught.value)


def test_folder_without_rasters(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("bio_1")
    (tmp_path / "elevation.tif").write_bytes(b"")
    with pytest.raises(InputError, match=r"holds no rasters of bio_1 … bio_19"):
        load_table(tmp_path)


def test_harmed_bil(tmp_path: Path) -> None:
    _write_bil(tmp_path, 1, _layers()[0])
    header, data = tmp_path / "bio1.hdr", tmp_path / "bio1.bil"
    good, content = header.read_text(), data.read_bytes()
    data.write_bytes(content[:-1])
    with pytest.raises(InputError, match="holds 95 bytes where its header promises 96"):
        read_layer(data)
    data.write_bytes(content)
    for old, new, message in [
        ("NBANDS        1", "NBANDS 2", "one band"),
        ("NBITS         16", "NBITS 12", "NBITS 12 is not known"),
        ("NROWS         6", "NROWS six", "NROWS must be a number, found 'six'"),
        ("NROWS         6", "NROWS 6.5", "NROWS must be a whole number"),
        ("NROWS         6", "NROWS 0", "positive size"),
        ("XDIM          2.5", "", "XDIM must be a number, found nothing"),
        ("TOTALROWBYTES 16", "TOTALROWBYTES 20", "padded rows"),
    ]:
        assert old in good
        header.write_text(good.replace(old, new))
        with pytest.raises(InputError, match=f"bio1.hdr: .*{message}"):
            read_layer(data)
    header.unlink()
    with pytest.raises(InputError, match=r"header bio1.hdr is missing"):
        read_layer(data)


def test_harmed_geotiff(tmp_path: Path) -> None:
    file = tmp_path / "wc2.1_10m_bio_1.tif"
    file.write_bytes(b"II*\0 no raster")
    with pytest.raises(InputError, match="not a readable GeoTIFF"):
        read_layer(file)
    file.unlink()
    with pytest.warns(NotGeoreferencedWarning):
        _write_tif(tmp_path, 1, _layers()[0], transform=Affine.identity())
    with pytest.raises(InputError, match="north-up and georeferenced"):
        read_layer(file)
    _write_tif(tmp_path, 1, _layers()[0], transform=Affine(2, 0, 0, 0, 2, 0))
    with pytest.raises(InputError, match="north-up and georeferenced"):
        read_layer(file)
    _write_tif(tmp_path, 1, _layers()[0], crs="EPSG:3857", transform=Affine(1000, 0, 0, 0, -1000, 0))
    with pytest.raises(InputError, match="reproject it to EPSG:4326"):
        read_layer(file)
    _write_tif(tmp_path, 1, np.arange(48, dtype=np.float32).reshape(6, 8), dtype="float32")
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(InputError, match="not a readable GeoTIFF"):
        read_layer(file)


def test_geotiff_without_rasterio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_tif(tmp_path, 1, _layers()[0])
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(MissingExtraError, match=r"bio_1.tif needs rasterio.*landau-vae\[raster\]"):
        read_layer(tmp_path / "wc2.1_10m_bio_1.tif")


def test_rounded_headers_are_one_grid() -> None:
    # WorldClim 1.4 writes 0.1666666667 for 1/6.
    exact = Grid(900, 2160, west=-180.0, north=90.0, dx=1 / 6, dy=1 / 6)
    rounded = Grid(900, 2160, west=-180.0000001, north=90.0, dx=0.1666666667, dy=0.1666666667)
    assert exact.agrees(rounded)
    assert not exact.agrees(Grid(900, 2160, west=-180.0, north=90.0, dx=0.16667, dy=0.16667))
    assert not exact.agrees(Grid(900, 2160, west=-180.0 + 1 / 12, north=90.0, dx=1 / 6, dy=1 / 6))
