"""The emitted code is current, deterministic and says what the derivations say."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics import _formulas
from theory import emit
from theory.derivation import DerivationError
from theory.errors import InputError
from theory.formulas import Argument, Formula, catalogue

FORMULAS = {formula.name: formula for formula in catalogue()}
EXACT = settings(derandomize=True, deadline=None, max_examples=8)
rationals = st.fractions(min_value="1/64", max_value=64, max_denominator=64)
# A handful of roundings; the terms of F may cancel, hence the absolute part, on values below 1e6.
CLOSE = {"rtol": 1e-12, "atol": 1e-9}


def arguments_of(formula, draws):
    """Exact arguments in range: a signal fraction stays below one."""
    values = {}
    for argument, draw in zip(formula.arguments, draws, strict=False):
        number = sp.Rational(draw.numerator, draw.denominator)
        values[argument.symbol] = number / (1 + number) if argument.name == "signal_fraction" else number
    return values


def reference(formula, values):
    """Evaluated by SymPy at 30 digits, then rounded."""
    result = formula.evaluate(values)
    if formula.kind == "vector":
        return [float(sp.N(entry, 30)) for entry in result]
    if formula.kind == "matrix":
        return [[float(sp.N(entry, 30)) for entry in row] for row in result.tolist()]
    if formula.kind == "tuple":
        return [float(sp.N(entry, 30)) for entry in result]
    return float(sp.N(result, 30))


@pytest.fixture(scope="module")
def plain():
    """The dependency-free Python target, executed."""
    namespace = {}
    exec(compile(emit.emit_module("python"), "emitted", "exec"), namespace)
    return namespace


def test_committed_file_is_current(capsys):
    assert emit.main(["--check"]) == 0, capsys.readouterr().err


def test_stale_file_is_reported_and_rewritten(tmp_path, monkeypatch, capsys):
    copy = tmp_path / "_formulas.py"
    fresh = emit.emit_module("numpy")
    copy.write_text(fresh.replace("return np.log(Λ/T)/2", "return np.log(Λ/T)"), encoding="utf-8")
    monkeypatch.setattr(emit, "PATH", copy)
    assert emit.main(["--check"]) == 1
    message = capsys.readouterr().err
    assert "+    return np.log(Λ/T)/2" in message and message.endswith("run: make formulas\n")
    copy.unlink()
    assert emit.main(["--check"]) == 1
    assert emit.main(["--write"]) == 0 and emit.main(["--check"]) == 0
    assert copy.read_text(encoding="utf-8") == fresh and list(tmp_path.iterdir()) == [copy]


def test_output_does_not_depend_on_hash_order():
    environment = os.environ | {"PYTHONHASHSEED": "12345", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "theory.emit", "--check"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", FORMULAS)
@EXACT
@given(draws=st.lists(rationals, min_size=5, max_size=5))
def test_numpy_and_python_against_sympy(name, plain, draws):
    formula = FORMULAS[name]
    values = arguments_of(formula, draws)
    numbers = [float(values[argument.symbol]) for argument in formula.arguments]
    # The reference takes the arguments as the floats they are.
    exact = reference(formula, {symbol: sp.Rational(float(value)) for symbol, value in values.items()})
    np.testing.assert_allclose(getattr(_formulas, name)(*numbers), exact, **CLOSE)
    np.testing.assert_allclose(plain[name](*numbers), exact, **CLOSE)


@pytest.mark.parametrize("name", FORMULAS)
def test_numpy_broadcasts(name):
    formula = FORMULAS[name]
    grids = np.meshgrid(*(np.linspace(0.2, 0.9, 2 + i) for i in range(len(formula.arguments))), indexing="ij")
    sparse = np.meshgrid(
        *(np.linspace(0.2, 0.9, 2 + i) for i in range(len(formula.arguments))), indexing="ij", sparse=True
    )
    function = getattr(_formulas, name)
    if formula.kind == "tuple":
        for part, whole in zip(function(*sparse), function(*grids), strict=True):
            assert np.array_equal(np.broadcast_to(part, whole.shape), whole)
        return
    trailing = {"number": (), "vector": (3,), "matrix": (3, 3)}[formula.kind]
    assert function(*sparse).shape == grids[0].shape + trailing
    assert np.array_equal(function(*sparse), function(*grids))


def test_javascript_against_numpy(tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    module = tmp_path / "formulas.mjs"
    calls = {name: [0.3 + 0.17 * i for i in range(len(f.arguments))] for name, f in FORMULAS.items()}
    lines = [f'  "{name}": f.{emit.camel(name)}(...{json.dumps(numbers)}),' for name, numbers in calls.items()]
    module.write_text(emit.emit_module("javascript"), encoding="utf-8")
    main = tmp_path / "main.mjs"
    main.write_text(
        "import * as f from './formulas.mjs';\nconsole.log(JSON.stringify({\n" + "\n".join(lines) + "\n}));\n",
        encoding="utf-8",
    )
    done = subprocess.run([node, str(main)], capture_output=True, text=True, check=True)
    for name, value in json.loads(done.stdout).items():
        # The same few operations; only log and pow may differ in the last digit.
        np.testing.assert_allclose(value, np.array(getattr(_formulas, name)(*calls[name])), rtol=1e-14, atol=1e-14)


def test_collapsed_modes_are_exactly_collapsed():
    """Λ = T makes every ratio exactly one: no mode of variance 0 or below T leaks a rounding error."""
    lam, t = np.array([0.0, 1e-300, 0.1, 0.3]), 0.3
    assert np.array_equal(_formulas.signal_fraction(lam, t), np.zeros(4))
    assert np.array_equal(_formulas.rate(lam, t), np.zeros(4))
    for name in ("distortion", "distortion_posterior_mean", "free_energy"):
        assert np.array_equal(getattr(_formulas, name)(lam, t), lam), name
    assert np.array_equal(_formulas.posterior_variance(lam, t), np.ones(4))
    assert np.array_equal(_formulas.decoder_weight_squared(lam, t), np.zeros(4))


def test_gradient_and_hessian_by_random_directional_derivatives():
    rng = np.random.default_rng(5)
    for _ in range(5):
        point, direction, step = rng.uniform(0.3, 1.5, size=5), rng.normal(size=3), 1e-5
        moved = [np.concatenate([point[:3] + sign * step * direction, point[3:]]) for sign in (1, -1)]
        slope = (_formulas.mode_free_energy(*moved[0]) - _formulas.mode_free_energy(*moved[1])) / (2 * step)
        turn = (_formulas.mode_gradient(*moved[0]) - _formulas.mode_gradient(*moved[1])) / (2 * step)
        # Central differences: error h² times third derivatives of order 100, plus rounding over h.
        np.testing.assert_allclose(_formulas.mode_gradient(*point) @ direction, slope, atol=1e-6)
        np.testing.assert_allclose(_formulas.mode_hessian(*point) @ direction, turn, atol=1e-6)


def test_unknown_target_and_formula_with_a_free_symbol():
    with pytest.raises(InputError, match="target must be one of numpy, python, javascript, got 'fortran'"):
        emit.emit_function(catalogue()[0], "fortran")
    with pytest.raises(InputError, match="target must be"):
        emit.emit_module("fortran")
    x, y = sp.symbols("x y")
    with pytest.raises(DerivationError, match="not arguments"):
        Formula("f", "f.", (Argument(x, "x", "x"),), x + y, "f", "linear", "rate", {x: sp.S.One})
    with pytest.raises(DerivationError, match="example value"):
        Formula("f", "f.", (Argument(x, "x", "x"),), x, "f", "linear", "rate", {})


def test_powers_and_logarithms_are_safe_in_every_language(tmp_path):
    """What the printer may meet: a negated power, a power in a denominator, a cubic root, nested extremes."""
    x, y = sp.symbols("x y", positive=True)
    result = (
        -(x**2)
        - y / (x + y) ** 3
        + sp.log(1 + x * y) / x**2
        + sp.sqrt(x) ** 3
        + sp.Max(x, y, sp.Rational(1, 3)) / (x * y)
    )
    arguments = (Argument(x, "x", "x"), Argument(y, "other", "y"))
    formula = Formula("f", "f.", arguments, result, "f", "linear", "rate", {x: sp.Rational(1, 3), y: sp.Integer(2)})
    expected = float(sp.N(formula.evaluate(formula.example), 30))
    for target in ("numpy", "python"):
        namespace = {}
        exec(emit.emit_module(target, [formula]), namespace)
        assert namespace["f"](1 / 3, 2.0) == pytest.approx(expected, rel=1e-14)
    node = shutil.which("node")
    if node:
        file = tmp_path / "f.mjs"
        file.write_text(emit.emit_module("javascript", [formula]) + "console.log(f(1/3, 2));\n", encoding="utf-8")
        printed = subprocess.run([node, str(file)], capture_output=True, text=True, check=True).stdout
        assert float(printed) == pytest.approx(expected, rel=1e-14)
