"""The certificate that Content Credentials are signed with: a studio's own, or a given one.

A studio's own is of an authority that only it knows: the signature proves that a file was not
changed since, and by which studio it was made for whoever has that authority's certificate. A name
that others trust needs a certificate from an authority of the C2PA trust list, by settings.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from studio.errors import SetupIncomplete
from studio.settings import Settings

_FOLDER = "credentials"
_CHAIN, _KEY, _AUTHORITY = "chain.pem", "key.pem", "authority.pem"
_MOST_BYTES = 100_000
EXTRA = "pip install 'image-studio[c2pa]'"


@dataclass(frozen=True, slots=True)
class Signing:
    """What is signed with. The key is a secret: it is in no text of this object.

    Attributes:
        chain: certificates as PEM, the signer's own first.
        algorithm: as C2PA names it, such as ``es256``.
        authority: certificates as PEM of whom a check of one's own files believes.
    """

    chain: str
    algorithm: str
    authority: str
    _key: str

    def __repr__(self) -> str:
        """Tell nothing of the key."""
        return f"Signing({self.algorithm})"

    def key(self) -> str:
        """Return the private key as PEM."""
        return self._key


def signing(config: Settings) -> Signing:
    """Return what this studio signs with; its own certificate is made when it is first needed.

    Raises:
        SetupIncomplete: a file is not there or not right, or the extra is not installed.
    """
    if config.credentials_certificate or config.credentials_key:
        return _given(config)
    folder = own_certificate(config)
    chain = _read(folder / _CHAIN, "credentials_certificate")
    key = _read(folder / _KEY, "credentials_key")
    return Signing(chain, _algorithm(key, folder / _KEY), _authority(folder), key)


def authorities(config: Settings) -> str:
    """Return the certificates, as PEM, of whom a check of this studio's files believes."""
    if config.credentials_certificate:
        return _read(Path(config.credentials_certificate).expanduser(), "credentials_certificate")
    folder = config.folder / _FOLDER
    return _authority(folder) if (folder / _AUTHORITY).exists() else ""


def own_certificate(config: Settings) -> Path:
    """Return the folder of the studio's own certificate and key; both are made if there are none.

    Of several processes that make them at once, one is the first and all use what it made.
    """
    folder = config.folder / _FOLDER
    if (folder / _CHAIN).exists():
        return folder
    try:
        from studio.own_certificate import make  # noqa: PLC0415 - an extra
    except ImportError:
        raise missing_extra() from None
    config.folder.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{_FOLDER}-", dir=config.folder))
    try:
        authority, chain, key = make()
        texts = {_AUTHORITY: authority, _CHAIN: chain, _KEY: key}
        for name, text in texts.items():
            descriptor = os.open(made / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
        # A folder that is there already is not empty, so this fails for all but the first.
        with contextlib.suppress(OSError):
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _given(config: Settings) -> Signing:
    if not (config.credentials_certificate and config.credentials_key):
        missing = "credentials_key" if config.credentials_certificate else "credentials_certificate"
        raise SetupIncomplete(
            "A certificate needs its key, and a key its certificate.",
            field=f"STUDIO_{missing.upper()}",
            allowed="the path of a PEM file, or neither of both for a certificate of one's own",
        )
    place = Path(config.credentials_key).expanduser()
    chain = _read(Path(config.credentials_certificate).expanduser(), "credentials_certificate")
    key = _read(place, "credentials_key")
    return Signing(chain, _algorithm(key, place), chain, key)


def _authority(folder: Path) -> str:
    return _read(folder / _AUTHORITY, "credentials_certificate")


def _read(path: Path, field: str) -> str:
    try:
        with path.open(encoding="ascii") as file:
            text = file.read(_MOST_BYTES)
    except (OSError, UnicodeDecodeError):
        text = ""
    if "-----BEGIN " not in text:
        raise SetupIncomplete(
            "That is no certificate or key.",
            field=f"STUDIO_{field.upper()}",
            given=path,
            allowed="a PEM file that this user may read",
        )
    return text


def _algorithm(key: str, path: Path) -> str:
    """Return the algorithm that fits a key."""
    try:
        from studio.own_certificate import algorithm_of  # noqa: PLC0415 - an extra
    except ImportError:
        raise missing_extra() from None
    found = algorithm_of(key)
    if not found:
        raise SetupIncomplete(
            "That key cannot sign.",
            field="STUDIO_CREDENTIALS_KEY",
            given=path,
            allowed="an unencrypted PEM of an EC (P-256, P-384, P-521), Ed25519 or RSA key",
        )
    return found


def missing_extra() -> SetupIncomplete:
    """Return what is said where the extra is not installed."""
    return SetupIncomplete(
        f"Content Credentials need the extra c2pa: {EXTRA}",
        field="STUDIO_CONTENT_CREDENTIALS",
        given="on",
        allowed="off, or the extra installed",
    )
