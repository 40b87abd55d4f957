"""Links to forms that go on with what was made: right, escaped, and left out where they are not."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from tasks.artifacts import Gallery, Tile, gallery_markdown
from tasks.next_forms import LONGEST_LINK, NO_FORMS, NextForms, filled_in

_PAGE = "http://prefect/v2/deployments/deployment/1/run"


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40) | st.integers() | st.booleans()))
def test_a_link_carries_what_it_was_given(values: dict[str, object]) -> None:
    link = filled_in(_PAGE, values)
    (carried,) = parse_qs(urlsplit(link).query, strict_parsing=True)["parameters"]
    assert json.loads(carried) == values
    # It stands in Markdown and in HTML as it is.
    assert not set(link.removeprefix(_PAGE)) & set(" ()[]<>\"'`|&#\n")


def test_a_link_that_browsers_or_proxies_may_cut_off_is_left_out() -> None:
    assert len(filled_in(_PAGE, {"prompt": "x" * 5_000})) <= LONGEST_LINK
    assert filled_in(_PAGE, {"prompt": "x" * 10_000}) == ""


def test_only_forms_that_are_there_are_linked_and_the_same_wallet_pays() -> None:
    forms = NextForms(by_title={"Upscale image": _PAGE}, who={"owner": "team"})
    ((words, link),) = forms.for_picture("ast_1")
    assert words == "upscale this"
    assert parse_qs(urlsplit(link).query)["parameters"] == ['{"image":"ast_1","owner":"team"}']
    assert NO_FORMS.for_picture("ast_1") == ()


def test_the_gallery_has_the_links_of_each_picture() -> None:
    links = (("upscale <this>", f"{_PAGE}?parameters=%7B%7D"),)
    tiles = (Tile("a.png", "1 x 1", "http://files/a", "data:x", links),)
    text = gallery_markdown(Gallery(1, tiles), "rest")
    assert f'<br><a href="{_PAGE}?parameters=%7B%7D">upscale &lt;this&gt;</a></td>' in text
    plain = gallery_markdown(Gallery(1, (Tile("a.png", "1 x 1", "http://files/a", "data:x"),)))
    assert "1 x 1</td>" in plain
