"""Checks a built site: `python docs/_ext/site_check.py FOLDER` prints links that lead nowhere, and loads from afar."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The names of places on a page, where its links lead, and what a browser loads for it."""

    def __init__(self, text: str):
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        result = dict(attrs)
        self.places |= {str(result[name]) for name in ("id", "name") if result.get(name)}
        if tag == "a" and result.get("href"):
            self.links.append(str(result["href"]))
        if tag in ("script", "img", "iframe", "source") and result.get("src"):
            self.loaded.append(str(result["src"]))
        if tag == "link" and result.get("rel") in ("stylesheet", "preload", "icon", "shortcut icon"):
            self.loaded.append(str(result.get("href")))


def faults(root: Path) -> list[str]:
    """Return what is wrong with the site in a folder, a sentence for each fault."""
    root = root.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.html"))}
    wrong = [] if pages else [f"{root} holds no page"]
    for path, page in pages.items():
        where = path.relative_to(root)  # pages of source name things by their module, not by where they are documented
        wrong += [f"{where} loads {url} from a network" for url in page.loaded if "//" in url.split("?")[0]]
        for link in page.links + page.loaded:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            if not target.exists():
                wrong.append(f"{where} links to {link}, which is not there")
            elif (
                where.parts[0] != "_modules"
                and url.fragment
                and target in pages
                and unquote(url.fragment) not in pages[target].places
            ):
                wrong.append(f"{where} links to {link}, and the page has no such place")
    for style in root.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        wrong += [
            f"{style.name} loads from a network"
            for word in ("url(http", "url('http", 'url("http', "@import")
            if word in text
        ]
    if not (root / "searchindex.js").is_file():
        wrong.append("there is no search index")
    return wrong


if __name__ == "__main__":
    found = faults(Path(sys.argv[1]))
    print("\n".join(found) or "every link of the site leads somewhere, and nothing needs a network")
    sys.exit(bool(found))
