"""How the pages of docs/ become a site (`make docs`): Sphinx reads them as GitHub does.

Nothing of the site comes from elsewhere: no fonts, no scripts of others' servers.
"""

import posixpath
import re
from pathlib import Path

project = "Image Studio"
html_title = "Image Studio"
author = "Image Studio"
extensions = ["myst_parser"]
html_theme = "furo"
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
# Links to headings, as deep as the pages have them, by the names that GitHub gives them.
myst_heading_anchors = 4
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # there is no colouring for CSV
exclude_patterns = ["site"]

ROOMS = {
    "batches/README.md": "docs/rooms/batches.md",
    "billing/README.md": "docs/rooms/billing.md",
    "billing/accounts/README.md": "docs/rooms/accounts.md",
    "benchmarks/README.md": "docs/rooms/benchmarks.md",
}
"""Pages that lie beside the code, and where the site has them."""

_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")


def _read(app, name, source) -> None:  # noqa: ANN001 - Sphinx's own
    """Put a room's page where the site has it, and have links to it lead there.

    On GitHub the page stays beside the code, and links lead there.
    """
    here = f"docs/{name}.md"
    room = next((each for each, page in ROOMS.items() if page == here), "")
    if room:
        path = Path(app.srcdir).parent / room
        app.env.note_dependency(path)
        source[0] = path.read_text(encoding="utf-8")

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(room or here), link[1]))
        return f"]({posixpath.relpath(ROOMS.get(target, target), posixpath.dirname(here))}"

    source[0] = _LINK.sub(moved, source[0])


def setup(app) -> None:  # noqa: ANN001 - Sphinx's own
    """Tell Sphinx of it."""
    app.connect("source-read", _read)
