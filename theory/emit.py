"""Print the derived formulas as code: NumPy, dependency-free Python, JavaScript.

``python -m theory.emit --write`` writes ``numerics/_formulas.py`` and ``--check`` fails when it is stale, so a formula
is typed once, in the loss, and everything that computes is printed from its derivation. The output depends on the
formulas alone: terms keep SymPy's canonical argument order, names come from the catalogue.

Symbol table
------------
target    ``numpy`` (arrays, broadcast), ``python`` (floats, standard library), ``javascript`` (numbers, an ES module)
local     the letter a symbol has inside a function: λ, Λ, T, w, v, s, …
"""

from __future__ import annotations

import argparse
import difflib
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sympy as sp
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from .errors import InputError
from .formulas import Formula, catalogue

__all__ = ["TARGETS", "camel", "emit_function", "emit_module", "main", "write_or_check"]

PATH = Path(__file__).resolve().parents[1] / "numerics" / "_formulas.py"
_GREEK = {"lambda": "λ", "Lambda": "Λ", "beta": "β", "eta2": "η2"}
_WIDTH = 110


@dataclass(frozen=True, slots=True)
class _Target:
    """How a language spells the few functions that occur; empty powers mean the operator ``**``."""

    log: str
    log1p: str
    sqrt: str
    maximum: str
    minimum: str
    square: str
    power: str


TARGETS: Mapping[str, _Target] = {
    # np.square keeps NumPy's static type, which ** loses.
    "numpy": _Target("np.log", "np.log1p", "np.sqrt", "np.maximum", "np.minimum", "np.square({})", "np.power({}, {})"),
    "python": _Target("math.log", "math.log1p", "math.sqrt", "max", "min", "", ""),
    # JavaScript forbids -x ** 2, so powers are calls there.
    "javascript": _Target(
        "Math.log", "Math.log1p", "Math.sqrt", "Math.max", "Math.min", "Math.pow({}, 2)", "Math.pow({}, {})"
    ),
}
"""The languages that can be written."""


class _Printer(StrPrinter):  # type: ignore[misc]
    """Expressions in a target language; symbols by their local letters."""

    def __init__(self, target: _Target) -> None:
        super().__init__({"order": "none"})
        self._target = target

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return _letter(expr)

    def _print_log(self, expr: sp.Expr) -> str:
        (argument,) = expr.args
        # ln(1 + y) loses y when it is small; every target has a function that does not.
        if isinstance(argument, sp.Add) and argument.args[0] == 1:
            return f"{self._target.log1p}({self._print(argument - 1)})"
        return f"{self._target.log}({self._print(argument)})"

    def _print_Max(self, expr: sp.Expr) -> str:
        return self._fold(self._target.maximum, expr)

    def _print_Min(self, expr: sp.Expr) -> str:
        return self._fold(self._target.minimum, expr)

    def _fold(self, function: str, expr: sp.Expr) -> str:
        first, *rest = sorted(map(self._print, expr.args))
        for item in rest:
            first = f"{function}({first}, {item})"
        return str(first)

    def _print_Pow(self, expr: sp.Expr, rational: bool = False) -> str:
        base, exponent = expr.args
        if exponent.is_Rational and exponent < 0:
            return f"1/{self.parenthesize(sp.Pow(base, -exponent), PRECEDENCE['Mul'])}"
        if exponent == sp.Rational(1, 2):
            return f"{self._target.sqrt}({self._print(base)})"
        call = self._target.square if exponent == 2 else self._target.power
        if call:
            return call.format(self._print(base), self._print(exponent))
        return f"{self.parenthesize(base, PRECEDENCE['Pow'])}**{self.parenthesize(exponent, PRECEDENCE['Pow'])}"


def _letter(symbol: sp.Symbol) -> str:
    return _GREEK.get(str(symbol), str(symbol))


def _equation(formula: Formula) -> str:
    """The formula in plain text for the docstring; empty for vectors and matrices."""
    if formula.kind != "number":
        return ""
    result: Any = formula.result
    letters = {symbol: sp.Symbol(_letter(symbol)) for symbol in result.free_symbols}
    text = str(sp.sstr(result.subs(letters, simultaneous=True), order="none")).replace("log(", "ln(")
    where = {"Λ": "Λ = max(λ, T)", "s": "s = T/max(λ, T)"}
    locals_ = {_letter(symbol) for symbol, _ in formula.definitions} & {str(s) for s in letters.values()}
    return text + "".join(f", {where[name]}" for name in sorted(locals_))


