"""The explorer: what a data set brings to the page, and the page itself.

The page computes everything else in the browser, with formulas emitted from the derivations
(``theory.emit_javascript``).

Symbol table
------------
symbol  meaning                                            shape     unit
λ       eigenvalues, descending                            (D,)      data variance
V       total variance                                     scalar    data variance
s       scores of a few rows, x_k/√λ_k                     (n, k)    1
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from numerics.conventions import CONVENTIONS
from numerics.files import write_text
from numerics.linear_equilibrium import Cascade
from numerics.spectrum import Spectrum
from numerics.tables import Table
from theory.errors import InputError

from .. import __version__
from .page import fill, resource, script_json, standalone

__all__ = ["SCRIPTS", "explorer_content", "explorer_page", "write_explorer"]

SCRIPTS = (
    "formulas.js",
    "numbers.js",
    "chart.js",
    "controls.js",
    "theme.js",
    "cascade.js",
    "transition.js",
    "convention.js",
    "main.js",
)
"""The page's program, in the order in which it runs."""

_ROWS = 60  # dots in the latent plane: more would hide each other
_MODES = 40  # bars that are told apart, as MOST_BARS in cascade.js
_HEAVIEST = 3


def explorer_content(
    table: Table, *, latents: int | None = None, standardize: bool = True, seed: int = 0
) -> dict[str, Any]:
    """What the page needs to know of a table; JSON-able.

    Parameters
    ----------
    table : Table
        Observations.
    latents : int, optional
        K of the VAE; as many as columns by default.
    standardize : bool
        Divide columns by their standard deviation.
    seed : int
        Which rows are drawn as dots.

    Returns
    -------
    dict
        Eigenvalues [data variance], V, number of latents and of modes with variance, the heaviest columns of each mode,
        standardised scores of at most 60 rows, the conventions in words.

    Raises
    ------
    InputError
        If the data do not vary, or ``latents < 1``.

    Examples
    --------
    >>> from numerics.tables import load_table
    >>> content = explorer_content(load_table("wine"))
    >>> round(content["variance"], 9), content["live"], len(content["scores"])
    (13.0, 13, 60)
    """
    spectrum = Spectrum.from_table(table, standardize=standardize, axes=True)
    cascade = Cascade(spectrum, latents)
    if not cascade.live:
        raise InputError(f"{table.source} has no variance: there is no mode to explore; give data that vary")
    axes = spectrum.axes
    assert axes is not None  # asked for above
    modes = min(cascade.modes, _MODES)
    chosen = np.random.default_rng(seed).permutation(len(table.values))[:_ROWS]
    # A mode without variance has no scores: its latents stay at the origin.
    roots = np.sqrt(np.where(spectrum.eigenvalues > 0, spectrum.eigenvalues, np.inf))[:modes]
    scores = spectrum.standardized(table.values[chosen]) @ axes[:, :modes] / roots
    heaviest = np.argsort(-np.abs(axes[:, :modes]), axis=0)[:_HEAVIEST].T
    return {
        "eigenvalues": spectrum.eigenvalues.tolist(),
        "variance": spectrum.total_variance,
        "latents": cascade.modes,
        "live": cascade.live,
        "loadings": [
            [[spectrum.columns[j], round(float(axes[j, k]), 3)] for j in columns] for k, columns in enumerate(heaviest)
        ],
        "scores": np.round(scores, 4).tolist(),
        "meanings": {name: convention.meaning for name, convention in CONVENTIONS.items()},
    }


def explorer_page(
    table: Table,
    *,
    latents: int | None = None,
    standardize: bool = True,
    seed: int = 0,
    meta: Mapping[str, Any] | None = None,
) -> str:
    """The page of a table as one HTML document.

    Parameters
    ----------
    table, latents, standardize, seed
        As for `explorer_content`.
    meta : mapping, optional
        Facts about the run; ``command`` is shown in the footer.

    Returns
    -------
    str

    Raises
    ------
    InputError
        As `explorer_content`.
    """
    content = explorer_content(table, latents=latents, standardize=standardize, seed=seed)
    units = "standardised columns" if standardize else "the data's own units"
    rows, columns = table.values.shape
    about = f"{rows} rows, {columns} columns, {units}; total variance V = {content['variance']:.6g}"
    made = [f"landau-vae {__version__}"]
    if meta and meta.get("command"):
        made.append(f"made by: {meta['command']}")
    made += [f"data SHA-256 {table.sha256[:16]}…", f"licence of the data: {table.licence or 'not stated'}"]
    made.append("theory: Hirn, arXiv:2605.22691; Lucas et al., arXiv:1911.02469")
    body = fill(
        resource("template.html"),
        {
            "name": escape(table.name),
            "about": escape(about),
            "units": escape(units),
            "provenance": escape(" · ".join(made)),
            "data": script_json(content),
        },
    )
    return standalone(f"{table.name}: how a β-VAE forgets", body, scripts=SCRIPTS)


def write_explorer(table: Table, path: str | os.PathLike[str], **options: Any) -> None:
    """Write `explorer_page` to a file, whole or not at all; options as there.

    Raises
    ------
    InputError
        As `explorer_page`, or if the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from numerics.tables import load_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_explorer(load_table("wine"), Path(folder) / "wine.html")
    ...     (Path(folder) / "wine.html").stat().st_size < 200_000
    True
    """
    write_text(path, explorer_page(table, **options))
