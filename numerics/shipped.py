"""The three real tables that come with the package, and whom to thank for them.

``data/NAME.csv.gz`` holds the features, ``data/shipped.json`` where they come from; nothing is fetched.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Final

from .delimited import read_delimited
from .sheet import Choose, Sheet

__all__ = ["SHIPPED", "Origin", "read_shipped"]

_DATA: Final = resources.files("numerics") / "data"


@dataclass(frozen=True, slots=True)
class Origin:
    """Provenance of a shipped table.

    Parameters
    ----------
    title, year, doi, licence, licence_url : str
        As the UCI Machine Learning Repository states them.
    creators : tuple of str
        Authors of the data set.
    rows, columns : int
        Size of the shipped file.
    changes : str
        What was changed against the published file (the licence asks for this).
    """

    title: str
    creators: tuple[str, ...]
    year: str
    doi: str
    licence: str
    licence_url: str
    rows: int
    columns: int
    changes: str

    @property
    def citation(self) -> str:
        """One line for reports."""
        return (
            f"{', '.join(self.creators)} ({self.year}), {self.title}, UCI Machine Learning Repository, doi:{self.doi}"
        )


def _origins() -> MappingProxyType[str, Origin]:
    records = json.loads((_DATA / "shipped.json").read_text(encoding="utf-8"))
    return MappingProxyType({name: Origin(**{**r, "creators": tuple(r["creators"])}) for name, r in records.items()})


SHIPPED: Final = _origins()
"""Provenance by name; the first is the default of the command line."""


def read_shipped(name: str, choose: Choose) -> Sheet:
    """Read a shipped table.

    Parameters
    ----------
    name : str
        One of :data:`SHIPPED`.
    choose : callable
        From the names of all columns to those wanted.

    Examples
    --------
    >>> read_shipped("wine", lambda names: names[:2]).columns
    ('alcohol', 'malic_acid')
    """
    with resources.as_file(_DATA / f"{name}.csv.gz") as path:
        return read_delimited(path, choose)