def _example(formula: Formula) -> tuple[str, str]:
    """Arguments and exact result of the example, as Python source; twelve digits survive every platform's logarithm."""
    arguments = ", ".join(repr(float(formula.example[argument.symbol])) for argument in formula.arguments)

    def digits(value: sp.Basic) -> Any:
        if isinstance(value, sp.MatrixBase):
            rows = [[digits(entry) for entry in row] for row in value.tolist()]
            return rows if formula.kind == "matrix" else [row[0] for row in rows]
        if isinstance(value, sp.Tuple):
            return tuple(digits(entry) for entry in value)
        return round(float(sp.N(value, 30)), 12)

    return arguments, repr(digits(formula.evaluate(formula.example)))


def _wrap(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)


def _docstring(formula: Formula, kind: str, returned: str, call: str, expected: str) -> list[str]:
    summary = _wrap(formula.summary, "    ")
    lines = ['    """' + summary[0].strip(), *summary[1:], ""]
    if equation := _equation(formula):
        lines += [*_wrap(f"``{equation}``", "    "), ""]
    lines += ["    Parameters", "    ----------"]
    for argument in formula.arguments:
        lines += [f"    {argument.name} : {kind}", *_wrap(f"{argument.meaning}.", " " * 8)]
    lines += ["", "    Returns", "    -------", f"    {returned}", *_wrap(f"{formula.returns}.", " " * 8)]
    lines += ["", "    Notes", "    -----"]
    lines += _wrap(f"Step ``{formula.step}`` of the derivation ``{formula.derivation}``.", "    ")
    return [*lines, "", "    Examples", "    --------", f"    >>> {call}", f"    {expected}", '    """']


def _numpy(formula: Formula) -> list[str]:
    count = len(formula.result) if isinstance(formula.result, tuple) else 0
    arguments, expected = _example(formula)
    call = f"{formula.name}({arguments})"
    annotation, returned, call = {
        "number": ("FloatArray", "ndarray of float64", f"round(float({call}), 12)"),
        "tuple": (
            f"tuple[{', '.join(['FloatArray'] * count)}]",
            f"tuple of {count} ndarrays of float64",
            f"tuple(round(float(term), 12) for term in {call})",
        ),
        "vector": ("FloatArray", "ndarray of float64, shape (..., 3)", f"np.round({call}, 12).tolist()"),
        "matrix": ("FloatArray", "ndarray of float64, shape (..., 3, 3)", f"np.round({call}, 12).tolist()"),
    }[formula.kind]
    lines = _signature(formula, "ArrayLike", annotation)
    lines += _docstring(formula, "array_like", returned, call, expected)
    printer = _Printer(TARGETS["numpy"])
    inputs = {a.symbol: f"np.asarray({a.name}, dtype=np.float64)" for a in formula.arguments}
    if formula.kind in ("number", "tuple"):
        *assignments, last = _body(formula, printer, inputs, "({})")
        value = last.removeprefix("    return ")
        if formula.kind == "number" and ("np.square(" in value or "np.power(" in value):
            # To mypy these ufuncs return Any, and a sum of nothing else would be Any.
            return [*lines, *assignments, f"    result: FloatArray = {value}", "    return result"]
        return [*lines, *assignments, last]
    lines += [f"    {_letter(symbol)} = {source}" for symbol, source in inputs.items()]
    lines.append("    entries = np.broadcast_arrays(")
    lines += [f"        {_entry(printer, entry)}," for entry in formula.result]
    shape = ".reshape(*entries[0].shape, 3, 3)" if formula.kind == "matrix" else ""
    return [*lines, "    )", f"    return np.stack(entries, axis=-1){shape}"]


def _python(formula: Formula) -> list[str]:
    arguments, expected = _example(formula)
    call = f"{formula.name}({arguments})"
    annotation, call = {
        "number": ("float", f"round({call}, 12)"),
        "tuple": ("tuple[float, ...]", f"tuple(round(term, 12) for term in {call})"),
        "vector": ("list[float]", f"[round(term, 12) for term in {call}]"),
        "matrix": ("list[list[float]]", f"[[round(term, 12) for term in row] for row in {call}]"),
    }[formula.kind]
    lines = _signature(formula, "float", annotation)
    lines += _docstring(formula, "float", annotation, call, expected)
    inputs = {a.symbol: f"float({a.name})" for a in formula.arguments}
    return lines + _body(formula, _Printer(TARGETS["python"]), inputs, "({})" if formula.kind == "tuple" else "[{}]")


