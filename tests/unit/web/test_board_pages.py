"""A board as guests see it: what a link lets, what it never lets, and how it ends."""

from __future__ import annotations

import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import select

from engine.tables import outbox
from interfaces.web.boards import LARGEST_FORM
from library import find_asset, uses_of
from library.board_guests import VISIT, comments_of, decisions_of
from library.board_links import link_of_token, links_of, revoke_link
from library.boards import create_board, remove_board
from library.guesses import ADDRESS_PASSWORDS, LINK_PASSWORDS, UNKNOWN_LINKS
from library.ordering import entitle
from library.trash import restore, trash
from studio import clock, passwords
from tests.support.studios import OWNER
from tests.unit.web.conftest import SECRET, Browser, House, photo


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords quickly: these tests guess a hundred times."""
    monkeypatch.setattr(passwords, "_LOG_N", 4)
    monkeypatch.setattr(passwords, "_P", 1)


def told(house: House) -> list[tuple[str, Any]]:
    query = select(outbox.c.event, outbox.c.payload).order_by(outbox.c.created_at, outbox.c.id)
    with house.studio.database.read() as connection:
        return [(row.event, row.payload) for row in connection.execute(query)]


def is_closed(answer: httpx.Response) -> bool:
    return answer.status_code == 404 and "There is nothing behind this link" in answer.text


def test_a_guest_sees_the_board_and_nothing_of_its_owners_words(house: House) -> None:
    house.write(entitle, OWNER, house.assets[1], "Blue <script>alert(1)</script>")
    _, token = house.link()
    ann = house.guest(token)
    page = ann.get()
    assert page.status_code == 200
    assert "Foxes &lt;b&gt;&amp; owls&lt;/b&gt;" in page.text
    assert "&lt;i&gt;look&lt;/i&gt;" in page.text
    assert "Blue &lt;script&gt;alert(1)" in page.text
    assert "<script" not in page.text
    assert "Picture 1" in page.text
    for item in house.items:
        page_of_one = ann.get(f"/{item}")
        assert page_of_one.status_code == 200
        for text in (page.text, page_of_one.text):
            for hidden in ("secret-prompt-words", "blue.jpg", OWNER, *house.assets, "Download"):
                assert hidden not in text
    headers = page.headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
    assert headers["cache-control"] == "no-store"
    assert ann.get("/boards/board.css").headers["content-type"].startswith("text/css")


def test_the_cookie_is_for_this_board_alone_and_not_for_programs(house: House) -> None:
    _, token = house.link()
    cookie = house.guest(token).get().headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert f"path=/boards/{token}".lower() in cookie


def test_pictures_are_shown_small_and_large_without_metadata(house: House) -> None:
    _, token = house.link()
    ann = house.guest(token)
    ann.get()
    small = ann.get(f"/{house.items[0]}/thumbnail")
    large = ann.get(f"/{house.items[0]}/preview")
    with house.studio.database.read() as connection:
        kept = find_asset(connection, OWNER, house.assets[0])
    for answer, longest in ((small, 256), (large, 1_600)):
        assert kept.sha256[:16] not in str(answer.headers)
        assert answer.headers["content-type"] == "image/webp"
        assert SECRET not in answer.content
        assert "noindex" in answer.headers["x-robots-tag"]
        with Image.open(io.BytesIO(answer.content)) as image:
            assert max(image.size) == longest
    again = ann.get(f"/{house.items[0]}/preview", headers={"If-None-Match": large.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert house.read(uses_of, OWNER, house.assets[0]) == {"view": 0, "download": 0, "share": 1}


def test_files_are_given_only_by_links_that_let_and_without_places(house: House) -> None:
    _, token = house.link()
    ann = house.guest(token)
    ann.get()
    assert is_closed(ann.get(f"/{house.items[0]}/file"))
    assert is_closed(ann.get("/all.zip"))
    link, token = house.link(download=True)
    bob = house.guest(token)
    bob.get()
    assert "Download" in bob.get(f"/{house.items[0]}").text
    taken = bob.get(f"/{house.items[1]}/file")
    assert taken.headers["content-disposition"] == 'attachment; filename="002-image.jpg"'
    assert SECRET not in taken.content
    with (
        Image.open(io.BytesIO(taken.content)) as image,
        Image.open(io.BytesIO(photo("blue"))) as kept,
    ):
        assert image.tobytes() == kept.tobytes()
    # A text from outside may say anything about where and who.
    assert is_closed(bob.get(f"/{house.items[2]}/file"))
    packed = bob.get("/all.zip")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as files:
        assert files.namelist() == ["001-image.jpg", "002-image.jpg"]
        assert files.testzip() is None
        assert files.read("002-image.jpg") == taken.content
        assert SECRET not in files.read("001-image.jpg")
    assert bob.ask("HEAD", "/all.zip").status_code == 200
    (kept_link,) = [it for it in house.read(links_of, OWNER, house.board) if it.id == link.id]
    assert kept_link.downloads == 3
    assert house.read(uses_of, OWNER, house.assets[1])["download"] == 2
    assert house.whats().count("downloaded") == 2


def test_a_link_with_details_shows_and_gives_everything(house: House) -> None:
    _, token = house.link(download=True, details=True)
    ann = house.guest(token)
    ann.get()
    assert "secret-prompt-words.jpg" in ann.get(f"/{house.items[0]}").text
    assert ann.get(f"/{house.items[1]}/file").content == photo("blue")
    assert ann.get(f"/{house.items[2]}/file").content == b"a note"
    with zipfile.ZipFile(io.BytesIO(ann.get("/all.zip").content)) as files:
        assert len(files.namelist()) == 3


def test_nothing_but_what_is_on_the_board_is_reached(house: House) -> None:
    other = house.write(create_board, OWNER, "Other", assets=[house.beside])
    with house.studio.database.read() as connection:
        from library.board_items import items_on

        elsewhere = items_on(connection, other.id)[0].id
    _, token = house.link(download=True, details=True)
    ann = house.guest(token)
    ann.get()
    for foreign in (elsewhere, house.beside, house.assets[0], "itm_x", "..", "%00"):
        for path in ("", "/thumbnail", "/preview", "/file", "/file?play=1"):
            answer = ann.get(f"/{foreign}{path}")
            assert answer.status_code == 404, (foreign, path)
        mark = ann.mark(house.items[0])
        said = ann.post(f"/{foreign}/comment", form=mark, name="Ann", text="x")
        assert said.status_code == 404
        decided = ann.post(f"/{foreign}/decision", form=mark, name="Ann", decision="approved")
        assert decided.status_code == 404


def test_what_is_in_the_trash_is_gone_for_guests(house: House) -> None:
    _, token = house.link(download=True)
    ann = house.guest(token)
    ann.get()
    house.write(trash, OWNER, [house.assets[0]])
    assert house.items[0] not in ann.get().text
    for path in ("", "/thumbnail", "/preview", "/file"):
        assert is_closed(ann.get(f"/{house.items[0]}{path}"))
    with zipfile.ZipFile(io.BytesIO(ann.get("/all.zip").content)) as files:
        assert files.namelist() == ["001-image.jpg"]
    house.write(restore, OWNER, [house.assets[0]])
    assert house.items[0] in ann.get().text


def test_links_that_show_nothing_are_all_alike(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoked, expired, used_up = (house.link(most_views=1) for _ in range(3))
    house.write(revoke_link, OWNER, house.board, revoked[0].id)
    gone = house.write(create_board, OWNER, "Gone")
    assert house.guest(used_up[1]).post().status_code == 303
    before = clock.now()
    deleted_token = "A" * 43
    house.write(remove_board, OWNER, gone.id)
    monkeypatch.setattr(clock, "now", lambda: before + timedelta(days=29))
    answers = [house.guest(token).get() for token in (revoked[1], used_up[1], deleted_token, "x")]
    monkeypatch.setattr(clock, "now", lambda: before + timedelta(days=31))
    answers += [house.guest(expired[1]).get(), house.guest(expired[1]).post()]
    assert all(map(is_closed, answers))
    assert len({each.text for each in answers}) == 1
    assert len({tuple(sorted(each.headers.items())) for each in answers}) == 1


def test_a_revoked_link_ends_for_who_has_opened_it(house: House) -> None:
    link, token = house.link(download=True)
    ann = house.guest(token)
    ann.get()
    mark = ann.mark(house.items[0])
    house.write(revoke_link, OWNER, house.board, link.id)
    for path in ("", f"/{house.items[0]}", f"/{house.items[0]}/preview", "/all.zip"):
        assert is_closed(ann.get(path))
    said = ann.post(f"/{house.items[0]}/comment", form=mark, name="Ann", text="x")
    assert is_closed(said)


def test_a_link_of_few_openings_is_opened_on_purpose_and_once_for_each_browser(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, token = house.link(most_views=2)
    ann, bob, eve = (house.guest(token) for _ in range(3))
    for _ in range(3):
        page = ann.get()
        assert (page.status_code, "set-cookie" in page.headers) == (200, False)
        assert "limited number of times" in page.text
        assert "Foxes" not in page.text
    assert ann.get(f"/{house.items[0]}").status_code == 303
    assert ann.get(f"/{house.items[0]}/preview").status_code == 404
    assert ann.post().status_code == 303
    assert ann.post().status_code == 303
    for _ in range(3):
        assert "Foxes" in ann.get().text
    assert bob.post().status_code == 303
    assert is_closed(eve.get())
    assert is_closed(eve.post())
    assert "Foxes" in ann.get().text
    (kept,) = house.read(links_of, OWNER, house.board)
    assert (kept.id, kept.views) == (link.id, 2)
    later = clock.now() + VISIT
    monkeypatch.setattr(clock, "now", lambda: later)
    assert is_closed(ann.get())


def test_of_two_openings_at_once_the_last_one_is_had_once(house: House) -> None:
    _, token = house.link(most_views=1)
    start = threading.Barrier(6)

    def attempt(_: int) -> int:
        guest = house.guest(token)
        start.wait()
        return guest.post().status_code

    with ThreadPoolExecutor(6) as threads:
        codes = sorted(threads.map(attempt, range(6)))
    assert codes == [303, 404, 404, 404, 404, 404]


def test_programs_that_only_look_open_nothing(house: House) -> None:
    _, token = house.link()
    guest = house.guest(token)
    assert guest.ask("HEAD").status_code == 200
    assert guest.get(headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 200
    link = house.read(link_of_token, token)
    assert link.views == 0
    guest.get()
    guest.get()
    assert house.read(link_of_token, token).views == 1
    assert [event for event, _ in told(house)] == ["board.opened"]


@pytest.mark.usefixtures("quick")
def test_a_password_opens_and_no_other_word_does(house: House) -> None:
    _, token = house.link("correct horse")
    ann = house.guest(token)
    page = ann.get()
    assert 'type="password"' in page.text
    assert "Foxes" not in page.text
    wrong = ann.unlock("battery staple")
    assert wrong.status_code == 403
    assert "not the password" in wrong.text
    assert "battery" not in wrong.text
    assert ann.post().status_code == 403
    assert ann.get(f"/{house.items[0]}/preview").status_code == 404
    assert ann.unlock("correct horse").status_code == 303
    assert "Foxes" in ann.get().text
    assert house.whats()[-3:] == ["wrong_password", "wrong_password", "opened"]


@pytest.mark.usefixtures("quick")
def test_guessing_a_password_ends_by_address_and_by_link(house: House) -> None:
    _, token = house.link("correct horse")
    guest = house.guest(token)
    for _ in range(ADDRESS_PASSWORDS.most):
        assert guest.unlock("x").status_code == 403
    stopped = guest.unlock("correct horse")
    assert stopped.status_code == 429
    assert 0 < int(stopped.headers["retry-after"]) <= 900
    number = ADDRESS_PASSWORDS.most
    while number < LINK_PASSWORDS.most:
        other = house.guest(token, f"203.0.113.{number}")
        assert other.unlock("x").status_code == 403
        number += 1
    fresh = house.guest(token, "2001:db8::1")
    assert fresh.unlock("correct horse").status_code == 429
    assert house.whats().count("wrong_password") == LINK_PASSWORDS.most
    assert house.whats()[-1] == "guessing_stopped"
    (event, payload) = told(house)[-1]
    assert (event, payload["most"]) == ("board.guessed", 50)
    with house.studio.database.read() as connection:
        from library.board_tables import guesses

        kept = str(connection.execute(select(guesses)).all())
        assert "198.51.100" not in kept
        assert token not in kept


@pytest.mark.usefixtures("quick")
def test_a_right_password_is_no_guess(house: House) -> None:
    _, token = house.link("correct horse")
    for _ in range(ADDRESS_PASSWORDS.most + 2):
        assert house.guest(token).unlock("correct horse").status_code == 303


def test_guessing_links_ends_by_address_but_not_for_who_is_in(house: House) -> None:
    _, token = house.link()
    ann, stranger = house.guest(token), house.guest(token, "2001:db8:1:2::3")
    ann.get()
    for number in range(UNKNOWN_LINKS.most):
        same_network = Browser(house.app, "B" * 43, f"2001:db8:1:2::{number:x}")
        assert is_closed(same_network.get())
    refused = stranger.get()
    assert refused.status_code == 429
    assert "Foxes" not in refused.text
    assert "Foxes" in ann.get().text
    ann.address = stranger.address
    assert "Foxes" in ann.get().text
    assert "Foxes" in house.guest(token, "2001:db8:1:3::3").get().text


def test_a_guest_comments_decides_and_takes_it_back(house: House) -> None:
    _, token = house.link(label="Client")
    ann = house.guest(token)
    ann.get()
    item = house.items[0]
    sent = ann.say(item, "Ann <A>", "a <b>fox</b>\nhttp://x.example")
    assert (sent.status_code, sent.headers["location"]) == (
        303,
        f"/boards/{token}/{item}#comments",
    )
    page = ann.get(f"/{item}").text
    assert "Ann &lt;A&gt;" in page
    assert "a &lt;b&gt;fox&lt;/b&gt;\nhttp://x.example" in page
    assert 'value="Ann &lt;A&gt;"' in page
    assert ann.decide(item, "Ann", "approved").status_code == 303
    assert "You approved" in ann.get().text
    assert ann.decide(item, "Ann", "rejected").status_code == 303
    assert "You rejected" in ann.get().text
    (decision,) = house.read(decisions_of, OWNER, house.board)
    assert (decision.name, decision.asset, decision.decision) == (
        "Ann",
        house.assets[0],
        "rejected",
    )
    assert ann.decide(item, "Ann", "none").status_code == 303
    assert house.read(decisions_of, OWNER, house.board) == []
    events = told(house)
    assert [event for event, _ in events] == [
        *("board.opened", "board.commented", "board.decided", "board.decided", "board.decided"),
    ]
    assert events[1][1]["asset"] == house.assets[0]
    assert events[1][1]["label"] == "Client"


def test_guests_of_another_link_see_nothing_of_it(house: House) -> None:
    ann, bob = (house.guest(house.link(label=each)[1]) for each in "AB")
    ann.get()
    bob.get()
    ann.say(house.items[0], "Ann", "for us alone")
    ann.decide(house.items[0], "Ann", "approved")
    page = bob.get(f"/{house.items[0]}").text
    assert "for us alone" not in page
    assert "Ann" not in page
    assert "approved" not in bob.get().text
    assert len(house.read(comments_of, OWNER, house.board)) == 1


def test_what_guests_send_is_checked_and_not_lost(house: House) -> None:
    _, token = house.link()
    ann = house.guest(token)
    ann.get()
    item = house.items[0]
    for name, text in (("", "kept words"), ("x" * 61, "kept words"), ("Ann", "k" * 2_001)):
        answer = ann.say(item, name, text)
        assert answer.status_code == 422
        assert 'class="problem"' in answer.text
        assert text in answer.text
    assert ann.decide(item, "Ann", "perhaps").status_code == 422
    assert ann.decide(item, "", "approved").status_code == 422
    large = ann.post(f"/{item}/comment", form=ann.mark(item), text="x" * LARGEST_FORM)
    assert large.status_code == 413
    assert house.read(comments_of, OWNER, house.board) == []


def test_a_link_may_let_nobody_say_anything(house: House) -> None:
    _, token = house.link(comments=False)
    ann = house.guest(token)
    ann.get()
    page = ann.get(f"/{house.items[0]}").text
    assert "<form" not in page
    _, other = house.link()
    bob = house.guest(other)
    bob.get()
    for path in ("comment", "decision"):
        answer = ann.post(
            f"/{house.items[0]}/{path}",
            form=bob.mark(house.items[0]),
            name="Ann",
            text="x",
            decision="approved",
        )
        assert answer.status_code == 400


def test_a_form_of_another_site_or_another_visit_is_not_taken(house: House) -> None:
    _, token = house.link(most_views=5)
    ann, eve = house.guest(token), house.guest(token)
    ann.post()
    eve.post()
    item = house.items[0]
    for mark in ("", "0" * 64, eve.mark(item), "\u00e4"):
        answer = ann.post(f"/{item}/comment", form=mark, name="Ann", text="x")
        assert answer.status_code == 400
    for site in ("cross-site", "same-site"):
        answer = ann.ask(
            "POST",
            f"/{item}/comment",
            data={"form": ann.mark(item), "name": "Ann", "text": "x"},
            headers={"Sec-Fetch-Site": site},
        )
        assert answer.status_code == 400
        stranger = house.guest(token)
        assert stranger.ask("POST", headers={"Sec-Fetch-Site": site}).status_code == 400
    assert house.read(comments_of, OWNER, house.board) == []


def test_a_cookie_of_one_link_opens_no_other(house: House) -> None:
    _, token = house.link()
    _, locked = house.link("correct horse")
    ann = house.guest(token)
    ann.get()
    stolen = house.guest(locked)
    stolen.cookies.set("board", dict(ann.cookies)["board"])
    assert 'type="password"' in stolen.get().text
    assert stolen.get(f"/{house.items[0]}/preview").status_code == 404


def test_an_empty_board_says_so(house: House) -> None:
    house.write(trash, OWNER, house.assets)
    _, token = house.link(download=True)
    ann = house.guest(token)
    assert "nothing on this board" in ann.get().text
    assert is_closed(ann.get("/all.zip"))
