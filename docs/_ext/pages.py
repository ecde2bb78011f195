"""Writes everything that is generated into ``docs/generated`` before Sphinx reads a page.

Derivations, class table, notation, assumptions, claims, ledger, bibliography, command line, API and notebooks: each
from the one place where it is kept. A file is touched only if its text changed: Sphinx reads again only what did.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from api_pages import api_pages, command_line
from derivation_pages import ORDER, assumptions, class_table, derivation_pages, notation, undecided
from docstrings import cite_works
from myst_text import cited, plain, table
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

from theory.references import CLAIM_SOURCES, REFERENCES
from verify.ledger import CLAIMS

__all__ = ["bibtex", "conditions", "generate", "ledger", "notebooks", "setup"]

# The command that prints a derivation.
_DERIVED_BY = re.compile(r"`landau-vae derive ([a-z-]+)`")


def bibtex() -> str:
    """Every reference; what BibTeX styles do not know is ``misc``."""
    entries = [reference.bibtex() for reference in REFERENCES.values()]
    return "\n\n".join(entry.replace("@software{", "@misc{", 1) for entry in entries) + "\n"


def sources() -> str:
    """Every derivation and claim with the works it rests on."""
    return table(["claim or derivation", "sources"], [[f"`{k}`", cited(v)] for k, v in CLAIM_SOURCES.items()]) + "\n"


def conditions() -> str:
    """Claims that need a condition or are known to fail somewhere."""
    rows = [
        [f"{plain(c.statement)} ({cited(c.source)})", plain(c.conditions or "—"), plain(c.fails_when or "—")]
        for c in CLAIMS
        if c.conditions or c.fails_when
    ]
    return table(["claim", "holds under", "known to fail when"], rows) + "\n"


def ledger(path: Path) -> str:
    """The ledger, with links from its claims to their derivations.

    Raises
    ------
    ExtensionError
        If the page is not there or is not the ledger.
    """
    remedy = "run: make claims"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ExtensionError(f"the ledger {path} cannot be read ({error.strerror}); {remedy}") from error
    missing = [claim.id for claim in CLAIMS if f"## {claim.id}\n" not in text]
    if missing:
        raise ExtensionError(f"the ledger {path} lacks the claim {missing[0]!r}; {remedy}")

    return "(claims-ledger)=\n\n" + _linked(text)


def _linked(text: str) -> str:
    """Text in which a derivation's command leads to its page."""

    def link(match: re.Match[str]) -> str:
        name = match.group(1)
        return f"[{match.group()}](#theory-{name})" if name in ORDER else match.group()

    return _DERIVED_BY.sub(link, text)


def notebooks(committed: Path, executed: Path) -> dict[str, str]:
    """The executed notebooks by file name.

    Raises
    ------
    ExtensionError
        If one of the committed notebooks was not executed.
    """
    names = sorted(path.name for path in committed.glob("*.ipynb"))
    missing = [name for name in names if not (executed / name).is_file()]
    if missing:
        raise ExtensionError(
            f"{executed} lacks the executed notebook {missing[0]}; run: python -m pytest tests/test_notebooks.py"
        )
    return {name: _folded((executed / name).read_text(encoding="utf-8")) for name in names}


def _folded(notebook: str) -> str:
    """Solutions are for those who ask: their cells are folded away; works are cited, derivations linked."""
    content = json.loads(notebook)
    for cell in content["cells"]:
        tags = cell["metadata"].setdefault("tags", [])
        if "solution" in tags:
            tags.append("hide-cell")
        if cell["cell_type"] == "markdown":
            text = _linked("".join(cell["source"]))
            cell["source"] = cite_works(text, "{{cite}}`{}`")
    return json.dumps(content, ensure_ascii=False, indent=1)


def generate(folder: Path, ledger_page: Path, executed: Path) -> None:
    """Write all generated pages under a folder, and remove what is no longer generated."""
    pages = {f"theory/{name}.md": page for name, page in derivation_pages().items()}
    pages |= {f"api/{name}": page for name, page in api_pages().items()}
    pages |= {f"notebooks/{name}": page for name, page in notebooks(folder.parents[1] / "notebooks", executed).items()}
    pages |= {
        "references.bib": bibtex(),
        "ledger.md": ledger(ledger_page),
        "command-line.md": command_line(),
        "class-table.inc": class_table(),
        "notation.inc": notation(),
        "assumptions.inc": assumptions(),
        "undecided.inc": undecided(),
        "conditions.inc": conditions(),
        "sources.inc": sources(),
    }
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _before_reading(app: Sphinx, config: Config) -> None:
    root = Path(app.srcdir).parent
    generate(Path(app.srcdir) / "generated", root / config.landau_ledger, root / config.landau_notebooks)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register; the two paths are relative to the root of the repository."""
    app.add_config_value("landau_ledger", "CLAIMS.md", "env", str)
    app.add_config_value("landau_notebooks", "build/notebooks", "env", str)
    # Before the bibliography is read.
    app.connect("config-inited", _before_reading, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
