"""Delimited text (CSV, TSV, also gzipped) to numbers, whole or in blocks of rows.

A block that is numbers throughout goes through NumPy's C parser; one with text or empty cells is read again row by row,
which fills in missing cells, skips columns nobody asked for, and otherwise finds the line and cell to name.

===========  ===========================================  ==========
symbol       meaning                                      shape
===========  ===========================================  ==========
``names``    column names, from the header or made        (D0,)
``wanted``   positions of the chosen columns              (D,)
===========  ===========================================  ==========
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import shlex
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

from .sheet import Choose, Sheet, chosen_indices, default_names

__all__ = ["delimited_blocks", "read_delimited"]

# Numbers per block: 8 MB of them, and some ten times that of text.
_CELLS = 2**20
# Cells that say "no value" in the files people exchange (R, pandas, UCI), in lower case.
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})


def read_delimited(path: Path, choose: Choose, *, header: bool = True, labels: Sequence[str] = ()) -> Sheet:
    """Read a text table whole; parameters and errors as in :func:`delimited_blocks`."""
    blocks = list(delimited_blocks(path, choose, header=header, labels=labels))
    return Sheet(np.concatenate([block.values for block in blocks]), blocks[-1].columns, notes=blocks[-1].notes)


def delimited_blocks(
    path: Path, choose: Choose, *, header: bool = True, labels: Sequence[str] = (), cells: int = _CELLS
) -> Iterator[Sheet]:
    """Read a text table block by block.

    Parameters
    ----------
    path : Path
        Text in UTF-8 (with or without byte-order mark) or Latin-1, gzipped or not; columns separated by tabs,
        semicolons or commas, whichever comes first in this list and occurs in the first line.
    choose : callable
        From the names of all columns to those wanted.
    header : bool
        Take the first line as names if it is not all numbers; False takes it as data.
    labels : sequence of str, optional
        Names for a file without header; ``x1 … xD`` by default.
    cells : int
        Numbers per block, about.

    Yields
    ------
    Sheet
        Chosen columns of the next rows; empty cells and NA, N/A, NaN, null, none, ? are NaN.

    Raises
    ------
    InputError
        For an empty or header-only file, ragged rows, text in a chosen column, or bytes that are not such text.
    """
    layout: _Layout | None = None
    done = 0
    try:
        for encoding in ("utf-8-sig", "latin-1"):
            notes = () if encoding == "utf-8-sig" else ("read as Latin-1: not valid UTF-8",)
            try:
                # A byte that is no UTF-8 may come late: what was read so far stands, and its rows are passed over.
                if layout is None:
                    layout = _layout(path, encoding, header, labels)
                layout = replace(layout, encoding=encoding)
                wanted = _wanted(path, layout, choose)
                for values in _blocks(path, layout, wanted, cells, done):
                    done += len(values)
                    yield Sheet(values, tuple(layout.names[k] for k in wanted), notes=notes)
                return
            except UnicodeDecodeError:
                continue
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: the gzip file is damaged ({error}); copy or download it again") from error
    except csv.Error as error:
        raise InputError(f"{path}: not a readable text table ({error}); check its quotes and delimiters") from error


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a text table is laid out, learnt from its first two rows."""

    encoding: str
    delimiter: str
    header: bool
    names: tuple[str, ...]
    unnamed: frozenset[int]


def _wanted(path: Path, layout: _Layout, choose: Choose) -> list[int]:
    wanted = chosen_indices(layout.names, choose, str(path))
    for k in wanted:
        if k in layout.unnamed:
            raise InputError(
                f"{path}: column {k + 1} has no name in the header (a row index?); name it or drop it with "
                f"--drop-columns {layout.names[k]}"
            )
    return wanted


@contextmanager
def _text(path: Path, encoding: str) -> Iterator[io.TextIOBase]:
    with path.open("rb") as raw:
        start = raw.read(4096)
        raw.seek(0)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError(f"{path}: the text is UTF-16; save it as UTF-8")
        zipped = start[:2] == b"\x1f\x8b"
        if not zipped and b"\0" in start:
            raise InputError(f"{path}: not a text table (it holds zero bytes); check what kind of file it is")
        with (
            gzip.GzipFile(fileobj=raw) if zipped else raw as plain,
            io.TextIOWrapper(plain, encoding=encoding, newline="") as text,
        ):
            yield text


