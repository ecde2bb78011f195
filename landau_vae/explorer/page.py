"""One HTML file that holds everything it needs: styles, scripts and data inside, no address of anything outside.

Whatever comes from the user (column names, file names, commands) is data here: text goes through `html.escape`, JSON
into a script element with every ``<`` written as an escape, so that no name can end it. A content security policy in
the page allows exactly the script that was put in, by its hash, and no connection at all.

Symbol table
------------
body     HTML between <body> and its scripts
scripts  JavaScript of one module, in the order in which it runs
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib import resources
from typing import Any

__all__ = ["fill", "resource", "script_json", "standalone"]

_ICON = "data:image/svg+xml," + (
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 2c2 15 5 15 7 6 2 9 5 9 7-6' "
    "fill='none' stroke='%230072b2' stroke-width='2'/%3E%3C/svg%3E"
)
_PLACE = re.compile(r"\{\{(\w+)\}\}")


@cache
def resource(name: str) -> str:
    """Return the text of a file that is shipped beside this module."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def script_json(value: Any) -> str:
    r"""Return strict JSON that is safe inside a script element.

    Examples
    --------
    >>> script_json({"column": "</script><b>"})
    '{"column":"\\u003c/script>\\u003cb>"}'
    """
    # Strings are the only place where JSON can hold a "<".
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def fill(template: str, parts: Mapping[str, str]) -> str:
    """Replace every ``{{name}}`` of a template in one pass, so that what is put in is never searched again.

    Parameters
    ----------
    template : str
        HTML.
    parts : mapping of str to str
        HTML for each name, escaped by the caller.

    Raises
    ------
    KeyError
        If the template names a part that is missing.

    Examples
    --------
    >>> fill("<p>{{a}}{{b}}</p>", {"a": "{{b}}", "b": "x"})
    '<p>{{b}}x</p>'
    """
    return _PLACE.sub(lambda place: parts[place[1]], template)


def standalone(title: str, body: str, *, scripts: tuple[str, ...] = ()) -> str:
    """Return a whole page.

    Parameters
    ----------
    title : str
        Plain text; escaped here.
    body : str
        HTML; its author has escaped what is not markup.
    scripts : tuple of str
        Names of shipped JavaScript files, run in this order as one module.

    Returns
    -------
    str
        An HTML document that loads nothing.

    Examples
    --------
    >>> page = standalone("a < b", "<p>text</p>")
    >>> page.count("<title>a &lt; b</title>"), "<script" in page
    (1, False)
    """
    source = "\n" + "\n".join(resource(name) for name in scripts) if scripts else ""
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    allowed = f"'sha256-{digest}'" if scripts else "'none'"
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
    module = f'<script type="module">{source}</script>\n' if scripts else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="{_ICON}">\n'
        f"<style>\n{resource('style.css')}</style>\n</head>\n<body>\n{body}{module}</body>\n</html>\n"
    )
