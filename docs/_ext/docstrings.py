"""Docstrings as pages: symbol tables become tables, works that are cited become citations, names become links.

The docstrings are written to be read in an editor: a symbol table has columns of text under a heading, a name stands in
single backticks, a work by author and arXiv number. What is a name of the API is linked; anything else in backticks is
set as code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

from theory.references import REFERENCES

__all__ = ["cite_works", "setup", "symbol_table"]

_HEADING = "Symbol table"
_COLUMNS = re.compile(r" {2,}")
_RULER = re.compile(r"=+(  +=+)+ *")
_MEMBERS = ("attribute", "property", "method", "classmethod", "staticmethod")
_ARXIV = {r.fields["eprint"]: r.key for r in REFERENCES.values() if "eprint" in r.fields}
_NUMBER = re.compile(r"arXiv:(\d{4}\.\d{4,5})(?! *:cite)")
_NAME = re.compile(r"[A-Za-z_][\w.]*\Z")


def symbol_table(lines: Sequence[str]) -> list[str]:
    """Rewrite the tables of symbols in a module's docstring as list tables of reStructuredText.

    They stand under a heading ``Symbol table``, or between lines of ``=``. Columns begin where those of the first line
    do, but a text may be wider than its column if two spaces follow it; a line that begins with blanks continues the
    one above.

    Examples
    --------
    >>> print("\\n".join(symbol_table(["Symbol table", "---", "symbol  meaning  unit", "T       heat     1", "V"])))
    .. list-table::
       :header-rows: 1
    <BLANKLINE>
       * - symbol
         - meaning
         - unit
       * - T
         - heat
         - 1
       * - V
         -
         -
    <BLANKLINE>
    """
    found: list[str] = []
    rest = list(lines)
    while rest:
        line = rest.pop(0)
        if line.strip() == _HEADING and rest and set(rest[0].strip()) == {"-"}:
            rest.pop(0)
            rows = []
            while rest and rest[0].strip():
                rows.append(rest.pop(0))
            found += _list_table(rows)
        elif _RULER.fullmatch(line) and sum(bool(_RULER.fullmatch(other)) for other in rest) >= 2:
            rows = []
            for _ in range(2):
                while not _RULER.fullmatch(rest[0]):
                    rows.append(rest.pop(0))
                rest.pop(0)
            found += _list_table(rows, [m.start() for m in re.finditer("=+", line)])
        else:
            found.append(line)
    return found


def _list_table(rows: Sequence[str], starts: Sequence[int] | None = None) -> list[str]:
    if not rows:
        return []
    titled = rows[0].startswith("symbol ")
    if not titled and starts is None and not _COLUMNS.search(rows[0].strip()):
        # A sentence in front of a table without titles.
        return [rows[0], "", *_list_table(rows[1:])]
    begins = starts or [0, *(m.end() for m in _COLUMNS.finditer(rows[0].rstrip()))]
    cut: list[list[str]] = []
    for row in rows:
        cells = _cells(row, begins)
        if row.startswith(" ") and cut:
            cut[-1] = [f"{above} {cell}".strip() for above, cell in zip(cut[-1], cells, strict=True)]
        else:
            cut.append(cells)
    made = [".. list-table::", *(["   :header-rows: 1"] if titled or starts else []), ""]
    for cells in cut:
        made += [f"   {'* -' if i == 0 else '  -'} {_escaped(cell)}".rstrip() for i, cell in enumerate(cells)]
    return [*made, ""]


def _cells(row: str, starts: Sequence[int]) -> list[str]:
    """A row cut where the columns start, or where it has spaces next to such a place."""
    cells, place = [], 0
    for start in starts[1:]:
        if len(row) <= start:
            cells.append(row[place:].strip())
            place = len(row)
            continue
        # Back from the place where the column starts, or on from it, to the nearest gap.
        end = start
        while end > place and row[end - 1] != " " and end > start - 2:
            end -= 1
        while end < len(row) and row[end - 1] != " ":
            end += 1
        cells.append(row[place:end].strip())
        place = end
    return [*cells, row[place:].strip()]


def _escaped(cell: str) -> str:
    """Text in which nothing is markup except what is in backticks."""
    parts = re.split(r"(``?[^`]+``?)", cell)
    return "".join(p if i % 2 else re.sub(r"([\\*|_])", r"\\\1", p) for i, p in enumerate(parts))


def cite_works(text: str, role: str = ":cite:`{}`") -> str:
    """Put a citation behind every arXiv number of a known work.

    Examples
    --------
    >>> cite_works("Hirn, arXiv:2605.22691.")
    'Hirn, arXiv:2605.22691 :cite:`hirn2026pruning`.'
    >>> cite_works("arXiv:0000.00000")
    'arXiv:0000.00000'
    """

    def cited(match: re.Match[str]) -> str:
        key = _ARXIV.get(match.group(1))
        return match.group() if key is None else f"{match.group()} {role.format(key)}"

    return _NUMBER.sub(cited, text)


def _process(_: Sphinx, what: str, __: str, ___: Any, ____: Any, lines: list[str]) -> None:
    found = symbol_table(lines) if what == "module" else lines
    # Napoleon takes what stands before a colon in the first line of a constant's docstring for its type.
    first = [""] if what in ("data", "attribute", "property") else []
    lines[:] = [*first, *(cite_works(_plain_bars(line)) for line in found)]


def _plain_bars(line: str) -> str:
    """Bars stand for norms and absolute values, never for substitutions."""
    parts = re.split(r"(``?[^`]+``?)", line)
    return "".join(p if i % 2 else re.sub(r"(?<!\\)\|", r"\\|", p) for i, p in enumerate(parts))


def _name_or_code(
    _: str, rawtext: str, text: str, __: int, inliner: Inliner, options: Any = None, content: Any = ()
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """The role of single backticks."""
    literal = nodes.literal(rawtext, text, classes=["code"])
    if not _NAME.match(text):
        return [literal], []
    env = inliner.document.settings.env
    reference = addnodes.pending_xref(
        rawtext, literal, refdomain="py", reftype="obj", reftarget=text, refexplicit=False, refwarn=False,
        refdoc=env.docname, landau_default=True,
    )  # fmt: skip
    reference.attributes.update(env.ref_context)
    return [reference], []


class Names(SphinxPostTransform):
    """Links what can be linked among backticks, types and annotations, and sets the rest as text.

    Before Sphinx resolves references itself: those are prose that may name anything, so nothing is missing there. What
    stands in a role must resolve, and Sphinx warns of it.
    """

    default_priority = 5

    def run(self, **_: Any) -> None:
        """Replace the references of one page."""
        for node in list(self.document.findall(addnodes.pending_xref)):
            shown = node.children[0] if node.children else nodes.Text("")
            prose = node.get("landau_default") or not isinstance(shown, nodes.literal)
            if node.get("refdomain") == "py" and prose:
                node.replace_self(_linked(self.app, self.env, node) or node.children)


def _linked(app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref) -> nodes.Element | None:
    """A link to what a name stands for: the only one documented, or the nearest to where it is named."""
    target, here = node["reftarget"].lstrip("."), node.get("py:module") or ""
    found = [
        (name, entry)
        for name, entry in env.domains.python_domain.objects.items()
        if (name == target or name.endswith(f".{target}"))
        and not entry.aliased
        # Members have names that others share: only with their class in front, or in it.
        and ("." in target or entry.objtype not in _MEMBERS or name.startswith(f"{here}.{node.get('py:class')}."))
    ]

    def near(name: str) -> int:
        return sum(
            1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(name.split("."), here.split("."), strict=False))
        )

    found = [(name, entry) for name, entry in found if entry.objtype != "module"] or found
    best = [item for item in found if near(item[0]) == max(near(name) for name, _ in found)]
    if len(best) != 1:
        return None
    ((name, entry),) = best
    return make_refnode(
        app.builder, node.get("refdoc", env.docname), entry.docname, entry.node_id, list(node.children), name
    )


def _missing(app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, _: nodes.TextElement) -> Any:
    """Roles too may leave out the module, as a reader of the docstring would."""
    return _linked(app, env, node) if node.get("refdomain") == "py" else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register; before napoleon sees a docstring."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _process, priority=100)
    app.connect("missing-reference", _missing)
    app.add_post_transform(Names)
    app.add_role("name", _name_or_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