def _signature(formula: Formula, kind: str, annotation: str) -> list[str]:
    names = [f"{argument.name}: {kind}" for argument in formula.arguments]
    line = f"def {formula.name}({', '.join(names)}) -> {annotation}:"
    if len(line) <= _WIDTH:
        return [line]
    return [f"def {formula.name}(", *(f"    {name}," for name in names), f") -> {annotation}:"]


def _body(formula: Formula, printer: _Printer, inputs: Mapping[sp.Symbol, str], several: str) -> list[str]:
    """Assignments and the return; a result that is one of the assigned symbols is returned as its source."""
    assigned = dict(inputs)
    assigned.update((symbol, printer.doprint(value)) for symbol, value in formula.definitions)
    if formula.result in assigned:
        source = assigned.pop(formula.result)
    else:
        source = _value(formula, printer, several)
    return [*(f"    {_letter(symbol)} = {text}" for symbol, text in assigned.items()), f"    return {source}"]


def _javascript(formula: Formula) -> list[str]:
    printer = _Printer(TARGETS["javascript"])
    lines = ["/**", f" * {formula.summary}"]
    if equation := _equation(formula):
        lines.append(f" * {equation}")
    lines += [f" * @param {{number}} {camel(a.name)} {a.meaning}" for a in formula.arguments]
    kind = "number" if formula.kind == "number" else "Array"
    lines += [f" * @returns {{{kind}}} {formula.returns}"]
    lines += [f" * Step {formula.step} of the derivation {formula.derivation}.", " */"]
    lines.append(f"export function {camel(formula.name)}({', '.join(camel(a.name) for a in formula.arguments)}) {{")
    renamed = ((_letter(a.symbol), camel(a.name)) for a in formula.arguments)
    lines += [f"  const {letter} = {name};" for letter, name in renamed if letter != name]
    lines += [f"  const {_letter(symbol)} = {printer.doprint(value)};" for symbol, value in formula.definitions]
    return [*lines, f"  return {_value(formula, printer, '[{}]')};", "}"]


def _value(formula: Formula, printer: _Printer, several: str) -> str:
    """Source of the result: a number, a sequence, or rows of rows."""
    result: Any = formula.result
    if formula.kind == "matrix":
        rows = (several.format(", ".join(_entry(printer, entry) for entry in row)) for row in result.tolist())
        return several.format(", ".join(rows))
    if formula.kind == "number":
        return _entry(printer, result)
    return several.format(", ".join(_entry(printer, entry) for entry in result))


def _entry(printer: _Printer, expression: sp.Expr) -> str:
    """Source of one number; a constant is written as a float, or Python would return an integer."""
    return repr(float(expression)) if expression.is_Integer else str(printer.doprint(expression))


def camel(name: str) -> str:
    """Return a name in snake case as JavaScript writes it: ``signal_fraction`` becomes ``signalFraction``."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


_EMITTERS = {"numpy": _numpy, "python": _python, "javascript": _javascript}


def emit_function(formula: Formula, target: str) -> str:
    """Return the source of one function.

    Parameters
    ----------
    formula : Formula
        What to print.
    target : {"numpy", "python", "javascript"}
        The language.

    Returns
    -------
    str
        Ends with a newline.

    Raises
    ------
    InputError
        If the target is unknown.

    Examples
    --------
    >>> formula = next(f for f in catalogue() if f.name == "rate")
    >>> print(emit_function(formula, "javascript"))
    /**
     * Divergence of a mode at equilibrium.
     * ln(Λ/T)/2, Λ = max(λ, T)
     * @param {number} eigenvalue λ, variance of the data along the mode, in data variance, >= 0
     * @param {number} temperature T, in data variance, > 0
     * @returns {number} KL, in nats, >= 0
     * Step rate of the derivation linear.
     */
    export function rate(eigenvalue, temperature) {
      const λ = eigenvalue;
      const T = temperature;
      const Λ = Math.max(T, λ);
      return Math.log(Λ/T)/2;
    }
    """
    if target not in _EMITTERS:
        raise InputError(f"target must be one of {', '.join(_EMITTERS)}, got {target!r}; choose one of these")
    return "\n".join(_EMITTERS[target](formula)) + "\n"


_HEADERS = {
    "numpy": '''\
"""Closed forms of the theory as NumPy functions.