def _layout(path: Path, encoding: str, header: bool, labels: Sequence[str]) -> _Layout:
    with _text(path, encoding) as text:
        first = next((line for line in text if line.strip()), "")
        unquoted = re.sub(r'"[^"]*"', "", first)
        delimiter = next((d for d in "\t;," if d in unquoted), ",")
    with _text(path, encoding) as text:
        rows = list(islice(_rows(text, delimiter), 2))
    if not rows:
        raise InputError(f"{path}: the file is empty; give a header line and at least two rows of numbers")
    top = [cell.strip() for cell in rows[0][1]]
    if not header or not _is_header(path, top, rows[1][1] if len(rows) > 1 else []):
        return _Layout(encoding, delimiter, False, default_names(len(top), labels, str(path)), frozenset())
    if len(rows) == 1:
        raise InputError(f"{path}: the file holds a header line and no rows; give at least two rows of numbers")
    if labels:
        raise InputError(
            f"{path}: labels are for files without header, but line {rows[0][0]} names the columns; omit them"
        )
    made = default_names(len(top), (), str(path))
    names = tuple(name or made[k] for k, name in enumerate(top))
    return _Layout(encoding, delimiter, True, names, frozenset(k for k, name in enumerate(top) if not name))


def _is_header(path: Path, top: Sequence[str], below: Sequence[str]) -> bool:
    """Whether the first row holds names; where it cannot be told, the user is asked instead of a row being lost."""
    numeric = [_is_number(cell) for cell in top]
    if all(numeric):
        if len(top) > 2 and list(top) == [str(k) for k in range(len(top))]:
            raise InputError(
                f"{path}: the first line counts 0, 1, 2, …: column names or data? name the columns or, if it is data, "
                "say --no-header"
            )
        return False
    if any(numeric) and [_is_number(cell) for cell in below] == numeric:
        raise InputError(
            f"{path}: the first line mixes text ({top[numeric.index(False)]!r}) and numbers as the next one does: "
            "header or data? give the columns names that are no numbers or, if it is data, say --no-header"
        )
    # A row of missing cells and numbers is data with a gap.
    return not (
        any(numeric) and all(ok or cell.lower() in _MISSING - {""} for ok, cell in zip(numeric, top, strict=True))
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _rows(text: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank (spreadsheets end with rows of bare delimiters) and their line numbers."""
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True)
    for row in reader:
        if any(cell and not cell.isspace() for cell in row):
            yield reader.line_num, row


def _blocks(path: Path, layout: _Layout, wanted: Sequence[int], cells: int, skip: int) -> Iterator[NDArray[np.float64]]:
    """Values of the wanted columns, the first ``skip`` rows left out."""
    most = max(1, cells // len(layout.names))
    with _text(path, layout.encoding) as text:
        line = next(_rows(text, layout.delimiter))[0] if layout.header else 0
        while lines := list(islice(text, most)):
            values = _all_numbers(lines, layout)
            if values is None:
                # A quoted cell may run on beyond these lines; the reader takes what belongs to it.
                values, used = _cell_by_cell(path, layout, wanted, chain(lines, text), len(lines), line)
            else:
                used = len(lines)
                if wanted != list(range(len(layout.names))):
                    values = values[:, wanted]
            line += used
            values, skip = values[skip:], max(0, skip - len(values))
            if len(values):
                yield values


def _all_numbers(lines: Sequence[str], layout: _Layout) -> NDArray[np.float64] | None:
    """All cells by NumPy's parser, or None if some cell or row needs a closer look."""
    if all(line.isspace() for line in lines):
        return None
    try:
        values = np.loadtxt(lines, delimiter=layout.delimiter, comments=None, quotechar='"', ndmin=2, encoding="utf-8")
    except ValueError:
        return None
    return values if values.shape[1] == len(layout.names) else None


def _cell_by_cell(
    path: Path, layout: _Layout, wanted: Sequence[int], lines: Iterator[str], count: int, before: int
) -> tuple[NDArray[np.float64], int]:
    """Values of at least ``count`` lines, up to the end of a row, and how many lines that took."""
    width, cells, used = len(layout.names), array("d"), count
    for used, row in _rows(lines, layout.delimiter):
        line = before + used
        if len(row) != width:
            raise InputError(
                f"{path}: line {line} has {len(row)} columns where {width} are expected "
                f"({'as in the header' if layout.header else 'as in the first line'}); mend the line"
            )
        chosen = [row[k] for k in wanted]
        # float() takes "1_000" for a number, which no data file means.
        try:
            numbers = list(map(float, chosen)) if "_" not in "".join(chosen) else None
        except ValueError:
            numbers = None
        cells.extend(numbers or [_number(path, line, layout, k, row[k]) for k in wanted])
        if used >= count:
            break
    return np.frombuffer(cells, dtype=np.float64).reshape(-1, len(wanted)), max(used, count)


def _number(path: Path, line: int, layout: _Layout, k: int, cell: str) -> float:
    if _is_number(cell):
        return float(cell)
    if cell.strip().lower() in _MISSING:
        return float("nan")
    name = layout.names[k]
    remedy = f"mend the cell or drop the column with --drop-columns {shlex.quote(name)}"
    if _is_number(cell.replace(",", ".")):
        remedy = "write decimals with a point"
    elif all(map(_is_number, cell.split())):
        remedy = "separate the columns by commas, semicolons or tabs"
    shown = cell if len(cell) <= 40 else cell[:39] + "…"
    raise InputError(f"{path}: text in a numeric column: line {line}, column {name!r} holds {shown!r}; {remedy}")
