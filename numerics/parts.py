"""Cut any source into parts that are read, measured and merged one by one.

=========  ==============================================================
symbol     meaning
=========  ==============================================================
part       what one worker reads: a file, some rows of one, a chunk
block      rows in memory at a time, some 32 MB of them
key        what a checkpoint knows a part by; a changed file has another
=========  ==============================================================

A part is a description, not data (chunks that are in memory already excepted): it can be sent to another process, which
then reads the file itself.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.lib import format as npy
from numpy.lib.npyio import NpzFile
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from .checked import checked_weights
from .delimited import delimited_blocks
from .framed import block_values, is_framed, is_lazy, lazy_blocks, read_framed
from .grids import RASTER_ENDINGS
from .parquet import parquet_blocks, parquet_groups
from .rasters import worldclim_rows, worldclim_window
from .readers import expanded, kind_of, located, npz_matrix, numpy_file, reading
from .recipe import Recipe
from .sheet import Sheet, chosen_indices, column_names, default_names, real_matrix
from .shipped import SHIPPED
from .tables import Table, load_table

__all__ = ["Block", "Part", "blocks", "parts_of"]

_CELLS = 2**22
"""Numbers per block."""
_PART = 2**25
"""Numbers per part of a file that can be cut: large against what a part costs, small against what is lost with one."""
# Text takes ten times the memory of its numbers while it is parsed.
_TEXT_CELLS = 2**19

Block = tuple[Sheet, NDArray[np.float64] | None, str]
"""Chosen columns of some rows as read, their weights if they are no column, and what errors call them."""


class Part(Protocol):
    """What one worker reads."""

    @property
    def key(self) -> str:
        """What a checkpoint knows it by."""

    @property
    def block(self) -> Any:
        """A Dask object that holds the rows, or None."""

    def head(self) -> Part:
        """The part as it travels: without the rows of :attr:`block`, and with a path that holds in any folder."""

    def read(self, recipe: Recipe, cells: int, block: Any) -> Iterator[Block]:
        """Its rows, at most about ``cells`` numbers at a time; ``block`` is what :attr:`block` computes to."""


def blocks(part: Part, recipe: Recipe, block: Any = None, *, cells: int = _CELLS) -> Iterator[Block]:
    """Data and weights of a part by the recipe; blocks without a row of positive weight are left out.

    Without ``drop_missing`` a non-finite cell is left for the measurement to find.
    """
    for sheet, weights, label in part.read(recipe, cells, block):
        data, w = recipe.apply(sheet, label, weights, check=False)
        if w is not None:
            w = checked_weights(w, len(data.values), label, least=0)
        if len(data.values) and (w is None or w.any()):
            yield data, w, label


def parts_of(source: Any, recipe: Recipe, weights: ArrayLike | None = None, *, part: int = _PART) -> Iterator[Part]:
    """Parts of a source, in an order that only the source decides.

    Parameters
    ----------
    source : path, array, data frame, Table, or iterable of these
        As in :func:`numerics.streaming.accumulate`.
    recipe : Recipe
        Which columns to read.
    weights : array_like, shape (N,), optional
        For one array.
    part : int
        Numbers per part where a source can be cut.

    Raises
    ------
    InputError
        For a source that cannot be used; later ones when their turn comes.
    """
    many = _is_many(source)
    if weights is not None and (many or isinstance(source, str | Path | Table) or is_lazy(source)):
        raise InputError(
            f"weights as numbers are for one array in memory, got them with {type(source).__name__}; name a column of "
            "the source, or give chunks (rows, weights)"
        )
    if isinstance(source, str | Path):
        yield from _paths(source, recipe, part)
    elif is_lazy(source):
        label = type(source).__name__
        found, names = lazy_blocks(source, _chooser(recipe, label), labels=recipe.labels, where=label)
        for k, block in enumerate(found):
            yield _LazyPart(block, names, f"{label} block {k + 1} of {len(found)}", str(block.key))
    elif isinstance(source, Table):
        yield from _chunk(
            source.values, source.name or "table", recipe, source.weights, source.columns, part, source.coordinates
        )
    elif is_framed(source):
        label = type(source).__name__
        # Chosen here, before a value is touched: text in a column nobody asked for does no harm.
        sheet = read_framed(source, _chooser(recipe, label), labels=recipe.labels, where=label)
        yield from _chunk(sheet.values, label, recipe, weights, sheet.columns, part, chosen=True)
    elif many:
        for k, item in enumerate(source):
            yield from _item(item, k, recipe, part)
    else:
        yield from _chunk(source, "array", recipe, weights, (), part)


def _is_many(source: Any) -> bool:
    """Whether a source is an iterable of sources rather than one array."""
    if isinstance(source, np.ndarray | str | Mapping | Table) or hasattr(source, "__array__") or is_framed(source):
        return False
    if not isinstance(source, Iterable):
        return False
    if not isinstance(source, Sequence):
        return True
    first = source[0] if len(source) else None
    if isinstance(first, tuple):
        first = first[0] if first else None
        return getattr(first, "ndim", 0) == 2
    return isinstance(first, str | Path | Table) or is_framed(first) or getattr(first, "ndim", 0) == 2


def _item(item: Any, k: int, recipe: Recipe, part: int) -> Iterator[Part]:
    if isinstance(item, str | Path):
        yield from _paths(item, recipe, part)
    elif isinstance(item, tuple) and len(item) == 2 and np.ndim(item[0]) == 2:
        yield from _chunk(item[0], f"chunk {k + 1}", recipe, item[1], (), part)
    elif isinstance(item, Table) or is_framed(item):
        yield from parts_of(item, recipe, part=part)
    else:
        yield from _chunk(item, f"chunk {k + 1}", recipe, None, (), part)


def _chooser(recipe: Recipe, label: str) -> Any:
    return lambda names: recipe.choose(names, label)


@dataclass(frozen=True, slots=True)
class _ArrayPart:
    """Rows that are in memory."""

    values: NDArray[Any]
    columns: tuple[str, ...]
    weights: NDArray[np.float64] | None
    coordinates: NDArray[np.float64] | None
    label: str
    start: int
    chosen: bool

    @property
    def key(self) -> str:
        return f"{self.label} rows {self.start + 1} to {self.start + len(self.values)} × {self.values.shape[1]}"

    @property
    def block(self) -> None:
        return None

    def head(self) -> Part:
        return self

    def read(self, recipe: Recipe, cells: int, block: Any) -> Iterator[Block]:
        wanted = list(range(len(self.columns)))
        if not self.chosen:
            wanted = chosen_indices(self.columns, _chooser(recipe, self.label), self.label)
        names = tuple(self.columns[k] for k in wanted)
        for first, last in _spans(len(self.values), max(1, cells // len(self.columns))):
            w = None if self.weights is None else self.weights[first:last]
            at = None if self.coordinates is None else self.coordinates[first:last]
            label = f"{self.label} (from row {self.start + first + 1})"
            yield Sheet(_columns(self.values[first:last], wanted), names, at), w, label


def _chunk(
    values: ArrayLike,
    label: str,
    recipe: Recipe,
    weights: ArrayLike | None,
    columns: tuple[str, ...],
    part: int,
    coordinates: NDArray[np.float64] | None = None,
    *,
    chosen: bool = False,
) -> Iterator[Part]:
    try:
        array = np.asanyarray(values)
    except (ValueError, TypeError) as error:
        raise InputError(f"{label}: rows must have equal lengths and hold real numbers ({error}); mend them") from error
    x = real_matrix(array, label)
    names = columns or default_names(x.shape[1], recipe.labels, label)
    w = None if weights is None else checked_weights(weights, len(x), label, least=0)
    for start, stop in _spans(len(x), max(1, part // x.shape[1])):
        yield _ArrayPart(
            x[start:stop], names, None if w is None else w[start:stop],
            None if coordinates is None else coordinates[start:stop], label, start, chosen,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _LazyPart:
    """Rows that a Dask graph computes."""

    block: Any
    columns: tuple[str, ...]
    label: str
    key: str

    def head(self) -> _LazyPart:
        """The part without its rows, to travel beside them."""
        return replace(self, block=None)

    def read(self, recipe: Recipe, cells: int, block: Any) -> Iterator[Block]:
        values = block_values(block, self.label)
        for first, last in _spans(len(values), max(1, cells // len(self.columns))):
            yield Sheet(values[first:last], self.columns), None, f"{self.label} (from row {first + 1})"


@dataclass(frozen=True, slots=True)
class _FilePart:
    """A file, or some of its rows (NPY), row groups (Parquet) or rows of the grid (a folder of rasters)."""

    path: Path
    span: tuple[int, int] | None
    stamp: str

    @property
    def key(self) -> str:
        return f"{self.path.resolve()} {'' if self.span is None else f'{self.span[0]}:{self.span[1]} '}({self.stamp})"

    @property
    def block(self) -> None:
        return None

    def head(self) -> Part:
        return replace(self, path=self.path.absolute())

    def read(self, recipe: Recipe, cells: int, block: Any) -> Iterator[Block]:
        label = str(self.path)
        choose = _chooser(recipe, label)
        if self.path.is_dir():
            assert self.span is not None  # a folder is always cut into windows
            yield worldclim_window(self.path, choose, self.span, partial=recipe.columns is not None), None, label
            return
        with reading(self.path):
            kind = kind_of(self.path)
            if kind == "text":
                few = min(cells, _TEXT_CELLS)
                sheets = delimited_blocks(self.path, choose, header=recipe.header, labels=recipe.labels, cells=few)
            elif kind == "parquet":
                groups = range(*self.span) if self.span else None
                # The width is not known yet: 2¹⁶ rows of 64 columns are a block of ordinary size.
                sheets = parquet_blocks(self.path, choose, recipe.labels, groups=groups, rows=max(1, cells // 64))
            else:
                sheets = _numpy_blocks(self.path, recipe, self.span, cells)
            row = 1
            for sheet in sheets:
                yield sheet, None, f"{label} (from row {row + (self.span[0] if kind == 'numpy' and self.span else 0)})"
                row += len(sheet.values)


def _paths(source: str | Path, recipe: Recipe, part: int) -> Iterator[Part]:
    """Parts of a file, of the rasters or the files in a folder, of what a pattern matches, or of a shipped table."""
    if isinstance(source, str) and source in SHIPPED:
        yield from parts_of(load_table(source), recipe, part=part)
        return
    pattern = str(expanded(source))
    if glob.has_magic(pattern) and not Path(pattern).exists():
        found = sorted(map(Path, glob.glob(pattern)))  # noqa: PTH207 (the pattern may be absolute)
        if not found:
            raise InputError(f"{source}: the pattern matches no file; check it, and quote it for the shell")
        for file in found:
            yield from _file(file, part)
        return
    path = located(source)
    if path.is_dir():
        with reading(path):
            inside = sorted(file for file in path.iterdir() if not file.name.startswith("."))
        if not inside:
            raise InputError(f"{source}: the folder is empty; name one with files of data or the 19 WorldClim layers")
        if any(file.suffix.lower() in RASTER_ENDINGS for file in inside):
            yield from _windows(path, recipe, part)
            return
        for file in inside:
            yield from _file(file, part)
    else:
        yield from _file(path, part)


def _file(path: Path, part: int) -> Iterator[Part]:
    with reading(path):
        # Which file it was is told by size and time of change: reading it to find out would take as long as measuring.
        status = path.stat()
        stamp = f"{status.st_size} bytes, changed {status.st_mtime_ns}"
        kind = kind_of(path)
        spans: list[tuple[int, int]] | list[None] = [None]
        if kind == "parquet":
            spans = [(k, k + 1) for k in range(parquet_groups(path))]
        elif kind == "numpy":
            with numpy_file(path, mapped=True) as x:
                if not isinstance(x, NpzFile):
                    width = real_matrix(x, str(path)).shape[1]
                    spans = list(_spans(len(x), max(1, part // width)))
    for span in spans:
        yield _FilePart(path, span, stamp)


def _windows(folder: Path, recipe: Recipe, part: int) -> Iterator[Part]:
    choose = _chooser(recipe, str(folder))
    rows = worldclim_rows(folder, choose, partial=recipe.columns is not None)
    with reading(folder):
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in RASTER_ENDINGS)
        changed = max(file.stat().st_mtime_ns for file in files)
        stamp = f"{len(files)} layers, {sum(file.stat().st_size for file in files)} bytes, changed {changed}"
    # Rows of a fine grid (30″: 43,200 cells) times 19 layers, or all of a coarse one.
    for span in _spans(rows, max(1, part // (43_200 * 19))):
        yield _FilePart(folder, span, stamp)


def _numpy_blocks(path: Path, recipe: Recipe, span: tuple[int, int] | None, cells: int) -> Iterator[Sheet]:
    with numpy_file(path, mapped=True) as loaded:
        if isinstance(loaded, NpzFile):
            with loaded:
                yield from _archive_blocks(path, loaded, recipe, cells)
            return
        x = real_matrix(loaded, str(path))
        names = default_names(x.shape[1], recipe.labels, str(path))
        wanted = chosen_indices(names, _chooser(recipe, str(path)), str(path))
        start, stop = span or (0, len(x))
        for first, last in _spans(stop - start, max(1, cells // x.shape[1])):
            values = _columns(np.asarray(x[start + first : start + last]), wanted)
            yield Sheet(values, tuple(names[k] for k in wanted))


def _archive_blocks(path: Path, arrays: NpzFile, recipe: Recipe, cells: int) -> Iterator[Sheet]:
    """Blocks of an array in an NPZ file, decompressed as they are needed."""
    headers = {name: _header(arrays, name) for name in arrays.files}
    key, own = npz_matrix(path, arrays, {name: shape for name, (shape, _, _) in headers.items()})
    (count, width), fortran, dtype = headers[key]
    where = f"{path}[{key!r}]"
    real_matrix(np.empty((min(count, 1), width), dtype), where)
    if fortran and width > 1:
        raise InputError(
            f"{where}: is stored column by column (Fortran order) and cannot be read by rows; save "
            "numpy.ascontiguousarray of it"
        )
    names = column_names(width, own, recipe.labels, where)
    wanted = chosen_indices(names, _chooser(recipe, where), where)
    with _member(arrays, key) as member:
        _read_header(member)
        for first, last in _spans(count, max(1, cells // width)):
            due = (last - first) * width * dtype.itemsize
            raw = member.read(due)
            if len(raw) < due:
                raise InputError(f"{where}: ends after {len(raw)} of {due} bytes of a block; save it again")
            values = np.frombuffer(raw, dtype).reshape(-1, width)
            yield Sheet(_columns(values, wanted), tuple(names[k] for k in wanted))


_Header = tuple[tuple[int, ...], bool, np.dtype[Any]]


def _header(arrays: NpzFile, name: str) -> _Header:
    with _member(arrays, name) as member:
        return _read_header(member)


def _member(arrays: NpzFile, name: str) -> IO[bytes]:
    assert arrays.zip is not None  # only a closed archive has none
    return arrays.zip.open(f"{name}.npy")


def _read_header(member: Any) -> _Header:
    version = npy.read_magic(member)
    return (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(member)


def _columns(values: NDArray[Any], wanted: Sequence[int]) -> NDArray[Any]:
    # The usual case, all columns in order, costs no copy.
    return values if list(wanted) == list(range(values.shape[1])) else values[:, wanted]


def _spans(count: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, count, size):
        yield start, min(start + size, count)
