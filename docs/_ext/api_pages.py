"""The reference: one page per module, tables of what the packages re-export, and the help of every verb."""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import inspect
import io
import os
import pkgutil
import re
from functools import cache
from types import FunctionType
from typing import Any, Final

from sphinx.pycode import ModuleAnalyzer

import landau_vae
from landau_vae.cli.options import build_parser

__all__ = ["PACKAGES", "api_pages", "command_line", "modules"]

PACKAGES: Final = ("landau_vae", "theory", "numerics", "verify")
"""From the door to the cellar."""

# The command line is documented by its help.
_LEFT_OUT: Final = ("landau_vae.cli", "landau_vae.__main__")


@cache
def modules(package: str) -> tuple[str, ...]:
    """Full names of the public modules of a package, itself first."""
    top = importlib.import_module(package)
    found = [
        info.name
        for info in pkgutil.walk_packages(top.__path__, f"{package}.")
        if not info.name.startswith(_LEFT_OUT) and not info.name.rpartition(".")[2].startswith("_")
    ]
    return (package, *sorted(found))


def api_pages() -> dict[str, str]:
    """Return the pages by file name, reStructuredText because docstrings are."""
    return {f"{name}.rst": _module(name) for package in PACKAGES for name in modules(package)}


def _module(name: str) -> str:
    module = importlib.import_module(name)
    public = [n for n in module.__all__ if not n.startswith("__")]
    own = [n for n in public if _home(module, n) == name]
    # Two hundred modules in the tree of every page would take most of the build: tables lead to them.
    orphan = ":orphan:\n\n" if "." in name else ""
    parts = [f"{orphan}{name}\n{'=' * len(name)}\n", f".. automodule:: {name}"]
    described = set(ModuleAnalyzer.for_module(name).find_attr_docs())
    bare = [n for n in own if not isinstance(getattr(module, n), type | FunctionType) and ("", n) not in described]
    own = [n for n in own if n not in bare]
    if own:
        parts[-1] += f"\n   :members: {', '.join(own)}"
    parts += [_constant(module, n) for n in bare]
    elsewhere = sorted(set(public) - {*own, *bare})
    if elsewhere:
        rows = "".join(f"   * - `{_home(module, n)}.{n}`\n     - {_summary(module, n)}\n" for n in elsewhere)
        parts.append(f".. list-table:: Names from other modules\n   :widths: 40 60\n\n{rows}")
    below = [m for m in modules(name.partition(".")[0]) if m.rpartition(".")[0] == name]
    if below:
        rows = "".join(f"   * - :doc:`{m} <{m}>`\n     - {_first_line(importlib.import_module(m))}\n" for m in below)
        parts.append(f".. list-table:: Modules\n   :widths: 40 60\n\n{rows}")
    return "\n\n".join(parts) + "\n"


def _home(module: Any, name: str) -> str:
    """The module that defines a public name."""
    value = getattr(module, name)
    exports = getattr(module, "_EXPORTS", {})
    if name in exports:
        where: str = exports[name]
        exporter = importlib.import_module(where, module.__name__)
        return _home(exporter, name)
    # Constants do not know where they come from; a module that lists one in __all__ made it, or imported it by name.
    if not isinstance(value, type | FunctionType):
        return _constant_home(module, name)
    return str(value.__module__)


def _constant(module: Any, name: str) -> str:
    """A constant without a docstring: name and value, if that is one line."""
    value = repr(getattr(module, name))
    short = len(value) <= 100 and "0x" not in value and "\n" not in value
    shown = f"\n   :value: {value}" if short else ""
    return f".. py:data:: {name}\n   :module: {module.__name__}{shown}"


def _constant_home(module: Any, name: str) -> str:
    for statement in ast.parse(inspect.getsource(module)).body:
        if isinstance(statement, ast.ImportFrom) and name in {alias.asname or alias.name for alias in statement.names}:
            source = importlib.import_module("." * statement.level + (statement.module or ""), module.__package__)
            return _home(source, name)
    return str(module.__name__)


def _summary(module: Any, name: str) -> str:
    """First line of the docstring; a constant has that of its type, which says nothing."""
    value = getattr(module, name)
    if not isinstance(value, type | FunctionType):
        return ""
    return _first_line(value)


def _first_line(value: object) -> str:
    line = (inspect.getdoc(value) or "").partition("\n")[0]
    # Out of its module a reference may not resolve.
    line = re.sub(r":[a-z:]+:`~?([^`]*)`", r"``\1``", line)
    return line.replace("*", r"\*").replace("|", r"\|")


def command_line() -> str:
    """Return the page of the verbs, as ``--help`` prints them."""
    # Fixed, or the page would depend on the terminal of whoever builds it.
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        parser = build_parser()
        parts = ["(command-line)=", "# Command line", f"landau-vae {landau_vae.__version__}", _block(parser)]
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, verb in action.choices.items():
                    parts += [f"(verb-{name})=", f"## landau-vae {name}", _block(verb)]
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    return "\n\n".join(parts) + "\n"


def _block(parser: argparse.ArgumentParser) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        parser.print_help()
    return f"```text\n{text.getvalue().rstrip()}\n```"
