"""Checks a built site: links within resolve, nothing is loaded from elsewhere, links to elsewhere are well formed.

``python docs/_ext/check_html.py build/docs`` prints what is wrong and exits with 1; nothing is fetched.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["Page", "problems"]

# What a browser fetches by itself, by element.
_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
# Relations of <link> that load nothing.
_NOT_LOADED = {"next", "prev", "search", "index", "genindex", "author", "help", "copyright", "canonical"}
_STYLED = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z]{2,}", re.IGNORECASE)


class Page(HTMLParser):
    """Anchors, links and loaded resources of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of one element."""
        found = dict(attrs)
        for name in ("id", "name"):
            if found.get(name):
                self.anchors.add(str(found[name]))
        if tag == "a" and found.get("href") is not None:
            self.links.append(str(found["href"]))
        source = found.get(_LOADED.get(tag, ""))
        if source:
            relations = set((found.get("rel") or "").split())
            (self.links if relations & _NOT_LOADED else self.loaded).append(source)


def problems(site: Path) -> Iterator[str]:
    """Yield what is wrong with a site, one line each."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site} holds no page"
    for style in sorted(site.rglob("*.css")):
        for address in _STYLED.findall(style.read_text(encoding="utf-8")):
            yield f"{style.relative_to(site)} loads {address} from elsewhere"
    for path, page in pages.items():
        here = path.relative_to(site.resolve())
        for target in page.loaded:
            if urlsplit(target).scheme not in ("", "data") or target.startswith("//"):
                yield f"{here} loads {target} from elsewhere"
            elif not target.startswith("data:") and not _file(path, target).is_file():
                yield f"{here} loads {target}, which does not exist"
        for target in page.links:
            wrong = _wrong(path, page, target, pages)
            if wrong:
                yield f"{here} links to {target}: {wrong}"


def _wrong(path: Path, page: Page, target: str, pages: dict[Path, Page]) -> str | None:
    parts = urlsplit(target)
    if parts.scheme in ("http", "https"):
        return None if _HOST.fullmatch(parts.hostname or "") and " " not in target else "malformed address"
    if parts.scheme:
        return None if parts.scheme in ("mailto", "data") else f"scheme {parts.scheme!r}"
    file = _file(path, target) if parts.path else path
    if not file.is_file():
        return "no such file"
    anchor = unquote(parts.fragment)
    if anchor and file in pages and anchor not in pages[file].anchors and anchor != "top":
        return "no such anchor"
    return None


def _file(path: Path, target: str) -> Path:
    return (path.parent / unquote(urlsplit(target).path)).resolve()


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1])))
    print("\n".join(found) or f"{sys.argv[1]}: every link resolves, nothing is loaded from elsewhere")
    sys.exit(1 if found else 0)
