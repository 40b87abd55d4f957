"""Prefect's run forms as a person uses them: found by their labels, filled in, submitted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from playwright.sync_api import Locator, Page, Response, expect
from playwright.sync_api import TimeoutError as TooLate

_PRESSES = 5
_PATIENCE = 5_000
"""Milliseconds until a person presses again."""
ASKED = re.compile(r"/deployments/[0-9a-f-]{36}/create_flow_run$")


@dataclass(frozen=True)
class Answer:
    """What the server said to a form that was submitted.

    Attributes:
        run: the id of the run that it made; empty if it refused.
        refusal: why, in its words; empty if it made one.
        shown: what the page then says below the fields and in its messages.
    """

    run: str
    refusal: str
    shown: str


def open_form(page: Page, address: str, schema: Mapping[str, Any]) -> None:
    """Open a deployment's form and wait until all of its fields are there."""
    _go(page, address)
    # Until all is there, grey bars stand for it.
    expect(page.get_by_text("Enforce Parameter Schema")).to_be_visible()
    expect(page.locator("[data-slot=skeleton], .animate-pulse")).to_have_count(0)
    for each in schema["properties"].values():
        expect(label(page, str(each["title"]))).to_be_visible()


def _go(page: Page, address: str) -> None:
    """Go to a page of Prefect as its own links do: loading all of it anew takes a second of work.

    By another page, so that nothing is left of a form that was open before.
    """
    base, slash, path = address.partition("/v2/")
    if not page.url.startswith(f"{base}{slash}"):
        page.goto(f"{base}{slash}variables")
    for step, there in ((f"{slash}variables", "Variables"), (f"{slash}{path}", "Parameters")):
        page.evaluate("to => window.history.pushState({}, '', to)", step)
        expect(page.get_by_role("main").get_by_text(there, exact=True).first).to_be_visible()


def label(page: Page, title: str) -> Locator:
    """Return the label of a field; where it has a default, Prefect adds a word."""
    return page.locator("label", has_text=re.compile(rf"^{re.escape(title)}( \(Optional\))?$"))


def labelled(page: Page, title: str) -> Locator:
    """Return what the label of that title is for."""
    return page.locator(f'[id="{label(page, title).get_attribute("for")}"]')


def fill(page: Page, field: Mapping[str, Any], value: Any) -> None:
    """Put a value into a field, by what it is in the schema."""
    place = labelled(page, str(field["title"]))
    if field["type"] == "boolean":
        place.set_checked(bool(value))
    elif field["type"] == "array":
        _fill_list(page, place, field, value)
    elif "enum" in field:
        choose(page, place, [str(value)])
    else:
        place.fill(str(value))


def choose(page: Page, place: Locator, wanted: list[str]) -> None:
    """Choose from a list that opens."""
    place.click()
    for each in wanted:
        page.get_by_role("option", name=each, exact=True).click()
    if page.get_by_role("option").count():
        page.keyboard.press("Escape")


def _fill_list(page: Page, place: Locator, field: Mapping[str, Any], values: list[str]) -> None:
    if "enum" in field["items"]:
        choose(page, place, values)
        return
    add = page.get_by_role("button", name="Add item")
    for number, each in enumerate(values):
        add.click()
        page.locator("[data-slot=card]", has=add).locator("textarea").nth(number).fill(each)


def fill_all(page: Page, schema: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Fill in a form; what it said was missing is gone then."""
    for name, value in values.items():
        fill(page, schema["properties"][name], value)
    expect(page.locator("form").get_by_text("is a required property")).to_have_count(0)


def submit(page: Page) -> Answer:
    """Press Submit; return what the server says.

    By the key, since a message of the page may lie over the button. A press while the server still
    judges the last change does nothing (so it is in 3.8.8), and a person presses again.
    """
    answer = next(filter(None, (_press(page) for _ in range(_PRESSES))), None)
    assert answer is not None, "nothing was sent, however often Submit was pressed"
    body = answer.json()
    if answer.status == HTTPStatus.CREATED:
        return Answer(str(body["id"]), "", "")
    refusal = str(body["detail"])
    form = page.locator("form")
    expect(form.get_by_text("is a required property").first).to_be_visible()
    return Answer("", refusal, form.inner_text())


def _press(page: Page) -> Response | None:
    try:
        with page.expect_request(ASKED, timeout=_PATIENCE) as asked:
            page.get_by_role("button", name="Submit").press("Enter")
    except TooLate:
        return None
    answer = asked.value.response()
    # So the server says that its SQLite was locked and nothing was done; the page says so, too.
    busy = answer is not None and answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    return None if busy else answer
