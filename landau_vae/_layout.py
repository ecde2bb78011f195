"""The packages of this distribution have plain names (``theory``, ``numerics``, ``verify``); never take a stranger's.

A user may well have a folder ``verify/`` of their own on the path. Importing it in place of ours would fail far from
the cause, or worse, not fail.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

__all__ = ["StrangePackageError", "drop_working_directory", "require_own_packages"]

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("theory", "numerics", "verify")


class StrangePackageError(ImportError):
    """Another package bears the name of one of ours and would be imported in its place."""


def drop_working_directory() -> None:
    """Undo what ``python -m`` does to the path: put the folder it was started in before everything installed."""
    first = Path(sys.path[0] or os.curdir).resolve() if sys.path else _ROOT
    if first == Path.cwd() and first != _ROOT and not sys.flags.safe_path:
        del sys.path[0]


def require_own_packages() -> None:
    """Check that the sibling packages that an import would find are the ones installed with this one.

    Raises
    ------
    StrangePackageError
        If another package of the same name comes first on the path or was imported before.
    """
    for name in _PACKAGES:
        module = sys.modules.get(name)
        spec = module.__spec__ if module is not None else importlib.util.find_spec(name)
        found = Path(spec.origin).resolve().parent if spec is not None and spec.origin else None
        if found != _ROOT / name:
            raise StrangePackageError(
                f"landau_vae needs its own package {name!r} ({_ROOT / name}), but Python finds "
                f"{found or 'a folder without __init__.py'}; rename yours, start Python with -P, or work elsewhere"
            )
