"""The pages of docs/ become a site: every link leads somewhere, and nothing is loaded from afar."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_DOCS = _ROOT / "docs"


class _Loaded(HTMLParser):
    """What a browser fetches by itself for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "link" and told.get("rel") in {"index", "search", "next", "prev", "canonical"}:
            return
        names = {"a": (), "link": ("href",)}.get(tag, ("src", "srcset", "data", "href", "poster"))
        self.addresses += [told[name] or "" for name in names if told.get(name)]


def _build(source: Path, to: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(source), str(to)],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as strictly as `make docs` does it."""
    to = tmp_path_factory.mktemp("site")
    built = _build(_DOCS, to)
    assert built.returncode == 0, built.stderr
    return to


def test_every_page_is_in_the_site_and_every_link_in_it_leads_somewhere(site: Path) -> None:
    pages = {str(page.relative_to(_DOCS).with_suffix("")) for page in _DOCS.rglob("*.md")}
    built = {str(page.relative_to(site).with_suffix("")) for page in site.rglob("*.html")}
    assert pages <= built


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    read = 0
    for page in site.rglob("*.html"):
        parser = _Loaded()
        parser.feed(page.read_text(encoding="utf-8"))
        read += len(parser.addresses)
        assert [each for each in parser.addresses if re.match(r"(\w+:)?//", each)] == [], page.name
    assert read > 100, "pages load styles and scripts"
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"(url\(|@import)\s*[\"']?(\w+:)?//", text), sheet.name


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    (source / "conf.py").write_bytes((_DOCS / "conf.py").read_bytes())
    links = "[x](nowhere.md) [y](index.md#nowhere) [z](../nowhere.py)"
    (source / "index.md").write_text(f"# Home\n\n{links}\n", encoding="utf-8")
    built = _build(source, tmp_path / "site")
    assert built.returncode != 0
    assert built.stderr.count("nowhere") == 3, built.stderr
