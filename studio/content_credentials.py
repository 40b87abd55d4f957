"""Content Credentials (C2PA): what was done to a file, signed, in the file itself; and its check.

Needs the extra ``c2pa``, which is loaded at the first use: where nobody signs, it costs nothing.
Nothing is fetched from anywhere, whatever a file names: no manifest, no answer on a certificate.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from studio.certificates import Signing, missing_extra
from studio.errors import StudioError

SIGNED: Final = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/gif", "video/mp4", "audio/wav", "audio/mpeg"}
)
"""What can hold credentials: neither texts nor 3D models can."""

State = Literal["none", "trusted", "valid", "invalid"]
"""No credentials; a sound signature, of whom this studio believes or of somebody else; broken."""

_GENERATOR = "Image Studio"
_DEEPEST = 100
_NOT_BELIEVED = frozenset({"signingCredential.untrusted"})
"""What is said of a sound signature by somebody whom one does not know."""


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A file that something was made from.

    Attributes:
        title: what it is called in the credentials.
        data: its bytes; its own credentials are checked and taken along.
        parent: whether it was changed, rather than only looked at.
    """

    title: str
    media_type: str
    data: bytes
    parent: bool

    @property
    def id(self) -> str:
        """Its name within the manifest."""
        return f"xmp.iid:{self.title}"


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done.

    Attributes:
        action: C2PA's term for it, such as ``c2pa.edited``.
        source: IPTC's digital source type as an address; empty where nothing is said of it.
        agent: which model did it.
    """

    action: str
    source: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """One manifest in a chain of credentials.

    Attributes:
        title: what the file was called.
        actions: C2PA's terms for what was done.
        source: IPTC's digital source type, where one is said.
        issuer: who signed, by the certificate's own words.
        at: when it was signed, by whoever witnessed it; empty without a witness.
        ingredients: how many files it was made from.
    """

    title: str
    actions: tuple[str, ...]
    source: str
    issuer: str
    at: str
    ingredients: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check of a file comes to.

    Attributes:
        problems: C2PA's codes for what is wrong.
        chain: the manifests from the file back to its first parent.
    """

    state: State
    problems: tuple[str, ...] = ()
    chain: tuple[Link, ...] = field(default=())


def sign(
    data: bytes,
    media_type: str,
    deed: Deed,
    ingredients: Sequence[Ingredient],
    by: Signing,
    *,
    title: str,
) -> bytes:
    """Return the file with credentials that say what was done; what it shows stays as it is.

    Raises:
        SetupIncomplete: the extra is not installed.
        StudioError: it could not be signed.
    """
    c2pa = _library()
    try:
        # Not as an address of a time stamp: nothing is asked of anybody.
        texts = (each.encode() for each in (by.algorithm, by.chain, by.key()))
        about = c2pa.C2paSignerInfo(*texts, None)
        with (
            c2pa.Signer.from_info(about) as signer,
            _context(c2pa, by.authority) as context,
            c2pa.Builder(_manifest(deed, ingredients, title), context) as builder,
        ):
            for each in ingredients:
                relation = "parentOf" if each.parent else "inputTo"
                words = {"title": each.title, "relationship": relation, "instance_id": each.id}
                builder.add_ingredient(words, each.media_type, io.BytesIO(each.data))
            signed = io.BytesIO()
            builder.sign(signer, media_type, io.BytesIO(data), signed)
            return signed.getvalue()
    except c2pa.C2paError as error:
        raise StudioError(f"The file could not be signed: {error}") from error


def verify(data: bytes, media_type: str, authorities: str) -> Verdict:
    """Check a file's credentials, those of what it was made from included.

    Args:
        authorities: certificates as PEM of whom to believe; empty for nobody.

    Raises:
        SetupIncomplete: the extra is not installed.
    """
    c2pa = _library()
    if media_type not in SIGNED:
        return Verdict("none")
    try:
        with (
            _context(c2pa, authorities) as context,
            c2pa.Reader(media_type, io.BytesIO(data), context=context) as reader,
        ):
            found: dict[str, Any] = json.loads(reader.json())
    except c2pa.C2paError.ManifestNotFound:
        return Verdict("none")
    except (c2pa.C2paError, ValueError) as error:
        return Verdict("invalid", (type(error).__name__.lstrip("_"),))
    problems = tuple(
        dict.fromkeys(str(each.get("code", "")) for each in found.get("validation_status") or ())
    )
    broken = set(problems) - _NOT_BELIEVED
    state: State = "invalid" if broken else "valid" if problems else "trusted"
    if state == "trusted" and found.get("validation_state") != "Trusted":
        state = "valid"
    return Verdict(state, problems, tuple(_chain(found)))


def _library() -> Any:
    try:
        import c2pa  # noqa: PLC0415 - an extra, and 50 MB
    except ImportError:
        raise missing_extra() from None
    return c2pa


def _context(c2pa: Any, authorities: str) -> Any:
    settings: dict[str, Any] = {
        "verify": {
            "verify_trust": True,
            # What was just signed is not read again; `studio library verify` reads it.
            "verify_after_sign": False,
            "remote_manifest_fetch": False,
            "ocsp_fetch": False,
        },
        "builder": {"thumbnail": {"enabled": False}},
    }
    if authorities:
        settings["trust"] = {"user_anchors": authorities}
    return c2pa.Context(c2pa.Settings.from_dict(settings))


def _manifest(deed: Deed, ingredients: Sequence[Ingredient], title: str) -> dict[str, Any]:
    opened = [each.id for each in ingredients if each.parent]
    others = [each.id for each in ingredients if not each.parent]
    actions: list[dict[str, Any]] = []
    if opened:
        actions.append({"action": "c2pa.opened", "parameters": {"ingredientIds": opened}})
    did: dict[str, Any] = {"action": deed.action}
    if deed.source:
        did["digitalSourceType"] = deed.source
    if deed.agent:
        did["softwareAgent"] = {"name": deed.agent}
    if others:
        did["parameters"] = {"ingredientIds": others}
    actions.append(did)
    return {
        "claim_generator_info": [{"name": _GENERATOR}],
        "title": title,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
    }


def _chain(found: Mapping[str, Any]) -> list[Link]:
    """Return the manifests from the active one back, by what each was made from."""
    manifests: Mapping[str, Any] = found.get("manifests") or {}
    label = str(found.get("active_manifest") or "")
    seen: set[str] = set()
    links: list[Link] = []
    while label in manifests and label not in seen and len(links) < _DEEPEST:
        seen.add(label)
        manifest = manifests[label]
        links.append(_link(manifest))
        ingredients = manifest.get("ingredients") or ()
        parents = [each for each in ingredients if each.get("relationship") == "parentOf"]
        label = next(filter(None, (str(each.get("active_manifest") or "") for each in parents)), "")
    return links


def _link(manifest: Mapping[str, Any]) -> Link:
    actions: list[Mapping[str, Any]] = []
    for assertion in manifest.get("assertions") or ():
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            actions += (assertion.get("data") or {}).get("actions") or ()
    sources = [str(each["digitalSourceType"]) for each in actions if each.get("digitalSourceType")]
    signature = manifest.get("signature_info") or {}
    return Link(
        title=str(manifest.get("title") or ""),
        actions=tuple(str(each.get("action", "")) for each in actions),
        source=sources[-1].rpartition("/")[2] if sources else "",
        issuer=str(signature.get("issuer") or ""),
        at=str(signature.get("time") or ""),
        ingredients=len(manifest.get("ingredients") or ()),
    )
