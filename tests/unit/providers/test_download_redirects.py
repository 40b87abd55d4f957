"""Downloads: a redirect leads nowhere that a link could not, and takes nothing of ours along."""

from __future__ import annotations

import pytest

from providers.download import Downloader
from tests.unit.providers.download_net import (
    ELSEWHERE,
    FILE,
    HOSTS,
    LINK,
    PUBLIC,
    net,
    refused,
    run,
)
from tests.unit.providers.scripted_net import answer, client_tls, to


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_nothing_of_ours_goes_along(status: int) -> None:
    async def work() -> None:
        first = answer(
            status,
            location="https://mirror.example/b.png?sig=SECRET",
            set_cookie="session=SECRET; Domain=example; Path=/",
        )
        async with net(first, mirror=(to("/c.png"), answer(body=FILE))) as it:
            assert await it.downloader.fetch(LINK) == FILE
            assert it.wire.opened == [(PUBLIC, 443), (ELSEWHERE, 443), (ELSEWHERE, 443)]
            assert it.mirror.names == ["mirror.example"] * 2
            sent = it.cdn.requests + it.mirror.requests
            assert [each.split()[1] for each in sent[1:]] == ["/b.png?sig=SECRET", "/c.png"]
            for each in sent:
                named = {line.partition(":")[0].lower() for line in each.split("\r\n")[1:] if line}
                assert named == {"host", "user-agent", "accept", "accept-encoding"}

    run(work)


REDIRECTS = [
    ("http://cdn.example/a.png?t=SECRET", "not https"),
    ("http://mirror.example/a.png", "not https"),
    ("https://mirror.example:8443/a.png", "port 8443"),
    ("https://10.0.0.1/a.png?t=SECRET", "not on the public internet"),
    ("https://169.254.169.254/latest/meta-data/", "not on the public internet"),
    ("https://[::1]/a.png", "not on the public internet"),
    ("https://inner.example/a.png?t=SECRET", "not on the public internet"),
    ("https://2130706433/", "odd notation"),
    ("https://localhost/", "local network"),
    ("https://user:SECRET@mirror.example/a.png", "written plainly"),
    ("//user:SECRET@mirror.example/a.png", "written plainly"),
    ("HTTPS://10.0.0.1:443/a.png", "not on the public internet"),
    ("\\\\10.0.0.1\\a.png", "again and again"),
    ("file:///etc/passwd", "written plainly"),
    ("ftp://mirror.example/a.png", "written plainly"),
    ("data:image/png;base64,AAAA", "written plainly"),
    ("javascript:alert(1)", "written plainly"),
    ("https://[mirror.example/", "cannot be read"),
    ("https://mirrör.example/", "written plainly"),
]


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize(("location", "rule"), REDIRECTS)
def test_a_redirect_leads_nowhere_that_the_link_itself_could_not(
    location: str, rule: str, *, trusted: bool
) -> None:
    async def work() -> None:
        names = {"inner.example": [["192.168.0.1"]]}
        script = (to(location),)
        async with net(*script, trusted=script, names=names) as it:
            said = await refused(it, f"{it.base}/a.png" if trusted else LINK)
            assert rule in said
            asked = it.trusted if trusted else it.cdn
            assert {each[0] for each in it.wire.opened} == {"127.0.0.1" if trusted else PUBLIC}
            assert len(asked.requests) == (4 if rule == "again and again" else 1)
            assert it.canary.connections + it.mirror.connections == 0

    run(work)


def test_a_public_server_cannot_lead_to_the_trusted_origin() -> None:
    async def work() -> None:
        async with net() as it:
            it.cdn.script = [to(f"{it.base}/admin?t=SECRET")]
            assert "configured address" in await refused(it, LINK)
            it.cdn.script = [to(f"http://127.0.0.1:{it.canary.port}/")]
            assert "not https" in await refused(it, LINK)
            assert it.trusted.connections + it.canary.connections == 0

    run(work)


def test_one_trusted_origin_cannot_lead_to_another() -> None:
    async def work() -> None:
        async with net() as it:
            other = f"http://127.0.0.1:{it.canary.port}"
            it.trusted.script = [to(f"{other}/a.png")]
            both = Downloader("acme", (it.base, other), wire=it.wire, tls=client_tls(*HOSTS))
            await it.downloader.close()
            it.downloader = both
            assert "configured address" in await refused(it, f"{it.base}/a.png")
            assert it.canary.connections == 0
            assert await both.fetch(other) == b"canary"

    run(work)


def test_the_trusted_origin_may_lead_to_itself_and_to_the_public_internet() -> None:
    async def work() -> None:
        async with net(trusted=(to("/b"), to(LINK))) as it:
            assert await it.downloader.fetch(f"{it.base}/a") == FILE
            assert [each.split()[1] for each in it.trusted.requests] == ["/a", "/b"]
            assert it.wire.opened[-1] == (PUBLIC, 443)

    run(work)


def test_three_redirects_are_followed_and_a_fourth_is_not() -> None:
    async def work() -> None:
        async with net(to("/b"), to("/c"), to("/d"), answer(body=FILE)) as it:
            assert await it.downloader.fetch(LINK) == FILE
            it.cdn.script = [to("/b"), to("/c"), to("/d"), to("/e"), answer(body=FILE)]
            assert "again and again" in await refused(it, LINK)
            assert len(it.cdn.requests) == 8
        async with net(to("https://mirror.example/"), mirror=(to(LINK),)) as it:
            assert "3 redirects" in await refused(it, LINK)
            assert (len(it.cdn.requests), len(it.mirror.requests)) == (2, 2)

    run(work)
