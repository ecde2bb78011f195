"""A derivation refuses what does not follow, and prints what does."""

import json
import subprocess
import sys

import pytest
import sympy as sp

from theory import linear_mode
from theory.derivation import Derivation, DerivationError, Quantity, Step, is_positive, vanishes
from theory.errors import InputError
from theory.kl_identity import derive_kl_identity
from theory.linear_gaussian import derive_linear
from theory.loss import derive_conversions, derive_loss
from theory.references import CLAIM_SOURCES, REFERENCES, cite, source_line

X = sp.Symbol("x", positive=True)
ALL = (derive_loss, derive_conversions, derive_kl_identity, derive_linear)


def step(**changes):
    """A correct step, changed."""
    fields = {
        "name": "root",
        "expression": sp.Eq(X, 2),
        "reason": "The positive root of x² = 4.",
        "check": "substituted back",
        "residuals": ((X**2 - 4).subs(X, 2),),
        "positives": (),
    }
    return Step(**(fields | changes))


def derivation(**changes):
    fields = {
        "name": "square",
        "title": "A square root",
        "sources": ("lucas2019",),
        "assumptions": ("x is positive.",),
        "quantities": (Quantity(X, "the unknown"),),
        "steps": (step(),),
    }
    return Derivation(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"residuals": ((X**2 - 4).subs(X, 3),)}, "residual 5 is not shown to vanish"),
        ({"residuals": (sp.Rational(1, 10**40),)}, "is not shown to vanish"),  # exact: nothing is small
        ({"residuals": (sp.log(X + 1) - sp.log(X),)}, "is not shown to vanish"),
        ({"residuals": (sp.sqrt(X**2 + 1) - X,)}, "is not shown to vanish"),
        ({"positives": (X - 1,)}, "is not shown to be positive"),
        ({"residuals": ()}, "checks nothing"),
        ({"reason": "two\nlines"}, "one line"),
        ({"check": ""}, "a check in words"),
    ],
)
def test_wrong_step_is_refused(changes, message):
    with pytest.raises(DerivationError, match=message):
        step(**changes)


def test_an_error_of_the_theory_is_not_the_users():
    assert not issubclass(DerivationError, InputError)


def test_vanishes_knows_logarithms_and_radicals():
    a, b = sp.symbols("a b", positive=True)
    assert vanishes(sp.log(a / b) + sp.log(b) - sp.log(a))
    assert vanishes(sp.log(1 - (a - b) / a) - sp.log(b / a))
    assert vanishes(sp.sqrt(a - b) ** 2 / a + b / a - 1)
    assert is_positive((a + b) / (1 + a)) and not is_positive(a - b)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": (step(), step())}, "repeats step names"),
        ({"sources": ("nobody1900",)}, "unknown works"),
        ({"quantities": ()}, r"undeclared symbols \['x'\]"),
    ],
)
def test_inconsistent_derivation_is_refused(changes, message):
    with pytest.raises(DerivationError, match=message):
        derivation(**changes)


def test_steps_are_found_by_name():
    square = derivation()
    assert square["root"].rhs == 2 and len(square) == 1 and [s.name for s in square] == ["root"]
    with pytest.raises(InputError, match="no step 'roots'; its steps are root"):
        square["roots"]


def test_check_finds_a_step_that_was_tampered_with():
    square = derivation()
    assert square.check() == 1
    object.__setattr__(square["root"], "residuals", (X,))
    with pytest.raises(DerivationError):
        square.check()


@pytest.mark.parametrize(
    ("branch", "symbol", "wrong"),
    [
        ("ACTIVE", linear_mode.S, linear_mode.LAMBDA / linear_mode.T),  # inverted width
        ("ACTIVE", linear_mode.W, sp.sqrt(linear_mode.LAMBDA - linear_mode.T / 2)),  # wrong threshold
        ("COLLAPSED", linear_mode.S, sp.Integer(2)),
    ],
)
def test_planted_fault_in_a_branch_is_refused(monkeypatch, branch, symbol, wrong):
    monkeypatch.setitem(getattr(linear_mode, branch), symbol, wrong)
    with pytest.raises(DerivationError):
        linear_mode.branch_steps(linear_mode.mode_free_energy())


def test_a_notebook_shows_words_as_words():
    page = step(reason="Dropped: T*M**8/4 and e_2.")._repr_markdown_()
    assert page == "Dropped: T\\*M\\*\\*8/4 and e\\_2.\n\n$$\nx = 2\n$$\n\n*Checked: substituted back.*"


@pytest.mark.parametrize("derive", ALL)
def test_every_output_form(derive):
    whole = derive()
    text, tex = whole.to_text(width=80), whole.to_latex()
    assert max(map(len, text.splitlines())) <= 80
    for one in whole:
        assert f". {one.name}\n" in text and one.latex in tex
    assert tex.isascii()
    shown = [one._repr_markdown_() for one in whole]
    assert all(f"$$\n{one.latex}\n$$" in page for one, page in zip(whole, shown, strict=True))
    parsed = json.loads(json.dumps(whole.to_json(), allow_nan=False))
    assert [entry["name"] for entry in parsed["steps"]] == [one.name for one in whole]
    assert all(entry["residuals"] + entry["positives"] > 0 for entry in parsed["steps"])
    assert whole.check() >= len(whole)


def test_text_in_ascii_and_too_narrow():
    drawn = derivation().to_text(unicode=False).split("1. root")[1]
    assert "x = 2" in drawn
    with pytest.raises(InputError, match="at least 40 columns, got 10"):
        derivation().to_text(width=10)


def test_every_claim_has_sources_and_every_derivation_is_a_claim():
    assert all(key in REFERENCES for keys in CLAIM_SOURCES.values() for key in keys)
    assert {"loss", "conversions", "kl-identity", "linear"} <= set(CLAIM_SOURCES)


@pytest.mark.parametrize("key", REFERENCES)
def test_bibtex_is_balanced(key):
    entry = cite(key)
    assert entry.startswith("@") and entry.count("{") == entry.count("}") and entry.isascii()


def test_cite_a_claim_and_an_unknown_name():
    assert cite("threshold").count("\n@") == len(CLAIM_SOURCES["threshold"]) - 1
    assert "2605.22691" in cite("signal-fraction") and "landau-vae" in cite()
    with pytest.raises(InputError, match="unknown name 'phlogiston'.*lucas2019.*threshold"):
        cite("phlogiston")
    with pytest.raises(InputError, match="unknown work"):
        source_line("phlogiston")


def test_citing_does_not_import_sympy():
    code = (
        "import sys, theory, theory.errors, theory.references, numerics._formulas; theory.cite();"
        "sys.exit('sympy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
