"""Links: URLs that somebody else names, read by one strict grammar.

Parsers of URLs disagree about the odd ones, and where two disagree a check can be passed by. So
there is one grammar here, what it does not know is refused, and the parts that it found are what
is connected to and sent.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

Origin = tuple[str, str, int]
"""Scheme, host and port."""

PUBLIC = "an https address on the public internet"

_PORTS = {"http": 80, "https": 443}
_LONGEST = 8192
"""Characters of a link. A signed one with a session token has some 2,000."""
_LONGEST_NAME = 253
_WRITTEN = re.compile(
    r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?([/?][^#]*)?(?:#.*)?",
    re.IGNORECASE | re.ASCII,
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)


class Refused(Exception):
    """A file that will not be fetched, however often one tries; the words say the rule.

    Attributes:
        reason: the end of a sentence, without any query.
        allowed: what would have been right.
    """

    def __init__(self, reason: str, *, allowed: str = PUBLIC) -> None:
        super().__init__(reason)
        self.reason = reason
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Link:
    """A URL that was understood. As text it has no query, which may hold a signature.

    Attributes:
        scheme: ``http`` or ``https``.
        host: in lower case; an IPv6 address without its brackets.
        port: the one that is meant where none is written.
        target: path and query as they are sent.
    """

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def read(cls, text: str) -> Link:
        """Return the link that ``text`` is.

        Raises:
            Refused: it is not a plain http(s) URL.
        """
        if len(text) > _LONGEST:
            raise Refused(f"its address has {len(text)} characters", allowed=f"{_LONGEST} at most")
        if not text.isprintable() or " " in text:
            raise Refused("its address holds blanks or control characters")
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise Refused(
                "its address is not written plainly as https, host and path "
                "(no user, no percent sign, backslash or letters of other scripts in the host)"
            )
        scheme, host = found[1].lower(), _host(found[2].lower())
        target = quote(found[4] or "/", safe=string.punctuation)
        port = int(found[3]) if found[3] else _PORTS[scheme]
        return cls(scheme, host, port, target if target.startswith("/") else f"/{target}")

    @property
    def origin(self) -> Origin:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port as in the header ``Host``: without the port that is meant anyway."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        path, query, _ = self.target.partition("?")
        return f"{self.scheme}://{self.authority}{path}{'?…' if query else ''}"

    def follow(self, location: str) -> Link:
        """Return the link to which this one redirects.

        Raises:
            Refused: it is not a plain http(s) URL.
        """
        try:
            joined = urljoin(f"{self.scheme}://{self.authority}{self.target}", location)
        except ValueError:
            raise Refused("its address cannot be read") from None
        return Link.read(joined)

    def check_public(self) -> None:
        """Check what can be seen before the name is looked up.

        Raises:
            Refused: it is not https, has a port of its own or a host without a domain.
        """
        if self.scheme != "https":
            raise Refused("its address is not https")
        if self.port != _PORTS["https"]:
            raise Refused(f"its address names port {self.port}", allowed="https on port 443")
        if "." not in self.host and ":" not in self.host:
            raise Refused("its host is a name of the local network")


def redacted(text: str) -> str:
    """Return what may be shown of a URL: no query, no user, no embedded data."""
    if text[:5].lower() == "data:":
        return text[:64].partition(",")[0]
    try:
        return str(Link.read(text))
    except Refused:
        # Who knows how it is meant: all that could be a query or a user goes.
        bare = re.split(r"[?#;]|%3f|%23", text, maxsplit=1, flags=re.IGNORECASE)[0]
    shown = f"…@{bare.rpartition('@')[2]}" if "@" in bare else bare
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in shown)


def _host(written: str) -> str:
    """Return the host if it is a name or an address in its usual notation."""
    try:
        if written.startswith("["):
            return str(IPv6Address(written[1:-1]))
        labels = written.split(".")
        # A resolver reads 127.1, 0x7f.1 and 2130706433 as addresses; no top-level domain begins
        # with a digit.
        if labels[-1][:1].isdigit():
            return str(IPv4Address(written))
    except AddressValueError:
        raise Refused("its host is an address in an odd notation") from None
    if len(written) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise Refused("its host is not a name that the internet knows")
    return written