Generated from the derivations by ``python -m theory.emit --write``; do not edit. Arguments broadcast; scalars give
NumPy scalars. Nothing is clipped: outside the stated ranges the formula says what it says.

Symbol table
------------
{symbols}
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
{names}
]

FloatArray = NDArray[np.float64]
''',
    "python": '''\
"""Closed forms of the theory in plain Python. Generated by landau-vae; do not edit.

Symbol table
------------
{symbols}
"""

from __future__ import annotations

import math
''',
    "javascript": """\
// Closed forms of the theory. Generated by landau-vae; do not edit.
//
{symbols}
""",
}


def emit_module(target: str, formulas: Sequence[Formula] | None = None) -> str:
    """Return the source of a module with every formula.

    Parameters
    ----------
    target : {"numpy", "python", "javascript"}
        The language.
    formulas : sequence of Formula, optional
        Default: the whole `catalogue`.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the target is unknown.

    Examples
    --------
    >>> names = {}
    >>> exec(emit_module("python"), names)
    >>> names["distortion"](2.0, 1.0)
    1.0
    """
    chosen = catalogue() if formulas is None else tuple(formulas)
    bodies = [emit_function(formula, target) for formula in chosen]
    meanings: dict[str, dict[str, str]] = {}  # a letter may stand for two things, each by its name
    for argument in (a for formula in chosen for a in formula.arguments):
        meanings.setdefault(_letter(argument.symbol), {}).setdefault(argument.name, argument.meaning)
    table = {letter: "; or ".join(f"{n}: {text}" for n, text in names.items()) for letter, names in meanings.items()}
    if any(formula.definitions for formula in chosen):
        table["Λ"] = "level max(λ, T), in data variance"
    comment = "//   " if target == "javascript" else ""
    symbols = "\n".join(f"{comment}{letter:<4} {meaning}" for letter, meaning in table.items())
    names = "\n".join(f'    "{name}",' for name in sorted(formula.name for formula in chosen))
    header = _HEADERS[target].format(symbols=symbols, names=names)
    return header + "".join(("\n" if target == "javascript" else "\n\n") + body for body in bodies)


def write_or_check(
    module: str, path: Path, fresh: Callable[[], str], arguments: Sequence[str] | None = None, *, printing: bool = False
) -> int:
    """Run the command line of an emitter: write its file, or check that it is what would be written.

    Parameters
    ----------
    module : str
        Name of the module, for the help.
    path : Path
        The generated file.
    fresh : callable
        Makes its content.
    arguments : sequence of str, optional
        The command line; ``sys.argv[1:]`` by default.
    printing : bool
        Whether ``--print TARGET`` prints the catalogue in any language instead.

    Returns
    -------
    int
        Exit status: 1 if ``--check`` finds the file stale.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=f"Write or check {path.name}.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help=f"write {path.name}")
    action.add_argument("--check", action="store_true", help=f"fail if {path.name} is not what would be written")
    if printing:
        action.add_argument("--print", choices=list(_EMITTERS), help="print a module in this language")
    options = parser.parse_args(arguments)
    if printing and options.print:
        sys.stdout.write(emit_module(options.print))
        return 0
    source = fresh()
    if options.write:
        temporary = path.with_suffix(".tmp")
        temporary.write_text(source, encoding="utf-8")
        temporary.replace(path)
        return 0
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    if present == source:
        return 0
    difference = difflib.unified_diff(
        present.splitlines(), source.splitlines(), "committed", "derived", lineterm="", n=1
    )
    for line in list(difference)[:20]:
        print(line, file=sys.stderr)
    print(f"{path.name} is stale: it is not what the derivations say; run: make formulas", file=sys.stderr)
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, check or print the emitted formulas; return the exit status (1 if ``--check`` finds them stale)."""
    return write_or_check("theory.emit", PATH, lambda: emit_module("numpy"), arguments, printing=True)


if __name__ == "__main__":
    sys.exit(main())
