"""An exported posterior from files: one NPZ archive, or one table for the means and one for the widths.

===========  ==================================================  ==========
array        meaning                                             shape
===========  ==================================================  ==========
``mu``       posterior means                                     (N, K)
``logvar``   log-variances ln σ², or instead                     (N, K)
``sigma``    standard deviations σ                               (N, K)
``x``        the rows that were encoded; optional                (N, D)
``recon``    their reconstructions; optional                     (N, D)
``weights``  weights of the rows; optional                       (N,)
``columns``  names of the columns of x, text; optional           (D,)
``loss``     and ``beta``, ``decoder_variance``, ``batch_size``  ()
===========  ==================================================  ==========
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from numpy.lib.npyio import NpzFile

from numerics.readers import npz_names, numpy_file, read_file
from numerics.sheet import Sheet
from theory.errors import InputError

from .encoded import Encoded

__all__ = ["Widths", "read_convention", "read_encoded"]

Widths = Literal["logvar", "sigma"]

_ARRAYS = ("mu", "logvar", "sigma", "x", "recon", "weights", "columns")
_CONVENTION: dict[str, tuple[type, ...]] = {
    "loss": (str,), "beta": (int, float), "decoder_variance": (int, float), "batch_size": (int,)
}  # fmt: skip
_NAMED: dict[Widths, str] = {"logvar": r"log_?-?var|ln_?-?var", "sigma": r"sigma|std|stddev|scale"}


def read_encoded(
    paths: Sequence[str | Path],
    *,
    widths: Widths | None = None,
    x: str | Path | None = None,
    recon: str | Path | None = None,
    header: bool = True,
    drop_columns: Sequence[str] = (),
) -> Encoded:
    """Read an exported posterior.

    Parameters
    ----------
    paths : sequence of path-like
        One ``.npz`` with the arrays of the table above, or two files (delimited text, NPY, Parquet): means, widths.
    widths : {"logvar", "sigma"}, optional
        What the second of two files holds; by default its name must say it.
    x, recon : path-like, optional
        Files of the rows and the reconstructions; they replace those of the archive.
    header : bool
        For text: take a first line that is not all numbers as names.
    drop_columns : sequence of str
        Columns to leave out of every table that has them, such as an index.

    Returns
    -------
    Encoded

    Raises
    ------
    InputError
        For files that cannot be read, lack an array, or hold arrays that do not fit.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/posterior.npz", mu=[[1.0], [-1.0]], sigma=[[0.5], [0.5]])
    ...     read_encoded([f"{folder}/posterior.npz"]).mu.ravel()
    array([ 1., -1.])
    """

    def table(path: str | Path) -> Sheet:
        return read_file(
            Path(path).expanduser(), lambda names: tuple(n for n in names if n not in drop_columns), header=header
        )

    if len(paths) not in (1, 2):
        raise InputError(f"a posterior is one NPZ file or two tables (means, widths), got {len(paths)} files")
    first = Path(paths[0]).expanduser()
    if len(paths) == 1:
        if not first.name.lower().endswith(".npz"):
            raise InputError(
                f"{first}: one file must be an .npz with the arrays mu and logvar or sigma; give two tables "
                "(means, widths) otherwise"
            )
        arrays = _archive(first, widths)
    else:
        second = Path(paths[1]).expanduser()
        kind = widths or _kind_by_name(second)
        arrays = {"mu": table(first).values, kind: table(second).values}
    for name, path in (("x", x), ("recon", recon)):
        if path is not None:
            sheet = table(path)
            arrays[name] = sheet.values
            if name == "x":
                arrays["columns"] = sheet.columns
    # Names without rows to name are no mistake: an archive may hold both and be read for its posterior alone.
    if "x" not in arrays:
        arrays.pop("columns", None)
    return Encoded.of(arrays.pop("mu"), arrays.pop("logvar", None), **arrays)


def read_convention(path: str | Path) -> dict[str, Any]:
    """The loss convention that an archive holds beside its posterior, as keywords of :func:`diagnose_encoded`.

    Parameters
    ----------
    path : path-like
        An ``.npz``, perhaps with the single values ``loss`` (text), ``beta``, ``decoder_variance``, ``batch_size``.

    Raises
    ------
    InputError
        If the file cannot be read, or one of these is not a single value of its kind.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/posterior.npz", mu=[[1.0], [-1.0]], loss="mse", beta=0.1)
    ...     read_convention(f"{folder}/posterior.npz")
    {'loss': 'mse', 'beta': 0.1}
    """
    found: dict[str, Any] = {}
    with numpy_file(Path(path).expanduser()) as loaded:
        if not isinstance(loaded, NpzFile):
            return found
        with loaded:
            for name, kinds in _CONVENTION.items():
                if name not in loaded:
                    continue
                value = loaded[name].item() if loaded[name].size == 1 else loaded[name]
                if not isinstance(value, kinds):
                    kind = {str: "a text", int: "an integer"}.get(kinds[-1], "a number")
                    raise InputError(f"{path}: {name} must be {kind}, got {value!r:.60}; save it as one value")
                found[name] = value
    return found


def _archive(path: Path, widths: Widths | None) -> dict[str, Any]:
    with numpy_file(path) as loaded:
        if not isinstance(loaded, NpzFile):
            raise InputError(f"{path}: must be an archive, found a single array; save with numpy.savez(path, mu=…)")
        with loaded:
            found: dict[str, Any] = {name: loaded[name] for name in _ARRAYS if name in loaded}
            listing = ", ".join(f"{name} {loaded[name].shape}" for name in loaded.files[:8]) or "nothing"
    if "mu" not in found or not {"logvar", "sigma"} & set(found):
        raise InputError(
            f"{path}: must hold arrays mu and logvar (or sigma), found {listing}; save with "
            "numpy.savez(path, mu=…, logvar=…)"
        )
    if widths is not None:
        if widths not in found:
            raise InputError(f"{path}: holds no array {widths}, found {listing}; leave --widths out")
        found.pop("sigma" if widths == "logvar" else "logvar", None)
    if "columns" in found:
        found["columns"] = npz_names(path, found["columns"])
    return found


def _kind_by_name(path: Path) -> Widths:
    stem = path.name.lower()
    kinds = [kind for kind, pattern in _NAMED.items() if re.search(pattern, stem)]
    if len(kinds) != 1:
        raise InputError(f"{path}: its name does not say whether it holds ln σ² or σ; say --widths logvar or sigma")
    return kinds[0]
